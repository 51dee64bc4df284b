"""What a connection through the proxy meets."""

import asyncio
import socket

import pytest

from tests.chaos.fault_proxy import FaultProxy, Way, refusing, unanswering
from tests.support.raw_server import raw_server, reply

ASK = b"POST / HTTP/1.1\r\nHost: a\r\n\r\nrq-test-7 please"
ANSWER = reply(b"x" * 5000)


async def through(way: Way, seed: str = "s") -> tuple[bytes, FaultProxy]:
    """What comes back through a proxy until the connection ends, or for half a second."""

    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(ANSWER)
        writer.write_eof()

    got = b""
    async with raw_server(script) as upstream, FaultProxy("p", way, upstream.port, seed=seed) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(ASK)
        try:
            async with asyncio.timeout(0.5):
                while data := await reader.read(65536):
                    got += data
        except TimeoutError:
            got += b" and silence"
        except ConnectionResetError:
            got += b" and reset"
        writer.close()
    return got, proxy


@pytest.mark.parametrize("way", [Way.LATENCY, Way.TRICKLE])
async def test_a_slow_way_loses_nothing(way: Way):
    got, _ = await through(way)
    assert got == ANSWER


async def test_a_cut_ends_an_answer_at_a_place_that_the_seed_says():
    first, again, other = [(await through(Way.CUT, seed))[0] for seed in ("a", "a", "b")]
    assert first == again != other
    assert ANSWER.startswith(first)
    assert 0 < len(first) < 3000


async def test_a_reset_is_one():
    assert (await through(Way.RESET))[0] == b" and reset"
    assert (await through(Way.CUT_RESET))[0].endswith(b" and reset")


async def test_a_request_that_is_swallowed_is_in_the_ledger():
    got, proxy = await through(Way.SILENT)
    assert got == b" and silence"
    assert [(one.request, one.way) for one in proxy.ledger] == [("rq-test-7", Way.SILENT)]


async def test_a_port_that_refuses_and_one_that_does_not_answer():
    with refusing() as port, pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    with unanswering() as port, socket.socket() as caller:
        caller.setblocking(False)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await asyncio.get_running_loop().sock_connect(caller, ("127.0.0.1", port))
