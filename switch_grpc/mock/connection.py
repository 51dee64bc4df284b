"""One socket of the mock: HTTP/1.1 by a raw protocol, because faults need every byte and the socket itself.

It parses with httptools, answers pipelined requests in order, and walks through an answer's steps
synchronously until the transport is full, a wait begins or the answer is out. There is no task to cancel, so
a peer that leaves is noticed in the very callback, and the answer is a dropped iterator.
"""

import asyncio
import math
import socket
import struct
import time
from collections import deque
from collections.abc import Iterator
from typing import Final, Protocol, cast

import httptools

from switch_grpc.mock.ledger import Request
from switch_grpc.mock.steps import End, Step

_BATCH: Final = 64 * 1024  # bytes that leave in one write
_TURN: Final = 1024 * 1024  # bytes after which other connections get their turn
_MAX_BODY: Final = 64 * 2**20
_MAX_PIPELINED: Final = 64
_NO_LINGER: Final = struct.pack("ii", 1, 0)


class Server(Protocol):
    """What a connection needs of the server that it belongs to."""

    def opened(self, connection: "Connection") -> int:
        """The connection's number, from 1."""

    def lost(self, connection: "Connection") -> None: ...

    def attempt_id(self) -> str:
        """A new id for the next request."""

    def received(self, request: Request) -> Iterator[Step]:
        """The steps of the answer."""

    def finished(self, request: Request) -> None: ...

    def dropped(self, request: Request) -> None:
        """The peer left before the answer was complete."""


class Connection(asyncio.Protocol):
    """One socket. Only the event loop touches it."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[Request] = deque()  # pipelined behind the one that is being answered
        self._answering: Request | None = None
        self._steps: Iterator[Step] = iter(())
        self._timer: asyncio.TimerHandle | asyncio.Handle | None = None
        self._parked = False  # a step said: for ever
        self._full = False  # the transport takes no more
        self._closing = False
        self._number = 0

    # From the transport.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by its methods only
        self._transport.set_write_buffer_limits(high=_BATCH)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._number = self._server.opened(self)

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            return  # an offer that we do not take up: the request itself was parsed and is answered
        except httptools.HttpParserCallbackError:
            raise  # ours, not the peer's: it must not look like a bad request
        except httptools.HttpParserError as error:
            self._refuse(b"400 Bad Request", f"not an HTTP/1.1 request: {error}")

    def eof_received(self) -> bool:
        # A client that closes is gone: nobody reads what would still be written.
        self._leave()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()
        self._server.lost(self)

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        if self._timer is None and not self._parked and self._answering is not None:
            self._walk()

    # From the parser.

    def on_message_begin(self) -> None:
        self._path = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._size = 0

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text

    def on_headers_complete(self) -> None:
        if self._headers.get("expect", "").lower() == "100-continue" and self._answering is None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > _MAX_BODY:
            self._refuse(b"413 Content Too Large", f"the body exceeds {_MAX_BODY} bytes")
        elif not self._closing:
            self._body.append(data)

    def on_message_complete(self) -> None:
        if self._closing:
            return
        request = Request(
            id=self._server.attempt_id(),
            method=self._parser.get_method().decode("latin-1"),
            path=self._path.decode("latin-1"),
            headers=self._headers,
            body=self._body[0] if len(self._body) == 1 else b"".join(self._body),
            at=time.monotonic(),
            connection=self._number,
            keep_alive=self._parser.should_keep_alive(),
        )
        if self._answering is None:
            self._answer(request)
        elif len(self._waiting) < _MAX_PIPELINED:
            self._waiting.append(request)
        else:
            self.abort()

    # The walk through an answer.

    def _answer(self, request: Request) -> None:
        self._answering = request
        self._steps = self._server.received(request)
        self._walk()

    def _walk(self) -> None:
        """Writes steps until the transport is full, a wait begins, or the answer is out."""
        self._timer = None
        if self._full:
            return
        held: list[bytes] = []
        size = total = 0
        for step in self._steps:
            if isinstance(step, bytes):
                held.append(step)
                size += len(step)
                if size < _BATCH:
                    continue
                total += size
                if not self._write(held):
                    return
                held, size = [], 0
                if total >= _TURN:
                    self._timer = self._loop.call_soon(self._walk)
                    return
                continue
            writable = self._write(held)
            held, size = [], 0
            if isinstance(step, End):
                self._end(step)
                return
            if step.seconds == math.inf:
                self._parked = True
                return
            if step.seconds > 0:
                self._timer = self._loop.call_later(step.seconds, self._walk)
                return
            if not writable:
                return
        self._write(held)
        self._complete()

    def _write(self, held: list[bytes]) -> bool:
        """Writes, and says whether the transport takes more."""
        if held:
            self._transport.write(held[0] if len(held) == 1 else b"".join(held))
        return not self._full

    def _complete(self) -> None:
        request = self._answering
        assert request is not None
        self._answering = None
        self._server.finished(request)
        if not request.keep_alive:
            self._closing = True
            self._transport.close()
        elif self._waiting:
            # Not by a call: a thousand pipelined requests are not a thousand frames.
            self._loop.call_soon(self._next)

    def _next(self) -> None:
        if self._waiting and self._answering is None and not self._closing:
            self._answer(self._waiting.popleft())

    def _end(self, end: End) -> None:
        """The connection ends by the mock's will, when what was written is out."""
        self._timer = None
        if end is End.RESET and self._transport.get_write_buffer_size():
            self._timer = self._loop.call_later(0.001, self._end, end)
            return
        if self._answering is not None:
            self._server.finished(self._answering)
            self._answering = None
        self._waiting.clear()
        self._closing = True
        if end is End.CLOSE:
            self._transport.close()
        else:
            self._transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER
            )
            self._transport.abort()

    def _refuse(self, status: bytes, why: str) -> None:
        """Answers bytes that never became a request, and closes."""
        if self._closing:
            return
        self._closing = True
        text = why.encode() + b"\n"
        if self._answering is None:
            self._transport.write(
                b"HTTP/1.1 %b\r\ncontent-type: text/plain\r\nconnection: close\r\n"
                b"content-length: %d\r\n\r\n%b" % (status, len(text), text)
            )
        self._transport.close()

    def _leave(self) -> None:
        """The socket is gone, or its peer is: whatever was not complete stays so."""
        self._closing = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._steps = iter(())
        if self._answering is not None:
            self._server.dropped(self._answering)
            self._answering = None
        self._waiting.clear()

    def abort(self) -> None:
        """Drops the socket without a word."""
        self._closing = True
        self._transport.abort()
