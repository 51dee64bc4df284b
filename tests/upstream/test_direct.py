"""The direct lane: connections of our own, which are kept, shared by nobody, and let go in time."""

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import trustme

from switch_grpc.faults import Fault, Kind
from switch_grpc.providers.dialects.base import WireRequest
from switch_grpc.upstream.base import Exchange, Timers
from switch_grpc.upstream.connection import HIGH
from switch_grpc.upstream.direct import DirectUpstream
from tests.support.black_hole import black_hole, connecting
from tests.support.raw_server import STREAM_HEAD, piece, raw_server, reply, reset

QUICK = Timers(connect=0.2, head=0.2, idle=0.2)
PATIENT = Timers()
ONE_LOOP = pytest.mark.asyncio(loop_factories=["asyncio"])
HEAD = b"HTTP/1.1 200 OK\r\n"


def request(url: str, **headers: str) -> WireRequest:
    return WireRequest(url=f"{url}/v1/x", headers=headers, body=b"{}")


def soon() -> float:
    return asyncio.get_running_loop().time() + 5.0


@pytest_asyncio.fixture
async def upstream() -> AsyncIterator[DirectUpstream]:
    made = DirectUpstream()
    yield made
    await made.close()


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


# Connecting.


async def test_a_refused_connection_was_not_sent(upstream: DirectUpstream):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(Fault) as raised:
        await upstream.send(request(f"http://127.0.0.1:{port}"), QUICK, soon())
    assert raised.value.kind is Kind.UPSTREAM_UNREACHABLE
    assert raised.value.unsent


@ONE_LOOP
async def test_a_name_with_a_denied_address_is_not_connected_to(
    upstream: DirectUpstream, monkeypatch: pytest.MonkeyPatch
):
    row = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("169.254.169.254", 80))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [row])
    with pytest.raises(Fault, match="denied range"):
        await upstream.send(request("http://api.example.com"), PATIENT, soon())


@pytest.mark.parametrize("timers", [Timers(connect=30.0, head=0.1), Timers(connect=0.1, head=30.0)])
async def test_the_time_to_the_first_byte_counts_from_sending_and_not_from_connecting(
    upstream: DirectUpstream, timers: Timers
):
    with black_hole() as port:
        deadline = asyncio.get_running_loop().time() + 0.4
        with pytest.raises(Fault) as raised:
            await upstream.send(request(f"http://127.0.0.1:{port}"), timers, deadline)
    if timers.connect > 1:
        assert raised.value.kind is Kind.UPSTREAM_TIMEOUT, "the attempt's own time was up"
    else:
        assert repr(raised.value) == "Fault(UPSTREAM_UNREACHABLE, 'connecting to the provider took too long')"
        assert raised.value.unsent


async def test_a_cancelled_connect_leaves_no_socket(upstream: DirectUpstream):
    with black_hole() as port:
        task = asyncio.create_task(upstream.send(request(f"http://127.0.0.1:{port}"), PATIENT, soon()))
        await until(lambda: connecting(port) == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: connecting(port) == 0)


