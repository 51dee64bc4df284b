"""How a request crosses the engine: a head that the engine reads, and a body that it does not.

A door builds both. The engine ranks and tries targets by the head alone; a dialect asks the body for the
form it needs, and the body converts at most once whatever number of attempts ask.
"""

import enum
from collections.abc import Iterable, Mapping
from typing import Final, Generic, Protocol, TypeVar

import msgspec
from google.protobuf.message import Message

M_co = TypeVar("M_co", bound=Message, covariant=True)


class Operation(enum.StrEnum):
    """What is asked for. Unary and streamed calls of one operation share messages and endpoints."""

    CHAT = "chat"
    COMPLETE = "complete"
    EMBED = "embed"


class Need(enum.Flag):
    """What a target must be able to do to serve the request."""

    NONE = 0
    TOOLS = enum.auto()
    VISION = enum.auto()
    AUDIO = enum.auto()
    DOCUMENTS = enum.auto()
    JSON_SCHEMA = enum.auto()


class Head(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """All that the engine reads of a request."""

    operation: Operation
    route: str
    stream: bool = False
    needs: Need = Need.NONE
    size: int = 0  # bytes of the request as received: a measure of its tokens
    user: str | None = None  # this and the next may name a session, on routes that keep sessions together
    session_id: str | None = None  # metadata.session_id


class Body(Protocol[M_co]):
    """A request's content: a message, or OpenAI JSON that is not decoded yet."""

    def message(self) -> M_co:
        """The request as its message; converted on first use and kept. Never mutate it.

        Raises Fault(BAD_REQUEST | INVALID_JSON) that names the field, where the request is malformed.
        """

    def plain(self) -> "Plain | None":
        """The same as JSON that a provider of OpenAI's dialect takes as it stands, where it is such."""

    @property
    def takes_json(self) -> bool:
        """Whether a plain answer may come as JSON too, and need not be a message."""


class Plain(Protocol):
    """A request in OpenAI's own JSON, checked and ready to be sent on."""

    @property
    def n(self) -> int | None: ...

    @property
    def stream_options(self) -> Mapping[str, object] | None:
        """As the caller gave them."""

    @property
    def has_calls(self) -> bool:
        """Whether a message calls a tool, answers a call, or names its author."""

    def names(self) -> Iterable[str]:
        """Of its members."""

    def encode(
        self, *, model: str, stream: bool, defaults: Mapping[str, bytes], params: Mapping[str, bytes]
    ) -> bytes:
        """The body for a provider that calls the model `model`: `defaults` under it, `params` over it."""


class MessageBody(Generic[M_co]):
    """A body that arrived as a message."""

    __slots__ = ("_message", "_plain")

    takes_json: Final = False

    def __init__(self, message: M_co, plain: Plain | None = None) -> None:
        self._message = message
        self._plain = plain

    def message(self) -> M_co:
        return self._message

    def plain(self) -> Plain | None:
        return self._plain
