"""The unmodified openai client through the gateway to Gemini and Vertex AI, played by the strict mock.

The mock shares no codec with the gateway, and google-genai itself judges it (tests/mock/test_gemini_sdk.py).
"""

import base64
import json
import struct
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import openai
import pytest
import pytest_asyncio
from pydantic import BaseModel

from switch_grpc.mock import MockServer
from tests.support.cloud import cloud, private_key
from tests.support.gateway import KEY, Running, route, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

UPSTREAM = "upstream-key"
PRIVATE = private_key()
USER: Any = [{"role": "user", "content": "Hello there, mock"}]
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
            "required": ["city", "days"],
            "additionalProperties": False,
        },
    },
}
CLOCK: Any = {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object"}}}
PDF = "data:application/pdf;base64," + base64.b64encode(b"%PDF-1.7").decode()
PNG = "data:image/png;base64," + base64.b64encode(b"\x89PNG").decode()
MODELS = {
    "plain": "gemini-2.5-flash",
    "newest": "gemini-3-pro",
    "filtered": "gemini-2.5-flash;filter",
    "blocked": "gemini-2.5-flash;refusal",
    "limited": "gemini-2.5-flash;status=429;retry-after=3",
    "daily": "gemini-2.5-flash;error=insufficient_quota",
    "broken": "gemini-2.5-flash;fault=error-event;after=2;status=503",
    "cut": "gemini-2.5-flash;fault=cut;after=2",
    "endless": "gemini-2.5-flash;fault=no-done",
    "locked": "gemini-2.5-flash",
    "vectors": "gemini-embedding-001",
    "older": "text-embedding-005",
    "newer": "gemini-embedding-2",
}


class Person(BaseModel):
    """What a structured answer has to be."""

    name: str
    age: int


@dataclass(frozen=True, slots=True)
class Place:
    """A gateway whose routes are `MODELS` at one of Google's services, and the mock that plays it."""

    vertex: bool
    mock: MockServer
    gateway: Running
    caller: openai.AsyncOpenAI

    def sent(self) -> Any:
        """The body of the last request that came to the service."""
        return json.loads(self.mock.requests[-1].body)


@pytest_asyncio.fixture(params=["gemini", "vertex"], scope="module", loop_scope="module")
async def place(request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    provider: str = request.param
    async with AsyncExitStack() as stack:
        mock = await stack.enter_async_context(MockServer(key=UPSTREAM))
        tokens = await stack.enter_async_context(cloud())
        answer = json.dumps({"access_token": UPSTREAM, "expires_in": 3599, "token_type": "Bearer"}).encode()
        tokens.answers = {"/token": (200, "application/json", answer)}
        account = {
            "client_email": "gateway@p.iam.gserviceaccount.com",
            "private_key": PRIVATE,
            "token_uri": f"{tokens.url}/token",
        }
        settings = {"provider": provider, "apiBase": f"http://127.0.0.1:{mock.port}", "maxRetries": 0}
        models = {
            name: route({"name": name, "modelName": model, "credentialsRef": provider, **settings})
            for name, model in MODELS.items()
        }
        stores = {
            "gemini": {"type": "simple", "config": {"apiKeyVar": "GEMINI_API_KEY"}},
            "vertex": {"type": "google", "config": {"serviceAccountKeyVar": "ACCOUNT"}},
        }
        environ = {
            "GEMINI_API_KEY": UPSTREAM,
            "ACCOUNT": json.dumps(account),
            "GOOGLE_PROJECT_ID": "my-project",
        }
        gateway = await stack.enter_async_context(running(models, environ=environ, credentialStores=stores))
        caller = await stack.enter_async_context(
            openai.AsyncOpenAI(base_url=f"{gateway.http}/v1", api_key=KEY, max_retries=0)
        )
        yield Place(provider == "vertex", mock, gateway, caller)


async def test_a_chat_unary_and_streamed(place: Place) -> None:
    messages: Any = [{"role": "system", "content": "Be kind."}, *USER]
    whole = await place.caller.chat.completions.create(
        model="plain", messages=messages, seed=7, temperature=0.5
    )
    said = whole.choices[0].message.content
    assert said is not None
    assert said.startswith("You said: Hello there, mock.")
    assert (whole.model, whole.choices[0].finish_reason) == ("plain", "stop")
    assert place.sent()["systemInstruction"] == {"parts": [{"text": "Be kind."}]}
    stream = await place.caller.chat.completions.create(
        model="plain",
        messages=messages,
        seed=7,
        temperature=0.5,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [chunk async for chunk in stream]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == said
    assert chunks[-1].usage == whole.usage
    usage = whole.usage
    assert usage is not None
    assert usage.prompt_tokens_details is not None
    assert usage.prompt_tokens_details.cached_tokens == usage.prompt_tokens // 4
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


async def test_settings_images_and_documents(place: Place) -> None:
    content = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": PNG}},
        {"type": "file", "file": {"file_data": PDF, "filename": "a.pdf"}},
    ]
    reply = await place.caller.chat.completions.create(
        model="plain",
        messages=[{"role": "user", "content": content}],  # type: ignore[list-item,misc]
        n=2,
        top_p=0.9,
        max_tokens=200,
        stop=["never"],
        logprobs=True,
        top_logprobs=2,
        presence_penalty=0.5,
    )
    texts = [choice.message.content or "" for choice in reply.choices]
    assert len(set(texts)) == 2
    assert "I see 1 image. I got 1 file." in texts[0]
    logprobs = reply.choices[0].logprobs
    assert logprobs is not None
    assert "".join(one.token for one in logprobs.content or []) == texts[0]
    short = await place.caller.chat.completions.create(model="plain", messages=USER, max_tokens=2)
    assert (short.choices[0].finish_reason, short.choices[0].message.content) == ("length", "You said:")


async def test_a_structured_answer_is_parsed(place: Place) -> None:
    reply = await place.caller.chat.completions.parse(model="plain", messages=USER, response_format=Person)
    assert isinstance(reply.choices[0].message.parsed, Person)


async def test_thoughts_are_reasoning(place: Place) -> None:
    fields: Any = {"model": "plain", "messages": USER, "reasoning_effort": "low"}
    whole = await place.caller.chat.completions.create(**fields)
    thought = whole.choices[0].message.model_dump()["reasoning_content"]
    assert thought.startswith("The user asks;")
    assert whole.usage is not None
    assert whole.usage.completion_tokens_details is not None
    assert whole.usage.completion_tokens_details.reasoning_tokens == len(thought.split())
    heard = [
        getattr(chunk.choices[0].delta, "reasoning_content", None) or ""
        async for chunk in await place.caller.chat.completions.create(**fields, stream=True)
        if chunk.choices
    ]
    assert "".join(heard) == thought


@pytest.mark.parametrize("model", ["plain", "newest"])
@pytest.mark.parametrize("stream", [False, True], ids=["unary", "stream"])
async def test_a_tools_round_trip(model: str, stream: bool, place: Place) -> None:
    """The newest generation also wants its thought signature back, which rides in the message."""
    asked: Any = [{"role": "user", "content": "Use get_weather and get_time."}]
    fields: Any = {"model": model, "messages": asked, "tools": [WEATHER, CLOCK]}
    if stream:
        async with place.caller.chat.completions.stream(**fields) as events:
            first = await events.get_final_completion()
    else:
        first = await place.caller.chat.completions.create(**fields)
    message = first.choices[0].message
    calls = message.tool_calls or []
    assert first.choices[0].finish_reason == "tool_calls"
    assert [call.function.name for call in calls] == ["get_weather", "get_time"]
    assert len({call.id for call in calls}) == 2
    assert json.loads(calls[0].function.arguments).keys() == {"city", "days"}
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": f"result {k}"} for k, call in enumerate(calls)
    ]
    turns: Any = [*asked, message.model_dump(exclude_none=True), *results]
    second = await place.caller.chat.completions.create(model=model, messages=turns, tools=[WEATHER, CLOCK])
    assert "The tool says: result 0; result 1." in (second.choices[0].message.content or "")


async def test_a_history_from_another_provider_goes_on(place: Place) -> None:
    """Its calls have no thought signature: the newest generation is told not to expect one."""
    call = {"id": "call_1", "type": "function", "function": {"name": "get_time", "arguments": "{}"}}
    turns: Any = [
        {"role": "user", "content": "What time is it?"},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "noon"},
    ]
    reply = await place.caller.chat.completions.create(model="newest", messages=turns, tools=[CLOCK])
    assert (reply.choices[0].message.content or "").startswith("The tool says: noon.")
    (part,) = place.sent()["contents"][1]["parts"]
    assert part["thoughtSignature"]


