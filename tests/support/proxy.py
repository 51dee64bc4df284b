"""A real HTTP proxy on loopback: CONNECT for https, requests in absolute form for http."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from tests.support.raw_server import reset


class Proxy:
    """Where it listens, and the request lines that it got."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.asked: list[str] = []


@asynccontextmanager
async def http_proxy() -> AsyncIterator[Proxy]:
    """Passes on whatever both sides send, their ends and their resets too."""
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await _pass_on(proxy, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    listener = await asyncio.start_server(handle, "127.0.0.1", 0)
    proxy = Proxy(listener.sockets[0].getsockname()[1])
    try:
        yield proxy
    finally:
        listener.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pass_on(proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, _, fields = head.partition("\r\n")
    proxy.asked.append(line)
    method, place, _ = line.split(" ")
    parts = urlsplit(f"//{place}" if method == "CONNECT" else place)
    try:
        out_reader, out_writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
    except OSError:
        writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        return
    if method == "CONNECT":
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    else:
        path = place.partition(parts.netloc)[2] or "/"
        out_writer.write(f"{method} {path} HTTP/1.1\r\n{fields}".encode("latin-1"))
    try:
        await asyncio.gather(_pipe(reader, out_writer), _pipe(out_reader, writer))
    finally:
        out_writer.close()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()
    except ConnectionError:
        reset(writer)
