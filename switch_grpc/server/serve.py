"""Runs both doors in one process on one event loop, until a signal; then drains them."""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import grpc.aio
import uvicorn

log = logging.getLogger(__name__)

HEAD_TIMEOUT = 5.0  # seconds that the parser waits for a whole head


class Drainable(Protocol):
    """The engine, as far as shutting down needs it."""

    def begin_drain(self) -> None:
        """Readiness turns false; calls are still admitted."""

    def refuse_calls(self) -> None:
        """From now on a new call is refused as DRAINING."""

    async def idle(self) -> None:
        """Returns once no call is in flight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainTimes:
    """Seconds: how long listeners stay open after the signal, and how long open calls may then take."""

    delay: float = 0.0
    timeout: float = 110.0


class _HttpServer(uvicorn.Server):
    """Uvicorn without its signal handling, which would end the process before the drain."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def http_server(app: Any, **options: Any) -> uvicorn.Server:
    """The HTTP door's server; `app` is an ASGI application."""
    config = uvicorn.Config(
        app,
        http="httptools",
        loop="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        ws="none",
        timeout_keep_alive=30,
        **options,
    )
    return _HttpServer(config)


async def serve(
    *,
    http: uvicorn.Server | None,
    sockets: Sequence[socket.socket],
    rpc: grpc.aio.Server | None,
    engine: Drainable,
    drain: DrainTimes,
    on_ready: Callable[[], None],
    on_drain: Callable[[], Any],
    reload: Callable[[], Any] | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """Serves until SIGTERM or SIGINT (or `stop`), then drains; a second signal ends at once.

    `on_ready` is called when both doors accept calls, `on_drain` at the signal (an awaitable it returns is
    awaited), `reload` at SIGHUP.
    """
    stopping = stop or asyncio.Event()
    at_once = asyncio.Event()
    with _signals(stopping, at_once, reload):
        async with _running(http, sockets):
            if rpc is not None:
                await rpc.start()
            on_ready()
            await stopping.wait()
            engine.begin_drain()
            told = on_drain()
            if told is not None:
                await told
            await _first(at_once.wait(), asyncio.sleep(drain.delay))
            engine.refuse_calls()
            closing = [rpc.stop(drain.timeout)] if rpc is not None else []
            if http is not None:
                http.should_exit = True
            finished = asyncio.gather(engine.idle(), *closing)
            await _first(at_once.wait(), finished, asyncio.sleep(drain.timeout))
            if not finished.done():
                finished.cancel()
                if rpc is not None:
                    await rpc.stop(None)
            if http is not None:
                http.force_exit = not finished.done() or finished.cancelled()


@contextlib.asynccontextmanager
async def _running(http: uvicorn.Server | None, sockets: Sequence[socket.socket]) -> AsyncIterator[None]:
    """The HTTP door accepting, and gone at the end."""
    if http is None:
        yield
        return
    task = asyncio.get_running_loop().create_task(http.serve(sockets=list(sockets)))
    while not http.started and not task.done():
        await asyncio.sleep(0.001)
    try:
        yield
    finally:
        http.should_exit = True
        await task


@contextlib.contextmanager
def _signals(
    stopping: asyncio.Event, at_once: asyncio.Event, reload: Callable[[], Any] | None
) -> Iterator[None]:
    loop = asyncio.get_running_loop()

    def stop() -> None:
        (at_once if stopping.is_set() else stopping).set()

    loop.add_signal_handler(signal.SIGTERM, stop)
    loop.add_signal_handler(signal.SIGINT, stop)
    if reload is not None:
        loop.add_signal_handler(signal.SIGHUP, reload)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.remove_signal_handler(number)


async def _first(*waits: Any) -> None:
    """Returns when the first of these does; the others are cancelled, but for futures given."""
    tasks = [wait if asyncio.isfuture(wait) else asyncio.ensure_future(wait) for wait in waits]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task, wait in zip(tasks, waits, strict=True):
        if task is not wait:
            task.cancel()
