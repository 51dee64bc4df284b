"""Chat requests: from a caller's JSON, and to an OpenAI-compatible provider's."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from google.protobuf.message import Message
from msgspec import Raw

from switch_grpc.openai_wire.body import read_request, twins, write_request
from switch_grpc.openai_wire.chat_message import REQUEST_MESSAGE, REQUEST_PARTS, content, read_request_message
from switch_grpc.openai_wire.fields import KEEP, Field, Shape, members_of
from switch_grpc.openai_wire.guard import Members, check_raw
from switch_grpc.openai_wire.misfit import Misfit, unlike
from switch_grpc.openai_wire.values import (
    Union,
    flag,
    integer,
    number,
    one,
    raw_json,
    raw_list,
    raw_object,
    read_rows,
    rows_of,
    text,
    text_of,
    texts,
)
from switch_grpc.v1 import chat_pb2 as pb

_MODES: Final = {
    "none": pb.ToolChoice.MODE_NONE,
    "auto": pb.ToolChoice.MODE_AUTO,
    "required": pb.ToolChoice.MODE_REQUIRED,
}
_MODE_NAMES: Final = {number: name for name, number in _MODES.items()}


def shape(message: type[Message], *members: Field, **constants: str) -> Shape:
    return Shape(message, *members, nulls=True, always=constants)


def _messages() -> Field:
    def read(raw: Raw) -> Any:
        rows = rows_of(raw)
        if not rows:
            raise Misfit("found an empty list, expected at least one message")
        return read_rows(rows, read_request_message)

    def write(messages: Any) -> list[Any]:
        return [REQUEST_MESSAGE.write(message) for message in messages]

    return Field(name="messages", read=read, write=write, required=True)


def stop() -> Field:
    """One string or a list of them; which of the two it was is kept."""
    text_or_list = msgspec.json.Decoder(str | list[str]).decode

    def read(raw: Raw) -> Any:
        value = text_or_list(raw)
        if isinstance(value, str):
            return {"sequences": [value], "single": True}
        return {"sequences": value} if value else KEEP

    def write(value: Any) -> Any:
        return value.sequences[0] if value.single and value.sequences else list(value.sequences)

    return Field(name="stop", read=read, write=write)


def _tools() -> Field:
    function = shape(
        pb.FunctionTool,
        text("name", required=True),
        text("description"),
        raw_json("parameters"),
        flag("strict"),
    )
    custom = shape(pb.CustomTool, text("name", required=True), text("description"), raw_json("format"))
    return Union(
        {
            "function": shape(pb.Tool, one("function", function), type="function"),
            "custom": shape(pb.Tool, one("custom", custom), type="custom"),
        }
    ).field("tools")


def _tool_choice() -> Field:
    """A mode, a tool by name, or the whole value where it is anything else."""

    def read(raw: Raw) -> Any:
        first = bytes(raw)[0]
        if first == ord('"'):
            mode = _MODES.get(text_of(raw))
            return {"raw_json": bytes(raw)} if mode is None else {"mode": mode}
        if first != ord("{"):
            raise unlike(raw, "a string or an object")
        return _named_tool(raw) or {"raw_json": check_raw(bytes(raw))}

    def write(value: Any) -> Any:
        kind = value.WhichOneof("kind")
        if kind == "mode":
            return _MODE_NAMES.get(value.mode)
        if kind == "raw_json":
            return Raw(value.raw_json)
        return {"type": kind, kind: {"name": getattr(value, kind)}} if kind else None

    return Field(name="tool_choice", read=read, write=write)


def _named_tool(raw: Raw) -> dict[str, str] | None:
    """The tool of `{"type": "function", "function": {"name": ...}}`, where it is that and nothing more."""
    try:
        choice = msgspec.json.decode(raw, type=dict[str, str | dict[str, str]])
    except msgspec.ValidationError:
        return None
    match choice:
        case {"type": "function", "function": {"name": str(name), **more}} if len(choice) == 2 and not more:
            return {"function": name}
        case {"type": "custom", "custom": {"name": str(name), **more}} if len(choice) == 2 and not more:
            return {"custom": name}
    return None


def _response_format() -> Field:
    def bare(kind: str) -> Shape:
        return Shape(pb.ResponseFormat, nulls=True, always={"type": kind}, skip=(kind,))

    schema = shape(
        pb.ResponseFormat.JsonSchema,
        text("name", required=True),
        text("description"),
        raw_json("schema"),
        flag("strict"),
    )
    union = Union(
        {
            "text": bare("text"),
            "json_object": bare("json_object"),
            "json_schema": shape(pb.ResponseFormat, one("json_schema", schema), type="json_schema"),
        },
        bare=frozenset({"text", "json_object"}),
    )
    return Field(name="response_format", read=union.read, write=union.write)


def _metadata() -> Field:
    exact = msgspec.json.Decoder(dict[str, str]).decode

    def read(raw: Raw) -> Any:
        try:
            return exact(raw) or KEEP
        except msgspec.ValidationError:
            for name, value in members_of(raw).items():
                if bytes(value)[0] != ord('"'):
                    raise unlike(value, "a string").within(name) from None
            raise

    return Field(name="metadata", read=read, write=dict)


def _prediction() -> Field:
    kept = shape(pb.Prediction, content(REQUEST_PARTS), type="content")

    def read(raw: Raw) -> Any:
        members = members_of(raw)
        if members.get("type") == Raw(b'"content"'):
            del members["type"]
        return kept.read(members)

    return Field(name="prediction", read=read, write=kept.write)


def _audio() -> Field:
    return one(
        "audio",
        shape(
            pb.AudioOutput, text("format", required=True), raw_json("voice", '"{', "a string or an object")
        ),
    )


STREAM_OPTIONS: Final = shape(pb.StreamOptions, flag("include_usage"), flag("include_obfuscation"))

_REQUEST: Final = Shape(
    pb.ChatRequest,
    text("model", proto="route", required=True),
    _messages(),
    number("temperature"),
    number("top_p"),
    number("frequency_penalty"),
    number("presence_penalty"),
    integer("max_tokens"),
    integer("max_completion_tokens"),
    integer("n", 32),
    integer("seed"),
    stop(),
    flag("logprobs"),
    integer("top_logprobs", 32),
    raw_object("logit_bias"),
    _tools(),
    _tool_choice(),
    flag("parallel_tool_calls"),
    _response_format(),
    text("reasoning_effort"),
    text("verbosity"),
    texts("modalities"),
    _audio(),
    _prediction(),
    raw_object("web_search_options"),
    one("stream_options", STREAM_OPTIONS),
    text("service_tier"),
    flag("store"),
    _metadata(),
    text("user"),
    text("safety_identifier"),
    text("prompt_cache_key"),
    text("prompt_cache_retention"),
    raw_object("prompt_cache_options"),
    raw_object("moderation"),
    raw_list("functions"),
    raw_json("function_call", '"{', "a string or an object"),
    nulls=True,
)
_SPELLINGS: Final = twins(_REQUEST.names)
KNOWN: Final = _REQUEST.names | {"stream"}


def decode_chat_request(data: bytes, opened: Members | None = None) -> pb.ChatRequest:
    """The request in a caller's body; its `stream` member is checked and left out.

    Raises Fault(BAD_REQUEST | INVALID_JSON) that names the field.
    """
    return read_request(pb.ChatRequest, _REQUEST, _SPELLINGS, data, opened)


def encode_chat_request(
    request: pb.ChatRequest,
    *,
    model: str,
    stream: bool,
    defaults: Mapping[str, bytes],
    params: Mapping[str, bytes],
) -> bytes:
    """The body for an OpenAI-compatible provider that calls the model `model`.

    `defaults` apply where the caller set nothing, `params` override; both hold one raw JSON value a name.
    """
    written = _REQUEST.write(request)
    fixed = {"model": model, "messages": written["messages"]}
    return write_request(written, stream=stream, defaults=defaults, params=params, fixed=fixed)
