"""The upstream interface: send a wire request, read its answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from switch_grpc.providers.dialects.base import WireRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Timers:
    """Limits of one attempt, in seconds; `deadline` is on the event loop's clock (`loop.time()`)."""

    connect: float = 3.0  # TCP; DNS and TLS may add 2 s
    head: float = 30.0  # from sending to the first byte of the answer
    idle: float = 30.0  # between two reads of the body
    deadline: float = float("inf")  # no read ends later than this


class Exchange(Protocol):
    """An answer whose head has come and whose body is being read."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Looks names up without regard to case."""

    async def read(self) -> bytes:
        """The whole body. Raises Fault (UPSTREAM_TIMEOUT, UPSTREAM_ERROR, UPSTREAM_PROTOCOL if too large)."""

    async def read_some(self) -> bytes:
        """The next bytes of a stream, as they arrive; b"" at its clean end.

        Raises Fault(UPSTREAM_TIMEOUT) when idle too long, STREAM_INTERRUPTED when cut, UPSTREAM_PROTOCOL when
        the stream exceeds its limit.
        """

    def close(self) -> None:
        """Done: an answer read to its end gives the connection back, any other closes the socket at once."""


class Upstream(Protocol):
    """The network."""

    async def send(self, request: WireRequest, timers: Timers) -> Exchange:
        """Sends, and waits for the answer's head.

        Raises Fault: UPSTREAM_UNREACHABLE (nothing was sent), UPSTREAM_TLS, UPSTREAM_TIMEOUT,
        UPSTREAM_ERROR (cut before the head), UPSTREAM_PROTOCOL (not HTTP). A cancelled send or read closes
        the socket.
        """
