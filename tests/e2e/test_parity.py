"""One table of requests through both doors: the same answers, errors, and account of who answered."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import grpc
import httpx
import pytest
import pytest_asyncio
from google.rpc import error_details_pb2, status_pb2

from http_facade.models import model_object
from switch_grpc import openai_wire
from switch_grpc.faults import RULES, Kind
from switch_grpc.v1 import (
    admin_pb2,
    admin_pb2_grpc,
    chat_pb2,
    completion_pb2,
    embedding_pb2,
    fault_pb2,
    route_info_pb2,
    switch_pb2,
    switch_pb2_grpc,
)
from tests.support.gateway import KEY, Running, channel, route, running, target

pytestmark = pytest.mark.asyncio(loop_scope="module")

USER = {"role": "user", "content": "Hello there"}
PIXEL = "data:image/png;base64,iVBORw0KGgo="
TOOL = {
    "type": "function",
    "function": {
        "name": "look_up",
        "parameters": {"type": "object", "properties": {"q": {"type": "string"}}},
    },
}
CALLED = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": '{"q": "x"}'}}
    ],
}
SCHEMA = {
    "name": "s",
    "schema": {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
}


def chat(model: str = "lite", **members: Any) -> dict[str, Any]:
    return {"model": model, "messages": [USER], **members}


def said(*messages: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"model": "lite", "messages": list(messages), **members}


CHATS: dict[str, dict[str, Any]] = {
    "text": chat(),
    "alias": chat("light"),
    "system": said({"role": "system", "content": "Be brief."}, USER),
    "developer": said({"role": "developer", "content": "Be brief."}, USER),
    "several turns": said(USER, {"role": "assistant", "content": "Hi."}, {"role": "user", "content": "And?"}),
    "unicode": said({"role": "user", "content": "héllo 🌍 \u0000 \u202e"}),
    "an empty text": said({"role": "user", "content": ""}),
    "a name": said({**USER, "name": "ann"}),
    "text parts": said(
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}
    ),
    "an image": said({"role": "user", "content": [{"type": "image_url", "image_url": {"url": PIXEL}}]}),
    "a file": said({"role": "user", "content": [{"type": "file", "file": {"file_id": "f1"}}]}),
    "audio": said(
        {
            "role": "user",
            "content": [{"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}],
        }
    ),
    "tools": chat(tools=[TOOL]),
    "a forced tool": chat(tools=[TOOL], tool_choice="required"),
    "a named tool": chat(tools=[TOOL], tool_choice={"type": "function", "function": {"name": "look_up"}}),
    "no tool": chat(tools=[TOOL], tool_choice="none"),
    "a tool's result": said(
        USER, CALLED, {"role": "tool", "tool_call_id": "c1", "content": "found"}, tools=[TOOL]
    ),
    "JSON": chat(response_format={"type": "json_object"}),
    "JSON Schema": chat(response_format={"type": "json_schema", "json_schema": SCHEMA}),
    "two choices": chat(n=2),
    "logprobs": chat(logprobs=True, top_logprobs=1),
    "a length limit": chat(max_tokens=2),
    "the newer limit": chat(max_completion_tokens=2),
    "stop": chat(stop=["e"]),
    "one stop": chat(stop="e"),
    "a seed": chat(seed=7),
    "sampling": chat(temperature=0.1, top_p=1, frequency_penalty=-1, presence_penalty=0.5),
    "metadata": chat(metadata={"a": "b"}, user="ann", store=False, service_tier="auto"),
    "unknown members": chat(chat_template_kwargs={"think": 5.0}, top_k=40),
    "the fallback": chat("fallback"),
    "reasoning": chat("thinks"),
    "a refusal": chat("refuses"),
    "a filtered answer": chat("filtered"),
}


def text(prompt: Any = "Once upon a time", model: str = "lite", **members: Any) -> dict[str, Any]:
    return {"model": model, "prompt": prompt, **members}


COMPLETIONS: dict[str, dict[str, Any]] = {
    "a prompt": text(),
    "an alias": text(model="light"),
    "several prompts": text(["one", "two"]),
    "tokens": text([1, 2, 3]),
    "lists of tokens": text([[1, 2], [3]]),
    "two choices": text(n=2),
    "an echo": text(echo=True),
    "logprobs": text(logprobs=2),
    "a length limit": text(max_tokens=2),
    "stop, seed and sampling": text(stop=["e"], seed=7, temperature=0.1, top_p=1, presence_penalty=0.5),
    "unknown members": text(top_k=40),
    "the fallback": text(model="fallback"),
}


def embed(value: Any = "hello", model: str = "lite", **members: Any) -> dict[str, Any]:
    return {"model": model, "input": value, **members}


EMBEDDINGS: dict[str, dict[str, Any]] = {
    "a text": embed(),
    "several texts": embed(["a", "b", "c"]),
    "tokens": embed([1, 2, 3]),
    "lists of tokens": embed([[1], [2, 3]]),
    "dimensions": embed(dimensions=4),
    "Base64": embed(encoding_format="base64"),
    "the fallback": embed(model="fallback"),
}
REFUSED: dict[str, dict[str, Any]] = {
    "a role nobody knows": said({"role": "critic", "content": "Hm."}, USER),
    "no such route": chat("nowhere"),
    "no messages": {"model": "lite", "messages": []},
    "an overloaded provider": chat("overloaded"),
    "a rate limit": chat("limited"),
    "the gateway's key refused": chat("locked"),
    "a missing model": chat("missing"),
    "a prompt too long": chat("too-long"),
    "a filtered prompt": chat("prompt-filter"),
    "a broken provider": chat("broken"),
    "nothing but garbage": chat("garbage"),
    "a malformed answer": chat("malformed"),
    "an error in a 200": chat("error-body"),
    "no quota": chat("broke"),
}
OTHERS_REFUSED: dict[tuple[str, str], dict[str, Any]] = {
    ("completions", "no such route"): text(model="nowhere"),
    ("completions", "an overloaded provider"): text(model="overloaded"),
    ("completions", "a broken provider"): text(model="broken"),
    ("completions", "nothing but garbage"): text(model="garbage"),
    ("embeddings", "no such route"): embed(model="nowhere"),
    ("embeddings", "an overloaded provider"): embed(model="overloaded"),
    ("embeddings", "a rate limit"): embed(model="limited"),
    ("embeddings", "a malformed answer"): embed(model="malformed"),
}
ALL_REFUSED = {**{("chat/completions", name): row for name, row in REFUSED.items()}, **OTHERS_REFUSED}
REFUSED_BOTH_WAYS = [
    (path, name, stream)
    for path, name in ALL_REFUSED
    for stream in (False, True)
    if not (stream and path == "embeddings")
]
NEVER = {"maxRetries": 0}
MODELS = {
    "lite": route(target("one"), aliases=["light"]),
    "fallback": route(target("one", "mock;status=500"), target("two")),
    "thinks": route(target("one", "mock;reasoning")),
    "refuses": route(target("one", "mock;refusal")),
    "filtered": route(target("one", "mock;filter")),
    "overloaded": route(target("one", "mock;status=503;retry-after=7", **NEVER)),
    "limited": route(target("one", "mock;status=429;retry-after=9", **NEVER)),
    "locked": route(target("one", "mock;error=invalid_api_key", **NEVER)),
    "missing": route(target("one", "mock;error=model_not_found", **NEVER)),
    "too-long": route(target("one", "mock;error=context_length_exceeded", **NEVER)),
    "prompt-filter": route(target("one", "mock;error=content_filter", **NEVER)),
    "broken": route(target("one", "mock;status=500", **NEVER)),
    "garbage": route(target("one", "mock;fault=garbage", **NEVER)),
    "malformed": route(target("one", "mock;fault=malformed-json", **NEVER)),
    "error-body": route(target("one", "mock;fault=error-body", **NEVER)),
    "broke": route(target("one", "mock;error=insufficient_quota", **NEVER)),
}


@dataclass(frozen=True)
class Operation:
    """An operation as both doors name it."""

    decode: Callable[[bytes], Any]
    encode: Callable[[Any], bytes]
    method: str
    request: type[Any]
    stream_method: str = ""
    encode_chunk: Callable[[Any], bytes] = openai_wire.encode_chat_chunk
    fold: Callable[[Any], Any] = openai_wire.fold_chat


OPERATIONS = {
    "chat/completions": Operation(
        openai_wire.decode_chat_request,
        openai_wire.encode_chat_response,
        "Chat",
        chat_pb2.ChatRequest,
        "StreamChat",
    ),
    "completions": Operation(
        openai_wire.decode_completion_request,
        openai_wire.encode_completion_response,
        "Complete",
        completion_pb2.CompletionRequest,
        "StreamComplete",
        openai_wire.encode_completion_chunk,
        openai_wire.fold_completion,
    ),
    "embeddings": Operation(
        openai_wire.decode_embed_request,
        openai_wire.encode_embed_response,
        "Embed",
        embedding_pb2.EmbedRequest,
    ),
}
REPLIES = {
    (path, name): request
    for path, rows in (("chat/completions", CHATS), ("completions", COMPLETIONS), ("embeddings", EMBEDDINGS))
    for name, request in rows.items()
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway() -> AsyncIterator[Running]:
    for model in MODELS.values():  # a breaker that one door opens is not the other door's answer
        model["circuitBreaker"] = {"enabled": False}
    async with running(MODELS) as made:
        yield made


async def test_the_table_is_large_enough():
    assert len(REPLIES) + len(ALL_REFUSED) >= 70


async def by_http(
    gateway: Running, request: dict[str, Any], path: str = "chat/completions"
) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.post(f"{gateway.http}/v1/{path}", json=request, headers={"x-api-key": KEY})


async def reset(gateway: Running) -> None:
    async with channel(gateway) as made:
        stub: Any = admin_pb2_grpc.AdminServiceStub(made)
        await stub.ResetBreaker(admin_pb2.ResetBreakerRequest(), metadata=[("x-api-key", KEY)])


async def by_grpc(gateway: Running, request: dict[str, Any], path: str = "chat/completions") -> Any:
    operation = OPERATIONS[path]
    if request.get("messages", True):
        message = operation.decode(json.dumps(request).encode())
    else:  # which a decoder of JSON would refuse before the gateway does
        message = operation.request(route=request["model"])
    async with channel(gateway) as made:
        stub: Any = switch_pb2_grpc.SwitchServiceStub(made)
        if request.get("stream"):
            call = getattr(stub, operation.stream_method)(message, metadata=[("x-api-key", KEY)])
            return [chunk async for chunk in call]
        return await getattr(stub, operation.method)(message, metadata=[("x-api-key", KEY)])


def plain(body: bytes | str) -> dict[str, Any]:
    """The JSON without what names this very answer."""
    read: dict[str, Any] = json.loads(body)
    return {key: value for key, value in read.items() if key not in ("id", "created")}


@pytest.mark.parametrize(("path", "name"), REPLIES)
async def test_a_reply_is_the_same_through_both_doors(gateway: Running, path: str, name: str):
    request = REPLIES[path, name]
    response, reply = await by_http(gateway, request, path), await by_grpc(gateway, request, path)
    assert response.status_code == 200, response.text
    assert plain(response.content) == plain(OPERATIONS[path].encode(reply))
    info = reply.route_info
    assert response.headers["x-used-provider"] == info.target
    assert response.headers.get("x-used-fallback") == ("true" if info.fallback_used else None)
    assert info.breaker_state == route_info_pb2.BREAKER_STATE_CLOSED
    assert response.headers["x-circuit-breaker-state"] == "closed"
    assert int(response.headers["x-switch-attempts"]) == len(info.attempts)


@pytest.mark.parametrize(("path", "name"), [row for row in REPLIES if row[0] != "embeddings"])
async def test_a_stream_is_the_same_through_both_doors(gateway: Running, path: str, name: str):
    operation, whole = OPERATIONS[path], REPLIES[path, name]
    request = {**whole, "stream": True, "stream_options": {"include_usage": True}}
    response, chunks = await by_http(gateway, request, path), await by_grpc(gateway, request, path)
    assert response.status_code == 200, response.text
    events = [line.removeprefix("data: ") for line in response.text.split("\n\n") if line]
    assert events[-1] == "[DONE]"
    told = [plain(event) for event in events[:-1]]
    same = [plain(operation.encode_chunk(chunk)) for chunk in chunks]
    # The HTTP door writes OpenAI's `usage: null`, and leaves out the chunk that has only route_info.
    assert [
        {**chunk, "usage": chunk.get("usage")} for chunk in same if chunk["choices"] or "usage" in chunk
    ] == told
    assert chunks[0].route_info.target == chunks[-1].route_info.target == response.headers["x-used-provider"]
    folded = operation.fold(chunks)
    unary = await by_grpc(gateway, whole, path)
    for each in (folded, unary):
        each.id, each.created = "", 0
        each.ClearField("route_info")
        if path == "chat/completions":
            for choice in each.choices:  # OpenAI sends `annotations: []` in whole replies only
                choice.message.ClearField("annotations_json")
    assert folded == unary


@pytest.mark.parametrize(("path", "name", "stream"), REFUSED_BOTH_WAYS)
async def test_an_error_is_the_same_through_both_doors(gateway: Running, path: str, name: str, stream: bool):
    request = ALL_REFUSED[path, name] | ({"stream": True} if stream else {})
    await reset(gateway)
    response = await by_http(gateway, request, path)
    error = response.json()["error"]
    await reset(gateway)  # or the cooldown that one door caused were the other door's answer
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await by_grpc(gateway, request, path)
    detail, info, retry = details(raised.value)
    kind = Kind(fault_pb2.FaultReason.Name(detail.reason).removeprefix("FAULT_REASON_"))
    assert raised.value.code() is RULES[kind].code
    assert (info.reason, info.domain) == (kind.value, "switch")
    assert response.status_code == detail.http_status
    assert error == {
        "message": detail.message,
        "type": detail.openai_type,
        "param": detail.param if detail.HasField("param") else None,
        "code": detail.openai_code if detail.HasField("openai_code") else None,
    }
    wait = response.headers.get("retry-after")
    assert (wait is None) == (retry is None)
    if retry is not None:
        assert abs(float(wait or 0) - (retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9)) < 1.0
    told = response.headers.get("x-should-retry")
    assert told == (str(detail.should_retry).lower() if detail.HasField("should_retry") else None)


async def test_the_models_are_the_same_through_both_doors(gateway: Running):
    async with httpx.AsyncClient() as client, channel(gateway) as made:
        listed = await client.get(f"{gateway.http}/v1/models", headers={"x-api-key": KEY})
        stub: Any = switch_pb2_grpc.SwitchServiceStub(made)
        by_message = await stub.ListModels(switch_pb2.ListModelsRequest(), metadata=[("x-api-key", KEY)])
    models = listed.json()["data"]
    assert [model["id"] for model in models] == sorted(MODELS)
    assert [model_object(model) for model in by_message.models] == models


def details(
    error: grpc.aio.AioRpcError,
) -> tuple[fault_pb2.FaultDetail, error_details_pb2.ErrorInfo, error_details_pb2.RetryInfo | None]:
    """What stands in the status details."""
    trailers = dict(error.trailing_metadata() or ())
    status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
    found: dict[type, Any] = {}
    for packed in status.details:
        for kind in (fault_pb2.FaultDetail, error_details_pb2.ErrorInfo, error_details_pb2.RetryInfo):
            if packed.Is(kind.DESCRIPTOR):
                found[kind] = kind.FromString(packed.value)
    return (
        found[fault_pb2.FaultDetail],
        found[error_details_pb2.ErrorInfo],
        found.get(error_details_pb2.RetryInfo),
    )
