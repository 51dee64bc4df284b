"""Plain chat requests that came as messages: texts, and the parameters that are numbers or texts.

Nothing in such a request can be wrong that its types leave open, it needs nothing of a target, and its JSON
is written in the one pass that finds it plain. Any other is checked and written field by field (`check`,
`chat_request`); tests/openai_wire/test_plain_message.py holds both to the same JSON.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

from switch_grpc.openai_wire.body import write_request
from switch_grpc.openai_wire.chat_message import ROLE_NAMES
from switch_grpc.v1 import chat_pb2

_REQUEST: Final = chat_pb2.ChatRequest.DESCRIPTOR.fields_by_name
_SAID: Final = chat_pb2.Message.DESCRIPTOR.fields_by_name
_ROUTE, _MESSAGES, _OPTIONS = _REQUEST["route"], _REQUEST["messages"], _REQUEST["stream_options"]
_ROLE, _CONTENT = _SAID["role"], _SAID["content"]
_PLAIN: Final[Mapping[object, str]] = {
    _REQUEST[name]: name
    for name in (
        *("temperature", "top_p", "frequency_penalty", "presence_penalty"),
        *("max_tokens", "max_completion_tokens", "n", "seed", "user"),
    )
}
_ROLES: Final = {
    role: ROLE_NAMES[role]
    for role in (chat_pb2.ROLE_SYSTEM, chat_pb2.ROLE_DEVELOPER, chat_pb2.ROLE_USER, chat_pb2.ROLE_ASSISTANT)
}


class PlainMessage:
    """A plain request, as the members of its JSON."""

    __slots__ = ("_messages", "_written", "stream_options")

    has_calls: Final = False

    def __init__(
        self,
        messages: list[dict[str, str]],
        written: dict[str, Any],
        stream_options: Mapping[str, object] | None,
    ) -> None:
        self._messages = messages
        self._written = written
        self.stream_options = stream_options

    @property
    def n(self) -> int | None:
        return self._written.get("n")

    def names(self) -> Iterable[str]:
        return self._written

    def encode(
        self, *, model: str, stream: bool, defaults: Mapping[str, bytes], params: Mapping[str, bytes]
    ) -> bytes:
        """What `encode_chat_request` makes of the request."""
        written = self._written.copy()
        if self.stream_options is not None:
            written["stream_options"] = self.stream_options
        fixed = {"model": model, "messages": self._messages}
        return write_request(written, stream=stream, defaults=defaults, params=params, fixed=fixed)


def plain_message(request: chat_pb2.ChatRequest) -> PlainMessage | None:
    """The request, where it is plain."""
    messages: list[dict[str, str]] | None = None
    written: dict[str, Any] = {}
    options = None
    routed = False
    for field, value in request.ListFields():
        if field is _MESSAGES:
            messages = _texts(value)
            if messages is None:
                return None
        elif field is _ROUTE:
            routed = True
        elif field is _OPTIONS:
            options = _options(value)
            if options is None:
                return None
        elif (name := _PLAIN.get(field)) is None or (isinstance(value, float) and not math.isfinite(value)):
            return None
        else:
            written[name] = value
    return PlainMessage(messages, written, options) if routed and messages is not None else None


def _texts(messages: Iterable[chat_pb2.Message]) -> list[dict[str, str]] | None:
    """The messages, where each is a role and a text and no more."""
    texts = []
    for message in messages:
        said = message.ListFields()
        if len(said) != 2:
            return None
        (first, role), (second, content) = said
        if first is not _ROLE or second is not _CONTENT or role not in _ROLES:
            return None
        texts.append({"role": _ROLES[role], "content": content})
    return texts


def _options(options: chat_pb2.StreamOptions) -> Mapping[str, object] | None:
    if options.extra_json:
        return None
    return {field.name: value for field, value in options.ListFields()}
