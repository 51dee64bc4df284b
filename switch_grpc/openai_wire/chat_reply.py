"""Chat answers, whole and in chunks: from a provider's JSON, and to a caller's."""

import math
from dataclasses import replace
from typing import Annotated, Any, Final

import msgspec
from google.protobuf.message import Message
from msgspec import Raw

from switch_grpc.openai_wire.body import read_reply
from switch_grpc.openai_wire.chat_message import (
    ANSWER,
    FINISH_REASON,
    REPLY_AUDIO,
    ROLE,
    arguments,
    one_reasoning,
    read_answer,
)
from switch_grpc.openai_wire.fields import KEEP, NULL, Field, Fields, Shape, encode, members_of
from switch_grpc.openai_wire.guard import Members
from switch_grpc.openai_wire.misfit import unlike
from switch_grpc.openai_wire.route_info import write_info
from switch_grpc.openai_wire.spoken import read_spoken
from switch_grpc.openai_wire.values import (
    float_of,
    integer,
    many,
    number,
    one,
    raw_list,
    read_rows,
    rows_of,
    text,
    text_of,
)
from switch_grpc.v1 import chat_pb2 as pb


def reply_shape(message: type[Message], /, *members: Field, **always: object) -> Shape:
    return Shape(message, *members, nulls=False, always=always)


def write_event(written: object) -> bytes:
    """JSON for one event of a stream. Raw members may hold line breaks, which would end the event early."""
    data = encode(written)
    return data.replace(b"\n", b" ").replace(b"\r", b" ") if b"\n" in data or b"\r" in data else data


def _logprobs() -> Field:
    plain = (text("token", required=True), number("logprob", required=True), _utf8())
    top = reply_shape(pb.TokenLogProb, *plain, bytes=None)
    token = reply_shape(pb.TokenLogProb, *plain, many("top_logprobs", top, required=True), bytes=None)
    lists = (many("content", token), many("refusal", token))
    return one("logprobs", reply_shape(pb.LogProbs, *lists, content=None, refusal=None))


def _utf8() -> Field:
    exact = msgspec.json.Decoder(list[Annotated[int, msgspec.Meta(ge=0, le=255)]]).decode
    return Field(name="bytes", read=lambda raw: bytes(exact(raw)), write=list, proto="utf8")


def _usage() -> Field:
    prompt = ("cached_tokens", "audio_tokens", "cache_write_tokens", "image_tokens", "text_tokens")
    completion = (
        *("reasoning_tokens", "audio_tokens", "accepted_prediction_tokens"),
        *("rejected_prediction_tokens", "text_tokens"),
    )
    return one(
        "usage",
        reply_shape(
            pb.Usage,
            integer("prompt_tokens", required=True),
            integer("completion_tokens", required=True),
            integer("total_tokens", required=True),
            one("prompt_tokens_details", reply_shape(pb.Usage.PromptTokens, *map(integer, prompt))),
            one(
                "completion_tokens_details", reply_shape(pb.Usage.CompletionTokens, *map(integer, completion))
            ),
        ),
    )


def _created() -> Field:
    """Unix seconds; some servers send them with a fraction, which is dropped."""
    exact = integer("created", required=True)

    def read_fraction(raw: Raw) -> Fields:
        return {"created": exact.read(Raw(b"%d" % math.floor(float_of(raw))))}

    return replace(exact, otherwise=read_fraction)


_LOGPROBS: Final = _logprobs()
USAGE: Final = _usage()
HEADER: Final = (text("id", required=True), _created(), text("model", required=True))
_TAIL: Final = (USAGE, text("system_fingerprint"), text("service_tier"))


# Whole answers

_CHOICE: Final = reply_shape(
    pb.Choice,
    integer("index", 32),
    Field(name="message", read=lambda raw: read_answer(members_of(raw)), write=ANSWER.write),
    _LOGPROBS,
    FINISH_REASON,
    index=0,
    message=ANSWER.write(pb.Message()),
    logprobs=None,
    finish_reason=None,
)
_RESPONSE: Final = Shape(
    pb.ChatResponse,
    *HEADER,
    many("choices", _CHOICE, required=True),
    *_TAIL,
    nulls=False,
    always={"id": "", "object": "chat.completion", "created": 0, "model": "", "choices": []},
    skip=("route_info",),
)


