"""The unmodified anthropic package, pointed straight at the mock, accepts all that it says."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import anthropic
import pytest
import pytest_asyncio
from pydantic import BaseModel

from switch_grpc.mock import MockServer

pytestmark = pytest.mark.asyncio(loop_scope="module")
USER: Any = [{"role": "user", "content": "Hello there, mock"}]
CITY: Any = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER: Any = {"name": "get_weather", "description": "Weather", "input_schema": CITY}
CLOCK: Any = {"name": "get_time", "input_schema": {"type": "object"}}
BOTH: Any = [{"role": "user", "content": "call get_weather and get_time"}]
THINK: Any = {"type": "enabled", "budget_tokens": 1024}
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n and so on").decode()
PDF = base64.b64encode(b"%PDF-1.7 and so on").decode()


class Weather(BaseModel):
    city: str
    celsius: float


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mock() -> AsyncIterator[MockServer]:
    async with MockServer(key="sk-mock") as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(mock: MockServer) -> AsyncIterator[anthropic.AsyncAnthropic]:
    base_url = mock.url.removesuffix("/v1")
    async with anthropic.AsyncAnthropic(base_url=base_url, api_key="sk-mock", max_retries=0) as sdk:
        yield sdk


async def ask(client: anthropic.AsyncAnthropic, messages: Any = USER, **more: Any) -> anthropic.types.Message:
    """A whole message; the model is `mock` and the limit 2000 tokens unless told otherwise."""
    reply = await client.messages.create(
        **{"model": "mock", "max_tokens": 2000, "messages": messages, **more}  # type: ignore[arg-type]
    )
    assert isinstance(reply, anthropic.types.Message)
    return reply


def text_of(reply: anthropic.types.Message) -> str:
    return "".join(block.text for block in reply.content if block.type == "text")


async def test_a_message_has_text_a_stop_reason_and_usage(client: anthropic.AsyncAnthropic):
    reply = await ask(client, system="Be brief.")
    assert text_of(reply).startswith("You said: Hello there, mock.")
    assert (reply.type, reply.role, reply.model) == ("message", "assistant", "mock")
    assert (reply.stop_reason, reply.stop_sequence, reply.stop_details) == ("end_turn", None, None)
    assert reply.id == f"msg_{reply._request_id}".replace("req_", "")
    assert reply.usage.output_tokens == len(text_of(reply).split())
    assert reply.usage.input_tokens > 0
    assert (reply.usage.cache_read_input_tokens, reply.usage.cache_creation_input_tokens) == (0, 0)


@pytest.mark.parametrize("model", ["mock", "mock;reasoning", "mock;refusal", "mock;filter", "mock;chunks=0"])
async def test_a_stream_adds_up_to_the_whole_message(client: anthropic.AsyncAnthropic, model: str):
    whole = await ask(client, BOTH, model=model)
    async with client.messages.stream(model=model, max_tokens=2000, messages=BOTH) as stream:
        events = [event.type async for event in stream]
        streamed = await stream.get_final_message()
    own = {"id", "parsed_output"}
    assert {k: v for k, v in streamed.to_dict().items() if k not in own} == {
        k: v for k, v in whole.to_dict().items() if k not in own
    }
    assert (events[0], events[-2:]) == ("message_start", ["message_delta", "message_stop"])


async def test_a_raw_stream_is_its_events_in_order(client: anthropic.AsyncAnthropic):
    stream = await client.messages.create(
        model="mock;chunks=2;reasoning", max_tokens=50, messages=USER, stream=True
    )
    kinds = [
        (event.type, event.delta.type if event.type == "content_block_delta" else None)
        async for event in stream
    ]
    thought = kinds.count(("content_block_delta", "thinking_delta"))
    assert thought > 3
    assert kinds == [
        ("message_start", None),
        ("content_block_start", None),
        *[("content_block_delta", "thinking_delta")] * thought,
        ("content_block_delta", "signature_delta"),
        ("content_block_stop", None),
        ("content_block_start", None),
        *[("content_block_delta", "text_delta")] * 2,
        ("content_block_stop", None),
        ("message_delta", None),
        ("message_stop", None),
    ]


async def test_tools_go_round(client: anthropic.AsyncAnthropic):
    messages: Any = [{"role": "user", "content": "call get_weather"}]
    first = await ask(client, messages, tools=[WEATHER, CLOCK])
    (use,) = first.content
    assert use.type == "tool_use"
    assert (first.stop_reason, use.name, use.id[:6]) == ("tool_use", "get_weather", "toolu_")
    assert isinstance(use.input["city"], str)
    messages += [
        first.to_param(),
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": use.id, "content": "21 degrees"}],
        },
    ]
    second = await ask(client, messages, tools=[WEATHER, CLOCK])
    assert text_of(second).startswith("The tool says: 21 degrees.")
    assert second.stop_reason == "end_turn"


async def test_parallel_calls_stream_block_by_block(client: anthropic.AsyncAnthropic):
    asked: Any = {"model": "mock", "max_tokens": 500, "messages": BOTH, "tools": [WEATHER, CLOCK]}
    async with client.messages.stream(**asked) as stream:
        pieces = [event.partial_json async for event in stream if event.type == "input_json"]
        reply = await stream.get_final_message()
    uses = [(block.name, block.input) for block in reply.content if block.type == "tool_use"]
    assert [name for name, _ in uses] == ["get_weather", "get_time"]
    assert json.loads("".join(pieces).removesuffix("{}")) == uses[0][1]
    alone = await ask(
        client,
        BOTH,
        tools=[WEATHER, CLOCK],
        tool_choice={"type": "auto", "disable_parallel_tool_use": True},
    )
    assert len(alone.content) == 1


@pytest.mark.parametrize(
    ("choice", "called"),
    [
        ({"type": "any"}, ["get_weather"]),
        ({"type": "tool", "name": "get_time"}, ["get_time"]),
        ({"type": "auto"}, []),
        ({"type": "none"}, []),
    ],
)
async def test_the_choice_of_tools_is_kept(client: anthropic.AsyncAnthropic, choice: Any, called: list[str]):
    reply = await ask(client, tools=[WEATHER, CLOCK], tool_choice=choice)
    assert [block.name for block in reply.content if block.type == "tool_use"] == called


async def test_images_and_documents_are_counted(client: anthropic.AsyncAnthropic):
    content: Any = [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
        {"type": "image", "source": {"type": "url", "url": "https://example.com/cat.png"}},
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}},
        {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}, "title": "A"},
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Plain"}},
        {"type": "text", "text": "What is this?"},
    ]
    reply = await ask(client, [{"role": "user", "content": content}])
    assert text_of(reply).startswith("You said: What is this?. I see 2 images. I got 3 files.")


@pytest.mark.parametrize("display", ["summarized", "omitted"])
async def test_thinking_is_signed_and_may_come_back(client: anthropic.AsyncAnthropic, display: str):
    asked: Any = {"thinking": {**THINK, "display": display}, "tools": [WEATHER]}
    messages: Any = [{"role": "user", "content": "call get_weather"}]
    async with client.messages.stream(model="mock", max_tokens=2000, messages=messages, **asked) as stream:
        first = await stream.get_final_message()
    thought, use = first.content
    assert (thought.type, use.type) == ("thinking", "tool_use")
    assert thought.type == "thinking"
    assert bool(thought.thinking) is (display == "summarized")
    assert first.usage.output_tokens_details is not None
    assert first.usage.output_tokens_details.thinking_tokens > 0
    result = {"type": "tool_result", "tool_use_id": use.id, "content": "21"}  # type: ignore[union-attr]
    messages += [first.to_param(), {"role": "user", "content": [result]}]
    again = await ask(client, messages, **asked)
    assert text_of(again).startswith("The tool says: 21.")


async def test_structured_output_parses(client: anthropic.AsyncAnthropic):
    parsed = await client.messages.parse(model="mock", max_tokens=500, messages=USER, output_format=Weather)
    assert isinstance(parsed.parsed_output, Weather)
    async with client.messages.stream(
        model="mock", max_tokens=500, messages=USER, output_format=Weather
    ) as stream:
        streamed = await stream.get_final_message()
    assert streamed.parsed_output == parsed.parsed_output


async def test_stop_sequences_and_the_limit_end_a_text(client: anthropic.AsyncAnthropic):
    stopped = await ask(client, stop_sequences=["zebra", " there"])
    assert (text_of(stopped), stopped.stop_reason) == ("You said: Hello", "stop_sequence")
    assert stopped.stop_sequence == " there"
    short = await ask(client, max_tokens=2)
    assert (text_of(short), short.stop_reason) == ("You said:", "max_tokens")


async def test_a_refusal_is_a_stop_reason_with_details(client: anthropic.AsyncAnthropic):
    reply = await ask(client, model="mock;refusal")
    assert (reply.stop_reason, text_of(reply)[:9]) == ("refusal", "I'm sorry")
    assert reply.stop_details is not None
    assert reply.stop_details.type == "refusal"


async def test_marked_blocks_are_cached(client: anthropic.AsyncAnthropic):
    """Cached tokens are not among the input tokens, so the three add up to what an unmarked prompt costs."""
    system: Any = [
        {"type": "text", "text": "Be brief. " * 9, "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    ]
    usage = (await ask(client, system=system)).usage
    plain = (await ask(client, system="Be brief. " * 9)).usage
    assert usage.cache_read_input_tokens is not None
    assert usage.cache_creation is not None
    written = usage.cache_creation.ephemeral_1h_input_tokens
    assert (usage.cache_creation_input_tokens, usage.cache_creation.ephemeral_5m_input_tokens) == (written, 0)
    assert usage.cache_read_input_tokens > 0
    assert usage.input_tokens + usage.cache_read_input_tokens + written == plain.input_tokens


async def test_tokens_are_counted_as_they_are_used(client: anthropic.AsyncAnthropic):
    counted = await client.messages.count_tokens(model="mock", messages=BOTH, tools=[WEATHER], system="Hi")
    reply = await ask(client, BOTH, tools=[WEATHER], system="Hi")
    assert counted.input_tokens == reply.usage.input_tokens


async def test_models_come_in_pages(client: anthropic.AsyncAnthropic):
    first = await client.models.list(limit=1)
    assert (first.has_more, len(first.data)) == (True, 1)
    assert [model.id async for model in client.models.list(limit=1)] == ["mock", "mock-fallback"]
    assert (await client.models.retrieve("claude-x")).lifecycle == "active"


async def test_the_same_request_gets_the_same_text(client: anthropic.AsyncAnthropic):
    assert text_of(await ask(client)) == text_of(await ask(client))
    assert text_of(await ask(client)) != text_of(await ask(client, model="other"))


async def test_the_sync_client_gets_what_the_async_one_gets(
    mock: MockServer, client: anthropic.AsyncAnthropic
):
    def call() -> tuple[str, str, str]:
        base_url = mock.url.removesuffix("/v1")
        with anthropic.Anthropic(base_url=base_url, api_key="sk-mock", max_retries=0) as sync:
            whole = sync.messages.create(model="mock", max_tokens=99, messages=USER)
            with sync.messages.stream(model="mock", max_tokens=99, messages=USER) as stream:
                streamed = "".join(stream.text_stream)
            with pytest.raises(anthropic.RateLimitError) as caught:
                sync.messages.create(model="mock;status=429", max_tokens=9, messages=USER)
        return text_of(whole), streamed, str(caught.value.type)

    text = text_of(await ask(client, max_tokens=99))
    assert await asyncio.to_thread(call) == (text, text, "rate_limit_error")


async def test_the_client_of_vertex_gets_the_same_message(mock: MockServer, client: anthropic.AsyncAnthropic):
    async with anthropic.AsyncAnthropicVertex(
        base_url=mock.url, region="europe-west1", project_id="p", access_token="sk-mock", max_retries=0
    ) as vertex:
        whole = await vertex.messages.create(model="mock;chunks=3", max_tokens=99, messages=USER)
        async with vertex.messages.stream(model="mock;chunks=3", max_tokens=99, messages=USER) as stream:
            streamed = await stream.get_final_text()
    assert mock.requests[-1].path.endswith(
        "/projects/p/locations/europe-west1/publishers/anthropic/models/mock%3Bchunks=3:streamRawPredict"
    )
    assert text_of(whole) == streamed == text_of(await ask(client, model="mock;chunks=3"))
