"""What we make of OpenAI's requests for Anthropic, judged by the mock's strict reading of Anthropic's API.

The unmodified openai package calls a real gateway, whose target is the mock as Anthropic. The mock refuses
what Anthropic refuses, checks that tool results fit, that images are what they say and that thinking comes
back as it was signed; so an answer is a verdict.
"""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
import pytest_asyncio
from pydantic import BaseModel

from switch_grpc.mock import MockServer, Request
from tests.support.gateway import KEY, route, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

USER: Any = [{"role": "user", "content": "Hello there, mock"}]
PNG = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n and so on").decode()
PDF = "data:application/pdf;base64," + base64.b64encode(b"%PDF-1.7 and so on").decode()
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
            "required": ["city"],
        },
    },
}
CLOCK: Any = {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object"}}}
MODELS = {
    "old": "claude-sonnet-4-5",
    "new": "claude-opus-4-8",
    "refusing": "claude-sonnet-4-5;refusal",
    # One route for each call: a target that limits or fails is left alone for a while.
    "limited whole": "claude-sonnet-4-5;status=429",
    "limited stream": "claude-sonnet-4-5;status=429",
    "overloaded whole": "claude-sonnet-4-5;status=529",
    "overloaded stream": "claude-sonnet-4-5;status=529",
    "breaking": "claude-sonnet-4-5;fault=error-event;error=overloaded_error;after=2",
    "cut": "claude-sonnet-4-5;fault=cut;after=2",
    "pinging": "claude-sonnet-4-5;ttft=30;ping=5",
}


class Weather(BaseModel):
    city: str
    celsius: float


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mock() -> AsyncIterator[MockServer]:
    async with MockServer(key="sk-ant-mock") as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(mock: MockServer) -> AsyncIterator[openai.AsyncOpenAI]:
    def at(model: str) -> dict[str, Any]:
        wanted = {"name": "claude", "provider": "anthropic", "modelName": model, "apiBase": mock.url}
        return {**wanted, "credentialsRef": "key", "maxRetries": 0}

    models = {name: route(at(model)) for name, model in MODELS.items()}
    stores = {"key": {"type": "simple", "source": "env", "config": {"apiKeyVar": "ANTHROPIC_API_KEY"}}}
    environ = {"ANTHROPIC_API_KEY": "sk-ant-mock"}
    async with (
        running(models, environ=environ, credentialStores=stores) as gateway,
        openai.AsyncOpenAI(base_url=f"{gateway.http}/v1", api_key=KEY, max_retries=0) as sdk,
    ):
        yield sdk


async def chat(client: openai.AsyncOpenAI, model: str = "old", messages: Any = USER, **more: Any) -> Any:
    return await client.chat.completions.create(model=model, messages=messages, **more)


def sent(mock: MockServer) -> dict[str, Any]:
    """The body of the last request that reached the mock, as Anthropic's."""
    request: Request = mock.requests[-1]
    assert (request.path, request.status) == ("/v1/messages", 200)
    body = json.loads(request.body)
    assert isinstance(body, dict)
    return body


@pytest.mark.parametrize("model", ["old", "new"])
async def test_a_chat_and_its_stream_say_the_same(client: openai.AsyncOpenAI, model: str):
    whole = await chat(client, model)
    assert whole.choices[0].message.content.startswith("You said: Hello there, mock.")
    assert whole.choices[0].finish_reason == "stop"
    stream = await chat(client, model, stream=True, stream_options={"include_usage": True})
    chunks = [chunk async for chunk in stream]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert (chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens) == (
        whole.usage.prompt_tokens,
        whole.usage.completion_tokens,
    )


async def test_every_parameter_that_can_go_goes(client: openai.AsyncOpenAI, mock: MockServer):
    messages: Any = [
        {"role": "developer", "content": "Be brief."},
        {"role": "system", "content": [{"type": "text", "text": "Be kind."}]},
        {"role": "user", "content": "One"},
        {"role": "assistant", "content": "Two"},
        {"role": "user", "content": [{"type": "text", "text": "Three"}]},
        {"role": "user", "content": "Four"},
    ]
    await chat(
        client, messages=messages, temperature=0.5, max_completion_tokens=50, stop=["zebra"], user="ada",
        service_tier="auto", parallel_tool_calls=False, tools=[WEATHER], tool_choice="auto",
    )  # fmt: skip
    body = sent(mock)
    assert (body["max_tokens"], body["temperature"], body["stop_sequences"]) == (50, 0.5, ["zebra"])
    assert body["metadata"] == {"user_id": "ada"}
    assert body["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
    assert [block["text"] for block in body["system"]] == ["Be brief.", "Be kind."]


@pytest.mark.parametrize("model", ["old", "new"])
@pytest.mark.parametrize("stream", [False, True])
async def test_parallel_tools_go_round(client: openai.AsyncOpenAI, model: str, stream: bool):
    messages: Any = [{"role": "user", "content": "call get_weather and get_time"}]
    asked: Any = {"model": model, "tools": [WEATHER, CLOCK]}
    if stream:
        async with client.chat.completions.stream(messages=messages, **asked) as live:
            first: Any = (await live.get_final_completion()).choices[0]
    else:
        first = (await chat(client, messages=messages, **asked)).choices[0]
    assert first.finish_reason == "tool_calls"
    calls = first.message.tool_calls
    assert [call.function.name for call in calls] == ["get_weather", "get_time"]
    messages.append(
        {
            "role": "assistant",
            "tool_calls": [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.function.name, "arguments": call.function.arguments},
                }
                for call in calls
            ],
        }
    )
    messages += [{"role": "tool", "tool_call_id": call.id, "content": f"result {call.id}"} for call in calls]
    messages.append({"role": "user", "content": [{"type": "text", "text": "Well?"}]})
    second = (await chat(client, messages=messages, **asked)).choices[0]
    assert (second.finish_reason, second.message.content[:15]) == ("stop", "You said: Well?")


