"""Names become addresses: those that may be connected to, remembered for some seconds."""

import asyncio
import socket
from collections.abc import Sequence
from typing import Final, NamedTuple

from switch_grpc.upstream.addresses import allowed, check_literal

REMEMBERED: Final = 10.0  # seconds; a burst of connections asks once, and a name that moves is followed soon
NAMES: Final = 1024  # remembered at once


class Address(NamedTuple):
    """Where to connect: what `socket.connect` takes, of which the first is the numeric address."""

    family: int
    sockaddr: tuple[object, ...]


class Lookup:
    """The system's resolver, guarded."""

    def __init__(self, allow_hosts: tuple[str, ...]) -> None:
        self._allow_hosts = allow_hosts
        self._known: dict[tuple[str, int], tuple[float, Sequence[Address]]] = {}
        self._asking: dict[tuple[str, int], asyncio.Task[Sequence[Address]]] = {}

    async def find(self, host: str, port: int) -> Sequence[Address]:
        """The host's addresses, best first. Raises Denied, OSError where it does not resolve.

        Who is cancelled leaves the answer to the others that wait for it, and to those who ask next.
        """
        check_literal(host, self._allow_hosts)
        key = host, port
        loop = asyncio.get_running_loop()
        until, found = self._known.get(key, (0.0, ()))
        if until > loop.time():
            return found
        task = self._asking.get(key)
        if task is None:
            task = self._asking[key] = loop.create_task(self._ask(host, port))
            task.add_done_callback(lambda _: self._asking.pop(key))
        return await asyncio.shield(task)

    async def _ask(self, host: str, port: int) -> Sequence[Address]:
        loop = asyncio.get_running_loop()
        try:
            rows = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except UnicodeError as error:  # a label that is empty or too long
            raise socket.gaierror(socket.EAI_NONAME, f"{host!r} is no host name") from error
        addresses = [Address(row[0], row[4]) for row in rows]
        found = interleaved(allowed(host, addresses, lambda each: str(each.sockaddr[0]), self._allow_hosts))
        if len(self._known) >= NAMES:
            self._known.clear()
        self._known[host, port] = loop.time() + REMEMBERED, found
        return found

    async def close(self) -> None:
        asking = list(self._asking.values())
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)


def interleaved(addresses: Sequence[Address]) -> Sequence[Address]:
    """In the resolver's order, but the second is of the other family: one that is broken costs one turn.

    RFC 8305, section 4, with a First Address Family Count of 1.
    """
    if not addresses:
        return addresses
    first = [each for each in addresses if each.family == addresses[0].family]
    other = [each for each in addresses if each.family != addresses[0].family]
    both = min(len(first), len(other))
    mixed = [each for pair in zip(first, other, strict=False) for each in pair]
    return [*mixed, *first[both:], *other[both:]]
