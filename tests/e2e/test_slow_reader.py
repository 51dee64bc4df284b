"""A reader that takes 10 kB/s of a 50 MB stream costs the gateway almost nothing, and misses nothing."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from typing import Any

import grpc
import pytest
import pytest_asyncio

from switch_grpc.v1 import chat_pb2, switch_pb2_grpc
from tests.support.commands import Served, at, mocking, resident_kb, serving, written
from tests.support.gateway import KEY
from tests.support.raw_http import CHAT, chat

pytestmark = [pytest.mark.timing, pytest.mark.asyncio(loop_scope="module")]

SIZE = 50_000_000  # bytes of text in the stream
CHUNK = 4_000  # bytes of text in each of its chunks
PAUSE = 0.4  # seconds in which the slow reader takes as many: 10 kB/s
TAKES = 12
STOPPED = 10  # readers that take nothing any more
COST = 16 * 1024  # KiB that it may cost

Take = Callable[[], Any]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    folder = tmp_path_factory.mktemp("slow")
    async with mocking(folder) as url:
        shape = "mock;bytes={};chunks={}"
        models = {
            name: {"providers": [at(url, shape.format(size, size // CHUNK))]} for name, size in SIZES.items()
        }
        async with serving(written(folder, models)) as made:
            yield made


SIZES = {"short": SIZE // 50, "long": SIZE}


@asynccontextmanager
async def http(served: Served, route: str) -> AsyncIterator[Take]:
    """Takes bytes from a socket with the kernel's usual buffers; b"" at the end."""
    loop, body, tail = asyncio.get_running_loop(), chat(route, stream=True), b""
    host, _, port = served.http.rpartition(":")
    with socket.create_connection((host, int(port))) as sock:
        sock.setblocking(False)
        head = f"POST {CHAT} HTTP/1.1\r\nhost: x\r\nx-api-key: {KEY}\r\ncontent-length: {len(body)}\r\n\r\n"
        await loop.sock_sendall(sock, head.encode() + body)

        async def take(size: int = CHUNK) -> bytes:
            nonlocal tail
            if tail.endswith(b"\r\n0\r\n\r\n"):
                assert b"data: [DONE]\n\n" in tail
                return b""
            data = await loop.sock_recv(sock, size)
            assert data, "the stream was cut"
            tail = (tail + data)[-64:]
            return data

        yield take


@asynccontextmanager
async def by_grpc(served: Served, route: str) -> AsyncIterator[Take]:
    """Takes one chunk; b"" at the end."""
    hello = [chat_pb2.Message(role=chat_pb2.ROLE_USER, content="Hello")]
    async with grpc.aio.insecure_channel(served.grpc) as channel:
        stub: Any = switch_pb2_grpc.SwitchServiceStub(channel)
        request = chat_pb2.ChatRequest(route=route, messages=hello)
        call = stub.StreamChat(request, metadata=[("x-api-key", KEY)])

        async def take(size: int = 1) -> bytes:
            chunk = await call.read()
            if chunk is grpc.aio.EOF:
                assert await call.code() is grpc.StatusCode.OK
                return b""
            return b" " + "".join(choice.delta.content for choice in chunk.choices).encode()

        yield take


@pytest.mark.parametrize("door", [http, by_grpc], ids=["HTTP", "gRPC"])
async def test_a_slow_reader_of_a_long_stream_costs_less_than_16_mb(served: Served, door: Any):
    async with door(served, "short") as take:  # what the first stream loads is not the slow reader's doing
        while await take(2**20):
            pass
    before = peak = resident_kb(served.command.pid)
    taken = 0
    async with door(served, "long") as take:
        for _ in range(TAKES):
            taken += len(await take())
            peak = max(peak, resident_kb(served.command.pid))
            await asyncio.sleep(PAUSE)
        assert taken <= 2 * CHUNK * TAKES, "this was no slow reader"
        while data := await take(2**20):
            taken += len(data)
            if taken % 2**22 < len(data):
                peak = max(peak, resident_kb(served.command.pid))
    assert taken >= SIZE
    assert peak - before < COST, f"{before} KiB before, {peak} KiB at most"


async def test_readers_that_stop_cost_what_lies_in_their_transports_and_no_more(served: Served):
    body = chat("long", stream=True)
    head = f"POST {CHAT} HTTP/1.1\r\nhost: x\r\nx-api-key: {KEY}\r\ncontent-length: {len(body)}\r\n\r\n"
    host, _, port = served.http.rpartition(":")
    before = peak = resident_kb(served.command.pid)
    with ExitStack() as sockets:
        for _ in range(STOPPED):
            sock = sockets.enter_context(socket.create_connection((host, int(port)), timeout=30))
            sock.sendall(head.encode() + body)
            assert sock.recv(12) == b"HTTP/1.1 200"
        for _ in range(20):
            await asyncio.sleep(0.1)
            peak = max(peak, resident_kb(served.command.pid))
    assert (peak - before) / STOPPED < COST / 4, f"{before} KiB before, {peak} KiB with {STOPPED} of them"
