"""Reads Gemini's generateContent, strictly: what Google refuses, the mock refuses, in much the same words.

Shapes are in `gemini_shapes`, turns in `gemini_contents`; here are the settings, their bounds
(https://ai.google.dev/api/generate-content#generationconfig) and the tools.
"""

import re
from dataclasses import dataclass, replace
from typing import Final, Literal

import msgspec

from switch_grpc.mock.answers import Ask, Tool
from switch_grpc.mock.fields import Json
from switch_grpc.mock.gemini_contents import members, modalities, read_contents, records
from switch_grpc.mock.gemini_fields import Members, Message, read_message, refusal, snake
from switch_grpc.mock.gemini_shapes import GENERATE

Thinking = Literal["no", "hidden", "shown"]

# Members of generationConfig and their bounds, both included.
_BOUNDS: Final[dict[str, tuple[float, float]]] = {
    "temperature": (0, 2),
    "topP": (0, 1),
    "topK": (1, 1 << 31),
    "candidateCount": (1, 8),
    "maxOutputTokens": (1, 1 << 31),
    "presencePenalty": (-2, 2),
    "frequencyPenalty": (-2, 2),
    "logprobs": (0, 20),
}
_MIMES: Final = ("text/plain", "application/json", "application/xml", "application/yaml", "text/x.enum")
_FUNCTION: Final = re.compile(r"[A-Za-z_][\w.:-]{0,127}", re.ASCII)
_OLD: Final = re.compile(r"gemini-[12]\.")
_STOPS: Final = 5
_CHOICES: Final[dict[str, Literal["none", "auto", "required"]]] = {"NONE": "none", "ANY": "required"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What of a request concerns the wire and not the answer."""

    vertex: bool = False
    n: int = 1
    logprobs: bool = False
    top_logprobs: int = 0
    thinking: Thinking = "no"
    bare: bool = False  # the answer is one of an enum's names, without quotes
    tier: str = "standard"
    rated: bool = False  # every answer has its safety ratings
    media: tuple[tuple[str, int], ...] = ()  # of each modality, how many came


def decode(data: bytes, message: Message, vertex: bool) -> Members:
    """A request's body by its table. Raises Refused."""
    try:
        value: Json = msgspec.json.decode(data or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise refusal(f"Invalid JSON payload received. {error}") from error
    return read_message(value, message, "", vertex)


def read_generate(data: bytes, model: str, *, vertex: bool) -> tuple[Ask, Options]:
    """The request's two halves. Raises Refused naming the field at fault."""
    return ask_of(decode(data, GENERATE, vertex), model, vertex=vertex)


def ask_of(body: Members, model: str, *, vertex: bool) -> tuple[Ask, Options]:
    """As `read_generate`, of a body that is decoded."""
    said = read_contents(body, model, vertex)
    settings = members(body.get("generationConfig"))
    _check_bounds(settings)
    form, bare = _form(settings)
    seed, limit = settings.get("seed"), settings.get("maxOutputTokens")
    ask = Ask(
        model=model,
        turns=said.turns,
        images=said.images,
        files=said.files,
        seed=seed if isinstance(seed, int) else None,
        limit=limit if isinstance(limit, int) else None,
        stops=_stops(settings),
        form=form,
    )
    ask = _with_tools(ask, body)
    if ask.tools and form is not None and _OLD.match(model):
        raise refusal("Function calling with a response mime type: 'application/json' is unsupported")
    _check_safety(body)
    return ask, _options(body, settings, bare, vertex)


def _options(body: Members, settings: Members, bare: bool, vertex: bool) -> Options:
    wanted, top = settings.get("responseLogprobs") is True, settings.get("logprobs")
    if top is not None and not wanted:
        raise refusal(
            "logprobs can only be set when response_logprobs is true.", field="generation_config.logprobs"
        )
    count = settings.get("candidateCount")
    return Options(
        vertex=vertex,
        n=count if isinstance(count, int) else 1,
        logprobs=wanted,
        top_logprobs=top if isinstance(top, int) else 0,
        thinking=_thinking(members(settings.get("thinkingConfig"))),
        bare=bare,
        tier=str(body.get("serviceTier", "standard")),
        rated=bool(body.get("safetySettings")),
        media=tuple(modalities(body).items()),
    )


# -- generationConfig --


def _check_bounds(settings: Members) -> None:
    for name, (low, high) in _BOUNDS.items():
        value = settings.get(name)
        if isinstance(value, int | float) and not low <= value <= high:
            field = f"generation_config.{snake(name)}"
            shown = f"[{low}, {high}]" if high < 1 << 31 else f"[{low}, inf)"
            raise refusal(
                f"* GenerateContentRequest.{field}: {snake(name)} must be in the range {shown}.\n",
                field=field,
            )


def _stops(settings: Members) -> tuple[str, ...]:
    stops = settings.get("stopSequences")
    listed = [str(one) for one in stops] if isinstance(stops, list) else []
    if len(listed) > _STOPS or "" in listed:
        field = "generation_config.stop_sequences"
        why = f"must be at most {_STOPS} non-empty strings."
        raise refusal(f"* GenerateContentRequest.{field}: {why}\n", field=field)
    return tuple(listed)


def _form(settings: Members) -> tuple[Json, bool]:
    """The JSON Schema of the answer, True for any JSON; and whether it is to be a bare name of an enum."""
    mime = settings.get("responseMimeType", "text/plain")
    schemas = [name for name in ("responseSchema", "responseJsonSchema") if name in settings]
    if mime not in _MIMES:
        known = ", ".join(f"`{one}`" for one in _MIMES)
        field = "generation_config.response_mime_type"
        raise refusal(f"* GenerateContentRequest.{field}: allowed mimetypes are {known}.\n", field=field)
    if len(schemas) > 1:
        raise refusal(
            "Only one of response_schema and response_json_schema can be set.",
            field="generation_config.response_json_schema",
        )
    if not schemas:
        return (True if mime == "application/json" else None), False
    field = f"generation_config.{snake(schemas[0])}"
    if mime not in ("application/json", "text/x.enum"):
        raise refusal(
            f"* GenerateContentRequest.{field}: {snake(schemas[0])} is only supported when "
            "response_mime_type is `application/json` or `text/x.enum`.\n",
            field=field,
        )
    schema = settings[schemas[0]]
    found = json_schema(members(schema)) if schemas[0] == "responseSchema" else schema
    return found, mime == "text/x.enum"


def _thinking(config: Members) -> Thinking:
    budget = config.get("thinkingBudget")
    if budget is not None and "thinkingLevel" in config:
        raise refusal(
            "You can only set only one of thinking budget and thinking level.",
            field="generation_config.thinking_config",
        )
    if isinstance(budget, int) and not -1 <= budget <= 65536:
        field = "generation_config.thinking_config.thinking_budget"
        raise refusal(f"* GenerateContentRequest.{field}: thinking_budget is out of range.\n", field=field)
    if not config or budget == 0:
        return "no"
    return "shown" if config.get("includeThoughts") is True else "hidden"


def _check_safety(body: Members) -> None:
    seen: set[Json] = set()
    for k, setting in enumerate(records(body.get("safetySettings"))):
        category, path = setting.get("category"), f"safety_settings[{k}]"
        if category is None or "threshold" not in setting or category in seen:
            raise refusal(
                f"* GenerateContentRequest.{path}: element predicate failed: each category at most once, "
                "with its threshold\n",
                field=path,
            )
        seen.add(category)


# -- schemas --


def json_schema(schema: Members) -> Members:
    """Google's Schema as the JSON Schema that it stands for."""
    made: Members = {}
    for name, value in schema.items():
        match name:
            case "type":
                made["type"] = str(value).lower()
            case "properties":
                made[name] = {key: json_schema(members(one)) for key, one in members(value).items()}
            case "items":
                made[name] = json_schema(members(value))
            case "anyOf":
                made[name] = [json_schema(one) for one in records(value)]
            case "ref" | "defs":
                made[f"${name}"] = value
            case "nullable" | "propertyOrdering" | "example":
                pass  # they leave the value free, or the same
            case _:
                made[name] = value
    return made


# -- tools --


def _with_tools(ask: Ask, body: Members) -> Ask:
    """The request with its functions and the choice among them. Other tools are taken, and not used."""
    tools = []
    for k, tool in enumerate(records(body.get("tools"))):
        for j, declared in enumerate(records(tool.get("functionDeclarations"))):
            tools.append(_tool(declared, f"tools[{k}].function_declarations[{j}]"))
    names = [tool.name for tool in tools]
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled is not None:
        raise refusal(f"Duplicate function declaration found: {doubled}", field="tools")
    calling = members(members(body.get("toolConfig")).get("functionCallingConfig"))
    mode = str(calling.get("mode", "AUTO"))
    listed = calling.get("allowedFunctionNames")
    allowed = [str(name) for name in listed] if isinstance(listed, list) else []
    _check_calling(mode, allowed, names)
    kept = tuple(tool for tool in tools if not allowed or tool.name in allowed)
    return replace(ask, tools=kept, choice=_CHOICES.get(mode, "auto"))


def _check_calling(mode: str, allowed: list[str], names: list[str]) -> None:
    path = "tool_config.function_calling_config"
    if mode in ("ANY", "VALIDATED") and not names:
        raise refusal("Function calling config is set without function_declarations.", field=path)
    if allowed and mode not in ("ANY", "VALIDATED"):
        raise refusal(
            f"* GenerateContentRequest.{path}.allowed_function_names: should only be set when the function "
            "calling mode is ANY or VALIDATED.\n",
            field=f"{path}.allowed_function_names",
        )
    unknown = next((name for name in allowed if name not in names), None)
    if unknown is not None:
        raise refusal(
            f"* GenerateContentRequest.{path}.allowed_function_names: `{unknown}` is not found in function "
            "declarations.\n",
            field=f"{path}.allowed_function_names",
        )


def _tool(declared: Members, path: str) -> Tool:
    name = declared.get("name")
    if not isinstance(name, str) or not _FUNCTION.fullmatch(name):
        raise refusal(
            f"* GenerateContentRequest.{path}.name: Invalid function name. Must start with a letter or an "
            "underscore. Must be alphameric (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), or "
            "dashes (-), with a maximum length of 128.\n",
            field=f"{path}.name",
        )
    if "parameters" not in declared:
        return Tool(name=name, schema=declared.get("parametersJsonSchema"))
    if "parametersJsonSchema" in declared:
        raise refusal("Only one of parameters and parameters_json_schema can be set.", field=path)
    return Tool(name=name, schema=json_schema(members(declared["parameters"])))
