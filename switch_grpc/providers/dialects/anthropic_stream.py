"""Streams of the Messages API: message_start, blocks that start, grow and stop, message_delta, message_stop.

Text, thinking and the arguments of calls go on as they come. What needs a whole block (annotations) goes out
when the block stops, what needs them all (`thinking_blocks`, `content_blocks`) with the reason that the
answer ended for; then the usage in a chunk of its own.
https://platform.claude.com/docs/en/build-with-claude/streaming
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from google.protobuf.message import Message
from msgspec import Raw

from switch_grpc.providers.dialects.anthropic_error import failure_of
from switch_grpc.providers.dialects.anthropic_reply import (
    Stop,
    annotations_of,
    call_of,
    function_of,
    kept,
    more_of,
    says_nothing,
    text_in,
    usage_of,
)
from switch_grpc.providers.dialects.base import Binding, Event
from switch_grpc.providers.dialects.broken import cut, unread
from switch_grpc.providers.dialects.calls import input_of
from switch_grpc.providers.dialects.members import (
    NULL,
    UNREADABLE,
    Members,
    checked,
    encode,
    members_of,
    raws_of,
    text_of,
)
from switch_grpc.v1 import chat_pb2 as pb

_NO_INPUT: Final = b"{}"


class _Delta(msgspec.Struct):
    """What a block grows by: one of these, by its type."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None
    partial_json: str | None = None
    signature: str | None = None


class _Event(msgspec.Struct):
    type: str
    index: int = 0
    delta: Raw = NULL
    content_block: Raw = NULL
    message: Raw = NULL
    usage: Raw = NULL


_event: Final = msgspec.json.Decoder(_Event).decode
_delta: Final = msgspec.json.Decoder(_Delta).decode


class _Block:
    """A content block, as far as it has come."""

    __slots__ = ("_pieces", "call", "kind", "members", "said")

    def __init__(self, members: Members, call: int) -> None:
        self.members = members
        self.kind = text_of(members["type"])
        self.call = call  # which of the message's calls this is
        self.said = False  # a call's arguments have begun
        self._pieces: dict[str, list[str]] = {}

    def grow(self, name: str, piece: str) -> None:
        self._pieces.setdefault(name, []).append(piece)

    def merge(self, delta: Members) -> None:
        """A delta of a type that is not known: texts are appended, lists chained, the later else wins."""
        for name, raw in delta.items():
            if name == "type":
                continue
            first = bytes(raw)[:1]
            if first == b'"':
                self.grow(name, text_of(raw))
            elif first == b"[" and bytes(self.members.get(name, NULL))[:1] == b"[":
                self.members[name] = Raw(encode([*raws_of(self.members[name]), *raws_of(raw)]))
            else:
                self.members[name] = raw

    def cite(self, citation: Raw) -> None:
        known = self.members.get("citations", NULL)
        self.members["citations"] = Raw(encode([*(raws_of(known) if known != NULL else ()), citation]))

    def end(self) -> None:
        """Puts the pieces into the members."""
        for name, pieces in self._pieces.items():
            text = "".join(pieces)
            if name != "input":
                self.members[name] = Raw(encode(text_in(self.members, name) + text))
            elif text:
                self.members["input"] = Raw(encode(input_of(text)))
        self._pieces = {}


