"""Plain answers to chat requests: passed on as they came, but for the name of the model.

An answer is plain when every member is known here and holds a value of its exact type, and a chunk when
besides it is one in the midst of a stream: it finishes nothing and counts nothing. Writing it again gives
JSON equal to what the way by the message gives (tests/openai_wire/test_plain_reply.py): the members that
OpenAI always writes are there, and those that are null and need not be are gone.
"""

from collections.abc import Callable
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from google.protobuf.message import Message
from msgspec import UNSET, Meta, UnsetType

from switch_grpc.answered import Answered, Usage
from switch_grpc.openai_wire.chat_message import FINISH_REASONS
from switch_grpc.openai_wire.chat_reply import decode_chat_response, write_event
from switch_grpc.openai_wire.fields import encode
from switch_grpc.openai_wire.plain import Call, Int32, Int64, Plain, Text
from switch_grpc.v1 import chat_pb2

_Created = Annotated[int, Meta(ge=1, le=(1 << 63) - 1)]
_Nothing = Annotated[list[None], Meta(max_length=0)]
_Count = Int64 | UnsetType


class _PromptTokens(Plain):
    cached_tokens: _Count = UNSET
    audio_tokens: _Count = UNSET
    cache_write_tokens: _Count = UNSET
    image_tokens: _Count = UNSET
    text_tokens: _Count = UNSET


class _CompletionTokens(Plain):
    reasoning_tokens: _Count = UNSET
    audio_tokens: _Count = UNSET
    accepted_prediction_tokens: _Count = UNSET
    rejected_prediction_tokens: _Count = UNSET
    text_tokens: _Count = UNSET


class _Usage(Plain):
    prompt_tokens: Int64 = 0
    completion_tokens: Int64 = 0
    total_tokens: Int64 = 0
    prompt_tokens_details: _PromptTokens | UnsetType | None = UNSET
    completion_tokens_details: _CompletionTokens | UnsetType | None = UNSET


class _Message(Plain):
    role: Literal["assistant"]
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[Call] | UnsetType | None = UNSET
    reasoning_content: str | UnsetType | None = UNSET
    annotations: _Nothing | UnsetType | None = UNSET
    audio: UnsetType | None = UNSET
    function_call: UnsetType | None = UNSET


class _Choice(Plain):
    message: _Message
    index: Int32 = 0
    logprobs: None = None
    finish_reason: Literal["stop", "length", "tool_calls", "content_filter"] | None = None


class _Reply(Plain):
    id: Text
    created: _Created
    model: str
    choices: Annotated[list[_Choice], Meta(min_length=1)]
    object: str = "chat.completion"
    usage: _Usage | UnsetType | None = UNSET
    system_fingerprint: str | UnsetType | None = UNSET
    service_tier: str | UnsetType | None = UNSET


class PlainReply:
    """A whole answer that never was a message."""

    __slots__ = ("_reply", "info", "usage")

    info: Answered  # who gave it: the engine says so

    def __init__(self, reply: _Reply) -> None:
        self._reply = reply
        self.usage = _counted(reply.usage) if reply.usage else None

    def name(self, model: str) -> None:
        """Has it come from `model`, the route that was asked."""
        self._reply.model = model

    def encode(self) -> bytes:
        """The answer as OpenAI writes it."""
        return encode(self._reply)


def _counted(usage: _Usage) -> Usage:
    asked = usage.prompt_tokens_details or _PromptTokens()
    answered = usage.completion_tokens_details or _CompletionTokens()
    return Usage(
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.total_tokens,
        asked.cached_tokens or 0,
        asked.cache_write_tokens or 0,
        (asked.audio_tokens or 0) + (answered.audio_tokens or 0),
    )


class _Delta(Plain):
    role: Literal["assistant"] | UnsetType | None = UNSET
    content: str | UnsetType | None = UNSET
    refusal: str | UnsetType | None = UNSET
    reasoning_content: str | UnsetType | None = UNSET
    tool_calls: UnsetType | None = UNSET
    audio: UnsetType | None = UNSET
    function_call: UnsetType | None = UNSET


