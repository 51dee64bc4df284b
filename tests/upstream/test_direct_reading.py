"""The direct lane reads: what is an answer, what breaks off, and a reader that pauses."""

import asyncio

import pytest

from switch_grpc.faults import Fault, Kind
from switch_grpc.upstream.connection import HIGH
from switch_grpc.upstream.direct import DirectUpstream
from tests.support.exchanges import HEAD, PATIENT, asked, idle, read_to_the_end, request, soon, until
from tests.support.raw_server import STREAM_HEAD, piece, raw_server, reply, reset

BROKEN = {
    "a space before the colon": HEAD + b"Content-Length : 2\r\n\r\n{}",
    "a status of no kind": b"HTTP/1.1 099 X\r\nContent-Length: 2\r\n\r\n{}",
    "another protocol": b"HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
    "no protocol of ours": b"HTTP/1.1 101 X\r\n\r\n",
    "a transfer coding": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "many fields": HEAD + b"X: y\r\n" * 300 + b"Content-Length: 2\r\n\r\n{}",
    "endless early answers": b"HTTP/1.1 103 X\r\nLink: x\r\n\r\n" * 5000,
    "a folded field": HEAD + b"X: a\r\n b\r\nContent-Length: 2\r\n\r\n{}",
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
async def test_what_no_answer_may_hold_is_a_breach_of_protocol(upstream: DirectUpstream, answer: bytes):
    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    async with raw_server(script) as server:
        with pytest.raises(Fault) as raised:
            await asked(upstream, server.url)
    assert repr(raised.value) == 'Fault(UPSTREAM_PROTOCOL, "the provider\'s answer is not HTTP")'


async def test_a_content_coding_that_was_not_asked_for_is_named(upstream: DirectUpstream):
    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"Content-Encoding: zebra\r\nContent-Length: 2\r\n\r\n{}")

    async with raw_server(script) as server:
        with pytest.raises(Fault, match="'zebra'") as raised:
            await asked(upstream, server.url)
    assert raised.value.kind is Kind.UPSTREAM_PROTOCOL


async def test_a_body_that_breaks_off_into_something_else_is_a_breach_of_protocol(upstream: DirectUpstream):
    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD + piece(b"data: 1\n\n"))
        await asyncio.sleep(0.02)
        writer.write(b"xyz\r\n")

    async with raw_server(script) as server:
        exchange = await upstream.send(request(server.url), PATIENT, soon())
        with pytest.raises(Fault) as raised:
            await read_to_the_end(exchange, [])
        exchange.close()
    assert raised.value.kind is Kind.UPSTREAM_PROTOCOL


async def test_what_came_before_a_cut_is_the_callers(upstream: DirectUpstream):
    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD + piece(b"data: 1\n\n") + piece(b"data: 2\n\n"))
        await writer.drain()
        reset(writer)

    got: list[bytes] = []
    async with raw_server(script) as server:
        exchange = await upstream.send(request(server.url), PATIENT, soon())
        await asyncio.sleep(0.05)  # the reset is here before the first byte is read
        with pytest.raises(Fault) as raised:
            await read_to_the_end(exchange, got)
        exchange.close()
    assert b"".join(got) == b"data: 1\n\ndata: 2\n\n"
    assert raised.value.kind is Kind.STREAM_INTERRUPTED


async def test_chunks_that_arrive_together_are_read_together(upstream: DirectUpstream):
    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD + b"".join(piece(b"data: %d\n\n" % n) for n in range(100)) + b"0\r\n\r\n")

    async with raw_server(script) as server:
        exchange = await upstream.send(request(server.url), PATIENT, soon())
        assert await exchange.read_some(soon()) == b"".join(b"data: %d\n\n" % n for n in range(100))
        assert await exchange.read_some(soon()) == b""
        exchange.close()


async def test_a_reader_that_pauses_stops_the_provider(upstream: DirectUpstream):
    """What lies unread is bounded, however much there is to come, and all of it comes in the end."""
    size = 50_000_000
    body = memoryview(bytes(1_000_000))

    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"Content-Length: %d\r\n\r\n" % size)
        for _ in range(size // len(body)):
            writer.write(body)
            await writer.drain()

    async with raw_server(script) as server:
        exchange = await upstream.send(request(server.url), PATIENT, soon())
        await asyncio.sleep(0.2)
        (connection,) = upstream._open
        assert connection.answer.unread <= 2 * HIGH
        got = 0
        while data := await exchange.read_some(soon()):
            assert len(data) <= 2 * HIGH
            got += len(data)
        exchange.close()
        assert got == size
        assert idle(upstream) == 1


async def test_a_whole_answer_is_read_though_much_of_it_had_to_wait(upstream: DirectUpstream):
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(b"x" * 5_000_000))
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply(b"{}"))

    async with raw_server(script) as server:
        exchange = await upstream.send(request(server.url), PATIENT, soon())
        await asyncio.sleep(0.1)  # reading has been paused
        assert len(await exchange.read(soon())) == 5_000_000
        exchange.close()
        assert await asked(upstream, server.url) == b"{}"
        assert server.connections == 1


async def test_what_is_complete_and_unread_still_leaves_a_connection_that_reads(upstream: DirectUpstream):
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for size in (400_000, 2):
            writer.write(reply(b"x" * size))
            await reader.readuntil(b"\r\n\r\n")

    async with raw_server(script) as server:
        exchange = await upstream.send(request(server.url), PATIENT, soon())
        await asyncio.sleep(0.1)
        exchange.release()
        await until(lambda: idle(upstream) == 1)
        assert await asked(upstream, server.url) == b"xx"
        assert server.connections == 1
