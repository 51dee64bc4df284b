"""Laws of schemas that are compiled: what goes out compiles, and says what it no longer asks for."""

import json
import time
from typing import Any

import pytest
from anthropic import transform_schema
from hypothesis import given, settings
from hypothesis import strategies as st

from switch_grpc.mock.anthropic_schema import check_schema
from switch_grpc.providers.dialects.json_schema import Unfit
from switch_grpc.providers.dialects.strict_schema import strict_schema

INTEGER: Any = {"type": "integer"}
STRING: Any = {"type": "string"}


def made(schema: object) -> Any:
    return json.loads(strict_schema(json.dumps(schema)).text)


def loosened(schema: object) -> tuple[str, ...]:
    return strict_schema(json.dumps(schema)).loosened


def record(**properties: object) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def closed(**properties: object) -> dict[str, Any]:
    return {**record(**properties), "additionalProperties": False}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer", "minimum": 1, "maximum": 10, "description": "A number"},
        {"type": "number", "exclusiveMinimum": 0, "multipleOf": 0.5},
        {"type": "string", "minLength": 1, "maxLength": 3, "format": "date"},
        {"type": "string", "format": "phone"},
        {"type": "array", "items": STRING, "minItems": 1, "maxItems": 4},
        {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 2},
        {**record(name={"type": "string", "title": "Name"}), "required": ["name"], "minProperties": 1},
        record(one=record(two=record(three=INTEGER))),
        {"oneOf": [record(kind={"const": 1}), {"type": "null"}]},
        {"anyOf": [{"type": "string", "maxLength": 1}, INTEGER], "title": "Either"},
        {"$ref": "#/$defs/a", "$defs": {"a": {**record(b={"enum": ["x", 1, None]}), "description": "A"}}},
    ],
)
def test_a_schema_is_written_as_anthropics_own_package_writes_it(schema: dict[str, Any]) -> None:
    assert made(schema) == transform_schema(schema)


def test_what_compiles_as_it_stands_is_not_touched() -> None:
    text = '{ "type":"object", "properties": {"n": {"const": 1.0}}, "additionalProperties": false }'
    assert strict_schema(text).text == text
    assert not strict_schema(text).loosened


def test_what_does_not_bind_is_named() -> None:
    assert loosened(record(a={**INTEGER, "minimum": 1}, b={**STRING, "maxLength": 1, "x-b\n": 1})) == (
        "`minimum`",
        "`maxLength`",
        "others",
    )
    assert loosened({**record(a=INTEGER), "additionalProperties": True}) == ("`additionalProperties`",)
    assert not loosened({**record(a={**INTEGER, "examples": [1]}), "$schema": "http://json-schema.org/x"})


def test_exact_numbers_stay_so() -> None:
    """As text: 9007199254740993 and 1.10 are no doubles."""
    text = strict_schema('{"type":"number","minimum":1.10,"default":9007199254740993}').text
    assert '"{minimum: 1.10}"' in text
    assert '"default":9007199254740993' in text


def test_more_is_kept_than_by_the_package_where_the_compiler_knows_it() -> None:
    schema = {"type": "string", "enum": ["a"], "pattern": "^[a-z]{1,3}$", "default": "a"}
    assert made(schema) == schema
    assert made({**STRING, "pattern": "a(?=b)"}) == {**STRING, "description": "{pattern: a(?=b)}"}
    assert made({"type": ["string", "null"], "maxLength": 2})["type"] == ["string", "null"]


def test_all_of_is_one_schema() -> None:
    """Each closed by itself, two of them would fit nothing."""
    parts = [{"$ref": "#/$defs/a"}, {**record(b=STRING), "required": ["b"]}]
    definitions = {"a": {**record(a=INTEGER), "required": ["a"], "title": "A"}}
    whole = made({"allOf": parts, "description": "Both", "$defs": definitions})
    assert whole == {
        **closed(a=INTEGER, b=STRING), "required": ["a", "b"], "description": "Both", "title": "A",
    }  # fmt: skip


