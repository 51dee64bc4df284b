"""The direct lane's connections: kept, shared by nobody, and let go in time."""

import asyncio
import time

import pytest

from switch_grpc.faults import Fault, Kind
from switch_grpc.providers.dialects.base import WireRequest
from switch_grpc.upstream.direct import DirectUpstream
from tests.support.exchanges import HEAD, PATIENT, asked, idle, read_to_the_end, request, soon, until
from tests.support.raw_server import STREAM_HEAD, piece, raw_server, reply, reset


async def test_a_connection_that_the_server_closes_is_forgotten_at_once(upstream: DirectUpstream):
    ended = asyncio.Event()

    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(b"{}"))
        await ended.wait()
        writer.close()

    async with raw_server(script) as server:
        await asked(upstream, server.url)
        assert idle(upstream) == 1
        ended.set()
        await until(lambda: idle(upstream) == 0)
        assert not upstream._open


async def test_no_call_is_lost_to_a_close_that_had_arrived_before_it(upstream: DirectUpstream):
    """The server's FIN lies in the socket, and the event loop has not had time to say so."""

    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(b"{}"))
        await writer.drain()
        writer.close()

    async with raw_server(script) as server:
        for _ in range(30):
            assert await asked(upstream, server.url) == b"{}"
            # The server's turn, and not yet the client's: both live on this loop.
            for _ in range(2):
                await asyncio.sleep(0)
        assert server.connections == 30


async def test_a_close_that_crosses_the_request_is_told_as_maybe_sent(upstream: DirectUpstream):
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(b"{}"))
        await reader.readuntil(b"\r\n\r\n")
        reset(writer)

    async with raw_server(script) as server:
        await asked(upstream, server.url)
        with pytest.raises(Fault) as raised:
            await asked(upstream, server.url)
    assert raised.value.kind is Kind.UPSTREAM_UNREACHABLE
    assert not raised.value.unsent


SURPLUS = {
    "half an answer": b"HTTP/1.1 200 OK\r\nContent-Le",
    "a whole answer": HEAD + b"Content-Length: 6\r\n\r\npoison",
    "bytes": b"}",
}


@pytest.mark.parametrize("more", SURPLUS.values(), ids=SURPLUS)
@pytest.mark.parametrize("late", [False, True])
async def test_what_comes_after_an_answers_end_is_never_the_next_calls(
    upstream: DirectUpstream, more: bytes, late: bool
):
    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if late:
            writer.write(reply(b"{}"))
            await asyncio.sleep(0.03)
            writer.write(more)
        else:
            writer.write(reply(b"{}") + more)

    async with raw_server(script) as server:
        for _ in range(2):
            exchange = await upstream.send(request(server.url), PATIENT, soon())
            assert (exchange.status, await exchange.read(soon())) == (200, b"{}")
            exchange.close()
            await asyncio.sleep(0.06)
        assert server.connections == 2


async def test_the_connection_used_last_is_used_next(upstream: DirectUpstream):
    """So that what a burst has opened grows old, and goes."""
    seen: list[int] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            seen.append(writer.get_extra_info("peername")[1])
            await asyncio.sleep(0.01)
            writer.write(reply(b"{}"))
            await reader.readuntil(b"\r\n\r\n")

    async with raw_server(script) as server:
        await asyncio.gather(*(asked(upstream, server.url) for _ in range(3)))
        last = upstream._pool.take(next(iter(upstream._open)).origin, soon() - 5)
        assert last is not None
        upstream.freed(last)
        for _ in range(5):
            await asked(upstream, server.url)
        assert len(set(seen)) == 3
        assert len(set(seen[3:])) == 1


@pytest.mark.parametrize(
    "answer",
    [
        HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 204 X\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
async def test_where_an_answer_may_end_in_two_places_its_connection_is_not_kept(
    upstream: DirectUpstream, answer: bytes
):
    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    async with raw_server(script) as server:
        assert await asked(upstream, server.url) in (b"{}", b"")
        assert idle(upstream) == 0
        assert not upstream._open


async def test_an_answer_given_before_the_request_was_read_leaves_no_connection(upstream: DirectUpstream):
    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(b"no", "413 Payload Too Large"))

    async with raw_server(script) as server:
        wire = WireRequest(url=server.url, headers={}, body=bytes(24 << 20))
        exchange = await upstream.send(wire, PATIENT, soon())
        assert await exchange.read(soon()) == b"no"
        exchange.close()
        assert idle(upstream) == 0


async def test_an_early_answer_is_read_though_the_server_then_resets_the_connection(upstream: DirectUpstream):
    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(b"no", "413 Payload Too Large"))
        writer.close()  # with much of the request unread: the kernel sends a reset

    async with raw_server(script) as server:
        for _ in range(10):
            wire = WireRequest(url=server.url, headers={}, body=bytes(24 << 20))
            exchange = await upstream.send(wire, PATIENT, soon())
            assert (exchange.status, await exchange.read(soon())) == (413, b"no")
            exchange.close()


async def test_a_released_answer_that_does_not_end_closes_its_connection_in_a_second(
    upstream: DirectUpstream,
):
    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD)
        while not writer.transport.is_closing():
            writer.write(piece(b"x" * 1000))
            await asyncio.sleep(0.01)

    async with raw_server(script) as server:
        exchange = await upstream.send(request(server.url), PATIENT, soon())
        exchange.release()
        started = time.monotonic()
        await asyncio.wait_for(server.peer_closed.wait(), 5)
        assert 0.8 < time.monotonic() - started < 2.5


@pytest.mark.parametrize("phase", ["head", "body", "stream"])
async def test_a_cancel_closes_the_socket_within_a_tenth_of_a_second(upstream: DirectUpstream, phase: str):
    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if phase != "head":
            writer.write(STREAM_HEAD + piece(b"x"))

    async def call() -> None:
        exchange = await upstream.send(request(server.url), PATIENT, soon())
        try:
            await (exchange.read(soon()) if phase == "body" else read_to_the_end(exchange, []))
        finally:
            exchange.close()

    async with raw_server(script) as server:
        task = asyncio.create_task(call())
        await asyncio.wait_for(server.asked.wait(), 5)
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(server.peer_closed.wait(), 0.1)
        assert not upstream._open


async def test_a_closed_upstream_leaves_no_socket_and_no_timer(upstream: DirectUpstream):
    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD + piece(b"x"))

    async def whole(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(b"{}"))

    async with raw_server(script) as server, raw_server(whole) as other:
        open_one = await upstream.send(request(server.url), PATIENT, soon())
        released = await upstream.send(request(server.url), PATIENT, soon())
        released.release()
        await asked(upstream, other.url)
        await upstream.close()
        assert not upstream._open
        assert upstream._sweep is None or upstream._sweep.cancelled()
        assert await open_one.read_some(soon()) == b"x"
        with pytest.raises(Fault):
            await open_one.read_some(soon())
        open_one.close()
        await asyncio.wait_for(server.peer_closed.wait(), 1)
        await asyncio.wait_for(other.peer_closed.wait(), 1)


async def test_a_connection_that_idles_too_long_is_closed(
    upstream: DirectUpstream, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("switch_grpc.upstream.direct.KEEP_ALIVE_SECONDS", 0.1)
    upstream._pool._limit = 0.1

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(b"{}"))

    async with raw_server(script) as server:
        await asked(upstream, server.url)
        assert idle(upstream) == 1
        await asyncio.wait_for(server.peer_closed.wait(), 1)
        assert not upstream._open
