"""Upstream over aiohttp (measured against the alternatives in docs/benchmarks.md).

One session, one connection pool, no redirects, no proxy from the environment, no cookies. Every aiohttp,
socket and TLS error ends in `_fault`.
"""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from typing import Final

import aiohttp
from yarl import URL

from switch_grpc import __version__
from switch_grpc.faults import Fault, Kind
from switch_grpc.providers.dialects.base import STREAM_LIMIT, WireRequest
from switch_grpc.upstream.addresses import Denied, GuardedResolver, check_literal
from switch_grpc.upstream.base import Exchange, Timers
from switch_grpc.upstream.time_limit import STALL, TimeLimit

BODY_LIMIT: Final = 64 * 1024 * 1024  # a whole answer
HEAD_LIMIT: Final = 64 * 1024
CONNECT_EXTRA: Final = 2.0  # seconds that DNS and TLS may add to connecting
DRAIN_SECONDS: Final = 1.0  # how long the tail of a finished stream may take to keep its connection
KEEP_ALIVE_SECONDS: Final = 30.0


class HttpUpstream:
    """The network, through one aiohttp session; make it on the event loop that uses it."""

    def __init__(
        self, *, ca_file: str | None = None, proxy: str | None = None, allow_hosts: Sequence[str] = ()
    ) -> None:
        """`ca_file`: PEM trusted besides the system's; `proxy`: URL that all traffic goes through.

        `allow_hosts`: hosts, addresses and networks to connect to although their range is denied.
        """
        verified: ssl.SSLContext | bool = True  # aiohttp's own context, which it has made already
        if ca_file is not None:
            verified = ssl.create_default_context()
            verified.load_verify_locations(cafile=ca_file)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,
                ssl=verified,
                keepalive_timeout=KEEP_ALIVE_SECONDS,
                resolver=GuardedResolver(allow_hosts),
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"switch/{__version__}"},
            trust_env=False,
            max_line_size=HEAD_LIMIT,
            max_field_size=HEAD_LIMIT,
            timeout=aiohttp.ClientTimeout(total=None),
        )
        self._proxy = proxy
        self._allow_hosts = tuple(allow_hosts)
        self._timeouts: dict[float, aiohttp.ClientTimeout] = {}
        self._drains: set[asyncio.Task[None]] = set()

    async def send(self, request: WireRequest, timers: Timers, deadline: float) -> Exchange:
        loop = asyncio.get_running_loop()
        started = loop.time()
        limit = TimeLimit(min(deadline, started + timers.head))
        try:
            url = _as_written(request.url)
            check_literal(url.host or "", self._allow_hosts)
            with limit:
                response = await self._session.request(
                    request.method,
                    url,
                    data=request.body,
                    headers=request.headers,
                    allow_redirects=False,
                    proxy=self._proxy,
                    timeout=self._timeout(timers.connect),
                )
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            late = limit.stalled
            if isinstance(error, aiohttp.ConnectionTimeoutError):  # aiohttp's own timer
                late = loop.time() - started > timers.connect + CONNECT_EXTRA + STALL
            raise _send_fault(error, late) from error
        return HttpExchange(response, timers.idle, self._drains)

    async def close(self) -> None:
        """Closes every connection; unfinished exchanges fail."""
        for task in self._drains:
            task.cancel()
        await asyncio.gather(*self._drains, return_exceptions=True)
        await self._session.close()

    def _timeout(self, connect: float) -> aiohttp.ClientTimeout:
        known = self._timeouts.get(connect)
        if known is None:
            known = aiohttp.ClientTimeout(total=None, connect=connect + CONNECT_EXTRA, sock_connect=connect)
            self._timeouts[connect] = known
        return known


class HttpExchange:
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
                        raise Fault(
                            Kind.UPSTREAM_PROTOCOL, f"the provider's answer is larger than {limit} bytes"
                        )
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
            raise Fault(Kind.UPSTREAM_PROTOCOL, f"the provider's stream is longer than {STREAM_LIMIT} bytes")
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


def _as_written(url: str) -> URL:
    """Escapes stay: `v1%3A0` is signed as such, and would go out as `v1:0`. Raises aiohttp.InvalidURL."""
    try:
        return URL(url, encoded="%" in url)
    except ValueError as error:
        raise aiohttp.InvalidURL(url) from error


def _send_fault(error: Exception, late: bool) -> Fault:
    """What an error before the answer's head means. `late`: this process stood still meanwhile."""
    match error:
        case TimeoutError() if late:
            return _stood_still()
        case aiohttp.ClientConnectorCertificateError():
            reason = error.certificate_error
            detail = reason.verify_message if isinstance(reason, ssl.SSLCertVerificationError) else "invalid"
            return Fault(Kind.UPSTREAM_TLS, f"the provider's TLS certificate is not valid: {detail}")
        case aiohttp.ConnectionTimeoutError():
            return Fault(Kind.UPSTREAM_UNREACHABLE, "connecting to the provider took too long")
        case Denied() | aiohttp.ClientConnectorDNSError(os_error=Denied()):
            return Fault(
                Kind.UPSTREAM_UNREACHABLE,
                "the provider's host has an address in a denied range; list it in egress.allowHosts",
            )
        case aiohttp.ClientConnectorDNSError():
            return Fault(Kind.UPSTREAM_UNREACHABLE, "the provider's host name does not resolve")
        case aiohttp.ClientConnectorSSLError():
            return Fault(Kind.UPSTREAM_UNREACHABLE, "the TLS handshake with the provider failed")
        case aiohttp.ClientConnectorError():
            return Fault(Kind.UPSTREAM_UNREACHABLE, "the provider refused the connection")
        case TimeoutError():
            return Fault(Kind.UPSTREAM_TIMEOUT, "the provider sent no answer in time")
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError() | ConnectionError():
            # The request may have been read, and paid for, before the connection went.
            return Fault(
                Kind.UPSTREAM_UNREACHABLE, "the provider closed the connection without answering", sent=True
            )
        case aiohttp.InvalidURL():
            return Fault(Kind.UPSTREAM_UNREACHABLE, "the target's apiBase is not a URL that can be reached")
        case _:
            return Fault(Kind.UPSTREAM_PROTOCOL, "the provider's answer is not HTTP")


def _read_fault(error: Exception, cut: Kind, late: bool) -> Fault:
    """What an error within the answer's body means; `cut` is the kind for a body that ends too early."""
    match error:
        case TimeoutError() if late:
            return _stood_still()
        case TimeoutError():
            return Fault(Kind.UPSTREAM_TIMEOUT, "the provider stopped sending")
        case aiohttp.ClientPayloadError() | aiohttp.ClientConnectionError() | OSError():
            return Fault(cut, "the provider's answer ended before it was complete")
        case _:
            return Fault(Kind.UPSTREAM_PROTOCOL, "the provider's answer cannot be read")


def _stood_still() -> Fault:
    """Who was late is this process, and no target is to blame for it."""
    return Fault(Kind.LOCAL, "the gateway stood still and lost track of time; give it more CPU", sent=True)
