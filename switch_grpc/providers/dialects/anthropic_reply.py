"""Whole answers and their parts: content blocks, stop reasons and usage as OpenAI says them.

    text                          content, one after the other; citations as annotations
    thinking                      reasoning
    tool_use                      tool_calls; `caller` and the like in a call's extra_json
    all else                      the message's extra_json, below
    usage                         prompt_tokens counts cached tokens too, as OpenAI's does; what has no field
                                  is in extra_json
    stop_sequence, stop_details   the choice's extra_json, beside the `stop_reason` where ours says less
    container, ...                the reply's extra_json

What a client must send back for the conversation to go on as it was is in the message's `extra_json`:
`thinking_blocks`, the thinking before the answer with its signatures, where the rest is text and then calls;
else `content_blocks`, all blocks in their order, unknown ones as they came.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Final

import msgspec
from msgspec import Raw

from switch_grpc.providers.dialects.members import (
    NULL,
    Members,
    encode,
    members_of,
    raws_of,
    text_of,
)
from switch_grpc.v1 import chat_pb2 as pb

_count: Final = msgspec.json.Decoder(Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]).decode

_TEXT, _THINKING, _REDACTED, _TOOL_USE = (
    Raw(encode(kind)) for kind in ("text", "thinking", "redacted_thinking", "tool_use")
)
_NO_LIST: Final = Raw(b"[]")

FINISH: Final[Mapping[str, int]] = {
    "end_turn": pb.FINISH_REASON_STOP,
    "stop_sequence": pb.FINISH_REASON_STOP,
    "tool_use": pb.FINISH_REASON_TOOL_CALLS,
    "max_tokens": pb.FINISH_REASON_LENGTH,
    "model_context_window_exceeded": pb.FINISH_REASON_LENGTH,
    "refusal": pb.FINISH_REASON_CONTENT_FILTER,
}  # pause_turn and what is new stay as they are, in finish_reason_text
_EXACT: Final = frozenset({"end_turn", "tool_use", "max_tokens"})

_CALL_MEMBERS: Final = frozenset({"type", "id", "name", "input"})
_REPLY_MEMBERS: Final = frozenset(
    {"id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "stop_details", "usage"}
)
_USAGE_MEMBERS: Final = frozenset(
    {"input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"}
)


def response_of(members: Members) -> pb.ChatResponse:
    """A whole message. Raises msgspec.ValidationError or KeyError where it is none."""
    blocks = [members_of(raw) for raw in raws_of(members["content"])]
    stop = Stop.read(members)
    message: dict[str, Any] = {"role": pb.ROLE_ASSISTANT}
    said: list[str] = []
    thought: list[str] = []
    calls: list[dict[str, Any]] = []
    annotations: list[Raw] = []
    length = 0
    for block in blocks:
        kind = block["type"]
        if kind == _TEXT:
            text = text_of(block["text"])
            annotations += annotations_of(block, length, length + len(text))
            length += len(text)
            said.append(text)
        elif kind == _THINKING:
            thought.append(text_of(block["thinking"]))
        elif kind == _TOOL_USE:
            calls.append(call_of(block) | {"function": function_of(block, bytes(block["input"]))})
    content = "".join(said)
    if content or says_nothing(bool(calls), stop):
        message["content"] = content
    if any(thought):
        message["reasoning"] = "".join(thought)
    if calls:
        message["tool_calls"] = calls
    if annotations:
        message["annotations_json"] = encode(annotations)
    if stop.refusal:
        message["refusal"] = stop.refusal
    message["extra_json"] = kept(blocks)
    choice = {"message": message, **stop.finish(), "extra_json": stop.extra()}
    usage = _usage_members(members)
    return pb.ChatResponse(
        id=text_in(members, "id"),
        model=text_in(members, "model"),
        choices=[choice],
        extra_json=more_of(members),
        **usage_of(usage),
    )


def text_in(members: Members, name: str) -> str:
    return text_of(members[name]) if members.get(name, NULL) != NULL else ""


def more_of(members: Members) -> str:
    """What else a message says of itself, as the text of an extra_json."""
    more = {n: raw for n, raw in members.items() if n not in _REPLY_MEMBERS and raw != NULL}
    return encode(more).decode() if more else ""


# -- blocks --


def call_of(block: Members) -> dict[str, Any]:
    """A tool call's fields but its function."""
    fields: dict[str, Any] = {"id": text_of(block["id"])}
    more = {n: raw for n, raw in block.items() if n not in _CALL_MEMBERS and raw != NULL}
    if more:
        fields["extra_json"] = encode(more)
    return fields


def function_of(block: Members, arguments: bytes) -> dict[str, Any]:
    return {"name": text_of(block["name"]), "arguments": arguments}