def test_what_stands_beside_a_reference_or_alternatives_is_part_of_them() -> None:
    named = {"$ref": "#/$defs/name", "description": "Hers"}
    schema = {**record(her=named), "$defs": {"name": {**STRING, "description": "A name"}}}
    assert made(schema) == closed(her={**STRING, "description": "Hers"})
    either = {**record(a=INTEGER, b=INTEGER), "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}
    both = closed(a=INTEGER, b=INTEGER)
    assert made(either) == {"anyOf": [{**both, "required": ["a"]}, {**both, "required": ["b"]}]}


def test_types_are_told_from_what_a_schema_says() -> None:
    assert made({"properties": {"a": INTEGER}}) == closed(a=INTEGER)
    assert made({"items": INTEGER}) == {"type": "array", "items": INTEGER}


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"type": "object"}, "whose members have no names"),
        (record(m={"type": "object", "additionalProperties": STRING}), r"no names \(at m\)"),
        (record(a={}), "without a type"),
        (record(a=True), "no object"),
        (record(a={"$ref": "#"}), "refers to itself"),
        ({"$ref": "#/$defs/a", "$defs": {"a": record(a={"$ref": "#/$defs/a"})}}, "refers to itself"),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"allOf": [{"$ref": "#/$defs/a"}]}}}, "refers to itself"),
        (record(a={"$ref": "#/$defs/b"}), "to nothing"),
        (record(a={"$ref": "https://example.com/a.json"}), "another document"),
        ({"allOf": [INTEGER, STRING]}, "two values of `type`"),
        ({"anyOf": [INTEGER], "oneOf": [STRING]}, "beside"),
        ({**record(a=INTEGER), "description": "x" * 140_000}, "characters"),
    ],
)
def test_what_cannot_be_compiled_is_told_by_its_place(schema: object, why: str) -> None:
    with pytest.raises(Unfit, match=why):
        strict_schema(json.dumps(schema))


def test_a_definition_that_nothing_refers_to_is_nobodys_concern() -> None:
    assert made({**record(a=INTEGER), "$defs": {"b": True}}) == closed(a=INTEGER)


def test_small_schemas_that_stand_for_huge_ones_are_refused_at_once() -> None:
    """Each definition holds the one before twice, written out in place for what stands beside."""
    beside = {"description": "x"}
    definitions: dict[str, Any] = {"d0": STRING}
    for n in range(1, 40):
        one = {"$ref": f"#/$defs/d{n - 1}", **beside}
        definitions[f"d{n}"] = record(a=one, b=one)
    start = time.perf_counter()
    with pytest.raises(Unfit, match="too much"):
        strict_schema(json.dumps({"$ref": "#/$defs/d39", "$defs": definitions}))
    assert time.perf_counter() - start < 2


def test_depth_is_bounded() -> None:
    deep = '{"type":"array","items":' * 5_000 + '{"type":"string"}' + "}" * 5_000
    with pytest.raises(Unfit):
        strict_schema(deep)


NAMES = st.sampled_from(["a", "b", "minimum", "anyOf", "$ref"])
LEAVES = st.fixed_dictionaries(
    {"type": st.sampled_from(["string", "integer", "number", "boolean", "null", ["string", "null"]])},
    optional={
        "minimum": st.integers(),
        "multipleOf": st.floats(0.1, 10),
        "maxLength": st.integers(0, 9),
        "format": st.sampled_from(["date", "phone"]),
        "pattern": st.sampled_from(["^a$", "(?!a)"]),
        "enum": st.lists(st.none() | st.text(max_size=3) | st.just({}), min_size=1),
        "description": st.text(max_size=5),
        "x-more": st.none(),
    },
)
SCHEMAS = st.recursive(
    LEAVES | st.just({"$ref": "#/$defs/d"}) | st.just({"$ref": "#/$defs/d", "title": "t"}),
    lambda inner: (
        st.fixed_dictionaries(
            {"type": st.just("object"), "properties": st.dictionaries(NAMES, inner, max_size=3)},
            optional={
                "required": st.just(["a"]),
                "additionalProperties": st.booleans(),
                "anyOf": st.lists(inner, min_size=1, max_size=2),
                "allOf": st.lists(inner, max_size=2),
            },
        )
        | st.fixed_dictionaries(
            {"type": st.just("array")}, optional={"items": inner, "minItems": st.integers(0, 3)}
        )
        | st.fixed_dictionaries({"oneOf": st.lists(inner, min_size=1, max_size=2)})
    ),
    max_leaves=8,
)


@given(schema=SCHEMAS, definition=LEAVES)
@settings(deadline=None)
def test_what_goes_out_is_what_the_strict_mock_takes(schema: dict[str, Any], definition: Any) -> None:
    try:
        compiled = made({**schema, "$defs": {"d": definition}})
    except Unfit:
        return
    check_schema(compiled, "schema")
