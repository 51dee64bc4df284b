"""Chat requests as Bedrock's Converse takes them (types: botocore's model of bedrock-runtime).

    messages                   messages, system (see converse_messages)
    max_completion_tokens,     inferenceConfig.maxTokens
      max_tokens
    temperature, top_p, stop   inferenceConfig
    tools, tool_choice         toolConfig; `none` by leaving tools out, or Claude's own tool_choice
    parallel_tool_calls        Claude's tool_choice; other models always may
    response_format            outputConfig.textFormat (json_schema)
    reasoning_effort           by the model's maker, in additionalModelRequestFields
    service_tier               serviceTier
    metadata                   requestMetadata
    extra_json                 Converse's own members (guardrailConfig, performanceConfig, promptVariables)
                               as they stand; all others in additionalModelRequestFields, which is where
                               Converse takes a model's own parameters (top_k, thinking, documents ...)

Refused by name: what would change the answer and the model cannot do, unless it asks for nothing (`n: 1`, a
penalty of 0). A temperature or top_p above 1 is refused, not cut; at models that take neither only 1, their
default, passes. Hints that no answer depends on are left out: `user`, `safety_identifier`, `store`,
`prediction`, `prompt_cache_*`, `stream_options` (usage always comes), a schema's `strict` (schemas bind).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from msgspec import Raw

from switch_grpc.faults import bad_request
from switch_grpc.providers.bedrock_models import maker
from switch_grpc.providers.dialects.anthropic_models import Traits, traits_of
from switch_grpc.providers.dialects.base import Binding
from switch_grpc.providers.dialects.converse_media import Cannot
from switch_grpc.providers.dialects.converse_messages import (
    Conversation,
    cache_point,
    extra_of,
    members_of,
)
from switch_grpc.providers.dialects.parameters import Parameters, parameters
from switch_grpc.v1 import chat_pb2 as pb

Given = Mapping[str, Any]  # the fields that are set, by name
Body = dict[str, Any]

encode: Final = msgspec.json.Encoder().encode

# Members of a Converse request that OpenAI has no name for: they go out as they stand.
CONVERSES_OWN: Final = frozenset(
    {
        "guardrailConfig",
        "performanceConfig",
        "promptVariables",
        "requestMetadata",
        "additionalModelRequestFields",
        "additionalModelResponseFieldPaths",
        "outputConfig",
        "serviceTier",
    }
)
_MORE: Final = "additionalModelRequestFields"
_TIERS: Final = frozenset({"default", "priority", "flex", "reserved"})
_METADATA: Final = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{0,256}")
_SAMPLING: Final = frozenset({"temperature", "top_p"})
_EFFORTS: Final = frozenset({"low", "medium", "high"})
# As the Anthropic dialect has them; at models that think by a budget, tokens by effort.
_BUDGETS: Final = {"minimal": 1_024, "low": 2_048, "medium": 8_192, "high": 16_384, "xhigh": 32_768}
_LEAST_BUDGET: Final = 1_024

# What Converse has no place for: field -> the values of it that ask for nothing.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Family:
    """What one maker's models take beyond Converse. `names`: OpenAI's name -> theirs."""

    names: Mapping[str, str] = field(default_factory=dict)
    nested: str = ""  # the member of the additional fields that holds them


_PENALTIES: Final = {name: name for name in ("frequency_penalty", "presence_penalty")}
_FAMILIES: Final[Mapping[str, _Family]] = {
    # docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-cohere-command-r-plus.html, and so on
    "cohere": _Family(names={**_PENALTIES, "seed": "seed", "top_k": "k"}),
    "ai21": _Family(names=_PENALTIES),
    "amazon": _Family(names={"top_k": "topK"}, nested="inferenceConfig"),
}
_NO_FAMILY: Final = _Family()


def encode_request(
    request: pb.ChatRequest, binding: Binding, model: str, *, stream: bool, cannot: Cannot
) -> bytes:
    """The body of a Converse request for `model`, an id. Raises Fault(CAPABILITY | BAD_REQUEST)."""
    made_by = maker(model)
    claude = traits_of(model) if made_by == "anthropic" else None
    plain = claude is None or claude.sampling
    chosen = parameters(request, binding, stream=stream, not_by_default=() if plain else _SAMPLING)
    wanted = chosen.request
    given = {field.name: value for field, value in wanted.ListFields()}
    family = _FAMILIES.get(made_by, _NO_FAMILY)
    _refuse(given, family, cannot)
    said = Conversation(cannot, signed=made_by in ("anthropic", "")).read(request.messages)
    body: Body = {"messages": said.turns}
    if said.system:
        body["system"] = said.system
    more: Body = {}
    _put_inference(body, given, plain, cannot)
    _put_tools(body, more, wanted, given, said.tools, claude, cannot)
    _put_format(body, wanted, given, cannot)
    _put_rest(body, given, cannot)
    _put_reasoning(more, body, given, made_by, claude, cannot)
    _put_extra(body, more, chosen, given, family)
    return encode(body)


def _refuse(given: Given, family: _Family, cannot: Cannot) -> None:
    for name, value in given.items():
        neutral = _REFUSED.get(name)
        if neutral is not None and value not in neutral and name not in family.names:
            name = name.removesuffix("_json")
            raise cannot(name, f"`{name}`")


def _put_inference(body: Body, given: Given, sampling: bool, cannot: Cannot) -> None:
    """`sampling`: the model takes temperature and top_p; one that does not passes only their default."""
    config: Body = {}
    limit = given.get("max_completion_tokens", given.get("max_tokens"))
    if limit is not None:
        config["maxTokens"] = limit
    for name, theirs in (("temperature", "temperature"), ("top_p", "topP")):
        value = given.get(name)
        if value is None:
            continue
        if not 0 <= value <= 1:
            raise cannot(name, f"a {name} of {value:g}; its range is 0 to 1")
        if sampling:
            config[theirs] = value
        elif value != 1:
            raise cannot(name, f"`{name}`, which the model does not take")
    if "stop" in given and given["stop"].sequences:
        config["stopSequences"] = list(given["stop"].sequences)
    if config:
        body["inferenceConfig"] = config


# -- tools --


def _put_tools(
    body: Body,
    more: Body,
    wanted: pb.ChatRequest,
    given: Given,
    called: Mapping[str, None],
    claude: Traits | None,
    cannot: Cannot,
) -> None:
    """Bedrock wants the tools where the conversation has calls, so they are named where they are missing."""
    choice = wanted.tool_choice
    never = choice.mode == pb.ToolChoice.MODE_NONE
    tools = [] if never and not called else _tools(wanted, claude, cannot)
    if not tools and called:
        never = True
        tools = [_spec(name, {"type": "object", "properties": {}}) for name in called]
    if not tools:
        return
    config: Body = {"tools": tools}
    allowed = _allowed(choice)
    if allowed is not None:
        names = {tool.function.name or tool.name for tool in allowed.tools}
        config["tools"] = [tool for tool in tools if _name_of(tool) in names]
        if not config["tools"]:
            raise bad_request("tool_choice", "allows none of the tools")
    alone = claude is not None and given.get("parallel_tool_calls", True) is False
    if never:
        if claude is None and wanted.tools:
            raise cannot("tool_choice", "`none` once tools have been called")
        if claude is not None:
            more["tool_choice"] = {"type": "none"}
    elif allowed is not None:
        config["toolChoice"] = {"any" if allowed.mode == "required" else "auto": {}}
    elif "tool_choice" in given and (chosen := _choice(choice, cannot)):
        config["toolChoice"] = chosen
    if alone and not never:
        # Claude's own form says both things at once.
        kind, value = next(iter(config.pop("toolChoice", {"auto": {}}).items()))
        more["tool_choice"] = {"type": kind, **value, "disable_parallel_tool_use": True}
    elif claude is None and wanted.tools and given.get("parallel_tool_calls", True) is False:
        raise cannot("parallel_tool_calls", "calls of one tool at a time")
    body["toolConfig"] = config


def _tools(wanted: pb.ChatRequest, claude: Traits | None, cannot: Cannot) -> list[Body | Raw]:
    tools: list[Body | Raw] = []
    for index, tool in enumerate(wanted.tools):
        match tool.WhichOneof("kind"):
            case "function":
                tools.append(_function(tool.function, claude, f"tools[{index}].function"))
                extra = extra_of(tool.extra_json) | extra_of(tool.function.extra_json)
                if "cache_control" in extra:
                    tools.append(cache_point(extra["cache_control"]))
            case "raw_json" if "type" not in members_of(tool.raw_json):  # systemTool, cachePoint, toolSpec
                tools.append(Raw(tool.raw_json.encode()))
            case _:
                raise cannot(f"tools[{index}].type", "tools that are no functions")
    return tools


def _function(function: pb.FunctionTool, claude: Traits | None, at: str) -> Body:
    schema: Raw | Body = {"type": "object", "properties": {}}
    if function.parameters_json and function.parameters_json != "null":
        try:
            members = members_of(function.parameters_json)
        except (msgspec.DecodeError, RecursionError) as error:
            raise bad_request(f"{at}.parameters", "expected a JSON Schema, an object") from error
        schema = Raw(function.parameters_json.encode())
        if "type" not in members:
            schema = {"type": "object", **members}
    tool = _spec(function.name, schema)
    if function.description.strip():
        tool["toolSpec"]["description"] = function.description
    if function.strict and claude is not None and claude.max_tokens >= 64_000:  # from Claude 4.5 on
        tool["toolSpec"]["strict"] = True
    return tool


def _spec(name: str, schema: Raw | Body) -> Body:
    return {"toolSpec": {"name": name, "inputSchema": {"json": schema}}}


def _choice(choice: pb.ToolChoice, cannot: Cannot) -> Body | None:
    match choice.WhichOneof("kind"):
        case "mode":
            return _MODES[choice.mode]()
        case "function":
            return {"tool": {"name": choice.function}}
        case "raw_json" if choice.raw_json.startswith("{"):  # Converse's own: {"any": {}}
            members = members_of(choice.raw_json)
            if members.keys() <= {"auto", "any", "tool"}:
                return dict(members)
            raise cannot("tool_choice", "this choice; give auto, required or a function")
        case _:
            raise cannot("tool_choice", "this choice; give auto, required or a function")


class _Named(msgspec.Struct):
    name: str = ""


class _AllowedTool(msgspec.Struct):
    """A tool that may be called: `{"type": "function", "function": {"name"}}`, or with the name in it."""

    name: str = ""
    function: _Named = msgspec.field(default_factory=_Named)


class _AllowedTools(msgspec.Struct):
    mode: str = "auto"
    tools: list[_AllowedTool] = []


class _RawChoice(msgspec.Struct):
    type: str = ""
    allowed_tools: _AllowedTools | None = None


def _allowed(choice: pb.ToolChoice) -> _AllowedTools | None:
    """OpenAI's `allowed_tools`; None for any other choice."""
    try:
        read = msgspec.json.decode(choice.raw_json, type=_RawChoice) if choice.raw_json else _RawChoice()
    except msgspec.DecodeError:
        return None
    return read.allowed_tools if read.type == "allowed_tools" else None


