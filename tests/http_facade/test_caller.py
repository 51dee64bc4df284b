"""The door under a server that is not ours: the same answers, the same promptness, by plain ASGI."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from http_facade.app import create_app
from switch_grpc.faults import Kind
from tests.http_facade.conftest import SETTINGS
from tests.support.http_server import connection, exchange, request_bytes, serving, until
from tests.support.scripted_backend import FOREVER, ScriptedBackend, chat_chunk, chat_reply, route_info

BODY = b'{"model":"lite","messages":[{"role":"user","content":"Hi"}]}'
CHAT = request_bytes("/v1/chat/completions", BODY, x_api_key="inference-key")
STREAM = request_bytes("/v1/chat/completions", BODY[:-1] + b',"stream":true}', x_api_key="inference-key")


@pytest.fixture
def backend() -> ScriptedBackend:
    return ScriptedBackend()


@pytest.fixture(params=["h11", "httptools"])
async def port(request: pytest.FixtureRequest, backend: ScriptedBackend) -> AsyncGenerator[int, None]:
    async with serving(create_app(backend, settings=SETTINGS), http=request.param) as port:
        yield port


async def test_a_reply(port: int, backend: ScriptedBackend) -> None:
    backend.steps = (chat_reply(),)
    assert (await exchange(port, CHAT)).startswith(b"HTTP/1.1 200 ")
    assert backend.outcome is None


@pytest.mark.parametrize("request_", [CHAT, STREAM], ids=["unary", "stream"])
async def test_a_caller_that_leaves_cancels_the_work(
    port: int, backend: ScriptedBackend, request_: bytes
) -> None:
    backend.steps = (FOREVER,)
    async with connection(port) as (_, writer):
        writer.write(request_)
        await backend.waiting.wait()
    await asyncio.wait_for(backend.stopped.wait(), 0.1)
    await until(lambda: backend.in_flight == 0)
    assert backend.outcome is Kind.CANCELLED


async def test_a_reader_that_takes_nothing_ends_the_work(port: int, backend: ScriptedBackend) -> None:
    big = chat_chunk("x" * 1_000_000, route_info=route_info())
    backend.steps = tuple([big] for _ in range(100))
    async with connection(port) as (_, writer):
        writer.transport.pause_reading()
        writer.write(STREAM)
        await asyncio.wait_for(backend.stopped.wait(), 5)
        await until(lambda: backend.in_flight == 0)
    assert backend.outcome is Kind.CANCELLED


async def test_a_body_that_stops_coming_is_408(port: int) -> None:
    raw = request_bytes("/v1/chat/completions", x_api_key="inference-key", content_length="9")
    assert (await exchange(port, raw + b"{")).startswith(b"HTTP/1.1 408 ")
