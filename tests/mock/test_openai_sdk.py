"""The unmodified openai package, pointed straight at the mock, accepts all that it says."""

import base64
import json
import math
import struct
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from switch_grpc.mock import MockServer

USER: Any = [{"role": "user", "content": "Hello there, mock"}]
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
                "days": {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 7}},
            },
            "required": ["city", "unit", "days"],
        },
    },
}
CLOCK: Any = {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object"}}}


@pytest.fixture
async def mock() -> AsyncIterator[MockServer]:
    async with MockServer(key="sk-mock") as server:
        yield server


@pytest.fixture
async def client(mock: MockServer) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=mock.url, api_key="sk-mock", max_retries=0) as sdk:
        yield sdk


async def test_a_chat_has_text_usage_and_fingerprint(client: openai.AsyncOpenAI):
    reply = await client.chat.completions.create(model="mock", messages=USER)
    choice = reply.choices[0]
    assert choice.message.content is not None
    assert choice.message.content.startswith("You said: Hello there, mock.")
    assert (choice.finish_reason, choice.message.role) == ("stop", "assistant")
    assert reply.usage is not None
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens
    assert reply.usage.prompt_tokens_details is not None
    assert reply.usage.prompt_tokens_details.cached_tokens == reply.usage.prompt_tokens // 4
    assert (reply.service_tier, reply.system_fingerprint) == ("default", "fp_switch_mock")


async def test_a_stream_says_what_the_whole_reply_says(client: openai.AsyncOpenAI):
    whole = await client.chat.completions.create(model="mock;reasoning", messages=USER)
    stream = await client.chat.completions.create(
        model="mock;reasoning", messages=USER, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    assert chunks[0].choices[0].delta.role == "assistant"
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    thought = "".join(
        getattr(chunk.choices[0].delta, "reasoning_content", None) or "" for chunk in chunks if chunk.choices
    )
    assert text == whole.choices[0].message.content
    assert thought == whole.choices[0].message.model_dump()["reasoning_content"]
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert (chunks[-1].choices, chunks[-1].usage) == ([], whole.usage)
    assert whole.usage is not None
    assert whole.usage.completion_tokens_details is not None
    assert whole.usage.completion_tokens_details.reasoning_tokens == len(thought.split())


async def test_n_choices_differ_in_both_forms(client: openai.AsyncOpenAI):
    whole = await client.chat.completions.create(model="mock", messages=USER, n=3)
    texts = [choice.message.content for choice in whole.choices]
    assert len(set(texts)) == 3
    streamed = ["", "", ""]
    async for chunk in await client.chat.completions.create(model="mock", messages=USER, n=3, stream=True):
        for choice in chunk.choices:
            streamed[choice.index] += choice.delta.content or ""
    assert streamed == texts


async def test_a_tools_round_trip(client: openai.AsyncOpenAI):
    asked: Any = [{"role": "user", "content": "Use get_weather and get_time."}]
    first = await client.chat.completions.create(model="mock", messages=asked, tools=[WEATHER, CLOCK])
    message = first.choices[0].message
    assert first.choices[0].finish_reason == "tool_calls"
    assert message.tool_calls is not None
    assert [call.function.name for call in message.tool_calls if call.type == "function"] == [
        "get_weather",
        "get_time",
    ]
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": f"result {k}"}
        for k, call in enumerate(message.tool_calls)
    ]
    second = await client.chat.completions.create(
        model="mock",
        messages=[*asked, message, *results],  # type: ignore[list-item]
        tools=[WEATHER, CLOCK],
    )
    assert "The tool says: result 0; result 1." in (second.choices[0].message.content or "")


async def test_streamed_arguments_assemble_to_those_of_the_whole_reply(client: openai.AsyncOpenAI):
    fields: Any = {"model": "mock", "messages": USER, "tools": [WEATHER], "tool_choice": "required"}
    whole = await client.chat.completions.create(**fields)
    async with client.chat.completions.stream(**fields) as stream:
        pieces = [
            event.arguments_delta
            async for event in stream
            if event.type == "tool_calls.function.arguments.delta"
        ]
        final = await stream.get_final_completion()
    calls, streamed = whole.choices[0].message.tool_calls, final.choices[0].message.tool_calls
    assert calls is not None
    assert streamed is not None
    assert calls[0].type == "function"
    assert (streamed[0].id, streamed[0].function.arguments) == (calls[0].id, calls[0].function.arguments)
    assert len(pieces) > 2
    arguments = json.loads(calls[0].function.arguments)
    assert arguments["unit"] in ("celsius", "fahrenheit")
    assert all(1 <= day <= 7 for day in arguments["days"])


