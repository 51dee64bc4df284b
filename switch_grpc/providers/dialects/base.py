"""What a dialect is: the protocol, and the values that cross it.

A dialect is a stateless translator between messages and one provider's wire format. It gets a `Binding`
(what it must know of the target) and never sees the network: the engine sends what `encode` returns, through
a signer, and hands back what came.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import msgspec
from google.protobuf.message import Message

from switch_grpc.openai_wire import Chunk, PlainChunk
from switch_grpc.request import Body, Head, Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """What a dialect knows of a target. Raw JSON values are bytes of one JSON value each."""

    target: str
    provider: str  # the vendor row's name
    model: str  # the provider's name for the model
    base_url: str  # without a trailing slash
    region: str = ""  # at a cloud: where the target is asked
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)  # a value may be a secret
    defaults: Mapping[str, bytes] = field(default_factory=dict)  # under the caller's parameters
    params: Mapping[str, bytes] = field(default_factory=dict)  # providerParams: over the caller's
    streaming_params: Mapping[str, bytes] = field(default_factory=dict)  # over params, when streaming
    strict: bool = False  # the route refuses what would have to be changed of a request


class WireRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One HTTP request to a provider, before signing. Header names are lower case."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    method: str = "POST"
    adaptations: Sequence[str] = ()  # what was changed of the call to make it, a sentence each

    def __repr__(self) -> str:
        """Without the headers, which hold a key once they are signed, and the body."""
        return f"WireRequest({self.method} {self.url})"


class WireReply(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One whole HTTP answer. `headers` looks names up without regard to case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Event(msgspec.Struct, frozen=True, gc=False):
    """One event of a stream: SSE's `event` field ("" if absent) and data, or a frame's type and payload."""

    type: str
    data: bytes


STREAM_LIMIT: Final = 256 << 20  # bytes of one stream, whatever frames it


class Framing(Protocol):
    """Cuts one stream's bytes into events; holds that stream's state, so never shared."""

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes. Raises Fault(UPSTREAM_PROTOCOL) past the size limits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamError:
    """A provider's error envelope, as far as it could be read. Empty strings where it says nothing."""

    type: str = ""
    code: str = ""
    message: str = ""
    param: str = ""
    retry_after: float | None = None  # seconds that the envelope itself asks to wait


class StreamDecoder(Protocol):
    """Turns one stream's events into chunks; holds that stream's state, so never shared."""

    def feed(self, event: Event) -> Sequence[Chunk]:
        """Zero or more chunks, in order.

        Raises Fault(UPSTREAM_PROTOCOL) on an event it cannot read, and UpstreamFailure on an error event.
        """

    def finish(self) -> Sequence[Message]:
        """Call at the end of the bytes of each wire request, in the order of `encode`.

        Raises Fault(STREAM_INTERRUPTED) if the terminal event never came.
        """

    @property
    def finished(self) -> bool:
        """The terminal event has come: what follows may be left unread."""


class UpstreamFailure(Exception):
    """An error inside a 200: an `error` event, or an error object where an answer should be.

    The engine classifies it as if the status (500 where the event names none) had come with it.
    """

    def __init__(self, status: int, error: UpstreamError) -> None:
        super().__init__(error.message)
        self.status = status
        self.error = error


class Dialect(Protocol):
    """A stateless translator for one wire format."""

    def encode(self, head: Head, body: Body[Message], binding: Binding) -> Sequence[WireRequest]:
        """The wire requests that serve this call, in order: one, but for a list of prompts on a chat model.

        Raises Fault(CAPABILITY | UNSUPPORTED) naming the field that this dialect cannot carry, or would have
        to change where the binding is strict.
        """

    def decode(self, operation: Operation, replies: Sequence[WireReply], binding: Binding) -> Message:
        """The reply, from one WireReply per WireRequest, all with a 2xx status.

        Raises Fault(UPSTREAM_PROTOCOL) on what it cannot read, UpstreamFailure on an error in disguise.
        """

    def framing(self) -> Framing:
        """A new framing for one wire request's stream."""

    def decoder(self, head: Head, body: Body[Message], binding: Binding) -> StreamDecoder:
        """A new decoder for the streams of one call."""

    def error(self, reply: WireReply) -> UpstreamError:
        """The error envelope of a non-2xx answer. Never raises: garbage gives an empty one."""


def has_content(chunk: Chunk) -> bool:
    """Whether a ChatChunk or CompletionChunk carries text, a tool call, reasoning, a refusal or audio.

    The first such chunk is the commit point of a stream: from there on no other target is asked.
    """
    if isinstance(chunk, PlainChunk):
        return chunk.has_content()
    for choice in chunk.choices:  # type: ignore[attr-defined]  # both chunk types have choices
        delta = getattr(choice, "delta", None)
        if delta is None:
            if choice.text:
                return True
        elif (
            delta.content
            or delta.tool_calls
            or delta.reasoning
            or delta.refusal
            or delta.HasField("function_call")
            or delta.HasField("audio")
            or '"content":[' in delta.extra_json  # a list of parts that is more than texts and thoughts
        ):
            return True
    return False