class AnthropicStream:
    """Decodes one stream. It is complete on `message_stop`; every other end is a cut."""

    __slots__ = (
        *("_binding", "_blocks", "_calls", "_done", "_ended", "_id", "_length", "_model", "_more"),
        *("_said", "_started", "_usage"),
    )

    def __init__(self, binding: Binding) -> None:
        self._binding = binding
        self._id = ""
        self._model = ""
        self._blocks: dict[int, _Block] = {}
        self._calls = 0
        self._length = 0  # of the content, in characters
        self._usage: Members = {}
        self._more: Members = {}  # what else the message says of itself
        self._started = self._ended = self._done = False
        self._said = False  # some content or refusal went out

    def feed(self, event: Event) -> Sequence[Message]:
        if self._done or not event.data:
            return ()
        try:
            return self._read(_event(checked(event.data)), event.data)
        except UNREADABLE as error:
            if event.type == "error":
                raise failure_of(event.data) from error
            raise unread(self._binding, "sent an event that cannot be read") from error

    def finish(self) -> Sequence[Message]:
        if not self._done:
            raise cut(self._binding)
        return ()

    @property
    def finished(self) -> bool:
        return self._done

    def _read(self, event: _Event, data: bytes) -> Sequence[Message]:
        match event.type:
            case "content_block_delta":
                return self._grow(self._block(event.index), event.delta)
            case "content_block_start":
                return self._begin(event.index, members_of(event.content_block))
            case "content_block_stop":
                return self._end_block(self._block(event.index))
            case "message_start":
                return self._start(members_of(event.message))
            case "message_delta":
                return self._change(members_of(event.delta), event.usage, members_of(data))
            case "message_stop":
                return self._stop()
            case "error":
                raise failure_of(data)
            case _:  # ping, and events that are new: the API may add some at any time
                return ()

    # -- the message --

    def _start(self, message: Members) -> Sequence[Message]:
        self._started = True
        self._id, self._model = text_in(message, "id"), text_in(message, "model")
        self._count(message.get("usage", NULL))
        self._more = message
        chunk = self._chunk()
        chunk.choices.add().delta.role = pb.ROLE_ASSISTANT
        return (chunk,)

    def _change(self, delta: Members, usage: Raw, event: Members) -> Sequence[Message]:
        self._require_start()
        self._count(usage)
        beside = {name: raw for name, raw in event.items() if name != "delta"}
        self._more |= {name: raw for name, raw in (beside | delta).items() if raw != NULL}
        stop = Stop.read(delta)
        chunks = [self._end(stop)] if stop and not self._ended else []
        # Counts are cumulative, so the last chunk with some has them all.
        if fields := usage_of(self._usage):
            chunks.append(self._chunk(**fields))
        return chunks

    def _stop(self) -> Sequence[Message]:
        self._require_start()
        self._done = True
        if self._ended:
            return ()
        if not self._blocks:
            raise unread(self._binding, "ended its stream without an answer in it")
        return (self._end(Stop("", NULL, NULL)),)

    def _end(self, stop: Stop) -> pb.ChatChunk:
        self._ended = True
        for block in self._blocks.values():
            block.end()
        delta: dict[str, Any] = {}
        if stop.refusal:
            delta["refusal"] = stop.refusal
        if not self._length and says_nothing(bool(self._calls), stop):
            delta["content"] = ""
        delta["extra_json"] = kept([block.members for _, block in sorted(self._blocks.items())])
        choice = {"delta": delta, **stop.finish(), "extra_json": stop.extra()}
        return self._chunk(choices=[choice], extra_json=more_of(self._more))

    def _count(self, usage: Raw) -> None:
        if usage != NULL:
            self._usage |= {name: raw for name, raw in members_of(usage).items() if raw != NULL}

    # -- its blocks --

    def _begin(self, index: int, members: Members) -> Sequence[Message]:
        self._require_start()
        block = self._blocks[index] = _Block(members, self._calls)
        match block.kind:
            case "text":
                return self._say(text_in(members, "text"))
            case "thinking":
                return self._think(text_in(members, "thinking"))
            case "tool_use":
                self._calls += 1
                call = {"index": block.call, **call_of(members), "function": function_of(members, b"")}
                given = bytes(members.get("input", NULL))
                if given not in (b"null", _NO_INPUT):  # whole at once, as some servers send it
                    call["function"]["arguments"] = given
                    block.said = True
                return (self._chunk(choices=[{"delta": {"tool_calls": [call]}}]),)
        return ()

    def _grow(self, block: _Block, raw: Raw) -> Sequence[Message]:
        delta = _delta(raw)
        match delta.type:
            case "text_delta" if delta.text is not None:
                block.grow("text", delta.text)
                return self._say(delta.text)
            case "input_json_delta" if delta.partial_json is not None:
                block.grow("input", delta.partial_json)
                if not delta.partial_json or block.kind != "tool_use":
                    return ()
                block.said = True
                return (self._arguments(block, delta.partial_json),)
            case "thinking_delta" if delta.thinking is not None:
                block.grow("thinking", delta.thinking)
                return self._think(delta.thinking)
            case "signature_delta" if delta.signature is not None:
                block.members["signature"] = Raw(encode(delta.signature))
            case "citations_delta":
                block.cite(members_of(raw)["citation"])
            case _:
                block.merge(members_of(raw))
        return ()

    def _end_block(self, block: _Block) -> Sequence[Message]:
        if block.kind == "tool_use" and not block.said:
            return (self._arguments(block, _NO_INPUT.decode()),)
        if block.kind != "text" or "citations" not in block.members:
            return ()
        block.end()
        length = len(text_in(block.members, "text"))
        annotations = annotations_of(block.members, self._length - length, self._length)
        if not annotations:
            return ()
        return (self._chunk(choices=[{"delta": {"annotations_json": encode(annotations)}}]),)

    def _say(self, text: str) -> Sequence[Message]:
        if not text:
            return ()
        self._length += len(text)
        chunk = self._chunk()
        chunk.choices.add().delta.content = text
        return (chunk,)

    def _think(self, text: str) -> Sequence[Message]:
        if not text:
            return ()
        chunk = self._chunk()
        chunk.choices.add().delta.reasoning = text
        return (chunk,)

    def _arguments(self, block: _Block, piece: str) -> pb.ChatChunk:
        chunk = self._chunk()
        chunk.choices.add().delta.tool_calls.add(index=block.call).function.arguments = piece
        return chunk

    # -- what they share --

    def _chunk(self, **fields: Any) -> pb.ChatChunk:
        return pb.ChatChunk(id=self._id, model=self._model, **fields)

    def _block(self, index: int) -> _Block:
        block = self._blocks.get(index)
        if block is None:
            raise unread(self._binding, f"sent a piece of the content block {index}, which never began")
        return block

    def _require_start(self) -> None:
        if not self._started:
            raise unread(self._binding, "sent an event before its message began")
