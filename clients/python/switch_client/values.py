"""Reads plain Python values (as an OpenAI client writes them), with errors that name the place."""

import json
from collections.abc import Mapping, Sequence
from typing import NoReturn, TypeVar

from google.protobuf.message import Message

M = TypeVar("M", bound=Message)
Fields = dict[str, object]


def fields_of(value: object, path: str) -> Fields:
    """The members of a mapping that are not None, as a copy to take from."""
    if not isinstance(value, Mapping):
        refuse(path, "a dict", value)
    for key in value:
        if not isinstance(key, str):
            raise TypeError(f"{path}: expected string keys, found {key!r}")
    return {key: member for key, member in value.items() if member is not None}


def items_of(value: object, path: str) -> Sequence[object]:
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        refuse(path, "a list", value)
    return value


def text_of(value: object, path: str) -> str:
    if not isinstance(value, str):
        refuse(path, "a string", value)
    return value


def take(fields: Fields, name: str, path: str) -> object:
    """Removes and returns a member that must be there."""
    if name not in fields:
        raise TypeError(f"{path}.{name}: required, and missing")
    return fields.pop(name)


def take_text(fields: Fields, name: str, path: str) -> str:
    return text_of(take(fields, name, path), f"{path}.{name}")


def take_optional(fields: Fields, name: str, path: str) -> str | None:
    return text_of(fields.pop(name), f"{path}.{name}") if name in fields else None


def take_flag(fields: Fields, name: str, path: str) -> bool | None:
    if name not in fields:
        return None
    value = fields.pop(name)
    if not isinstance(value, bool):
        refuse(f"{path}.{name}", "True or False", value)
    return value


def take_json(fields: Fields, name: str, path: str) -> str | None:
    return json_of(fields.pop(name), f"{path}.{name}") if name in fields else None


def rest_of(fields: Fields, path: str) -> str:
    """What no field took, for `extra_json`: it reaches the provider as it is."""
    return json_of(fields, path) if fields else ""


def json_of(value: object, path: str) -> str:
    """The value's JSON text. Raises TypeError where it has none."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise TypeError(f"{path}: cannot be written as JSON: {error}") from None


def refuse(path: str, expected: str, found: object) -> NoReturn:
    raise TypeError(f"{path}: expected {expected}, found {type(found).__name__}")
