// The npm package `openai`, unmodified, against a gateway before `switch mock`.
// Environment: SWITCH_URL (with /v1), SWITCH_KEY. Route: mock.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import OpenAI from 'openai';

const client = new OpenAI({
  baseURL: process.env.SWITCH_URL,
  apiKey: process.env.SWITCH_KEY,
  maxRetries: 0,
});
const model = 'mock';
const messages = [{ role: 'user', content: 'Hello' }];
const weather = {
  type: 'function',
  function: {
    name: 'weather',
    description: 'The weather in a city',
    parameters: {
      type: 'object',
      properties: { city: { type: 'string' } },
      required: ['city'],
    },
  },
};

test('a chat is answered, with usage', async () => {
  const answer = await client.chat.completions.create({ model, messages });
  assert.equal(answer.object, 'chat.completion');
  assert.equal(answer.model, model);
  assert.ok(answer.choices[0].message.content.length > 0);
  assert.equal(answer.choices[0].finish_reason, 'stop');
  const { prompt_tokens, completion_tokens, total_tokens } = answer.usage;
  assert.equal(total_tokens, prompt_tokens + completion_tokens);
});

test('a stream adds up to the answer without one', async () => {
  const whole = await client.chat.completions.create({ model, messages });
  const stream = await client.chat.completions.create({
    model,
    messages,
    stream: true,
    stream_options: { include_usage: true },
  });
  let text = '';
  let usage;
  const finished = [];
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? '';
    if (chunk.choices[0]?.finish_reason) finished.push(chunk.choices[0].finish_reason);
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, whole.choices[0].message.content);
  assert.deepEqual(finished, ['stop']);
  assert.equal(usage.total_tokens, whole.usage.total_tokens);
});

test('a tool is called and its result is taken', async () => {
  const asked = { model, messages, tools: [weather], tool_choice: 'required' };
  const first = await client.chat.completions.create(asked);
  const call = first.choices[0].message.tool_calls[0];
  assert.equal(first.choices[0].finish_reason, 'tool_calls');
  assert.equal(call.function.name, 'weather');
  assert.equal(typeof JSON.parse(call.function.arguments).city, 'string');

  const result = { role: 'tool', tool_call_id: call.id, content: '{"celsius": 21}' };
  const second = await client.chat.completions.create({
    model,
    messages: [...messages, first.choices[0].message, result],
    tools: [weather],
  });
  assert.ok(second.choices[0].message.content.length > 0);
  assert.equal(second.choices[0].finish_reason, 'stop');
});

test('a streamed tool call is put together by the SDK', async () => {
  const stream = client.chat.completions.stream({
    model,
    messages,
    tools: [weather],
    tool_choice: 'required',
  });
  const answer = await stream.finalChatCompletion();
  const call = answer.choices[0].message.tool_calls[0];
  assert.equal(call.function.name, 'weather');
  assert.equal(typeof JSON.parse(call.function.arguments).city, 'string');
});

test('a JSON Schema shapes the answer', async () => {
  const schema = {
    type: 'object',
    properties: { name: { type: 'string' }, age: { type: 'integer' } },
    required: ['name', 'age'],
    additionalProperties: false,
  };
  const answer = await client.chat.completions.parse({
    model,
    messages,
    response_format: { type: 'json_schema', json_schema: { name: 'person', schema, strict: true } },
  });
  const made = JSON.parse(answer.choices[0].message.content);
  assert.deepEqual(Object.keys(made).sort(), ['age', 'name']);
  assert.ok(Number.isInteger(made.age));
});

test('embeddings come back as numbers, in order', async () => {
  const answer = await client.embeddings.create({ model, input: ['one', 'two'] });
  assert.deepEqual(answer.data.map((item) => item.index), [0, 1]);
  assert.ok(answer.data[0].embedding.length > 0);
  assert.ok(answer.data[0].embedding.every(Number.isFinite));
});

test('the models are the routes', async () => {
  const found = [];
  for await (const entry of client.models.list()) found.push(entry.id);
  assert.ok(found.includes(model));
  assert.equal((await client.models.retrieve(model)).id, model);
});

test('a wrong key is 401', async () => {
  const stranger = client.withOptions({ apiKey: 'nonsense-key' });
  await assert.rejects(stranger.chat.completions.create({ model, messages }), OpenAI.AuthenticationError);
});

test('an unknown model is 404, by its name', async () => {
  await assert.rejects(client.chat.completions.create({ model: 'no-such-route', messages }), (error) => {
    assert.ok(error instanceof OpenAI.NotFoundError);
    assert.equal(error.code, 'model_not_found');
    assert.match(error.message, /no-such-route/);
    return true;
  });
});
