"""Pydantic's findings in our words: the place, what was found, what was expected, what to do."""

import difflib
import re
import types
from collections.abc import Mapping
from typing import Annotated, Final, Union, get_args, get_origin

from pydantic import BaseModel, Tag, ValidationError
from pydantic_core import ErrorDetails

from switch_grpc.config.problem import Problem, Where, looks_secret, show, show_name
from switch_grpc.config.schema import Definitions
from switch_grpc.config.tree import member

# What each kind of error expected; `{...}` are the members of the error's ctx.
_EXPECTED: Final[Mapping[str, str]] = {
    "string_type": "a string",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "dict_type": "an object",
    "model_type": "an object",
    "list_type": "a list",
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "less_than": "less than {lt:g}",
    "less_than_equal": "at most {le:g}",
    "too_short": "at least {min_length} entries",
    "too_long": "at most {max_length} entries",
    "string_too_short": "at least {min_length} characters",
    "string_too_long": "at most {max_length} characters",
    "literal_error": "{expected}",
    "string_pattern_mismatch": "text of the form {pattern}",
    "int_parsing_size": "a smaller number",
}
_DATES: Final = ("datetime", "timezone", "date_")
_VARIABLE_PATTERN: Final = "^[A-Za-z_]"
_VALUE: Final = re.compile(r"-?\d+(\.\d+)?|true|false")
_OF_ITS_KIND: Final[Mapping[str, str]] = {
    "int_type": "write the number alone; its unit is in the reference",
    "float_type": "write the number alone; its unit is in the reference",
    "bool_type": "write true or false",
}


def explain(error: ValidationError, value: object) -> list[Problem]:
    """One problem per mistake in `value`: a misspelt key is not reported as a missing one as well."""
    findings = error.errors(include_url=False)
    meant = {
        (*details["loc"][:-1], near)
        for details in findings
        if details["type"] == "extra_forbidden" and (near := _meant(details["loc"])) is not None
    }
    return [
        _problem(details, value)
        for details in findings
        if not (details["type"] == "missing" and details["loc"] in meant)
    ]


def places(error: ValidationError) -> list[Where]:
    """Every place that pydantic found something at."""
    return [place(details["loc"]) for details in error.errors(include_url=False)]


def _problem(details: ErrorDetails, value: object) -> Problem:
    loc, kind = details["loc"], details["type"]
    where = place(loc)
    if kind == "missing":
        return Problem(where, "nothing", *_missing(loc))
    if kind == "extra_forbidden":
        return _unknown_key(loc, where)
    if kind.startswith("union_tag"):
        return _unknown_type((*where, "type"), value)
    found = show_name(where[-1]) if loc[-1:] == ("[key]",) else show(details["input"], where)
    if kind.startswith(_DATES):
        return Problem(
            where, found, "a date and time with its UTC offset", "write it like 2027-01-31T00:00:00Z"
        )
    ctx = details.get("ctx", {})
    if kind in ("address", "regex"):  # our own validators bring both
        return Problem(where, found, ctx["expected"], ctx["reason"])
    expected = _EXPECTED[kind].format_map(ctx) if kind in _EXPECTED else details["msg"]
    return Problem(where, found, expected, _remedy(kind, details["input"], str(ctx.get("pattern", ""))))


def place(loc: tuple[int | str, ...]) -> Where:
    """Pydantic's place without the tags of unions and the marks of keys, which are not in the text."""
    return tuple(part for part in loc if part != "[key]" and not _is_tag(part))


def _is_tag(part: int | str) -> bool:
    return isinstance(part, str) and part.startswith("<") and part.endswith(">")


def _missing(loc: tuple[int | str, ...]) -> tuple[str, str]:
    section = _model_at(loc[:-1])
    fields = {} if section is None else section.model_fields
    text = next((f.description for f in fields.values() if f.alias == loc[-1]), None)
    return text or "a value", f"add {show_name(loc[-1])}"


def _unknown_key(loc: tuple[int | str, ...], where: Where) -> Problem:
    near = _meant(loc)
    if near is not None:
        remedy = f'did you mean "{near}"?'
    elif looks_secret(str(loc[-1])) and "credentialsRef" in _known(loc):
        remedy = "set it in a variable, name that in credentialStores, and the store in credentialsRef"
    else:
        remedy = f"remove it; known here: {', '.join(sorted(_known(loc)))}"
    return Problem(where, f"an unknown key {show_name(loc[-1])}", "a key that this object has", remedy)


def _known(loc: tuple[int | str, ...]) -> list[str]:
    section = _model_at(loc[:-1])
    return [] if section is None else [field.alias or name for name, field in section.model_fields.items()]


def _meant(loc: tuple[int | str, ...]) -> str | None:
    """The known key that an unknown one is nearest to, whatever its case, `_` and `-`."""
    known = {key.lower(): key for key in _known(loc)}
    spelled = str(loc[-1]).replace("_", "").replace("-", "").lower()
    near = difflib.get_close_matches(spelled, known, n=1, cutoff=0.7)
    return known[near[0]] if near else None


def _unknown_type(where: Where, value: object) -> Problem:
    found = value
    for part in where[:-1]:
        found = member(found, part)
    if not isinstance(found, dict):
        return Problem(
            where[:-1], show(found, where[:-1]), "an object", "write it as an object with a `type`"
        )
    kind = show(found["type"], where) if "type" in found else "nothing"
    return Problem(where, kind, "one of simple, aws, google, azure, oauth", "name the kind of credential")


def _remedy(kind: str, found: object, pattern: str) -> str:
    if kind in ("int_type", "float_type", "bool_type") and isinstance(found, str):
        return "write it without quotes" if _VALUE.fullmatch(found) else _OF_ITS_KIND[kind]
    if kind == "string_type" and not isinstance(found, dict | list | None):
        return "put it in quotes"
    if pattern.startswith(_VARIABLE_PATTERN):
        return "put the name of an environment variable here, never the secret itself"
    return "correct the value"


def _model_at(loc: tuple[int | str, ...]) -> type[BaseModel] | None:
    """The section that pydantic's place is in: by field names, keys, indices and the tags of unions."""
    current: object = Definitions
    for part in loc:
        current = _inside(_bare(current), part)
    bare = _bare(current)
    return bare if isinstance(bare, type) and issubclass(bare, BaseModel) else None


def _inside(current: object, part: int | str) -> object:
    if isinstance(current, type) and issubclass(current, BaseModel):
        return next((f.annotation for n, f in current.model_fields.items() if (f.alias or n) == part), None)
    if get_origin(current) in (list, dict):
        return get_args(current)[-1]
    for choice in get_args(current):
        if any(isinstance(mark, Tag) and mark.tag == part for mark in get_args(choice)[1:]):
            return choice
    return None


def _bare(annotation: object) -> object:
    """The annotation without Annotated and `| None`."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        choices = [choice for choice in get_args(annotation) if choice is not types.NoneType]
        return _bare(choices[0]) if len(choices) == 1 else annotation
    return annotation