def _name_of(tool: Body | Raw) -> str:
    return str(tool["toolSpec"]["name"]) if isinstance(tool, dict) and "toolSpec" in tool else ""


_MODES: Final[Mapping[int, Callable[[], Body | None]]] = {
    pb.ToolChoice.MODE_UNSPECIFIED: lambda: None,
    pb.ToolChoice.MODE_NONE: lambda: None,
    pb.ToolChoice.MODE_AUTO: lambda: {"auto": {}},
    pb.ToolChoice.MODE_REQUIRED: lambda: {"any": {}},
}


# -- the other parameters --


def _put_format(body: Body, wanted: pb.ChatRequest, given: Given, cannot: Cannot) -> None:
    if "response_format" not in given:
        return
    match wanted.response_format.WhichOneof("kind"):
        case "text":
            return
        case "json_schema" if (asked := wanted.response_format.json_schema).schema_json:
            schema: Body = {"schema": asked.schema_json}  # as text, unlike everywhere else
            if asked.name:
                schema["name"] = asked.name
            if asked.description:
                schema["description"] = asked.description
            body["outputConfig"] = {
                "textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}}
            }
        case kind:
            named = "json_schema without a schema" if kind == "json_schema" else (kind or "none")
            raise cannot("response_format", f"the format {named}; give a json_schema")


