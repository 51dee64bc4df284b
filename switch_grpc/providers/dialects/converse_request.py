"""Chat requests as Bedrock's Converse takes them (types: botocore's model of bedrock-runtime).

    messages                   messages, system (see converse_messages)
    max_completion_tokens,     inferenceConfig.maxTokens
      max_tokens
    temperature, top_p, stop   inferenceConfig
    tools, tool_choice         toolConfig; `none` by leaving tools out, or Claude's own tool_choice
    parallel_tool_calls        Claude's tool_choice; other models always may
    response_format            outputConfig.textFormat (json_schema; see strict_schema)
    reasoning_effort           by the model's maker, in additionalModelRequestFields
    service_tier               serviceTier
    metadata                   requestMetadata
    extra_json                 Converse's own members (guardrailConfig, performanceConfig, promptVariables)
                               as they stand; all others in additionalModelRequestFields, which is where
                               Converse takes a model's own parameters (top_k, thinking, documents ...)

What Claude takes in another form only is changed and noted as at Anthropic (see anthropic_request).

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
from switch_grpc.providers.dialects.anthropic_messages import trim_end
from switch_grpc.providers.dialects.anthropic_models import Traits, traits_of
from switch_grpc.providers.dialects.anthropic_request import stop_sequences
from switch_grpc.providers.dialects.anthropic_schemas import check_name, format_schema, input_schema
from switch_grpc.providers.dialects.anthropic_thinking import thinking
from switch_grpc.providers.dialects.base import Binding
from switch_grpc.providers.dialects.changes import Changes
from switch_grpc.providers.dialects.converse_messages import Conversation, cache_point
from switch_grpc.providers.dialects.members import encode, extra_of, members_of
from switch_grpc.providers.dialects.parameters import Parameters, parameters
from switch_grpc.providers.dialects.refusal import Cannot
from switch_grpc.providers.dialects.tool_choice import MISTRALS_ANY, allowed_tools
from switch_grpc.v1 import chat_pb2 as pb

Body = dict[str, Any]

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
_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_METADATA: Final = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{0,256}")
_SAMPLING: Final = frozenset({"temperature", "top_p"})
_EFFORTS: Final = frozenset({"low", "medium", "high"})


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
    request: pb.ChatRequest, binding: Binding, model: str, *, stream: bool, changes: Changes
) -> bytes:
    """The body of a Converse request for `model`, an id. Raises Fault(CAPABILITY | BAD_REQUEST)."""
    cannot = changes.cannot
    made_by = maker(model)
    claude = traits_of(model) if made_by == "anthropic" else None
    plain = claude is None or claude.sampling
    chosen = parameters(request, binding, stream=stream, not_by_default=() if plain else _SAMPLING)
    family = _FAMILIES.get(made_by, _NO_FAMILY)
    chosen.refuse_openais_own(cannot, but=family.names)
    said = Conversation(changes, signed=made_by in ("anthropic", "")).read(request.messages)
    if claude is not None:
        trim_end(said.turns, changes)
    body: Body = {"messages": said.turns}
    if said.system:
        body["system"] = said.system
    more: Body = {}
    _put_inference(body, chosen, plain, cannot)
    asked = request.HasField("stop")
    if stops := stop_sequences(chosen, changes, asked=asked) if claude is not None else chosen.stops:
        body.setdefault("inferenceConfig", {})["stopSequences"] = stops
    _put_tools(body, more, chosen, said.tools, claude, changes)
    _put_format(body, chosen, changes, asked=request.HasField("response_format"))
    _put_rest(body, chosen, cannot)
    if effort := chosen.given.get("reasoning_effort"):
        if claude is None:
            more |= _reasoning(effort, made_by, cannot)
        else:
            limit = claude.max_tokens if chosen.limit is None else chosen.limit
            more |= thinking(
                effort,
                limit,
                claude,
                changes,
                asked=request.HasField("reasoning_effort"),
                own="thinking" in chosen.extra,
                resumes=said.resumes_without_thinking,
                forced=_forced(body, more),
            )
            if (
                more.get("thinking", {}).get("type") == "enabled"
            ):  # its budget is less than a limit that is told
                body.setdefault("inferenceConfig", {})["maxTokens"] = limit
    _put_extra(body, more, chosen, family)
    return encode(body)


def _put_inference(body: Body, chosen: Parameters, sampling: bool, cannot: Cannot) -> None:
    """`sampling`: the model takes temperature and top_p; one that does not passes only their default."""
    config: Body = {}
    if chosen.limit is not None:
        config["maxTokens"] = chosen.limit
    for name, theirs in (("temperature", "temperature"), ("top_p", "topP")):
        value = chosen.given.get(name)
        if value is None:
            continue
        if not 0 <= value <= 1:
            raise cannot(name, f"a {name} of {value:g}; its range is 0 to 1")
        if sampling:
            config[theirs] = value
        elif value != 1:
            raise cannot(name, f"`{name}`: its model has none")
    if config:
        body["inferenceConfig"] = config


# -- tools --


def _put_tools(
    body: Body,
    more: Body,
    chosen: Parameters,
    called: Mapping[str, None],
    claude: Traits | None,
    changes: Changes,
) -> None:
    """Bedrock wants the tools where the conversation has calls, so they are named where they are missing."""
    wanted, cannot = chosen.request, changes.cannot
    choice = wanted.tool_choice
    never = choice.mode == pb.ToolChoice.MODE_NONE
    tools = [] if never and not called else _tools(wanted, claude, changes)
    if not tools and called:
        never = True
        tools = [_spec(name, {"type": "object", "properties": {}}) for name in called]
    if not tools:
        return
    config: Body = {"tools": tools}
    allowed = allowed_tools(choice.raw_json) if choice.raw_json else None
    if allowed is not None:
        config["tools"] = [tool for tool in tools if _name_of(tool) in allowed.names]
        if not config["tools"]:
            raise bad_request("tool_choice", "allows none of the tools")
    if never:
        if claude is None and wanted.tools:
            raise cannot("tool_choice", "`none` once tools have been called")
        if claude is not None:
            more["tool_choice"] = {"type": "none"}
    elif allowed is not None:
        config["toolChoice"] = {"any" if allowed.required else "auto": {}}
    elif "tool_choice" in chosen.given and (made := _choice(choice, cannot)):
        config["toolChoice"] = made
    if chosen.one_call and claude is not None and not never:
        # Claude's own form says both things at once.
        kind, value = next(iter(config.pop("toolChoice", {"auto": {}}).items()))
        more["tool_choice"] = {"type": kind, **value, "disable_parallel_tool_use": True}
    elif chosen.one_call and claude is None and wanted.tools:
        raise cannot("parallel_tool_calls", "calls of one tool at a time")
    body["toolConfig"] = config


def _tools(wanted: pb.ChatRequest, claude: Traits | None, changes: Changes) -> list[Body | Raw]:
    tools: list[Body | Raw] = []
    for index, tool in enumerate(wanted.tools):
        match tool.WhichOneof("kind"):
            case "function":
                tools.append(_function(tool.function, claude, f"tools[{index}].function", changes))
                extra = extra_of(tool.extra_json) | extra_of(tool.function.extra_json)
                if "cache_control" in extra:
                    tools.append(cache_point(extra["cache_control"]))
            case "raw_json" if "type" not in members_of(tool.raw_json):  # systemTool, cachePoint, toolSpec
                tools.append(Raw(tool.raw_json.encode()))
            case _:
                raise changes.cannot(f"tools[{index}].type", "tools that are no functions")
    return tools


def _function(function: pb.FunctionTool, claude: Traits | None, at: str, changes: Changes) -> Body:
    check_name(function.name, _NAME, at, changes)
    strict = function.strict and claude is not None and claude.max_tokens >= 64_000  # from Claude 4.5 on
    schema, binds = input_schema(function, at, changes, strict=strict, flat=claude is not None)
    tool = _spec(function.name, schema)
    if function.description.strip():
        tool["toolSpec"]["description"] = function.description
    if binds:
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
        case "raw_json" if choice.raw_json == MISTRALS_ANY:
            return {"any": {}}
        case "raw_json" if choice.raw_json.startswith("{"):  # Converse's own: {"any": {}}
            members = members_of(choice.raw_json)
            if members.keys() <= {"auto", "any", "tool"}:
                return dict(members)
            raise cannot("tool_choice", "this choice; give auto, required or a function")
        case _:
            raise cannot("tool_choice", "this choice; give auto, required or a function")


def _forced(body: Body, more: Body) -> bool:
    """Whether a tool must be called, by Converse's choice of tools or by Claude's own."""
    choice = body.get("toolConfig", {}).get("toolChoice", {})
    return "any" in choice or "tool" in choice or more.get("tool_choice", {}).get("type") in ("any", "tool")


def _name_of(tool: Body | Raw) -> str:
    return str(tool["toolSpec"]["name"]) if isinstance(tool, dict) and "toolSpec" in tool else ""


_MODES: Final[Mapping[int, Callable[[], Body | None]]] = {
    pb.ToolChoice.MODE_UNSPECIFIED: lambda: None,
    pb.ToolChoice.MODE_NONE: lambda: None,
    pb.ToolChoice.MODE_AUTO: lambda: {"auto": {}},
    pb.ToolChoice.MODE_REQUIRED: lambda: {"any": {}},
}


# -- the other parameters --


def _put_format(body: Body, chosen: Parameters, changes: Changes, *, asked: bool) -> None:
    wanted = chosen.schema(changes.cannot)
    if wanted is None:
        return
    text = bytes(format_schema(wanted.schema_json, changes, asked=asked)).decode()
    schema: Body = {"schema": text}  # as text, unlike everywhere else
    if wanted.name:
        schema["name"] = wanted.name
    if wanted.description:
        schema["description"] = wanted.description
    body["outputConfig"] = {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}}}


def _put_rest(body: Body, chosen: Parameters, cannot: Cannot) -> None:
    given = chosen.given
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


def _reasoning(effort: str, made_by: str, cannot: Cannot) -> Body:
    """The members that ask another maker's model than Anthropic's for an effort."""
    if made_by == "amazon":
        if effort == "none":
            return {"reasoningConfig": {"type": "disabled"}}
        if effort in _EFFORTS:
            return {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": effort}}
        raise cannot("reasoning_effort", f"the effort {effort!r}")
    if made_by in ("meta", "mistral", "cohere", "ai21"):
        raise cannot("reasoning_effort", "an effort: the model has none")
    return {"reasoning_effort": effort}


def _put_extra(body: Body, more: Body, chosen: Parameters, family: _Family) -> None:
    """Members that OpenAI has no name for, which win over those made here."""
    own: Body = {name: chosen.given[name] for name in family.names if chosen.given.get(name)}
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
