"""A gateway in a process of its own, and calls that stay open."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc

from switch_grpc.mock.server import MockServer
from switch_grpc.v1 import chat_pb2, switch_pb2_grpc
from tests.support.commands import Served, at, written
from tests.support.gateway import KEY
from tests.support.raw_http import Connection, ask, chat

METADATA = [("x-api-key", KEY)]
HELLO = chat_pb2.Message(role=chat_pb2.ROLE_USER, content="Hello")
SLOW = "mock;gap=20;chunks=100"  # a stream of two seconds
ENDLESS = "mock;gap=20;chunks=100000"


def config(folder: Path, mock: MockServer, *, drain: dict[str, int] | None = None, **more: str) -> Path:
    """Routes to the mock: `lite`, `slow`, `endless`, and `more` by model name."""
    models = {"lite": "mock", "slow": SLOW, "endless": ENDLESS, **more}
    routes = {name: {"providers": [at(mock.url, model)]} for name, model in models.items()}
    return written(folder, routes, drain=drain or {"delayMs": 0, "timeoutMs": 20_000})


@asynccontextmanager
async def stub_of(address: str) -> AsyncIterator[Any]:
    async with grpc.aio.insecure_channel(address) as channel:
        yield switch_pb2_grpc.SwitchServiceStub(channel)


async def opened(served: Served, connection: Connection, route: str = "slow") -> None:
    """A stream of which the caller has the first bytes."""
    await connection.send(chat(route, stream=True))
    assert (await connection.head())[0] == 200
    assert await connection.piece()


async def read_on(stream: Any) -> int:
    """How many chunks still come."""
    chunks = 0
    while await stream.read() is not grpc.aio.EOF:
        chunks += 1
    return chunks


async def rest(connection: Connection) -> bytes:
    """What still comes of a stream, which must end as HTTP says."""
    body = b""
    while piece := await connection.piece():
        body += piece
    return body


async def whole(call: Any) -> Any:
    return await call


async def refuses(address: str) -> None:
    """Returns once nobody accepts connections there any more."""
    host, _, port = address.rpartition(":")
    async with asyncio.timeout(5):
        while True:
            try:
                _, writer = await asyncio.open_connection(host, int(port))
            except ConnectionRefusedError:
                return
            writer.close()
            await asyncio.sleep(0.01)


async def until_status(served: Served, route: str, status: int) -> None:
    async with asyncio.timeout(10):
        while (await ask(served.http, chat(route))).status != status:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
