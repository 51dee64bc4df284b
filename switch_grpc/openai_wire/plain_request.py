"""Plain chat requests: a provider of OpenAI's dialect is sent the caller's own JSON.

Reading one into a message and writing it again would give equal JSON, so its members travel as they stand.
Content in parts, camelCase, members that nobody knows and values of the wrong type take the way by the
message, which says what is wrong where something is.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from switch_grpc.openai_wire.body import write_request
from switch_grpc.openai_wire.guard import Excess, Members, check_raw
from switch_grpc.openai_wire.plain import Call, Int32, Int64, Plain, Text


class _Message(Plain):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | UnsetType | None = UNSET
    name: str | UnsetType = UNSET
    tool_calls: Annotated[list[Call], Meta(min_length=1)] | UnsetType = UNSET
    tool_call_id: str | UnsetType = UNSET


class _Function(Plain):
    name: str
    description: str | UnsetType = UNSET
    parameters: dict[str, Raw] | UnsetType = UNSET
    strict: bool | UnsetType | None = UNSET


class _Tool(Plain):
    type: Literal["function"]
    function: _Function


class _StreamOptions(Plain):
    include_usage: bool | UnsetType = UNSET
    include_obfuscation: bool | UnsetType = UNSET


class _Chat(Plain):
    model: Text
    messages: Annotated[list[_Message], Meta(min_length=1)]
    stream: bool | None = None
    temperature: float | None = None
    top_p: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    max_tokens: Int64 | None = None
    max_completion_tokens: Int64 | None = None
    n: Int32 | None = None
    seed: Int64 | None = None
    stop: str | Annotated[list[str], Meta(min_length=1)] | None = None
    tools: Annotated[list[_Tool], Meta(min_length=1)] | UnsetType = UNSET
    tool_choice: Literal["none", "auto", "required"] | UnsetType = UNSET
    parallel_tool_calls: bool | None = None
    reasoning_effort: str | UnsetType = UNSET
    stream_options: _StreamOptions | UnsetType = UNSET
    user: str | UnsetType = UNSET


_read: Final = msgspec.json.Decoder(_Chat).decode


class PlainChat:
    """A plain request: its top-level members as they came, and those with objects in them as they were read.

    Written again, an object in which the caller named a member twice has it once.
    """

    __slots__ = ("_chat", "_members")

    def __init__(self, chat: _Chat, members: Members) -> None:
        self._chat = chat
        self._members = members

    @property
    def n(self) -> int | None:
        return self._chat.n

    @property
    def stream_options(self) -> Mapping[str, object] | None:
        """As the caller gave them."""
        options = self._chat.stream_options
        return None if options is UNSET else msgspec.to_builtins(options)

    @property
    def has_calls(self) -> bool:
        return any(
            message.tool_calls or message.tool_call_id is not UNSET or message.name is not UNSET
            for message in self._chat.messages
        )

    def names(self) -> Iterable[str]:
        """Of the members."""
        return self._members

    def encode(
        self, *, model: str, stream: bool, defaults: Mapping[str, bytes], params: Mapping[str, bytes]
    ) -> bytes:
        """What `encode_chat_request` makes of the request."""
        chat, written = self._chat, dict[str, Any](self._members)
        if chat.tools is not UNSET:
            written["tools"] = chat.tools
        fixed = {"model": model, "messages": chat.messages}
        return write_request(written, stream=stream, defaults=defaults, params=params, fixed=fixed)


def plain_chat(data: bytes, members: Members) -> PlainChat | None:
    """The body of a chat request, which `open_body` took apart into `members`, where it is plain."""
    try:
        check_raw(data)
        return PlainChat(_read(data), members)
    except (msgspec.ValidationError, Excess, RecursionError):
        return None