class _ChunkChoice(Plain):
    delta: _Delta
    index: Int32 = 0
    logprobs: None = None
    finish_reason: None = None


class PlainChunk(Plain):
    """An event in the midst of a stream, of choices that go on."""

    id: Text
    created: _Created
    model: str
    choices: Annotated[list[_ChunkChoice], Meta(min_length=1)]
    object: str = "chat.completion.chunk"
    usage: UnsetType | None = UNSET
    system_fingerprint: str | UnsetType | None = UNSET
    service_tier: str | UnsetType | None = UNSET
    obfuscation: str | UnsetType = UNSET

    def has_content(self) -> bool:
        """Whether it has text, reasoning or a refusal."""
        for choice in self.choices:
            delta = choice.delta
            if delta.content or delta.reasoning_content or delta.refusal:
                return True
        return False

    def encode(self) -> bytes:
        """The event's data as OpenAI writes it."""
        return write_event(self)


P = TypeVar("P", bound=Plain)
Reply = Message | PlainReply
Chunk = Message | PlainChunk

_read_reply: Final = msgspec.json.Decoder(_Reply).decode
_read_chunk: Final = msgspec.json.Decoder(PlainChunk).decode

_SAID: Final = frozenset({"role", "content", "refusal"})  # members of a message of nothing but text

# Members that are left out where they are null.
_OF_MESSAGE: Final = ("tool_calls", "reasoning_content", "annotations", "audio", "function_call")
_OF_DELTA: Final = ("role", "content", "refusal", "reasoning_content", "tool_calls", "audio", "function_call")
_OF_USAGE: Final = ("prompt_tokens_details", "completion_tokens_details")
_OF_REPLY: Final = ("usage", "system_fingerprint", "service_tier")


def read_chat_response(data: bytes) -> chat_pb2.ChatResponse:
    """What `decode_chat_response` gives, in half the time where the answer is plain text.

    Raises Fault(UPSTREAM_PROTOCOL).
    """
    reply = _read(_read_reply, data)
    if reply is None:
        return decode_chat_response(data)
    fields = msgspec.to_builtins(reply)
    del fields["object"]
    for choice in fields["choices"]:
        message = choice["message"]
        if not _SAID.issuperset(message) and not _renamed(message):
            return decode_chat_response(data)
        message["role"] = chat_pb2.ROLE_ASSISTANT
        choice["finish_reason"] = FINISH_REASONS.get(choice["finish_reason"])
    return chat_pb2.ChatResponse(**fields)


def _renamed(message: dict[str, Any]) -> bool:
    """Gives members of a plain message the names of the fields; whether all of them have one."""
    for name in message.keys() - _SAID:
        value = message.pop(name)
        if name == "reasoning_content":
            message["reasoning"] = value
        elif name == "annotations" and value is not None:
            message["annotations_json"] = "[]"  # the plain ones are empty
        elif value is not None:
            return False
    return True


def plain_reply(data: bytes) -> PlainReply | None:
    """A provider's whole answer, where it is plain."""
    reply = _read(_read_reply, data)
    if reply is None:
        return None
    reply.object = "chat.completion"
    _drop_nulls(reply, _OF_REPLY)
    for choice in reply.choices:
        _drop_nulls(choice.message, _OF_MESSAGE)
    if reply.usage:
        _drop_nulls(reply.usage, _OF_USAGE)
    return PlainReply(reply)


def plain_chunk(data: bytes) -> PlainChunk | None:
    """One event's data of a provider's stream, where it is plain."""
    chunk = _read(_read_chunk, data)
    if chunk is None:
        return None
    chunk.object = "chat.completion.chunk"
    _drop_nulls(chunk, _OF_REPLY)
    for choice in chunk.choices:
        _drop_nulls(choice.delta, _OF_DELTA)
    return chunk


def _read(decode: Callable[[bytes], P], data: bytes) -> P | None:
    try:
        return decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _drop_nulls(holder: Any, names: tuple[str, ...]) -> None:
    for name in names:
        if getattr(holder, name) is None:
            setattr(holder, name, UNSET)
