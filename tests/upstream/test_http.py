"""Upstream over real sockets: what the network does becomes the right fault, and sockets never linger."""

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
import trustme

from switch_grpc.faults import Fault, Kind
from switch_grpc.providers.dialects.base import WireRequest
from switch_grpc.upstream.base import Exchange, Timers
from switch_grpc.upstream.direct import DirectUpstream
from tests.support.raw_server import STREAM_HEAD, piece, raw_server, reply, reset

QUICK = Timers(connect=0.2, head=0.2, idle=0.2)
PATIENT = Timers()


def request(url: str) -> WireRequest:
    return WireRequest(url=f"{url}/v1/x", headers={"content-type": "application/json"}, body=b"{}")


def soon() -> float:
    return asyncio.get_running_loop().time() + 5.0


@pytest_asyncio.fixture
async def upstream() -> AsyncIterator[DirectUpstream]:
    made = DirectUpstream()
    yield made
    await made.close()


async def test_a_whole_answer_is_read_and_its_connection_kept(upstream: DirectUpstream):
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(b'{"a":1}'))
        for _ in range(2):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(reply(b'{"a":1}'))

    async with raw_server(script) as server:
        for _ in range(3):
            exchange = await upstream.send(request(server.url), PATIENT, soon())
            assert (exchange.status, exchange.headers["CONTENT-TYPE"]) == (200, "application/json")
            assert await exchange.read(soon()) == b'{"a":1}'
            exchange.close()
        assert server.connections == 1


async def test_a_stream_gives_its_bytes_as_they_arrive(upstream: DirectUpstream):
    second = asyncio.Event()

    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD + piece(b"data: 1\n\n"))
        await second.wait()
        writer.write(piece(b"data: 2\n\n") + b"0\r\n\r\n")

    async with raw_server(script) as server:
        exchange = await upstream.send(request(server.url), PATIENT, soon())
        assert await exchange.read_some(soon()) == b"data: 1\n\n"
        second.set()
        assert await exchange.read_some(soon()) == b"data: 2\n\n"
        assert await exchange.read_some(soon()) == b""
        exchange.close()


