"""The same as for bodies holds for gRPC messages, as far as their types let one be malformed."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import pytest
import pytest_asyncio

from switch_grpc.v1 import chat_pb2, completion_pb2, embedding_pb2, fault_pb2, switch_pb2_grpc
from tests.support.faulted import details, reason
from tests.support.gateway import KEY, Running, channel, route, running, target
from tests.support.malformed import json_texts

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIMIT = 32 * 1024 * 1024
USER = chat_pb2.Message(role=chat_pb2.ROLE_USER, content="Hello")
PROMPT = completion_pb2.Prompt(text="Hello")
CHAT = {"route": "lite", "messages": [USER]}
MESSAGES: dict[str, tuple[str, Any, str | None]] = {
    "an empty chat": ("Chat", chat_pb2.ChatRequest(), "route"),
    "an empty completion": ("Complete", completion_pb2.CompletionRequest(), "route"),
    "an empty embedding": ("Embed", embedding_pb2.EmbedRequest(), "route"),
    "no messages": ("Chat", chat_pb2.ChatRequest(route="lite"), "messages"),
    "no prompt": ("Complete", completion_pb2.CompletionRequest(route="lite"), "prompt"),
    "no input": ("Embed", embedding_pb2.EmbedRequest(route="lite"), "input"),
    "no text in a list": (
        "Complete",
        completion_pb2.CompletionRequest(route="lite", prompt=completion_pb2.Prompt(texts={})),
        "prompt",
    ),
    "an empty message": ("Chat", chat_pb2.ChatRequest(route="lite", messages=[{}]), "messages[0].role"),
    "an unknown role": (
        "Chat",
        chat_pb2.ChatRequest(route="lite", messages=[chat_pb2.Message(role=99, content="x")]),  # type: ignore[arg-type]
        "messages[0].role",
    ),
    "a role nobody knows": (
        "Chat",
        chat_pb2.ChatRequest(route="lite", messages=[{"role_text": "critic", "content": "x"}]),
        "messages[0].role",
    ),
    "content twice": (
        "Chat",
        chat_pb2.ChatRequest(
            route="lite", messages=[{"role": chat_pb2.ROLE_USER, "content": "x", "parts": [{"text": "x"}]}]
        ),
        "messages[0]",
    ),
    "an empty part": (
        "Chat",
        chat_pb2.ChatRequest(route="lite", messages=[{"role": chat_pb2.ROLE_USER, "parts": [{}]}]),
        "messages[0].parts[0]",
    ),
    "an empty tool": ("Chat", chat_pb2.ChatRequest(**CHAT, tools=[{}]), "tools[0]"),
    "an empty choice of tools": ("Chat", chat_pb2.ChatRequest(**CHAT, tool_choice={}), "tool_choice"),
    "NaN": ("Chat", chat_pb2.ChatRequest(**CHAT, temperature=float("nan")), "temperature"),
    "Infinity": ("Chat", chat_pb2.ChatRequest(**CHAT, top_p=float("inf")), "top_p"),
    "fewer than no choices": ("Chat", chat_pb2.ChatRequest(**CHAT, n=-1), "n"),
    "fewer than no tokens": ("Chat", chat_pb2.ChatRequest(**CHAT, max_tokens=-1), "max_tokens"),
    "a model in what is extra": (
        "Chat",
        chat_pb2.ChatRequest(**CHAT, extra_json='{"model": "other"}'),
        "extra_json.model",
    ),
    "streaming in what is extra": (
        "Chat",
        chat_pb2.ChatRequest(**CHAT, extra_json='{"stream": true}'),
        "extra_json.stream",
    ),
    "an address in what is extra": (
        "Complete",
        completion_pb2.CompletionRequest(route="lite", prompt=PROMPT, extra_json='{"api_base": "http://x"}'),
        "extra_json.api_base",
    ),
    "a list for what is extra": (
        "Embed",
        embedding_pb2.EmbedRequest(route="lite", input=PROMPT, extra_json="[]"),
        "extra_json",
    ),
    "an object for functions": ("Chat", chat_pb2.ChatRequest(**CHAT, functions_json="{}"), "functions_json"),
}
IN_FIELDS: dict[str, Callable[[str], chat_pb2.ChatRequest]] = {
    "extra_json.unknown": lambda text: chat_pb2.ChatRequest(**CHAT, extra_json=f'{{"unknown": {text}}}'),
    "tools[0].function.parameters_json": lambda text: chat_pb2.ChatRequest(
        **CHAT, tools=[{"function": {"name": "f", "parameters_json": text}}]
    ),
    "messages[0].extra_json": lambda text: chat_pb2.ChatRequest(
        route="lite",
        messages=[{"role": chat_pb2.ROLE_USER, "content": "x", "extra_json": f'{{"k": {text}}}'}],
    ),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway() -> AsyncIterator[Running]:
    one = route(target("one", maxRetries=0), circuitBreaker={"enabled": False})
    async with running({"lite": one}) as made:
        yield made


async def refusal(gateway: Running, method: str, message: Any) -> grpc.aio.AioRpcError:
    """How a call ends that must not be served, with the gateway still there for the next."""
    async with channel(gateway) as made:
        stub: Any = switch_pb2_grpc.SwitchServiceStub(made)
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await getattr(stub, method)(message, metadata=[("x-api-key", KEY)])
        await stub.Chat(chat_pb2.ChatRequest(**CHAT), metadata=[("x-api-key", KEY)])
    return raised.value


def names(error: grpc.aio.AioRpcError, param: str | None) -> None:
    """INVALID_ARGUMENT, and in its detail the field."""
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT, error.details()
    assert error.details()
    if param is not None:
        told: str = details(error)[fault_pb2.FaultDetail].param
        assert told == param or told.startswith((f"{param}[", f"{param}.")), (told, error.details())


@pytest.mark.parametrize(("method", "message", "param"), MESSAGES.values(), ids=MESSAGES)
async def test_a_malformed_message_is_refused_by_the_name_of_its_field(
    gateway: Running, method: str, message: Any, param: str | None
):
    names(await refusal(gateway, method, message), param)


@pytest.mark.parametrize("text", json_texts().values(), ids=json_texts())
@pytest.mark.parametrize("field", IN_FIELDS)
async def test_raw_json_that_is_none_is_refused_by_the_name_of_its_field(
    gateway: Running, field: str, text: str
):
    names(await refusal(gateway, "Chat", IN_FIELDS[field](text)), field.partition(".unknown")[0])


@pytest.mark.parametrize("method", ["Chat", "Complete", "Embed"])
@pytest.mark.parametrize(
    "data",
    [b"\xff" * 20, b"\x0a\xff", b"\x0a\x02\xff\xfe", b"\x00", b"\x0a\x04li", b"\x12" * 100],
    ids=["no tags", "no end", "no UTF-8", "tag 0", "cut", "nonsense"],
)
async def test_bytes_that_are_no_message_are_refused(gateway: Running, method: str, data: bytes):
    async with channel(gateway) as made:
        call = made.unary_unary(f"/switch.v1.SwitchService/{method}")
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await call(data, metadata=[("x-api-key", KEY)])
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert reason(raised.value) == "BAD_REQUEST"


async def test_a_message_that_is_too_large_is_refused(gateway: Running):
    options = [("grpc.max_send_message_length", -1)]
    long = chat_pb2.ChatRequest(route="lite", messages=[{"role": chat_pb2.ROLE_USER, "content": "x" * LIMIT}])
    async with grpc.aio.insecure_channel(gateway.grpc, options) as made:
        stub: Any = switch_pb2_grpc.SwitchServiceStub(made)
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await stub.Chat(long, metadata=[("x-api-key", KEY)])
        assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        await stub.Chat(chat_pb2.ChatRequest(**CHAT), metadata=[("x-api-key", KEY)])


async def test_a_method_that_does_not_exist_is_unimplemented(gateway: Running):
    async with channel(gateway) as made:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await made.unary_unary("/switch.v1.SwitchService/Guess")(b"", metadata=[("x-api-key", KEY)])
    assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED
