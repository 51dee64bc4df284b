"""What the gateway does not know it does not touch: members and numbers arrive as sent, both ways."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from switch_grpc.openai_wire import encode_chat_chunk, encode_chat_response
from switch_grpc.v1 import chat_pb2, completion_pb2, embedding_pb2, switch_pb2_grpc
from tests.support.gateway import KEY, Running, channel, route, running, target
from tests.support.raw_http import ask
from tests.support.raw_server import STREAM_HEAD, RawServer, Script, piece, raw_server, reply

UNKNOWN = """\
"int": 5, "float": 5.0, "above_2_53": 9007199254740993, "huge": 123456789012345678901234567890,
"tiny": 1.0e-7, "digits": 0.30000000000000004441, "words": "h\\u00e9llo \\ud83c\\udf0d \\u0000",
"nested": {"z": [1, 1.0, {"b": null, "a": true}], "a": {}}, "none": null, "empty": [], "flag": false,
"zero": -0.0"""
SCHEMA = (
    '{"type":"object","required":["z","a"],"properties":{"z":{"type":"integer","maximum":9007199254740993},'
    '"a":{"type":"number","minimum":5.0,"multipleOf":5},"m":{"enum":[1,1.0,"1",null]}},"$defs":{},"$comment":""}'
)
TOOL = f'{{"type":"function","function":{{"name":"f","parameters":{SCHEMA},{UNKNOWN}}},{UNKNOWN}}}'
CHAT = f"""{{"model": "lite", {UNKNOWN}, "tools": [{TOOL}], "messages": [
    {{"role": "system", "content": [{{"type": "text", "text": "Be brief.", {UNKNOWN}}}]}},
    {{"role": "user", "content": "Hello", {UNKNOWN}}}]}}"""
ANSWER = f"""{{"id": "one", "object": "chat.completion", "created": 7, "model": "real", {UNKNOWN},
    "choices": [{{"index": 0, "finish_reason": "stop", "logprobs": null, {UNKNOWN},
        "message": {{"role": "assistant", "content": "Hi", "refusal": null, {UNKNOWN}}}}}],
    "usage": {{"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2, {UNKNOWN}}}}}"""
CHUNK = f"""{{"id": "one", "object": "chat.completion.chunk", "created": 7, "model": "real", {UNKNOWN},
    "choices": [{{"index": 0, "finish_reason": null, "logprobs": null, {UNKNOWN},
        "delta": {{"role": "assistant", "content": "Hi", {UNKNOWN}}}}}]}}"""
LAST = """{"id": "one", "object": "chat.completion.chunk", "created": 7, "model": "real",
    "choices": [{"index": 0, "finish_reason": "stop", "logprobs": null, "delta": {}}]}"""


class Number(NamedTuple):
    """A number as it is written: 5 and 5.0 differ, and no digit is lost."""

    written: str


def told(text: str | bytes) -> Any:
    """The value of a JSON text, with numbers as written; the order of members does not count."""
    return json.loads(text, parse_int=Number, parse_float=Number)


def in_order(text: str | bytes) -> Any:
    """The same, and the order of members counts."""
    return json.loads(text, parse_int=Number, parse_float=Number, object_pairs_hook=tuple)


def unknown(value: Any) -> dict[str, Any]:
    return {name: value[name] for name in told(f"{{{UNKNOWN}}}")}


SENT = told(f"{{{UNKNOWN}}}")


def test_there_are_ten_unknown_members_at_least():
    assert len(SENT) >= 10


@pytest_asyncio.fixture
async def gateway() -> AsyncIterator[Running]:
    async with running({"lite": route(target("one"))}) as made:
        yield made


async def chat_by_grpc(gateway: Running, stream: bool) -> None:
    """The message of `CHAT`, made field by field as a caller with stubs makes it."""
    extra = f"{{{UNKNOWN}}}"
    tool = chat_pb2.FunctionTool(name="f", parameters_json=SCHEMA, extra_json=extra)
    part = chat_pb2.Part(text="Be brief.", extra_json=extra)
    request = chat_pb2.ChatRequest(
        route="lite",
        messages=[
            chat_pb2.Message(role=chat_pb2.ROLE_SYSTEM, parts=[part]),
            chat_pb2.Message(role=chat_pb2.ROLE_USER, content="Hello", extra_json=extra),
        ],
        tools=[chat_pb2.Tool(function=tool, extra_json=extra)],
        extra_json=extra,
    )
    async with channel(gateway) as made:
        stub: Any = switch_pb2_grpc.SwitchServiceStub(made)
        if stream:
            async for _ in stub.StreamChat(request, metadata=[("x-api-key", KEY)]):
                pass
        else:
            await stub.Chat(request, metadata=[("x-api-key", KEY)])


async def chat_by_http(gateway: Running, stream: bool) -> None:
    flag = '{"stream": true, ' if stream else "{"
    answer = await ask(gateway.http, CHAT.replace("{", flag, 1).encode())
    assert answer.status == 200, answer.body


@pytest.mark.parametrize("by", [chat_by_http, chat_by_grpc], ids=["HTTP", "gRPC"])
@pytest.mark.parametrize("stream", [False, True], ids=["unary", "stream"])
async def test_unknown_members_of_a_request_reach_the_provider_equal_in_value(
    gateway: Running, by: Any, stream: bool
):
    await by(gateway, stream)
    (request,) = gateway.mock.requests
    body = told(request.body)
    system, user = body["messages"]
    (tool,) = body["tools"]
    for each in (body, system["content"][0], user, tool, tool["function"]):
        assert unknown(each) == SENT
    added = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    assert body == told(CHAT) | {"model": "mock"} | added  # and nothing else


@pytest.mark.parametrize("by", [chat_by_http, chat_by_grpc], ids=["HTTP", "gRPC"])
async def test_a_tool_schema_keeps_the_order_of_its_members(gateway: Running, by: Any):
    """Models answer differently to a schema in another order, and providers cache prompts by their bytes."""
    await by(gateway, stream=False)
    tools = dict(in_order(gateway.mock.requests[0].body))["tools"]
    parameters = dict(dict(tools[0])["function"])["parameters"]
    assert parameters == in_order(SCHEMA)


@pytest.mark.parametrize("path", ["completions", "embeddings"])
async def test_unknown_members_of_the_other_requests_reach_the_provider_too(gateway: Running, path: str):
    said = "prompt" if path == "completions" else "input"
    body = f'{{"model": "lite", "{said}": "Hello", {UNKNOWN}}}'.encode()
    assert (await ask(gateway.http, body, f"/v1/{path}")).status == 200
    async with channel(gateway) as made:
        stub: Any = switch_pb2_grpc.SwitchServiceStub(made)
        prompt, extra = completion_pb2.Prompt(text="Hello"), f"{{{UNKNOWN}}}"
        if path == "completions":
            call = stub.Complete
            request = completion_pb2.CompletionRequest(route="lite", prompt=prompt, extra_json=extra)
        else:
            call, request = (
                stub.Embed,
                embedding_pb2.EmbedRequest(route="lite", input=prompt, extra_json=extra),
            )
        await call(request, metadata=[("x-api-key", KEY)])
    by_http, by_grpc = (told(request.body) for request in gateway.mock.requests)
    assert unknown(by_http) == unknown(by_grpc) == SENT
    assert by_http == by_grpc


def whole(text: str) -> Script:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(text.encode()))
        writer.close()

    return script


def streamed(*events: str) -> Script:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD)
        for event in (*(" ".join(event.split("\n")) for event in events), "[DONE]"):
            writer.write(piece(f"data: {event}\n\n".encode()))
        writer.write(piece(b""))
        writer.close()

    return script


def behind(provider: RawServer) -> Any:
    one = {"name": "one", "provider": "custom", "apiBase": f"{provider.url}/v1", "modelName": "real"}
    return running({"lite": route(one)})


def parts_of(value: Any, part: str) -> Iterator[Any]:
    """Every object in which the provider put unknown members."""
    yield value
    for choice in value["choices"]:
        yield from (choice, choice[part])


HELLO = chat_pb2.ChatRequest(
    route="lite", messages=[chat_pb2.Message(role=chat_pb2.ROLE_USER, content="Hello")]
)


async def test_unknown_members_of_a_reply_reach_the_caller_equal_in_value():
    async with raw_server(whole(ANSWER)) as provider, behind(provider) as gateway:
        answer = await ask(
            gateway.http, b'{"model": "lite", "messages": [{"role": "user", "content": "Hi"}]}'
        )
        async with channel(gateway) as made:
            stub: Any = switch_pb2_grpc.SwitchServiceStub(made)
            message = await stub.Chat(HELLO, metadata=[("x-api-key", KEY)])
    assert told(answer.body) == told(ANSWER) | {"model": "lite"}
    for each in (*parts_of(told(answer.body), "message"), told(answer.body)["usage"]):
        assert unknown(each) == SENT
    assert told(encode_chat_response(message)) == told(answer.body)
    choice = message.choices[0]
    for each in (message, choice, choice.message, message.usage):
        assert told(each.extra_json) == SENT


async def test_unknown_members_of_a_stream_reach_the_caller_equal_in_value():
    async with raw_server(streamed(CHUNK, CHUNK, LAST)) as provider, behind(provider) as gateway:
        body = b'{"model": "lite", "stream": true, "messages": [{"role": "user", "content": "Hi"}]}'
        answer = await ask(gateway.http, body)
        async with channel(gateway) as made:
            stub: Any = switch_pb2_grpc.SwitchServiceStub(made)
            chunks = [chunk async for chunk in stub.StreamChat(HELLO, metadata=[("x-api-key", KEY)])]
    first, second, last, done = (event.removeprefix("data: ") for event in answer.events)
    assert told(first) == told(second) == told(CHUNK) | {"model": "lite"}
    for each in parts_of(told(first), "delta"):
        assert unknown(each) == SENT
    assert (told(last), done) == (told(LAST) | {"model": "lite"}, "[DONE]")
    by_grpc = [told(encode_chat_chunk(chunk)) for chunk in chunks if chunk.choices]
    assert by_grpc == [told(first), told(second), told(last)]
    for chunk in chunks[:2]:
        choice = chunk.choices[0]
        for each in (chunk, choice, choice.delta):
            assert told(each.extra_json) == SENT
