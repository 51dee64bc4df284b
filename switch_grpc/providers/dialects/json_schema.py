"""JSON Schemas in pieces: references followed, and several made one that asks for what they all ask for.

Members stay raw, so that what is not looked at goes out as it was written.
"""

from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import unquote

import msgspec
from msgspec import Raw

from switch_grpc.providers.dialects.members import NULL, Members, encode, members_of, raws_of, text_of

FALSE: Final = Raw(b"false")
# What says something about a schema and binds nothing.
ANNOTATIONS: Final = frozenset({"title", "description", "default", "examples", "$comment"})
_SHOWN: Final = 80  # characters of a place
_MOST: Final = 100  # references and `allOf` put in place; each may hold the most of a schema
_names_of: Final = msgspec.json.Decoder(list[str]).decode


class Unfit(Exception):
    """A schema that has no equivalent where it should go; its text is what stands in the way."""

    def __init__(self, what: str, at: str = "") -> None:
        place = at.lstrip(".")
        shown = place if len(place) <= _SHOWN else f"{place[:_SHOWN]}..."
        super().__init__(f"{what} (at {shown})" if shown else what)


def schema_of(raw: Raw, at: str = "") -> Members:
    """A schema's members. Raises Unfit for `true`, `false` and what is no schema."""
    try:
        return members_of(raw)
    except msgspec.DecodeError:
        raise Unfit("a schema that is no object", at) from None


def schemas_of(raw: Raw, at: str = "") -> list[Members]:
    """The members of a list of schemas. Raises Unfit."""
    try:
        return [schema_of(one, at) for one in raws_of(raw)]
    except msgspec.DecodeError:
        raise Unfit("schemas that are no list", at) from None


def named_schemas(raw: Raw, at: str = "") -> Mapping[str, Raw]:
    """The schemas of `properties` or `$defs`, by name. Raises Unfit."""
    return schema_of(raw, at)


def names_of(raw: Raw, at: str = "") -> list[str]:
    """The names of `required`. Raises Unfit."""
    try:
        return _names_of(raw)
    except msgspec.DecodeError:
        raise Unfit("names that are no list of strings", at) from None


def reference(raw: Raw, at: str = "") -> str:
    """The text of a `$ref`. Raises Unfit."""
    try:
        return text_of(raw)
    except msgspec.DecodeError:
        raise Unfit("a reference that is no string", at) from None


class Document:
    """A whole schema, and what the references in it mean."""

    __slots__ = ("_followed", "_known", "root")

    def __init__(self, root: Members) -> None:
        self.root = root
        self._known = {"": root}  # what was looked into, by its place
        self._followed = 0

    def of(self, ref: str, at: str = "") -> Members:
        """The schema that a reference means. Raises Unfit where it is not in here."""
        if not ref.startswith("#"):
            raise Unfit("a reference to another document", at)
        found, place = self.root, ""
        for step in filter(None, unquote(ref[1:]).split("/")):
            name, place = step.replace("~1", "/").replace("~0", "~"), f"{place}/{step}"
            if place not in self._known:
                if name not in found:
                    raise Unfit("a reference to nothing", at)
                self._known[place] = schema_of(found[name], at)
            found = self._known[place]
        return found

    def together(self, members: Members, at: str = "") -> Members:
        """The same schema without `allOf` and `$ref`. Raises Unfit where it asks for two things at once."""
        while "allOf" in members or "$ref" in members:
            self._followed += 1
            if self._followed > _MOST:
                raise Unfit("a schema that refers to itself, or to too much", at)
            rest = {name: raw for name, raw in members.items() if name not in ("allOf", "$ref")}
            parts = schemas_of(members["allOf"], at) if "allOf" in members else []
            if "$ref" in members:
                parts.append(self.of(reference(members["$ref"], at), at))
            members = joined((rest, *(self.together(part, at) for part in parts)), at)
        return members


def joined(schemas: Iterable[Members], at: str = "") -> Members:
    """The schema that asks for what all of these ask for. Raises Unfit where two of them disagree.

    Of what binds nothing the first counts.
    """
    whole: Members = {}
    for schema in schemas:
        for name, raw in schema.items():
            known = whole.get(name, NULL)
            if known == NULL:
                whole[name] = raw
            elif name in ("properties", "$defs", "definitions"):
                whole[name] = _merged(named_schemas(known, at), named_schemas(raw, at), f"{at}.{name}")
            elif name == "required":
                names = dict.fromkeys((*names_of(known, at), *names_of(raw, at)))
                whole[name] = Raw(encode(list(names)))
            elif name == "additionalProperties" and FALSE in (known, raw):
                whole[name] = FALSE
            elif known != raw and name not in ANNOTATIONS:
                raise Unfit(f"two values of `{name[:40]}` for one thing", at)
    return whole


def _merged(known: Mapping[str, Raw], more: Mapping[str, Raw], at: str) -> Raw:
    """Properties of both; one that both have asks for both."""
    both = {
        name: Raw(encode(joined((schema_of(known[name]), schema_of(raw)), f"{at}.{name}")))
        for name, raw in more.items()
        if name in known and known[name] != raw
    }
    return Raw(encode({**known, **more, **both}))