def decode_chat_response(data: bytes) -> pb.ChatResponse:
    """A provider's whole answer. Raises Fault(UPSTREAM_PROTOCOL)."""
    return read_reply(pb.ChatResponse, _RESPONSE, data, required="choices")


def encode_chat_response(reply: pb.ChatResponse) -> bytes:
    """The answer as OpenAI writes it; `route_info` is no part of it."""
    return encode(_RESPONSE.write(reply))


# Chunks

_CALL_TYPES: Final = (Raw(b'"function"'), Raw(b'"custom"'))


_FUNCTION: Final = reply_shape(pb.FunctionCall, text("name"), arguments())
_CUSTOM: Final = reply_shape(pb.CustomCall, text("name"), text("input", required=True))


def _read_type(raw: Raw) -> Any:
    return KEEP if raw in _CALL_TYPES else text_of(raw)


def _read_list(raw: Raw) -> Any:
    if bytes(raw)[0] != ord("["):
        raise unlike(raw, "a string or a list of parts")
    fields = read_spoken(raw)
    return KEEP if fields is None else fields


_CALL: Final = reply_shape(
    pb.ToolCallDelta,
    integer("index", 32),
    text("id"),
    one("function", _FUNCTION),
    one("custom", _CUSTOM),
    Field(name="type", read=_read_type, proto="type_text"),
    index=0,
)


def _read_call(members: Members) -> Fields:
    kind = members.get("type", NULL)
    if members.get("id", NULL) != NULL and (
        (kind == _CALL_TYPES[0] and "function" in members) or (kind == _CALL_TYPES[1] and "custom" in members)
    ):
        del members["type"]  # written again with the id
    return _CALL.read(members)


def _read_calls(raw: Raw) -> Any:
    rows = rows_of(raw)
    for position, row in enumerate(rows):
        if row.get("index", NULL) == NULL:  # some servers leave it out
            row["index"] = Raw(b"%d" % position)
    return read_rows(rows, _read_call) or KEEP


def _write_call(call: pb.ToolCallDelta) -> Fields:
    written = _CALL.write(call)
    if call.id and "type" not in written:
        # As OpenAI: the type comes with the id, on a call's first delta.
        if "function" in written:
            written["type"] = "function"
        elif "custom" in written:
            written["type"] = "custom"
    return written


def _write_calls(calls: Any) -> list[Fields]:
    return [_write_call(call) for call in calls]


_DELTA: Final = reply_shape(
    pb.Delta,
    ROLE,
    # A list of parts that is more than texts and thoughts stays in extra_json.
    Field(name="content", read=text_of, otherwise=_read_list),
    Field(name="tool_calls", read=_read_calls, write=_write_calls),
    text("refusal"),
    text("reasoning_content", proto="reasoning"),
    one("audio", REPLY_AUDIO),
    one("function_call", _FUNCTION),
    raw_list("annotations"),
)
_CHUNK_CHOICE: Final = reply_shape(
    pb.ChunkChoice,
    integer("index", 32),
    Field(name="delta", read=lambda raw: _DELTA.read(one_reasoning(members_of(raw))), write=_DELTA.write),
    _LOGPROBS,
    FINISH_REASON,
    index=0,
    delta={},
    logprobs=None,
    finish_reason=None,
)
_CHUNK: Final = Shape(
    pb.ChatChunk,
    *HEADER,
    many("choices", _CHUNK_CHOICE, required=True),
    *_TAIL,
    nulls=False,
    always={"id": "", "object": "chat.completion.chunk", "created": 0, "model": "", "choices": []},
    skip=("route_info",),
)


def decode_chat_chunk(data: bytes) -> pb.ChatChunk:
    """One event's data of a provider's stream, but for `[DONE]`. Raises Fault(UPSTREAM_PROTOCOL)."""
    return read_reply(pb.ChatChunk, _CHUNK, data)


def encode_chat_chunk(chunk: pb.ChatChunk, info: bool = False) -> bytes:
    """One event's data, without line breaks; with `info`, `route_info` as the member `switch`."""
    written = _CHUNK.write(chunk)
    if info:
        written["switch"] = write_info(chunk.route_info)
    return write_event(written)