async def test_parallel_calls_can_be_forbidden_and_one_tool_named(client: openai.AsyncOpenAI):
    asked: Any = [{"role": "user", "content": "get_weather, get_time"}]
    tools = [WEATHER, CLOCK]
    one = await client.chat.completions.create(
        model="mock", messages=asked, tools=tools, parallel_tool_calls=False
    )
    assert len(one.choices[0].message.tool_calls or ()) == 1
    named = await client.chat.completions.create(
        model="mock",
        messages=USER,
        tools=tools,
        tool_choice={"type": "function", "function": {"name": "get_time"}},
    )
    assert [
        call.function.name for call in named.choices[0].message.tool_calls or () if call.type == "function"
    ] == ["get_time"]


async def test_a_json_schema_is_kept(client: openai.AsyncOpenAI):
    class Person(BaseModel):
        name: str
        age: int
        tags: list[str]

    reply = await client.chat.completions.parse(model="mock", messages=USER, response_format=Person)
    assert isinstance(reply.choices[0].message.parsed, Person)
    loose = await client.chat.completions.create(
        model="mock", messages=USER, response_format={"type": "json_object"}
    )
    assert isinstance(json.loads(loose.choices[0].message.content or ""), dict)


async def test_logprobs_cover_every_token_in_both_forms(client: openai.AsyncOpenAI):
    whole = await client.chat.completions.create(model="mock", messages=USER, logprobs=True, top_logprobs=3)
    logprobs = whole.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.content is not None
    assert "".join(entry.token for entry in logprobs.content) == whole.choices[0].message.content
    assert all(len(entry.top_logprobs) == 3 and entry.logprob < 0 for entry in logprobs.content)
    streamed = []
    async for chunk in await client.chat.completions.create(
        model="mock", messages=USER, logprobs=True, top_logprobs=3, stream=True
    ):
        found = chunk.choices[0].logprobs
        streamed += (found.content or []) if found else []
    assert streamed == logprobs.content


async def test_images_are_seen_limits_kept_and_seeds_heard(client: openai.AsyncOpenAI):
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    parts: Any = [{"role": "user", "content": [{"type": "text", "text": "Look"}, image, image]}]
    seen = await client.chat.completions.create(model="mock", messages=parts)
    assert "I see 2 images." in (seen.choices[0].message.content or "")
    short = await client.chat.completions.create(model="mock", messages=USER, max_tokens=2)
    assert (short.choices[0].message.content, short.choices[0].finish_reason) == ("You said:", "length")
    stopped = await client.chat.completions.create(model="mock", messages=USER, stop="there")
    assert stopped.choices[0].message.content == "You said: Hello "
    seeded = [
        (await client.chat.completions.create(model="mock", messages=USER, seed=seed))
        .choices[0]
        .message.content
        for seed in (1, 1, 2)
    ]
    assert seeded[0] == seeded[1] != seeded[2]


@pytest.mark.parametrize("role", ["system", "developer", "assistant", "tool"])
async def test_images_are_the_users_alone(client: openai.AsyncOpenAI, role: str):
    called: Any = {"id": "call_1", "type": "function", "function": {"name": "get_time", "arguments": "{}"}}
    picture = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    shown = {"role": role, "content": [picture], **({"tool_call_id": "call_1"} if role == "tool" else {})}
    before = [{"role": "assistant", "tool_calls": [called]}] if role == "tool" else []
    with pytest.raises(openai.BadRequestError, match=f"with role '{role}' contains an image URL"):
        await client.chat.completions.create(
            model="mock",
            messages=[*USER, *before, shown],
            tools=[CLOCK],  # type: ignore[list-item]
        )


async def test_refusals_and_filters(client: openai.AsyncOpenAI):
    refused = (await client.chat.completions.create(model="mock;refusal", messages=USER)).choices[0]
    assert (refused.message.content, refused.finish_reason) == (None, "stop")
    assert refused.message.refusal
    filtered = (await client.chat.completions.create(model="mock;filter", messages=USER)).choices[0]
    assert filtered.finish_reason == "content_filter"


async def test_legacy_functions_still_work(client: openai.AsyncOpenAI):
    function: Any = WEATHER["function"]
    fields: Any = {
        "model": "mock",
        "messages": USER,
        "functions": [function],
        "function_call": {"name": "get_weather"},
    }
    whole = await client.chat.completions.create(**fields)
    call = whole.choices[0].message.function_call
    assert call is not None
    assert (call.name, whole.choices[0].finish_reason) == ("get_weather", "function_call")
    arguments = ""
    async for chunk in await client.chat.completions.create(**fields, stream=True):
        piece = chunk.choices[0].delta.function_call
        arguments += (piece.arguments or "") if piece else ""
    assert arguments == call.arguments


