"""An answer that breaks off upstream never looks complete; one that breaks before it began does not show."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import grpc
import openai
import pytest
import pytest_asyncio

from switch_grpc.v1 import chat_pb2, completion_pb2, switch_pb2_grpc
from tests.support.faulted import reason
from tests.support.gateway import KEY, Running, channel, route, running, target
from tests.support.raw_http import Answer, ask
from tests.support.raw_server import STREAM_HEAD, Script, piece, raw_server

pytestmark = pytest.mark.asyncio(loop_scope="module")

FAULTS = ("cut", "rst-mid", "eof", "stall", "malformed-json", "malformed-sse", "error-event")
TOKENS = 3  # that the provider sends before it fails
QUICK = {"idleMs": 300}
NEVER = {"maxRetries": 0}
BRIEF = {**NEVER, "timeout": 1000}
UNBROKEN = {"circuitBreaker": {"enabled": False}, "timeouts": QUICK}
MODELS = {
    **{
        f"broken {fault}": route(target("one", f"mock;tag;fault={fault};after={TOKENS}", **BRIEF), **UNBROKEN)
        for fault in FAULTS
    },
    **{
        f"rescued {fault}": route(
            target("one", f"mock;tag;fault={fault};after=0", **NEVER), target("two", "mock;tag"), **UNBROKEN
        )
        for fault in FAULTS
    },
    **{
        f"lost {fault}": route(target("one", f"mock;tag;fault={fault};after=0", **NEVER), **UNBROKEN)
        for fault in FAULTS
    },
    "whole": route(target("one", "mock;tag")),
    "no-done": route(target("one", "mock;tag;fault=no-done")),
}
DOORS = ["HTTP chat", "HTTP completions", "gRPC chat", "gRPC completions"]


class Seen(NamedTuple):
    """What a caller got."""

    text: str
    ended: str | None  # the error at its end; None for an end that looks complete
    told: str = ""  # who answered, or the status where nobody did


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served() -> AsyncIterator[Running]:
    async with running(MODELS) as made:
        yield made


@pytest.fixture
def gateway(served: Running) -> Running:
    """The same gateway for every test here; what its provider saw is forgotten in between."""
    served.mock.reset()
    return served


def body(path: str, name: str, **members: Any) -> bytes:
    said = {"messages": [{"role": "user", "content": "Hello"}]} if "chat" in path else {"prompt": "Hello"}
    return json.dumps({"model": name, "stream": True, **said, **members}).encode()


async def by_http(gateway: Running, path: str, name: str) -> Seen:
    answer = await ask(gateway.http, body(path, name), path)
    assert answer.clean, "a broken stream still ends as HTTP says: the error is in it"
    if answer.status != 200:
        return Seen("", answer.json["error"]["code"], str(answer.status))
    return read(answer)


def read(answer: Answer) -> Seen:
    """An event stream, held to OpenAI's form."""
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [event.removeprefix("data: ") for event in answer.events]
    last = events.pop()
    parsed = [json.loads(event) for event in events]
    text = "".join(
        choice.get("text") or choice.get("delta", {}).get("content") or ""
        for chunk in parsed
        for choice in chunk["choices"]
    )
    if last == "[DONE]":
        return Seen(text, None, answer.headers["x-used-provider"])
    error = json.loads(last)
    assert error.keys() <= {"error", "usage"}
    assert error["error"].keys() == {"message", "type", "param", "code"}
    assert error["error"]["type"] == "server_error"
    assert not any(choice["finish_reason"] for chunk in parsed for choice in chunk["choices"])
    return Seen(text, error["error"]["code"])


async def by_grpc(gateway: Running, path: str, name: str) -> Seen:
    text = provider = ""
    async with channel(gateway) as made:
        stub: Any = switch_pb2_grpc.SwitchServiceStub(made)
        if "chat" in path:
            hello = [chat_pb2.Message(role=chat_pb2.ROLE_USER, content="Hello")]
            request, method = chat_pb2.ChatRequest(route=name, messages=hello), stub.StreamChat
        else:
            prompt = completion_pb2.Prompt(text="Hello")
            request, method = completion_pb2.CompletionRequest(route=name, prompt=prompt), stub.StreamComplete
        call = method(request, metadata=[("x-api-key", KEY)])
        try:
            async for chunk in call:
                provider = provider or chunk.route_info.target
                for choice in chunk.choices:
                    text += choice.delta.content if "chat" in path else choice.text
        except grpc.aio.AioRpcError as error:
            return Seen(text, reason(error).lower(), (await call.code()).name)
    return Seen(text, None, provider)


async def seen(gateway: Running, door: str, name: str) -> Seen:
    ask_it = by_http if door.startswith("HTTP") else by_grpc
    return await ask_it(gateway, "/v1/chat/completions" if "chat" in door else "/v1/completions", name)


