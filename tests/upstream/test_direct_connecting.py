"""The direct lane connects: addresses, TLS, and the time that each has."""

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from switch_grpc.faults import Fault, Kind
from switch_grpc.upstream.base import Timers
from switch_grpc.upstream.direct import DirectUpstream
from tests.support.black_hole import black_hole, connecting
from tests.support.exchanges import HEAD, ONE_LOOP, PATIENT, QUICK, asked, request, soon, until
from tests.support.raw_server import raw_server, reply


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
