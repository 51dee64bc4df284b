"""The HTTP connection itself: what is refused before there is a request, and that nothing is smuggled."""

import asyncio
import json
import re

import pytest

from http_facade import protocol
from tests.http_facade.conftest import Door
from tests.support.http_server import connection, exchange, request_bytes, unchunked, until
from tests.support.scripted_backend import FOREVER, chat_reply, chat_stream

GET = b"GET /livez HTTP/1.1\r\nhost: x\r\n"
POST = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-api-key: inference-key\r\n"
SMUGGLED = b"GET /health HTTP/1.1\r\nhost: smuggled\r\n\r\n"


def old_request(*, stream: bool, headers: bytes = b"") -> bytes:
    body = b'{"model":"lite","messages":[{"role":"user","content":"Hi"}],"stream":%s}'
    body %= b"true" if stream else b"false"
    length = b"content-length: %d\r\n\r\n" % len(body)
    return POST.replace(b"HTTP/1.1", b"HTTP/1.0") + headers + length + body


@pytest.mark.parametrize(
    "raw",
    [
        POST + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        POST + b"transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n" + SMUGGLED,
        POST + b"content-length: 5\r\ncontent-length: 6\r\n\r\nabcde" + SMUGGLED,
        POST + b"content-length: 5, 5\r\n\r\nabcde",
        POST + b"content-length: +5\r\n\r\nabcde",
        POST + b"content-length: 0x5\r\n\r\nabcde",
        POST + b"content-length: -1\r\n\r\n",
        POST + b"content-length: 99999999999999999999999\r\n\r\n",
        POST + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
        POST + b"transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        POST + b"transfer-encoding: chunked\r\n\r\nzz\r\n",
        POST + b"transfer-encoding: chunked\r\n\r\n5\nabcde\r\n0\r\n\r\n",
        POST + b"transfer-encoding : chunked\r\n\r\n0\r\n\r\n",
        GET + b"bad header: x\r\n\r\n",
        GET + b"x: a\r\n folded\r\n\r\n",
        GET + b"x: a\x00b\r\n\r\n",
        GET + b"no colon\r\n\r\n",
        GET + b": empty\r\n\r\n",
        b"GET /livez HTTP/1.1\nhost: x\n\n",
        b"GET /livez HTTP/9.9\r\nhost: x\r\n\r\n",
        b"GET /li vez HTTP/1.1\r\nhost: x\r\n\r\n",
        b"get /livez HTTP/1.1\r\nhost: x\r\n\r\n",
        b"FOO /livez HTTP/1.1\r\nhost: x\r\n\r\n",
        b"CONNECT x:80 HTTP/1.1\r\nhost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"nonsense\r\n\r\n",
    ],
)
async def test_broken_framing_is_refused_and_the_connection_closed(door: Door, raw: bytes) -> None:
    answer = await asyncio.wait_for(exchange(door.port, raw), 2)
    assert answer.startswith(b"HTTP/1.1 4")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"smuggled" not in answer
    assert b'"error"' in answer
    assert b"x-request-id: " in answer


