"""Reads the tool part of OpenAI chat requests: tools, the choice, their older twins, and their turns."""

from dataclasses import replace
from typing import Literal

from switch_grpc.mock.answers import Ask, Tool
from switch_grpc.mock.failures import Refused, invalid
from switch_grpc.mock.fields import Json, array, needed_record, needed_string, record, string


def with_tools(ask: Ask, body: dict[str, Json]) -> Ask:
    """The request with its tools and the choice among them. Raises Refused."""
    return _with_tools(ask, body) if body.get("functions") is None else _with_functions(ask, body)


def check_tool_turns(messages: list[dict[str, Json]]) -> None:
    """Each tool message answers a call of the assistant turn before it, and every call has its answer."""
    open_calls: set[str] = set()
    asked = False
    for k, message in enumerate(messages):
        path = f"messages[{k}]"
        role = message.get("role")
        if role == "tool":
            answered = needed_string(message.get("tool_call_id"), f"{path}.tool_call_id")
            if not asked:
                raise invalid(
                    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message "
                    "with 'tool_calls'.",
                    param=f"{path}.role",
                )
            open_calls.discard(answered)
            continue
        if open_calls:
            raise _unanswered(open_calls, path)
        calls = array(message.get("tool_calls"), f"{path}.tool_calls") if role == "assistant" else None
        open_calls = {_call_id(one, f"{path}.tool_calls[{j}]") for j, one in enumerate(calls or [])}
        asked = bool(open_calls)
    if open_calls:
        raise _unanswered(open_calls, "messages")


def _unanswered(ids: set[str], path: str) -> Refused:
    return invalid(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
        "'tool_call_id'. The following tool_call_ids did not have response messages: "
        + ", ".join(sorted(ids)),
        param=path,
    )


def _call_id(value: Json, path: str) -> str:
    call = needed_record(value, path)
    kind = needed_string(call.get("type"), f"{path}.type", ("function", "custom"))
    inner = needed_record(call.get(kind), f"{path}.{kind}")
    needed_string(inner.get("name"), f"{path}.{kind}.name")
    text = "arguments" if kind == "function" else "input"
    needed_string(inner.get(text), f"{path}.{kind}.{text}")
    return needed_string(call.get("id"), f"{path}.id")


def _with_functions(ask: Ask, body: dict[str, Json]) -> Ask:
    tools = tuple(
        _function(one, f"functions[{k}]") for k, one in enumerate(array(body["functions"], "functions") or [])
    )
    ask = replace(ask, tools=tools, parallel=False)
    choice = body.get("function_call")
    if isinstance(choice, dict):
        return replace(ask, named=_known(ask, choice, "function_call"))
    word = string(choice, "function_call", ("none", "auto"))
    return replace(ask, choice="none" if word == "none" else "auto")


def _with_tools(ask: Ask, body: dict[str, Json]) -> Ask:
    raw = array(body.get("tools"), "tools")
    choice = body.get("tool_choice")
    if raw is None:
        if choice is not None and choice != "none":
            raise invalid(
                "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.",
                param="tool_choice",
            )
        return ask
    ask = replace(ask, tools=tuple(_tool(one, f"tools[{k}]") for k, one in enumerate(raw)))
    return _chosen(ask, choice)


def _chosen(ask: Ask, choice: Json) -> Ask:
    if not isinstance(choice, dict):
        return replace(ask, choice=_mode(choice, "tool_choice"))
    kinds = ("function", "custom", "allowed_tools")
    kind = needed_string(choice.get("type"), "tool_choice.type", kinds)
    inner = needed_record(choice.get(kind), f"tool_choice.{kind}")
    if kind != "allowed_tools":
        return replace(ask, named=_known(ask, inner, f"tool_choice.{kind}"))
    path = "tool_choice.allowed_tools"
    allowed = set()
    for k, one in enumerate(array(inner.get("tools"), f"{path}.tools") or []):
        listed = needed_record(one, f"{path}.tools[{k}]")
        held = listed.get(str(listed.get("type")))
        allowed.add(_known(ask, needed_record(held, f"{path}.tools[{k}]"), f"{path}.tools[{k}]"))
    kept = tuple(tool for tool in ask.tools if tool.name in allowed)
    return replace(ask, tools=kept, choice=_mode(inner.get("mode"), f"{path}.mode"))


def _mode(value: Json, path: str) -> Literal["none", "auto", "required"]:
    match string(value, path, ("none", "auto", "required")):
        case "none":
            return "none"
        case "required":
            return "required"
        case _:
            return "auto"


def _known(ask: Ask, choice: dict[str, Json], path: str) -> str:
    name = needed_string(choice.get("name"), f"{path}.name")
    if all(tool.name != name for tool in ask.tools):
        raise invalid(f"Invalid value for '{path}': no tool is named '{name}'.", param=path)
    return name


def _tool(value: Json, path: str) -> Tool:
    tool = needed_record(value, path)
    kind = needed_string(tool.get("type"), f"{path}.type", ("function", "custom"))
    inner = needed_record(tool.get(kind), f"{path}.{kind}")
    if kind == "custom":
        return Tool(name=needed_string(inner.get("name"), f"{path}.custom.name"), custom=True)
    return _function(inner, f"{path}.function")


def _function(value: Json, path: str) -> Tool:
    function = needed_record(value, path)
    name = needed_string(function.get("name"), f"{path}.name")
    return Tool(name=name, schema=record(function.get("parameters"), f"{path}.parameters"))
