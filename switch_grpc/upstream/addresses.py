"""Which addresses may be connected to, judged when a name has become an address.

A name in the configuration may resolve to a cloud's metadata service today although it did not when the
configuration was checked. Where a proxy stands between, only it sees the provider's address.
"""

import socket
from collections.abc import Sequence
from functools import lru_cache

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver

from switch_grpc.config.urls import is_denied, is_listed


class Denied(OSError):
    """Every address of the host is in a denied range."""


class GuardedResolver(AbstractResolver):
    """Resolves, and leaves out addresses in denied ranges that `allow_hosts` lists neither by name nor so."""

    def __init__(self, allow_hosts: Sequence[str], resolver: AbstractResolver | None = None) -> None:
        """`resolver` does the work; the system's own where there is none. Make it on the event loop."""
        self._allow_hosts = tuple(allow_hosts)
        self._resolver = resolver or DefaultResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The host's addresses. Raises Denied where none is left, OSError where it does not resolve."""
        found = await self._resolver.resolve(host, port, family)
        if is_listed(host, self._allow_hosts):
            return found
        allowed = [one for one in found if not is_denied(one["host"], self._allow_hosts)]
        if found and not allowed:
            raise Denied(f"{host} resolves to denied addresses only")
        return allowed

    async def close(self) -> None:
        await self._resolver.close()


@lru_cache(maxsize=1024)
def check_literal(host: str, allow_hosts: tuple[str, ...]) -> None:
    """Raises Denied for a host that is itself such an address: aiohttp asks no resolver about those."""
    if is_denied(host, allow_hosts):
        raise Denied(f"{host} is a denied address")
