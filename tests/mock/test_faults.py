"""What each fault puts on the wire, as steps, for streams and for whole answers."""

import math
from itertools import islice

import pytest

from switch_grpc.mock.failures import FAILURES
from switch_grpc.mock.faults import play
from switch_grpc.mock.openai import WIRE
from switch_grpc.mock.script import Fault, parse_script
from switch_grpc.mock.steps import End, Event, Kind, Step, Stream, Wait, Whole, chunk

EVENTS = (
    Event(Kind.OPENING, b"[role]"),
    Event(Kind.TOKEN, b"[1]"),
    Event(Kind.TOKEN, b"[2]"),
    Event(Kind.TOKEN, b"[3]"),
    Event(Kind.TOKEN, b"[4]"),
    Event(Kind.TAIL, b"[stop]"),
    Event(Kind.DONE, b"[done]"),
)
BODY = b'{"half":"other"}'
LAST = b"0\r\n\r\n"


def stream(script: str) -> list[Step]:
    answer = Stream(headers=(), events=iter(EVENTS), wire=WIRE)
    return list(islice(play(answer, parse_script(script)), 2000))


def whole(script: str) -> list[Step]:
    return list(islice(play(Whole(headers=(), body=BODY, wire=WIRE), parse_script(script)), 2000))


def wire(steps: list[Step]) -> bytes:
    return b"".join(step for step in steps if isinstance(step, bytes))


def body(steps: list[Step]) -> bytes:
    """What follows the head, without the chunk lengths of single events."""
    data = wire(steps).partition(b"\r\n\r\n")[2]
    for event in EVENTS:
        data = data.replace(chunk(event.data), event.data)
    return data


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_plays_for_streams_and_whole_answers(fault: Fault):
    for steps in (
        stream(f"m;fault={fault.value};mib=1;rate=1"),
        whole(f"m;fault={fault.value};mib=1;rate=1"),
    ):
        assert steps


@pytest.mark.parametrize(("fault", "end"), [("reset", End.RESET), ("close", End.CLOSE)])
def test_reset_and_close_write_nothing(fault: str, end: End):
    assert stream(f"m;fault={fault}") == whole(f"m;fault={fault}") == [end]


def test_hang_is_silent_for_ever_and_hang_head_after_half_a_head():
    assert stream("m;fault=hang") == [Wait(math.inf)]
    part, wait = stream("m;fault=hang-head")
    assert isinstance(part, bytes)
    assert part.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\n\r\n" not in part
    assert wait == Wait(math.inf)


def test_slow_head_drips_and_then_answers_as_usual():
    steps = whole("m;fault=slow-head;rate=20")
    assert wire(steps) == wire(whole("m"))
    assert steps[:4] == [b"H", Wait(0.02), b"T", Wait(0.02)]
    assert wire(stream("m;fault=slow-head;rate=20")) == wire(stream("m"))


def test_slow_body_drips_after_the_head():
    assert whole("m;fault=slow-body;rate=5")[1:3] == [BODY[:1], Wait(0.005)]
    assert wire(whole("m;fault=slow-body;rate=5")) == wire(whole("m"))
    assert stream("m;fault=slow-body;rate=5")[1:3] == [chunk(b"["), Wait(0.005)]


@pytest.mark.parametrize(("fault", "end"), [("cut", End.CLOSE), ("rst-mid", End.RESET)])
def test_cut_and_rst_mid_end_after_so_many_tokens(fault: str, end: End):
    for after, text in (
        (None, b"[role][1][2][3]"),
        (0, b"[role]"),
        (2, b"[role][1][2]"),
        (9, b"[role][1][2][3][4]"),
    ):
        steps = stream(f"m;fault={fault}" + (f";after={after}" if after is not None else ""))
        assert (body(steps), steps[-1]) == (text, end)
    assert (body(whole(f"m;fault={fault}")), whole(f"m;fault={fault}")[-1]) == (BODY[:8], end)
    assert b"content-length: 16" in wire(whole(f"m;fault={fault}"))


