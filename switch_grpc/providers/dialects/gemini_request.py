"""A chat request as the body of generateContent, and what each of OpenAI's parameters becomes there.

Every parameter has a row in `_WRITERS`: it is written, or it is a hint that changes no answer and is left
out, or it is refused by name, so that another target may serve the call. Gemini's own members, such as
`safetySettings`, `cachedContent` or `thinkingConfig`, may be given beside OpenAI's in either spelling;
members that neither knows go out only where the operator wrote them.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec
from msgspec import Raw

from switch_grpc.providers.dialects.base import Binding
from switch_grpc.providers.dialects.changes import Changes
from switch_grpc.providers.dialects.gemini_contents import conversation
from switch_grpc.providers.dialects.members import encode, members_of
from switch_grpc.providers.dialects.parameters import Parameters, parameters
from switch_grpc.providers.dialects.tool_choice import MISTRALS_ANY, allowed_tools
from switch_grpc.v1 import chat_pb2 as pb

# Members of the body and of its generationConfig (google-genai 1.x, types.GenerateContentConfig).
_TOP: Final = frozenset(
    {"safetySettings", "cachedContent", "labels", "toolConfig", "modelArmorConfig", "serviceTier"}
)
_GENERATION: Final = frozenset(
    {
        *("audioTimestamp", "candidateCount", "enableAffectiveDialog", "enableEnhancedCivicAnswers"),
        *("frequencyPenalty", "logprobs", "maxOutputTokens", "mediaResolution", "modelSelectionConfig"),
        *("presencePenalty", "responseJsonSchema", "responseLogprobs", "responseMimeType"),
        *("responseModalities", "responseSchema", "routingConfig", "speechConfig", "stopSequences"),
        *("thinkingConfig", "topK", "topP", "translationConfig"),
    }
)
# What no parameter replaces.
_CONTENT: Final = frozenset({"contents", "systemInstruction", "model"})
_TOOLS: Final = frozenset(
    {
        *("functionDeclarations", "googleSearch", "googleSearchRetrieval", "codeExecution", "urlContext"),
        *("googleMaps", "fileSearch", "computerUse", "enterpriseWebSearch", "retrieval", "mcpServers"),
        *("parallelAiSearch", "exaAiSearch"),
    }
)
# "Must start with a letter or an underscore", then letters, digits and four marks: 128 at most.
_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}")
_VERSION: Final = re.compile(r"gemini-(\d+)(?:\.(\d+))?")
# https://ai.google.dev/gemini-api/docs/openai#thinking
_BUDGETS: Final = {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 24576, "max": 24576}
_LEVELS: Final = {
    "minimal": "MINIMAL",
    "low": "LOW",
    "medium": "MEDIUM",
    "high": "HIGH",
    "xhigh": "HIGH",
    "max": "HIGH",
}
STOPS: Final = 5  # stop sequences: https://ai.google.dev/api/generate-content#generationconfig
_MODES: Final = {
    pb.ToolChoice.MODE_NONE: "NONE",
    pb.ToolChoice.MODE_AUTO: "AUTO",
    pb.ToolChoice.MODE_REQUIRED: "ANY",
}


@lru_cache(maxsize=1024)
def version_of(model: str) -> tuple[int, int]:
    """The generation that a model's name tells, such as (2, 5); the newest for a name that tells none."""
    found = _VERSION.search(model)
    return (int(found[1]), int(found[2] or 0)) if found else (99, 0)


def encode_chat(
    request: pb.ChatRequest, binding: Binding, *, stream: bool, fetches: bool, changes: Changes
) -> bytes:
    """The body. `fetches`: the service fetches any http address.

    Raises Fault(CAPABILITY | BAD_REQUEST) naming what Gemini has no place for.
    """
    version = version_of(binding.model)
    system, contents = conversation(
        request.messages, signed=(3, 0) <= version < (99, 0), fetches=fetches, changes=changes
    )
    body = _Body(contents, version, changes)
    body.asks_stop = request.HasField("stop")
    if system:
        body.top["systemInstruction"] = {"parts": system}
    body.write(parameters(request, binding, stream=stream))
    return encode(body.top)


