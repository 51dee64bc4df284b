"""A real uvicorn server in this process, on loopback, and a raw client for exact bytes."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress

import uvicorn
from starlette.types import ASGIApp
from uvicorn.server import ServerState

from http_facade.protocol import uvicorn_options


@asynccontextmanager
async def serving(app: ASGIApp, http: str | None = None) -> AsyncGenerator[int, None]:
    """Serves `app` as the gateway does, or by another of uvicorn's protocols; gives the port.

    Open connections are cut at the end.
    """
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    options = uvicorn_options() | ({"http": http} if http else {})
    config = uvicorn.Config(app, log_config=None, **options)
    config.load()
    state = ServerState()
    protocols = lambda: config.http_protocol_class(config, state, {})  # noqa: E731
    server = await asyncio.get_running_loop().create_server(protocols, sock=listener)
    try:
        yield listener.getsockname()[1]
    finally:
        server.close()
        for each in list(state.connections):
            each.transport.abort()
        if state.tasks:
            await asyncio.wait(state.tasks, timeout=2)


@asynccontextmanager
async def connection(port: int) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter], None]:
    """A raw connection, closed at the end of the block if it is not yet."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def exchange(port: int, data: bytes) -> bytes:
    """Sends bytes as they are; gives what comes back, to the connection's end."""
    async with connection(port) as (reader, writer):
        writer.write(data)
        with suppress(
            ConnectionError
        ):  # refused and closed before all was sent: there is an answer all the same
            await writer.drain()
        return await reader.read(-1)


async def until(condition: Callable[[], bool]) -> None:
    """Returns once the condition holds; looks every millisecond, for two seconds."""
    async with asyncio.timeout(2):
        while not condition():  # noqa: ASYNC110  # conditions here are facts of the server, without an event
            await asyncio.sleep(0.001)


def request_bytes(path: str, body: bytes = b"", *, method: str = "POST", **headers: str) -> bytes:
    """A request that closes its connection; underscores in header names become hyphens."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    lines = {"host": "gateway", "connection": "close", **given}
    if body or method == "POST":
        lines.setdefault("content-length", str(len(body)))
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body


def unchunked(data: bytes) -> bytes:
    """The body of an answer with chunked encoding; each write of the server is one chunk."""
    return b"".join(chunks(data))


def chunks(data: bytes) -> list[bytes]:
    """The chunks of an answer's body: what the server wrote, write by write."""
    _, _, rest = data.partition(b"\r\n\r\n")
    found = []
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        if length:
            found.append(rest[:length])
        rest = rest[length + 2 :]
    return found
