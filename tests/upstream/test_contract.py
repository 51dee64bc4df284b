"""The upstream interface over real sockets: the same laws straight to the provider and through a proxy.

What the network does becomes the right fault, and sockets never linger.
"""

import asyncio
import gzip
import ssl
import time
import zlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
import trustme

from switch_grpc import __version__
from switch_grpc.faults import Fault, Kind
from switch_grpc.providers.dialects.base import WireRequest
from switch_grpc.upstream.base import Exchange, Timers, WayOut
from switch_grpc.upstream.lanes import open_upstream
from switch_grpc.upstream.proxied import ProxiedUpstream
from tests.support.exchanges import ONE_LOOP, PATIENT, QUICK, request, soon
from tests.support.proxy import http_proxy
from tests.support.raw_server import STREAM_HEAD, Script, piece, raw_server, reply, reset


@asynccontextmanager
async def opened(lane: str, ca_file: Path | None = None) -> AsyncIterator[WayOut]:
    """An upstream of that lane."""
    async with AsyncExitStack() as stack:
        proxy = (await stack.enter_async_context(http_proxy())).url if lane == "proxied" else None
        made = open_upstream(proxy=proxy, ca_file=ca_file and str(ca_file))
        try:
            yield made
        finally:
            await made.close()


@pytest.fixture(params=["direct", "proxied"])
def lane(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest_asyncio.fixture
async def upstream(lane: str) -> AsyncIterator[WayOut]:
    async with opened(lane) as made:
        yield made


async def test_a_whole_answer_is_read_and_its_connection_kept(upstream: WayOut):
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


async def test_a_stream_gives_its_bytes_as_they_arrive(upstream: WayOut):
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


def answers(*data: bytes, close: bool = False) -> Script:
    """One after the other, each to a request on the same connection."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number, each in enumerate(data):
            if number:
                await reader.readuntil(b"\r\n\r\n")
            writer.write(each)
        if close:
            writer.close()

    return script


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
async def test_what_happens_before_the_head(upstream: WayOut, script, kind: Kind):
    async with raw_server(script) as server:
        with pytest.raises(Fault) as raised:
            await upstream.send(request(server.url), QUICK, soon())
        assert raised.value.kind is kind
        assert not raised.value.unsent


async def test_an_invalid_certificate_is_told_apart(upstream: WayOut):
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


async def test_a_ca_file_is_trusted_besides_the_systems(
    lane: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    systems, own, stranger = trustme.CA(), trustme.CA(), trustme.CA()
    systems.cert_pem.write_to_path(str(tmp_path / "system.pem"))
    own.cert_pem.write_to_path(str(tmp_path / "own.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "system.pem"))
    async with opened(lane, ca_file=tmp_path / "own.pem") as upstream:
        for ca in (systems, own):
            async with https_server(ca) as url:
                assert (await upstream.send(request(url), PATIENT, soon())).status == 200
        async with https_server(stranger) as url:
            with pytest.raises(Fault, match="certificate") as raised:
                await upstream.send(request(url), PATIENT, soon())
    assert raised.value.kind is Kind.UPSTREAM_TLS


DENIED = "http://169.254.169.254", "http://[fe80::1]", "http://[64:ff9b::a9fe:a9fe]", "http://0.0.0.0"


@pytest.mark.parametrize("url", DENIED)
async def test_a_denied_address_is_not_connected_to(upstream: WayOut, url: str):
    with pytest.raises(Fault, match=r"denied range; list it in egress\.allowHosts") as raised:
        await upstream.send(request(url), PATIENT, soon())
    assert raised.value.kind is Kind.UPSTREAM_UNREACHABLE
    assert raised.value.unsent


async def cuts_the_body(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(reply(b'{"a":1}')[:-3])
    writer.close()


async def stalls_in_the_body(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(STREAM_HEAD + piece(b"data: 1\n\n"))


async def cuts_the_stream(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(STREAM_HEAD + piece(b"data: 1\n\n"))
    await writer.drain()
    reset(writer)


async def test_a_cut_body_is_an_error_of_the_provider(upstream: WayOut):
    async with raw_server(cuts_the_body) as server:
        exchange = await upstream.send(request(server.url), PATIENT, soon())
        with pytest.raises(Fault) as raised:
            await exchange.read(soon())
        exchange.close()
        assert raised.value.kind is Kind.UPSTREAM_ERROR


async def test_a_body_past_its_limit_is_not_kept(upstream: WayOut):
    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(b"x" * 100_000))

    async with raw_server(script) as server:
        exchange = await upstream.send(request(server.url), PATIENT, soon())
        with pytest.raises(Fault) as raised:
            await exchange.read(soon(), 1000)
        exchange.close()
        assert raised.value.kind is Kind.UPSTREAM_PROTOCOL


async def to_the_end(exchange: Exchange, got: list[bytes] | None = None) -> None:
    while data := await exchange.read_some(soon()):
        if got is not None:
            got.append(data)


@pytest.mark.parametrize(
    ("script", "kind"),
    [(cuts_the_stream, Kind.STREAM_INTERRUPTED), (stalls_in_the_body, Kind.UPSTREAM_TIMEOUT)],
)
async def test_a_stream_that_ends_badly_says_how(upstream: WayOut, script, kind: Kind):
    async with raw_server(script) as server:
        exchange = await upstream.send(request(server.url), QUICK, soon())
        with pytest.raises(Fault) as raised:
            await to_the_end(exchange)
        exchange.close()
        assert raised.value.kind is kind


async def test_closing_an_unfinished_answer_closes_the_socket(upstream: WayOut):
    async with raw_server(stalls_in_the_body) as server:
        exchange = await upstream.send(request(server.url), PATIENT, soon())
        await exchange.read_some(soon())
        exchange.close()
        await asyncio.wait_for(server.peer_closed.wait(), 0.1)


@pytest.mark.parametrize("script", [is_silent, sends_half_a_head])
async def test_a_cancelled_send_closes_the_socket(upstream: WayOut, script):
    async with raw_server(script) as server:
        task = asyncio.create_task(upstream.send(request(server.url), PATIENT, soon()))
        await asyncio.wait_for(server.asked.wait(), 5.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(server.peer_closed.wait(), 0.1)


async def test_a_released_stream_keeps_its_connection_when_its_end_comes_soon(upstream: WayOut):
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


async def test_redirects_are_not_followed(upstream: WayOut):
    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")

    async with raw_server(script) as server:
        exchange = await upstream.send(request(server.url), PATIENT, soon())
        exchange.close()
        assert exchange.status == 302


async def test_a_released_stream_keeps_its_connection_though_it_is_closed_after(upstream: WayOut):
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


async def test_a_failed_tls_handshake_is_no_verdict_on_the_certificate(upstream: WayOut):
    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    listener = await asyncio.start_server(script, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    with pytest.raises(Fault) as raised:
        await upstream.send(request(f"https://127.0.0.1:{port}"), PATIENT, soon())
    listener.close()
    assert raised.value.kind is Kind.UPSTREAM_UNREACHABLE


async def test_after_a_standstill_an_answer_that_came_meanwhile_is_read(upstream: WayOut):
    """The process was stopped past the limit; the answer lies in the socket, and nobody is to blame."""

    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.01)
        time.sleep(1.4)  # noqa: ASYNC251  # the loop, and so the reader, stands still
        writer.write(reply(b"{}"))

    async with raw_server(script) as server:
        exchange = await upstream.send(request(server.url), QUICK, soon())
        assert await exchange.read(soon()) == b"{}"
        exchange.close()


@ONE_LOOP
async def test_after_a_standstill_a_target_that_says_nothing_is_not_blamed(upstream: WayOut):
    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.01)
        time.sleep(1.4)  # noqa: ASYNC251

    async with raw_server(script) as server:
        with pytest.raises(Fault) as raised:
            await upstream.send(request(server.url), QUICK, soon())
        assert raised.value.kind is Kind.LOCAL
        assert not raised.value.unsent


HEAD = b"HTTP/1.1 200 OK\r\n"
WHOLE = {
    "by length": HEAD + b"Content-Length: 2\r\n\r\n{}",
    "by chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
    "extensions and trailers": HEAD
    + b"Transfer-Encoding: chunked\r\n\r\n2;x=y\r\n{}\r\n0\r\nX-Sum: 9\r\nX: y\r\n\r\n",
    "an early answer first": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    + HEAD
    + b"Content-Length: 2\r\n\r\n{}",
    "bare line feeds": b"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}",
    "an offer to upgrade": HEAD
    + b"Connection: Upgrade, Keep-Alive\r\nUpgrade: h2\r\nContent-Length: 2\r\n\r\n{}",
    "lengthy": HEAD + b"Content-Length: 2\r\nX: " + b"x" * 60_000 + b"\r\n\r\n{}",
}


@pytest.mark.parametrize("answer", WHOLE.values(), ids=WHOLE)
async def test_an_answer_with_an_end_of_its_own_leaves_the_connection_for_the_next(
    upstream: WayOut, answer: bytes
):
    async with raw_server(answers(answer, answer)) as server:
        for _ in range(2):
            exchange = await upstream.send(request(server.url), PATIENT, soon())
            assert (exchange.status, await exchange.read(soon())) == (200, b"{}")
            exchange.close()
        assert server.connections == 1


@pytest.mark.parametrize("status", [204, 304])
async def test_some_statuses_have_no_body_whatever_their_head_says(upstream: WayOut, status: int):
    answer = (
        b"HTTP/1.1 %d X\r\nContent-Length: 5\r\n\r\n" % status if status == 304 else b"HTTP/1.1 204 X\r\n\r\n"
    )
    async with raw_server(answers(answer, answer)) as server:
        for _ in range(2):
            exchange = await upstream.send(request(server.url), PATIENT, soon())
            assert (exchange.status, await exchange.read(soon())) == (status, b"")
            exchange.close()
        assert server.connections == 1


LAST = {
    "until it closes": HEAD + b"\r\n{}",
    "Connection: close": HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\n{}",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
}


@pytest.mark.parametrize("answer", LAST.values(), ids=LAST)
async def test_an_answer_that_ends_its_connection_is_whole_and_the_next_takes_another(
    upstream: WayOut, answer: bytes
):
    async with raw_server(answers(answer, close=True)) as server:
        for _ in range(2):
            exchange = await upstream.send(request(server.url), PATIENT, soon())
            assert await exchange.read(soon()) == b"{}"
            exchange.close()
        assert server.connections == 2


GARBAGE = {
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "a negative length": HEAD + b"Content-Length: -2\r\n\r\n{}",
}


@pytest.mark.parametrize("answer", GARBAGE.values(), ids=GARBAGE)
async def test_what_is_no_answer_is_a_breach_of_protocol(upstream: WayOut, answer: bytes):
    async with raw_server(answers(answer)) as server:
        with pytest.raises(Fault) as raised:
            await upstream.send(request(server.url), PATIENT, soon())
        assert raised.value.kind is Kind.UPSTREAM_PROTOCOL


async def test_headers_are_found_without_regard_to_case_and_joined_where_they_repeat(upstream: WayOut):
    answer = HEAD + b"X-A: 1\r\ncontent-length: 0\r\nRetry-After:\t7 \r\nx-a:2\r\nX-Empty:\r\n\r\n"
    async with raw_server(answers(answer)) as server:
        exchange = await upstream.send(request(server.url), PATIENT, soon())
        exchange.close()
    found = exchange.headers
    assert (found["Retry-after"], found.get("x-empty"), found.get("x-b")) == ("7", "", None)
    assert {name.lower() for name in found} == {"x-a", "content-length", "retry-after", "x-empty"}


CUT = {
    "by length": (HEAD + b"Content-Length: 20\r\n\r\ndata: 1\n\n", b"data: 1\n\n"),
    "between chunks": (STREAM_HEAD + piece(b"data: 1\n\n"), b"data: 1\n\n"),
    "within a chunk": (STREAM_HEAD + piece(b"data: 1\n\n")[:-6], b"data: 1"),
    "before the last line": (STREAM_HEAD + piece(b"data: 1\n\n") + b"0\r\n", b"data: 1\n\n"),
}


@pytest.mark.parametrize(("answer", "sent"), CUT.values(), ids=CUT)
@pytest.mark.parametrize("whole", [False, True])
async def test_an_answer_without_its_end_never_looks_complete(
    upstream: WayOut, answer: bytes, sent: bytes, whole: bool
):
    async with raw_server(answers(answer, close=True)) as server:
        exchange = await upstream.send(request(server.url), PATIENT, soon())
        got: list[bytes] = []
        with pytest.raises(Fault) as raised:
            await (exchange.read(soon()) if whole else to_the_end(exchange, got))
        exchange.close()
    assert raised.value.kind is (Kind.UPSTREAM_ERROR if whole else Kind.STREAM_INTERRUPTED)
    assert sent.startswith(b"".join(got))


PLAIN = b"data: " + b"x" * 10_000 + b"\n\n"
PACKED = {
    "gzip": gzip.compress(PLAIN),
    "deflate": zlib.compress(PLAIN),
    "identity": PLAIN,
}


@pytest.mark.parametrize("coding", PACKED)
@pytest.mark.parametrize("whole", [False, True])
async def test_a_body_that_comes_packed_is_unpacked(upstream: WayOut, coding: str, whole: bool):
    body = PACKED[coding]
    head = HEAD + b"Content-Encoding: %s\r\nContent-Length: %d\r\n\r\n" % (coding.encode(), len(body))
    async with raw_server(answers(head + body)) as server:
        exchange = await upstream.send(request(server.url), PATIENT, soon())
        got: list[bytes] = []
        if whole:
            got.append(await exchange.read(soon()))
        else:
            await to_the_end(exchange, got)
        exchange.close()
    assert b"".join(got) == PLAIN


BAD_PACKED = {
    "no gzip": (b"gzip", b"{}"),
    "no deflate": (b"deflate", b"\xff{}"),
    "bombs": (b"gzip", gzip.compress(bytes(70 << 20), 9)),
}


@pytest.mark.parametrize(("coding", "body"), BAD_PACKED.values(), ids=BAD_PACKED)
async def test_a_body_that_cannot_be_unpacked_is_a_breach_of_protocol(
    upstream: WayOut, coding: bytes, body: bytes
):
    head = HEAD + b"Content-Encoding: %s\r\nContent-Length: %d\r\n\r\n" % (coding, len(body))
    async with raw_server(answers(head + body)) as server:
        exchange = await upstream.send(request(server.url), PATIENT, soon())
        with pytest.raises(Fault) as raised:
            await exchange.read(soon())
        exchange.close()
    assert raised.value.kind is Kind.UPSTREAM_PROTOCOL


async def test_a_request_says_what_it_must(upstream: WayOut):
    asked = asyncio.get_running_loop().create_future()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set_result(await reader.readuntil(b"}"))
        writer.write(reply(b"{}"))
        writer.close()

    listener = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with listener:
        port = listener.sockets[0].getsockname()[1]
        wire = WireRequest(
            url=f"http://127.0.0.1:{port}/v1%3A0/a%2Fb/\u00e4 x?q=%41&r=a+b",
            headers={"authorization": "Bearer key", "x-request-id": "1"},
            body=b"{}",
        )
        exchange = await upstream.send(wire, PATIENT, soon())
        exchange.close()
    line, *lines = (await asked).decode("latin-1").split("\r\n")
    fields = dict(each.lower().split(": ", 1) for each in lines[:-2])
    assert line == "POST /v1%3A0/a%2Fb/%C3%A4%20x?q=%41&r=a+b HTTP/1.1"
    assert lines[-2:] == ["", "{}"]
    assert fields == {
        "host": f"127.0.0.1:{port}",
        "user-agent": f"switch/{__version__}",
        "accept": "*/*",
        "accept-encoding": "identity",
        "authorization": "bearer key",
        "x-request-id": "1",
        "content-length": "2",
    }


NOT_SENT = {
    "a line break in a value": ("", {"authorization": "Bearer x\r\nx-evil: 1"}),
    "a bare line feed": ("", {"authorization": "Bearer x\n"}),
    "a NUL": ("", {"authorization": "Bearer x\0"}),
    "beyond Latin-1": ("", {"authorization": "Bearer \u20ac"}),
    "a line break in a name": ("", {"x\r\ny": "1"}),
    "a name with a colon": ("", {"x:y": "1"}),
    "a line break in the URL": ("/a\r\nx-evil: 1", {}),
    "a NUL in the URL": ("/a\0", {}),
}


@pytest.mark.parametrize(("path", "headers"), NOT_SENT.values(), ids=NOT_SENT)
async def test_what_would_break_the_requests_framing_is_never_sent(
    upstream: WayOut, path: str, headers: dict[str, str]
):
    async with raw_server(is_silent) as server:
        wire = WireRequest(url=server.url + path, headers=headers, body=b"{}")
        with pytest.raises(Fault) as raised:
            await upstream.send(wire, QUICK, soon())
        assert server.connections == 0
    assert raised.value.kind is Kind.UPSTREAM_UNREACHABLE
    assert raised.value.unsent
    assert "Bearer" not in raised.value.message


BAD_URLS = [
    "ftp://127.0.0.1/",
    "http://",
    "http://127.0.0.1:99999/",
    "http://u:p@127.0.0.1/",
    "127.0.0.1",
    "http://[::1/",
]


@pytest.mark.parametrize("url", BAD_URLS)
async def test_what_is_no_url_is_refused(upstream: WayOut, url: str):
    with pytest.raises(Fault, match="apiBase") as raised:
        await upstream.send(WireRequest(url=url, headers={}, body=b""), PATIENT, soon())
    assert raised.value.kind is Kind.UPSTREAM_UNREACHABLE
    assert raised.value.unsent


async def test_a_hundred_calls_at_once_get_their_own_answers(upstream: WayOut):
    """Also on connections that carried others before: nobody gets what another asked for."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(5):
            number = await reader.readuntil(b"!")
            assert reader._buffer == b"", "the next request has come before this one's answer"
            await asyncio.sleep(0.001)
            writer.write(reply(number))
            await reader.readuntil(b"\r\n\r\n")

    async with raw_server(script) as server:

        async def call(number: int) -> None:
            body = b"%d!" % number
            wire = WireRequest(url=server.url, headers={}, body=body)
            exchange = await upstream.send(wire, PATIENT, soon())
            assert await exchange.read(soon()) == body
            exchange.close()

        for start in range(0, 400, 100):
            await asyncio.gather(*(call(start + number) for number in range(100)))
        assert server.connections <= 100


async def test_a_large_request_goes_out_as_fast_as_the_provider_reads(upstream: WayOut):
    """The time to the first byte counts once all is written."""
    body = bytes(24 << 20)

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.4)
        writer.write(reply(b"%d" % len(await reader.readexactly(len(body)))))

    async with raw_server(script) as server:
        wire = WireRequest(url=server.url, headers={}, body=body)
        timers = Timers(head=30.0) if isinstance(upstream, ProxiedUpstream) else Timers(head=0.3)
        exchange = await upstream.send(wire, timers, soon())
        assert await exchange.read(soon()) == b"%d" % len(body)
        exchange.close()


async def test_an_answer_that_comes_before_all_is_written_counts(upstream: WayOut):
    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(b"too large", "413 Payload Too Large"))

    async with raw_server(script) as server:
        wire = WireRequest(url=server.url, headers={}, body=bytes(24 << 20))
        exchange = await upstream.send(wire, PATIENT, soon())
        assert (exchange.status, await exchange.read(soon())) == (413, b"too large")
        exchange.close()
        await asyncio.wait_for(server.peer_closed.wait(), 0.5)


async def test_a_closed_upstream_ends_what_is_open(lane: str):
    async with raw_server(is_silent) as server, opened(lane) as upstream:
        task = asyncio.create_task(upstream.send(request(server.url), PATIENT, soon()))
        await asyncio.wait_for(server.asked.wait(), 5.0)
        await upstream.close()
        with pytest.raises(Fault):
            await task
