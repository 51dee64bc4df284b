"""One socket to an origin: one request at a time, and the answer to it as it comes.

Nothing here waits but `_wait`, on one future; a deadline costs no timer of its own (see `_arm`).
"""

import asyncio
import enum
import select
import ssl
from typing import Final, Protocol, cast

from switch_grpc.upstream.answer import AnswerParser, Garbled
from switch_grpc.upstream.time_limit import GRACE, GRAIN, STALL
from switch_grpc.upstream.writing import Origin

HIGH: Final = 256 * 1024  # unread bytes at which no more are taken from the socket, until they are read
JOINED: Final = 64 * 1024  # a body up to this size is copied behind its head, and leaves together with it
DRAIN_SECONDS: Final = 1.0  # how long the tail of a finished stream may take to keep its connection


class Ending(enum.Enum):
    """How an answer ended."""

    COMPLETE = enum.auto()
    CUT = enum.auto()  # the connection was lost before the answer was complete
    GARBLED = enum.auto()  # not HTTP
    LATE = enum.auto()
    STALLED = enum.auto()  # late, but this process stood still meanwhile


class Owner(Protocol):
    """Who keeps connections. Called from the event loop; must not raise."""

    def opened(self, connection: "Connection") -> None: ...
    def freed(self, connection: "Connection") -> None:
        """It may carry another request."""

    def lost(self, connection: "Connection") -> None:
        """It has ended."""


