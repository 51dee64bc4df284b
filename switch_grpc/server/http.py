"""The HTTP server under the facade: uvicorn on the event loop of the process, bound sockets given."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp

ABORT_SECONDS: Final = 1.0  # that a call has to notice that its connection is gone


class _Server(uvicorn.Server):
    """Uvicorn without its signal handling, which would end the process before the drain."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HttpServer:
    """Serves one ASGI application on sockets that are bound already."""

    def __init__(
        self,
        app: ASGIApp,
        sockets: Sequence[socket.socket],
        *,
        options: Mapping[str, Any],
        cert: str | None = None,
        key: str | None = None,
        client_ca: str | None = None,
    ) -> None:
        """`options`: uvicorn.Config's, as the door wants them.

        `cert`, `key` and `client_ca` are PEM files: with them it speaks TLS.
        """
        self._server = _Server(
            uvicorn.Config(
                app,
                loop="none",
                log_config=None,
                date_header=False,
                **options,
                ssl_certfile=cert,
                ssl_keyfile=key,
                ssl_ca_certs=client_ca,
                ssl_cert_reqs=2 if client_ca else 0,  # ssl.CERT_REQUIRED, CERT_NONE
            )
        )
        self._sockets = list(sockets)
        self._paths = [Path(sock.getsockname()) for sock in sockets if sock.family is socket.AF_UNIX]
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Returns once it accepts connections."""
        self._task = asyncio.get_running_loop().create_task(self._server.serve(sockets=self._sockets))
        while not (self._server.started or self._task.done()):  # noqa: ASYNC110  # no event
            await asyncio.sleep(0.001)
        if self._task.done():
            await self._task

    def close(self) -> None:
        """Accepts no more connections, and closes each when its request is answered."""
        self._server.should_exit = True
        self._remove_files()

    async def closed(self) -> None:
        """Returns when the last connection is gone."""
        if self._task is None:  # it was never started
            for sock in self._sockets:
                sock.close()
            return
        await asyncio.wait([self._task])  # not awaited itself: who stops waiting must not stop the server
        self._task.result()

    async def abort(self) -> None:
        """Drops every connection, and returns when whoever served them has noticed."""
        self.close()
        state = self._server.server_state
        for connection in list(state.connections):
            connection.transport.abort()
        if state.tasks:
            _, left = await asyncio.wait(state.tasks, timeout=ABORT_SECONDS)
            for task in left:
                task.cancel()
        self._server.force_exit = True
        await self.closed()

    def _remove_files(self) -> None:
        """Those of Unix sockets, while they listen: after that another process may have put its own."""
        for path in self._paths:
            path.unlink(missing_ok=True)
        self._paths = []
