"""The upstream of the benchmark: fixed OpenAI answers from a bare protocol, streams, faults on demand.

    python -m tests.bench.peers.upstream --port 9001

The first segments of the path choose what it does, so one process serves many targets:

    /v1/chat/completions                an answer; a burst of 50 events for a stream
    /s/CHUNKS/GAP_MS/v1/...             a stream of that shape; gap 0: one burst, gap < 0: a write per event
    /f/FAULT/v1/...                     500 503 429 reset hang cut slow
"""

import argparse
import asyncio
import json
import re
import socket
import struct
from typing import Any, cast

import uvloop

ANSWER = json.dumps(
    {
        "id": "chatcmpl-mock0123456789abcdef",
        "object": "chat.completion",
        "created": 1760000000,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "Hello! This is a fixed answer from the upstream, long enough to look real.",
                    "refusal": None,
                    "annotations": [],
                },
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": 19,
            "completion_tokens": 21,
            "total_tokens": 40,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        },
        "service_tier": "default",
        "system_fingerprint": "fp_mock000000",
    }
).encode()
MODELS = b'{"object":"list","data":[{"id":"gpt-4o-mini","object":"model","created":1,"owned_by":"mock"}]}'
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def reply(status: str, body: bytes, extra: str = "") -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{extra}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def error(kind: str, text: str) -> bytes:
    return json.dumps({"error": {"message": text, "type": kind, "param": None, "code": None}}).encode()


def frame(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def event(
    delta: dict[str, Any] | None, finish: str | None = None, usage: dict[str, int] | None = None
) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    chunk = {
        "id": "chatcmpl-mock0123456789abcdef",
        "object": "chat.completion.chunk",
        "created": 1760000000,
        "model": "gpt-4o-mini-2024-07-18",
        "service_tier": "default",
        "system_fingerprint": "fp_mock000000",
        "choices": [] if usage else [choice],
        "usage": usage,
    }
    return frame(b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n")


OK = reply("200 OK", ANSWER)
ERRORS = {
    "500": reply("500 Internal Server Error", error("server_error", "injected 500")),
    "503": reply("503 Service Unavailable", error("server_error", "injected 503")),
    "429": reply("429 Too Many Requests", error("rate_limit_error", "injected 429"), "Retry-After: 2\r\n"),
}
STREAM = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
FIRST = event({"role": "assistant", "content": "", "refusal": None})
TOKEN = event({"content": " token"})
TAIL = (
    event({}, "stop")
    + event(None, usage={"prompt_tokens": 19, "completion_tokens": 50, "total_tokens": 69})
    + frame(b"data: [DONE]\n\n")
    + b"0\r\n\r\n"
)
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close sends RST


class Upstream(asyncio.Protocol):
    """One connection; requests one after the other."""

    def __init__(self) -> None:
        self._seen = b""
        self._closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are of no class of asyncio's
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connection_lost(self, error: Exception | None) -> None:
        self._closed = True

    def data_received(self, data: bytes) -> None:
        self._seen += data
        while request := self._take():
            self._answer(*request)

    def _take(self) -> tuple[bytes, bytes] | None:
        """Path and body of the next request, once it is whole."""
        end = self._seen.find(b"\r\n\r\n")
        if end < 0:
            return None
        head, start = self._seen[:end], end + 4
        if length := LENGTH.search(head):
            stop = start + int(length[1])
            if len(self._seen) < stop:
                return None
            body = self._seen[start:stop]
        elif b"transfer-encoding: chunked" in head.lower():
            last = self._seen.find(b"0\r\n\r\n", start)
            if last < 0:
                return None
            body, stop = self._seen[start:last], last + 5
        else:
            body, stop = b"", start
        self._seen = self._seen[stop:]
        return head.split(b" ", 2)[1], body

    def _answer(self, path: bytes, body: bytes) -> None:
        parts = path.decode().split("/")
        if parts[-1] == "models":
            self._transport.write(reply("200 OK", MODELS))
        elif "completions" not in parts[-1]:
            self._transport.write(reply("200 OK", b'{"status":"ok"}'))
        elif parts[1] == "f":
            self._fail(parts[2], b'"stream":true' in body.replace(b" ", b""))
        elif b'"stream":true' not in body.replace(b" ", b""):
            self._transport.write(OK)
        else:
            chunks, gap = (int(parts[2]), float(parts[3]) / 1000) if parts[1] == "s" else (50, 0.0)
            self._stream(chunks, gap)

    def _fail(self, fault: str, stream: bool) -> None:
        loop = asyncio.get_running_loop()
        match fault:
            case "reset":
                self._transport.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, RESET
                )
                self._transport.abort()
            case "hang":
                pass
            case "slow":
                loop.call_later(1.0, self._transport.write, OK)
            case "cut" if stream:
                self._transport.write(STREAM + FIRST + TOKEN * 25)
                loop.call_later(0.005, self._transport.close)
            case "cut":
                self._transport.write(OK[: len(OK) // 2])
                self._transport.close()
            case _:
                self._transport.write(ERRORS[fault])

    def _stream(self, chunks: int, gap: float) -> None:
        if gap:
            self._paced = asyncio.get_running_loop().create_task(self._pace(chunks, gap))
        else:
            self._transport.write(STREAM + FIRST + TOKEN * (chunks - 1) + TAIL)

    async def _pace(self, chunks: int, gap: float) -> None:
        loop = asyncio.get_running_loop()
        self._transport.write(STREAM + FIRST)
        start = loop.time()
        for number in range(1, chunks):
            await asyncio.sleep(max(0.0, start + number * gap - loop.time()) if gap > 0 else 0)
            if self._closed:
                return
            self._transport.write(TOKEN)
        self._transport.write(TAIL)


async def serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=9001)
    uvloop.run(serve(parser.parse_args().port))
