"""Writes one SSE answer: head, events, comments while nothing comes, an end that tells whole from broken."""

import asyncio
from collections.abc import Coroutine, Sequence
from types import TracebackType
from typing import Final

from http_facade.caller import Caller
from http_facade.errors import as_fault
from http_facade.headers import HeaderList, route_headers
from http_facade.settings import HttpSettings
from http_facade.sse import KEEP_ALIVE, Chunk, Transcript, route_of
from switch_grpc.answered import answered
from switch_grpc.openai_wire import PlainChunk

_HEAD: Final = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),  # nginx would hold events back
)


class EventStream:
    """One stream's answer; leave the `with` block to end it: complete, or with an error event.

    A fault before the first batch leaves the answer unbegun, so that it becomes an ordinary HTTP error,
    unless the head went out early. One timer per stream serves early head, comments and stall; a batch only
    notes the time.
    """

    def __init__(self, caller: Caller, transcript: Transcript, settings: HttpSettings) -> None:
        self._caller = caller
        self._transcript = transcript
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        now = self._loop.time()
        self._early_at = now + settings.early_headers
        self._timer = self._loop.call_at(min(self._early_at, now + settings.keep_alive), self._tick)
        self._side: asyncio.Task[None] | None = None  # an early head or a comment on its way
        self._wrote = 0.0  # when the last bytes were handed over
        self._waits_since: float | None = None  # a write that the reader has not made room for

    async def __aenter__(self) -> "EventStream":
        return self

    async def send(self, batch: Sequence[Chunk | PlainChunk]) -> None:
        """The chunks of one batch, in one write. The first batch commits the answer."""
        if not batch:
            return
        if not self._caller.answered:
            await self._begin(route_headers(answered(route_of(batch))))
        elif self._side is not None:
            await self._settle_side()
        data = self._transcript.feed(batch)
        if data:
            await self._write(data)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                await self._end(self._transcript.finish())
            elif isinstance(error, Exception) and self._caller.answered:
                await self._end(self._transcript.fail(as_fault(error)))
        finally:
            self._timer.cancel()
            if self._side is not None:
                self._side.cancel()

    async def _begin(self, headers: HeaderList) -> None:
        self._wrote = self._loop.time()
        await self._caller.begin([*_HEAD, *headers])

    async def _begin_early(self) -> None:
        if self._caller.answered:  # the first batch came between the timer and this task
            return
        self._transcript.tell_route()
        await self._begin([])
        await self._caller.write(KEEP_ALIVE)

    async def _end(self, data: bytes) -> None:
        if self._side is not None:
            await self._settle_side()
        if not self._caller.answered:
            await self._begin([])
        self._caller.unwatch()
        await self._write(data, more=False)

    async def _write(self, data: bytes, *, more: bool = True) -> None:
        self._wrote = self._waits_since = self._loop.time()
        await self._caller.write(data, more=more)
        self._waits_since = None

    def _tick(self) -> None:
        """What is due now; then sleeps until the next thing may be."""
        now = self._loop.time()
        settings = self._settings
        if self._waits_since is not None:
            if now - self._waits_since >= settings.write_stall:
                self._caller.drop()
                return
            due = self._waits_since + settings.write_stall
        elif self._caller.answered:
            if now - self._wrote >= settings.keep_alive:
                self._wrote = now
                self._spawn(self._comment())
            due = min(self._wrote + settings.keep_alive, now + settings.write_stall)
        elif now >= self._early_at:
            self._wrote = now
            self._spawn(self._begin_early())
            due = now + settings.keep_alive
        else:
            due = min(self._early_at, now + settings.keep_alive)
        self._timer = self._loop.call_at(due, self._tick)

    async def _comment(self) -> None:
        await self._write(KEEP_ALIVE)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        self._side = asyncio.create_task(work)

    async def _settle_side(self) -> None:
        """Waits for what the timer is sending: a head must be out before its body, a comment whole."""
        side, self._side = self._side, None
        if side is not None:
            await side
