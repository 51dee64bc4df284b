"""Parameters that have a structure: tools, tool choice, response format, stop and their kin."""

from collections.abc import Callable, Mapping
from typing import Final

from google.protobuf.message import Message as ProtoMessage

from switch_client.messages import part_of
from switch_client.values import (
    Fields,
    fields_of,
    items_of,
    json_of,
    refuse,
    rest_of,
    take,
    take_flag,
    take_json,
    take_optional,
    take_text,
    text_of,
)
from switch_grpc.v1.chat_pb2 import (
    AudioOutput,
    CustomTool,
    FunctionTool,
    Prediction,
    ResponseFormat,
    Stop,
    StreamOptions,
    Tool,
    ToolChoice,
)

_MODES: Final[dict[str, ToolChoice.Mode]] = {
    "none": ToolChoice.MODE_NONE,
    "auto": ToolChoice.MODE_AUTO,
    "required": ToolChoice.MODE_REQUIRED,
}


def tool_of(value: object, path: str) -> Tool:
    """A function or custom tool; one of another type as raw JSON."""
    if isinstance(value, Tool):
        return value
    fields = fields_of(value, path)
    kind = take_text(fields, "type", path)
    if kind == "function":
        tool = Tool(function=_function_tool(take(fields, "function", path), f"{path}.function"))
    elif kind == "custom":
        tool = Tool(custom=_custom_tool(take(fields, "custom", path), f"{path}.custom"))
    else:
        return Tool(raw_json=json_of(value, path))
    tool.extra_json = rest_of(fields, path)
    return tool


def _function_tool(value: object, path: str) -> FunctionTool:
    fields = fields_of(value, path)
    tool = FunctionTool(
        name=take_text(fields, "name", path),
        description=take_optional(fields, "description", path),
        parameters_json=take_json(fields, "parameters", path),
    )
    _set_strict(tool, fields, path)
    tool.extra_json = rest_of(fields, path)
    return tool


def _custom_tool(value: object, path: str) -> CustomTool:
    fields = fields_of(value, path)
    return CustomTool(
        name=take_text(fields, "name", path),
        description=take_optional(fields, "description", path),
        format_json=take_json(fields, "format", path),
        extra_json=rest_of(fields, path),
    )


def _set_strict(message: FunctionTool | ResponseFormat.JsonSchema, fields: Fields, path: str) -> None:
    strict = take_flag(fields, "strict", path)
    if strict is not None:
        message.strict = strict


def _tool_choice(value: object, path: str) -> ToolChoice:
    """`none`, `auto`, `required`, or OpenAI's object."""
    if isinstance(value, ToolChoice):
        return value
    if isinstance(value, str):
        if value not in _MODES:
            raise TypeError(f"{path}: expected one of {', '.join(_MODES)} or a dict, found {value!r}")
        return ToolChoice(mode=_MODES[value])
    fields = fields_of(value, path)
    kind = take_text(fields, "type", path)
    if kind not in ("function", "custom"):
        return ToolChoice(raw_json=json_of(value, path))
    inner = f"{path}.{kind}"
    name = take_text(fields_of(take(fields, kind, path), inner), "name", inner)
    return ToolChoice(function=name) if kind == "function" else ToolChoice(custom=name)


def _response_format(value: object, path: str) -> ResponseFormat:
    if isinstance(value, ResponseFormat):
        return value
    fields = fields_of(value, path)
    kind = take_text(fields, "type", path)
    if kind == "text":
        chosen = ResponseFormat(text=ResponseFormat.Text())
    elif kind == "json_object":
        chosen = ResponseFormat(json_object=ResponseFormat.JsonObject())
    elif kind == "json_schema":
        chosen = ResponseFormat(json_schema=_json_schema(take(fields, kind, path), f"{path}.{kind}"))
    else:
        return ResponseFormat(raw_json=json_of(value, path))
    chosen.extra_json = rest_of(fields, path)
    return chosen


def _json_schema(value: object, path: str) -> ResponseFormat.JsonSchema:
    fields = fields_of(value, path)
    schema = ResponseFormat.JsonSchema(
        name=take_text(fields, "name", path),
        description=take_optional(fields, "description", path),
        schema_json=take_json(fields, "schema", path),
    )
    _set_strict(schema, fields, path)
    schema.extra_json = rest_of(fields, path)
    return schema


def _stop(value: object, path: str) -> Stop:
    """One sequence, or several."""
    if isinstance(value, Stop):
        return value
    if isinstance(value, str):
        return Stop(sequences=[value], single=True)
    return Stop(sequences=[text_of(item, f"{path}[{i}]") for i, item in enumerate(items_of(value, path))])


def _stream_options(value: object, path: str) -> StreamOptions:
    if isinstance(value, StreamOptions):
        return value
    fields = fields_of(value, path)
    options = StreamOptions()
    usage = take_flag(fields, "include_usage", path)
    if usage is not None:
        options.include_usage = usage
    obfuscation = take_flag(fields, "include_obfuscation", path)
    if obfuscation is not None:
        options.include_obfuscation = obfuscation
    options.extra_json = rest_of(fields, path)
    return options


def _audio(value: object, path: str) -> AudioOutput:
    if isinstance(value, AudioOutput):
        return value
    fields = fields_of(value, path)
    sound, voice = take_text(fields, "format", path), json_of(take(fields, "voice", path), f"{path}.voice")
    return AudioOutput(format=sound, voice_json=voice, extra_json=rest_of(fields, path))


def _prediction(value: object, path: str) -> Prediction:
    if isinstance(value, Prediction):
        return value
    fields = fields_of(value, path)
    kind = take_text(fields, "type", path)
    if kind != "content":
        raise TypeError(f"{path}.type: expected 'content', found {kind!r}")
    content, inner = take(fields, "content", path), f"{path}.content"
    extra = rest_of(fields, path)
    if isinstance(content, str):
        return Prediction(content=content, extra_json=extra)
    if isinstance(content, Mapping):
        refuse(inner, "a string, or a list of parts", content)
    parts = [part_of(part, f"{inner}[{i}]") for i, part in enumerate(items_of(content, inner))]
    return Prediction(parts=parts, extra_json=extra)


STRUCTURES: Final[dict[str, Callable[[object, str], ProtoMessage]]] = {
    "tool_choice": _tool_choice,
    "response_format": _response_format,
    "stop": _stop,
    "stream_options": _stream_options,
    "audio": _audio,
    "prediction": _prediction,
}
