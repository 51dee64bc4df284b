"""Laws of schemas put together."""

import json
from typing import Any

import pytest

from switch_grpc.providers.dialects.json_schema import Document, Unfit, joined
from switch_grpc.providers.dialects.members import encode, members_of


def members(schema: object) -> Any:
    return members_of(json.dumps(schema))


def together(*schemas: object) -> Any:
    return json.loads(encode(joined(map(members, schemas))))


def test_schemas_are_joined_member_by_member() -> None:
    one = {"type": "object", "title": "One", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    two = {
        "type": "object",
        "title": "Two",
        "properties": {"a": {"maxLength": 3}, "b": {"type": "null"}},
        "required": ["b", "a"],
        "additionalProperties": False,
    }
    assert together(one, two) == {
        "type": "object",
        "title": "One",
        "properties": {"a": {"type": "string", "maxLength": 3}, "b": {"type": "null"}},
        "required": ["a", "b"],
        "additionalProperties": False,
    }
    with pytest.raises(Unfit, match=r"two values of `type`"):
        together({"type": "string"}, {"type": "integer"})


def test_references_are_json_pointers() -> None:
    root = {"$defs": {"a/b ~c": {"title": "Here"}}, "properties": {"x": {"$ref": "#/$defs/a~1b%20~0c"}}}
    document = Document(members(root))
    assert document.of("#/$defs/a~1b%20~0c") == members({"title": "Here"})
    assert document.together(members({"$ref": "#/properties/x"})) == members({"title": "Here"})
    for ref in ("#/nowhere", "a.json", "#/$defs/a/b"):
        with pytest.raises(Unfit):
            document.of(ref)


def test_a_place_is_told_without_end() -> None:
    assert str(Unfit("a schema", ".a.b")) == "a schema (at a.b)"
    assert len(str(Unfit("a schema", "x" * 1000))) < 120
