"""Schemas of tools for Claude, whose input has no `anyOf`, `oneOf` or `allOf` at the top.

Anthropic refuses one ("input_schema does not support oneOf, allOf, or anyOf at the top level"), while other
providers take it. What `allOf` asks for is asked for at the top. Of alternatives the top has all properties,
requires what every one of them requires, and tells them in its description.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from msgspec import Raw

from switch_grpc.providers.dialects.json_schema import (
    Document,
    Unfit,
    named_schemas,
    names_of,
    schemas_of,
)
from switch_grpc.providers.dialects.members import NULL, Members, encode, text_of

AT_TOP: Final = frozenset({"anyOf", "oneOf", "allOf"})
_MANY: Final = 64
_OBJECT: Final = Raw(b'"object"')
# Of an alternative: what the top can say for all of them.
_SAYABLE: Final = frozenset(
    {"type", "properties", "required", "title", "description", "additionalProperties"}
)


class Flat(NamedTuple):
    """A schema without those at its top, and the names of those that now only its description tells."""

    members: Members
    told: tuple[str, ...]


def flattened(schema: Members) -> Flat:
    """Raises Unfit where an alternative is no object, or two things are asked of one property."""
    document = Document(schema)
    try:
        members = dict(document.together(schema))
        told: Members = {name: members.pop(name) for name in ("anyOf", "oneOf") if name in members}
        for name, raw in told.items():
            alternatives = schemas_of(raw, name)
            if len(alternatives) > _MANY:
                raise Unfit(f"more than {_MANY} alternatives", name)
            members = _with(members, [document.together(one, name) for one in alternatives])
    except RecursionError:
        raise Unfit("a schema that is nested too deeply") from None
    if told:
        members["description"] = _telling(members.get("description", NULL), told)
    return Flat({"type": _OBJECT, **members}, tuple(told))


def _telling(description: Raw, told: Mapping[str, Raw]) -> Raw:
    before = [] if description == NULL else [text_of(description)]
    texts = [f"{{{name}: {bytes(raw).decode()}}}" for name, raw in told.items()]
    return Raw(encode("\n\n".join(before + texts)))


def _with(members: Members, alternatives: Sequence[Members]) -> Members:
    """The schema with the properties of all alternatives, which requires what each of them requires."""
    properties: dict[str, dict[bytes, None]] = {}  # by name, the schemas that it may have
    required: list[set[str]] = []
    for one in alternatives:
        if not one.keys() <= _SAYABLE or one.get("type", _OBJECT) != _OBJECT:
            raise Unfit("alternatives at the top of a tool's input that are no plain objects")
        for name, raw in named_schemas(one.get("properties", Raw(b"{}"))).items():
            properties.setdefault(name, {})[bytes(raw)] = None
        required.append(set(names_of(one.get("required", Raw(b"[]")))))
    own = named_schemas(members.get("properties", Raw(b"{}")))
    more = {name: _either([*schemas]) for name, schemas in properties.items() if name not in own}
    needed = names_of(members.get("required", Raw(b"[]")))
    common = set.intersection(*required) if required else set()
    needed += sorted(common - set(needed))
    made = {**members, "properties": Raw(encode({**own, **more}))}
    return {**made, "required": Raw(encode(needed))} if needed else made


def _either(schemas: Sequence[bytes]) -> Raw:
    if len(schemas) == 1:
        return Raw(schemas[0])
    return Raw(encode({"anyOf": [Raw(one) for one in schemas]}))
