"""Chat messages and what they are made of: content parts, tool calls, audio.

Requests and replies share these maps but for four things: a request's nulls are kept, an answer has
`content` and `refusal` even when they are null, and only answers know `reasoning` as a second spelling of
`reasoning_content`, and texts and thoughts in a list (see spoken).
"""

from typing import Any, Final

from msgspec import Raw

from switch_grpc.openai_wire.fields import KEEP, NULL, Field, Fields, Shape
from switch_grpc.openai_wire.guard import Members
from switch_grpc.openai_wire.misfit import missing, unlike
from switch_grpc.openai_wire.spoken import read_spoken
from switch_grpc.openai_wire.values import (
    Union,
    integer,
    one,
    raw_list,
    raws_of,
    text,
    text_of,
    text_or_empty,
)
from switch_grpc.v1 import chat_pb2 as pb

ROLES: Final = {
    "developer": pb.ROLE_DEVELOPER,
    "system": pb.ROLE_SYSTEM,
    "user": pb.ROLE_USER,
    "assistant": pb.ROLE_ASSISTANT,
    "tool": pb.ROLE_TOOL,
    "function": pb.ROLE_FUNCTION,
}
ROLE_NAMES: Final = {number: name for name, number in ROLES.items()}
FINISH_REASONS: Final = {
    "stop": pb.FINISH_REASON_STOP,
    "length": pb.FINISH_REASON_LENGTH,
    "tool_calls": pb.FINISH_REASON_TOOL_CALLS,
    "content_filter": pb.FINISH_REASON_CONTENT_FILTER,
    "function_call": pb.FINISH_REASON_FUNCTION_CALL,
}
_FINISH_NAMES: Final = {number: name for name, number in FINISH_REASONS.items()}


def _read_role_text(raw: Raw) -> Any:
    role = text_of(raw)
    return {"role_text": role} if role else KEEP


def _read_reason_text(raw: Raw) -> Any:
    return {"finish_reason_text": text_of(raw)}


ROLE: Final = Field(
    name="role",
    read=lambda raw: ROLES.get(text_of(raw), KEEP),
    write=ROLE_NAMES.get,
    otherwise=_read_role_text,
    also={"role_text": None},
)
FINISH_REASON: Final = Field(
    name="finish_reason",
    read=lambda raw: FINISH_REASONS.get(text_of(raw), KEEP),
    write=_FINISH_NAMES.get,
    otherwise=_read_reason_text,
    also={"finish_reason_text": None},
)


def arguments() -> Field:
    """In a reply. Text as the model wrote it; some servers send the object itself: its text, then."""

    def read_object(raw: Raw) -> Any:
        if bytes(raw)[0] != ord("{"):
            raise unlike(raw, "a string")
        return {"arguments": bytes(raw)}

    return Field(name="arguments", read=text_of, otherwise=read_object, required=True)


def _function_call(*, nulls: bool) -> Shape:
    written = text("arguments", required=True) if nulls else arguments()
    return Shape(pb.FunctionCall, text("name", required=True), written, nulls=nulls)


def _tool_calls(*, nulls: bool) -> Union:
    custom = Shape(pb.CustomCall, text("name", required=True), text("input", required=True), nulls=nulls)
    calls = {"function": _function_call(nulls=nulls), "custom": custom}
    return Union(
        {
            kind: Shape(
                pb.ToolCall,
                text_or_empty("id"),
                one(kind, shape),
                nulls=nulls,
                always={"id": "", "type": kind} if not nulls else {"type": kind},
            )
            for kind, shape in calls.items()
        }
    )


def audio(*, nulls: bool) -> Shape:
    return Shape(pb.Audio, text("id"), text("data"), integer("expires_at"), text("transcript"), nulls=nulls)


def parts(*, nulls: bool) -> Union:
    """The parts of a message's content."""
    image = Shape(pb.ImageUrl, text("url", required=True), text("detail"), nulls=nulls)
    sound = Shape(pb.InputAudio, text("data", required=True), text("format", required=True), nulls=nulls)
    file = Shape(pb.File, text("file_id"), text("file_data"), text("filename"), nulls=nulls)
    kinds = {
        "text": text("text"),
        "image_url": one("image_url", image),
        "input_audio": one("input_audio", sound),
        "file": one("file", file),
        "refusal": text("refusal"),
    }
    return Union(
        {kind: Shape(pb.Part, member, nulls=nulls, always={"type": kind}) for kind, member in kinds.items()}
    )


def content(union: Union, *, spoken: bool = False) -> Field:
    """A text or a list of parts. `spoken`: one of nothing but texts and thoughts is read as such."""

    def read_parts(raw: Raw) -> Any:
        if bytes(raw)[0] != ord("["):
            raise unlike(raw, "a string or a list of parts")
        if spoken and (fields := read_spoken(raw)) is not None:
            return fields
        listed = raws_of(raw)
        return {"parts": union.read_all(listed)} if listed else KEEP

    return Field(name="content", read=text_of, otherwise=read_parts, also={"parts": union.write_all})


def _message(*, nulls: bool, always: Fields) -> Shape:
    calls = _tool_calls(nulls=nulls)
    return Shape(
        pb.Message,
        ROLE,
        content(parts(nulls=nulls), spoken=not nulls),
        text("name"),
        calls.field("tool_calls"),
        text("tool_call_id"),
        text("refusal"),
        text("reasoning_content", proto="reasoning"),
        one("audio", audio(nulls=nulls)),
        one("function_call", _function_call(nulls=nulls)),
        raw_list("annotations"),
        nulls=nulls,
        always=always,
    )


REQUEST_PARTS: Final = parts(nulls=True)
REQUEST_MESSAGE: Final = _message(nulls=True, always={})
ANSWER: Final = _message(nulls=False, always={"role": "assistant", "content": None, "refusal": None})
REPLY_AUDIO: Final = audio(nulls=False)


def read_request_message(members: Members) -> Fields:
    fields = REQUEST_MESSAGE.read(members)
    if "role" not in fields and "role_text" not in fields:
        raise unlike(members["role"], "a role").within("role") if "role" in members else missing("role")
    return fields


def read_answer(members: Members) -> Fields:
    return ANSWER.read(one_reasoning(members))


def one_reasoning(members: Members) -> Members:
    """The same members, with `reasoning` as `reasoning_content` where it is text and the only one."""
    if "reasoning" in members:
        thought, other = members["reasoning"], members.get("reasoning_content", NULL)
        if bytes(thought)[0] == ord('"') and other in (NULL, thought):
            members["reasoning_content"] = members.pop("reasoning")
    return members
