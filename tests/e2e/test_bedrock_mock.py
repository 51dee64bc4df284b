"""The unmodified openai SDK, the gateway, and the mock as Bedrock: signed, strict, and not ours to please."""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest

from switch_grpc.mock import MockServer
from tests.support.gateway import KEY, Running, running

ACCESS, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
STORES = {
    "aws": {
        "type": "aws",
        "config": {"accessKeyIdVar": "AWS_ACCESS_KEY_ID", "secretAccessKeyVar": "AWS_SECRET_ACCESS_KEY"},
    }
}
HELLO: Any = [{"role": "user", "content": "Hello there"}]
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
NOW: Any = {"type": "function", "function": {"name": "now"}}


@pytest.fixture
async def mock() -> AsyncIterator[MockServer]:
    async with MockServer(key=f"{ACCESS}:{SECRET}") as server:
        yield server


def route(mock: MockServer, model: str, **more: Any) -> dict[str, Any]:
    target = {
        "name": "b",
        "provider": "bedrock",
        "modelName": model,
        "apiBase": f"{mock.url.removesuffix('/v1')}/{{region}}",
        "credentialsRef": "aws",
        "regions": ["us-east-1"],
        "maxRetries": 0,
        **more,
    }
    return {"providers": [target]}


def gateway(mock: MockServer, model: str = "claude-sonnet-4-5", **more: Any) -> Any:
    environ = {"AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET}
    return running({"m": route(mock, model, **more)}, environ=environ, credentialStores=STORES)


def client(live: Running) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{live.http}/v1", api_key=KEY, max_retries=0)


async def streamed(caller: openai.AsyncOpenAI, **request: Any) -> tuple[str, list[tuple[str, str]], str, Any]:
    """Text, calls, finish reason and usage of a stream."""
    text, calls, finish, usage = "", {}, "", None
    asked = await caller.chat.completions.create(
        model="m", stream=True, stream_options={"include_usage": True}, **request
    )
    async for chunk in asked:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            text += choice.delta.content or ""
            finish = choice.finish_reason or finish
            for call in choice.delta.tool_calls or ():
                name, arguments = calls.get(call.index, ("", ""))
                assert call.function is not None
                calls[call.index] = (
                    name + (call.function.name or ""),
                    arguments + (call.function.arguments or ""),
                )
    return text, [calls[k] for k in sorted(calls)], finish, usage


async def both(caller: openai.AsyncOpenAI, **request: Any) -> Any:
    """The whole answer, after the stream of the same request was found to say the same."""
    whole = await caller.chat.completions.create(model="m", **request)
    message = whole.choices[0].message
    calls = [(call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls or ()]
    text, parts, finish, usage = await streamed(caller, **request)
    parsed = [(name, json.loads(arguments)) for name, arguments in parts]
    assert (text, parsed, finish) == (message.content or "", calls, whole.choices[0].finish_reason)
    assert usage == whole.usage
    return whole


async def test_a_signed_chat_is_answered_whole_and_streamed(mock: MockServer):
    async with gateway(mock) as live, client(live) as caller:
        whole = await both(
            caller,
            messages=[{"role": "system", "content": "Be brief"}, *HELLO],
            temperature=0.5,
            max_tokens=300,
        )
    assert whole.choices[0].message.content.startswith("You said: Hello there.")
    assert whole.choices[0].finish_reason == "stop"
    assert whole.usage.completion_tokens > 0
    assert [request.path.rpartition("/")[2] for request in mock.requests] == ["converse", "converse-stream"]
    assert {request.status for request in mock.requests} == {200}
    assert mock.requests[0].path.startswith("/us-east-1/model/us.anthropic.claude-sonnet-4-5-")
    assert mock.requests[0].headers["authorization"].startswith("AWS4-HMAC-SHA256 ")


async def test_limits_and_stop_sequences_end_the_answer(mock: MockServer):
    async with gateway(mock) as live, client(live) as caller:
        cut = await both(caller, messages=HELLO, max_tokens=2)
        stopped = await both(caller, messages=HELLO, stop=["there"])
    assert (cut.choices[0].message.content, cut.choices[0].finish_reason) == ("You said:", "length")
    assert (stopped.choices[0].message.content, stopped.choices[0].finish_reason) == (
        "You said: Hello ",
        "stop",
    )


async def test_tools_go_round(mock: MockServer):
    """Two calls at once, one without arguments, their results, and an answer that quotes them."""
    asked: Any = [{"role": "user", "content": "Ask get_weather and now"}]
    async with gateway(mock) as live, client(live) as caller:
        called = await both(caller, messages=asked, tools=[WEATHER, NOW])
        message = called.choices[0].message
        assert called.choices[0].finish_reason == "tool_calls"
        assert [call.function.name for call in message.tool_calls] == ["get_weather", "now"]
        assert json.loads(message.tool_calls[1].function.arguments) == {}
        results = [
            {"role": "tool", "tool_call_id": call.id, "content": said}
            for call, said in zip(message.tool_calls, ("21 degrees", "noon"), strict=True)
        ]
        told = await both(
            caller,
            messages=[*asked, message.model_dump(exclude_none=True), *results],
            tools=[WEATHER, NOW],
        )
        forced = await both(
            caller,
            messages=HELLO,
            tools=[WEATHER, NOW],
            tool_choice={"type": "function", "function": {"name": "now"}},
        )
    assert told.choices[0].message.content.startswith("The tool says: 21 degrees; noon.")
    assert [call.function.name for call in forced.choices[0].message.tool_calls] == ["now"]


async def test_images_and_documents_arrive(mock: MockServer):
    data = base64.b64encode(b"%PDF-1.7").decode()
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    files = [
        {
            "type": "file",
            "file": {"filename": "a report.v2.pdf", "file_data": f"data:application/pdf;base64,{data}"},
        }
        for _ in range(2)
    ]
    content: Any = [{"type": "text", "text": "Look"}, image, *files]
    async with gateway(mock) as live, client(live) as caller:
        whole = await both(caller, messages=[{"role": "user", "content": content}])
    assert "I see 1 image. I got 2 files." in whole.choices[0].message.content


async def test_a_schema_shapes_the_answer(mock: MockServer):
    wanted = {
        "type": "object",
        "properties": {"n": {"type": "integer"}},
        "required": ["n"],
        "additionalProperties": False,
    }
    form: Any = {"type": "json_schema", "json_schema": {"name": "number", "schema": wanted, "strict": True}}
    async with gateway(mock) as live, client(live) as caller:
        whole = await both(caller, messages=HELLO, response_format=form)
    assert isinstance(json.loads(whole.choices[0].message.content)["n"], int)


async def test_reasoning_comes_and_goes_back_as_it_was_signed(mock: MockServer):
    """The mock refuses reasoning whose text does not fit its signature."""
    async with gateway(mock) as live, client(live) as caller:
        ask: Any = {"model": "m", "reasoning_effort": "low", "max_tokens": 8000}
        first = await caller.chat.completions.create(messages=HELLO, **ask)
        said = first.choices[0].message.model_dump(exclude_none=True)
        assert said["reasoning_content"].startswith("The user asks;")
        again = await caller.chat.completions.create(
            messages=[*HELLO, said, {"role": "user", "content": "Go on"}], **ask
        )
    assert again.choices[0].message.content is not None
    sent = json.loads(mock.requests[-1].body)["messages"][1]["content"]
    assert sent[0]["reasoningContent"]["reasoningText"]["signature"]


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "dropped"])
async def test_tools_go_round_in_the_midst_of_reasoning(mock: MockServer, kept: bool):
    """A client that drops the reasoning is answered too: Claude cannot go on thinking, and does not."""
    asked: Any = [{"role": "user", "content": "Ask get_weather"}]
    ask: Any = {"model": "m", "reasoning_effort": "low", "max_tokens": 8000, "tools": [WEATHER]}
    async with gateway(mock) as live, client(live) as caller:
        first = await caller.chat.completions.create(messages=asked, **ask)
        said = first.choices[0].message
        assert said.tool_calls is not None
        shown = said.model_dump(exclude_none=True)
        if not kept:
            shown = {name: shown[name] for name in ("role", "tool_calls")}
        result = {"role": "tool", "tool_call_id": said.tool_calls[0].id, "content": "21 degrees"}
        told = await caller.chat.completions.create(messages=[*asked, shown, result], **ask)
    assert str(told.choices[0].message.content).startswith("The tool says: 21 degrees.")
    assert ("additionalModelRequestFields" in json.loads(mock.requests[-1].body)) is kept