async def test_custom_tools_get_plain_text(client: openai.AsyncOpenAI):
    tool: Any = {"type": "custom", "custom": {"name": "shout"}}
    reply = await client.chat.completions.create(
        model="mock", messages=USER, tools=[tool], tool_choice="required"
    )
    call = (reply.choices[0].message.tool_calls or [])[0]
    assert call.type == "custom"
    assert (call.custom.name, len(call.custom.input.split())) == ("shout", 3)


async def test_completions_take_lists_echo_and_logprobs(client: openai.AsyncOpenAI):
    reply = await client.completions.create(model="mock", prompt=["one", "two"], n=2, echo=True, logprobs=2)
    assert [choice.index for choice in reply.choices] == [0, 1, 2, 3]
    assert reply.choices[0].text.startswith("one")
    assert reply.choices[2].text.startswith("two")
    logprobs = reply.choices[0].logprobs
    assert logprobs is not None
    assert "".join(logprobs.tokens or []) == reply.choices[0].text
    assert (logprobs.text_offset or [])[:2] == [0, 3]
    texts = ["", ""]
    async for chunk in await client.completions.create(model="mock", prompt=["one", "two"], stream=True):
        for choice in chunk.choices:
            texts[choice.index] += choice.text
    whole = await client.completions.create(model="mock", prompt=["one", "two"])
    assert texts == [choice.text for choice in whole.choices]
    tokens = await client.completions.create(model="mock", prompt=[1, 2, 3], max_tokens=4)
    assert (tokens.choices[0].text, tokens.choices[0].finish_reason) == ("You said: <1> <2>", "length")


async def test_embeddings_say_the_same_in_both_encodings(client: openai.AsyncOpenAI):
    plain = await client.embeddings.create(
        model="mock-embedding", input=["a", "b"], encoding_format="float", dimensions=64
    )
    raw = await client.embeddings.with_raw_response.create(
        model="mock-embedding", input=["a", "b"], encoding_format="base64", dimensions=64
    )
    packed = json.loads(raw.text if isinstance(raw.text, str) else raw.text())["data"][1]["embedding"]  # type: ignore[union-attr, unused-ignore]
    assert list(struct.unpack("<64f", base64.b64decode(packed))) == plain.data[1].embedding
    assert math.isclose(sum(x * x for x in plain.data[0].embedding), 1.0, rel_tol=1e-5)
    assert (
        len((await client.embeddings.create(model="mock-embedding", input=[1, 2])).data[0].embedding) == 1536
    )
    assert plain.usage.prompt_tokens == 2


async def test_models_are_listed_and_found(client: openai.AsyncOpenAI):
    assert [model.id async for model in client.models.list()] == ["mock", "mock-fallback", "mock-embedding"]
    assert (await client.models.retrieve("vendor/mock;status=500")).id == "vendor/mock;status=500"
    with pytest.raises(openai.NotFoundError) as caught:
        await client.models.retrieve("missing")
    assert caught.value.code == "model_not_found"


async def test_errors_become_the_sdks_exceptions(mock: MockServer, client: openai.AsyncOpenAI):
    async def fails(model: str) -> openai.APIStatusError:
        with pytest.raises(openai.APIStatusError) as caught:
            await client.chat.completions.create(model=model, messages=USER)
        return caught.value

    assert isinstance(await fails("mock;status=429"), openai.RateLimitError)
    assert (await fails("mock;error=insufficient_quota")).code == "insufficient_quota"
    assert (await fails("mock;error=context_length_exceeded")).param == "messages"
    assert (await fails("mock;error=overloaded_error")).status_code == 529
    assert (await fails("mock;colour=red")).code == "invalid_script"
    with pytest.raises(openai.AuthenticationError, match="Incorrect API key provided"):
        await client.with_options(api_key="sk-wrong").models.list()
    with pytest.raises(openai.APIError, match="overloaded"):
        async for _ in await client.chat.completions.create(
            model="mock;fault=error-event;status=503;after=1", messages=USER, stream=True
        ):
            pass
    with pytest.raises(openai.APITimeoutError):
        await client.with_options(timeout=0.3).chat.completions.create(model="mock;fault=hang", messages=USER)
    await mock.until(lambda: mock.requests[-1].closed_at is not None)