async def test_a_forced_tool_and_none(place: Place) -> None:
    async def called(choice: Any) -> list[str]:
        reply = await place.caller.chat.completions.create(
            model="plain",
            messages=[{"role": "user", "content": "get_weather"}],
            tools=[WEATHER, CLOCK],
            tool_choice=choice,
        )
        return [call.function.name for call in reply.choices[0].message.tool_calls or []]  # type: ignore[union-attr]

    assert await called({"type": "function", "function": {"name": "get_time"}}) == ["get_time"]
    assert await called("required") == ["get_weather"]
    assert await called("none") == []


async def test_what_is_filtered_and_what_is_blocked(place: Place) -> None:
    reply = await place.caller.chat.completions.create(model="filtered", messages=USER)
    assert reply.choices[0].finish_reason == "content_filter"
    for stream in (False, True):
        with pytest.raises(openai.BadRequestError) as refused:
            await place.caller.chat.completions.create(model="blocked", messages=USER, stream=stream)
        assert refused.value.code == "content_filter"


async def test_a_minutes_limit_and_a_days_are_limits(place: Place) -> None:
    for model in ("limited", "daily"):
        with pytest.raises(openai.RateLimitError) as limited:
            await place.caller.chat.completions.create(model=model, messages=USER)
        assert limited.value.code == "upstream_rate_limited"
        if model == "limited":  # RetryInfo in the body and the header say the same
            assert limited.value.response.headers["retry-after"] == "3"


