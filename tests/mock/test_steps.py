"""Pace and framing of answers, read off their steps without a socket."""

import pytest

from switch_grpc.mock.faults import play
from switch_grpc.mock.openai import WIRE
from switch_grpc.mock.script import parse_script
from switch_grpc.mock.steps import Event, Kind, Step, Stream, Wait, Whole, chunk

EVENTS = (
    Event(Kind.OPENING, b"[role]"),
    Event(Kind.TOKEN, b"[one]"),
    Event(Kind.TOKEN, b"[two]"),
    Event(Kind.TAIL, b"[stop]"),
    Event(Kind.DONE, b"[done]"),
)


def steps(script: str, *, close: bool = False) -> list[Step]:
    answer = Stream(headers=(("x-id", "7"),), events=iter(EVENTS), wire=WIRE)
    return list(play(answer, parse_script(script), close=close))


def waits(script: str) -> list[float]:
    return [step.seconds for step in steps(script) if isinstance(step, Wait)]


def test_a_plain_stream_is_a_head_each_event_in_a_chunk_and_the_last_chunk():
    head, *chunks = steps("mock")
    assert head == (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n"
        b"cache-control: no-cache\r\nx-id: 7\r\n\r\n"
    )
    assert chunks == [*(chunk(event.data) for event in EVENTS), b"0\r\n\r\n"]


def test_a_whole_answer_is_one_write_with_its_length():
    answer = Whole(status=529, headers=(), body=b"{}", wire=WIRE)
    (written,) = play(answer, parse_script("mock"), close=True)
    assert written == (
        b"HTTP/1.1 529 Unregistered\r\ncontent-type: application/json\r\ncontent-length: 2\r\n"
        b"connection: close\r\n\r\n{}"
    )


def test_delay_comes_before_the_head():
    assert steps("mock;delay=30")[0] == Wait(0.03)


def test_ttft_is_between_the_opening_and_the_first_token():
    walked = steps("mock;ttft=500")
    assert walked[1:4] == [chunk(b"[role]"), Wait(0.5), chunk(b"[one]")]
    assert waits("mock;ttft=500") == [0.5]


def test_gap_is_before_every_event_after_the_first_token():
    assert waits("mock;gap=10") == [0.01, 0.01, 0.01]


def test_a_silence_is_broken_by_pings_and_lasts_as_long():
    assert waits("mock;ttft=100;ping=30") == pytest.approx([0.03, 0.03, 0.03, 0.01])
    assert steps("mock;ttft=100;ping=30").count(chunk(b": keep-alive\n\n")) == 3


def test_flush_puts_every_event_into_its_own_write():
    assert waits("mock;flush") == [0.0] * len(EVENTS)
