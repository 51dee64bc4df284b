"""Load by HTTP/1.1 from raw sockets, in a process of its own; prints one JSON line.

    python -m tests.bench.peers.load_http rate   --url URL --conns 8 --rate 80   paced: latency
    python -m tests.bench.peers.load_http stream --url URL --conns 16            as fast as it goes
    python -m tests.bench.peers.load_http fault  --url URL [--stream]            outcome of each request

A request that had to wait for a busy connection counts from when it was due (no coordinated omission).
"""

import argparse
import asyncio
import json
import re
import time
from collections import Counter
from typing import Any, cast
from urllib.parse import urlsplit

import uvloop

from tests.bench.peers.percentiles import spread

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
LAST_CHUNK = b"0\r\n\r\n"
now = time.perf_counter


class Answer:
    """What one request brought."""

    def __init__(self) -> None:
        self.status = 0
        self.events = 0
        self.done = False  # [DONE] came
        self.start = now()
        self.first = self.end = 0.0  # of the body
        self.body = b""  # of an error, its beginning


class Connection(asyncio.Protocol):
    """A keep-alive connection, one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._future: asyncio.Future[Answer] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are of no class of asyncio's

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if self._future is not None and not self._future.done():
            if self._head and not self._chunked and self._length is None:
                self._finish()  # the body ends with the connection
            else:
                self._future.set_exception(error or ConnectionResetError("closed within the answer"))

    async def send(self, address: tuple[str, int], payload: bytes, timeout_s: float) -> Answer:
        loop = asyncio.get_running_loop()
        if self._transport is None:
            await loop.create_connection(lambda: self, *address)
        if self._transport is None:
            raise ConnectionResetError("closed as soon as it was open")
        self._answer, self._head, self._buffer, self._tail, self._size = Answer(), b"", b"", b"", 0
        self._length: int | None = None
        self._chunked = False
        self._future = loop.create_future()
        self._transport.write(payload)
        try:
            return await asyncio.wait_for(self._future, timeout_s)
        except BaseException:
            if self._transport is not None:
                self._transport.abort()
                self._transport = None
            raise

    def data_received(self, data: bytes) -> None:
        if self._future is None or self._future.done():
            return
        if not self._head:
            self._buffer += data
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            self._read_head(self._buffer[:end])
            data = self._buffer[end + 4 :]
        if data or self._length == 0:
            self._read_body(data)

    def _read_head(self, head: bytes) -> None:
        self._head = head
        self._answer.status = int(head[9:12])
        length = LENGTH.search(head)
        self._length = int(length[1]) if length else None
        self._chunked = b"transfer-encoding: chunked" in head.lower()

    def _read_body(self, data: bytes) -> None:
        answer = self._answer
        answer.first = answer.first or now()
        self._size += len(data)
        if answer.status != 200 and len(answer.body) < 200:
            answer.body += data
        joined = self._tail + data  # a mark may be split between two reads
        answer.events += joined.count(b"data: {") - self._tail.count(b"data: {")
        answer.done = answer.done or b"data: [DONE]" in joined
        self._tail = joined[-12:]
        if self._length is not None:
            if self._size >= self._length:
                self._finish()
        elif self._chunked and (joined == LAST_CHUNK or joined.endswith(b"\r\n" + LAST_CHUNK)):
            self._finish()

    def _finish(self) -> None:
        assert self._future is not None
        self._answer.end = now()
        if not self._future.done():
            self._future.set_result(self._answer)


class Load:
    """One payload, sent over and over to one address."""

    def __init__(self, options: argparse.Namespace) -> None:
        url = urlsplit(options.url)
        self.options = options
        self._address = (url.hostname or "127.0.0.1", url.port or 80)
        self._payload = payload(options)

    async def ask(self, connection: Connection) -> Answer:
        return await connection.send(self._address, self._payload, self.options.timeout)

    async def rate(self) -> dict[str, Any]:
        options = self.options
        latencies: list[float] = []
        bad = 0
        begin = now() + 0.05

        async def work(number: int) -> None:
            nonlocal bad
            connection = Connection()
            due = begin + number / options.rate
            while due <= begin + options.secs:
                since = due
                if (wait := due - now()) > 0:
                    await asyncio.sleep(wait)
                    since = now()  # the timer's error is ours, not the server's
                due += options.conns / options.rate
                try:
                    answer = await self.ask(connection)
                except (OSError, TimeoutError):
                    bad += 1
                    continue
                if answer.status == 200:
                    latencies.append(answer.end - since)
                else:
                    bad += 1

        await asyncio.gather(*(work(number) for number in range(options.conns)))
        return {"bad": bad, **spread(latencies)}

    async def stream(self) -> dict[str, Any]:
        good: list[Answer] = []
        bad = 0
        begin = now()

        async def work() -> None:
            nonlocal bad
            connection = Connection()
            while now() < begin + self.options.secs:
                try:
                    answer = await self.ask(connection)
                except (OSError, TimeoutError):
                    bad += 1
                    await asyncio.sleep(0.01)
                    continue
                if answer.status == 200:
                    good.append(answer)
                else:
                    bad += 1

        await asyncio.gather(*(work() for _ in range(self.options.conns)))
        events = sum(a.events for a in good)
        return {
            "bad": bad,
            "incomplete": sum(not a.done for a in good),
            "streams": len(good),
            "events": events,
            "chunks_s": round(events / (now() - begin), 1),
            "events_per_stream": round(events / max(1, len(good)), 2),
            "ttfb": spread([a.first - a.start for a in good]),
            "total": spread([a.end - a.start for a in good]),
        }

    async def fault(self) -> dict[str, Any]:
        outcomes: Counter[str] = Counter()
        samples: dict[str, str] = {}
        latencies: list[float] = []
        left = self.options.count

        async def work() -> None:
            nonlocal left
            connection = Connection()
            while left > 0:
                left -= 1
                start = now()
                try:
                    answer = await self.ask(connection)
                except (OSError, TimeoutError) as error:
                    outcomes[type(error).__name__] += 1
                    continue
                outcome = str(answer.status)
                if answer.status != 200:
                    samples.setdefault(outcome, answer.body.decode(errors="replace")[:160])
                elif self.options.stream:
                    outcome = "200 complete" if answer.done else "200 truncated"
                outcomes[outcome] += 1
                if outcome in ("200", "200 complete"):
                    latencies.append(now() - start)

        await asyncio.gather(*(work() for _ in range(self.options.conns)))
        result = {"success": len(latencies), "count": self.options.count, "outcomes": dict(outcomes)}
        return {**result, "latency": spread(latencies), "samples": samples}


def payload(options: argparse.Namespace) -> bytes:
    """The request's bytes."""
    url = urlsplit(options.url)
    request: dict[str, Any] = {
        "model": options.model,
        "messages": [
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": "Hello! Say something nice, please."},
        ],
    }
    if options.stream or options.what == "stream":
        request |= {"stream": True, "stream_options": {"include_usage": True}}
    body = json.dumps(request, separators=(",", ":")).encode()
    headers = "".join(f"{name}: {value}\r\n" for name, value in (h.split("=", 1) for h in options.header))
    head = f"POST {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Type: application/json\r\n{headers}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["rate", "stream", "fault"])
    parser.add_argument("--url", required=True)
    parser.add_argument("--conns", type=int, default=1)
    parser.add_argument(
        "--rate", type=float, default=20, help="requests per second, all connections together"
    )
    parser.add_argument("--secs", type=float, default=5)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--timeout", type=float, default=15)
    parser.add_argument("--stream", action="store_true")
    parser.add_argument("--model", default="gpt-4o-mini")
    parser.add_argument("--header", action="append", default=[], metavar="NAME=VALUE")
    options = parser.parse_args()
    load = Load(options)
    measure = {"rate": load.rate, "stream": load.stream, "fault": load.fault}[options.what]
    print(json.dumps(uvloop.run(measure())))


if __name__ == "__main__":
    main()
