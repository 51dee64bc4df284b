"""The upstream interface: send a wire request, read its answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from switch_grpc.providers.dialects.base import WireRequest

BODY_LIMIT: Final = 64 * 1024 * 1024  # bytes of a whole answer, unless the reader says less


@dataclass(frozen=True, slots=True, kw_only=True)
class Timers:
    """Limits of one exchange, in seconds."""

    connect: float = 3.0  # TCP; DNS and TLS may add 2 s
    head: float = 30.0  # from the request's sending to the first byte of the answer
    idle: float = 30.0  # between two reads of a stream


class Exchange(Protocol):
    """An answer whose head has come and whose body is being read.

    Deadlines are absolute, on the event loop's clock (`loop.time()`).
    """

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Looks names up without regard to case."""

    async def read(self, deadline: float, limit: int = ...) -> bytes:
        """The whole body.

        Raises Fault: UPSTREAM_TIMEOUT, UPSTREAM_ERROR when cut, UPSTREAM_PROTOCOL past `limit` bytes.
        """

    async def read_some(self, deadline: float) -> bytes:
        """The next bytes of a stream, as they arrive; b"" at its clean end.

        Raises Fault(UPSTREAM_TIMEOUT) when idle too long, STREAM_INTERRUPTED when cut, UPSTREAM_PROTOCOL when
        the stream exceeds its limit.
        """

    def close(self) -> None:
        """Done: an answer read to its end gives the connection back, any other closes the socket at once."""

    def release(self) -> None:
        """Done, and nothing of interest is left: reads the rest, if it comes soon, to keep the connection.

        A `close` after it does nothing.
        """


class Upstream(Protocol):
    """The network. Methods whose answers have no body to read (HEAD, CONNECT) are not for it."""

    async def send(self, request: WireRequest, timers: Timers, deadline: float) -> Exchange:
        """Sends, and waits for the answer's head.

        Raises Fault: UPSTREAM_UNREACHABLE (not connected, or cut before the head), UPSTREAM_TLS,
        UPSTREAM_TIMEOUT, UPSTREAM_PROTOCOL (not HTTP), LOCAL (this process stood still). A cancelled send or
        read closes the socket. What is sent in `identity` coding is read in gzip and deflate too.
        """


class WayOut(Upstream, Protocol):
    """An upstream that somebody has opened, and has to close."""

    async def close(self) -> None:
        """Closes every connection; unfinished exchanges fail."""
