"""Straight to the provider: HTTP/1.1 over connections of our own.

No redirects, no cookies, no proxy from the environment. A call that finds a warm connection costs one write,
one future and one read.
"""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from switch_grpc.faults import Fault, Kind
from switch_grpc.providers.dialects.base import STREAM_LIMIT, WireRequest
from switch_grpc.upstream import outcomes
from switch_grpc.upstream.base import BODY_LIMIT, Exchange, Timers
from switch_grpc.upstream.connect import Connector
from switch_grpc.upstream.connection import Connection, Ending
from switch_grpc.upstream.content import Unpacked, unpacked
from switch_grpc.upstream.pool import Pool
from switch_grpc.upstream.writing import Origin, Writer

KEEP_ALIVE_SECONDS: Final = 30.0
_CODING: Final = b"\r\ncontent-encoding:"


class DirectUpstream:
    """The network; make it on the event loop that uses it."""

    def __init__(self, *, ca_file: str | None = None, allow_hosts: Sequence[str] = ()) -> None:
        """`ca_file`: PEM trusted besides the system's; raises OSError where it cannot be read.

        `allow_hosts`: hosts, addresses and networks to connect to although their range is denied.
        """
        self._loop = asyncio.get_running_loop()
        self._writer = Writer()
        self._connector = Connector(ca_file=ca_file, allow_hosts=allow_hosts)
        self._pool: Pool[Origin, Connection] = Pool(KEEP_ALIVE_SECONDS)
        self._open: set[Connection] = set()
        self._sweep: asyncio.TimerHandle | None = None
        self._closed = False

    async def send(self, request: WireRequest, timers: Timers, deadline: float) -> Exchange:
        origin, head = self._writer.head(request)
        connection = self._warm(origin)
        if connection is None:
            connection = await self._connector.connect(
                origin, partial(Connection, origin, self, self._loop), timers.connect, deadline
            )
            if connection.is_lost:
                raise outcomes.hung_up(sent=False)
        await connection.ask(head, request.body, timers.head, deadline)
        if not connection.answer.has_head:
            raise _send_fault(connection.ended)
        return DirectExchange(connection, timers.idle, self._loop)

    async def close(self) -> None:
        """Closes every connection; unfinished exchanges fail."""
        self._closed = True
        for connection in list(self._open):
            connection.abort()
        if self._sweep is not None:
            self._sweep.cancel()
        await self._connector.close()
        await asyncio.sleep(0)  # the event loop closes the sockets at its next turn

    def _warm(self, origin: Origin) -> Connection | None:
        """A connection that has carried a request before, and can carry another."""
        now = self._loop.time()
        while (connection := self._pool.take(origin, now)) is not None:
            if connection.is_quiet():
                return connection
            connection.abort()
        return None

    # As the owner of connections.

    def opened(self, connection: Connection) -> None:
        self._open.add(connection)
        if self._closed:
            connection.abort()

    def freed(self, connection: Connection) -> None:
        if self._closed:
            connection.abort()
            return
        now = self._loop.time()
        self._pool.put(connection.origin, connection, now)
        if self._sweep is None:
            self._sweep = self._loop.call_at(now + KEEP_ALIVE_SECONDS, self._expire)

    def lost(self, connection: Connection) -> None:
        self._open.discard(connection)
        self._pool.drop(connection.origin, connection)

    def _expire(self) -> None:
        self._sweep = None
        for connection in self._pool.expire(self._loop.time()):
            connection.abort()
        if (again := self._pool.next_expiry()) is not None:
            self._sweep = self._loop.call_at(again, self._expire)


class DirectExchange:
    """An answer being read; see `upstream.base.Exchange`."""

    __slots__ = ("_connection", "_idle", "_is_packed", "_loop", "_seen", "_unpacked", "headers", "status")

    def __init__(self, connection: Connection, idle: float, loop: asyncio.AbstractEventLoop) -> None:
        answer = connection.answer
        self.status: int = answer.status
        self.headers: Mapping[str, str] = answer.headers
        self._connection: Connection | None = connection
        self._idle = idle
        self._loop = loop
        self._seen = 0
        self._is_packed = answer.headers.has(_CODING)
        self._unpacked: Unpacked | None = None

    async def read(self, deadline: float, limit: int = BODY_LIMIT) -> bytes:
        connection = self._reading()
        await connection.all(deadline, limit)
        if connection.answer.unread > limit:
            raise outcomes.too_large(limit)
        if connection.ended is not Ending.COMPLETE:
            raise _read_fault(connection.ended, Kind.UPSTREAM_ERROR)
        data = connection.answer.take()
        if self._is_packed and (coding := unpacked(self.headers["content-encoding"])) is not None:
            return coding.whole(data, limit)
        return data

    async def read_some(self, deadline: float) -> bytes:
        connection = self._reading()
        until = min(deadline, self._loop.time() + self._idle)
        if self._is_packed:
            data = await self._some_unpacked(connection, until)
        else:
            data = await connection.some(until)
        if not data and connection.ended is not Ending.COMPLETE:
            raise _read_fault(connection.ended, Kind.STREAM_INTERRUPTED)
        self._seen += len(data)
        if self._seen > STREAM_LIMIT:
            raise outcomes.too_long(STREAM_LIMIT)
        return data

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.done()

    def release(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.drain()

    def _reading(self) -> Connection:
        assert self._connection is not None, "the exchange is closed"
        return self._connection

    async def _some_unpacked(self, connection: Connection, until: float) -> bytes:
        """As `Connection.some`, in pieces of bounded size."""
        packed = self._unpacked = self._unpacked or unpacked(self.headers["content-encoding"])
        if packed is None:  # the coding's name is `identity`
            return await connection.some(until)
        while not (piece := packed.piece()):
            data = await connection.some(until)
            if not data:
                if connection.ended is Ending.COMPLETE:
                    packed.finish()
                return b""
            packed.feed(data)
        return piece


def _send_fault(ended: Ending | None) -> Fault:
    """What it means that no head came."""
    match ended:
        case Ending.GARBLED:
            return outcomes.not_http()
        case Ending.LATE:
            return outcomes.no_answer()
        case Ending.STALLED:
            return outcomes.stood_still()
        case _:
            return outcomes.hung_up()


def _read_fault(ended: Ending | None, cut: Kind) -> Fault:
    """What it means that the body did not come to its end; `cut` is the kind for one that ends too early."""
    match ended:
        case Ending.GARBLED:
            return outcomes.unreadable()
        case Ending.LATE:
            return outcomes.went_silent()
        case Ending.STALLED:
            return outcomes.stood_still()
        case _:
            return outcomes.cut(cut)
