"""A value that fits a JSON Schema, for tool arguments and structured answers.

A small reading of the schema: type, properties, required, items, prefixItems, enum, const, $ref, allOf,
anyOf, oneOf, bounds, lengths and the common formats. `pattern`, `not`, `if` and `dependent*` are not read.
"""

import random
from typing import Final

from switch_grpc.mock.fields import Json

_DEEP: Final = 4  # from here on only what is required, so that recursive schemas end
_BOTTOM: Final = 12  # and from here on nothing
_LARGEST: Final = 10_000  # items, members or characters, whatever the schema demands
_WORDS: Final = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "haven")
_FORMATS: Final[dict[str, str]] = {
    "date": "2026-01-02",
    "date-time": "2026-01-02T03:04:05Z",
    "time": "03:04:05Z",
    "duration": "PT1H",
    "email": "ada@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "123e4567-e89b-42d3-a456-426614174000",
}


def instance(schema: Json, rng: random.Random) -> Json:
    """A value that the schema accepts; the same for the same schema and state of `rng`."""
    return _make(schema, schema, rng, 0)


def _make(schema: Json, root: Json, rng: random.Random, depth: int) -> Json:
    if not isinstance(schema, dict):
        return rng.choice(_WORDS)
    if depth > _BOTTOM:
        return None
    reference = schema.get("$ref")
    if isinstance(reference, str):
        return _make(_resolve(reference, root), root, rng, depth + 1)
    if "const" in schema:
        return schema["const"]
    choices = schema.get("enum")
    if isinstance(choices, list) and choices:
        return rng.choice(choices)
    for key in ("anyOf", "oneOf"):
        branches = schema.get(key)
        if isinstance(branches, list) and branches:
            return _make(_branch(branches, depth), root, rng, depth + 1)
    parts = schema.get("allOf")
    if isinstance(parts, list):
        return _make(_merge(schema, parts, root), root, rng, depth + 1)
    match _type(schema):
        case "object":
            return _object(schema, root, rng, depth)
        case "array":
            return _array(schema, root, rng, depth)
        case "integer":
            return _integer(schema, rng)
        case "number":
            return _number(schema, rng)
        case "boolean":
            return rng.random() < 0.5
        case "null":
            return None
        case _:
            return _string(schema, rng)


def _resolve(reference: str, root: Json) -> Json:
    """What a local reference (`#/$defs/name`) points at; anything else is an open schema."""
    here = root
    for part in reference.removeprefix("#").strip("/").split("/"):
        key = part.replace("~1", "/").replace("~0", "~")
        if part and isinstance(here, dict):
            here = here.get(key, {})
    return here


def _branch(branches: list[Json], depth: int) -> Json:
    """The first branch that is not null; deep down null, so that a linked list ends."""
    nulls = [one for one in branches if isinstance(one, dict) and one.get("type") == "null"]
    if depth > _DEEP and nulls:
        return nulls[0]
    return next((one for one in branches if one not in nulls), branches[0])


def _merge(schema: dict[str, Json], parts: list[Json], root: Json) -> dict[str, Json]:
    merged = {key: value for key, value in schema.items() if key != "allOf"}
    for part in parts:
        found = part
        if isinstance(part, dict) and isinstance(part.get("$ref"), str):
            found = _resolve(str(part["$ref"]), root)
        for key, value in (found if isinstance(found, dict) else {}).items():
            held = merged.get(key)
            if isinstance(held, dict) and isinstance(value, dict):
                merged[key] = {**held, **value}
            elif isinstance(held, list) and isinstance(value, list):
                merged[key] = [*held, *value]
            else:
                merged[key] = value
    return merged


def _type(schema: dict[str, Json]) -> str:
    stated = schema.get("type")
    if isinstance(stated, list):
        stated = next((one for one in stated if one != "null"), "null")
    if isinstance(stated, str):
        return stated
    if "properties" in schema or "required" in schema:
        return "object"
    if "items" in schema or "prefixItems" in schema:
        return "array"
    return "string"


def _object(schema: dict[str, Json], root: Json, rng: random.Random, depth: int) -> Json:
    properties = schema.get("properties")
    known = properties if isinstance(properties, dict) else {}
    stated = schema.get("required")
    required = [name for name in stated if isinstance(name, str)] if isinstance(stated, list) else []
    names = required if depth >= _DEEP else [*known, *(name for name in required if name not in known)]
    extra = schema.get("additionalProperties")
    made = {name: _make(known.get(name, {}), root, rng, depth + 1) for name in names}
    while len(made) < _size(schema, "minProperties", 0):
        made[f"key{len(made)}"] = _make(extra, root, rng, depth + 1)
    return made


def _array(schema: dict[str, Json], root: Json, rng: random.Random, depth: int) -> Json:
    prefix = schema.get("prefixItems")
    firsts = prefix if isinstance(prefix, list) else []
    usual = max(len(firsts), 1) if depth < _DEEP else len(firsts)
    low, high = _size(schema, "minItems", 0), _size(schema, "maxItems", _LARGEST)
    count = min(max(low, usual), high)
    rest = schema.get("items")
    made: list[Json] = []
    for k in range(count):
        value = _make(firsts[k] if k < len(firsts) else rest, root, rng, depth + 1)
        for _ in range(32 if schema.get("uniqueItems") is True else 0):
            if value not in made:
                break
            value = _make(rest, root, rng, depth + 1)
        made.append(value)
    return made


def _size(schema: dict[str, Json], key: str, default: int) -> int:
    value = schema.get(key)
    return min(value, _LARGEST) if isinstance(value, int) else default


def _bounds(schema: dict[str, Json], step: float) -> tuple[float, float]:
    """The inclusive bounds of a number, `step` inside an exclusive one; 0 to 100 where open."""
    lows: list[float] = []
    highs: list[float] = []
    for key, exclusive, found in (("minimum", False, lows), ("exclusiveMinimum", True, lows)):
        value = schema.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool):
            found.append(value + step if exclusive else value)
    for key, exclusive, found in (("maximum", False, highs), ("exclusiveMaximum", True, highs)):
        value = schema.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool):
            found.append(value - step if exclusive else value)
    if not lows and not highs:
        return 0, 100
    low = max(lows) if lows else min(highs) - 100
    return low, min(highs) if highs else low + 100


def _integer(schema: dict[str, Json], rng: random.Random) -> int:
    low, high = _bounds(schema, 1)
    first, last = int(-(-low // 1)), int(high // 1)
    multiple = schema.get("multipleOf")
    if isinstance(multiple, int) and multiple > 1:
        first += -first % multiple
        return first + multiple * rng.randint(0, max((last - first) // multiple, 0))
    return rng.randint(first, max(first, last))


def _number(schema: dict[str, Json], rng: random.Random) -> float:
    low, high = _bounds(schema, 0.25)
    multiple = schema.get("multipleOf")
    if isinstance(multiple, int | float) and multiple > 0:
        return -(-low // multiple) * multiple
    return min(high, low + round((high - low) * rng.random(), 2))


def _string(schema: dict[str, Json], rng: random.Random) -> str:
    text = _FORMATS.get(str(schema.get("format")), rng.choice(_WORDS))
    low, high = _size(schema, "minLength", 0), _size(schema, "maxLength", _LARGEST)
    while len(text) < low:
        text += " " + rng.choice(_WORDS)
    return text[:high] if len(text) > high else text
