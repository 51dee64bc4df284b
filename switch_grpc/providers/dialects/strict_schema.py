"""JSON Schemas as structured output and strict tools of Anthropic and Bedrock take them.

Both compile a schema to a grammar that every token of the answer follows, and refuse a schema with what
their compiler does not know. So it is written as the `anthropic` package writes it for its own callers
(`transform_schema` in anthropic/lib/_parse/_transform.py, 2.12):

    objects                    closed, whether or not they were
    minimum, maxLength, ...    in the description, `{minimum: 1, maximum: 10}`, which the model may keep to
    oneOf                      anyOf
    an unknown format          in the description

and where that one gives up or loses something, by what the compiler is documented to know
(https://platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations and
https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html):

    pattern, default, enum     stay, the first if it is plain; the type stays beside an enum
    allOf                      put together; one schema for all
    what stands beside anyOf   in each of its schemas
    what stands beside $ref    together with what is referred to, in its place

No schema stands for one that refers to itself, for any value at all, or for an object whose members have no
names: closed, that one could only ever be empty.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import msgspec
from msgspec import Raw

from switch_grpc.providers.dialects.json_schema import (
    ANNOTATIONS,
    FALSE,
    Document,
    Unfit,
    joined,
    named_schemas,
    reference,
    schema_of,
    schemas_of,
)
from switch_grpc.providers.dialects.members import NULL, Members, encode, raws_of, text_of

_DEEP: Final = 64
_MANY: Final = 10_000  # schemas in one
_LONG: Final = 128 << 10  # characters of one; OpenAI takes 120,000
_REMEMBERED: Final = 16 << 10  # characters of one that is worth it

_DEFINITION: Final = re.compile(r"#/(\$defs|definitions)/([^/%~]+)")
_FORMATS: Final = frozenset(
    {
        *("date-time", "time", "date", "duration", "email"),
        *("hostname", "uri", "ipv4", "ipv6", "uuid"),
    }
)
# Look-around, back references and word boundaries do not compile.
_NOT_PLAIN: Final = re.compile(r"\(\?(?!:)|\\[bB1-9]")
_STAY: Final = frozenset({"type", "title", "default", "required"})
_SAY_NOTHING: Final = frozenset(
    {"$schema", "$id", "$anchor", "$comment", "discriminator", "$defs", "definitions"}
)
_REMARKS: Final = frozenset({"examples", "example", "deprecated", "readOnly", "writeOnly", "contentEncoding"})
# Names that a note may hold; of all others it says that there are some.
_KNOWN: Final = frozenset(
    {
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
        *("minLength", "maxLength", "pattern", "format", "enum", "const"),
        *("minItems", "maxItems", "uniqueItems", "contains", "minContains", "maxContains", "prefixItems"),
        *("minProperties", "maxProperties", "patternProperties", "propertyNames", "additionalProperties"),
        *("dependentRequired", "dependentSchemas", "unevaluatedProperties", "unevaluatedItems"),
        *("not", "if", "then", "else", "items"),
    }
)


@dataclass(frozen=True, slots=True)
class StrictSchema:
    """A schema as it goes out, and the keywords that no longer bind the model."""

    text: str  # as it was written, where it was such already
    loosened: tuple[str, ...] = ()


def strict_schema(text: str) -> StrictSchema:
    """The schema of this JSON text. Raises Unfit where there is none that compiles."""
    return _remembered(text) if len(text) <= _REMEMBERED else _compiled(text)


def _compiled(text: str) -> StrictSchema:
    if len(text) > _LONG:
        raise Unfit(f"a schema of more than {_LONG:,} characters")
    try:
        compiler = _Compiler(schema_of(Raw(text.encode())))
        data = encode(compiler.whole())
        as_it_was = msgspec.json.decode(data) == msgspec.json.decode(text)
        return StrictSchema(text if as_it_was else data.decode(), tuple(compiler.loosened))
    except RecursionError:
        raise Unfit("a schema that is nested too deeply") from None
    except msgspec.DecodeError:  # such as 1e400, which is JSON
        raise Unfit("a number that is out of range") from None


_remembered: Final = lru_cache(maxsize=256)(_compiled)  # the same tools come with every turn


class _Compiler:
    """Writes one schema."""

    def __init__(self, root: Members) -> None:
        self.loosened: dict[str, None] = {}
        self._document = Document(root)
        self._definitions: dict[str, dict[str, Any]] = {}  # those referred to, by their place
        self._open: list[str] = []  # references on the way from the root
        self._count = 0

    def whole(self) -> dict[str, Any]:
        schema = self._schema(self._document.root, "", 0)
        return {**schema, **self._definitions}

    def _schema(self, members: Members, at: str, depth: int) -> dict[str, Any]:
        self._count += 1
        if depth > _DEEP or self._count > _MANY:
            raise Unfit("a schema that is too large, or refers to itself", at)
        if (ref := _definition(members, at)) is not None:
            self._define(ref, at, depth)
            return {"$ref": ref.string}
        members = self._document.together(members, at)
        if "anyOf" in members or "oneOf" in members:
            return self._any(members, at, depth)
        return self._plain(members, at, depth)

    def _define(self, ref: re.Match[str], at: str, depth: int) -> None:
        """Writes the definition that is referred to, if this is the first time."""
        place, name = ref.groups()
        if ref.string in self._open:
            raise Unfit("a schema that refers to itself", at)
        if name not in self._definitions.get(place, ()):
            self._open.append(ref.string)
            schema = self._schema(self._document.of(ref.string, at), ref.string, depth + 1)
            self._open.pop()
            self._definitions.setdefault(place, {})[name] = schema

    def _any(self, members: Members, at: str, depth: int) -> dict[str, Any]:
        if "anyOf" in members and "oneOf" in members:
            raise Unfit("`anyOf` beside `oneOf`", at)
        schemas = schemas_of(members["anyOf" if "anyOf" in members else "oneOf"], at)
        beside = {
            name: raw
            for name, raw in members.items()
            if name not in ("anyOf", "oneOf") and name not in ANNOTATIONS and name not in _SAY_NOTHING
        }
        made: dict[str, Any] = {}
        for name, raw in members.items():
            if name in ("anyOf", "oneOf"):
                each = (joined((beside, schema), at) if beside else schema for schema in schemas)
                made["anyOf"] = [self._schema(one, f"{at}.anyOf", depth + 1) for one in each]
            elif name in ("title", "description", "default"):
                made[name] = raw
        return made

    def _plain(self, members: Members, at: str, depth: int) -> dict[str, Any]:
        kinds = _kinds(members, at)
        made: dict[str, Any] = {} if "type" in members or not kinds else {"type": kinds[0]}
        said: dict[str, Raw] = {}  # what the description tells
        for name, raw in members.items():
            if name in _STAY or self._stays(name, raw):
                made[name] = raw
            elif name == "properties":
                made[name] = {
                    key: self._schema(schema_of(one, f"{at}.{key}"), f"{at}.{key}", depth + 1)
                    for key, one in named_schemas(raw, at).items()
                }
            elif name == "items" and bytes(raw)[:1] == b"{":
                made[name] = self._schema(schema_of(raw, at), f"{at}.items", depth + 1)
            elif name == "description":
                made[name] = raw
            elif name not in _SAY_NOTHING and name != "additionalProperties":
                said[name] = raw
                if name not in _REMARKS:
                    self._loosen(name)
        if "object" in kinds:
            self._close(members, at)
            made["additionalProperties"] = False
        if said:
            made["description"] = _description(made.get("description"), said)
        return made

    def _stays(self, name: str, raw: Raw) -> bool:
        match name:
            case "enum":
                return not any(bytes(one)[:1] in (b"{", b"[") for one in _list(raw))
            case "const":
                return bytes(raw)[:1] not in (b"{", b"[")
            case "minItems":
                return bytes(raw) in (b"0", b"1")
            case "format":
                return _text(raw) in _FORMATS
            case "pattern":
                return not _NOT_PLAIN.search(_text(raw))
            case _:
                return False

    def _close(self, members: Members, at: str) -> None:
        more = members.get("additionalProperties", NULL)
        if more == FALSE:
            return
        if "properties" not in members:
            raise Unfit("an object whose members have no names", at)
        if more != NULL:
            self._loosen("additionalProperties")

    def _loosen(self, name: str) -> None:
        self.loosened[f"`{name}`" if name in _KNOWN else "others"] = None


def _definition(members: Members, at: str) -> re.Match[str] | None:
    """The reference to a definition, where a schema is no more than that."""
    if "$ref" not in members or members.keys() - {"$ref"} - _SAY_NOTHING:
        return None
    return _DEFINITION.fullmatch(reference(members["$ref"], at))


def _kinds(members: Members, at: str) -> list[str]:
    """The types of value, as far as the schema says: of an enum none are needed. Raises Unfit."""
    raw = members.get("type", NULL)
    if raw != NULL:
        return [_text(one) for one in _list(raw)] if bytes(raw)[:1] == b"[" else [_text(raw)]
    if "properties" in members:
        return ["object"]
    if "items" in members:
        return ["array"]
    if "enum" in members or "const" in members:
        return []
    raise Unfit("a schema without a type", at)


def _description(known: Raw | None, said: Mapping[str, Raw]) -> str:
    values = {
        name: _text(raw) if bytes(raw)[:1] == b'"' else bytes(raw).decode() for name, raw in said.items()
    }
    told = "{" + ", ".join(f"{name}: {value}" for name, value in values.items()) + "}"
    before = _text(known) if known is not None else ""
    return f"{before}\n\n{told}" if before else told


def _list(raw: Raw) -> list[Raw]:
    try:
        return raws_of(raw)
    except msgspec.DecodeError:
        return []


def _text(raw: Raw) -> str:
    try:
        return text_of(raw)
    except msgspec.DecodeError:
        return ""