async def test_a_cancel_within_the_tls_handshake_closes_the_socket(upstream: DirectUpstream):
    greeted, closed = asyncio.Event(), asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        greeted.set()
        await reader.read()
        closed.set()
        writer.close()

    async with await asyncio.start_server(handle, "127.0.0.1", 0) as listener:
        url = f"https://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        task = asyncio.create_task(upstream.send(request(url), PATIENT, soon()))
        await asyncio.wait_for(greeted.wait(), 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(closed.wait(), 0.5)


async def test_a_tls_handshake_has_the_time_that_connecting_has(upstream: DirectUpstream):
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(handle, "127.0.0.1", 0) as listener:
        url = f"https://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        started = time.monotonic()
        with pytest.raises(Fault, match="connecting to the provider took too long"):
            await upstream.send(request(url), Timers(connect=-1.8), soon())
        assert time.monotonic() - started < 2


async def test_an_ipv6_literal_is_connected_to_and_named_in_brackets(upstream: DirectUpstream):
    heads: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(reply(b"{}"))
        writer.close()

    async with await asyncio.start_server(handle, "::1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        assert await asked(upstream, f"http://[::1]:{port}") == b"{}"
    assert b"\r\nHost: [::1]:%d\r\n" % port in heads[0]


@asynccontextmanager
async def https_server(ca: trustme.CA, *answers: bytes, abort: bool = False) -> AsyncIterator[str]:
    """The URL of a server that gives the answers, one to each request on a connection, and then closes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("localhost").configure_cert(context)
    context.set_alpn_protocols(["h2", "http/1.1"])

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"
        for answer in answers:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
        if abort:
            await asyncio.sleep(0.02)
            writer.transport.abort()
        writer.close()

    async with await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context) as listener:
        yield f"localhost:{listener.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def trusting(ca: trustme.CA, folder: Path) -> AsyncIterator[DirectUpstream]:
    ca.cert_pem.write_to_path(str(folder / "ca.pem"))
    made = DirectUpstream(ca_file=str(folder / "ca.pem"))
    yield made
    await made.close()


async def test_a_tls_connection_carries_one_call_after_the_other(tmp_path: Path):
    ca = trustme.CA()
    large = reply(b"x" * 3_000_000)
    async with https_server(ca, *[large] * 4) as place, trusting(ca, tmp_path) as upstream:
        used = set()
        for _ in range(3):
            assert await asked(upstream, f"https://{place}") == b"x" * 3_000_000
            used |= upstream._open
        assert len(used) == 1


async def test_a_certificate_for_another_name_is_told_apart(tmp_path: Path):
    ca = trustme.CA()
    async with https_server(ca) as place, trusting(ca, tmp_path) as upstream:
        url = f"https://{place.replace('localhost', '127.0.0.1')}"
        with pytest.raises(Fault, match="certificate is not valid: IP address mismatch") as raised:
            await asked(upstream, url)
    assert raised.value.kind is Kind.UPSTREAM_TLS


@pytest.mark.parametrize("abort", [False, True])
async def test_a_body_that_ends_with_its_tls_connection_is_whole_if_tls_says_so(tmp_path: Path, abort: bool):
    """Else anybody on the way could cut it short."""
    ca = trustme.CA()
    async with https_server(ca, HEAD + b"\r\n{}", abort=abort) as place, trusting(ca, tmp_path) as upstream:
        if abort:
            with pytest.raises(Fault) as raised:
                await asked(upstream, f"https://{place}")
            assert raised.value.kind is Kind.UPSTREAM_ERROR
        else:
            assert await asked(upstream, f"https://{place}") == b"{}"


def test_a_ca_file_that_cannot_be_read_is_told_at_once(tmp_path: Path):
    async def open_it() -> None:
        DirectUpstream(ca_file=str(tmp_path / "none.pem"))

    with pytest.raises(OSError, match="No such file"):
        asyncio.run(open_it())


@pytest.mark.parametrize("tls", [False, True])
async def test_a_server_that_hangs_up_at_once_is_unreachable_at_once(tmp_path: Path, tls: bool):
    """Also where its end comes before the request was written."""
    context, ca = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), trustme.CA()
    ca.issue_cert("localhost").configure_cert(context)

    async def hangs_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with (
        await asyncio.start_server(hangs_up, "127.0.0.1", 0, ssl=context if tls else None) as listener,
        trusting(ca, tmp_path) as upstream,
    ):
        port = listener.sockets[0].getsockname()[1]
        for _ in range(20):
            with pytest.raises(Fault) as raised:
                await asked(upstream, f"http{'s' * tls}://localhost:{port}")
            assert raised.value.kind is Kind.UPSTREAM_UNREACHABLE
        assert not upstream._open


async def test_a_connection_that_ends_before_the_request_is_written_has_not_sent_it(
    upstream: DirectUpstream, monkeypatch: pytest.MonkeyPatch
):
    connect = upstream._connector.connect

    async def too_late(*args: Any) -> Any:
        connection = await connect(*args)
        connection.eof_received()
        return connection

    monkeypatch.setattr(upstream._connector, "connect", too_late)
    async with raw_server(lambda _, __: asyncio.sleep(0)) as server:
        with pytest.raises(Fault) as raised:
            await asked(upstream, server.url)
    assert raised.value.kind is Kind.UPSTREAM_UNREACHABLE
    assert raised.value.unsent


# Keeping connections.


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


# Reading.


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


async def read_to_the_end(exchange: Exchange, got: list[bytes]) -> None:
    while data := await exchange.read_some(soon()):
        got.append(data)


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


# Ending.


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