def _put_rest(body: Body, given: Given, cannot: Cannot) -> None:
    if tier := given.get("service_tier"):
        if tier not in _TIERS and tier != "auto":
            raise cannot("service_tier", f"the service tier {tier!r}")
        if tier != "auto":
            body["serviceTier"] = {"type": tier}
    if metadata := given.get("metadata"):
        for name, value in metadata.items():
            if not name or not _METADATA.fullmatch(name) or not _METADATA.fullmatch(value):
                raise cannot(f"metadata.{name}", "this name or value: its letters, or more than 256 of them")
        body["requestMetadata"] = dict(metadata)


def _put_reasoning(
    more: Body, body: Body, given: Given, made_by: str, claude: Traits | None, cannot: Cannot
) -> None:
    effort = given.get("reasoning_effort")
    if effort is None:
        return
    if claude is not None:
        _put_thinking(more, body, effort, claude, cannot)
    elif made_by == "amazon":
        if effort == "none":
            more["reasoningConfig"] = {"type": "disabled"}
        elif effort in _EFFORTS:
            more["reasoningConfig"] = {"type": "enabled", "maxReasoningEffort": effort}
        else:
            raise cannot("reasoning_effort", f"the effort {effort!r}")
    elif made_by in ("meta", "mistral", "cohere", "ai21"):
        raise cannot("reasoning_effort", "an effort: the model has none")
    else:
        more["reasoning_effort"] = effort


