"""Through an HTTP proxy (`egress.proxy`): over aiohttp, which knows how to ask one.

Imported where a configuration has a proxy, and nowhere else: aiohttp costs 17 MB and 0.2 s to load.
One session, no redirects, no proxy from the environment, no cookies. Every aiohttp, socket and TLS error ends
in `_send_fault` or `_read_fault`.

Known gaps, all aiohttp's: bytes that come after an answer's end may be taken for the next one's on that
connection; header values beyond ASCII go out as UTF-8; a body that breaks off into garbage ends by its timer.
"""

import asyncio
import io
import socket
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.http_exceptions import ContentEncodingError
from aiohttp.resolver import DefaultResolver
from yarl import URL

from switch_grpc.faults import Fault, Kind
from switch_grpc.providers.dialects.base import STREAM_LIMIT, WireRequest
from switch_grpc.upstream import outcomes
from switch_grpc.upstream.addresses import Denied, allowed, check_literal
from switch_grpc.upstream.answer import HEAD_LIMIT
from switch_grpc.upstream.base import BODY_LIMIT, Exchange, Timers
from switch_grpc.upstream.connect import CONNECT_EXTRA, tls_context
from switch_grpc.upstream.connection import DRAIN_SECONDS
from switch_grpc.upstream.direct import KEEP_ALIVE_SECONDS
from switch_grpc.upstream.time_limit import STALL, TimeLimit
from switch_grpc.upstream.writing import AGENT, Writer, located

LARGE: Final = 1024 * 1024  # bytes of a body from which on aiohttp wants a file


class ProxiedUpstream:
    """The network behind a proxy, through one aiohttp session; make it on the event loop that uses it."""

    def __init__(self, *, proxy: str, ca_file: str | None = None, allow_hosts: Sequence[str] = ()) -> None:
        """`proxy`: URL that all traffic goes through; for the others see `DirectUpstream`."""
        moments = aiohttp.TraceConfig()
        moments.on_connection_create_start.append(_connecting)
        moments.on_connection_create_end.append(_connected)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,
                ssl=tls_context(ca_file),
                keepalive_timeout=KEEP_ALIVE_SECONDS,
                resolver=GuardedResolver(tuple(allow_hosts)),
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": AGENT, "Accept-Encoding": "identity"},
            skip_auto_headers=("Content-Type",),
            trust_env=False,
            max_line_size=HEAD_LIMIT,
            max_field_size=HEAD_LIMIT,
            timeout=aiohttp.ClientTimeout(total=None),
            trace_configs=[moments],
        )
        self._proxy = proxy
        self._allow_hosts = tuple(allow_hosts)
        self._writer = Writer()
        self._drains: set[asyncio.Task[None]] = set()

    async def send(self, request: WireRequest, timers: Timers, deadline: float) -> Exchange:
        loop = asyncio.get_running_loop()
        started = loop.time()
        origin, _ = self._writer.head(request)  # for its verdict
        limit = TimeLimit(min(deadline, started + timers.head))
        try:
            check_literal(origin.host, self._allow_hosts)
            with limit:
                response = await self._session.request(
                    request.method,
                    _as_written(request.url),
                    data=_data(request.body),
                    headers=request.headers,
                    allow_redirects=False,
                    proxy=self._proxy,
                    timeout=aiohttp.ClientTimeout(
                        total=None, connect=timers.connect + CONNECT_EXTRA, sock_connect=timers.connect
                    ),
                    trace_request_ctx=_Moments(limit, timers, deadline),
                )
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            late = limit.stalled
            if isinstance(error, aiohttp.ConnectionTimeoutError):  # aiohttp's own timer
                late = loop.time() - started > timers.connect + CONNECT_EXTRA + STALL
            raise _send_fault(error, late) from error
        return ProxiedExchange(response, timers.idle, self._drains)

    async def close(self) -> None:
        """Closes every connection; unfinished exchanges fail."""
        for task in self._drains:
            task.cancel()
        await asyncio.gather(*self._drains, return_exceptions=True)
        await self._session.close()


class _Moments:
    """Moves a request's time limit: connecting has aiohttp's own, and the answer's counts from sending."""

    def __init__(self, limit: TimeLimit, timers: Timers, deadline: float) -> None:
        self._limit = limit
        self._timers = timers
        self._deadline = deadline

    def connecting(self) -> None:
        self._limit.move(self._deadline)

    def connected(self) -> None:
        self._limit.move(min(self._deadline, asyncio.get_running_loop().time() + self._timers.head))


