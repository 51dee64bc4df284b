"""Server-sent events in OpenAI's shape: what a stream's chunks look like on the wire. Pure.

https://platform.openai.com/docs/api-reference/chat-streaming: one `data:` event per chunk, `data: [DONE]` at
the end. With `stream_options.include_usage` every chunk has `usage`, null but on the last, whose `choices` is
empty.
"""

from collections.abc import Sequence
from copy import deepcopy
from typing import Final, Protocol

import msgspec

from http_facade.errors import error_object
from switch_grpc.faults import Fault
from switch_grpc.openai_wire import PlainChunk
from switch_grpc.v1 import chat_pb2, completion_pb2, route_info_pb2

Chunk = chat_pb2.ChatChunk | completion_pb2.CompletionChunk

KEEP_ALIVE: Final = b": keep-alive\n\n"
DONE: Final = b"data: [DONE]\n\n"
_USAGE_NULL: Final = b',"usage":null}'


class Encode(Protocol):
    """The chunk as OpenAI's JSON object; with `info`, its route_info as the member `switch`."""

    def __call__(self, chunk: Chunk, *, info: bool) -> bytes: ...


class _Usage(msgspec.Struct):
    usage: msgspec.Raw


class Transcript:
    """The bytes of one stream. Providers' usage always comes in; it leaves only where it was asked for."""

    def __init__(self, encode: Encode, *, include_usage: bool) -> None:
        self._encode = encode
        self._include_usage = include_usage
        self._usage: Chunk | None = None  # the latest chunk that carried usage: providers count up
        self._late = False
        self._held: Chunk | None = None
        self._last: Chunk | None = None

    def tell_route(self) -> None:
        """The head went out before it was known who answers: the last chunk will say (`switch`).

        Call before the first `feed`. From then on a chunk that finishes a choice waits for the next one,
        so that the last one sent is known to be the last.
        """
        self._late = True

    def feed(self, batch: Sequence[Chunk | PlainChunk]) -> bytes:
        """The events of chunks that came together, to leave in one write; b"" where nothing is to be sent."""
        return b"".join([self._event(chunk) for chunk in batch])

    def finish(self) -> bytes:
        """What ends a complete stream: usage where asked for, the route where still owed, [DONE]."""
        last = self._usage_only() if self._include_usage else None
        if not self._late:
            return DONE if last is None else _event(self._encode(last, info=False)) + DONE
        held = b"" if last is None else self._release()
        final = last or self._held or _empty(self._last)
        return held + _event(self._with_route(final)) + DONE

    def fail(self, fault: Fault) -> bytes:
        """What ends a broken stream: one error event, with the usage so far, and no [DONE]."""
        body: dict[str, object] = {"error": error_object(fault)}
        if self._usage is not None:
            encoded = self._encode(self._usage, info=False)
            body["usage"] = msgspec.json.decode(encoded, type=_Usage).usage
        return self._release() + _event(msgspec.json.encode(body))

    def _event(self, chunk: Chunk | PlainChunk) -> bytes:
        if isinstance(chunk, PlainChunk):
            return self._release() + self._data(chunk.encode())
        if self._late:
            self._last = chunk
        if _tells_route_alone(chunk):
            return b""
        if chunk.HasField("usage"):
            self._usage = chunk
            if not chunk.choices:
                return b""
            chunk = deepcopy(chunk)
            chunk.ClearField("usage")
        if not self._late:
            return self._plain(chunk)
        released = self._release()
        if any(choice.finish_reason or choice.finish_reason_text for choice in chunk.choices):
            self._held = chunk
            return released
        return released + self._plain(chunk)

    def _plain(self, chunk: Chunk) -> bytes:
        return self._data(self._encode(chunk, info=False))

    def _data(self, encoded: bytes) -> bytes:
        """The event of a chunk without usage."""
        return _event(encoded[:-1] + _USAGE_NULL) if self._include_usage else _event(encoded)

    def _release(self) -> bytes:
        held, self._held = self._held, None
        return b"" if held is None else self._plain(held)

    def _usage_only(self) -> Chunk | None:
        """OpenAI's last chunk: the usage, and `choices: []`."""
        if self._usage is None:
            return None
        chunk = deepcopy(self._usage)
        if chunk.choices:
            chunk.ClearField("choices")
            chunk.ClearField("extra_json")  # it left with the choices
        return chunk

    def _with_route(self, chunk: Chunk) -> bytes:
        told = deepcopy(chunk)
        if self._last is not None:
            told.route_info.CopyFrom(self._last.route_info)
        encoded = self._encode(told, info=True)
        if self._include_usage and not told.HasField("usage"):
            return encoded[:-1] + _USAGE_NULL
        return encoded


def _tells_route_alone(chunk: Chunk) -> bool:
    """The engine's closing chunk: it has the complete route_info, and nothing that OpenAI would send."""
    return not chunk.choices and not chunk.extra_json and not chunk.HasField("usage")


def route_of(batch: Sequence[Chunk | PlainChunk]) -> route_info_pb2.RouteInfo:
    """Who answers, as the stream's first chunk tells."""
    first = batch[0]
    assert not isinstance(first, PlainChunk), "the first chunk of a stream is never plain"
    return first.route_info


def _event(data: bytes) -> bytes:
    return b"data: " + data + b"\n\n"


def _empty(chunk: Chunk | None) -> Chunk:
    """A chunk without choices that belongs to the same answer."""
    if chunk is None:
        return chat_pb2.ChatChunk()
    return type(chunk)(id=chunk.id, created=chunk.created, model=chunk.model)
