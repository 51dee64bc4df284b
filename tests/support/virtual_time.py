"""An event loop on which time is a number: where it would wait, it is later at once.

Nothing real happens in between, so a test of hours takes milliseconds and is exact. Only for what lives on
timers and futures; threads and sockets have no place on it.
"""

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine
from typing import Any

START = 1000.0  # what time it is when the loop begins


class _Instant(selectors.SelectSelector):
    """A selector that never waits: the time that it would have waited has passed."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise AssertionError("everything waits for something that no timer brings about")
        self.now += max(0.0, timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop; `stall` lets time pass without giving anybody a turn."""

    def __init__(self) -> None:
        self._instant = _Instant()
        super().__init__(self._instant)

    def time(self) -> float:
        return self._instant.now

    def stall(self, seconds: float) -> None:
        """As if the process had been stopped for so long."""
        self._instant.now += seconds


def virtual(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Runs an async test on a virtual loop."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(test(*args, **kwargs))

    return run


def now() -> float:
    """The time on the running loop."""
    return asyncio.get_running_loop().time()