async def test_what_is_refused_in_the_parser_names_no_library(door: Door) -> None:
    answer = await exchange(door.port, b"nonsense\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"uvicorn" not in answer
    assert b"connection: close" in answer


@pytest.mark.parametrize(
    "headers",
    [
        b"x: " + b"a" * protocol.HEADER_BYTES + b"\r\n",
        b"x: a\r\n" * (protocol.HEADERS + 1),
        b"".join(b"x%d: %s\r\n" % (index, b"a" * 1000) for index in range(40)),
    ],
    ids=["one", "many", "together"],
)
async def test_a_head_past_its_limits_is_431(door: Door, headers: bytes) -> None:
    answer = await exchange(door.port, GET + headers + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert b"headers are too large" in answer


async def test_a_head_without_an_end_is_cut_off(door: Door) -> None:
    async with connection(door.port) as (reader, writer):
        writer.write(GET + b"x: ")
        received = asyncio.create_task(reader.read(-1))
        for _ in range(200):
            if received.done():
                break
            writer.write(b"a" * 1024)
            await asyncio.sleep(0.001)
        assert (await received).startswith(b"HTTP/1.1 431 ")


async def test_a_large_url_is_431(door: Door) -> None:
    raw = b"GET /" + b"a" * protocol.HEAD_BYTES + b" HTTP/1.1\r\nhost: x\r\n\r\n"
    assert (await exchange(door.port, raw)).startswith(b"HTTP/1.1 431 ")


async def test_a_head_within_its_limits_is_served(door: Door) -> None:
    headers = b"".join(b"x%d: %s\r\n" % (index, b"a" * 300) for index in range(90))
    raw = GET + b"connection: close\r\n" + headers + b"\r\n"
    assert (await exchange(door.port, raw)).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("sent", [b"", b"GET /livez HT", GET + b"x: 1\r\n"])
async def test_a_head_that_does_not_come_is_given_up(
    door: Door, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.05)
    answer = await asyncio.wait_for(exchange(door.port, sent), 2)
    assert answer == b"" if not sent else answer.startswith(b"HTTP/1.1 408 ")


async def test_a_second_head_in_pieces_is_bounded_in_time_too(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.05)
    answer = await asyncio.wait_for(exchange(door.port, GET + b"\r\n" + GET), 2)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 408 " in answer


async def test_a_broken_second_request_is_not_answered_into_the_first_ones_answer(door: Door) -> None:
    door.backend.steps = (FOREVER,)
    body = b'{"model":"lite","messages":[{"role":"user","content":"Hi"}],"stream":true}'
    one = request_bytes("/v1/chat/completions", body, x_api_key="inference-key", connection="keep-alive")
    async with connection(door.port) as (reader, writer):
        writer.write(one)
        await door.backend.waiting.wait()
        writer.write(b"nonsense\r\n\r\n")
        answer = await reader.read(-1)
    assert answer.count(b"HTTP/1.1 ") <= 1
    await until(lambda: door.backend.in_flight == 0)


@pytest.mark.parametrize("upgrade", ["h2c", "websocket", "TLS/1.2"])
async def test_an_offer_to_upgrade_is_passed_over_and_the_body_read(door: Door, upgrade: str) -> None:
    """Java's HttpClient offers h2c with every request; the offer may be ignored (RFC 9110 §7.8)."""
    door.backend.steps = (chat_reply(),)
    body = b'{"model":"lite","messages":[{"role":"user","content":"Hi"}]}'
    raw = request_bytes(
        "/v1/chat/completions",
        body,
        x_api_key="inference-key",
        connection="Upgrade, HTTP2-Settings",
        upgrade=upgrade,
        http2_settings="AAMAAABkAAQAAP__",
    )
    async with connection(door.port) as (reader, writer):
        writer.write(raw)
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 2)
    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_the_absolute_form_does_not_choose_another_path(door: Door) -> None:
    raw = b"GET http://evil/admin/providers/status HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    assert (await exchange(door.port, raw)).startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 401 "))


async def test_a_connection_ends_after_its_share_of_requests(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "REQUESTS", 3)
    answer = await exchange(door.port, (GET + b"\r\n") * 5)
    assert answer.count(b"HTTP/1.1 200 ") == 3
    assert answer.count(b"connection: close") == 1


async def test_many_offers_in_one_read_are_all_passed_over(door: Door) -> None:
    offer = GET + b"connection: upgrade\r\nupgrade: h2c\r\n\r\n"
    answer = await exchange(door.port, offer * 2000 + GET + b"connection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200 ") == 2001


async def test_what_follows_an_offer_is_still_framed(door: Door) -> None:
    """A body must not become a second request."""
    door.backend.steps = (chat_reply(),)
    offer = POST + b"connection: upgrade, close\r\nupgrade: h2c\r\ncontent-length: %d\r\n\r\n" % len(SMUGGLED)
    answer = await exchange(door.port, offer + SMUGGLED)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1


