"""One connection without a socket: its waits, and what they cost."""

import asyncio
import gzip
import socket
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch_grpc.faults import Fault, Kind
from switch_grpc.upstream.connection import DRAIN_SECONDS, HIGH, Connection, Ending
from switch_grpc.upstream.direct import DirectExchange
from switch_grpc.upstream.time_limit import GRACE
from switch_grpc.upstream.writing import Origin
from tests.support.raw_server import STREAM_HEAD, piece, reply
from tests.support.virtual_time import VirtualLoop, now, virtual

ORIGIN = Origin(False, "a", 80)
HEAD_200 = b"HTTP/1.1 200 OK\r\n"
HEAD = b"POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n"


class Wire:
    """A transport without a network, and the owner of the one connection on it."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.written: list[bytes] = []
        self.buffered = 0
        self._pair = socket.socketpair()
        self.loop = asyncio.get_running_loop()
        self.connection = Connection(ORIGIN, self, self.loop)
        self.connection.connection_made(cast("asyncio.Transport", self))

    def get_extra_info(self, name: str) -> object:
        return self._pair[0] if name == "socket" else None

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def writelines(self, parts: tuple[bytes, ...]) -> None:
        self.written.append(b"".join(parts))

    def get_write_buffer_size(self) -> int:
        return self.buffered

    def pause_reading(self) -> None:
        self.said.append("pause")

    def resume_reading(self) -> None:
        self.said.append("resume")

    def abort(self) -> None:
        self.said.append("abort")

    def opened(self, connection: Connection) -> None:
        self.said.append("opened")

    def freed(self, connection: Connection) -> None:
        self.said.append("freed")

    def lost(self, connection: Connection) -> None:
        self.said.append("lost")

    def later(self, seconds: float, *data: bytes) -> None:
        """What comes after that time."""
        for each in data:
            self.loop.call_later(seconds, self.connection.data_received, each)

    def close(self) -> None:
        for each in self._pair:
            each.close()


def wired(test: Callable[[Wire], Any]) -> Callable[[], None]:
    """Runs the test on a virtual loop, with a wire."""

    @virtual
    async def run() -> None:
        wire = Wire()
        try:
            await test(wire)
        finally:
            wire.close()

    run.__name__ = test.__name__
    return run


async def ask(wire: Wire, seconds: float = 30.0, deadline: float = 60.0) -> None:
    await wire.connection.ask(HEAD, b"", seconds, 1000.0 + deadline)


@wired
async def test_a_whole_answer_takes_one_write_and_one_wake(wire: Wire):
    wire.later(1.0, reply(b"{}"))
    await wire.connection.ask(HEAD, b"body", 30.0, 1060.0)
    assert wire.written == [HEAD + b"body"]
    assert wire.connection.ended is Ending.COMPLETE
    await wire.connection.all(0.0, 100)  # without a wait: its deadline has passed
    assert wire.connection.answer.take() == b"{}"
    wire.connection.done()
    assert wire.said == ["opened", "freed"]


@wired
async def test_the_answers_time_counts_from_the_last_byte_written(wire: Wire):
    wire.connection.pause_writing()
    wire.loop.call_later(50.0, wire.connection.resume_writing)
    wire.later(70.0, reply(b"{}"))
    await ask(wire, 30.0, 100.0)
    assert now() == 1070.0
    assert wire.connection.answer.status == 200


@wired
async def test_writing_has_the_deadline_for_its_limit(wire: Wire):
    wire.connection.pause_writing()
    await ask(wire, 30.0, 100.0)
    assert (now(), wire.connection.ended) == (1100.0, Ending.LATE)
    assert wire.said == ["opened", "lost", "abort"]


@wired
async def test_an_answer_counts_though_not_all_is_written(wire: Wire):
    wire.connection.pause_writing()
    wire.buffered = 100
    wire.later(1.0, reply(b"{}"))
    await ask(wire)
    assert (wire.connection.ended, wire.connection.answer.take()) == (Ending.COMPLETE, b"{}")
    wire.connection.done()
    assert wire.said == ["opened", "lost", "abort"], "but the rest of the request is still on its way"


@pytest.mark.parametrize("seconds", [3.0, 0.0, -5.0])
def test_who_waits_too_long_is_told_so_on_time(seconds: float):
    @wired
    async def test(wire: Wire) -> None:
        await ask(wire, seconds)
        assert (now(), wire.connection.ended) == (1000.0 + max(seconds, 0.0), Ending.LATE)

    test()


@wired
async def test_a_limit_may_come_nearer_and_move_away(wire: Wire):
    """The timer of an earlier wait stays set, and must neither ring too late nor count too early."""
    wire.later(1.0, STREAM_HEAD)
    wire.later(5.0, piece(b"x"))
    wire.later(40.0, piece(b"x"))
    await ask(wire)
    assert await wire.connection.some(1010.0) == b"x"
    assert await wire.connection.some(1050.0) == b"x"
    assert await wire.connection.some(1043.0) == b""
    assert (now(), wire.connection.ended) == (1043.0, Ending.LATE)


@wired
async def test_thousands_of_waits_set_hardly_any_timers(wire: Wire):
    set_at: list[float] = []
    call_at = wire.loop.call_at

    def counted(when: float, *args: Any, **named: Any) -> asyncio.TimerHandle:
        if args[0] == wire.connection._ring:
            set_at.append(when)
        return call_at(when, *args, **named)

    wire.loop.call_at = counted  # type: ignore[method-assign,assignment]
    for _ in range(5000):
        wire.later(0.01, reply(b"{}"))
        await wire.connection.ask(HEAD, b"", 30.0, now() + 60.0)
        wire.connection.done()
        wire.connection.answer.begin()
    assert 1 <= len(set_at) <= 4
    assert now() > 1045.0


@wired
async def test_after_a_standstill_what_came_meanwhile_is_still_read(wire: Wire):
    wire.loop.call_soon(cast("VirtualLoop", wire.loop).stall, 50.0)
    wire.later(51.0, reply(b"{}"))
    await ask(wire, 30.0)
    assert wire.connection.ended is Ending.COMPLETE


@wired
async def test_after_a_standstill_nobody_is_blamed_for_silence(wire: Wire):
    wire.loop.call_soon(cast("VirtualLoop", wire.loop).stall, 50.0)
    await ask(wire, 30.0)
    assert wire.connection.ended is Ending.STALLED
    assert now() == pytest.approx(1050.0 + GRACE)


@wired
async def test_a_standstill_before_the_wait_is_nobodys_excuse(wire: Wire):
    wire.later(1.0, STREAM_HEAD)
    await ask(wire)
    cast("VirtualLoop", wire.loop).stall(100.0)
    assert await wire.connection.some(now() + 5.0) == b""
    assert wire.connection.ended is Ending.LATE


@wired
async def test_bytes_that_nobody_asked_for_end_the_connection(wire: Wire):
    wire.connection.data_received(reply(b"poison"))
    assert wire.said == ["opened", "lost", "abort"]


@wired
async def test_bytes_after_the_answer_end_the_connection_with_the_exchange(wire: Wire):
    wire.later(1.0, reply(b"{}"))
    await ask(wire)
    wire.connection.data_received(reply(b"poison"))
    assert wire.connection.answer.take() == b"{}"
    wire.connection.done()
    assert wire.said == ["opened", "lost", "abort"]


@wired
async def test_a_cancelled_wait_ends_the_connection_at_once(wire: Wire):
    task = asyncio.create_task(ask(wire))
    await asyncio.sleep(1.0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert wire.said == ["opened", "lost", "abort"]
    wire.connection.done()
    assert wire.said == ["opened", "lost", "abort"]


@wired
async def test_reading_pauses_while_much_lies_unread(wire: Wire):
    wire.later(1.0, STREAM_HEAD, piece(b"x" * HIGH), piece(b"y"))
    await ask(wire)
    await asyncio.sleep(0.5)
    assert wire.said == ["opened", "pause"]
    assert len(await wire.connection.some(1100.0)) == HIGH + 1
    assert wire.said == ["opened", "pause", "resume"]


@wired
async def test_who_waits_for_all_of_an_answer_does_not_pause_it(wire: Wire):
    wire.later(1.0, STREAM_HEAD, piece(b"x" * HIGH), piece(b"y"))
    wire.later(2.0, piece(b"z" * HIGH), b"0\r\n\r\n")
    await ask(wire)
    await wire.connection.all(1100.0, 10 * HIGH)
    assert wire.connection.answer.unread == 2 * HIGH + 1
    assert "abort" not in wire.said
    assert wire.said.count("pause") == wire.said.count("resume")


@wired
async def test_who_waits_for_all_is_told_when_it_is_too_much(wire: Wire):
    wire.later(1.0, STREAM_HEAD, piece(b"x" * 50))
    wire.later(2.0, piece(b"x" * 51))
    await ask(wire)
    await wire.connection.all(1100.0, 100)
    assert (now(), wire.connection.ended, wire.connection.answer.unread) == (1002.0, None, 101)


@wired
async def test_a_drained_connection_is_free_once_the_end_has_come(wire: Wire):
    wire.later(0.0, STREAM_HEAD)
    wire.later(0.3, piece(b"x" * 10_000_000))
    wire.later(0.6, b"0\r\n\r\n")
    await ask(wire)
    wire.connection.drain()
    await asyncio.sleep(0.5)
    assert wire.connection.answer.unread == 0
    await asyncio.sleep(0.5)
    assert wire.said == ["opened", "freed"]
    await asyncio.sleep(100.0)
    assert wire.said == ["opened", "freed"]


@wired
async def test_a_drained_connection_has_a_second(wire: Wire):
    wire.later(0.0, STREAM_HEAD)
    await ask(wire)
    wire.connection.drain()
    await asyncio.sleep(DRAIN_SECONDS - 0.1)
    assert wire.said == ["opened"]
    await asyncio.sleep(0.2)
    assert wire.said == ["opened", "lost", "abort"]


@wired
async def test_a_lost_connection_is_lost_once(wire: Wire):
    wire.connection.eof_received()
    wire.connection.connection_lost(None)
    wire.connection.abort()
    wire.connection.data_received(b"x")
    assert wire.said.count("lost") == 1


@wired
async def test_nothing_is_written_to_a_connection_that_is_not_quiet(wire: Wire):
    assert wire.connection.is_quiet()
    wire._pair[1].close()
    assert not wire.connection.is_quiet()


ANSWERS = [
    HEAD_200 + b"Content-Length: 9\r\n\r\n{'a': 12}",
    HEAD_200 + b"X: y\r\n\r\n{'a': 12}",
    STREAM_HEAD + piece(b"data: 1\n\n") + piece(b"data: [DONE]\n\n") + b"0\r\n\r\n",
    HEAD_200
    + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    + piece(gzip.compress(b"data: 1\n\n"))
    + b"0\r\n\r\n",
]


async def read(wire: Wire, data: bytes, cuts: list[int], whole: bool) -> bytes:
    """What an exchange makes of these bytes, which come piece after piece and then end. Raises Fault."""
    for number, (start, end) in enumerate(pairwise([0, *cuts, len(data)])):
        wire.later(0.1 * number, data[start:end])
    wire.loop.call_later(10.0, wire.connection.eof_received)
    await ask(wire)
    if not wire.connection.answer.has_head:
        raise Fault(Kind.UPSTREAM_PROTOCOL, "no head")
    exchange, got = DirectExchange(wire.connection, 60.0, wire.loop), b""
    try:
        if whole:
            return await exchange.read(now() + 60.0, 1 << 20)
        while some := await exchange.read_some(now() + 60.0):
            got += some
        return got
    finally:
        exchange.close()


def outcome(data: bytes, cuts: list[int], whole: bool) -> bytes | None:
    """The body, or None for a fault."""
    found: list[bytes | None] = [None]

    @wired
    async def test(wire: Wire) -> None:
        with suppress(Fault):
            found[0] = await read(wire, data, cuts, whole)
        assert wire.said[-1] in ("freed", "abort")

    test()
    return found[0]


@given(st.sampled_from(ANSWERS), st.booleans(), st.data())
def test_an_answer_is_read_the_same_however_it_comes(data: bytes, whole: bool, draw: st.DataObject):
    cuts = sorted(draw.draw(st.sets(st.integers(1, len(data) - 1), max_size=5)))
    assert outcome(data, cuts, whole) == outcome(data, [], not whole) is not None


@given(st.sampled_from(ANSWERS), st.booleans(), st.data())
def test_a_part_of_an_answer_is_never_the_whole(data: bytes, whole: bool, draw: st.DataObject):
    part = data[: draw.draw(st.integers(0, len(data) - 1))]
    if b"X: y\r\n\r\n" not in part:  # that one ends wherever its connection does
        assert outcome(part, [], whole) is None


@given(st.sampled_from(ANSWERS), st.booleans(), st.data())
def test_whatever_comes_raises_nothing_but_faults(data: bytes, whole: bool, draw: st.DataObject):
    broken = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 4))):
        broken[draw.draw(st.integers(0, len(broken) - 1))] = draw.draw(st.integers(0, 255))
    cut = draw.draw(st.integers(1, len(broken) - 1))
    outcome(bytes(broken), [cut], whole)
