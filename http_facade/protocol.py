"""The connection's own limits, for uvicorn: what has to be refused before there is a request.

llhttp under httptools refuses broken framing by itself (tests/http_facade/test_protocol.py holds it to that).
It sets no bound on the size of a head or the time it takes, so this does.
"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from http_facade.caller import ABORT
from http_facade.errors import error_body
from http_facade.headers import request_id
from switch_grpc.faults import Fault, Kind

HEAD_BYTES: Final = 32 * 1024
HEADERS: Final = 100
HEADER_BYTES: Final = 8 * 1024
HEAD_SECONDS: Final = 5.0
KEEP_ALIVE_SECONDS: Final = 30
REQUESTS: Final = 10_000  # per connection; then it is closed, which spreads load over replicas


def uvicorn_options() -> dict[str, Any]:
    """Keyword arguments of uvicorn.Config, apart from where to listen."""
    return {
        "http": DoorProtocol,
        "ws": "none",
        "lifespan": "off",
        "access_log": False,
        "server_header": False,
        "proxy_headers": False,
        "timeout_keep_alive": KEEP_ALIVE_SECONDS,
    }


class DoorProtocol(HttpToolsProtocol):
    """One connection; a head that breaks a limit gets OpenAI's error shape, and the connection is closed."""

    _in_head = False
    _head_bytes = 0  # in whole headers
    _unparsed = 0  # in reads that held nothing but a part of the head
    _served = 0
    _refusal: Fault | None = None
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._head_overdue)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():  # refused already; what still comes is not parsed
            return
        was_in_head = self._in_head
        super().data_received(data)
        if self._in_head:
            self._await_rest_of_head(len(data) if was_in_head else 0)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._head_bytes = self._unparsed = 0
        self._served += 1

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        size = len(name) + len(value) + 4
        if size > HEADER_BYTES:
            self._refuse(_head_too_large(f"a header is larger than {HEADER_BYTES} bytes"))
        if len(self.headers) > HEADERS:
            self._refuse(_head_too_large(f"there are more than {HEADERS} headers"))
        self._count(size)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._disarm()
        self.scope["extensions"] = {ABORT: {"call": self.transport.abort}}
        super().on_headers_complete()
        if self._served >= REQUESTS:
            self.cycle.keep_alive = False

    def send_400_response(self, msg: str) -> None:
        """The answer to whatever the parser, or a callback above, refused."""
        self._disarm()
        if self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete:
            self.transport.close()  # an earlier request's answer is on its way: nothing may be mixed into it
            return
        fault = self._refusal or Fault(Kind.BAD_REQUEST, "this is not well-formed HTTP/1.1")
        body = error_body(fault)
        self.transport.write(
            b"%scontent-type: application/json\r\ncontent-length: %d\r\nx-request-id: %s\r\n"
            b"connection: close\r\n\r\n%s"
            % (STATUS_LINE[fault.http], len(body), request_id({}).encode("ascii"), body)
        )
        self.transport.close()

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > HEAD_BYTES:
            self._refuse(_head_too_large(f"they are larger than {HEAD_BYTES} bytes together"))

    def _refuse(self, fault: Fault) -> None:
        """Stops the parser: it calls `send_400_response` for whatever a callback raises."""
        self._refusal = fault
        raise fault

    def _await_rest_of_head(self, size: int) -> None:
        """A head in pieces: the parser reports a header only when it is whole, so count the pieces."""
        self._unparsed += size
        if self._unparsed > HEAD_BYTES:
            self._refusal = _head_too_large(f"they are larger than {HEAD_BYTES} bytes together")
            self.send_400_response("")
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self._head_overdue)

    def _head_overdue(self) -> None:
        self._head_timer = None
        if self.transport.is_closing():
            return
        if self._in_head:
            self._refusal = _head_too_slow()
            self.send_400_response("")
        else:
            self.transport.close()

    def _disarm(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


def _head_too_large(message: str) -> Fault:
    return Fault(Kind.HEADERS_TOO_LARGE, f"the request's headers are too large: {message}")


def _head_too_slow() -> Fault:
    message = f"the request's headers did not come within {HEAD_SECONDS:g} s"
    return Fault(Kind.BAD_REQUEST, message, code="request_timeout", http=408, retry=True)
