"""Validates requests that came by gRPC: what the types cannot say, and the raw JSON that they carry."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message
from msgspec import Raw

from switch_grpc.faults import Fault, Kind, bad_request
from switch_grpc.openai_wire import chat_request, completion, embedding
from switch_grpc.openai_wire.body import REFUSED
from switch_grpc.openai_wire.fields import NULL, members_of
from switch_grpc.openai_wire.guard import Excess, check_members, check_raw
from switch_grpc.openai_wire.misfit import Misfit, missing, unlike
from switch_grpc.v1 import chat_pb2, completion_pb2, embedding_pb2

Check = Callable[[Any], None]

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
        raise bad_request("messages", "found an empty list, expected at least one message")
    for index, one in enumerate(message.messages):
        if not one.role and not one.role_text:
            raise bad_request(f"messages[{index}].role", "missing")
        if one.HasField("content") and one.parts:
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
        _PLANS[message.DESCRIPTOR.full_name].check(message)
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


class _Plan:
    """What to check of one message type, and of all below it.

    Raw JSON parses, enums are known, numbers are finite, a oneof is set.
    """

    def __init__(self, message: Descriptor) -> None:
        self._union = "kind" in message.oneofs_by_name
        self._checks: dict[object, tuple[str, Check]] = {}
        _PLANS[message.full_name] = self
        for field in message.fields:
            check = _check_of(field)
            if check is not None:
                self._checks[field] = (field.name, check)

    def check(self, message: Message) -> None:
        if self._union and message.WhichOneof("kind") is None:
            raise Misfit("missing: set one of its kinds")
        for field, value in message.ListFields():
            known = self._checks.get(field)
            if known is not None:
                name, check = known
                try:
                    check(value)
                except Misfit as error:
                    error.within(name)
                    raise

    def check_all(self, messages: Iterable[Message]) -> None:
        for index, message in enumerate(messages):
            try:
                self.check(message)
            except Misfit as error:
                error.within(f"[{index}]")
                raise


_PLANS: Final[dict[str, _Plan]] = {}


def _check_of(field: FieldDescriptor) -> Check | None:
    nested, default = field.message_type, field.default_value
    if nested is not None:
        if nested.GetOptions().map_entry:
            return None  # our maps hold texts only
        plan = _PLANS.get(nested.full_name) or _Plan(nested)
        return plan.check_all if isinstance(default, list) else plan.check
    if field.enum_type is not None:
        return _known(field.enum_type)
    if isinstance(default, float):
        return _check_finite
    if field.name.endswith("_json"):
        return _json(*_STARTS.get(field.name, (b"", "")))
    return None


def _known(enum: EnumDescriptor) -> Check:
    numbers = frozenset(enum.values_by_number)

    def check(value: int) -> None:
        if value not in numbers:
            raise Misfit(f"unknown value {value}")

    return check


def _check_finite(value: float) -> None:
    if not math.isfinite(value):
        raise Misfit("not a finite number")


def _json(starts: bytes, expected: str) -> Check:
    return lambda text: _check_text(text, starts, expected)


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


for _request in (chat_pb2.ChatRequest, completion_pb2.CompletionRequest, embedding_pb2.EmbedRequest):
    _Plan(_request.DESCRIPTOR)  # type: ignore[arg-type]  # the stubs name another implementation's class too
