"""SwitchService: inference over named routes."""

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Generic, TypeVar, cast

import grpc
from google.protobuf.message import Message

from switch_grpc.call import INFERENCE
from switch_grpc.openai_wire import (
    check_chat_request,
    check_completion_request,
    check_embed_request,
    head_of,
    plain_message,
)
from switch_grpc.permit import Permit
from switch_grpc.request import Head, MessageBody
from switch_grpc.server.engine_port import Inference
from switch_grpc.server.rpc import Ask, AskMany, Door, decode
from switch_grpc.v1 import chat_pb2, completion_pb2, embedding_pb2, switch_pb2

SERVICE: Final = "switch.v1.SwitchService"

R = TypeVar("R", chat_pb2.ChatRequest, completion_pb2.CompletionRequest, embedding_pb2.EmbedRequest)


@dataclass(frozen=True, slots=True)
class _Reader(Generic[R]):
    """From the bytes of one kind of request to what crosses the engine."""

    kind: type[R]
    check: Callable[[R], None]

    def __call__(self, data: bytes, *, stream: bool) -> tuple[Head, MessageBody[Message]]:
        """Raises Fault(BAD_REQUEST | INVALID_JSON) that names the field."""
        message = decode(self.kind, data)
        if isinstance(message, chat_pb2.ChatRequest) and (plain := plain_message(message)) is not None:
            return head_of(message, stream, plain=True), MessageBody(message, plain)
        self.check(message)
        return head_of(message, stream), MessageBody(message)


_CHAT = _Reader(chat_pb2.ChatRequest, check_chat_request)
_COMPLETION = _Reader(completion_pb2.CompletionRequest, check_completion_request)
_EMBED = _Reader(embedding_pb2.EmbedRequest, check_embed_request)

_Read = Callable[..., tuple[Head, MessageBody[Message]]]


def service(engine: Inference, door: Door) -> "grpc.GenericRpcHandler[bytes, bytes]":
    """The handlers of SwitchService; every one needs scope `inference`."""

    def one(ask: Ask) -> "grpc.RpcMethodHandler[bytes, bytes]":
        return grpc.unary_unary_rpc_method_handler(partial(door.unary, INFERENCE, ask))

    def many(ask: AskMany) -> "grpc.RpcMethodHandler[bytes, bytes]":
        return grpc.unary_stream_rpc_method_handler(partial(door.stream, INFERENCE, ask))

    return grpc.method_handlers_generic_handler(
        SERVICE,
        {
            "Chat": one(partial(_unary, engine, _CHAT)),
            "StreamChat": many(partial(_stream, engine, _CHAT)),
            "Complete": one(partial(_unary, engine, _COMPLETION)),
            "StreamComplete": many(partial(_stream, engine, _COMPLETION)),
            "Embed": one(partial(_unary, engine, _EMBED)),
            "ListModels": one(partial(_models, engine)),
        },
    )


async def _unary(engine: Inference, read: _Read, permit: Permit, data: bytes) -> Message:
    head, body = read(data, stream=False)
    return cast("Message", await engine.unary(permit, head, body))  # its body is a message, so it is one too


def _stream(
    engine: Inference, read: _Read, permit: Permit, data: bytes
) -> AsyncGenerator[Sequence[Message], None]:
    head, body = read(data, stream=True)
    return cast("AsyncGenerator[Sequence[Message], None]", engine.stream(permit, head, body))  # as above


async def _models(engine: Inference, permit: Permit, data: bytes) -> Message:
    decode(switch_pb2.ListModelsRequest, data)
    return await engine.models(permit)
