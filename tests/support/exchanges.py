"""Exchanges with a raw server, as the tests of the ways out make them."""

import asyncio
from collections.abc import Callable

import pytest

from switch_grpc.providers.dialects.base import WireRequest
from switch_grpc.upstream.base import Exchange, Timers
from switch_grpc.upstream.direct import DirectUpstream

QUICK = Timers(connect=0.2, head=0.2, idle=0.2)
PATIENT = Timers()
ONE_LOOP = pytest.mark.asyncio(loop_factories=["asyncio"])
HEAD = b"HTTP/1.1 200 OK\r\n"


def request(url: str, **headers: str) -> WireRequest:
    return WireRequest(url=f"{url}/v1/x", headers=headers, body=b"{}")


def soon() -> float:
    return asyncio.get_running_loop().time() + 5.0


async def asked(upstream: DirectUpstream, url: str) -> bytes:
    """A whole exchange."""
    exchange = await upstream.send(request(url), PATIENT, soon())
    try:
        return await exchange.read(soon())
    finally:
        exchange.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


def idle(upstream: DirectUpstream) -> int:
    return len(upstream._pool)


async def read_to_the_end(exchange: Exchange, got: list[bytes]) -> None:
    while data := await exchange.read_some(soon()):
        got.append(data)
