"""Chat requests as Anthropic's Messages API takes them (types: `anthropic` 2.12, MessageCreateParams).

    route, messages            model, system, messages (see anthropic_messages)
    max_completion_tokens,     max_tokens; the model's limit where the caller sets none
      max_tokens
    stop                       stop_sequences
    tools, tool_choice         tools, tool_choice; `allowed_tools` by offering only those
    parallel_tool_calls        tool_choice.disable_parallel_tool_use
    reasoning_effort           thinking and output_config.effort, or a budget at models before 4.6
    response_format            output_config.format (json_schema)
    user, safety_identifier,   metadata.user_id: the first that is given
      metadata.user_id
    service_tier               service_tier: auto and priority -> auto, default -> standard_only
    extra_json                 as it stands (top_k, thinking, container, mcp_servers, cache_control, ...)

Refused by name: what would change the answer and Anthropic cannot do, unless it asks for nothing (`n: 1`,
a penalty of 0). A temperature above 1 is refused, not cut; at models that take no temperature or top_p only
1, their default, passes. Hints that no answer depends on are left out: `store`, `prediction`,
`prompt_cache_*`, other `metadata`, `stream_options` (usage always comes).
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from msgspec import Raw

from switch_grpc.faults import bad_request
from switch_grpc.providers.dialects.anthropic_blocks import Cannot, encode, extra_of
from switch_grpc.providers.dialects.anthropic_messages import conversation
from switch_grpc.providers.dialects.anthropic_models import Traits
from switch_grpc.providers.dialects.base import Binding
from switch_grpc.providers.dialects.parameters import Members, members_of, parameters
from switch_grpc.v1 import chat_pb2 as pb

Given = Mapping[str, Any]  # the fields that are set, by name
Body = dict[str, Any]

# At models that think by a budget: tokens by effort. They count as part of max_tokens, as OpenAI's do.
_BUDGETS: Final = {
    "minimal": 1_024,
    "low": 2_048,
    "medium": 8_192,
    "high": 16_384,
    "xhigh": 32_768,
    "max": 65_536,
}
_LEAST_BUDGET: Final = 1_024
_TIERS: Final = {"auto": "auto", "priority": "auto", "default": "standard_only"}
_SAMPLING: Final = ("temperature", "top_p")

# What Anthropic cannot do: field -> the values of it that ask for nothing.
_REFUSED: Final[Mapping[str, tuple[object, ...]]] = {
    "n": (0, 1),
    "seed": (),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "logit_bias_json": ("{}",),
    "frequency_penalty": (0.0,),
    "presence_penalty": (0.0,),
    "verbosity": ("medium",),
    "modalities": (["text"],),
    "audio": (),
    "web_search_options_json": (),
    "moderation_json": (),
    "functions_json": ("[]",),
    "function_call_json": (),
}


def encode_request(
    request: pb.ChatRequest, binding: Binding, *, stream: bool, traits: Traits, cannot: Cannot
) -> bytes:
    """The body of a Messages request. Raises Fault(CAPABILITY | BAD_REQUEST) naming the field."""
    unknown_here = () if traits.sampling else _SAMPLING
    counting = parameters(request, binding, stream=stream, not_by_default=unknown_here)
    wanted, extra = counting.request, counting.extra
    given = {field.name: value for field, value in wanted.ListFields()}
    _refuse(given, cannot)
    system, turns = conversation(request.messages, system_turns=traits.system_turns, cannot=cannot)
    body: Body = {"model": binding.model, "max_tokens": _max_tokens(given, traits)}
    if system:
        if "system" in extra:
            raise bad_request("system", "stands beside system messages; send one of the two")
        plain = len(system) == 1 and isinstance(system[0], dict) and len(system[0]) == 2
        body["system"] = system[0]["text"] if plain else system  # type: ignore[call-overload]  # a dict if plain
    body["messages"] = turns
    _put_tools(body, wanted, given, cannot)
    _put_thinking(body, given, extra, traits, cannot)
    _put_format(body, wanted, given, cannot)
    _put_sampling(body, given, traits, cannot)
    _put_rest(body, given, cannot)
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


def _refuse(given: Given, cannot: Cannot) -> None:
    for name, value in given.items():
        neutral = _REFUSED.get(name)
        if neutral is not None and value not in neutral:
            name = name.removesuffix("_json")
            raise cannot(name, f"`{name}`")


# -- the parameters, one by one --


def _max_tokens(given: Given, traits: Traits) -> int:
    limit = given.get("max_completion_tokens", given.get("max_tokens"))
    return traits.max_tokens if limit is None else int(limit)


def _put_sampling(body: Body, given: Given, traits: Traits, cannot: Cannot) -> None:
    for name in _SAMPLING:
        value = given.get(name)
        if value is None:
            continue
        if traits.sampling:
            if not 0 <= value <= 1:
                raise cannot(name, f"a {name} of {value:g}; its range is 0 to 1")
            body[name] = value
        elif value != 1:
            raise cannot(name, f"`{name}`, which the model {body['model']!r} does not take")


def _put_rest(body: Body, given: Given, cannot: Cannot) -> None:
    if "stop" in given and given["stop"].sequences:
        body["stop_sequences"] = list(given["stop"].sequences)
    user = given.get("user") or given.get("safety_identifier") or given.get("metadata", {}).get("user_id")
    if user:
        body["metadata"] = {"user_id": user}
    if "service_tier" in given:
        tier = given["service_tier"]
        if tier not in _TIERS and tier != "standard_only":
            raise cannot("service_tier", f"the service tier {tier!r}")
        body["service_tier"] = _TIERS.get(tier, tier)


# -- tools --


def _put_tools(body: Body, wanted: pb.ChatRequest, given: Given, cannot: Cannot) -> None:
    tools = [_tool(tool, f"tools[{index}]", cannot) for index, tool in enumerate(wanted.tools)]
    if tools:
        body["tools"] = tools
    choice = _tool_choice(wanted.tool_choice, body, cannot) if "tool_choice" in given else None
    if given.get("parallel_tool_calls", True) is False and tools:
        choice = choice or {"type": "auto"}
        if choice["type"] != "none":
            choice["disable_parallel_tool_use"] = True
    if choice and (tools or choice["type"] not in ("auto", "none")):
        body["tool_choice"] = choice


def _tool(tool: pb.Tool, at: str, cannot: Cannot) -> Body | Raw:
    match tool.WhichOneof("kind"):
        case "function":
            function = tool.function
            written: Body = {"name": function.name}
            if function.HasField("description"):
                written["description"] = function.description
            written["input_schema"] = _schema(function.parameters_json, f"{at}.function.parameters")
            if function.HasField("strict"):
                written["strict"] = function.strict
            return written | extra_of(function.extra_json) | extra_of(tool.extra_json)
        case "raw_json":  # one of Anthropic's own: web_search_20250305, ...
            return Raw(tool.raw_json.encode())
        case _:
            raise cannot(at, "tools whose input is no JSON object")


def _schema(parameters: str, at: str) -> Raw | Body:
    """A tool without parameters takes an empty object; `type` is required of the others."""
    if not parameters or parameters == "null":
        return {"type": "object", "properties": {}}
    members = _object(parameters, at)
    return Raw(parameters.encode()) if "type" in members else {"type": "object", **members}


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
    name: str = ""


class _Allowed(msgspec.Struct):
    """A tool that may be called: `{"type": "function", "function": {"name"}}`, or with the name in it."""

    type: str = "function"
    name: str = ""
    function: _Named = msgspec.field(default_factory=_Named)


class _AllowedTools(msgspec.Struct):
    mode: str = "auto"
    tools: list[_Allowed] = []


class _RawChoice(msgspec.Struct):
    type: str = ""
    allowed_tools: _AllowedTools | None = None
    mode: str = "auto"
    tools: list[_Allowed] | None = None


def _raw_choice(raw: str, body: Body, cannot: Cannot) -> Body:
    """OpenAI's `allowed_tools`, Mistral's "any", or one of Anthropic's own choices."""
    if raw == '"any"':
        return {"type": "any"}
    try:
        choice = msgspec.json.decode(raw, type=_RawChoice)
    except msgspec.DecodeError as error:
        raise cannot("tool_choice", f"the choice {raw[:100]}") from error
    if choice.type in ("auto", "any", "tool", "none"):
        return {name: msgspec.json.decode(value) for name, value in members_of(raw).items()}
    allowed = choice.allowed_tools or _AllowedTools(choice.mode, choice.tools or [])
    if choice.type != "allowed_tools" or allowed.mode not in ("auto", "required"):
        raise cannot("tool_choice", f"the choice {raw[:100]}")
    names = {tool.function.name or tool.name for tool in allowed.tools}
    body["tools"] = [tool for tool in body.get("tools", ()) if _name_of(tool) in names]
    if not body["tools"]:
        raise bad_request("tool_choice", "allows none of the tools")
    return {"type": "any" if allowed.mode == "required" else "auto"}


