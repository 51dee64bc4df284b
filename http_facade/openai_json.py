"""OpenAI JSON as the engine takes it: the head at once, the body not before a dialect asks."""

from typing import Final

import msgspec
from google.protobuf.message import Message
from msgspec import UNSET, Raw, UnsetType

from switch_grpc.faults import Fault, bad_request
from switch_grpc.openai_wire import (
    PlainChat,
    decode_chat_request,
    decode_completion_request,
    decode_embed_request,
    plain_chat,
)
from switch_grpc.openai_wire.guard import Members, open_body, too_deep
from switch_grpc.openai_wire.misfit import unlike
from switch_grpc.request import Head, Need, Operation

_DECODERS: Final = {
    Operation.CHAT: decode_chat_request,
    Operation.COMPLETE: decode_completion_request,
    Operation.EMBED: decode_embed_request,
}

_UNSET: Final = Raw(b"null")
_EMPTY: Final = (_UNSET, Raw(b"[]"))
_FLAGS: Final = {b"true": True, b"false": False, b"null": False}

# Members that may tell of a need, and types of parts that do.
_NEEDY: Final = frozenset({"tools", "functions", "audio", "modalities", "response_format", "responseFormat"})
_OF_PART: Final = {"image_url": Need.VISION, "input_audio": Need.AUDIO, "file": Need.DOCUMENTS}


class _HasContent(msgspec.Struct):
    content: Raw = _UNSET


class _HasType(msgspec.Struct):
    type: str = ""


class _HasSession(msgspec.Struct):
    session_id: str = ""


_contents: Final = msgspec.json.Decoder(list[_HasContent]).decode
_types: Final = msgspec.json.Decoder(list[_HasType]).decode
_typed: Final = msgspec.json.Decoder(_HasType).decode
_session: Final = msgspec.json.Decoder(_HasSession).decode
_text: Final = msgspec.json.Decoder(str).decode
_texts: Final = msgspec.json.Decoder(list[str]).decode


class JsonBody:
    """A request's JSON, converted on first use; what was wrong with it is raised on every use."""

    __slots__ = ("_data", "_fault", "_members", "_message", "_operation", "_plain", "takes_json")

    def __init__(self, operation: Operation, data: bytes, members: Members) -> None:
        """`members`: what `open_body` found in `data`."""
        self._operation = operation
        self._data = data
        self._members = members
        self.takes_json = operation is Operation.CHAT
        self._message: Message | None = None
        self._plain: PlainChat | UnsetType | None = UNSET if operation is Operation.CHAT else None
        self._fault: Fault | None = None

    def message(self) -> Message:
        if self._fault is not None:
            raise self._fault.with_traceback(None)
        if self._message is None:
            try:
                self._message = _DECODERS[self._operation](self._data, self._members)
            except Fault as fault:
                self._fault = fault
                raise
        return self._message

    def plain(self) -> PlainChat | None:
        if self._plain is UNSET:
            self._plain = plain_chat(self._data, self._members)
        return self._plain


def read_request(operation: Operation, data: bytes) -> tuple[Head, JsonBody]:
    """What the engine reads of a body, and the body.

    That is its top level, and of the messages only which kinds of part they have. Raises Fault(BAD_REQUEST |
    INVALID_JSON) for a body that is no such thing; what is wrong further inside, `JsonBody.message` says.
    """
    try:
        members = open_body(data)
        return _head(operation, members, data), JsonBody(operation, data, members)
    except RecursionError as error:  # just within the limit at first, just past it a few calls deeper
        raise too_deep() from error


def _head(operation: Operation, members: Members, data: bytes) -> Head:
    flag = members.get("stream", _UNSET)
    stream = _FLAGS.get(bytes(flag))
    if stream is None:
        raise bad_request("stream", unlike(flag, "true or false").message)
    return Head(
        operation=operation,
        route=_route(members),
        stream=stream,
        needs=_chat_needs(members, data) if operation is Operation.CHAT else Need.NONE,
        size=len(data),
        user=_user(members),
        session_id=_session_id(members),
    )


def _route(members: Members) -> str:
    try:
        route = _text(members["model"])
    except KeyError:
        raise bad_request("model", "missing; send the name of a route") from None
    except msgspec.ValidationError:
        raise bad_request("model", unlike(members["model"], "a string").message) from None
    if not route:
        raise bad_request("model", "found an empty string, expected the name of a route")
    return route


def _user(members: Members) -> str | None:
    """Where it is a text; decoding reports what else it is."""
    try:
        return (_text(members["user"]) or None) if "user" in members else None
    except msgspec.ValidationError:
        return None


def _session_id(members: Members) -> str | None:
    """`metadata.session_id`, where it is a text."""
    try:
        return (_session(members["metadata"]).session_id or None) if "metadata" in members else None
    except msgspec.ValidationError:
        return None


def _chat_needs(members: Members, data: bytes) -> Need:
    needs = Need.NONE
    if not members.keys().isdisjoint(_NEEDY):
        if members.get("tools", _UNSET) not in _EMPTY or members.get("functions", _UNSET) not in _EMPTY:
            needs |= Need.TOOLS
        if members.get("audio", _UNSET) != _UNSET or _asks_for_audio(members):
            needs |= Need.AUDIO
        wanted = members.get("response_format", members.get("responseFormat", _UNSET))
        if wanted != _UNSET and _type(wanted) == "json_schema":
            needs |= Need.JSON_SCHEMA
    if b'"image_url"' in data or b'"input_audio"' in data or b'"file"' in data:
        for kind in _part_types(members.get("messages", _UNSET)):
            needs |= _OF_PART.get(kind, Need.NONE)
    return needs


def _asks_for_audio(members: Members) -> bool:
    try:
        return "modalities" in members and "audio" in _texts(members["modalities"])
    except msgspec.ValidationError:
        return False


def _type(raw: Raw) -> str:
    try:
        return _typed(raw).type
    except msgspec.ValidationError:
        return ""


def _part_types(messages: Raw) -> set[str]:
    """The types of all parts of all messages; of what is malformed, as far as it can be read."""
    types: set[str] = set()
    try:
        for message in _contents(messages):
            if bytes(message.content)[:1] == b"[":
                types.update(part.type for part in _types(message.content))
    except msgspec.ValidationError:
        pass
    return types
