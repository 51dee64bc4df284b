"""The mock as a whole: a listening socket, its connections, and what they saw."""

import asyncio
import ssl
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

from switch_grpc.mock.connection import Connection
from switch_grpc.mock.endpoints import Endpoints, is_own
from switch_grpc.mock.ledger import Ledger, Request
from switch_grpc.mock.steps import Step


class MockServer:
    """An upstream on a real socket; what it answers follows from the request alone.

        async with MockServer() as mock:
            client = AsyncOpenAI(base_url=mock.url, api_key="any")
            client = AsyncAnthropic(base_url=mock.url.removesuffix("/v1"), api_key="any")

    Port 0 takes a free one. With a `key`, requests without it get 401; assign `key` to rotate it.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        key: str | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        keep: int = 10_000,
    ) -> None:
        self._host, self._wanted_port, self._tls = host, port, tls
        self._ledger = Ledger(keep=keep)
        self._endpoints = Endpoints(self._ledger, key, self._gauges)
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._port = 0
        self._sequence = 0

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def start(self) -> None:
        """Listens. Raises OSError if the address cannot be bound."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self), self._host, self._wanted_port, ssl=self._tls, backlog=4096
        )
        self._port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stops listening and drops every connection at once."""
        if self._server is None:
            return
        self._server.close()
        for connection in list(self._connections):
            connection.abort()
        # Not server.wait_closed(): it would also wait for sockets that a peer's TLS keeps half open.
        await self.until(lambda: not self._connections)
        self._server = None

    @property
    def port(self) -> int:
        """The port that it listens on; 0 before `start`."""
        return self._port

    @property
    def url(self) -> str:
        """What an SDK takes as its base_url."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'https' if self._tls else 'http'}://{host}:{self._port}/v1"

    @property
    def key(self) -> str | None:
        return self._endpoints.key

    @key.setter
    def key(self, key: str | None) -> None:
        self._endpoints.key = key

    @property
    def requests(self) -> list[Request]:
        """The requests so far, oldest first; the last 10,000 of them, those under /mock left out."""
        return self._ledger.requests

    @property
    def open_connections(self) -> int:
        return len(self._connections)

    def reset(self) -> None:
        """Forgets requests and counts, as DELETE /mock does."""
        self._ledger.reset()

    async def until(self, condition: Callable[[], bool], within: float = 5.0) -> None:
        """Waits until the condition holds; it is tried whenever a request or a connection comes or ends.

        Raises TimeoutError after `within` seconds.
        """
        await self._ledger.until(condition, within)

    def _gauges(self) -> dict[str, int]:
        return {"open_connections": self.open_connections}

    # What connections tell their server.

    def opened(self, connection: Connection) -> int:
        self._connections.add(connection)
        return self._ledger.connected()

    def lost(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._ledger.changed()

    def attempt_id(self) -> str:
        """Unique over all mocks of a machine that run at a time, and in order."""
        self._sequence += 1
        return f"mock-{self._port}-{self._sequence}"

    def received(self, request: Request) -> Iterator[Step]:
        """Records a request and begins its answer."""
        if not is_own(request.path):
            self._ledger.arrived(request)
        return self._endpoints.respond(request)

    def finished(self, request: Request) -> None:
        if not is_own(request.path):
            self._ledger.answered(request, time.monotonic())

    def dropped(self, request: Request) -> None:
        if not is_own(request.path):
            self._ledger.dropped(request, time.monotonic())