def annotations_of(block: Members, start: int, end: int) -> list[Raw]:
    """A text block's citations as OpenAI's annotations; `start` and `end` are its place in the content.

    Those of web pages are `url_citation`; those of documents keep Anthropic's members.
    """
    raw = block.get("citations", NULL)
    if raw in (NULL, _NO_LIST):
        return []
    return [_annotation(members_of(citation), start, end) for citation in raws_of(raw)]


def _annotation(citation: Members, start: int, end: int) -> Raw:
    place: dict[str, Any] = {"start_index": start, "end_index": end}
    kind = "url_citation" if "url" in citation else "citation"
    return Raw(encode({"type": kind, kind: {**place, **citation}}))


def kept(blocks: Sequence[Members]) -> bytes:
    """What of the blocks must travel beside the message, as the text of an extra_json."""
    kinds = [block["type"] for block in blocks]
    first = next((n for n, kind in enumerate(kinds) if kind not in (_THINKING, _REDACTED)), len(kinds))
    if not _is_plain(blocks[first:]):
        return encode({"content_blocks": blocks})
    return encode({"thinking_blocks": blocks[:first]}) if first else b""


def _is_plain(blocks: Iterable[Members]) -> bool:
    """Whether a message's text and calls say it all: texts without citations, then calls."""
    called = False
    for block in blocks:
        if block["type"] == _TOOL_USE:
            called = True
        elif called or block["type"] != _TEXT or block.get("citations", NULL) not in (NULL, _NO_LIST):
            return False
    return True


# -- why it stopped --


class Stop:
    """Why an answer ended, as far as is known."""

    __slots__ = ("_details", "_reason", "_sequence", "refusal")

    def __init__(self, reason: str, sequence: Raw, details: Raw) -> None:
        self._reason = reason
        self._sequence = sequence
        self._details = details
        self.refusal = text_in(members_of(details), "explanation") if details != NULL else ""

    @classmethod
    def read(cls, members: Members) -> "Stop":
        return cls(
            text_in(members, "stop_reason"),
            members.get("stop_sequence", NULL),
            members.get("stop_details", NULL),
        )

    def __bool__(self) -> bool:
        return bool(self._reason)

    def finish(self) -> dict[str, Any]:
        """A choice's finish reason."""
        known = FINISH.get(self._reason)
        return {"finish_reason_text": self._reason} if known is None else {"finish_reason": known}

    def extra(self) -> bytes:
        """What else a choice says of it, as the text of an extra_json."""
        extra: dict[str, Any] = {}
        if self._reason in FINISH and self._reason not in _EXACT:
            extra["stop_reason"] = self._reason
        if self._sequence != NULL:
            extra["stop_sequence"] = self._sequence
        if self._details != NULL:
            extra["stop_details"] = self._details
        return encode(extra) if extra else b""


def says_nothing(called: bool, stop: Stop) -> bool:
    """An answer without text, calls or refusal has the content "", as OpenAI's has."""
    return not called and not stop.refusal


# -- usage --


def _usage_members(members: Members) -> Members:
    raw = members.get("usage", NULL)
    return members_of(raw) if raw != NULL else {}


def usage_of(members: Members) -> dict[str, Any]:
    """The `usage` field, none where the provider counts nothing."""
    if members.get("input_tokens", NULL) == NULL and members.get("output_tokens", NULL) == NULL:
        return {}
    read, written = (
        _number(members, "cache_read_input_tokens"),
        _number(members, "cache_creation_input_tokens"),
    )
    prompt = (_number(members, "input_tokens") or 0) + (read or 0) + (written or 0)
    completion = _number(members, "output_tokens") or 0
    usage: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    details = {"cached_tokens": read, "cache_write_tokens": written}
    details = {name: value for name, value in details.items() if value is not None}
    if details:
        usage["prompt_tokens_details"] = details
    thinking = _thinking_tokens(members)
    if thinking is not None:
        usage["completion_tokens_details"] = {"reasoning_tokens": thinking}
    more = {n: raw for n, raw in members.items() if n not in _USAGE_MEMBERS and raw != NULL}
    if more:
        usage["extra_json"] = encode(more)
    fields: dict[str, Any] = {"usage": usage}
    if tier := text_in(members, "service_tier"):
        fields["service_tier"] = "default" if tier == "standard" else tier
    return fields


def _number(members: Members, name: str) -> int | None:
    raw = members.get(name, NULL)
    return None if raw == NULL else _count(raw)


def _thinking_tokens(members: Members) -> int | None:
    raw = members.get("output_tokens_details", NULL)
    return None if raw == NULL else _number(members_of(raw), "thinking_tokens")
