"""The connection's own limits, for uvicorn: what has to be refused before there is a request.

llhttp under httptools refuses broken framing by itself (tests/http_facade/test_protocol.py holds it to that).
It sets no bound on the size of a head or the time it takes, so this does.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import httptools
from starlette.types import Scope
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from http_facade.caller import CONNECTION
from http_facade.errors import error_body
from http_facade.headers import HeaderList, request_id
from switch_grpc.faults import Fault, Kind

HEAD_BYTES: Final = 32 * 1024
HEADERS: Final = 100
HEADER_BYTES: Final = 8 * 1024
HEAD_SECONDS: Final = 5.0
KEEP_ALIVE_SECONDS: Final = 30
JOINED: Final = 64 * 1024  # a body up to this size is copied behind its head, into one write
REQUESTS: Final = 10_000  # per connection; then it is closed, which spreads load over replicas

_TOGETHER: Final = f"with the URL they are larger than {HEAD_BYTES} bytes together"


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
    _unparsed = 0  # in reads that held nothing but a part of the head
    _served = 0
    _refusal: Fault | None = None
    _head_timer: asyncio.TimerHandle | None = None
    _tell: Callable[[], None] | None = None  # whom to tell of the connection's loss

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._head_overdue)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)
        tell, self._tell = self._tell, None
        if tell is not None:
            tell()

    def body_is_whole(self) -> bool:
        return not self.cycle.more_body

    def on_lost(self, tell: Callable[[], None] | None) -> None:
        self._tell = tell
        if tell is not None:
            self.flow.resume_reading()  # a large body may have paused it, and then the end is not seen

    def answer(self, scope: Scope, status: int, headers: HeaderList, body: bytes) -> bool:
        """As two messages to uvicorn's `send` would, but without looking at each header with two patterns."""
        cycle = self.cycle
        usual = cycle.scope is scope and cycle.keep_alive and scope["method"] != "HEAD"
        if not usual or cycle.response_started or cycle.disconnected or self.flow.write_paused:
            return False
        head = head_of(status, headers)
        cycle.response_started = True
        cycle.waiting_for_100_continue = False
        if len(body) <= JOINED:
            self.transport.write(head + body)
        else:
            self.transport.writelines((head, body))
        cycle.response_complete = True
        cycle.message_event.set()
        cycle.on_response()
        return True

    def drop(self) -> None:
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """As the parent's, but for upgrades: it would leave the body of a request that offers one unread."""
        if self.transport.is_closing():  # refused already; what still comes is not parsed
            return
        self._unset_keepalive_if_required()
        was_in_head = self._in_head
        unread: bytes | None = data
        while unread is not None:
            unread = self._feed(unread)
        if self._in_head and not self.transport.is_closing():
            self._await_rest_of_head(len(data) if was_in_head else 0)

    def _feed(self, data: bytes) -> bytes | None:
        """Parses; gives what is to be parsed next, after an offer to upgrade was taken out of a request."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            head = self._head_without_offer()
            self.parser = httptools.HttpRequestParser(self)
            return head + data[offer.args[0] :]
        except httptools.HttpParserError:
            self.send_400_response("")
        return None

    def _head_without_offer(self) -> bytes:
        """The request's head again, without its offer, which a server may pass over (RFC 9110 §7.8).

        Java's HttpClient offers h2c with every request. The parser has validated every piece.
        """
        method, version = self.parser.get_method(), self.parser.get_http_version().encode("ascii")
        lines = [b"%s %s HTTP/%s" % (method, self.url, version)]
        for name, value in self.headers:
            if name == b"connection":
                tokens = [token.strip() for token in value.split(b",")]
                kept = [token for token in tokens if token.lower() not in (b"upgrade", b"http2-settings")]
                if kept:
                    lines.append(b"connection: " + b", ".join(kept))
            elif name not in (b"upgrade", b"http2-settings"):
                lines.append(b"%s: %s" % (name, value))
        self._served -= 1  # it is about to begin once more
        return b"\r\n".join(lines) + b"\r\n\r\n"

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._unparsed = 0
        self._served += 1

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._disarm()
        self._check_head()
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                self._refuse(Fault(Kind.BAD_REQUEST, "CONNECT is for proxies, and this is none"))
            return  # `_feed` takes the offer out and has the request parsed again
        self.scope["extensions"] = {CONNECTION: self}  # type: ignore[dict-item]  # ours alone, and no dict
        super().on_headers_complete()
        if self.scope["http_version"] != "1.1":
            self.cycle.__class__ = _Http10Cycle  # which uvicorn cannot be told; nothing has run in it yet
            self.cycle.waiting_for_100_continue = False  # RFC 9110 §10.1.1
        if self._served >= REQUESTS:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        if not self.parser.should_upgrade():
            super().on_message_complete()

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

    def _check_head(self) -> None:
        if len(self.headers) > HEADERS:
            self._refuse(_head_too_large(f"there are more than {HEADERS}"))
        sizes = [len(name) + len(value) for name, value in self.headers]
        if max(sizes, default=0) > HEADER_BYTES:
            self._refuse(_head_too_large(f"one is larger than {HEADER_BYTES} bytes"))
        if sum(sizes) + len(self.url) > HEAD_BYTES:
            self._refuse(_head_too_large(_TOGETHER))

    def _refuse(self, fault: Fault) -> None:
        """Stops the parser: it calls `send_400_response` for whatever a callback raises."""
        self._refusal = fault
        raise fault

    def _await_rest_of_head(self, size: int) -> None:
        """A head in pieces: the parser reports a header only when it is whole, so count the pieces."""
        self._unparsed += size
        if self._unparsed > HEAD_BYTES:
            self._refusal = _head_too_large(_TOGETHER)
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


class _Http10Cycle(RequestResponseCycle):
    """A request of HTTP/1.0 and its answer, which has no chunks (RFC 9112 §6.1).

    A stream goes out as it is, and the connection's end is its own. uvicorn keeps no such connection, even
    where it is asked to.
    """

    _is_unframed = False

    async def send(self, message: ASGISendEvent) -> None:
        if message["type"] == "http.response.start":
            self._is_unframed = all(name != b"content-length" for name, _ in message.get("headers", ()))
            if self._is_unframed:
                self.chunked_encoding = False
        elif message["type"] == "http.response.body" and self._is_unframed:
            self.expected_content_length = len(message.get("body", b""))
        await super().send(message)


def head_of(status: int, headers: HeaderList) -> bytes:
    """An answer's head. Raises ValueError where a header would end early."""
    lines = b"".join([b"%s: %s\r\n" % header for header in headers])
    if lines.count(b"\n") + lines.count(b"\r") != 2 * len(headers):
        raise ValueError("a header holds a line break")
    return b"%s%s\r\n" % (STATUS_LINE[status], lines)


def _head_too_large(message: str) -> Fault:
    return Fault(Kind.HEADERS_TOO_LARGE, f"the request's headers are too large: {message}")


def _head_too_slow() -> Fault:
    message = f"the request's headers did not come within {HEAD_SECONDS:g} s"
    return Fault(Kind.BAD_REQUEST, message, code="request_timeout", http=408, retry=True)
