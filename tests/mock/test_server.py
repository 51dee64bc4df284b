"""The mock over real sockets, byte by byte: framing, faults, cancellation, flow control, own endpoints."""

import asyncio
import json
import resource
import socket
import ssl
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from switch_grpc.mock import MockServer

pytestmark = pytest.mark.timing


def head(path: str, size: int, *headers: str, method: str = "POST") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "host: mock", f"content-length: {size}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def chat(model: str = "mock", *headers: str, path: str = "/v1/chat/completions", **fields: Any) -> bytes:
    body = {"model": model, "messages": [{"role": "user", "content": "Hello there"}], **fields}
    data = json.dumps(body).encode()
    return head(path, len(data), *headers) + data


async def ask(mock: MockServer, request: bytes) -> bytes:
    """Everything that comes until the mock closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", mock.port)
    writer.write(request)
    try:
        return await reader.read(-1)
    finally:
        writer.close()


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


async def read_reply(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """One answer of known length: head and body."""
    top = await reader.readuntil(b"\r\n\r\n")
    length = int(top.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    return top, await reader.readexactly(length)


def events(data: bytes) -> list[bytes]:
    """The chunks of a chunked body, which the mock makes one event each."""
    body = data.partition(b"\r\n\r\n")[2]
    found = []
    while body:
        size, _, body = body.partition(b"\r\n")
        found.append(body[: int(size, 16)])
        body = body[int(size, 16) + 2 :]
    return found


async def test_pipelined_requests_are_answered_in_order_on_one_connection():
    async with MockServer() as mock:
        reader, writer = await asyncio.open_connection("127.0.0.1", mock.port)
        writer.write(b"".join(chat(f"model-{k};delay=5") for k in range(20)))
        models = [json.loads((await read_reply(reader))[1])["model"] for _ in range(20)]
        assert models == [f"model-{k};delay=5" for k in range(20)]
        assert mock.open_connections == 1
        assert {request.connection for request in mock.requests} == {1}
        writer.close()
        await mock.until(lambda: mock.open_connections == 0)


async def test_a_request_may_come_byte_by_byte_and_chunked():
    body = b'{"model":"mock","messages":[{"role":"user","content":"split"}]}'
    request = (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: m\r\nconnection: close\r\n"
        b"transfer-encoding: chunked\r\n\r\n"
        + b"".join(b"1\r\n%c\r\n" % byte for byte in body)
        + b"0\r\n\r\n"
    )
    async with MockServer() as mock:
        reader, writer = await asyncio.open_connection("127.0.0.1", mock.port)
        for k in range(0, len(request), 7):
            writer.write(request[k : k + 7])
            await writer.drain()
            await asyncio.sleep(0)
        answer = await reader.read(-1)
        writer.close()
        assert b"You said: split." in answer
        assert mock.requests[0].body == body


async def test_an_expected_continue_is_given_before_the_body():
    async with MockServer() as mock:
        reader, writer = await asyncio.open_connection("127.0.0.1", mock.port)
        top, _, body = chat("mock", "expect: 100-continue").partition(b"\r\n\r\n")
        writer.write(top + b"\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(body)
        assert (await read_reply(reader))[0].startswith(b"HTTP/1.1 200 OK")
        writer.close()


async def test_what_is_no_http_gets_a_400_and_the_end():
    async with MockServer() as mock:
        assert (await ask(mock, b"\x16\x03\x01\x02\x00\r\n\r\n")).startswith(b"HTTP/1.1 400 Bad Request")
        assert mock.requests == []


async def test_every_answer_has_its_attempt_id_in_the_head_and_in_the_id():
    async with MockServer() as mock, httpx.AsyncClient(base_url=mock.url) as client:
        body = {"model": "mock", "messages": [{"role": "user", "content": "hi"}]}
        first, second = [await client.post("/chat/completions", json=body) for _ in range(2)]
        assert first.headers["x-mock-request-id"] == mock.requests[0].id
        assert first.json()["id"] == f"chatcmpl-{mock.requests[0].id}"
        assert first.json()["id"] != second.json()["id"]
        assert first.json()["choices"] == second.json()["choices"]
        assert mock.requests[1].headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "path", ["/chat/completions", "/v1/chat/completions", "/a/b-c/v1/chat/completions?x=1"]
)
async def test_any_prefix_leads_to_the_operation(path: str):
    async with MockServer() as mock:
        assert (await ask(mock, chat("mock", "connection: close", path=path))).startswith(b"HTTP/1.1 200")
        assert mock.requests[0].path == path


@pytest.mark.parametrize(
    ("request_", "status", "words"),
    [
        (chat("mock", path="/v1/nothing"), 404, "Invalid URL (POST /v1/nothing)"),
        (head("/v1/chat/completions", 0, method="GET"), 405, "Not allowed to GET"),
        (head("/v1/chat/completions", 1) + b"{", 400, "could not parse the JSON body"),
        (head("/v1/chat/completions", 2) + b"[]", 400, "Invalid type for 'body'"),
        (head("/v1/chat/completions", 2) + b"{}", 400, "Missing required parameter: 'model'"),
        (chat("missing-model"), 404, "does not exist"),
        (chat("mock;colour=red"), 400, "unknown script key 'colour'"),
        (chat("mock", temperature=3), 400, "'temperature'"),
        (chat("mock", messages=[]), 400, "'messages'"),
        (chat("mock", messages=[{"role": "robot", "content": ""}]), 400, "'robot'"),
        (chat("mock", messages=[{"role": "user", "content": [{"type": "video"}]}]), 400, "'video'"),
        (chat("mock", messages=[{"role": "tool", "content": "", "tool_call_id": "x"}]), 400, "role 'tool'"),
        (chat("mock", tool_choice="required"), 400, "'tool_choice'"),
        (chat("mock", stream_options={"include_usage": True}), 400, "'stream_options'"),
        (chat("mock", max_tokens=1, max_completion_tokens=1), 400, "'max_completion_tokens'"),
        (chat("mock", top_logprobs=2), 400, "'logprobs'"),
        (chat("mock", n="2"), 400, "Invalid type for 'n'"),
        (chat("mock", stop=["a"] * 5), 400, "'stop'"),
    ],
)
async def test_a_wrong_request_is_refused_in_openais_words(request_: bytes, status: int, words: str):
    async with MockServer() as mock:
        reader, writer = await asyncio.open_connection("127.0.0.1", mock.port)
        writer.write(request_)
        top, body = await read_reply(reader)
        writer.close()
        assert top.startswith(b"HTTP/1.1 %d " % status)
        assert words in json.loads(body)["error"]["message"]
        assert mock.requests[0].status == status


async def test_a_key_is_insisted_on_and_can_be_rotated():
    async with MockServer(key="sk-first") as mock, httpx.AsyncClient(base_url=mock.url) as client:

        async def status(**headers: str) -> int:
            return (await client.get("/models", headers=headers)).status_code

        assert await status() == 401
        assert await status(authorization="Bearer sk-wrong") == 401
        assert await status(authorization="bearer sk-first") == 200
        assert await status(**{"x-api-key": "sk-first"}) == 200
        mock.key = "sk-second"
        assert await status(authorization="Bearer sk-first") == 401
        assert await status(authorization="Bearer sk-second") == 200


async def test_status_headers_and_times_follow_the_script():
    body = {"model": "mock;status=429;retry-after=2;retry-after-ms=1500;times=2", "prompt": "x"}
    async with MockServer() as mock, httpx.AsyncClient(base_url=mock.url) as client:
        answers = [await client.post("/completions", json=body) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [429, 429, 200]
        assert answers[0].headers["retry-after"] == "2"
        assert answers[0].headers["retry-after-ms"] == "1500"
        assert answers[0].json()["error"]["code"] == "rate_limit_exceeded"
        assert "retry-after" not in answers[2].headers
        mock.reset()
        assert (await client.post("/completions", json=body)).status_code == 429


async def test_a_redirect_names_where_to_go_so_that_followers_are_seen():
    async with MockServer() as mock, httpx.AsyncClient(base_url=mock.url) as client:
        answer = await client.post("/completions", json={"model": "mock;status=302", "prompt": ""})
        assert (answer.status_code, answer.headers["location"]) == (302, "/mock/redirected")


async def test_reset_is_a_reset_and_close_is_an_end():
    async with MockServer() as mock:
        with pytest.raises(ConnectionResetError):
            await ask(mock, chat("mock;fault=reset"))
        assert await ask(mock, chat("mock;fault=close")) == b""
        assert [request.closed_at for request in mock.requests] == [None, None]


async def test_a_reset_in_the_middle_comes_after_the_tokens():
    async with MockServer() as mock:
        reader, writer = await asyncio.open_connection("127.0.0.1", mock.port)
        writer.write(chat("mock;fault=rst-mid;after=2", stream=True))
        got = await reader.readuntil(b" said:")
        got += await reader.readuntil(b"\n\n\r\n")
        with pytest.raises(ConnectionResetError):
            await reader.read(-1)
        writer.close()
        assert [json.loads(one[6:])["choices"][0]["delta"].get("content") for one in events(got)] == [
            "",
            "You",
            " said:",
        ]


async def test_a_cut_lacks_the_last_chunk_and_an_eof_has_it():
    async with MockServer() as mock:
        cut = await ask(mock, chat("mock;fault=cut;after=1", stream=True))
        eof = await ask(mock, chat("mock;fault=eof;after=1", "connection: close", stream=True))
        assert not cut.endswith(b"0\r\n\r\n")
        assert eof.endswith(b"0\r\n\r\n")
        assert b"[DONE]" not in cut + eof


async def test_close_after_ends_an_unannounced_connection_behind_a_whole_answer():
    async with MockServer() as mock:
        answer = await ask(mock, chat("mock;fault=close-after"))
        assert b"connection: close" not in answer
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["choices"]


@pytest.mark.parametrize(
    ("model", "stream"),
    [
        ("mock;delay=60000", False),
        ("mock;fault=hang", False),
        ("mock;fault=hang-head", True),
        ("mock;fault=slow-head;rate=5", True),
        ("mock;fault=stall", True),
        ("mock;fault=stall;ping=5", True),
        ("mock;chunks=1000000;gap=5", True),
        ("mock;bytes=1000000000", True),
    ],
)
async def test_a_peer_that_leaves_is_recorded_in_every_phase(model: str, stream: bool):
    async with MockServer() as mock:
        _, writer = await asyncio.open_connection("127.0.0.1", mock.port)
        writer.write(chat(model, stream=stream))
        await mock.until(lambda: len(mock.requests) == 1)
        left_at = time.monotonic()
        writer.close()
        await mock.until(lambda: mock.requests[0].closed_at is not None)
        closed_at = mock.requests[0].closed_at
        assert closed_at is not None
        assert 0 <= closed_at - left_at < 1
        assert mock.requests[0].finished_at is None
        await mock.until(lambda: mock.open_connections == 0)


async def test_fifty_megabytes_to_a_slow_reader_are_not_held_in_memory():
    size = 50_000_000
    async with MockServer() as mock:
        reader, writer = await asyncio.open_connection("127.0.0.1", mock.port, limit=65536)
        writer.write(chat(f"mock;bytes={size}", stream=True))
        await reader.readuntil(b"\r\n\r\n")
        for _ in range(50):
            await asyncio.sleep(0)  # the mock goes as far as it can while nobody reads
        before = peak = resident_bytes()
        assert mock.requests[0].finished_at is None
        got = 0
        while mock.requests[0].finished_at is None:
            got += len(await reader.read(65536))
            peak = max(peak, resident_bytes())
        assert got > size - 8_000_000  # the rest is in the kernel's buffers
        assert peak - before < 8_000_000
        writer.close()


async def test_a_long_burst_leaves_other_connections_their_turn():
    async with MockServer() as mock:
        reader, writer = await asyncio.open_connection("127.0.0.1", mock.port, limit=2**20)
        writer.write(chat("mock;bytes=1000000000", stream=True))

        async def drain() -> None:
            while await reader.read(2**20):
                pass

        reading = asyncio.get_running_loop().create_task(drain())
        answer = await ask(mock, chat("mock", "connection: close"))
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert mock.requests[0].finished_at is None
        reading.cancel()
        writer.close()


async def test_a_burst_needs_few_reads():
    """Events without a gap leave in one write, each in its own chunk."""
    async with MockServer() as mock:
        reader, writer = await asyncio.open_connection("127.0.0.1", mock.port)
        writer.write(chat("mock;chunks=50", stream=True))
        await reader.readuntil(b"\r\n\r\n")
        data = await reader.read(65536)
        writer.close()
        assert data.endswith(b"0\r\n\r\n")
        assert len(events(b"\r\n\r\n" + data)) == 1 + 50 + 1 + 1 + 1  # role, tokens, finish, [DONE], last


async def test_pace_is_kept():
    async with MockServer() as mock:
        started = time.monotonic()
        await ask(mock, chat("mock;delay=30;ttft=30;gap=5;chunks=8", "connection: close", stream=True))
        assert 0.1 <= time.monotonic() - started < 1


async def test_its_own_endpoints_show_count_and_reset():
    async with MockServer() as mock, httpx.AsyncClient(base_url=f"http://127.0.0.1:{mock.port}") as client:
        await client.post("/v1/completions", json={"model": "mock", "prompt": "x"}, headers={"x-a": "b"})
        await client.post("/v1/completions", json={"model": "mock;status=500", "prompt": "x"})
        shown = (await client.get("/mock/requests")).json()
        assert [one["model"] for one in shown] == ["mock", "mock;status=500"]
        assert shown[0]["headers"]["x-a"] == "b"
        assert json.loads(shown[0]["body"])["prompt"] == "x"
        assert len((await client.get("/mock/requests?limit=1")).json()) == 1
        stats = (await client.get("/mock/stats")).json()
        assert stats["requests"] == 2
        assert stats["by_status"] == {"200": 1, "500": 1}
        assert (stats["in_flight"], stats["open_connections"]) == (0, 1)
        assert (await client.delete("/mock")).json() == {"reset": True}
        assert (await client.get("/mock/requests")).json() == []
        assert (await client.get("/mock/nothing")).status_code == 404


async def test_it_speaks_tls_when_given_a_context():
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with (
        MockServer(tls=context) as mock,
        httpx.AsyncClient(base_url=mock.url, verify=trusting) as client,
    ):
        assert mock.url.startswith("https://")
        assert (await client.get("/models")).status_code == 200
        with pytest.raises(httpx.TransportError):
            await client.post("/completions", json={"model": "mock;fault=reset", "prompt": "x"})


async def test_a_taken_port_is_an_os_error_and_a_closed_mock_frees_its_own():
    async with MockServer() as mock:
        with pytest.raises(OSError, match="in use"):
            await MockServer(port=mock.port).start()
        port = mock.port
    with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
        probe.connect(("127.0.0.1", port))


async def test_until_gives_up_in_time():
    async with MockServer() as mock:
        with pytest.raises(TimeoutError):
            await mock.until(lambda: False, within=0.01)
