"""A streamed chat answer folded into the whole one.

Texts are appended; what names something (id, role, a tool's name) is taken from the first chunk that has it,
of anything else the later wins; members of extra_json are merged. Pieces are joined once, at the end, so a
fold is linear in the stream's length.
"""

from collections.abc import Iterable
from typing import Final

from msgspec import Raw

from switch_grpc.openai_wire.chat_message import ANSWER
from switch_grpc.openai_wire.fields import Fields, encode, members_of
from switch_grpc.openai_wire.misfit import Misfit
from switch_grpc.openai_wire.pieces import Pieces, chain_lists
from switch_grpc.v1 import chat_pb2 as pb

# An answer's members that a delta has no field for: they travel in the delta's extra_json.
LIFTED: Final = {"content": "parts", "name": "name", "tool_call_id": "tool_call_id"}


def fold_chat(chunks: Iterable[pb.ChatChunk]) -> pb.ChatResponse:
    """The whole answer that the chunks are the pieces of; choices and tool calls in order of their index."""
    choices: dict[int, _Choice] = {}

    def add_choices(pieces: Iterable[pb.ChunkChoice]) -> None:
        for piece in pieces:
            if piece.index not in choices:
                choices[piece.index] = _Choice()
            choices[piece.index].pieces.add(piece)

    header = Pieces({"choices": add_choices})
    for chunk in chunks:
        header.add(chunk)
    return pb.ChatResponse(
        **header.fields(), choices=[choices[index].fields(index) for index in sorted(choices)]
    )


class _Choice:
    """One choice, as far as it has come."""

    def __init__(self) -> None:
        self._message = _Message()
        self._logprobs: _LogProbs | None = None
        self.pieces = Pieces(
            {"delta": self._message.pieces.add, "logprobs": self._add_logprobs, "index": lambda _: None}
        )

    def _add_logprobs(self, logprobs: pb.LogProbs) -> None:
        self._logprobs = self._logprobs or _LogProbs()
        self._logprobs.pieces.add(logprobs)

    def fields(self, index: int) -> Fields:
        fields = {"index": index, "message": self._message.fields(), **self.pieces.fields()}
        if self._logprobs:
            fields["logprobs"] = self._logprobs.fields()
        return fields


class _LogProbs:
    """Lists of tokens, one after the other."""

    def __init__(self) -> None:
        self._content: list[pb.TokenLogProb] = []
        self._refusal: list[pb.TokenLogProb] = []
        self.pieces = Pieces({"content": self._content.extend, "refusal": self._refusal.extend})

    def fields(self) -> Fields:
        return {"content": self._content, "refusal": self._refusal, **self.pieces.fields()}


class _Message:
    """One choice's message, as far as it has come."""

    def __init__(self) -> None:
        self._parts: list[Fields] = []
        self._lifted: Fields = {}
        self._calls: dict[int, _Call] = {}
        self._nested: dict[str, Pieces] = {}
        self._annotations: list[str] = []
        self.pieces = Pieces(
            {
                "tool_calls": self._add_calls,
                "audio": lambda audio: self._nested.setdefault("audio", Pieces()).add(audio),
                "function_call": lambda call: self._nested.setdefault("function_call", Pieces()).add(call),
                "annotations_json": self._annotations.append,
                "extra_json": self._add_extra,
            }
        )

    def _add_calls(self, calls: Iterable[pb.ToolCallDelta]) -> None:
        for call in calls:
            if call.index not in self._calls:
                self._calls[call.index] = _Call()
            self._calls[call.index].pieces.add(call)

    def _add_extra(self, text: str) -> None:
        members = members_of(text)
        lifted = {name: members.pop(name) for name in LIFTED if name in members}
        try:
            fields = ANSWER.read(lifted) if lifted else {}
        except Misfit:
            fields = {}
        if not lifted.keys() <= {name for name, field in LIFTED.items() if field in fields}:
            fields = {}  # not what an answer's members look like: an extra like any other
        if not fields:
            self.pieces.extra.add(text)
            return
        self._parts += fields.pop("parts", ())
        self._lifted |= fields
        if members:
            self.pieces.extra.add(encode(members).decode())

    def fields(self) -> Fields:
        fields = self.pieces.fields() | self._lifted
        if self._parts:  # a text beside parts is one more part
            said = fields.pop("content", "")
            fields["parts"] = [*self._parts, *([{"text": said}] if said else [])]
        if self._calls:
            fields["tool_calls"] = [self._calls[index].fields() for index in sorted(self._calls)]
        for name, pieces in self._nested.items():
            fields[name] = pieces.fields()
        if self._annotations:
            fields["annotations_json"] = chain_lists(self._annotations)
        return fields


class _Call:
    """One tool call, as far as it has come."""

    def __init__(self) -> None:
        self._type = ""
        self._nested: dict[str, Pieces] = {}
        self.pieces = Pieces(
            {
                "index": lambda _: None,
                "function": lambda call: self._nested.setdefault("function", Pieces()).add(call),
                "custom": lambda call: self._nested.setdefault("custom", Pieces()).add(call),
                "type_text": self._set_type,
            }
        )

    def _set_type(self, text: str) -> None:
        self._type = self._type or text

    def fields(self) -> Fields:
        fields = self.pieces.fields()
        if self._type:
            return {"raw_json": self._raw(fields)}
        for name, pieces in self._nested.items():
            fields[name] = pieces.fields()
        return fields

    def _raw(self, fields: Fields) -> str | bytes:
        """The whole object of a call of unknown type, whose members came as extra_json."""
        members = self.pieces.extra.members()
        if "type" in members:
            return self.pieces.extra.text()
        named = {"id": encode(fields["id"])} if "id" in fields else {}
        named["type"] = encode(self._type)
        return encode({**{name: Raw(text) for name, text in named.items()}, **members})
