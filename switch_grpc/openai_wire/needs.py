"""What the engine reads of a request that came as a message."""

from collections.abc import Iterable

from google.protobuf.message import Message

from switch_grpc.request import Head, Need, Operation
from switch_grpc.v1 import chat_pb2, completion_pb2, embedding_pb2


def head_of(
    message: chat_pb2.ChatRequest | completion_pb2.CompletionRequest | embedding_pb2.EmbedRequest,
    stream: bool,
    *,
    plain: bool = False,
) -> Head:
    """The head of a request; `size` is its length in protobuf's encoding. `plain`: it is that, and a chat."""
    if plain:
        needs, operation = Need.NONE, Operation.CHAT
    elif isinstance(message, chat_pb2.ChatRequest):
        needs, operation = _chat_needs(message), Operation.CHAT
    elif isinstance(message, completion_pb2.CompletionRequest):
        needs, operation = Need.NONE, Operation.COMPLETE
    else:
        needs, operation = Need.NONE, Operation.EMBED
    return Head(
        operation=operation,
        route=message.route,
        stream=stream,
        needs=needs,
        size=message.ByteSize(),
        user=message.user or None,
        session_id=None if plain else _session(message),
    )


def _session(message: Message) -> str | None:
    if isinstance(message, chat_pb2.ChatRequest) and "session_id" in (metadata := message.metadata):
        return metadata["session_id"] or None
    return None


def _chat_needs(request: chat_pb2.ChatRequest) -> Need:
    needs = Need.NONE
    for message in request.messages:
        if parts := message.parts:
            needs |= _part_needs(parts)
    if request.tools or request.functions_json:
        needs |= Need.TOOLS
    if request.HasField("response_format") and request.response_format.HasField("json_schema"):
        needs |= Need.JSON_SCHEMA
    if request.HasField("audio") or "audio" in request.modalities:
        needs |= Need.AUDIO
    return needs


_OF_PART = {"image_url": Need.VISION, "input_audio": Need.AUDIO, "file": Need.DOCUMENTS}


def _part_needs(parts: Iterable[chat_pb2.Part]) -> Need:
    needs = Need.NONE
    for part in parts:
        needs |= _OF_PART.get(part.WhichOneof("kind") or "", Need.NONE)
    return needs
