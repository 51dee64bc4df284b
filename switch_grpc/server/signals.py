"""Signals as events: the first SIGTERM or SIGINT asks to stop, a second to stop at once, SIGHUP to reload."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Stop:
    """Two events: `asked`, and `at_once` for whoever cannot wait."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.at_once = asyncio.Event()

    def ask(self) -> None:
        (self.at_once if self.asked.is_set() else self.asked).set()


@contextmanager
def handled(stop: Stop, reload: Callable[[], object]) -> Iterator[None]:
    """Within the block, signals go to `stop` and `reload`."""
    loop = asyncio.get_running_loop()
    handlers: dict[signal.Signals, Callable[[], object]] = {
        signal.SIGTERM: stop.ask,
        signal.SIGINT: stop.ask,
        signal.SIGHUP: reload,
    }
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        for number in handlers:
            loop.remove_signal_handler(number)