class _Body:
    """The body, as far as it is written."""

    def __init__(self, contents: list[Any], version: tuple[int, int], changes: Changes) -> None:
        self.top: dict[str, Any] = {"contents": contents}
        self.generation: dict[str, Any] = {}
        self.calling: dict[str, Any] = {}  # toolConfig.functionCallingConfig
        self.asks_stop = True  # the caller itself set `stop`
        self.model = changes.model
        self.version = version
        self.changes = changes
        self.cannot = changes.cannot

    def write(self, given: Parameters) -> None:
        for name, value in given.given.items():
            writer = _WRITERS[name]
            if writer is not None:
                writer(self, value)
        more = self._own(given) if given.extra else {}
        if self.calling:
            self.top["toolConfig"] = {"functionCallingConfig": self.calling}
        for name, raw in more.items():
            self.top[name] = _over(self.top.get(name), raw)
        if self.generation:
            self.top["generationConfig"] = self.generation

    def _own(self, given: Parameters) -> Mapping[str, Raw]:
        """Writes Gemini's own members of generationConfig; returns the body's."""
        more = {}
        for spelt, raw in given.extra.items():
            name = _camel(spelt)
            if name in _GENERATION:
                self.generation[name] = _over(self.generation.get(name), raw)
            elif name == "generationConfig" and bytes(raw)[:1] == b"{":
                self.generation = _over(self.generation, raw)
            elif name == "reasoning":
                _reasoning(self, raw)
            elif name in _TOP or (spelt in given.configured and name not in _CONTENT):
                more[name if name in _TOP else spelt] = raw
            else:
                raise self.cannot(spelt, "it")
        return more


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _over(known: Any, raw: Raw) -> Any:
    """`raw` over what is known: members of objects join, anything else replaces."""
    if isinstance(known, dict) and bytes(raw)[:1] == b"{":
        joined = dict(known)
        for name, value in members_of(raw).items():
            joined[_camel(name)] = _over(joined.get(_camel(name)), value)
        return joined
    return raw


# -- parameters --

Writer = Callable[[_Body, Any], None]


def _number(name: str) -> Writer:
    def write(body: _Body, value: Any) -> None:
        body.generation[name] = value

    return write


def _number_but(name: str, neutral: float) -> Writer:
    """But for the value that asks for nothing, which models without the parameter refuse."""

    def write(body: _Body, value: Any) -> None:
        if value != neutral:
            body.generation[name] = value

    return write


def _refused(name: str) -> Writer:
    def write(body: _Body, value: Any) -> None:
        if value != "{}":
            raise body.cannot(name, "it")

    return write


def _stop(body: _Body, stop: pb.Stop) -> None:
    stops = [sequence for sequence in stop.sequences if sequence]  # "" is nowhere, and refused
    if len(stops) > STOPS:
        note = f"stop sequences after the first {STOPS} left out: {body.model} takes no more"
        body.changes.make("stop", f"more than {STOPS} stop sequences", note, asked=body.asks_stop)
    if stops:
        body.generation["stopSequences"] = stops[:STOPS]


def _logprobs(body: _Body, wanted: bool) -> None:
    if wanted:
        body.generation["responseLogprobs"] = True


def _top_logprobs(body: _Body, count: int) -> None:
    if body.generation.get("responseLogprobs"):
        body.generation["logprobs"] = count


def _response_format(body: _Body, form: pb.ResponseFormat) -> None:
    match form.WhichOneof("kind"):
        case "text" | None:
            return
        case "json_object":
            body.generation["responseMimeType"] = "application/json"
        case "json_schema":
            body.generation["responseMimeType"] = "application/json"
            if form.json_schema.HasField("schema_json"):
                body.generation["responseJsonSchema"] = Raw(form.json_schema.schema_json.encode())
        case _:
            raise body.cannot("response_format", "this format")


def _effort(body: _Body, effort: str) -> None:
    """Thinking as much as OpenAI's effort says, by Google's own table, and shown."""
    if effort == "none":
        if body.version >= (3, 0) or (body.version == (2, 5) and "-pro" in body.model):
            raise body.cannot("reasoning_effort", "'none': its model always thinks")
        if body.version >= (2, 5):
            body.generation["thinkingConfig"] = {"thinkingBudget": 0}
        return
    if body.version < (2, 5):
        raise body.cannot("reasoning_effort", f"{effort!r}: its model does not think")
    if effort not in _LEVELS:
        raise body.cannot("reasoning_effort", f"{effort!r}; give one of {', '.join(_LEVELS)}")
    if body.version < (3, 0):
        body.generation["thinkingConfig"] = {"includeThoughts": True, "thinkingBudget": _BUDGETS[effort]}
        return
    if effort == "minimal" and "-pro" in body.model:  # which has no such level
        effort = "low"
    body.generation["thinkingConfig"] = {"includeThoughts": True, "thinkingLevel": _LEVELS[effort]}


def _reasoning(body: _Body, raw: Raw) -> None:
    """OpenRouter's way to say it: https://openrouter.ai/docs/use-cases/reasoning-tokens."""
    match msgspec.json.decode(raw):
        case {"effort": str(effort)}:
            _effort(body, effort)
        case {"max_tokens": int(budget)} if body.version >= (2, 5):
            body.generation["thinkingConfig"] = {"includeThoughts": True, "thinkingBudget": budget}
        case {"enabled": True} if body.version >= (2, 5):
            body.generation["thinkingConfig"] = {"includeThoughts": True}
        case {"enabled": False}:
            _effort(body, "none")
        case _:
            raise body.cannot("reasoning", "it; give an effort or max_tokens, of a model that thinks")


