"""Several addresses: the next one has its turn when the one before fails, or takes its time."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio

from switch_grpc.faults import Fault, Kind
from switch_grpc.upstream.connect import STAGGER, Connector
from switch_grpc.upstream.lookup import Address
from switch_grpc.upstream.writing import Origin
from tests.support.black_hole import black_hole, connecting

ORIGIN = Origin(False, "api.example.com", 80)


@pytest_asyncio.fixture
async def connector() -> AsyncIterator[Connector]:
    made = Connector()
    yield made
    await made.close()


@pytest_asyncio.fixture
async def port() -> AsyncIterator[int]:
    async with await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0) as listener:
        yield listener.sockets[0].getsockname()[1]


def at(*ports: int) -> Sequence[Address]:
    return [Address(socket.AF_INET, ("127.0.0.1", port)) for port in ports]


def unused() -> int:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        return int(closed.getsockname()[1])


class Resolved:
    """A lookup that gives these addresses."""

    def __init__(self, addresses: Sequence[Address]) -> None:
        self.addresses = addresses

    async def find(self, host: str, port: int) -> Sequence[Address]:
        return self.addresses

    async def close(self) -> None:
        pass


async def connected(connector: Connector, addresses: Sequence[Address], seconds: float = 3.0) -> int:
    """The port that it got."""
    connector._lookup = Resolved(addresses)  # type: ignore[assignment]
    deadline = asyncio.get_running_loop().time() + 10
    made: list[asyncio.BaseTransport] = []

    class Kept(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            made.append(transport)

    await connector.connect(ORIGIN, Kept, seconds, deadline)
    peer = made[0].get_extra_info("peername")
    made[0].close()
    return int(peer[1])


async def test_an_address_that_refuses_costs_no_time(connector: Connector, port: int):
    started = time.monotonic()
    assert await connected(connector, at(unused(), unused(), port)) == port
    assert time.monotonic() - started < STAGGER


async def test_an_address_that_is_silent_costs_a_quarter_of_a_second(connector: Connector, port: int):
    with black_hole() as silent:
        started = time.monotonic()
        assert await connected(connector, at(silent, port)) == port
        assert STAGGER * 0.9 < time.monotonic() - started < STAGGER + 1.0
        await asyncio.sleep(0.01)
        assert connecting(silent) == 0


async def test_where_all_refuse_the_connection_is_refused(connector: Connector):
    with pytest.raises(Fault, match="refused") as raised:
        await connected(connector, at(unused(), unused()))
    assert raised.value.kind is Kind.UPSTREAM_UNREACHABLE
    assert raised.value.unsent


async def test_all_addresses_share_the_one_time_for_connecting(connector: Connector):
    with black_hole() as silent:
        started = time.monotonic()
        with pytest.raises(Fault, match="too long"):
            await connected(connector, at(*[silent] * 10), seconds=0.6)
        assert time.monotonic() - started < 2.0
        await asyncio.sleep(0.01)
        assert connecting(silent) == 0


async def test_a_name_without_addresses_does_not_resolve(connector: Connector):
    with pytest.raises(Fault, match="does not resolve"):
        await connected(connector, [])


async def test_a_name_that_does_not_exist_does_not_resolve(connector: Connector):
    with pytest.raises(Fault, match="does not resolve") as raised:
        await connector.connect(Origin(False, "x.invalid", 80), asyncio.Protocol, 3.0, 1e9)
    assert raised.value.kind is Kind.UPSTREAM_UNREACHABLE


async def test_of_two_that_connect_at_once_one_is_closed(connector: Connector):
    """No socket is left to the garbage collector."""
    lost = asyncio.Event()
    open_now = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal open_now
        open_now += 1
        await reader.read()
        open_now -= 1
        writer.close()
        if not open_now:
            lost.set()

    async with await asyncio.start_server(handle, "127.0.0.1", 0) as listener:
        port = int(listener.sockets[0].getsockname()[1])
        for _ in range(20):
            assert await connected(connector, at(port, port)) == port
        await asyncio.wait_for(lost.wait(), 5)
