"""How an answer goes out: steps that the server walks through, from an answer and a script's pace.

A step is bytes to write, a Wait, or an End. No clock and no socket here: what goes out can be read off
`list(answer_steps(...))`, and a cancelled answer is a dropped iterator.
"""

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, NamedTuple, Protocol

from switch_grpc.mock.failures import Failure
from switch_grpc.mock.script import Script


class Kind(enum.Enum):
    """What an event is to a fault that counts tokens."""

    OPENING = enum.auto()  # also what opens or closes a part later on: not counted, not waited for
    TOKEN = enum.auto()
    TAIL = enum.auto()  # finish reasons, usage
    DONE = enum.auto()  # the terminal marker


class Event(NamedTuple):
    """One event of a stream, framed for its wire format but not yet for HTTP."""

    kind: Kind
    data: bytes


Headers = tuple[tuple[str, str], ...]


class Wire(Protocol):
    """What faults need to know of a wire format. `attempt` is an answer's, for errors that name it."""

    stream_type: str  # the content type of a stream
    ping: bytes  # a keep-alive event without meaning; empty where there is none
    broken: bytes  # an event whose payload is not JSON
    unframed: bytes  # bytes that break the framing

    def error_body(self, failure: Failure, attempt: str) -> bytes: ...

    def error_headers(self, failure: Failure) -> Headers:
        """Further headers of an error answer; mostly none."""

    def error_event(self, failure: Failure, attempt: str) -> bytes: ...

    def huge_event(self, size: int) -> Iterator[bytes]:
        """One valid token event of `size` bytes and a little more, in parts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """An answer with a body of known length."""

    status: int = 200
    headers: Headers
    body: bytes
    wire: Wire
    content_type: str = "application/json"
    attempt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """An answer in events, made as they go out."""

    headers: Headers
    events: Iterator[Event]
    wire: Wire
    status: int = 200
    attempt: str = ""


Answer = Whole | Stream


@dataclass(frozen=True, slots=True)
class Wait:
    """Let this many seconds pass; inf until the peer goes away."""

    seconds: float


class End(enum.Enum):
    """The mock ends the connection here, answer complete or not."""

    CLOSE = enum.auto()  # FIN, after what was written
    RESET = enum.auto()  # RST


Step = bytes | Wait | End

LAST_CHUNK: Final = b"0\r\n\r\n"
_FLUSH: Final = Wait(0.0)


def chunk(data: bytes) -> bytes:
    """One chunk of HTTP's chunked coding."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def head(answer: Answer, close: bool, *, length: int | None = None) -> bytes:
    """The head of an answer: chunked if it is a stream or has no length."""
    whole = isinstance(answer, Whole)
    kind = answer.content_type if isinstance(answer, Whole) else answer.wire.stream_type
    lines = [f"HTTP/1.1 {_status_line(answer.status)}", f"content-type: {kind}"]
    if length is not None:
        lines.append(f"content-length: {length}")
    else:
        lines.append("transfer-encoding: chunked")
    if not whole:
        lines.append("cache-control: no-cache")
    lines += [f"{name}: {value}" for name, value in answer.headers]
    if close:
        lines.append("connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _status_line(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:  # 529 and its like are nowhere registered
        return f"{status} Unregistered"


def answer_steps(answer: Answer, script: Script, close: bool) -> Iterator[Step]:
    """The answer as it should be, at the script's pace."""
    if isinstance(answer, Whole):
        yield head(answer, close, length=len(answer.body)) + answer.body
    else:
        yield head(answer, close)
        yield from paced(answer.events, answer.wire, script)
        yield LAST_CHUNK


def paced(events: Iterable[Event], wire: Wire, script: Script) -> Iterator[Step]:
    """Events as HTTP chunks: `ttft` before the first token, `gap` before each further event."""
    wait = script.ttft
    for event in events:
        if event.kind is not Kind.OPENING:
            if wait:
                yield from silence(wait, wire, script.ping)
            wait = script.gap
        yield chunk(event.data)
        if script.flush:
            yield _FLUSH


def silence(seconds: float, wire: Wire, ping: float | None) -> Iterator[Step]:
    """Nothing but keep-alives, for so long."""
    if ping is not None and wire.ping:
        while seconds > ping:
            yield Wait(ping)
            yield chunk(wire.ping)
            seconds -= ping
    yield Wait(seconds)
