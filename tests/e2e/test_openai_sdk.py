"""The unmodified openai package, sync and async, against both kinds of answer of a real gateway."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import openai
import pytest
import pytest_asyncio
from openai import AsyncOpenAI, OpenAI

from tests.support.gateway import KEY, Running, route, running, target

ASK: Any = [{"role": "user", "content": "Say something nice."}]
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city", "days"],
        },
    },
}
PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()


@pytest_asyncio.fixture
async def gateway() -> AsyncIterator[Running]:
    models = {"lite": route(target("one")), "down": route(target("one", "mock;status=500", maxRetries=0))}
    async with running(models) as made:
        yield made


Client = Callable[[Callable[[Any], Any]], Awaitable[Any]]


@pytest.fixture(params=["sync", "async"])
def client(request: pytest.FixtureRequest, gateway: Running) -> Client:
    """Runs `use(client)`: the sync client in a thread, the async one here, its results awaited."""

    async def sync(use: Callable[[Any], Any]) -> Any:
        with OpenAI(base_url=f"{gateway.http}/v1", api_key=KEY, max_retries=0) as made:
            return await asyncio.to_thread(use, made)

    async def aio(use: Callable[[Any], Any]) -> Any:
        async with AsyncOpenAI(base_url=f"{gateway.http}/v1", api_key=KEY, max_retries=0) as made:
            result = await use(made)
            return [chunk async for chunk in result] if hasattr(result, "__aiter__") else result

    return sync if request.param == "sync" else aio


def streamed(create: Callable[..., Any], **request: Any) -> Any:
    """All chunks of a stream; for the async client a coroutine whose result is iterated by the fixture."""
    made = create(stream=True, **request)
    return made if asyncio.iscoroutine(made) else list(made)


async def test_chat(client: Client):
    reply = await client(lambda c: c.chat.completions.create(model="lite", messages=ASK))
    assert reply.object == "chat.completion"
    assert reply.model == "lite"
    assert reply.choices[0].message.role == "assistant"
    assert reply.choices[0].message.content
    assert reply.choices[0].finish_reason == "stop"
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens > 0


async def test_stream(client: Client):
    whole = await client(lambda c: c.chat.completions.create(model="lite", messages=ASK))
    options = {"stream_options": {"include_usage": True}}
    chunks = await client(
        lambda c: streamed(c.chat.completions.create, model="lite", messages=ASK, **options)
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage
    assert {chunk.model for chunk in chunks} == {"lite"}


async def test_a_stream_without_asking_for_usage_has_none(client: Client):
    chunks = await client(lambda c: streamed(c.chat.completions.create, model="lite", messages=ASK))
    assert all(chunk.choices and chunk.usage is None for chunk in chunks)


async def test_tools_round_trip(client: Client):
    first = await client(
        lambda c: c.chat.completions.create(
            model="lite", messages=ASK, tools=[WEATHER], tool_choice="required"
        )
    )
    call = first.choices[0].message.tool_calls[0]
    assert first.choices[0].finish_reason == "tool_calls"
    assert call.function.name == "get_weather"
    assert set(json.loads(call.function.arguments)) == {"city", "days"}
    result = {"role": "tool", "tool_call_id": call.id, "content": "sunny, 21 degrees"}
    conversation = [*ASK, first.choices[0].message.model_dump(exclude_none=True), result]
    second = await client(
        lambda c: c.chat.completions.create(model="lite", messages=conversation, tools=[WEATHER])
    )
    assert "sunny, 21 degrees" in second.choices[0].message.content


async def test_tool_calls_stream_in_pieces(client: Client):
    chunks = await client(
        lambda c: streamed(
            c.chat.completions.create,
            model="lite",
            messages=ASK,
            tools=[WEATHER],
            tool_choice={"type": "function", "function": {"name": "get_weather"}},
        )
    )
    calls = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or ()]
    assert calls[0].function.name == "get_weather"
    assert set(json.loads("".join(call.function.arguments or "" for call in calls))) == {"city", "days"}


async def test_json_schema(client: Client):
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    wanted = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}
    reply = await client(
        lambda c: c.chat.completions.create(model="lite", messages=ASK, response_format=wanted)
    )
    assert isinstance(json.loads(reply.choices[0].message.content)["n"], int)


async def test_two_choices(client: Client):
    reply = await client(lambda c: c.chat.completions.create(model="lite", messages=ASK, n=2))
    assert [choice.index for choice in reply.choices] == [0, 1]
    assert reply.choices[0].message.content != reply.choices[1].message.content


async def test_logprobs(client: Client):
    reply = await client(
        lambda c: c.chat.completions.create(model="lite", messages=ASK, logprobs=True, top_logprobs=2)
    )
    tokens = reply.choices[0].logprobs.content
    assert "".join(token.token for token in tokens) == reply.choices[0].message.content
    assert all(len(token.top_logprobs) == 2 and token.logprob <= 0 for token in tokens)


async def test_a_vision_part_arrives(client: Client):
    parts = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}", "detail": "low"}},
    ]
    reply = await client(
        lambda c: c.chat.completions.create(model="lite", messages=[{"role": "user", "content": parts}])
    )
    assert "1 image" in reply.choices[0].message.content


async def test_completions(client: Client):
    reply = await client(
        lambda c: c.completions.create(model="lite", prompt="Once upon a time", max_tokens=5)
    )
    assert reply.object == "text_completion"
    assert reply.choices[0].text
    assert reply.choices[0].finish_reason == "length"


async def test_streamed_completions(client: Client):
    whole = await client(lambda c: c.completions.create(model="lite", prompt="Once"))
    chunks = await client(lambda c: streamed(c.completions.create, model="lite", prompt="Once"))
    text = "".join(chunk.choices[0].text for chunk in chunks)
    assert text == whole.choices[0].text


async def test_embeddings(client: Client):
    """The package asks for base64 by itself and decodes it; asked for floats it must find the same."""
    packed = await client(lambda c: c.embeddings.create(model="lite", input=["a", "b"], dimensions=8))
    floats = await client(
        lambda c: c.embeddings.create(model="lite", input=["a", "b"], dimensions=8, encoding_format="float")
    )
    assert [len(row.embedding) for row in packed.data] == [8, 8]
    for one, other in zip(packed.data, floats.data, strict=True):
        assert one.embedding == pytest.approx(other.embedding, abs=1e-6)


async def test_models(client: Client):
    async def names(made: Any) -> list[str]:
        return [model.id async for model in made]

    listed = await client(lambda c: c.models.list())
    assert [model.id for model in (listed if isinstance(listed, list) else listed.data)] == ["down", "lite"]
    assert (await client(lambda c: c.models.retrieve("lite"))).id == "lite"


async def test_a_bad_key(gateway: Running):
    async with AsyncOpenAI(base_url=f"{gateway.http}/v1", api_key="wrong", max_retries=0) as made:
        with pytest.raises(openai.AuthenticationError) as raised:
            await made.chat.completions.create(model="lite", messages=ASK)
    assert raised.value.code == "invalid_api_key"
    assert raised.value.request_id


async def test_a_bad_model(client: Client):
    with pytest.raises(openai.NotFoundError) as raised:
        await client(lambda c: c.chat.completions.create(model="lit", messages=ASK))
    assert raised.value.code == "model_not_found"
    assert "did you mean 'lite'" in str(raised.value)


async def test_a_bad_parameter(client: Client):
    with pytest.raises(openai.BadRequestError) as raised:
        await client(lambda c: c.chat.completions.create(model="lite", messages=ASK, temperature="warm"))
    assert raised.value.param == "temperature"


async def test_a_provider_that_fails(client: Client):
    with pytest.raises(openai.InternalServerError) as raised:
        await client(lambda c: c.chat.completions.create(model="down", messages=ASK))
    assert (raised.value.status_code, raised.value.code) == (502, "upstream_error")


async def test_a_provider_that_fails_before_a_stream(client: Client):
    with pytest.raises(openai.InternalServerError):
        await client(lambda c: streamed(c.chat.completions.create, model="down", messages=ASK))


async def test_the_sdks_own_retries_are_told_not_to_bother(gateway: Running):
    """The gateway has retried already: x-should-retry says so, and the package believes it."""
    async with AsyncOpenAI(base_url=f"{gateway.http}/v1", api_key=KEY, max_retries=3) as made:
        with pytest.raises(openai.InternalServerError):
            await made.chat.completions.create(model="down", messages=ASK)
    assert len(gateway.mock.requests) == 1
