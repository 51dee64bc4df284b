"""Chat requests as Anthropic's Messages API takes them (types: `anthropic` 2.12, MessageCreateParams).

    route, messages            model, system, messages (see anthropic_messages)
    max_completion_tokens,     max_tokens; the model's limit where the caller sets none
      max_tokens
    stop                       stop_sequences, but for blank ones
    tools, tool_choice         tools, tool_choice; `allowed_tools` by offering only those
    parallel_tool_calls        tool_choice.disable_parallel_tool_use
    reasoning_effort           thinking and output_config.effort, or a budget at models before 4.6
    response_format            output_config.format (json_schema; see strict_schema)
    user, safety_identifier,   metadata.user_id: the first that is given
      metadata.user_id
    service_tier               service_tier: auto and priority -> auto, default -> standard_only
    extra_json                 as it stands (top_k, thinking, container, mcp_servers, cache_control, ...)

What Anthropic takes in another form only is changed and noted, or refused by a strict route (see changes):
schemas, tools with alternatives at the top (tool_schema), blank stop sequences, an effort where a tool must
be called, white space at the end of an answer to go on with.

Refused by name: what would change the answer and Anthropic cannot do, unless it asks for nothing (`n: 1`,
a penalty of 0). A temperature above 1 is refused, not cut; at models that take no temperature or top_p only
1, their default, passes. Hints that no answer depends on are left out: `store`, `prediction`,
`prompt_cache_*`, other `metadata`, `stream_options` (usage always comes).
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from msgspec import Raw

from switch_grpc.faults import bad_request
from switch_grpc.providers.dialects.anthropic_messages import (
    conversation,
    resumes_without_thinking,
    trim_end,
)
from switch_grpc.providers.dialects.anthropic_models import Traits
from switch_grpc.providers.dialects.anthropic_schemas import check_name, format_schema, input_schema
from switch_grpc.providers.dialects.anthropic_thinking import thinking
from switch_grpc.providers.dialects.base import Binding
from switch_grpc.providers.dialects.changes import Changes
from switch_grpc.providers.dialects.members import Members, encode, extra_of, members_of
from switch_grpc.providers.dialects.parameters import Parameters, parameters
from switch_grpc.providers.dialects.refusal import Cannot
from switch_grpc.providers.dialects.tool_choice import MISTRALS_ANY, allowed_tools
from switch_grpc.v1 import chat_pb2 as pb

Body = dict[str, Any]

_TIERS: Final = {"auto": "auto", "priority": "auto", "default": "standard_only"}
_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_SAMPLING: Final = ("temperature", "top_p")


def encode_request(
    request: pb.ChatRequest, binding: Binding, *, stream: bool, traits: Traits, changes: Changes
) -> bytes:
    """The body of a Messages request. Raises Fault(CAPABILITY | BAD_REQUEST) naming the field."""
    cannot = changes.cannot
    unknown_here = () if traits.sampling else _SAMPLING
    chosen = parameters(request, binding, stream=stream, not_by_default=unknown_here)
    chosen.refuse_openais_own(cannot)
    extra = chosen.extra
    system, turns = conversation(request.messages, system_turns=traits.system_turns, changes=changes)
    limit = traits.max_tokens if chosen.limit is None else chosen.limit
    body: Body = {"model": binding.model, "max_tokens": limit}
    if system:
        if "system" in extra:
            raise bad_request("system", "stands beside system messages; send one of the two")
        plain = len(system) == 1 and isinstance(system[0], dict) and len(system[0]) == 2
        body["system"] = system[0]["text"] if plain else system  # type: ignore[call-overload]  # a dict if plain
    trim_end(turns, changes)
    body["messages"] = turns
    _put_tools(body, chosen, changes)
    if effort := chosen.given.get("reasoning_effort"):
        resumes = resumes_without_thinking(turns)
        forced = body.get("tool_choice", {}).get("type") in ("any", "tool")
        body |= thinking(
            effort,
            limit,
            traits,
            changes,
            asked=request.HasField("reasoning_effort"),
            own="thinking" in extra,
            resumes=resumes,
            forced=forced,
        )
    if schema := chosen.schema(cannot):
        bound = format_schema(schema.schema_json, changes, asked=request.HasField("response_format"))
        body.setdefault("output_config", {})["format"] = {"type": "json_schema", "schema": bound}
    if stops := stop_sequences(chosen, changes, asked=request.HasField("stop")):
        body["stop_sequences"] = stops
    _put_sampling(body, chosen, traits, cannot)
    _put_rest(body, chosen, cannot)
    if stream:
        body["stream"] = True
    return encode(_joined(body, extra))


# -- all together --


def _joined(body: Body, extra: Mapping[str, Raw]) -> Body:
    """With the members that are Anthropic's own, which win; both sides of output_config count."""
    for name, raw in extra.items():
        if name in ("model", "messages", "stream"):
            continue
        if name == "output_config" and name in body:
            body[name] = body[name] | _object(raw, name)
        else:
            body[name] = raw
    return body


