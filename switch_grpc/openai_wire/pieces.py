"""What a fold gathers of one message that comes in pieces."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from google.protobuf.message import Message
from msgspec import Raw

from switch_grpc.openai_wire.fields import NULL, Fields, encode, members_of
from switch_grpc.openai_wire.guard import Members
from switch_grpc.openai_wire.values import raws_of

_APPENDED: Final = frozenset(
    {"content", "refusal", "reasoning", "arguments", "input", "data", "transcript", "text"}
)
# What names a thing comes once, and what repeats it later says the same or less.
_FIRST: Final = frozenset({"id", "created", "model", "name", "role", "role_text"})


class Extra:
    """Members of several extra_json, merged: the later wins. One text alone stays as it is."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    def add(self, text: str) -> None:
        # Most streams repeat the same members in every chunk.
        if not self._texts or self._texts[-1] != text:
            self._texts.append(text)

    def members(self) -> Members:
        merged: Members = {}
        for text in self._texts:
            merged.update(members_of(text))
        return merged

    def text(self) -> str | bytes:
        if len(self._texts) > 1:
            return encode(self.members())
        return self._texts[0] if self._texts else ""


class Pieces:
    """Fields of messages of one type, gathered one message at a time.

    Texts are appended, what names the thing is taken from the first, of anything else the later wins.
    """

    def __init__(self, but: Mapping[str, Callable[[Any], None]] | None = None) -> None:
        """`but` names the fields that are gathered otherwise, with what takes their values."""
        self.extra = Extra()
        self._but = {"extra_json": self.extra.add, **(but or {})}
        self._single: Fields = {}
        self._texts: dict[str, list[str]] = {}

    def add(self, message: Message) -> None:
        for field, value in message.ListFields():
            name = field.name
            if name in self._but:
                self._but[name](value)
            elif name in _APPENDED:
                self._texts.setdefault(name, []).append(value)
            elif name in _FIRST:
                self._single.setdefault(name, value)
            else:
                self._single[name] = value

    def fields(self) -> Fields:
        """The fields that any of the messages had set, if only to ""."""
        fields = {**self._single, **{name: "".join(texts) for name, texts in self._texts.items()}}
        if extra := self.extra.text():
            fields["extra_json"] = extra
        return fields


def chain_lists(texts: list[str]) -> str | bytes:
    """JSON lists, one after the other as one list."""
    if len(texts) == 1:
        return texts[0]
    return encode([item for text in texts for item in raws_of(text)])


def chain_members(texts: list[str]) -> str | bytes:
    """JSON objects as one: lists of the same name are chained, of other values the later wins."""
    if len(texts) == 1:
        return texts[0]
    merged: dict[str, Raw | list[Raw]] = {}
    for text in texts:
        for name, raw in members_of(text).items():
            known = merged.get(name)
            if bytes(raw)[:1] == b"[":
                merged[name] = [*(known if isinstance(known, list) else ()), *raws_of(raw)]
            elif raw != NULL or known is None:
                merged[name] = raw
    return encode(merged)
