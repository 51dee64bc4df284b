"""A TCP proxy before the mock provider: it refuses, swallows, resets, delays, trickles and cuts connections.

What the mock scripts by model name happens within HTTP; what happens here, HTTP never sees. Chance is drawn
per connection from the seed, the proxy's name and the connection's number, so that a run can be repeated.
Each request that reaches the proxy and goes no further is in its `ledger`.
"""

import asyncio
import enum
import random
import re
import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

REQUEST_ID = re.compile(rb"rq-[0-9a-z-]+-\d+")  # as callers write it into their prompts
_READ = 65536


class Way(enum.StrEnum):
    """What becomes of a connection."""

    CLOSE = "close"  # accepted, and closed
    RESET = "reset"  # RST after the first bytes of the request
    SILENT = "silent"  # the request is read and never answered
    LATENCY = "latency"  # passed on, each read from the provider late
    TRICKLE = "trickle"  # passed on, the answer a few bytes at a time
    CUT = "cut"  # passed on, and closed after a number of bytes of the answer
    CUT_RESET = "cut-reset"  # the same by RST


@dataclass(frozen=True, slots=True)
class Swallowed:
    """A request that the proxy has read and the provider has not."""

    request: str
    way: Way


class FaultProxy:
    """Listens on a free port of loopback and treats every connection one way. Use `async with`."""

    def __init__(self, name: str, way: Way, upstream: int, *, seed: str, tls: ssl.SSLContext | None = None):
        """`upstream`: the provider's port."""
        self.ledger: list[Swallowed] = []
        self.connections = 0
        self.port = 0
        self._name, self._way, self._upstream, self._seed, self._tls = name, way, upstream, seed, tls
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "FaultProxy":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls, backlog=512)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        rng = random.Random(f"{self._seed}/{self._name}/{self.connections}")
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._treat(reader, writer, rng)
        except (OSError, asyncio.CancelledError):
            pass  # the gateway left, the provider did, or the run is over
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _treat(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rng: random.Random
    ) -> None:
        match self._way:
            case Way.CLOSE:
                pass
            case Way.RESET:
                await reader.read(_READ)
                reset(writer)
            case Way.SILENT:
                await self._swallow(reader)
            case Way.LATENCY | Way.TRICKLE | Way.CUT | Way.CUT_RESET:
                await self._pass_on(reader, writer, rng)

    async def _swallow(self, reader: asyncio.StreamReader) -> None:
        seen = b""
        while data := await reader.read(_READ):
            seen += data
            if found := REQUEST_ID.search(seen):
                self.ledger.append(Swallowed(found[0].decode(), self._way))
                seen = b""

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rng: random.Random
    ) -> None:
        theirs, ours = await asyncio.open_connection("127.0.0.1", self._upstream)
        up = asyncio.get_running_loop().create_task(_copy(reader, ours))
        try:
            await self._answer(theirs, writer, rng)
        finally:
            up.cancel()
            ours.close()

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rng: random.Random
    ) -> None:
        """The provider's bytes, on their way to the gateway."""
        left = rng.randrange(1, 3000)  # bytes until the cut: in the head, in the body, or after it
        while data := await reader.read(_READ):
            match self._way:
                case Way.LATENCY:
                    await asyncio.sleep(rng.uniform(0.02, 0.1))
                    writer.write(data)
                case Way.TRICKLE:
                    await _trickle(data, writer, rng)
                case _:
                    writer.write(data[:left])
                    await writer.drain()
                    left -= len(data)
                    if left <= 0:
                        break
            await writer.drain()
        if self._way is Way.CUT_RESET:
            await asyncio.sleep(0.02)  # an RST overtakes what the other kernel has not handed over
            reset(writer)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_READ):
        writer.write(data)
        await writer.drain()
    writer.close()


async def _trickle(data: bytes, writer: asyncio.StreamWriter, rng: random.Random) -> None:
    at = 0
    while at < len(data):
        size = rng.randint(1, 80)
        writer.write(data[at : at + size])
        await writer.drain()
        await asyncio.sleep(0.002)
        at += size


def reset(writer: asyncio.StreamWriter) -> None:
    """Ends a connection with a TCP RST."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@contextmanager
def refusing() -> Iterator[int]:
    """A port of loopback that refuses connections, and that nobody else can take."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        yield port


@contextmanager
def unanswering() -> Iterator[int]:
    """A port that never answers a connection attempt: its queue of connections is full (Linux)."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = [socket.socket() for _ in range(3)]
        try:
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(listener.getsockname())
            yield listener.getsockname()[1]
        finally:
            for filler in fillers:
                filler.close()