def _object(raw: Raw | str, name: str) -> Members:
    try:
        return members_of(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise bad_request(name, "expected an object") from error


# -- the parameters, one by one --


def _put_sampling(body: Body, chosen: Parameters, traits: Traits, cannot: Cannot) -> None:
    for name in _SAMPLING:
        value = chosen.given.get(name)
        if value is None:
            continue
        if traits.sampling:
            if not 0 <= value <= 1:
                raise cannot(name, f"a {name} of {value:g}; its range is 0 to 1")
            body[name] = value
        elif value != 1:
            raise cannot(name, f"`{name}`, which the model {body['model']!r} does not take")


def stop_sequences(chosen: Parameters, changes: Changes, *, asked: bool) -> list[str]:
    """But for blank ones: "stop_sequences: each stop sequence must contain non-whitespace"."""
    stops = [stop for stop in chosen.stops if not stop.isspace()]
    if len(stops) < len(chosen.stops):
        note = f"stop of white space alone left out: {changes.model} takes none"
        changes.make("stop", "a `stop` of white space alone", note, asked=asked)
    return stops


def _put_rest(body: Body, chosen: Parameters, cannot: Cannot) -> None:
    given = chosen.given
    user = given.get("user") or given.get("safety_identifier") or given.get("metadata", {}).get("user_id")
    if user:
        body["metadata"] = {"user_id": user}
    if "service_tier" in given:
        tier = given["service_tier"]
        if tier not in _TIERS and tier != "standard_only":
            raise cannot("service_tier", f"the service tier {tier!r}")
        body["service_tier"] = _TIERS.get(tier, tier)


# -- tools --


def _put_tools(body: Body, chosen: Parameters, changes: Changes) -> None:
    wanted, cannot = chosen.request, changes.cannot
    tools = [_tool(tool, f"tools[{index}]", changes) for index, tool in enumerate(wanted.tools)]
    if tools:
        body["tools"] = tools
    choice = _tool_choice(wanted.tool_choice, body, cannot) if "tool_choice" in chosen.given else None
    if chosen.one_call and tools:
        choice = choice or {"type": "auto"}
        if choice["type"] != "none":
            choice["disable_parallel_tool_use"] = True
    if choice and (tools or choice["type"] not in ("auto", "none")):
        body["tool_choice"] = choice


def _tool(tool: pb.Tool, at: str, changes: Changes) -> Body | Raw:
    match tool.WhichOneof("kind"):
        case "function":
            function = tool.function
            check_name(function.name, _NAME, f"{at}.function", changes)
            written: Body = {"name": function.name}
            if function.HasField("description"):
                written["description"] = function.description
            schema, binds = input_schema(function, f"{at}.function", changes, strict=function.strict)
            written["input_schema"] = schema
            if function.HasField("strict"):
                written["strict"] = binds
            return written | extra_of(function.extra_json) | extra_of(tool.extra_json)
        case "raw_json":  # one of Anthropic's own: web_search_20250305, ...
            return Raw(tool.raw_json.encode())
        case _:
            raise changes.cannot(at, "tools whose input is no JSON object")


def _tool_choice(choice: pb.ToolChoice, body: Body, cannot: Cannot) -> Body | None:
    match choice.WhichOneof("kind"):
        case "mode":
            return _MODES[choice.mode]()
        case "function":
            return {"type": "tool", "name": choice.function}
        case "raw_json":
            return _raw_choice(choice.raw_json, body, cannot)
        case _:
            raise cannot("tool_choice", "a choice of a tool that is no function")


_MODES: Final[Mapping[int, Callable[[], Body | None]]] = {
    pb.ToolChoice.MODE_UNSPECIFIED: lambda: None,
    pb.ToolChoice.MODE_NONE: lambda: {"type": "none"},
    pb.ToolChoice.MODE_AUTO: lambda: {"type": "auto"},
    pb.ToolChoice.MODE_REQUIRED: lambda: {"type": "any"},
}


class _Named(msgspec.Struct):
    """A tool or a choice, as far as telling them apart needs it."""

    name: str = ""
    type: str = ""


def _raw_choice(raw: str, body: Body, cannot: Cannot) -> Body:
    """OpenAI's `allowed_tools`, Mistral's "any", or one of Anthropic's own choices."""
    if raw == MISTRALS_ANY:
        return {"type": "any"}
    if allowed := allowed_tools(raw):
        body["tools"] = [tool for tool in body.get("tools", ()) if _name_of(tool) in allowed.names]
        if not body["tools"]:
            raise bad_request("tool_choice", "allows none of the tools")
        return {"type": "any" if allowed.required else "auto"}
    try:
        if msgspec.json.decode(raw, type=_Named).type in ("auto", "any", "tool", "none"):
            return {name: msgspec.json.decode(value) for name, value in members_of(raw).items()}
    except msgspec.DecodeError:
        pass
    raise cannot("tool_choice", f"the choice {raw[:100]}")


def _name_of(tool: Body | Raw) -> str:
    return str(tool["name"]) if isinstance(tool, dict) else msgspec.json.decode(tool, type=_Named).name