def tokens(text: str) -> list[tuple[str, int]]:
    """(attempt, number) of each token of a tagged answer."""
    pairs = (word.rpartition(":") for word in text.split())
    return [(attempt, int(number)) for attempt, _, number in pairs]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_stream_cut_after_its_first_token_gives_what_came_and_then_an_error(
    gateway: Running, door: str, fault: str
):
    got = await seen(gateway, door, f"broken {fault}")
    assert got.ended == "stream_interrupted"
    assert [number for _, number in tokens(got.text)] == list(range(TOKENS))
    assert len(gateway.mock.requests) == 1  # what the caller has of an answer is never mixed with another


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_stream_cut_before_its_first_token_is_served_by_the_next_target_as_if_nothing_was(
    gateway: Running, door: str, fault: str
):
    whole, got = await seen(gateway, door, "whole"), await seen(gateway, door, f"rescued {fault}")
    assert (got.ended, got.told) == (None, "two")
    assert [number for _, number in tokens(got.text)] == [number for _, number in tokens(whole.text)]
    assert {attempt for attempt, _ in tokens(got.text)} == {gateway.mock.requests[-1].id}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_stream_cut_before_its_first_token_is_an_ordinary_error_where_no_target_is_left(
    gateway: Running, door: str, fault: str
):
    got = await seen(gateway, door, f"lost {fault}")
    assert got.text == ""
    assert got.ended
    assert got.told in (("502", "504") if "HTTP" in door else ("UNAVAILABLE",))


@pytest.mark.parametrize("door", DOORS)
async def test_a_stream_without_its_last_event_is_complete_if_it_said_so(gateway: Running, door: str):
    """A finish reason ends an answer; some servers send no [DONE] after it."""
    whole, got = await seen(gateway, door, "whole"), await seen(gateway, door, "no-done")
    assert got.ended is None
    assert len(tokens(got.text)) == len(tokens(whole.text))


async def test_the_transcript_of_a_broken_stream_to_the_letter(gateway: Running):
    answer = await ask(gateway.http, body("chat", "broken cut", stream_options={"include_usage": True}))
    lines = answer.body.decode().split("\n\n")
    assert lines.pop() == ""
    assert all(line.startswith("data: {") and "\n" not in line for line in lines)
    *chunks, error = (json.loads(line.removeprefix("data: ")) for line in lines)
    assert [chunk["choices"][0]["delta"].get("content") for chunk in chunks if chunk["choices"]][
        -TOKENS:
    ] == [f"{gateway.mock.requests[0].id}:{number} " for number in range(TOKENS)]
    assert all(chunk["usage"] is None for chunk in chunks)
    assert error == {
        "error": {
            "message": "target 'one' (mock): the stream broke off before it was complete; "
            "what came is all there is",
            "type": "server_error",
            "param": None,
            "code": "stream_interrupted",
        }
    }
    assert "content-length" not in answer.headers


async def test_the_openai_package_raises_what_broke_off(gateway: Running):
    async with openai.AsyncOpenAI(base_url=f"{gateway.http}/v1", api_key=KEY, max_retries=0) as client:
        stream = await client.chat.completions.create(
            model="broken cut", messages=[{"role": "user", "content": "Hello"}], stream=True
        )
        with pytest.raises(openai.APIError) as raised:
            [chunk async for chunk in stream]
    assert raised.value.code == "stream_interrupted"


@pytest.mark.parametrize("fault", ["cut", "rst-mid", "eof", "stall", "malformed-json"])
async def test_a_whole_answer_that_is_cut_is_an_error_and_not_a_shorter_answer(gateway: Running, fault: str):
    request = body("chat", f"broken {fault}", stream=False)
    answer = await ask(gateway.http, request)
    assert answer.status in (502, 504)
    assert answer.json.keys() == {"error"}
    async with channel(gateway) as made:
        stub: Any = switch_pb2_grpc.SwitchServiceStub(made)
        hello = [chat_pb2.Message(role=chat_pb2.ROLE_USER, content="Hello")]
        message = chat_pb2.ChatRequest(route=f"broken {fault}", messages=hello)
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await stub.Chat(message, metadata=[("x-api-key", KEY)])
    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE


def chunks_then_eof(*chunks: dict[str, Any]) -> Script:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD)
        for chunk in chunks:
            whole = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", **chunk}
            writer.write(piece(f"data: {json.dumps(whole)}\n\n".encode()))
        writer.write(piece(b""))
        writer.close()

    return script


async def test_an_answer_of_two_choices_is_complete_only_when_both_are():
    def choice(index: int, content: str | None, finish: str | None = None) -> dict[str, Any]:
        delta = {"content": content} if content else {}
        return {"choices": [{"index": index, "delta": delta, "finish_reason": finish}]}

    script = chunks_then_eof(choice(0, "a"), choice(1, "b"), choice(0, None, "stop"))
    async with raw_server(script) as provider:
        one = target("one", provider="custom", apiBase=f"{provider.url}/v1", **NEVER)
        async with running({"lite": route(one)}) as gateway:
            answer = await ask(gateway.http, body("chat", "lite", n=2))
    assert "[DONE]" not in answer.body.decode()
    assert json.loads(answer.events[-1].removeprefix("data: "))["error"]["code"] == "stream_interrupted"
