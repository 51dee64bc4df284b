"""One table of requests through both doors: the same answers, errors, and account of who answered."""

import json
from collections.abc import AsyncIterator
from typing import Any

import grpc
import httpx
import pytest
import pytest_asyncio
from google.rpc import error_details_pb2, status_pb2

from switch_grpc import openai_wire
from switch_grpc.faults import RULES, Kind
from switch_grpc.v1 import admin_pb2, admin_pb2_grpc, fault_pb2, route_info_pb2, switch_pb2_grpc
from tests.support.gateway import KEY, Running, channel, route, running, target

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


@pytest_asyncio.fixture
async def gateway() -> AsyncIterator[Running]:
    for model in MODELS.values():  # a breaker that one door opens is not the other door's answer
        model["circuitBreaker"] = {"enabled": False}
    async with running(MODELS) as made:
        yield made


def test_the_table_is_large_enough():
    assert len(CHATS) + len(REFUSED) >= 40


async def by_http(gateway: Running, request: dict[str, Any]) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.post(
            f"{gateway.http}/v1/chat/completions", json=request, headers={"x-api-key": KEY}
        )


async def reset(gateway: Running) -> None:
    async with channel(gateway) as made:
        stub: Any = admin_pb2_grpc.AdminServiceStub(made)
        await stub.ResetBreaker(admin_pb2.ResetBreakerRequest(), metadata=[("x-api-key", KEY)])


async def by_grpc(gateway: Running, request: dict[str, Any]) -> Any:
    message = openai_wire.decode_chat_request(json.dumps(request).encode())
    async with channel(gateway) as made:
        stub: Any = switch_pb2_grpc.SwitchServiceStub(made)
        if request.get("stream"):
            return [chunk async for chunk in stub.StreamChat(message, metadata=[("x-api-key", KEY)])]
        return await stub.Chat(message, metadata=[("x-api-key", KEY)])


def plain(body: bytes | str) -> dict[str, Any]:
    """The JSON without what names this very answer."""
    read: dict[str, Any] = json.loads(body)
    return {key: value for key, value in read.items() if key not in ("id", "created")}


@pytest.mark.parametrize("name", CHATS)
async def test_a_reply_is_the_same_through_both_doors(gateway: Running, name: str):
    response, reply = await by_http(gateway, CHATS[name]), await by_grpc(gateway, CHATS[name])
    assert response.status_code == 200, response.text
    assert plain(response.content) == plain(openai_wire.encode_chat_response(reply))
    info = reply.route_info
    assert response.headers["x-used-provider"] == info.target
    assert response.headers.get("x-used-fallback") == ("true" if info.fallback_used else None)
    assert info.breaker_state == route_info_pb2.BREAKER_STATE_CLOSED
    assert response.headers["x-circuit-breaker-state"] == "closed"
    assert int(response.headers["x-switch-attempts"]) == len(info.attempts)


@pytest.mark.parametrize("name", CHATS)
async def test_a_stream_is_the_same_through_both_doors(gateway: Running, name: str):
    request = {**CHATS[name], "stream": True, "stream_options": {"include_usage": True}}
    response, chunks = await by_http(gateway, request), await by_grpc(gateway, request)
    assert response.status_code == 200, response.text
    events = [line.removeprefix("data: ") for line in response.text.split("\n\n") if line]
    assert events[-1] == "[DONE]"
    told = [plain(event) for event in events[:-1]]
    same = [plain(openai_wire.encode_chat_chunk(chunk)) for chunk in chunks]
    # The HTTP door writes OpenAI's `usage: null`, and leaves out the chunk that has only route_info.
    assert [
        {**chunk, "usage": chunk.get("usage")} for chunk in same if chunk["choices"] or "usage" in chunk
    ] == told
    assert chunks[0].route_info.target == chunks[-1].route_info.target == response.headers["x-used-provider"]
    folded = openai_wire.fold_chat(chunks)
    unary = await by_grpc(gateway, CHATS[name])
    for each in (folded, unary):
        each.id, each.created = "", 0
        each.ClearField("route_info")
        for choice in each.choices:  # OpenAI sends `annotations: []` in whole replies only
            choice.message.ClearField("annotations_json")
    assert folded == unary


@pytest.mark.parametrize("stream", [False, True], ids=["unary", "stream"])
@pytest.mark.parametrize("name", REFUSED)
async def test_an_error_is_the_same_through_both_doors(gateway: Running, name: str, stream: bool):
    request = REFUSED[name] | ({"stream": True} if stream else {})
    response = await by_http(gateway, request)
    error = response.json()["error"]
    if not request["messages"]:
        return  # this body has no message: the gRPC door's twin is in tests/server
    await reset(gateway)  # or the cooldown that one door caused were the other door's answer
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await by_grpc(gateway, request)
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