def _name_of(tool: Body | Raw) -> str:
    return str(tool["name"]) if isinstance(tool, dict) else msgspec.json.decode(tool, type=_Named).name


# -- thinking and structured output --


def _put_thinking(body: Body, given: Given, extra: Mapping[str, Raw], traits: Traits, cannot: Cannot) -> None:
    effort = given.get("reasoning_effort")
    if effort is None:
        return
    if effort == "none":
        if not traits.off and "thinking" not in extra:
            raise cannot("reasoning_effort", f"no thinking at all, at the model {body['model']!r}")
        if traits.thinking == "adaptive":
            body["thinking"] = {"type": traits.off}
    elif traits.thinking == "adaptive":
        level = "low" if effort == "minimal" else effort
        if level not in traits.efforts:
            raise cannot("reasoning_effort", f"the effort {effort!r}, at the model {body['model']!r}")
        body["thinking"] = {"type": "adaptive"}
        if not traits.shows_thinking:
            body["thinking"]["display"] = "summarized"
        body["output_config"] = {"effort": level}
    elif "thinking" not in extra:
        body["thinking"] = {"type": "enabled", "budget_tokens": _budget(effort, body, traits, cannot)}


def _budget(effort: str, body: Body, traits: Traits, cannot: Cannot) -> int:
    """At most half of what may be written, so that there is room for the answer."""
    if traits.thinking == "none" or effort not in _BUDGETS:
        raise cannot("reasoning_effort", f"the effort {effort!r}, at the model {body['model']!r}")
    if body["max_tokens"] <= _LEAST_BUDGET:
        raise cannot(
            "reasoning_effort", f"thinking within {body['max_tokens']} tokens; raise max_completion_tokens"
        )
    half = int(body["max_tokens"]) // 2
    return max(_LEAST_BUDGET, min(_BUDGETS[effort], half))


def _put_format(body: Body, wanted: pb.ChatRequest, given: Given, cannot: Cannot) -> None:
    if "response_format" not in given:
        return
    match wanted.response_format.WhichOneof("kind"):
        case "text":
            return
        case "json_schema" if wanted.response_format.json_schema.schema_json:
            schema = Raw(wanted.response_format.json_schema.schema_json.encode())
            body.setdefault("output_config", {})["format"] = {"type": "json_schema", "schema": schema}
        case kind:
            named = "json_schema without a schema" if kind == "json_schema" else (kind or "none")
            raise cannot("response_format", f"the format {named}; give a json_schema")