@pytest.mark.parametrize(
    ("choice", "called"),
    [
        ("required", ["get_weather"]),
        ({"type": "function", "function": {"name": "get_time"}}, ["get_time"]),
        ("none", []),
    ],
)
async def test_the_choice_of_tools_is_kept(client: openai.AsyncOpenAI, choice: Any, called: list[str]):
    reply = await chat(client, tools=[WEATHER, CLOCK], tool_choice=choice)
    assert [call.function.name for call in reply.choices[0].message.tool_calls or []] == called


async def test_images_and_documents_arrive_as_what_they_are(client: openai.AsyncOpenAI):
    content: Any = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": PNG}},
        {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": PDF}},
    ]
    reply = await chat(client, messages=[{"role": "user", "content": content}])
    said = reply.choices[0].message.content
    assert said.startswith("You said: What is this?. I see 2 images. I got 1 file.")


@pytest.mark.parametrize("model", ["old", "new"])
async def test_structured_output_fits_its_schema(client: openai.AsyncOpenAI, model: str):
    reply = await client.chat.completions.parse(model=model, messages=USER, response_format=Weather)
    assert isinstance(reply.choices[0].message.parsed, Weather)


@pytest.mark.parametrize("model", ["old", "new"])
async def test_reasoning_is_thinking_that_may_come_back(client: openai.AsyncOpenAI, model: str):
    """The mock refuses thinking that it has not signed, and the lack of it while tools run."""
    messages: Any = [{"role": "user", "content": "call get_weather"}]
    asked: Any = {"model": model, "tools": [WEATHER], "reasoning_effort": "low"}
    first = (await chat(client, messages=messages, **asked)).choices[0].message
    assert first.model_dump()["reasoning_content"].startswith("The user asks")
    messages.append(first.model_dump(exclude_none=True))
    messages.append({"role": "tool", "tool_call_id": first.tool_calls[0].id, "content": "21"})
    second = (await chat(client, messages=messages, **asked)).choices[0].message
    assert second.content.startswith("The tool says: 21.")


async def test_an_effort_goes_with_what_claude_does_not_take_beside_its_thinking(
    client: openai.AsyncOpenAI, mock: MockServer
):
    """A temperature gives way to the effort; the effort, while a tool must be called, to that."""
    warm = await client.chat.completions.with_raw_response.create(
        model="old",
        messages=USER,
        reasoning_effort="low",
        temperature=0.5,
        top_p=0.9,
        extra_body={"top_k": 5},
    )
    assert sent(mock)["thinking"]["type"] == "enabled"
    assert warm.headers["x-switch-adaptations"].startswith("temperature left out: ")
    forced = await chat(client, reasoning_effort="low", tools=[CLOCK], tool_choice="required")
    assert "thinking" not in sent(mock)
    assert forced.choices[0].finish_reason == "tool_calls"


async def test_a_client_that_forgets_the_thinking_is_still_answered(client: openai.AsyncOpenAI):
    """An OpenAI client keeps calls only; Anthropic then wants no thinking for the rest of the turn."""
    messages: Any = [{"role": "user", "content": "call get_weather"}]
    asked: Any = {"tools": [WEATHER], "reasoning_effort": "low"}
    first = (await chat(client, messages=messages, **asked)).choices[0].message
    call = first.tool_calls[0].model_dump()
    messages.append({"role": "assistant", "tool_calls": [call]})
    messages.append({"role": "tool", "tool_call_id": call["id"], "content": "21"})
    reply = (await chat(client, messages=messages, **asked)).choices[0].message
    assert reply.content.startswith("The tool says: 21.")


async def test_an_end_by_limit_stop_or_refusal_says_so(client: openai.AsyncOpenAI):
    short = await chat(client, max_tokens=2)
    assert (short.choices[0].message.content, short.choices[0].finish_reason) == ("You said:", "length")
    stopped = await chat(client, stop=" there")
    assert (stopped.choices[0].message.content, stopped.choices[0].finish_reason) == (
        "You said: Hello",
        "stop",
    )
    refused = await chat(client, "refusing")
    assert refused.choices[0].finish_reason == "content_filter"


@pytest.mark.parametrize(
    ("model", "expected", "code"),
    [("limited", openai.RateLimitError, 429), ("overloaded", openai.InternalServerError, 503)],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_an_error_is_the_class_that_it_is(
    client: openai.AsyncOpenAI, model: str, expected: type[openai.APIStatusError], code: int, stream: bool
):
    with pytest.raises(expected) as caught:
        await chat(client, f"{model} {'stream' if stream else 'whole'}", stream=stream)
    assert caught.value.status_code == code


@pytest.mark.parametrize("model", ["breaking", "cut"])
async def test_a_stream_that_breaks_ends_in_an_error(client: openai.AsyncOpenAI, model: str):
    seen: list[str] = []
    with pytest.raises(openai.APIError):
        await read(client, model, seen)
    assert "".join(seen) == "You said:"


async def read(client: openai.AsyncOpenAI, model: str, seen: list[str]) -> None:
    """Puts the texts of a stream into `seen`."""
    async for chunk in await chat(client, model, stream=True):
        seen += [choice.delta.content for choice in chunk.choices if choice.delta.content]


async def test_pings_are_no_answer(client: openai.AsyncOpenAI):
    seen: list[str] = []
    await read(client, "pinging", seen)
    assert "".join(seen).startswith("You said: Hello there, mock.")
