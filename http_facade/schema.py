"""How the JSON Schemas of the OpenAPI document are put together."""

from collections.abc import Mapping
from typing import Final

Schema = dict[str, object]


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _of(kind: str, says: str = "", **more: object) -> Schema:
    schema: Schema = {"type": kind, **more}
    if says:
        schema["description"] = says
    return schema


def text(says: str = "", **more: object) -> Schema:
    return _of("string", says, **more)


def whole(says: str = "", **more: object) -> Schema:
    return _of("integer", says, **more)


def number(says: str = "", **more: object) -> Schema:
    return _of("number", says, **more)


def flag(says: str = "") -> Schema:
    return _of("boolean", says)


def array(items: Schema, says: str = "", **more: object) -> Schema:
    return _of("array", says, items=items, **more)


def record(properties: Mapping[str, Schema], *required: str, says: str = "") -> Schema:
    schema = _of("object", says, properties=dict(properties), additionalProperties=True)
    if required:
        schema["required"] = list(required)
    return schema


def mapping(values: Schema, says: str = "") -> Schema:
    return _of("object", says, additionalProperties=values)


def any_of(*schemas: Schema, says: str = "") -> Schema:
    schema: Schema = {"anyOf": list(schemas)}
    if says:
        schema["description"] = says
    return schema


def or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


ANY_OBJECT: Final = record({})
TEXT_OR_PARTS: Final = any_of(text(), array(ref("ContentPart")), {"type": "null"})
