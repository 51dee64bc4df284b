"""Reads the tools of an Anthropic request and the choice among them.

Shapes are those of the `anthropic` package (ToolParam, ToolChoiceParam). Anthropic's own tools, whose type
ends in a date, are known by their name; what else they say is not judged, because the mock runs none.
"""

import re
from dataclasses import replace
from typing import Final

from switch_grpc.mock.answers import Ask, Tool
from switch_grpc.mock.anthropic_fields import Members, refused, wrong
from switch_grpc.mock.anthropic_schema import check_schema
from switch_grpc.mock.anthropic_turns import TOOL_NAME, Conversation, read_marker
from switch_grpc.mock.fields import Json

_OWN: Final = re.compile(r"[a-z][a-z0-9_]*_20\d{6}")
_AT_TOP: Final = ("allOf", "anyOf", "oneOf")


def with_tools(ask: Ask, body: Members, read: Conversation, *, thinks: bool) -> Ask:
    """The request with its tools and the choice; `thinks` is a thinking with a budget. Raises Refused."""
    names: list[str] = []
    tools: list[Tool] = []
    for tool in body.each("tools"):
        kind = tool.value("type", nullable=True)
        if kind is None or kind == "custom":
            tools.append(_custom(tool.tagged("custom"), read))
            names.append(tools[-1].name)
        elif isinstance(kind, str) and _OWN.fullmatch(kind):
            names.append(tool.text("name") or kind)
            read_marker(tool, read)
        else:
            raise wrong(
                tool.path, f"Input tag '{kind}' found using 'type' does not match any of the expected tags"
            )
    if len(set(names)) < len(names):
        raise wrong("tools", "Tool names must be unique.")
    return _chosen(replace(ask, tools=tuple(tools)), body, names, thinks=thinks)


def _custom(tool: Members, read: Conversation) -> Tool:
    name = tool.matching("name", TOOL_NAME)
    tool.text("description")
    tool.needed("input_schema")
    schema = tool.record("input_schema")
    strict = tool.flag("strict")
    _check_input_schema(Members(schema, tool.at("input_schema")))
    if strict:
        check_schema(schema, tool.path)
    tool.flag("defer_loading")
    tool.flag("eager_input_streaming", nullable=True)
    tool.array("input_examples")
    tool.array("allowed_callers")
    read_marker(tool, read)
    tool.close()
    return Tool(name=name, schema=schema)


def _check_input_schema(schema: Members) -> None:
    schema.needed_text("type", ("object",))
    schema.record("properties", nullable=True)
    required: list[Json] = schema.array("required", nullable=True) or []
    if not all(isinstance(name, str) for name in required):
        raise wrong(schema.at("required"), "Input should be a list of strings")
    for name in _AT_TOP:
        if schema.given(name):
            raise wrong(schema.path, "input_schema does not support oneOf, allOf, or anyOf at the top level")


def _chosen(ask: Ask, body: Members, names: list[str], *, thinks: bool) -> Ask:
    choice = body.members("tool_choice")
    if choice is None:
        return ask
    kind = choice.kind(("auto", "any", "tool", "none"))
    choice = choice.tagged(kind)
    if not names:
        raise refused("tool_choice may only be specified while providing tools")
    alone = kind != "none" and choice.flag("disable_parallel_tool_use") is True
    ask = replace(ask, parallel=not alone)
    if thinks and kind in ("any", "tool"):
        raise refused("Thinking may not be enabled when tool_choice forces tool use.")
    match kind:
        case "any":
            ask = replace(ask, choice="required")
        case "none":
            ask = replace(ask, choice="none")
        case "tool":
            name = choice.needed_text("name")
            if name not in names:
                raise refused(f"Tool '{name}' not found in provided tools")
            ask = replace(ask, named=name)
    choice.close()
    return ask
