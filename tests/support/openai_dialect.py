"""The OpenAI dialect under test: what it sends, what it makes of answers and streams, and its fixtures."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from google.protobuf.message import Message

from switch_grpc.faults import Fault
from switch_grpc.providers.dialects.base import Binding, UpstreamFailure, WireReply
from switch_grpc.providers.dialects.openai import OpenAI
from switch_grpc.request import Head, MessageBody, Operation
from switch_grpc.v1 import chat_pb2, completion_pb2, embedding_pb2

STREAMS = Path(__file__).parents[1] / "fixtures/dialects/openai/streams"
BINDING = Binding(target="a", provider="openai", model="m-1", base_url="https://api.example.com/v1")
CHAT = chat_pb2.ChatRequest(route="lite", messages=[chat_pb2.Message(role=chat_pb2.ROLE_USER, content="hi")])
TEXT = completion_pb2.CompletionRequest(route="lite", prompt=completion_pb2.Prompt(text="hi"))
EMBED = embedding_pb2.EmbedRequest(route="lite", input=completion_pb2.Prompt(text="hi"))
REQUESTS: dict[Operation, Message] = {Operation.CHAT: CHAT, Operation.COMPLETE: TEXT, Operation.EMBED: EMBED}


def head(operation: Operation = Operation.CHAT, *, stream: bool = False) -> Head:
    return Head(operation=operation, route="lite", stream=stream)


def sent(
    request: Message = CHAT,
    *,
    stream: bool = False,
    operation: Operation = Operation.CHAT,
    dialect: OpenAI | None = None,
    **binding: Any,
) -> Any:
    """The body on the wire, as JSON."""
    bound = Binding(**{"target": "a", "provider": "p", "model": "m-1", "base_url": "http://x/v1", **binding})
    (wire,) = (dialect or OpenAI()).encode(head(operation, stream=stream), MessageBody(request), bound)
    return json.loads(wire.body)


def reply(body: object, content_type: str = "application/json") -> WireReply:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return WireReply(status=200, headers={"content-type": content_type}, body=data)


def decode(
    body: object, content_type: str = "application/json", operation: Operation = Operation.CHAT
) -> Message:
    return OpenAI().decode(operation, [reply(body, content_type)], BINDING)


def read(
    data: bytes,
    size: int,
    *,
    terminal: Any = "done",
    operation: Operation = Operation.CHAT,
    request: Message | None = None,
    binding: Binding = BINDING,
) -> list[Message]:
    """The chunks of a stream that arrives in reads of `size` bytes, then ends."""
    dialect = OpenAI(terminal=terminal)
    framing = dialect.framing()
    body = MessageBody(request or REQUESTS[operation])
    decoder = dialect.decoder(head(operation, stream=True), body, binding)
    chunks: list[Message] = []
    for at in range(0, len(data), size):
        for event in framing.feed(data[at : at + size]):
            chunks += decoder.feed(event)
        if decoder.finished:
            break
    return [*chunks, *decoder.finish()]


def outcome(run: Callable[[], Sequence[Message]]) -> object:
    try:
        return run()
    except Fault as fault:
        return (fault.kind, fault.message)
    except UpstreamFailure as failure:
        return (failure.status, failure.error)


def stream(name: str) -> bytes:
    return (STREAMS / f"{name}.sse").read_bytes()