class Connection(asyncio.Protocol):
    """The socket's reader and writer. `ask`, then read with `some` or `all`, then `done` or `drain`."""

    __slots__ = (
        "_alarm",
        "_busy",
        "_draining",
        "_due",
        "_enough",
        "_held",
        "_loop",
        "_owner",
        "_poll",
        "_stalled",
        "_stuffed",
        "_timer",
        "_transport",
        "_waiter",
        "answer",
        "ended",
        "is_lost",
        "origin",
    )

    _transport: asyncio.Transport

    def __init__(self, origin: Origin, owner: Owner, loop: asyncio.AbstractEventLoop) -> None:
        self.origin = origin
        self.answer = AnswerParser()
        self.ended: Ending | None = None  # of the answer that is coming; None: more may come
        self._owner = owner
        self._loop = loop
        self._poll = select.poll()
        self._busy = False  # an exchange has it
        self._draining = False  # nobody reads the rest
        self.is_lost = False
        self._held = False  # reading is paused, as enough lies unread
        self._stuffed = False  # writing is paused, as the socket takes no more
        self._enough = 0  # unread bytes that wake who waits
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._alarm = 0.0  # when the timer rings
        self._due = 0.0  # when the wait is over
        self._stalled = False

    # One exchange.

    def is_quiet(self) -> bool:
        """Nothing has come that the event loop has not told yet: the server has not closed it by now."""
        return not self._poll.poll(0)

    async def ask(self, head: bytes, body: bytes, seconds: float, deadline: float) -> None:
        """Sends, and waits for the answer's head: `seconds` once all is written, never past `deadline`.

        Without a head `ended` tells why. An answer may come before all is written; it counts. Not to be
        called once the connection `is_lost`.
        """
        self._busy = True
        self.ended = None
        self._enough = 0
        answer = self.answer
        answer.begin()
        if len(body) <= JOINED:
            self._transport.write(head + body)
        else:
            self._transport.writelines((head, body))
        while self._stuffed and not answer.has_head and self.ended is None:
            await self._wait(deadline)
        until = min(deadline, self._loop.time() + seconds)
        while not answer.has_head and self.ended is None:
            await self._wait(until)

    async def some(self, until: float) -> bytes:
        """What has come of the body, once there is any; b"" where it has `ended`."""
        answer = self.answer
        self._enough = 1
        while not answer.parts and self.ended is None:
            await self._wait(until)
        data = answer.take()
        if self._held:
            self._resume()
        return data

    async def all(self, until: float, limit: int) -> None:
        """Waits until the answer has `ended`, or more than `limit` bytes of it lie unread."""
        self._enough = limit + 1
        if self._held:
            self._resume()
        while self.ended is None and self.answer.unread <= limit:
            await self._wait(until)

    def done(self) -> None:
        """The exchange is over: after a complete answer the connection is free, else it is closed."""
        if (
            self.ended is Ending.COMPLETE
            and self.answer.keep
            and not self.is_lost
            and not self._transport.get_write_buffer_size()  # an early answer may leave the request unread
        ):
            self._busy = self._draining = False
            if self._held:
                self._resume()
            self._owner.freed(self)
        else:
            self.abort()

    def drain(self) -> None:
        """The exchange is over, but for an end that is not worth waiting for: reads it if it comes soon."""
        if self.ended is not None:
            self.done()
            return
        self._draining = True
        self.answer.take()
        if self._held:
            self._resume()
        self._stalled = False
        self._arm(self._loop.time() + DRAIN_SECONDS)

    def abort(self) -> None:
        """Closes the socket at once."""
        if not self.is_lost:
            self._lose(Ending.CUT)
            self._transport.abort()

    # What the event loop tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by its methods only
        self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
        self._owner.opened(self)

    def data_received(self, data: bytes) -> None:
        if not self._busy:
            self.abort()  # nobody asked: what comes now would be taken for the next request's answer
            return
        answer = self.answer
        if self.ended is not None:
            answer.keep = False
            return
        try:
            answer.feed(data)
        except Garbled:
            self._lose(Ending.GARBLED)
            self._transport.abort()
            return
        if answer.complete:
            self.ended = Ending.COMPLETE
            if self._draining:
                self.done()
            else:
                self._wake()
        elif self._draining:
            answer.take()
        elif answer.has_head and answer.unread >= self._enough:
            self._wake()
            if answer.unread > HIGH and not self._held:
                self._held = True
                self._transport.pause_reading()

    def eof_received(self) -> None:
        complete = self.answer.end() and _is_clean_end(self._transport)
        self._lose(Ending.COMPLETE if complete else Ending.CUT)
        self._transport.abort()  # a request that is still being written has no reader any more

    def connection_lost(self, exc: Exception | None) -> None:
        self._lose(Ending.CUT)

    def pause_writing(self) -> None:
        self._stuffed = True

    def resume_writing(self) -> None:
        self._stuffed = False
        self._wake()

    # Waiting.

    async def _wait(self, until: float) -> None:
        """Until something has changed, which may be nothing of interest."""
        self._stalled = False
        self._arm(until)
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        except BaseException:  # cancelled: what comes now is nobody's
            self.abort()
            raise
        finally:
            self._waiter = None

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _resume(self) -> None:
        self._held = False
        self._transport.resume_reading()

    def _lose(self, ending: Ending) -> None:
        """The connection is over, and with it what was coming."""
        if self.is_lost:
            return
        self.is_lost = True
        if self._busy and self.ended is None:
            self.ended = ending
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.answer.close()
        self._owner.lost(self)
        self._wake()

    def _arm(self, until: float) -> None:
        """Sets the time limit of a wait.

        Waits are short and their limits far away, so the timer of an earlier wait stays set. When it rings it
        is set again for what is then to be waited for: hardly ever for more than one call in its whole time.
        """
        now = self._loop.time()
        self._due = until = max(until, now)  # a time that had passed before is not late
        if self._timer is None:
            self._set(until)
        elif self._alarm > until:
            self._timer.cancel()
            self._set(until)

    def _set(self, when: float) -> None:
        self._alarm = when
        self._timer = self._loop.call_at(when, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if not self._draining and (self._waiter is None or self._waiter.done()):
            return
        late = self._loop.time() - self._due
        if late < -GRAIN:
            self._set(self._due)
        elif late > STALL and not self._stalled:
            # This process stood still: what came meanwhile may lie in the socket (see `time_limit`).
            self._stalled = True
            self._due += late + GRACE
            self._set(self._due)
        else:
            self._lose(Ending.STALLED if self._stalled else Ending.LATE)
            self._transport.abort()


def _is_clean_end(transport: asyncio.Transport) -> bool:
    """Whether TLS, where there is any, has said that this is the end.

    Else anybody on the way may have cut short what ends with the connection (RFC 9112, 9.8).
    """
    tls = transport.get_extra_info("ssl_object")
    if tls is None:
        return True
    try:
        return not tls.read(1)
    except ssl.SSLError as error:
        return isinstance(error, ssl.SSLZeroReturnError)
