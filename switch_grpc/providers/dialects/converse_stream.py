"""Converse's stream: messageStart, blocks (start, deltas, stop), messageStop, metadata with the usage.

Text, reasoning and the arguments of calls go on as they come. A block's citations go out when it stops, what
must travel beside the message with the reason that it ended. The answer is complete at `messageStop`; the
`metadata` behind it may be missing. Exceptions inside the stream are events of their own:
docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamOutput.html.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from google.protobuf.message import Message
from msgspec import Raw

from switch_grpc.providers.dialects.base import Binding, Event
from switch_grpc.providers.dialects.broken import cut, unread
from switch_grpc.providers.dialects.calls import input_of
from switch_grpc.providers.dialects.converse_error import raise_exception
from switch_grpc.providers.dialects.converse_reply import (
    SERVERS,
    Kept,
    annotations_of,
    cited_documents,
    finish_of,
    rest_of,
    usage_of,
)
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


class _BlockEvent(msgspec.Struct, rename="camel"):
    """Of a block's start, delta or stop; the others' members are absent."""

    content_block_index: int = 0
    delta: Members = {}
    start: Members = {}


_block_event: Final = msgspec.json.Decoder(_BlockEvent).decode


class _Block:
    """One content block, as far as it has come."""

    __slots__ = ("call", "citations", "members", "own", "pieces", "signature", "start", "thought")

    def __init__(self, start: int) -> None:
        self.start = start  # where its text begins in the content
        self.call = -1  # index of the tool call that it is
        self.thought: list[str] = []
        self.signature: list[str] = []
        self.citations: list[Raw] = []
        self.own = ""  # the kind of a block that has no place in a message
        self.members: Members = Members()
        self.pieces: list[Raw] = []


class ConverseStream:
    """Decodes one stream."""

    __slots__ = ("_binding", "_blocks", "_calls", "_ended", "_finished", "_kept", "_length")

    def __init__(self, binding: Binding) -> None:
        self._binding = binding
        self._blocks: dict[int, _Block] = {}
        self._kept = Kept()
        self._calls = 0
        self._length = 0  # characters of content so far
        self._ended = False
        self._finished = False

    def feed(self, event: Event) -> Sequence[Message]:
        try:
            match event.type:
                case "contentBlockDelta":
                    return self._delta(_block_event(checked(event.data)))
                case "contentBlockStart":
                    return self._start(_block_event(checked(event.data)))
                case "contentBlockStop":
                    return self._stop(_block_event(checked(event.data)))
                case "messageStart":
                    return self._chunk({"role": pb.ROLE_ASSISTANT})
                case "messageStop":
                    return self._message_stop(members_of(checked(event.data)))
                case "metadata":
                    return self._metadata(members_of(checked(event.data)))
        except UNREADABLE as error:
            raise unread(self._binding, f"sent a {event.type!r} that cannot be read") from error
        raise_exception(event)
        return ()  # an event that is newer than this decoder: nothing of the answer is in it

    def finish(self) -> Sequence[Message]:
        if not self._ended:
            raise cut(self._binding)
        return ()

    @property
    def finished(self) -> bool:
        return self._finished

    # -- events --

    def _delta(self, event: _BlockEvent) -> Sequence[Message]:
        block = self._block(event.content_block_index)
        for kind, raw in event.delta.items():
            if kind == "text":
                text = text_of(raw)
                self._length += len(text)
                return self._chunk({"content": text})
            if kind == "toolUse" and block.call >= 0:
                piece = text_of(members_of(raw)["input"])
                if piece:
                    block.pieces.append(raw)
                return self._chunk(_arguments(block.call, piece)) if piece else ()
            if kind == "reasoningContent":
                return self._reasoning(block, members_of(raw))
            if kind == "citation":
                block.citations.append(raw)
            else:
                block.own = block.own or kind
                block.pieces.append(raw)
        return ()

    def _reasoning(self, block: _Block, delta: Members) -> Sequence[Message]:
        if "redactedContent" in delta:
            self._kept.redacted(text_of(delta["redactedContent"]))
        if "signature" in delta:
            block.signature.append(text_of(delta["signature"]))
        text = text_of(delta.get("text", b'""'))
        if not text:
            return ()
        block.thought.append(text)
        return self._chunk({"reasoning": text})

    def _start(self, event: _BlockEvent) -> Sequence[Message]:
        block = self._block(event.content_block_index)
        for kind, raw in event.start.items():
            members = members_of(raw)
            if kind == "toolUse" and members.get("type") != SERVERS:
                block.call = self._calls
                self._calls += 1
                call = {
                    "index": block.call,
                    "id": text_of(members["toolUseId"]),
                    "function": {"name": text_of(members["name"]), "arguments": ""},
                }
                return self._chunk({"tool_calls": [call]})
            block.own, block.members = kind, members
        return ()

    def _stop(self, event: _BlockEvent) -> Sequence[Message]:
        block = self._blocks.pop(event.content_block_index, None)
        if block is None:
            return ()
        if block.own:
            self._kept.blocks.append(_whole(block))
        self._kept.thought("".join(block.thought), "".join(block.signature))
        if block.citations:
            annotations = annotations_of(block.citations, block.start, self._length)
            return self._chunk({"annotations_json": encode(annotations)})
        if block.call >= 0 and not block.pieces:
            return self._chunk(_arguments(block.call, "{}"))  # a tool without parameters
        return ()

    def _message_stop(self, members: Members) -> Sequence[Message]:
        self._ended = True
        delta: dict[str, Any] = {"extra_json": self._kept.extra()}
        if not self._length and not self._calls:
            delta["content"] = ""
        if annotations := cited_documents(members):
            delta["annotations_json"] = encode(annotations)
        choice = {"delta": delta, **finish_of(members["stopReason"])}
        return (pb.ChatChunk(model=self._binding.model, choices=[choice], **rest_of(members)),)

    def _metadata(self, members: Members) -> Sequence[Message]:
        self._finished = self._ended
        usage = members.get("usage", NULL)
        fields = rest_of(members)
        if usage != NULL:
            fields["usage"] = usage_of(members_of(usage))
        return (pb.ChatChunk(model=self._binding.model, **fields),)

    # -- parts --

    def _block(self, index: int) -> _Block:
        block = self._blocks.get(index)
        if block is None:
            block = self._blocks[index] = _Block(self._length)
        return block

    def _chunk(self, delta: dict[str, Any]) -> Sequence[Message]:
        return (pb.ChatChunk(model=self._binding.model, choices=[{"delta": delta}]),)


def _arguments(call: int, text: str) -> dict[str, Any]:
    return {"tool_calls": [{"index": call, "function": {"arguments": text}}]}


def _whole(block: _Block) -> Raw:
    """A block without a place in a message, as it would stand in a whole answer."""
    value: dict[str, Any] = dict(block.members)
    if block.own == "toolUse":
        text = "".join(text_of(members_of(piece)["input"]) for piece in block.pieces)
        value["input"] = input_of(text)
    elif block.own == "toolResult":
        value["content"] = [part for piece in block.pieces for part in raws_of(piece)]
    else:
        for piece in block.pieces:
            value.update(members_of(piece))
    return Raw(encode({block.own: value}))