def _tools(body: _Body, tools: Any) -> None:
    declared: list[dict[str, Any]] = []
    others: list[Any] = []
    for number, tool in enumerate(tools):
        match tool.WhichOneof("kind"):
            case "function":
                if not _NAME.fullmatch(tool.function.name):
                    what = f"a function of the name {tool.function.name[:80]!r}, only of {_NAME.pattern}"
                    raise body.cannot(f"tools[{number}].function.name", what)
                declared.append(_declaration(tool.function))
            case "raw_json" if members_of(tool.raw_json).keys() <= _TOOLS:
                others.append(Raw(tool.raw_json.encode()))
            case _:
                raise body.cannot(
                    f"tools[{number}]",
                    'this type; give functions, or tools of Gemini like {"googleSearch": {}}',
                )
    body.top["tools"] = [*([{"functionDeclarations": declared}] if declared else []), *others]


def _declaration(function: pb.FunctionTool) -> dict[str, Any]:
    declared: dict[str, Any] = {"name": function.name}
    if function.description:
        declared["description"] = function.description
    if function.HasField("parameters_json"):
        declared["parametersJsonSchema"] = Raw(function.parameters_json.encode())
    return declared


def _tool_choice(body: _Body, choice: pb.ToolChoice) -> None:
    match choice.WhichOneof("kind"):
        case "mode":
            body.calling["mode"] = _MODES.get(choice.mode, "AUTO")
        case "function":
            body.calling |= {"mode": "ANY", "allowedFunctionNames": [choice.function]}
        case "raw_json" if choice.raw_json == MISTRALS_ANY:
            body.calling["mode"] = "ANY"
        case "raw_json":
            _allowed_tools(body, choice.raw_json)
        case _:
            raise body.cannot("tool_choice", "a custom tool")


def _allowed_tools(body: _Body, raw: str) -> None:
    allowed = allowed_tools(raw)
    if allowed is None:
        raise body.cannot(
            "tool_choice", "this choice; give a mode, a function, or allowed_tools of functions"
        )
    # AUTO takes no names; VALIDATED is AUTO that keeps to them and to their schemas.
    mode = "ANY" if allowed.required else "VALIDATED"
    body.calling |= {"mode": mode, "allowedFunctionNames": sorted(allowed.names)}


def _parallel(body: _Body, parallel: bool) -> None:
    if not parallel:
        raise body.cannot("parallel_tool_calls", "false: its models decide how many calls they make")


def _modalities(body: _Body, modalities: Any) -> None:
    if any(modality != "text" for modality in modalities):
        raise body.cannot("modalities", "anything but text; set responseModalities in providerParams")


def _verbosity(body: _Body, verbosity: str) -> None:
    if verbosity != "medium":  # which is the default
        raise body.cannot("verbosity", f"{verbosity!r}")


def _no_web_search(body: _Body, raw: str) -> None:
    raise body.cannot("web_search_options", 'it; give the tool {"googleSearch": {}}')


def _service_tier(body: _Body, tier: str) -> None:
    if tier in ("flex", "priority"):
        body.top["serviceTier"] = tier
    elif tier not in ("auto", "default", "standard"):
        raise body.cannot("service_tier", f"{tier!r}")


# By field of ChatRequest, in the order of their numbers. None: no part of the body, or a hint.
_WRITERS: Final[Mapping[str, Writer | None]] = {
    "route": None,
    "messages": None,
    "temperature": _number("temperature"),
    "top_p": _number("topP"),
    "frequency_penalty": _number_but("frequencyPenalty", 0),
    "presence_penalty": _number_but("presencePenalty", 0),
    "max_tokens": _number("maxOutputTokens"),
    "max_completion_tokens": _number("maxOutputTokens"),
    "n": _number_but("candidateCount", 1),
    "seed": _number("seed"),
    "stop": _stop,
    "logprobs": _logprobs,
    "top_logprobs": _top_logprobs,
    "logit_bias_json": _refused("logit_bias"),
    "tools": _tools,
    "tool_choice": _tool_choice,
    "parallel_tool_calls": _parallel,
    "response_format": _response_format,
    "reasoning_effort": _effort,
    "verbosity": _verbosity,
    "modalities": _modalities,
    "audio": _refused("audio"),
    "prediction": None,
    "web_search_options_json": _no_web_search,
    "stream_options": None,
    "service_tier": _service_tier,
    "store": None,
    "metadata": None,
    "user": None,
    "safety_identifier": None,
    "prompt_cache_key": None,
    "prompt_cache_retention": None,
    "prompt_cache_options_json": None,
    "moderation_json": _refused("moderation"),
    "functions_json": _refused("functions"),
    "function_call_json": _refused("function_call"),
    "extra_json": None,
}