def _put_thinking(more: Body, body: Body, effort: str, claude: Traits, cannot: Cannot) -> None:
    if effort == "none":
        if not claude.off:
            raise cannot("reasoning_effort", "no thinking at all")
        if claude.thinking == "adaptive":
            more["thinking"] = {"type": claude.off}
    elif claude.thinking == "adaptive":
        level = "low" if effort == "minimal" else effort
        if level not in claude.efforts:
            raise cannot("reasoning_effort", f"the effort {effort!r}")
        more["thinking"] = {"type": "adaptive"}
        if not claude.shows_thinking:
            more["thinking"]["display"] = "summarized"
        more["output_config"] = {"effort": level}
    else:
        config = body.setdefault("inferenceConfig", {})
        limit = config.setdefault("maxTokens", claude.max_tokens)  # the budget must be less than it
        if claude.thinking == "none" or effort not in _BUDGETS or limit <= _LEAST_BUDGET:
            raise cannot("reasoning_effort", f"the effort {effort!r} within {limit} tokens")
        budget = max(_LEAST_BUDGET, min(_BUDGETS[effort], limit // 2))
        more["thinking"] = {"type": "enabled", "budget_tokens": budget}


def _put_extra(body: Body, more: Body, chosen: Parameters, given: Given, family: _Family) -> None:
    """Members that OpenAI has no name for, which win over those made here."""
    own: Body = {name: given[name] for name in family.names if given.get(name)}
    for name, raw in chosen.extra.items():
        if name == _MORE:
            try:
                more.update(members_of(raw))
            except msgspec.DecodeError as error:
                raise bad_request(_MORE, "expected an object") from error
        elif name in CONVERSES_OWN:
            body[name] = raw
        elif name in family.names:
            own[name] = raw
        elif name not in ("stream", "model"):
            more[name] = raw
    if own:
        named = {family.names[name]: value for name, value in own.items()}
        more.update({family.nested: named} if family.nested else named)
    if "documents" in more and family is _FAMILIES["cohere"]:
        # Without this path the citations of the documents stay at Bedrock.
        body.setdefault("additionalModelResponseFieldPaths", ["/citations"])
    if more:
        body[_MORE] = more
