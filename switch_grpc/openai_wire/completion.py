"""Legacy text completions: requests, answers, chunks."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Raw

from switch_grpc.openai_wire.body import read_reply, read_request, twins, write_request
from switch_grpc.openai_wire.chat_message import FINISH_REASON
from switch_grpc.openai_wire.chat_reply import HEADER, USAGE, reply_shape, write_event
from switch_grpc.openai_wire.chat_request import STREAM_OPTIONS, stop
from switch_grpc.openai_wire.fields import Field, Shape, encode
from switch_grpc.openai_wire.guard import Members
from switch_grpc.openai_wire.misfit import Misfit, misfit, unlike
from switch_grpc.openai_wire.route_info import write_info
from switch_grpc.openai_wire.values import flag, integer, many, number, one, raw_json, raw_object, text
from switch_grpc.v1 import completion_pb2 as pb

_KINDS: Final = (
    ("text", str),
    ("texts", list[str]),
    ("tokens", list[int]),
    ("token_lists", list[list[int]]),
)
_READERS: Final = {kind: msgspec.json.Decoder(type_).decode for kind, type_ in _KINDS}
_EXPECTED: Final = "a string, a list of strings, a list of tokens or a list of lists of tokens"
_INT32: Final = 1 << 31


def prompt(name: str) -> Field:
    """One text, several texts, tokens, or lists of tokens."""
    return Field(name=name, read=_read_prompt, write=_write_prompt, required=True)


def _read_prompt(raw: Raw) -> Any:
    value = bytes(raw)
    kind = _kind(value)
    try:
        read: Any = _READERS[kind](raw)
    except msgspec.ValidationError as error:
        raise misfit(error) from error
    if not read and kind != "text":
        raise Misfit("found an empty list, expected at least one text or token")
    match kind:
        case "texts":
            return {"texts": {"texts": read}}
        case "tokens":
            return {"tokens": {"tokens": _tokens(read)}}
        case "token_lists":
            return {"token_lists": {"lists": [{"tokens": _tokens(tokens)} for tokens in read]}}
    return {"text": read}


def _kind(value: bytes) -> str:
    """Which of the four, by the first character of the value and of its first item."""
    if value[0] == ord('"'):
        return "text"
    if value[0] != ord("["):
        raise unlike(Raw(value), _EXPECTED)
    first = value[1:].lstrip()[:1]
    if first == b"[":
        return "token_lists"
    return "tokens" if first in b"-0123456789" and first else "texts"


def _tokens(tokens: list[int]) -> list[int]:
    if tokens and not -_INT32 <= min(tokens) <= max(tokens) < _INT32:
        raise Misfit("out of range, expected tokens of 32 bits")
    return tokens


def _write_prompt(value: pb.Prompt) -> Any:
    match value.WhichOneof("kind"):
        case "texts":
            return list(value.texts.texts)
        case "tokens":
            return list(value.tokens.tokens)
        case "token_lists":
            return [list(tokens.tokens) for tokens in value.token_lists.lists]
    return value.text


_REQUEST: Final = Shape(
    pb.CompletionRequest,
    text("model", proto="route", required=True),
    prompt("prompt"),
    text("suffix"),
    number("temperature"),
    number("top_p"),
    number("frequency_penalty"),
    number("presence_penalty"),
    integer("max_tokens"),
    integer("n", 32),
    integer("best_of", 32),
    flag("echo"),
    integer("logprobs", 32),
    raw_object("logit_bias"),
    integer("seed"),
    stop(),
    one("stream_options", STREAM_OPTIONS),
    text("user"),
    nulls=True,
)
_SPELLINGS: Final = twins(_REQUEST.names)
KNOWN: Final = _REQUEST.names | {"stream"}


def decode_completion_request(data: bytes, opened: Members | None = None) -> pb.CompletionRequest:
    """The request in a caller's body. Raises Fault(BAD_REQUEST | INVALID_JSON) that names the field."""
    return read_request(pb.CompletionRequest, _REQUEST, _SPELLINGS, data, opened)


def encode_completion_request(
    request: pb.CompletionRequest,
    *,
    model: str,
    stream: bool,
    defaults: Mapping[str, bytes],
    params: Mapping[str, bytes],
) -> bytes:
    """The body for an OpenAI-compatible provider; `defaults` and `params` as in `encode_chat_request`."""
    written = _REQUEST.write(request)
    fixed = {"model": model, "prompt": written["prompt"]}
    return write_request(written, stream=stream, defaults=defaults, params=params, fixed=fixed)


_CHOICE: Final = reply_shape(
    pb.CompletionChoice,
    integer("index", 32),
    text("text", required=True),
    raw_json("logprobs"),
    FINISH_REASON,
    text="",
    index=0,
    logprobs=None,
    finish_reason=None,
)


def _reply(message: type[pb.CompletionResponse] | type[pb.CompletionChunk]) -> Shape:
    return Shape(
        message,
        *HEADER,
        many("choices", _CHOICE, required=True),
        USAGE,
        text("system_fingerprint"),
        nulls=False,
        always={"id": "", "object": "text_completion", "created": 0, "model": "", "choices": []},
        skip=("route_info",),
    )


_RESPONSE: Final = _reply(pb.CompletionResponse)
_CHUNK: Final = _reply(pb.CompletionChunk)


def decode_completion_response(data: bytes) -> pb.CompletionResponse:
    """A provider's whole answer. Raises Fault(UPSTREAM_PROTOCOL)."""
    return read_reply(pb.CompletionResponse, _RESPONSE, data, required="choices")


def encode_completion_response(reply: pb.CompletionResponse) -> bytes:
    return encode(_RESPONSE.write(reply))


def decode_completion_chunk(data: bytes) -> pb.CompletionChunk:
    """One event's data of a provider's stream, but for `[DONE]`. Raises Fault(UPSTREAM_PROTOCOL)."""
    return read_reply(pb.CompletionChunk, _CHUNK, data)


def encode_completion_chunk(chunk: pb.CompletionChunk, info: bool = False) -> bytes:
    """One event's data, without line breaks; with `info`, `route_info` as the member `switch`."""
    written = _CHUNK.write(chunk)
    if info:
        written["switch"] = write_info(chunk.route_info)
    return write_event(written)