async def closes(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def resets(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    reset(writer)


async def babbles(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")


async def is_silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    pass


async def sends_half_a_head(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-")


async def sends_a_huge_head(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n")


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (closes, Kind.UPSTREAM_UNREACHABLE),
        (resets, Kind.UPSTREAM_UNREACHABLE),
        (babbles, Kind.UPSTREAM_PROTOCOL),
        (is_silent, Kind.UPSTREAM_TIMEOUT),
        (sends_half_a_head, Kind.UPSTREAM_TIMEOUT),
        (sends_a_huge_head, Kind.UPSTREAM_PROTOCOL),
    ],
)
async def test_what_happens_before_the_head(upstream: DirectUpstream, script, kind: Kind):
    async with raw_server(script) as server:
        with pytest.raises(Fault) as raised:
            await upstream.send(request(server.url), QUICK, soon())
        assert raised.value.kind is kind
        assert not raised.value.unsent


async def test_a_refused_connection_was_not_sent(upstream: DirectUpstream):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(Fault) as raised:
        await upstream.send(request(f"http://127.0.0.1:{port}"), QUICK, soon())
    assert raised.value.kind is Kind.UPSTREAM_UNREACHABLE
    assert raised.value.unsent


async def test_an_invalid_certificate_is_told_apart(upstream: DirectUpstream):
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(server_context)
    listener = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0, ssl=server_context)
    port = listener.sockets[0].getsockname()[1]
    with pytest.raises(Fault) as raised:
        await upstream.send(request(f"https://localhost:{port}"), PATIENT, soon())
    listener.close()
    assert raised.value.kind is Kind.UPSTREAM_TLS
    assert "certificate" in raised.value.message


@asynccontextmanager
async def https_server(ca: trustme.CA) -> AsyncIterator[str]:
    """The URL of a server whose certificate `ca` signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("localhost").configure_cert(context)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply(b"{}"))
        writer.close()

    listener = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with listener:
        yield f"https://localhost:{listener.sockets[0].getsockname()[1]}"


async def test_a_ca_file_is_trusted_besides_the_systems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    systems, own, stranger = trustme.CA(), trustme.CA(), trustme.CA()
    systems.cert_pem.write_to_path(str(tmp_path / "system.pem"))
    own.cert_pem.write_to_path(str(tmp_path / "own.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "system.pem"))
    upstream = DirectUpstream(ca_file=str(tmp_path / "own.pem"))
    for ca in (systems, own):
        async with https_server(ca) as url:
            assert (await upstream.send(request(url), PATIENT, soon())).status == 200
    async with https_server(stranger) as url:
        with pytest.raises(Fault, match="certificate"):
            await upstream.send(request(url), PATIENT, soon())
    await upstream.close()


DENIED = "http://169.254.169.254", "http://[fe80::1]", "http://[64:ff9b::a9fe:a9fe]", "http://0.0.0.0"


@pytest.mark.parametrize("url", DENIED)
async def test_a_denied_address_is_not_connected_to(upstream: DirectUpstream, url: str):
    with pytest.raises(Fault, match=r"denied range; list it in egress\.allowHosts") as raised:
        await upstream.send(request(url), PATIENT, soon())
    assert raised.value.kind is Kind.UPSTREAM_UNREACHABLE
    assert raised.value.unsent


async def test_a_name_with_a_denied_address_is_not_connected_to(
    upstream: DirectUpstream, monkeypatch: pytest.MonkeyPatch
):
    row = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("169.254.169.254", 80))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [row])
    with pytest.raises(Fault, match="denied range"):
        await upstream.send(request("http://api.example.com"), PATIENT, soon())


async def cuts_the_body(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(reply(b'{"a":1}')[:-3])
    writer.close()


async def stalls_in_the_body(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(STREAM_HEAD + piece(b"data: 1\n\n"))


async def cuts_the_stream(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(STREAM_HEAD + piece(b"data: 1\n\n"))
    await writer.drain()
    reset(writer)


async def test_a_cut_body_is_an_error_of_the_provider(upstream: DirectUpstream):
    async with raw_server(cuts_the_body) as server:
        exchange = await upstream.send(request(server.url), PATIENT, soon())
        with pytest.raises(Fault) as raised:
            await exchange.read(soon())
        exchange.close()
        assert raised.value.kind is Kind.UPSTREAM_ERROR


async def test_a_body_past_its_limit_is_not_kept(upstream: DirectUpstream):
    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(b"x" * 100_000))

    async with raw_server(script) as server:
        exchange = await upstream.send(request(server.url), PATIENT, soon())
        with pytest.raises(Fault) as raised:
            await exchange.read(soon(), 1000)
        exchange.close()
        assert raised.value.kind is Kind.UPSTREAM_PROTOCOL


async def to_the_end(exchange: Exchange) -> None:
    while await exchange.read_some(soon()):
        pass


@pytest.mark.parametrize(
    ("script", "kind"),
    [(cuts_the_stream, Kind.STREAM_INTERRUPTED), (stalls_in_the_body, Kind.UPSTREAM_TIMEOUT)],
)
async def test_a_stream_that_ends_badly_says_how(upstream: DirectUpstream, script, kind: Kind):
    async with raw_server(script) as server:
        exchange = await upstream.send(request(server.url), QUICK, soon())
        with pytest.raises(Fault) as raised:
            await to_the_end(exchange)
        exchange.close()
        assert raised.value.kind is kind


async def test_closing_an_unfinished_answer_closes_the_socket(upstream: DirectUpstream):
    async with raw_server(stalls_in_the_body) as server:
        exchange = await upstream.send(request(server.url), PATIENT, soon())
        await exchange.read_some(soon())
        exchange.close()
        await asyncio.wait_for(server.peer_closed.wait(), 0.1)


@pytest.mark.parametrize("script", [is_silent, sends_half_a_head])
async def test_a_cancelled_send_closes_the_socket(upstream: DirectUpstream, script):
    async with raw_server(script) as server:
        task = asyncio.create_task(upstream.send(request(server.url), PATIENT, soon()))
        await asyncio.wait_for(server.asked.wait(), 5.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(server.peer_closed.wait(), 0.1)


async def test_a_released_stream_keeps_its_connection_when_its_end_comes_soon(upstream: DirectUpstream):
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD + piece(b"data: [DONE]\n\n"))
        await asyncio.sleep(0.02)  # the end in a packet of its own, as providers send it
        writer.write(b"0\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply(b"{}"))

    async with raw_server(script) as server:
        exchange = await upstream.send(request(server.url), PATIENT, soon())
        await exchange.read_some(soon())
        exchange.release()
        await asyncio.sleep(0.1)
        again = await upstream.send(request(server.url), PATIENT, soon())
        assert await again.read(soon()) == b"{}"
        again.close()
        assert server.connections == 1


async def test_redirects_are_not_followed(upstream: DirectUpstream):
    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")

    async with raw_server(script) as server:
        exchange = await upstream.send(request(server.url), PATIENT, soon())
        exchange.close()
        assert exchange.status == 302


async def test_a_released_stream_keeps_its_connection_though_it_is_closed_after(upstream: DirectUpstream):
    """Who reads a stream closes it on every path, also after its last event."""
    ended = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD + piece(b"data: [DONE]\n\n"))
        await ended.wait()
        writer.write(b"0\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply(b"{}"))

    async with raw_server(script) as server:
        exchange = await upstream.send(request(server.url), PATIENT, soon())
        await exchange.read_some(soon())
        exchange.release()
        exchange.close()
        ended.set()
        await asyncio.sleep(0.05)
        again = await upstream.send(request(server.url), PATIENT, soon())
        assert await again.read(soon()) == b"{}"
        again.close()
        assert server.connections == 1


async def test_a_failed_tls_handshake_is_no_verdict_on_the_certificate(upstream: DirectUpstream):
    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    listener = await asyncio.start_server(script, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    with pytest.raises(Fault) as raised:
        await upstream.send(request(f"https://127.0.0.1:{port}"), PATIENT, soon())
    listener.close()
    assert raised.value.kind is Kind.UPSTREAM_UNREACHABLE


async def test_after_a_standstill_an_answer_that_came_meanwhile_is_read(upstream: DirectUpstream):
    """The process was stopped past the limit; the answer lies in the socket, and nobody is to blame."""

    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.01)
        time.sleep(1.4)  # noqa: ASYNC251  # the loop, and so the reader, stands still
        writer.write(reply(b"{}"))

    async with raw_server(script) as server:
        exchange = await upstream.send(request(server.url), QUICK, soon())
        assert await exchange.read(soon()) == b"{}"
        exchange.close()


async def test_after_a_standstill_a_target_that_says_nothing_is_not_blamed(upstream: DirectUpstream):
    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.01)
        time.sleep(1.4)  # noqa: ASYNC251

    async with raw_server(script) as server:
        with pytest.raises(Fault) as raised:
            await upstream.send(request(server.url), QUICK, soon())
        assert raised.value.kind is Kind.LOCAL
        assert not raised.value.unsent
