"""Request bodies: what is refused, by which status, and that it never is a 5xx."""

import httpx
import pytest

from tests.http_facade.conftest import SETTINGS, Door
from tests.support.http_server import connection, exchange, request_bytes
from tests.support.scripted_backend import chat_reply

CHAT = "/v1/chat/completions"
GOOD = b'{"model":"lite","messages":[{"role":"user","content":"Hi"}]}'


async def post(door: Door, body: bytes, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await door.client.post(CHAT, content=body, headers=named)


@pytest.mark.parametrize(
    "kind",
    ["application/json", "Application/JSON; charset=utf-8", "application/json ;charset=UTF-8", "text/json"],
)
async def test_json_is_taken_however_its_type_is_spelt(door: Door, kind: str) -> None:
    door.backend.steps = (chat_reply(),)
    assert (await post(door, GOOD, content_type=kind, content_encoding="identity")).status_code == 200


async def test_a_body_without_a_type_is_json(door: Door) -> None:
    door.backend.steps = (chat_reply(),)
    assert (await post(door, GOOD)).status_code == 200


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("content_type", "text/plain"),
        ("content_type", "multipart/form-data; boundary=x"),
        ("content_type", "application/x-www-form-urlencoded"),
        ("content_type", ""),
        ("content_type", "application/jsonx"),
        ("content_encoding", "gzip"),
        ("content_encoding", "identity, gzip"),
    ],
)
async def test_anything_but_plain_json_is_415_and_names_the_header(
    door: Door, header: str, value: str
) -> None:
    answer = await post(door, GOOD, **{header: value})
    assert (answer.status_code, answer.json()["error"]["param"]) == (415, header.replace("_", "-"))
    assert answer.json()["error"]["code"] == "unsupported_media_type"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"nonsense",
        b"[]",
        b"null",
        b'"text"',
        b"5",
        b"{}",
        b'{"model": 5}',
        b'{"model": null, "messages": []}',
        b'{"model": "lite"}',
        b'{"model": "lite", "messages": "Hi"}',
        b'{"model": "lite", "messages": {}}',
        b"\xff\xfe{}",
        b'{"model": "lite", "messages": []',
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
    ids=lambda body: body[:24].decode("latin-1"),
)
async def test_a_malformed_body_is_400_with_a_message(door: Door, body: bytes) -> None:
    answer = await post(door, body)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert answer.json()["error"]["message"]


async def test_a_body_that_is_announced_too_large_is_not_read(door: Door) -> None:
    size = str(SETTINGS.max_body + 1)
    head = request_bytes(CHAT, x_api_key="inference-key", content_length=size, expect="100-continue")
    answer = await exchange(door.port, head.replace(b"connection: close\r\n", b""))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer
    assert b"request_too_large" in answer


async def test_a_chunked_body_is_cut_off_at_the_limit(door: Door) -> None:
    head = request_bytes(CHAT, method="PUT", x_api_key="inference-key", transfer_encoding="chunked")
    part = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    async with connection(door.port) as (reader, writer):
        writer.write(head.replace(b"PUT", b"POST", 1).replace(b"connection: close\r\n", b""))
        for _ in range(SETTINGS.max_body // 0x10000 + 1):
            writer.write(part)
        answer = await reader.read(-1)
    assert answer.startswith(b"HTTP/1.1 413 ")


async def test_the_largest_body_is_taken(door: Door) -> None:
    door.backend.steps = (chat_reply(),)
    assert (await post(door, GOOD + b" " * (SETTINGS.max_body - len(GOOD)))).status_code == 200
    assert (await post(door, GOOD + b" " * (SETTINGS.max_body - len(GOOD) + 1))).status_code == 413


async def test_a_body_that_stops_coming_is_408(door: Door) -> None:
    head = request_bytes(CHAT, x_api_key="inference-key", content_length="100")
    answer = await exchange(door.port, head + b"{")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"request_timeout" in answer


async def test_a_body_in_pieces_is_whole(door: Door) -> None:
    door.backend.steps = (chat_reply(),)
    async with connection(door.port) as (reader, writer):
        writer.write(request_bytes(CHAT, x_api_key="inference-key", content_length=str(len(GOOD))))
        for index in range(len(GOOD)):
            writer.write(GOOD[index : index + 1])
            await writer.drain()
        assert (await reader.read(-1)).startswith(b"HTTP/1.1 200 ")
