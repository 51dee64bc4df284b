"""Validates requests that came by gRPC: what the types cannot say, and the raw JSON that they carry."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from msgspec import Raw

from switch_grpc.faults import Fault, Kind, bad_request
from switch_grpc.openai_wire import chat_request, completion, embedding
from switch_grpc.openai_wire.body import REFUSED
from switch_grpc.openai_wire.fields import NULL, Misfit, members_of, missing, unlike
from switch_grpc.openai_wire.guard import Excess, check_members, check_raw
from switch_grpc.v1 import chat_pb2, completion_pb2, embedding_pb2

_raw: Final = msgspec.json.Decoder(Raw).decode
_EMPTY: Final = (NULL, Raw(b"[]"), Raw(b"{}"))

# What a raw field's text must be, by its first character; the fields that are not here take any value.
_STARTS: Final[Mapping[str, tuple[bytes, str]]] = {
    **dict.fromkeys(
        (
            *("extra_json", "logit_bias_json", "web_search_options_json"),
            *("prompt_cache_options_json", "moderation_json"),
        ),
        (b"{", "a JSON object"),
    ),
    **dict.fromkeys(("functions_json", "annotations_json"), (b"[", "a JSON list")),
    **dict.fromkeys(("function_call_json", "voice_json", "raw_json"), (b'"{', "a JSON string or object")),
}


def check_chat_request(message: chat_pb2.ChatRequest) -> None:
    """Raises Fault(BAD_REQUEST | INVALID_JSON) that names the field."""
    _check(message, chat_request.KNOWN)
    if not message.messages:
        raise bad_request("messages", "empty; send at least one message")
    for index, one in enumerate(message.messages):
        if not one.role and not one.role_text:
            raise bad_request(f"messages[{index}].role", "missing")
        if one.parts and one.HasField("content"):
            raise bad_request(f"messages[{index}]", "content and parts are both set; set one of them")


def check_completion_request(message: completion_pb2.CompletionRequest) -> None:
    """Raises Fault(BAD_REQUEST | INVALID_JSON) that names the field."""
    _check(message, completion.KNOWN)
    _check_prompt("prompt", message.prompt)


def check_embed_request(message: embedding_pb2.EmbedRequest) -> None:
    """Raises Fault(BAD_REQUEST | INVALID_JSON) that names the field."""
    _check(message, embedding.KNOWN)
    _check_prompt("input", message.input)


def _check_prompt(name: str, prompt: completion_pb2.Prompt) -> None:
    kind = prompt.WhichOneof("kind")
    if kind is None:
        raise bad_request(name, "missing")
    if kind != "text" and not prompt.ByteSize() > 2:  # the tag and the length of an empty list
        raise bad_request(name, "empty; send at least one text or token")


def _check(message: Message, known: frozenset[str]) -> None:
    """What holds for every request: a route, an extra_json with nothing that has a field, valid content."""
    try:
        if not message.route:  # type: ignore[attr-defined]  # all three requests have one
            raise missing("route")
        _check_fields(message)
        extra = message.extra_json  # type: ignore[attr-defined]
        if extra:
            _check_extra(members_of(extra), known)
    except Misfit as error:
        kind = Kind.INVALID_JSON if isinstance(error.__cause__, msgspec.DecodeError) else Kind.BAD_REQUEST
        raise Fault(kind, f"{error.path}: {error.message}", param=error.path) from error


def _check_extra(members: Mapping[str, Raw], known: frozenset[str]) -> None:
    for name, raw in members.items():
        if name in REFUSED:
            problem = "not accepted: the gateway's configuration decides this; remove it"
        elif name in known and raw not in _EMPTY:
            problem = "has a field of its own; set that"
        else:
            continue
        raise Misfit(problem, name).within("extra_json")


def _check_fields(message: Message) -> None:
    """Raw JSON parses, enums are known, numbers are finite, a oneof is set; here and in all below."""
    for oneof in message.DESCRIPTOR.oneofs_by_name:
        if oneof == "kind" and message.WhichOneof("kind") is None:
            raise Misfit("missing: set one of its kinds")
    for field, value in message.ListFields():
        try:
            _check_value(field, value)
        except Misfit as error:
            error.within(field.name)
            raise


def _check_value(field: FieldDescriptor, value: Any) -> None:
    if isinstance(value, Message):
        _check_fields(value)
    elif field.message_type is not None:
        if not field.message_type.GetOptions().map_entry:  # our maps hold texts only
            _check_all(value)
    elif field.enum_type is not None:
        if value not in field.enum_type.values_by_number:
            raise Misfit(f"unknown value {value}")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise Misfit("not a finite number")
    elif field.name.endswith("_json"):
        _check_text(value, *_STARTS.get(field.name, (b"", "")))


def _check_all(messages: Iterable[Message]) -> None:
    for index, message in enumerate(messages):
        try:
            _check_fields(message)
        except Misfit as error:
            error.within(f"[{index}]")
            raise


def _check_text(text: str, starts: bytes, expected: str) -> None:
    try:
        data = text.encode()
        check_members(data)
        raw = _raw(data)
        check_raw(data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Misfit(f"not valid JSON: {error}") from error
    except Excess as error:
        raise Misfit(str(error)) from error
    if starts and bytes(raw)[0] not in starts:
        raise unlike(raw, expected)
