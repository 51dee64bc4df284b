"""An HTTP server that answers each path with recorded bytes, and keeps its connections open."""

import asyncio
import http
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class Replay:
    """Answers by the first segment of the path; `asked` counts what came for each."""

    replies: Mapping[str, bytes]
    url: str = ""
    asked: dict[str, int] = field(default_factory=dict)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                lengths = (line.partition(":") for line in head.lower().splitlines()[1:])
                length = next((int(value) for name, _, value in lengths if name == "content-length"), 0)
                await reader.readexactly(length)
                name = head.split(" ", 2)[1].split("/")[1]
                self.asked[name] = self.asked.get(name, 0) + 1
                writer.write(self.replies[name])
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def answer(status: int, body: str, headers: Mapping[str, str] | None = None) -> bytes:
    """A whole answer as a provider sends it."""
    data = body.encode()
    try:
        phrase = http.HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    kind = "application/json" if body.lstrip().startswith(("{", "[")) else "text/html"
    lines = {"Content-Type": kind, **(headers or {}), "Content-Length": str(len(data))}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} {phrase}\r\n{head}\r\n".encode() + data


@asynccontextmanager
async def replaying(replies: Mapping[str, bytes]) -> AsyncIterator[Replay]:
    replay = Replay(replies)
    server = await asyncio.start_server(replay.serve, "127.0.0.1", 0)
    replay.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield replay
    finally:
        server.close()
