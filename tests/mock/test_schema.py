"""Instances fit their schema, as far as the mock reads one."""

import random
from typing import Any

import pytest

from switch_grpc.mock.schema import instance

WEATHER = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "minLength": 3},
        "unit": {"enum": ["C", "F"]},
        "days": {"type": "integer", "minimum": 1, "maximum": 5},
        "at": {"type": "array", "items": {"type": "number"}, "minItems": 2},
        "where": {"$ref": "#/$defs/place"},
    },
    "required": ["city", "unit", "days", "at", "where"],
    "$defs": {"place": {"type": "object", "properties": {"id": {"const": 7}}, "required": ["id"]}},
}


def fits(schema: Any, value: Any) -> bool:
    """A second, independent reading of the few keywords used here."""
    match schema.get("type"):
        case "object":
            return isinstance(value, dict) and set(schema.get("required", ())) <= set(value)
        case "array":
            return isinstance(value, list) and len(value) >= schema.get("minItems", 0)
        case "integer":
            low, high = schema.get("minimum", -1e9), schema.get("maximum", 1e9)
            return isinstance(value, int) and low <= value <= high
        case "number":
            return isinstance(value, int | float)
        case "string":
            low, high = schema.get("minLength", 0), schema.get("maxLength", 1e9)
            return isinstance(value, str) and low <= len(value) <= high
    return True


def test_an_object_has_its_properties_with_their_types():
    for seed in range(50):
        value: Any = instance(WEATHER, random.Random(seed))
        assert fits(WEATHER, value)
        assert all(fits(WEATHER["properties"][name], value[name]) for name in ("city", "days", "at"))  # type: ignore[index]
        assert value["unit"] in ("C", "F")
        assert value["where"] == {"id": 7}


def test_the_same_seed_gives_the_same_value():
    assert instance(WEATHER, random.Random(1)) == instance(WEATHER, random.Random(1))


@pytest.mark.parametrize(
    ("schema", "accepts"),
    [
        ({"type": "integer", "exclusiveMinimum": 4, "exclusiveMaximum": 6}, lambda v: v == 5),
        ({"type": "integer", "minimum": 7, "multipleOf": 5, "maximum": 12}, lambda v: v == 10),
        ({"type": "integer", "maximum": -3}, lambda v: v <= -3),
        ({"type": "number", "minimum": 0.5, "maximum": 0.6}, lambda v: 0.5 <= v <= 0.6),
        ({"type": ["null", "string"]}, lambda v: isinstance(v, str)),
        ({"anyOf": [{"type": "null"}, {"type": "boolean"}]}, lambda v: isinstance(v, bool)),
        ({"allOf": [{"required": ["a"]}, {"properties": {"a": {"const": 1}}}]}, lambda v: v == {"a": 1}),
        ({"type": "string", "maxLength": 2}, lambda v: len(v) <= 2),
        ({"type": "string", "format": "date"}, lambda v: v == "2026-01-02"),
        ({"type": "array", "items": {"type": "null"}, "maxItems": 0}, lambda v: v == []),
        (
            {"type": "array", "items": {"type": "integer"}, "minItems": 4, "uniqueItems": True},
            lambda v: len(set(v)) == 4,
        ),
        ({"type": "array", "prefixItems": [{"const": 1}, {"const": "x"}]}, lambda v: v == [1, "x"]),
        ({"type": "null"}, lambda v: v is None),
        (True, lambda v: isinstance(v, str)),
    ],
)
def test_bounds_and_combinations_are_kept(schema: Any, accepts: Any):
    for seed in range(20):
        assert accepts(instance(schema, random.Random(seed)))


def test_a_recursive_schema_ends():
    node = {
        "type": "object",
        "properties": {
            "next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
            "children": {"type": "array", "items": {"$ref": "#"}},
        },
        "required": ["next", "children"],
    }
    assert fits(node, instance(node, random.Random(3)))