async def test_embeddings_come_by_invoke_model(mock: MockServer):
    for model, width in (("titan-embed-text-v2", 1024), ("cohere.embed-english-v3", 1024)):
        async with gateway(mock, model) as live, client(live) as caller:
            answer = await caller.embeddings.create(model="m", input=["a", "b"])
        assert [len(each.embedding) for each in answer.data] == [width, width]
        assert answer.data[0].embedding != answer.data[1].embedding


@pytest.mark.parametrize(
    ("script", "status", "code"),
    [
        ("status=429", 429, "upstream_rate_limited"),
        ("status=503", 503, None),
        ("error=context_length_exceeded", 400, "context_length_exceeded"),
    ],
)
async def test_bedrocks_exceptions_are_openais_errors(
    mock: MockServer, script: str, status: int, code: str | None
):
    async with gateway(mock, f"mock;{script}") as live, client(live) as caller:
        with pytest.raises(openai.APIStatusError) as caught:
            await caller.chat.completions.create(model="m", messages=HELLO)
    assert caught.value.status_code == status
    assert code is None or caught.value.code == code


@pytest.mark.parametrize(
    "fault", ["cut", "eof", "no-done", "rst-mid", "malformed-json", "malformed-sse", "error-event;status=429"]
)
async def test_a_stream_that_breaks_is_never_taken_for_a_whole_one(mock: MockServer, fault: str):
    async with gateway(mock, f"mock;fault={fault};after=3") as live, client(live) as caller:
        with pytest.raises(openai.APIError):
            await streamed(caller, messages=HELLO)


async def test_an_exception_before_the_first_token_moves_to_the_next_target(mock: MockServer):
    models = route(mock, "mock;fault=role-then-error;status=503")
    models["providers"] += route(mock, "mock", name="c", priority=2)["providers"]
    environ = {"AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET}
    async with (
        running({"m": models}, environ=environ, credentialStores=STORES) as live,
        client(live) as caller,
    ):
        text, _, finish, _ = await streamed(caller, messages=HELLO)
    assert (text.startswith("You said: Hello there."), finish) == (True, "stop")


async def test_a_wrong_secret_is_the_gateways_own_trouble(mock: MockServer):
    async with gateway(mock) as live, client(live) as caller:
        mock.key = f"{ACCESS}:another"
        with pytest.raises(openai.APIStatusError) as caught:
            await caller.chat.completions.create(model="m", messages=HELLO)
    assert (caught.value.status_code, caught.value.code) == (502, "upstream_auth_failed")
    assert mock.requests[0].status == 403