@pytest.mark.parametrize("model", ["broken", "cut", "endless"])
async def test_a_stream_that_breaks_ends_in_an_error_after_what_was_said(model: str, place: Place) -> None:
    stream = await place.caller.chat.completions.create(model=model, messages=USER, stream=True)
    heard = []

    async def listen() -> None:
        async for chunk in stream:
            heard.append(chunk.choices[0].delta.content or "")  # noqa: PERF401  # it ends in an error

    with pytest.raises(openai.APIError) as broken:
        await listen()
    assert "".join(heard).startswith("You said:")
    assert broken.value.code == "stream_interrupted"


async def test_embeddings_as_numbers_and_as_base64(place: Place) -> None:
    """OpenAI's client asks for base64 unless told otherwise, and decodes it itself."""
    routes = ["vectors", "older", "newer"] if place.vertex else ["vectors"]
    for model in routes:
        usual = await place.caller.embeddings.create(model=model, input=["one", "two"], dimensions=8)
        floats = await place.caller.embeddings.create(
            model=model, input=["one", "two"], dimensions=8, encoding_format="float"
        )
        assert [one.embedding for one in usual.data] == [one.embedding for one in floats.data]
        assert [len(one.embedding) for one in usual.data] == [8, 8]
        raw = await place.caller.embeddings.with_raw_response.create(
            model=model, input=["one", "two"], dimensions=8, encoding_format="base64"
        )
        packed = [base64.b64decode(one["embedding"]) for one in json.loads(raw.content)["data"]]
        assert [list(struct.unpack("<8f", one)) for one in packed] == [one.embedding for one in floats.data]


async def test_more_texts_than_one_batch_takes(place: Place) -> None:
    texts = [str(number) for number in range(101)]
    model = "older" if place.vertex else "vectors"
    reply = await place.caller.embeddings.create(model=model, input=texts, dimensions=2)
    assert [one.index for one in reply.data] == list(range(101))
    one = await place.caller.embeddings.create(model=model, input="100", dimensions=2)
    assert reply.data[100].embedding == one.data[0].embedding


async def test_a_wrong_key_is_the_gateways_fault_and_not_the_callers(place: Place) -> None:
    place.mock.key = "rotated"
    try:
        with pytest.raises(openai.InternalServerError) as failed:
            await place.caller.chat.completions.create(model="locked", messages=USER)
    finally:
        place.mock.key = UPSTREAM
    assert (failed.value.status_code, failed.value.code) == (502, "upstream_auth_failed")