async def _connecting(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
    context.trace_request_ctx.connecting()


async def _connected(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
    context.trace_request_ctx.connected()


class ProxiedExchange:
    """An answer being read; see `upstream.base.Exchange`."""

    __slots__ = ("_drains", "_idle", "_released", "_response", "_seen", "headers", "status")

    def __init__(
        self, response: aiohttp.ClientResponse, idle: float, drains: set[asyncio.Task[None]]
    ) -> None:
        self.status: int = response.status
        self.headers: Mapping[str, str] = response.headers
        self._response = response
        self._idle = idle
        self._seen = 0
        self._released = False
        self._drains = drains

    async def read(self, deadline: float, limit: int = BODY_LIMIT) -> bytes:
        content, parts, size, timed = self._response.content, [], 0, TimeLimit(deadline)
        try:
            with timed:
                while data := await content.readany():
                    parts.append(data)
                    size += len(data)
                    if size > limit:
                        raise outcomes.too_large(limit)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise _read_fault(error, Kind.UPSTREAM_ERROR, timed.stalled) from error
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def read_some(self, deadline: float) -> bytes:
        timed = TimeLimit(min(deadline, asyncio.get_running_loop().time() + self._idle))
        try:
            with timed:
                data = await self._response.content.readany()
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise _read_fault(error, Kind.STREAM_INTERRUPTED, timed.stalled) from error
        self._seen += len(data)
        if self._seen > STREAM_LIMIT:
            raise outcomes.too_long(STREAM_LIMIT)
        return data

    def close(self) -> None:
        if not self._released:
            self._response.close()

    def release(self) -> None:
        self._released = True
        if self._response.content.is_eof() and self._response.content.at_eof():
            self._response.release()
            return
        task = asyncio.get_running_loop().create_task(self._drain())
        self._drains.add(task)
        task.add_done_callback(self._drains.discard)

    async def _drain(self) -> None:
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                while await self._response.content.readany():
                    pass
        except (aiohttp.ClientError, OSError, TimeoutError):
            pass  # the connection is not worth keeping
        finally:
            self._response.close()


class GuardedResolver(AbstractResolver):
    """Resolves the proxy's name by the rule of `addresses`."""

    def __init__(self, allow_hosts: tuple[str, ...], resolver: AbstractResolver | None = None) -> None:
        """`resolver` does the work; the system's own where there is none. Make it on the event loop."""
        self._allow_hosts = allow_hosts
        self._resolver = resolver or DefaultResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The host's addresses. Raises Denied where none is left, OSError where it does not resolve."""
        found = await self._resolver.resolve(host, port, family)
        return list(allowed(host, found, lambda each: each["host"], self._allow_hosts))

    async def close(self) -> None:
        await self._resolver.close()


def _data(body: bytes) -> bytes | io.BytesIO | None:
    """The body in the form that aiohttp takes without a warning."""
    return io.BytesIO(body) if len(body) > LARGE else body or None


def _as_written(url: str) -> URL:
    origin, named, path = located(url)
    return URL(f"{'https' if origin.tls else 'http'}://{named}{path}", encoded=True)


def _send_fault(error: Exception, late: bool) -> Fault:
    """What an error before the answer's head means. `late`: this process stood still meanwhile."""
    match error:
        case TimeoutError() if late:
            return outcomes.stood_still()
        case aiohttp.ClientConnectorCertificateError():
            return outcomes.bad_certificate(error.certificate_error)
        case aiohttp.ConnectionTimeoutError():
            return outcomes.slow_connect()
        case Denied() | aiohttp.ClientConnectorDNSError(os_error=Denied()):
            return outcomes.denied()
        case aiohttp.ClientConnectorDNSError():
            return outcomes.unresolved()
        case aiohttp.ClientConnectorSSLError():
            return outcomes.no_handshake()
        case aiohttp.ClientConnectorError():
            return outcomes.refused()
        case aiohttp.ClientHttpProxyError():
            return outcomes.refused_by_proxy(error.status)
        case TimeoutError():
            return outcomes.no_answer()
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError() | ConnectionError():
            return outcomes.hung_up()
        case _:
            return outcomes.not_http()


def _read_fault(error: Exception, cut: Kind, late: bool) -> Fault:
    """What an error within the answer's body means; `cut` is the kind for a body that ends too early."""
    match error:
        case TimeoutError() if late:
            return outcomes.stood_still()
        case TimeoutError():
            return outcomes.went_silent()
        case aiohttp.ClientPayloadError(__cause__=ContentEncodingError()) | ContentEncodingError():
            return outcomes.unreadable()
        case aiohttp.ClientPayloadError() | aiohttp.ClientConnectionError() | OSError():
            return outcomes.cut(cut)
        case _:
            return outcomes.unreadable()
