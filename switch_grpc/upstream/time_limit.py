"""A bound on a wait that tells a provider's silence from our own standstill."""

import asyncio
from types import TracebackType
from typing import Final, Self

STALL: Final = 1.0  # seconds; a timer later than this was not late by itself
GRAIN: Final = 0.001  # seconds; uvloop's clock counts whole milliseconds, so a timer may ring that much early
GRACE: Final = 2.0  # seconds for what came meanwhile to be read


class TimeLimit:
    """Raises TimeoutError from its `with` block when `until` (the loop's clock) passes within it.

    Like `asyncio.timeout_at`, and cheaper. But a timer that fires more than a second late shows that this
    process stood still (SIGSTOP, no CPU): the answer may have come and wait to be read. So it is set again,
    once, and `stalled` says so.
    """

    __slots__ = ("_cancelling", "_due", "_fired", "_loop", "_task", "_timer", "stalled")

    def __init__(self, until: float) -> None:
        self._due = until
        self._fired = False
        self.stalled = False

    def __enter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        task = asyncio.current_task(self._loop)
        assert task is not None, "a time limit bounds what a task awaits"
        self._task = task
        self._cancelling = task.cancelling()
        self._due = max(self._due, self._loop.time())  # one that had passed before is not late
        self._timer = self._loop.call_at(self._due, self._fire)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        # Somebody else's cancel counts more than ours: only a cancel of our own becomes a TimeoutError.
        if self._fired and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def move(self, until: float) -> None:
        """Another limit, within the block: what follows has a time of its own."""
        if not self._fired:
            self._timer.cancel()
            self._due = max(until, self._loop.time())
            self._timer = self._loop.call_at(self._due, self._fire)

    def _fire(self) -> None:
        now = self._loop.time()
        if now - self._due > STALL and not self.stalled:
            self.stalled = True
            self._timer = self._loop.call_at(now + GRACE, self._fire)
            return
        self._fired = True
        self._task.cancel()
