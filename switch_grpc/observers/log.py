"""The access log: one JSON line a call, a breaker transition or a reload. No prompts, no answers, no keys.

Lines are built by msgspec on the event loop and written in batches, by a thread: whoever reads the log cannot
hold up a call.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final, TextIO

import msgspec
from msgspec import UNSET, UnsetType

from switch_grpc.events import AttemptFinished, BreakerChanged, CallFinished, ConfigReloaded, Event
from switch_grpc.faults import RULES, Kind
from switch_grpc.observers.writer import Writer
from switch_grpc.redact import redact

LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "warn": 30, "error": 40}
FLUSH_SECONDS: Final = 0.2
PENDING_LIMIT: Final = 10_000  # lines kept while the stream's reader stalls; the oldest go first
CLOSE_SECONDS: Final = 0.5  # that the end of the process waits for it

# In place of messages that hold a caller's or a provider's words, which may be a part of a prompt.
_FOREIGN: Final[Mapping[Kind, str]] = {
    Kind.BAD_REQUEST: "a field of the request is wrong, and the caller was told which",
    Kind.INVALID_JSON: "the request is not JSON",
    Kind.UNKNOWN_ROUTE: "no route has the name that was asked for",
    Kind.UNSUPPORTED: "the request asks for what the gateway does not do",
    Kind.CLIENT_FAULT: "the provider refused the request, and the caller was told its words",
    Kind.CONTEXT_LENGTH: "the request is longer than the model's context window",
    Kind.CONTENT_FILTER: "the provider refused the prompt for its content",
    Kind.NOT_FOUND_OBJECT: "the provider does not know something that the request names",
    Kind.CAPABILITY: "the target cannot do what the request asks for",
}


class AccessLog:
    """Writes events as JSON lines. `wall` is Unix time; `close` must be called at the end."""

    def __init__(self, stream: TextIO, *, wall: Callable[[], float], level: str = "info") -> None:
        self._writer = Writer(stream)
        self._wall = wall
        self._level = LEVELS[level]
        self._encode = msgspec.json.Encoder().encode
        self._pending: deque[bytes] = deque()
        self._overflowed = 0
        self._told = 0  # of the lines dropped, those that the log itself has told of
        self._timer: asyncio.TimerHandle | None = None
        self._second = -1  # of Unix time; `_second_text` is how it is written
        self._second_text = ""

    def hears(self, kind: type[Event]) -> bool:
        """Attempts have lines at the lowest level alone, and come with every call."""
        return kind is not AttemptFinished or self._level <= LEVELS["debug"]

    def __call__(self, event: Event) -> None:
        if _level_of(event) < self._level:
            return
        if len(self._pending) >= PENDING_LIMIT:
            self._pending.popleft()
            self._overflowed += 1
        self._pending.append(self._line(_line_of(event)))
        if self._timer is None:
            self._wake()

    @property
    def dropped(self) -> int:
        """Lines that nobody will read, since the stream's reader stalled or is gone."""
        return self._overflowed + self._writer.lost

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Writes what is pending, where that is done in time: twice so long at most."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._writer.wait(seconds):
            self._pass_on()
            self._writer.wait(seconds)
        self._writer.close()

    def _line(self, line: "Line") -> bytes:
        line.time = self._stamp()
        return self._encode(line) + b"\n"

    def _stamp(self) -> str:
        """Now, by ISO 8601. The text of a second is kept while it lasts."""
        second, milliseconds = divmod(int(self._wall() * 1e3), 1000)
        if second != self._second:
            self._second = second
            self._second_text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{self._second_text}.{milliseconds:03}+00:00"

    def _wake(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._flush)

    def _flush(self) -> None:
        self._timer = None
        if not self._pass_on():
            self._wake()

    def _pass_on(self) -> bool:
        """Whether the writer took what is pending, with word of what was dropped before it."""
        if not self._pending:
            return True
        lines, dropped = list(self._pending), self.dropped
        if dropped > self._told:
            lines.insert(0, self._line(_Dropped(dropped=dropped - self._told)))
        if not self._writer.offer(lines):
            return False
        self._pending.clear()
        self._told = dropped
        return True


class Line(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False, tag_field="event"):
    """A line's members in their order after `event`; those that keep their default are left out."""

    time: str = ""


class _Call(Line, tag="call"):
    id: str
    door: str
    operation: str
    route: str
    stream: bool
    status: int
    ms: float
    key: str = ""
    fault: str = ""
    message: str = ""
    target: str = ""
    attempts: int = 0
    provider_ms: float | UnsetType = UNSET
    first_content_ms: float | UnsetType = UNSET
    chunks: int | UnsetType = UNSET
    tokens_in: int | UnsetType = UNSET
    tokens_out: int | UnsetType = UNSET


class _Attempt(Line, tag="attempt"):
    id: str
    route: str
    target: str
    fault: Kind | None
    upstream_status: int
    ms: float


class _Breaker(Line, tag="breaker"):
    route: str
    target: str
    state: str
    cause: str


class _Reload(Line, tag="reload"):
    version: str
    source: str
    problems: int
    reason: str = ""


class _Dropped(Line, tag="log"):
    dropped: int


def _level_of(event: Event) -> int:
    match event:
        case CallFinished():
            return 20 if event.fault is None or RULES[event.fault].http < 500 else 30
        case AttemptFinished():
            return 10
        case BreakerChanged():
            return 30
        case ConfigReloaded():
            return 40 if event.problems else 20


def _line_of(event: Event) -> Line:
    match event:
        case CallFinished():
            return _call_line(event)
        case AttemptFinished():
            return _Attempt(
                id=event.call_id,
                route=event.route,
                target=event.target,
                fault=event.fault,
                upstream_status=event.upstream_status,
                ms=_ms(event.duration),
            )
        case BreakerChanged():
            return _Breaker(
                route=event.route,
                target=event.target,
                state=event.state,
                cause=event.cause,
            )
        case ConfigReloaded():
            return _Reload(
                version=event.version,
                source=event.source,
                problems=event.problems,
                reason=redact(event.reason),
            )


def _call_line(event: CallFinished) -> _Call:
    line = _Call(
        id=event.call_id,
        door=event.door,
        operation=event.operation,
        route=event.route,
        stream=event.stream,
        status=200 if event.fault is None else event.http or RULES[event.fault].http,
        ms=_ms(event.duration),
        key=event.principal,
        target=event.target,
        attempts=event.attempts,
    )
    if event.fault is not None:
        line.fault = event.fault
        line.message = _FOREIGN.get(event.fault) or redact(event.message)
    if event.info is not None:
        line.provider_ms = round(event.info.provider_ms, 2)
    if event.first_content is not None:
        line.first_content_ms = _ms(event.first_content)
        line.chunks = event.chunks
    if (usage := event.usage) is not None:
        line.tokens_in = usage.prompt
        line.tokens_out = usage.completion
    return line


def _ms(seconds: float) -> float:
    return round(seconds * 1e3, 2)
