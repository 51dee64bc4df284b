"""How the mock's shapes differ from those of AWS's service model, as botocore has it."""

from collections.abc import Iterator
from typing import Any

from switch_grpc.mock.converse_check import (
    Anything,
    Blob,
    Flag,
    Items,
    Map,
    Number,
    Shape,
    Structure,
    Text,
)

_PLACED = "location"  # of a member that is in the path or in a header
_TYPES = {
    Text: ("string",),
    Number: ("integer", "long", "float", "double"),
    Flag: ("boolean",),
    Blob: ("blob",),
    Items: ("list",),
    Map: ("map",),
    Structure: ("structure",),
    Anything: ("structure",),
}


def differences(ours: Shape, theirs: Any, path: str = "") -> Iterator[str]:
    """One line for each name, type, enum, bound or pattern in which `ours` is unlike `theirs`."""
    document = bool(getattr(theirs, "is_document_type", False))
    if theirs.type_name not in _TYPES[type(ours)] or document is not isinstance(ours, Anything):
        yield f"{path}: {type(ours).__name__} is not {theirs.type_name}"
        return
    match ours:
        case Structure():
            yield from _structures(ours, theirs, path)
        case Text():
            yield from _unequal(path, "enum", set(ours.among), set(theirs.enum))
            yield from _unequal(path, "pattern", ours.pattern, theirs.metadata.get("pattern"))
            yield from _bounds(ours.low, ours.high, theirs, path)
        case Number():
            yield from _unequal(path, "whole", ours.whole, theirs.type_name in ("integer", "long"))
            yield from _bounds(ours.low, ours.high, theirs, path)
        case Blob():
            yield from _bounds(ours.low, None, theirs, path)
        case Items():
            yield from _bounds(ours.low, ours.high, theirs, path)
            yield from differences(ours.of, theirs.member, f"{path}[]")
        case Map():
            yield from _bounds(ours.low, ours.high, theirs, path)
            yield from differences(ours.key, theirs.key, f"{path}.key")
            yield from differences(ours.value, theirs.value, f"{path}{{}}")


def _structures(ours: Structure, theirs: Any, path: str) -> Iterator[str]:
    members = {name: shape for name, shape in theirs.members.items() if _PLACED not in shape.serialization}
    required = {name for name in theirs.required_members if name in members}
    yield from _unequal(path, "members", set(ours.members), set(members))
    yield from _unequal(path, "required", set(ours.required), required)
    yield from _unequal(path, "union", ours.union, bool(getattr(theirs, "is_tagged_union", False)))
    for name in ours.members.keys() & members.keys():
        yield from differences(ours.members[name], members[name], f"{path}.{name}")


def _bounds(low: float | None, high: float | None, theirs: Any, path: str) -> Iterator[str]:
    yield from _unequal(path, "min", low or 0, theirs.metadata.get("min", 0))
    yield from _unequal(path, "max", high, theirs.metadata.get("max"))


def _unequal(path: str, what: str, ours: object, theirs: object) -> Iterator[str]:
    if ours != theirs:
        yield f"{path}: {what} {ours} is not {theirs}"
