"""The access log: one JSON line a call, a breaker transition or a reload. No prompts, no answers, no keys.

Lines are built by msgspec and written in batches: a line costs about a microsecond on the event loop.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, TextIO

import msgspec

from switch_grpc.events import AttemptFinished, BreakerChanged, CallFinished, ConfigReloaded, Event
from switch_grpc.faults import RULES

LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "warn": 30, "error": 40}
FLUSH_SECONDS: Final = 0.2
PENDING_LIMIT: Final = 10_000  # lines kept while the stream cannot be written; the oldest go first


class AccessLog:
    """Writes events as JSON lines. `wall` is Unix time; `flush` must be called at the end."""

    def __init__(self, stream: TextIO, *, wall: Callable[[], float], level: str = "info") -> None:
        self._stream = stream
        self._wall = wall
        self._level = LEVELS[level]
        self._encode = msgspec.json.Encoder().encode
        self._pending: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None

    def __call__(self, event: Event) -> None:
        match event:
            case CallFinished():
                self._write(_level_of(event), _call_line(event))
            case AttemptFinished():
                self._write(10, _attempt_line(event))
            case BreakerChanged():
                where = {"route": event.route, "target": event.target}
                self._write(30, {"event": "breaker", **where, "state": event.state, "cause": event.cause})
            case ConfigReloaded():
                what = {"version": event.version, "source": event.source, "problems": event.problems}
                self._write(40 if event.problems else 20, {"event": "reload", **what})

    def flush(self) -> None:
        """Writes what is pending; a stream that cannot be written loses it, and never a call."""
        self._timer = None
        lines, self._pending = self._pending, []
        try:
            self._stream.write(b"".join(lines).decode())
            self._stream.flush()
        except (OSError, ValueError):
            self._pending = lines[-PENDING_LIMIT:]

    def _write(self, level: int, line: dict[str, object]) -> None:
        if level < self._level:
            return
        stamp = datetime.fromtimestamp(self._wall(), UTC).isoformat(timespec="milliseconds")
        self._pending.append(self._encode({"time": stamp, **line}) + b"\n")
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)


def _level_of(event: CallFinished) -> int:
    if event.fault is None or RULES[event.fault].http < 500:
        return 20
    return 30


def _call_line(event: CallFinished) -> dict[str, object]:
    line: dict[str, object] = {
        "event": "call",
        "id": event.call_id,
        "door": event.door,
        "operation": event.operation,
        "route": event.route,
        "stream": event.stream,
        "status": 200 if event.fault is None else RULES[event.fault].http,
        "ms": round(event.duration * 1e3, 2),
    }
    if event.principal:
        line["key"] = event.principal
    if event.fault is not None:
        line["fault"] = event.fault
        line["message"] = event.message
    if event.info is not None:
        line["target"] = event.info.target
        line["attempts"] = len(event.info.attempts)
        line["provider_ms"] = round(event.info.provider_ms, 2)
    if event.first_content is not None:
        line["first_content_ms"] = round(event.first_content * 1e3, 2)
        line["chunks"] = event.chunks
    if event.usage is not None:
        line["tokens_in"] = event.usage.prompt_tokens
        line["tokens_out"] = event.usage.completion_tokens
    return line


def _attempt_line(event: AttemptFinished) -> dict[str, object]:
    return {
        "event": "attempt",
        "id": event.call_id,
        "route": event.route,
        "target": event.target,
        "fault": event.fault,
        "upstream_status": event.upstream_status,
        "ms": round(event.duration * 1e3, 2),
    }
