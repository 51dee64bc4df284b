"""Which JSON Schemas Anthropic compiles for structured outputs and strict tools.

Limits are those of https://docs.claude.com/en/docs/build-with-claude/structured-outputs, which the
`anthropic` package's `transform_schema` also knows: objects are closed, there is no `oneOf`, and there are
no bounds on numbers, lengths or list sizes beyond a minimum of one item.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from switch_grpc.mock.anthropic_fields import wrong
from switch_grpc.mock.fields import Json

_DEEP: Final = 64
_BOUNDS: Final = ("exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf")
_UNSUPPORTED: Final[Mapping[str, tuple[str, ...]]] = {
    "integer": _BOUNDS,
    "number": _BOUNDS,
    "string": ("maxLength", "minLength"),
    "array": ("maxItems", "uniqueItems"),
    "object": ("maxProperties", "minProperties"),
}
_MAPS: Final = ("properties", "$defs", "definitions")
_LISTS: Final = ("allOf", "anyOf", "prefixItems")


def check_schema(schema: Json, path: str, depth: int = 0) -> None:
    """Raises Refused for a schema that cannot be compiled."""
    if not isinstance(schema, dict):
        return
    if depth > _DEEP:
        raise wrong(path, "Schema is too complex.")
    stated = schema.get("type")
    for kind in stated if isinstance(stated, list) else [stated]:
        if not isinstance(kind, str):
            continue
        found = [name for name in _UNSUPPORTED.get(kind, ()) if name in schema]
        if found:
            raise wrong(path, f"For '{kind}' type, properties {', '.join(found)} are not supported")
        if kind == "object" and schema.get("additionalProperties") is not False:
            raise wrong(path, "For 'object' type, 'additionalProperties' must be explicitly set to false")
        if kind == "array" and schema.get("minItems", 0) not in (0, 1):
            raise wrong(path, "For 'array' type, 'minItems' values other than 0 or 1 are not supported")
    if "oneOf" in schema:
        raise wrong(path, "Schema type 'oneOf' is not supported")
    for inner in _inner(schema):
        check_schema(inner, path, depth + 1)


def _inner(schema: dict[str, Json]) -> Iterator[Json]:
    yield schema.get("items")
    for name in _MAPS:
        held = schema.get(name)
        if isinstance(held, dict):
            yield from held.values()
    for name in _LISTS:
        listed = schema.get(name)
        if isinstance(listed, list):
            yield from listed
