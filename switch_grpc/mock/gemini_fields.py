"""Reads JSON as Google reads it into its protobuf messages, and refuses the rest in Google's words.

Every member has two spellings, `topP` and `top_p`; null is absent; numbers may be strings of digits; where a
list belongs, one value is a list of one. What comes out has the first spelling only. Errors name the field in
the second: https://protobuf.dev/programming-guides/json, and what the services answer.
"""

import base64
import binascii
import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from switch_grpc.mock.failures import Failure, Refused
from switch_grpc.mock.fields import Json

Members = dict[str, Json]


class Scalar(enum.StrEnum):
    """Kinds of plain values, by the names that Google's errors give them."""

    STRING = "TYPE_STRING"
    BOOL = "TYPE_BOOL"
    INTEGER = "TYPE_INT32"
    LONG = "TYPE_INT64"
    NUMBER = "TYPE_FLOAT"
    BYTES = "TYPE_BYTES"
    STRUCT = "type.googleapis.com/google.protobuf.Struct"
    ANY = "any JSON"


@dataclass(frozen=True, slots=True)
class Enum:
    """One of several names, in any case, as Google reads them."""

    name: str
    values: frozenset[str]


@dataclass(frozen=True, slots=True, eq=False)
class Message:
    """An object of known members. `gemini` and `vertex` are members that only one of the services knows.

    Of the members in `one_of`, at most one may be set.
    """

    fields: Mapping[str, "Kind"]
    gemini: Mapping[str, "Kind"] = field(default_factory=dict)
    vertex: Mapping[str, "Kind"] = field(default_factory=dict)
    one_of: frozenset[str] = frozenset()

    def kind(self, name: str, vertex: bool) -> "Kind | None":
        return self.fields.get(name) or (self.vertex if vertex else self.gemini).get(name)


@dataclass(frozen=True, slots=True)
class Several:
    """A list."""

    of: "Kind"


@dataclass(frozen=True, slots=True)
class Named:
    """An object whose members' names are the caller's."""

    of: "Kind"


Kind = Scalar | Enum | Message | Several | Named

_WORD: Final = re.compile(r"(?<!^)(?=[A-Z])")
_DIGITS: Final = re.compile(r"-?\d{1,19}")
_DECIMAL: Final = re.compile(r"-?\d{1,40}(\.\d{1,40})?([eE][+-]?\d{1,3})?")
_BITS: Final = {Scalar.INTEGER: 31, Scalar.LONG: 63}


def refusal(
    message: str, *, field: str | None = None, status: int = 400, type: str = "INVALID_ARGUMENT"
) -> Refused:
    """A refusal in Google's words; `field` is the place in the request, `type` Google's status."""
    return Refused(Failure(status=status, type=type, message=message, param=field, exact=True))


def snake(name: str) -> str:
    """The spelling that errors use: `topP` is `top_p`."""
    return _WORD.sub("_", name).lower()


def camel(name: str) -> str:
    """The spelling that the tables use; one that is so already stays."""
    first, *rest = name.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest)


def read_message(value: Json, message: Message, path: str, vertex: bool) -> Members:
    """The object's members by their first spelling. Raises Refused naming the first that is wrong."""
    if not isinstance(value, dict):
        raise _invalid(path, "a JSON object is expected", value)
    read: Members = {}
    for spelt, inner in value.items():
        name = camel(spelt)
        kind = message.kind(name, vertex)
        if kind is None:
            raise _unknown(spelt, path)
        if inner is None:
            continue
        taken = next((other for other in message.one_of & read.keys() if name in message.one_of), None)
        if taken is not None:
            raise _second(path, name, taken)
        read[name] = _read(inner, kind, f"{path}.{snake(name)}" if path else snake(name), vertex)
    return read


def _read(value: Json, kind: Kind, path: str, vertex: bool) -> Json:
    match kind:
        case Message():
            return read_message(value, kind, path, vertex)
        case Several():
            many = value if isinstance(value, list) else [value]
            return [_read(one, kind.of, f"{path}[{k}]", vertex) for k, one in enumerate(many)]
        case Named():
            if not isinstance(value, dict):
                raise _invalid(path, "a JSON object is expected", value)
            return {name: _read(one, kind.of, f"{path}.{name}", vertex) for name, one in value.items()}
        case Enum():
            return _enum(value, kind, path)
        case _:
            return _scalar(value, kind, path)


def _enum(value: Json, kind: Enum, path: str) -> str:
    if isinstance(value, str):
        for known in (value, value.upper(), value.lower()):
            if known in kind.values:
                return known
    raise _invalid(path, f"type.googleapis.com/google.ai.generativelanguage.v1beta.{kind.name}", value)


def _scalar(value: Json, kind: Scalar, path: str) -> Json:
    match kind:
        case Scalar.ANY:
            return value
        case Scalar.STRING if isinstance(value, str):
            return value
        case Scalar.BOOL if isinstance(value, bool):
            return value
        case Scalar.STRUCT if isinstance(value, dict):
            return value
        case Scalar.BYTES if isinstance(value, str):
            return _bytes(value, path)
        case Scalar.INTEGER | Scalar.LONG:
            whole = _whole(value)
            if whole is not None and -(1 << _BITS[kind]) <= whole < 1 << _BITS[kind]:
                return whole
        case Scalar.NUMBER:
            number = _number(value)
            if number is not None:
                return number
    raise _invalid(path, kind.value, value)


def _bytes(text: str, path: str) -> str:
    """Base64 of either alphabet, padded or not; comes back in the usual one."""
    plain = text.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        shown = text if len(text) <= 40 else text[:40] + "..."
        message = f"Invalid value at '{path}' (TYPE_BYTES), Base64 decoding failed for \"{shown}\""
        raise refusal(message, field=path) from error
    return plain + "=" * (-len(plain) % 4)


def _whole(value: Json) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return int(value) if isinstance(value, str) and _DIGITS.fullmatch(value) else None


def _number(value: Json) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    return float(value) if isinstance(value, str) and _DECIMAL.fullmatch(value) else None


def _unknown(name: str, path: str) -> Refused:
    place = f" at '{path}'" if path else ""
    message = f'Invalid JSON payload received. Unknown name "{name}"{place}: Cannot find field.'
    return refusal(message, field=path)


def _invalid(path: str, kind: str, value: Json) -> Refused:
    shown = (
        f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else value
    )
    return refusal(f"Invalid value at '{path}' ({kind}), {shown}", field=path)


def _second(path: str, name: str, taken: str) -> Refused:
    message = (
        f"Invalid value at '{path}' (oneof), oneof field 'data' is already set by '{taken}'. "
        f"Cannot set '{name}'"
    )
    return refusal(message, field=path)
