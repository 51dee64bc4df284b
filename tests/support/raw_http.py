"""A caller of the HTTP door that sends exact bytes and keeps every byte that comes back."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tests.support.gateway import KEY

CHAT = "/v1/chat/completions"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; `clean`: its body ended as HTTP says it must, not by a lost connection."""

    status: int
    headers: dict[str, str]
    body: bytes
    clean: bool = True

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[str]:
        """Of a stream: each event's lines."""
        return self.body.decode().removesuffix("\n\n").split("\n\n")


class Connection:
    """One connection to a door; one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, body: bytes, path: str = CHAT, *, method: str = "POST", **headers: str) -> None:
        """Sends one request; underscores in header names become hyphens, an empty value leaves one out."""
        lines = {"host": "localhost", "x-api-key": KEY, "content-type": "application/json"}
        lines |= {"content-length": str(len(body))}
        lines |= {name.replace("_", "-"): value for name, value in headers.items()}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
        self.writer.write(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body)
        await self.writer.drain()

    async def head(self) -> tuple[int, dict[str, str]]:
        """The status and headers of the answer."""
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines[1:] if line)
        return int(lines[0].split()[1]), {name.lower(): value.strip() for name, _, value in pairs}

    async def piece(self) -> bytes:
        """The next piece of a chunked body; b"" is its regular end."""
        size = int(await self.reader.readuntil(b"\r\n"), 16)
        return (await self.reader.readexactly(size + 2))[:-2]

    async def answer(self) -> Answer:
        """The whole answer, to its end."""
        status, headers = await self.head()
        body, clean = b"", True
        try:
            if headers.get("transfer-encoding") == "chunked":
                while piece := await self.piece():
                    body += piece
            else:
                body = await self.reader.readexactly(int(headers["content-length"]))
        except (asyncio.IncompleteReadError, ConnectionError):
            clean = False
        return Answer(status, headers, body, clean)

    def close(self) -> None:
        self.writer.close()


@asynccontextmanager
async def connected(address: str) -> AsyncIterator[Connection]:
    """A connection to `HOST:PORT`, with or without http://, or to `unix:PATH`."""
    if address.startswith("unix:"):
        reader, writer = await asyncio.open_unix_connection(address.removeprefix("unix:"))
    else:
        host, _, port = address.removeprefix("http://").rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield Connection(reader, writer)
    finally:
        writer.close()
        try:
            await writer.wait_closed()
        except ConnectionError:
            pass  # reset by the other side, which some tests are about


async def ask(address: str, body: bytes, path: str = CHAT, **headers: str) -> Answer:
    """One request on a connection of its own."""
    async with connected(address) as connection:
        await connection.send(body, path, **headers)
        return await connection.answer()


def chat(route: str = "lite", **members: Any) -> bytes:
    """A chat request's body."""
    return json.dumps(
        {"model": route, "messages": [{"role": "user", "content": "Hello"}], **members}
    ).encode()