async def test_pipelined_requests_are_answered_in_their_order(door: Door) -> None:
    """Also where the answer is written past uvicorn, and the next request has been parsed meanwhile."""
    health = GET + b"\r\n"
    last = GET.replace(b"/livez", b"/nowhere") + b"x-request-id: last\r\nconnection: close\r\n\r\n"
    head = GET.replace(b"GET", b"HEAD") + b"\r\n"
    answer = await asyncio.wait_for(exchange(door.port, health + head + health + last), 2)
    assert re.findall(rb"HTTP/1\.1 (\d+)", answer) == [b"200", b"200", b"200", b"401"]
    assert answer.count(b"{") == 2 + 2  # the second has a head alone; an error's object is nested
    assert b"x-request-id: last" in answer
    assert b"connection: close" in answer


@pytest.mark.parametrize("kept", [b"", b"connection: keep-alive\r\n"], ids=["plain", "keep-alive"])
async def test_an_answer_to_http_1_0_has_its_length_and_ends_the_connection(door: Door, kept: bytes) -> None:
    door.backend.steps = (chat_reply("Hello"),)
    answer = await asyncio.wait_for(exchange(door.port, old_request(stream=False, headers=kept)), 2)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")  # the server's own version: RFC 9110 §6.2
    assert head.count(b"\r\nconnection: close") == 1
    assert b"\r\ncontent-length: %d" % len(body) in head
    assert b"transfer-encoding" not in head
    assert json.loads(body)["choices"][0]["message"]["content"] == "Hello"


@pytest.mark.parametrize("kept", [b"", b"connection: keep-alive\r\n"], ids=["plain", "keep-alive"])
async def test_a_stream_to_http_1_0_is_unframed_and_ends_with_the_connection(door: Door, kept: bytes) -> None:
    """RFC 9112 §6.1: chunks are for who is known to understand them."""
    request = old_request(stream=True, headers=kept)
    door.backend.steps = chat_stream()
    answer = await asyncio.wait_for(exchange(door.port, request), 2)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert head.count(b"\r\nconnection: close") == 1
    assert b"transfer-encoding" not in head
    assert b"content-length" not in head
    door.backend.steps = chat_stream()
    framed = await exchange(
        door.port, request.replace(b" HTTP/1.0\r\n", b" HTTP/1.1\r\nconnection: close\r\n")
    )
    assert b"transfer-encoding: chunked" in framed
    assert body == unchunked(framed)
    assert body.endswith(b"data: [DONE]\n\n")


async def test_a_stream_to_http_1_0_behind_another_answer_is_unframed_too(door: Door) -> None:
    door.backend.steps = chat_stream()
    pipelined = GET + b"\r\n" + old_request(stream=True)
    answer = await asyncio.wait_for(exchange(door.port, pipelined), 2)
    assert answer.count(b"HTTP/1.1 200 ") == 2
    assert b"transfer-encoding" not in answer
    assert answer.endswith(b"\n\ndata: [DONE]\n\n")


async def test_http_1_0_hears_no_interim_answer(door: Door) -> None:
    """RFC 9110 §15.2. HTTP/1.1 does, and so may wait with its body."""
    request = old_request(stream=False, headers=b"connection: close\r\nexpect: 100-continue\r\n")
    door.backend.steps = (chat_reply("Hello"),)
    assert (await exchange(door.port, request)).startswith(b"HTTP/1.1 200 ")
    door.backend.steps = (chat_reply("Hello"),)
    newer = request.replace(b"HTTP/1.0", b"HTTP/1.1")
    assert (await exchange(door.port, newer)).startswith(b"HTTP/1.1 100 ")


def test_a_header_with_a_line_break_never_goes_out() -> None:
    with pytest.raises(ValueError, match="line break"):
        protocol.head_of(200, [(b"x", b"a\r\nset-cookie: b")])
    assert protocol.head_of(200, [(b"x", b"a")]) == b"HTTP/1.1 200 OK\r\nx: a\r\n\r\n"


async def test_a_large_answer_is_whole(door: Door) -> None:
    """Past the size up to which head and body leave in one piece."""
    said = "x" * (3 * protocol.JOINED)
    door.backend.steps = (chat_reply(said),)
    body = {"model": "lite", "messages": [{"role": "user", "content": "hi"}]}
    answer = await door.client.post("/v1/chat/completions", json=body, headers={"x-api-key": "inference-key"})
    assert answer.json()["choices"][0]["message"]["content"] == said
