"""Shapes of a request body, in AWS's sense, and the check of a value against one.

Refusals have the words of AWS's own validation: `1 validation error detected: Value at 'a.b' failed to
satisfy constraint: ...`. An unknown member is refused too: a misspelt one must not pass a test.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias, assert_never

from switch_grpc.mock.failures import Failure, Refused
from switch_grpc.mock.fields import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """An object; of a union exactly one member."""

    members: Mapping[str, "Shape"]
    required: tuple[str, ...] = ()
    union: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A string; `low` and `high` bound its length, `among` is an enum."""

    low: int = 0
    high: int | None = None
    pattern: str | None = None
    among: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """An integer, or any number if not `whole`."""

    whole: bool = True
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Flag:
    """A boolean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """Bytes, which are base64 in JSON."""

    low: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """An array."""

    of: "Shape"
    low: int = 0
    high: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Map:
    """An object of any names that `key` allows."""

    key: Text
    value: "Shape"
    low: int = 0
    high: int | None = None


@dataclass(frozen=True, slots=True)
class Anything:
    """What AWS calls a document: any JSON."""


Shape: TypeAlias = Structure | Text | Number | Flag | Blob | Items | Map | Anything

TEXT: Final = Text()
FILLED: Final = Text(low=1)
FLAG: Final = Flag()
ANYTHING: Final = Anything()
_SHOWN: Final = 10  # findings in one refusal


def structure(required: str = "", /, **members: Shape) -> Structure:
    """A structure; `required` names members, with spaces between them."""
    return Structure(members=members, required=tuple(required.split()))


def union(**members: Shape) -> Structure:
    return Structure(members=members, union=True)


def validation(message: str) -> Refused:
    """A refusal by Bedrock's most frequent exception."""
    return Refused(Failure(status=400, type="ValidationException", message=message, exact=True))


def check(value: Json, shape: Structure) -> None:
    """Raises Refused with what is wrong with a body, as AWS tells it."""
    lines = findings(value, shape)
    if lines:
        count = f"{len(lines)} validation error{'s' * (len(lines) > 1)}"
        raise validation(f"{count} detected: {'; '.join(lines[:_SHOWN])}")


def findings(value: Json, shape: Structure) -> list[str]:
    """All that is wrong with a body, each as a sentence that names the place."""
    found = _Findings()
    _check(value, shape, "", found)
    return found.lines


@dataclass(slots=True)
class _Findings:
    lines: list[str] = field(default_factory=list)

    def add(self, path: str, constraint: str, value: str = "Value") -> None:
        self.lines.append(f"{value} at '{path}' failed to satisfy constraint: {constraint}")


def _check(value: Json, shape: Shape, path: str, found: _Findings) -> None:
    match shape:
        case Structure():
            _structure(value, shape, path, found)
        case Text():
            _text(value, shape, path, found)
        case Number():
            _number(value, shape, path, found)
        case Flag():
            if not isinstance(value, bool):
                found.add(path, "Member must be a boolean")
        case Blob():
            _blob(value, shape, path, found)
        case Items():
            _items(value, shape, path, found)
        case Map():
            _map(value, shape, path, found)
        case Anything():
            pass
        case _:
            assert_never(shape)


def _structure(value: Json, shape: Structure, path: str, found: _Findings) -> None:
    if not isinstance(value, dict):
        found.add(path, "Member must be an object")
        return
    given = {name: member for name, member in value.items() if member is not None}
    for name in shape.required:
        if name not in given:
            found.add(_under(path, name), "Member must not be null", "Value null")
    if shape.union and len(given) != 1:
        found.add(path, f"Exactly one member must be set of [{', '.join(shape.members)}]")
    for name, member in given.items():
        known = shape.members.get(name)
        if known is None:
            found.add(_under(path, name), f"Member must be one of [{', '.join(shape.members)}]", "Member")
        else:
            _check(member, known, _under(path, name), found)


def _under(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _text(value: Json, shape: Text, path: str, found: _Findings) -> None:
    if not isinstance(value, str):
        found.add(path, "Member must be a string")
        return
    shown = f"Value '{value[:80]}'"
    if shape.among and value not in shape.among:
        found.add(path, f"Member must satisfy enum value set: [{', '.join(shape.among)}]", shown)
    if shape.pattern is not None and re.fullmatch(shape.pattern, value) is None:
        found.add(path, f"Member must satisfy regular expression pattern: {shape.pattern}", shown)
    _length(len(value), shape.low, shape.high, path, found)


def _length(length: int, low: int, high: int | None, path: str, found: _Findings) -> None:
    if length < low:
        found.add(path, f"Member must have length greater than or equal to {low}")
    if high is not None and length > high:
        found.add(path, f"Member must have length less than or equal to {high}")


def _number(value: Json, shape: Number, path: str, found: _Findings) -> None:
    if isinstance(value, bool) or not isinstance(value, int if shape.whole else int | float):
        found.add(path, f"Member must be {'an integer' if shape.whole else 'a number'}")
        return
    shown = f"Value '{value}'"
    if shape.low is not None and value < shape.low:
        found.add(path, f"Member must have value greater than or equal to {shape.low:g}", shown)
    if shape.high is not None and value > shape.high:
        found.add(path, f"Member must have value less than or equal to {shape.high:g}", shown)


def _blob(value: Json, shape: Blob, path: str, found: _Findings) -> None:
    if not isinstance(value, str):
        found.add(path, "Member must be a string of base64")
        return
    try:
        length = len(base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError):
        found.add(path, "Member must be base64")
        return
    _length(length, shape.low, None, path, found)


def _items(value: Json, shape: Items, path: str, found: _Findings) -> None:
    if not isinstance(value, list):
        found.add(path, "Member must be an array")
        return
    _length(len(value), shape.low, shape.high, path, found)
    for k, item in enumerate(value):
        _check(item, shape.of, _under(path, str(k)), found)


def _map(value: Json, shape: Map, path: str, found: _Findings) -> None:
    if not isinstance(value, dict):
        found.add(path, "Member must be an object")
        return
    _length(len(value), shape.low, shape.high, path, found)
    for name, member in value.items():
        _text(name, shape.key, f"{path}.key", found)
        _check(member, shape.value, _under(path, name), found)
