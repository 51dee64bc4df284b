"""Laws of tools' schemas without alternatives at the top."""

import json
from typing import Any

import pytest

from switch_grpc.providers.dialects.json_schema import Unfit
from switch_grpc.providers.dialects.members import encode, members_of
from switch_grpc.providers.dialects.tool_schema import flattened

INTEGER: Any = {"type": "integer"}
STRING: Any = {"type": "string"}


def flat(schema: object) -> tuple[Any, tuple[str, ...]]:
    members, told = flattened(members_of(json.dumps(schema)))
    return json.loads(encode(members)), told


def test_all_that_is_asked_for_is_asked_for_at_the_top() -> None:
    parts = [
        {"$ref": "#/$defs/place"},
        {"type": "object", "properties": {"days": INTEGER}, "required": ["days"]},
    ]
    place = {"properties": {"city": STRING}, "required": ["city"]}
    schema, told = flat({"allOf": parts, "$defs": {"place": place}})
    assert schema["properties"] == {"city": STRING, "days": INTEGER}
    assert (schema["type"], schema["required"], told) == ("object", ["city", "days"], ())
    assert "allOf" not in schema


@pytest.mark.parametrize("kind", ["anyOf", "oneOf"])
def test_alternatives_are_properties_and_a_description(kind: str) -> None:
    ways = [
        {"type": "object", "properties": {"to": STRING, "by": {"const": "name"}}, "required": ["to", "by"]},
        {"type": "object", "properties": {"to": INTEGER, "at": STRING}, "required": ["to"]},
    ]
    own = {"fast": {"type": "boolean"}}
    schema, told = flat({"type": "object", "properties": own, "description": "Goes.", kind: ways})
    assert schema["properties"] == {
        "fast": {"type": "boolean"},
        "to": {"anyOf": [STRING, INTEGER]},
        "by": {"const": "name"},
        "at": STRING,
    }
    assert schema["required"] == ["to"], "what every way needs"
    assert schema["description"] == f"Goes.\n\n{{{kind}: {json.dumps(ways)}}}"
    assert told == (kind,)


def test_a_choice_of_required_members_keeps_the_properties() -> None:
    properties = {"id": INTEGER, "name": STRING}
    choice = [{"required": ["id"]}, {"required": ["name"]}]
    schema, _ = flat({"type": "object", "properties": properties, "anyOf": choice})
    assert schema["properties"] == properties
    assert "required" not in schema


@pytest.mark.parametrize(
    "schema",
    [
        {"anyOf": [STRING, {"type": "object"}]},
        {"anyOf": [{"type": "object", "patternProperties": {}}]},
        {"anyOf": [{"oneOf": []}]},
        {"anyOf": [True]},
        {"anyOf": {}},
        {"anyOf": [{"type": "object"}] * 65},
        {"allOf": [{"$ref": "#"}]},
        {"allOf": [{"properties": {"a": STRING}}, {"properties": {"a": INTEGER}}]},
        {"allOf": [{"required": 1}, {"required": ["a"]}]},
    ],
)
def test_what_has_no_such_form_is_unfit(schema: object) -> None:
    with pytest.raises(Unfit):
        flat(schema)