def test_eof_ends_the_coding_cleanly_and_the_answer_not():
    assert body(stream("m;fault=eof;after=1")) == b"[role][1]" + LAST
    assert body(whole("m;fault=eof")) == chunk(BODY[:8]) + LAST


def test_stall_falls_silent_and_pings_only_if_told():
    assert stream("m;fault=stall")[-1] == Wait(math.inf)
    assert body(stream("m;fault=stall")) == b"[role][1][2][3]"
    assert stream("m;fault=stall;ping=10").count(chunk(b": keep-alive\n\n")) > 100


def test_comments_are_all_that_ever_comes():
    assert body(stream("m;fault=comments")).startswith(b"[role]" + chunk(b": keep-alive\n\n") * 2)
    assert body(whole("m;fault=comments")).startswith(chunk(b"\n") * 2)


def test_malformed_parts_replace_one_token_and_leave_a_hole():
    """A reader that skips what it cannot read must not get a text that looks complete."""
    broken = chunk(WIRE.broken)
    assert (
        body(stream("m;fault=malformed-json;after=1")) == b"[role][1]" + broken + b"[3][4][stop][done]" + LAST
    )
    assert (
        body(stream("m;fault=malformed-json;after=9"))
        == b"[role][1][2][3][4]" + broken + b"[stop][done]" + LAST
    )
    assert chunk(WIRE.unframed) in body(stream("m;fault=malformed-sse"))
    assert wire(whole("m;fault=malformed-json")).endswith(b"content-length: 8\r\n\r\n" + BODY[:8])


def test_error_event_comes_first_or_after_tokens_and_nothing_follows():
    error = chunk(WIRE.error_event(FAILURES["overloaded_error"], ""))
    assert body(stream("m;fault=error-event;error=overloaded_error")) == error + LAST
    assert (
        body(stream("m;fault=error-event;error=overloaded_error;after=2")) == b"[role][1][2]" + error + LAST
    )
    assert body(stream("m;fault=role-then-error;error=overloaded_error")) == b"[role]" + error + LAST
    assert wire(stream("m;fault=role-then-error")).startswith(b"HTTP/1.1 200 OK")


def test_error_body_is_an_error_inside_a_200():
    for steps in (stream("m;fault=error-body;status=429"), whole("m;fault=error-body;status=429")):
        assert wire(steps).startswith(b"HTTP/1.1 200 OK\r\ncontent-type: application/json")
        assert b"rate_limit_exceeded" in wire(steps)


def test_no_done_lacks_the_marker_only():
    assert body(stream("m;fault=no-done")) == b"[role][1][2][3][4][stop]" + LAST


def test_a_huge_line_is_one_event_that_is_never_held_whole():
    steps = stream("m;fault=huge-line;mib=2")
    assert max(len(step) for step in steps if isinstance(step, bytes)) < 70_000
    assert wire(steps).count(b"m" * 65536) == 32
    assert len(body(whole("m;fault=huge-line;mib=2"))) == len(BODY) + 2 * 2**20


def test_html_keeps_a_scripted_status_and_is_a_200_without():
    assert wire(stream("m;fault=html")).startswith(b"HTTP/1.1 200 OK\r\ncontent-type: text/html")
    assert wire(stream("m;fault=html;status=403")).startswith(
        b"HTTP/1.1 403 Forbidden\r\ncontent-type: text/html"
    )


def test_close_after_completes_the_answer_and_breaks_the_keep_alive():
    steps = whole("m;fault=close-after")
    assert (wire(steps), steps[-1]) == (wire(whole("m")), End.CLOSE)
    assert b"connection: close" not in wire(steps)


def test_garbage_is_not_http():
    assert not wire(stream("m;fault=garbage")).startswith(b"HTTP")
