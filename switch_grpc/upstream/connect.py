"""A new connection: name, address, TCP and TLS, each within its time."""

import asyncio
import functools
import socket
import ssl
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from switch_grpc.faults import Fault
from switch_grpc.upstream import outcomes
from switch_grpc.upstream.addresses import Denied
from switch_grpc.upstream.lookup import Address, Lookup
from switch_grpc.upstream.time_limit import GRAIN, TimeLimit
from switch_grpc.upstream.writing import Origin

CONNECT_EXTRA: Final = 2.0  # seconds that DNS and TLS may add to connecting
STAGGER: Final = 0.25  # seconds that an address has for itself before the next is tried too (RFC 8305)

Protocol = TypeVar("Protocol", bound=asyncio.Protocol)


class Connector:
    """Connects to origins."""

    def __init__(self, *, ca_file: str | None = None, allow_hosts: Sequence[str] = ()) -> None:
        """Raises OSError for a `ca_file` that cannot be read."""
        self._lookup = Lookup(tuple(allow_hosts))
        self._tls = tls_context(ca_file)

    async def connect(
        self, origin: Origin, make: Callable[[], Protocol], seconds: float, deadline: float
    ) -> Protocol:
        """A protocol of `make`, connected. `seconds` are TCP's; `deadline` ends it all.

        Raises Fault, always unsent: UPSTREAM_UNREACHABLE, UPSTREAM_TLS, UPSTREAM_TIMEOUT where the deadline
        came first, LOCAL.
        """
        loop = asyncio.get_running_loop()
        due = min(deadline, loop.time() + seconds + CONNECT_EXTRA)
        limit = TimeLimit(due)
        try:
            with limit:
                addresses = await self._addresses(origin)
                limit.move(min(due, loop.time() + seconds))
                sock = await _connected(addresses)
                limit.move(due)
                return await self._handshaken(origin, sock, make)
        except TimeoutError as error:
            if limit.stalled:
                raise outcomes.stood_still(sent=False) from error
            in_time = loop.time() < deadline - GRAIN
            raise (outcomes.slow_connect() if in_time else outcomes.no_answer()) from error

    async def close(self) -> None:
        await self._lookup.close()

    async def _addresses(self, origin: Origin) -> Sequence[Address]:
        try:
            found = await self._lookup.find(origin.host, origin.port)
        except Denied as error:
            raise outcomes.denied() from error
        except socket.gaierror as error:
            raise outcomes.unresolved() from error
        if not found:
            raise outcomes.unresolved()
        return found

    async def _handshaken(
        self, origin: Origin, sock: socket.socket, make: Callable[[], Protocol]
    ) -> Protocol:
        loop = asyncio.get_running_loop()
        try:
            _, protocol = await loop.create_connection(
                make,
                sock=sock,
                ssl=self._tls if origin.tls else None,
                server_hostname=origin.host.rstrip(".") if origin.tls else None,
            )
        except ssl.SSLCertVerificationError as error:
            raise outcomes.bad_certificate(error) from error
        except OSError as error:
            raise (outcomes.no_handshake() if origin.tls else outcomes.refused()) from error
        return protocol


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Trusts what the system trusts, and besides what `ca_file` (PEM) holds. Raises OSError."""
    if ca_file is None:
        return _systems()
    context = _context()
    context.load_verify_locations(cafile=ca_file)
    return context


def _context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


_systems = functools.cache(_context)  # reading the system's certificates takes 30 ms and 2 MB


async def _connected(addresses: Sequence[Address]) -> socket.socket:
    """A socket connected to one of the addresses. Raises Fault(UPSTREAM_UNREACHABLE) where all refuse."""
    if len(addresses) == 1:
        return await _tried(addresses[0])
    return await _raced(addresses)


async def _raced(addresses: Sequence[Address]) -> socket.socket:
    """The first that connects; the next is tried when one has failed, or after `STAGGER` seconds."""
    loop = asyncio.get_running_loop()
    waiting, running = list(reversed(addresses)), set[asyncio.Task[socket.socket]]()
    won: socket.socket | None = None
    refusal = outcomes.refused()
    try:
        while won is None:
            if waiting:
                running.add(loop.create_task(_tried(waiting.pop())))
            if not running:
                raise refusal
            done, running = await asyncio.wait(
                running, timeout=STAGGER if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            won = _first(done)
        return won
    finally:
        for task in running:
            task.cancel()
            task.add_done_callback(_forgotten)


async def _tried(address: Address) -> socket.socket:
    """Raises Fault(UPSTREAM_UNREACHABLE). Closes the socket unless it gives it."""
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(sock, address.sockaddr)
    except OSError as error:
        sock.close()
        raise outcomes.refused() from error
    except BaseException:  # cancelled: nobody waits for it any more
        sock.close()
        raise
    return sock


def _first(done: set[asyncio.Task[socket.socket]]) -> socket.socket | None:
    """A socket of those that are done; any other is closed."""
    sockets = [task.result() for task in done if not isinstance(task.exception(), Fault)]
    for late in sockets[1:]:
        late.close()
    return sockets[0] if sockets else None


def _forgotten(task: asyncio.Task[socket.socket]) -> None:
    """One that lost may have connected in the moment when it was cancelled."""
    if not task.cancelled() and task.exception() is None:
        task.result().close()
