"""Schemas of tools and answers as Claude's models take them, wherever they are served.

A schema that binds (a strict tool's, an answer's format) is compiled, which not every keyword survives: see
`strict_schema`. A tool whose schema does not compile at all goes without `strict`; an answer's is refused.
"""

import re
from typing import Any

import msgspec
from msgspec import Raw

from switch_grpc.faults import bad_request
from switch_grpc.providers.dialects.changes import Changes
from switch_grpc.providers.dialects.json_schema import Unfit
from switch_grpc.providers.dialects.members import Members, encode, members_of
from switch_grpc.providers.dialects.strict_schema import strict_schema
from switch_grpc.providers.dialects.tool_schema import AT_TOP, flattened
from switch_grpc.v1 import chat_pb2 as pb

Schema = Raw | dict[str, Any]


def check_name(name: str, pattern: re.Pattern[str], at: str, changes: Changes) -> None:
    """Raises Fault(CAPABILITY) for a tool of another name than `pattern`: others know names with dots."""
    if pattern.fullmatch(name) is None:
        what = f"a function of the name {name[:80]!r}, only of {pattern.pattern}"
        raise changes.cannot(f"{at}.name", what)


def input_schema(
    function: pb.FunctionTool, at: str, changes: Changes, *, strict: bool, flat: bool = True
) -> tuple[Schema, bool]:
    """The schema of a tool's input, and whether it binds.

    `at` is the function's path. `flat`: without alternatives at its top, which Claude refuses.
    Raises Fault(BAD_REQUEST | CAPABILITY).
    """
    schema = _object(function, f"{at}.parameters", changes, flat=flat)
    if not strict:
        return schema, False
    try:
        return _compiled(schema, f"{at}.parameters", f"the tool {function.name}", changes), True
    except Unfit as unfit:
        note = f"strict left out of the tool {function.name}: {changes.model} cannot compile {unfit}"
        changes.make(f"{at}.strict", f"`strict` beside {unfit}", note)
        return schema, False


def format_schema(text: str, changes: Changes, *, asked: bool) -> Raw:
    """The schema that an answer must fit. Raises Fault(CAPABILITY). `asked`: the caller set it."""
    try:
        return _compiled(Raw(text.encode()), "response_format", "the answer's schema", changes, asked=asked)
    except Unfit as unfit:
        raise changes.cannot("response_format", str(unfit)) from None


def _object(function: pb.FunctionTool, at: str, changes: Changes, *, flat: bool) -> Schema:
    """A tool without parameters takes an empty object; `type` is required of the others."""
    text = function.parameters_json
    if not text or text == "null":
        return {"type": "object", "properties": {}}
    try:
        members = members_of(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise bad_request(at, "expected a JSON Schema, an object") from error
    if flat and not AT_TOP.isdisjoint(members):
        return _flat(members, function.name, at, changes)
    return Raw(text.encode()) if "type" in members else {"type": "object", **members}


def _flat(members: Members, name: str, at: str, changes: Changes) -> Members:
    try:
        schema, told = flattened(members)
    except Unfit as unfit:
        raise changes.cannot(at, str(unfit)) from None
    if told:
        what = " and ".join(f"`{one}`" for one in told)
        changes.make(
            at,
            f"{what} at the top of a tool's input",
            f"{what} of the tool {name} said in its description: {changes.model} takes none at the top",
        )
    return schema


def _compiled(schema: Schema, at: str, whose: str, changes: Changes, *, asked: bool = True) -> Raw:
    """Raises Unfit."""
    made = strict_schema(encode(schema).decode())
    if made.loosened:
        what = ", ".join(made.loosened)
        note = f"{what} of {whose} said in descriptions: {changes.model} is not bound by them"
        changes.make(at, f"{what} in a schema that binds", note, asked=asked)
    return Raw(made.text.encode())
