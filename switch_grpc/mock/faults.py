"""The faults: what each does on the wire, as steps. `play` is an answer under a script.

Pure, like `steps.py`. A fault strikes in the head or instead of it, or in the body; each of the latter has a
way with an answer of known length and one with a stream.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from switch_grpc.mock.failures import Failure, failure_for
from switch_grpc.mock.script import Fault, Script
from switch_grpc.mock.steps import (
    LAST_CHUNK,
    Answer,
    End,
    Event,
    Kind,
    Step,
    Stream,
    Wait,
    Whole,
    answer_steps,
    chunk,
    head,
    paced,
    silence,
)

_FOREVER: Final = Wait(math.inf)
# Before a cut, so that a reader gets the bytes and the end in two reads: asyncio clients that see both at
# once may report only the end.
_SETTLE: Final = Wait(0.02)
_BLOCK: Final = 64 * 1024
_PING: Final = 0.05
_ENDINGS: Final = (Kind.TAIL, Kind.DONE)
_GARBAGE: Final = b"\x00\x16\x03\x01 this is no HTTP \xff\xfe\r\n\r\n"
_HTML: Final = (
    b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head>"
    b"<body><h1>502 Bad Gateway</h1><p>data: is not here</p></body></html>\n"
)


def play(answer: Answer, script: Script, *, close: bool = False) -> Iterator[Step]:
    """The steps of an answer under a script; `close` announces the end of the connection in the head."""
    if script.delay:
        yield Wait(script.delay)
    if script.fault is None:
        yield from answer_steps(answer, script, close)
    else:
        yield from _FAULTS[script.fault](answer, script, close)


# Faults in the head, or instead of it.


def _reset(answer: Answer, script: Script, close: bool) -> Iterator[Step]:
    yield End.RESET


def _close(answer: Answer, script: Script, close: bool) -> Iterator[Step]:
    yield End.CLOSE


def _hang(answer: Answer, script: Script, close: bool) -> Iterator[Step]:
    yield _FOREVER


def _hang_head(answer: Answer, script: Script, close: bool) -> Iterator[Step]:
    whole = _any_head(answer, close)
    yield whole[: len(whole) // 2]
    yield _FOREVER


def _slow_head(answer: Answer, script: Script, close: bool) -> Iterator[Step]:
    yield from _dripped(_any_head(answer, close), script.rate)
    if isinstance(answer, Whole):
        yield answer.body
    else:
        yield from paced(answer.events, answer.wire, script)
        yield LAST_CHUNK


def _slow_body(answer: Answer, script: Script, close: bool) -> Iterator[Step]:
    yield _any_head(answer, close)
    if isinstance(answer, Whole):
        yield from _dripped(answer.body, script.rate)
        return
    for event in answer.events:
        for k in range(len(event.data)):
            yield chunk(event.data[k : k + 1])
            yield Wait(script.rate)
    yield LAST_CHUNK


def _dripped(data: bytes, rate: float) -> Iterator[Step]:
    for k in range(len(data)):
        yield data[k : k + 1]
        yield Wait(rate)


def _any_head(answer: Answer, close: bool) -> bytes:
    return head(answer, close, length=len(answer.body) if isinstance(answer, Whole) else None)


def _garbage(answer: Answer, script: Script, close: bool) -> Iterator[Step]:
    yield _GARBAGE
    yield _SETTLE
    yield End.CLOSE


def _html(answer: Answer, script: Script, close: bool) -> Iterator[Step]:
    page = _whole(answer, _HTML, status=script.status or 200, content_type="text/html; charset=utf-8")
    yield from answer_steps(page, script, close)


def _error_body(answer: Answer, script: Script, close: bool) -> Iterator[Step]:
    failure = _failure(script)
    body = answer.wire.error_body(failure, answer.attempt)
    answer = replace(answer, headers=answer.headers + answer.wire.error_headers(failure))
    yield from answer_steps(_whole(answer, body), script, close)


def _whole(
    answer: Answer, body: bytes, *, status: int = 200, content_type: str = "application/json"
) -> Whole:
    return Whole(
        status=status,
        headers=answer.headers,
        body=body,
        wire=answer.wire,
        content_type=content_type,
        attempt=answer.attempt,
    )


def _failure(script: Script) -> Failure:
    """The error inside a 200: what the script describes, or a server error."""
    return script.failure() or failure_for(500)


def _close_after(answer: Answer, script: Script, close: bool) -> Iterator[Step]:
    """A keep-alive that is promised and not kept: a pool that trusts it fails on its next request."""
    yield from answer_steps(answer, script, False)
    yield End.CLOSE


# Faults in the body. Each has a way with an answer of known length and one with a stream.


def _cut(answer: Answer, script: Script, close: bool) -> Iterator[Step]:
    yield from _half(answer, script, close)
    yield _SETTLE
    yield End.CLOSE


def _rst_mid(answer: Answer, script: Script, close: bool) -> Iterator[Step]:
    yield from _half(answer, script, close)
    yield _SETTLE
    yield End.RESET


def _eof(answer: Answer, script: Script, close: bool) -> Iterator[Step]:
    """A clean end of the coding where the answer is not complete."""
    if isinstance(answer, Whole):
        yield head(answer, close) + chunk(answer.body[: len(answer.body) // 2]) + LAST_CHUNK
    else:
        yield from _half(answer, script, close)
        yield LAST_CHUNK


def _stall(answer: Answer, script: Script, close: bool) -> Iterator[Step]:
    yield from _half(answer, script, close)
    if isinstance(answer, Whole):
        yield _FOREVER
    else:
        yield from silence(math.inf, answer.wire, script.ping)


def _comments(answer: Answer, script: Script, close: bool) -> Iterator[Step]:
    """Signs of life and nothing else: keep-alive events, or the empty lines before a late JSON body."""
    ping = script.ping or _PING
    if isinstance(answer, Whole):
        yield head(answer, close)
        while True:
            yield chunk(b"\n")
            yield Wait(ping)
    yield from _half(answer, script, close)
    yield from silence(math.inf, answer.wire, ping)


def _half(answer: Answer, script: Script, close: bool) -> Iterator[Step]:
    """The head and a part of the body: `after` tokens of a stream, half of a body."""
    if isinstance(answer, Whole):
        yield _any_head(answer, close) + answer.body[: len(answer.body) // 2]
    else:
        yield head(answer, close)
        yield from paced(_first(answer.events, script.tokens_before_fault), answer.wire, script)


def _malformed_json(answer: Answer, script: Script, close: bool) -> Iterator[Step]:
    yield from _replaced(answer, script, close, [answer.wire.broken])


def _malformed_sse(answer: Answer, script: Script, close: bool) -> Iterator[Step]:
    yield from _replaced(answer, script, close, [answer.wire.unframed])


def _huge_line(answer: Answer, script: Script, close: bool) -> Iterator[Step]:
    size = script.mib * 2**20
    if isinstance(answer, Whole):
        yield head(answer, close, length=len(answer.body) + size) + answer.body
        for _ in range(size // _BLOCK):
            yield b" " * _BLOCK
    else:
        yield from _replaced(answer, script, close, answer.wire.huge_event(size))


def _replaced(answer: Answer, script: Script, close: bool, parts: Iterable[bytes]) -> Iterator[Step]:
    """One token replaced by something else and the rest as it was, so that who skips it shows a hole."""
    if isinstance(answer, Whole):
        yield from answer_steps(replace(answer, body=answer.body[: len(answer.body) // 2]), script, close)
    else:
        events = _swap(answer.events, script.tokens_before_fault, parts)
        yield from answer_steps(replace(answer, events=events), script, close)


def _error_event(answer: Answer, script: Script, close: bool) -> Iterator[Step]:
    yield from _ended_by_error(answer, script, close, opening=script.tokens_before_fault > 0)


def _role_then_error(answer: Answer, script: Script, close: bool) -> Iterator[Step]:
    yield from _ended_by_error(answer, script, close, opening=True)


def _ended_by_error(answer: Answer, script: Script, close: bool, *, opening: bool) -> Iterator[Step]:
    if isinstance(answer, Whole):
        yield from _error_body(answer, script, close)
        return
    yield head(answer, close)
    if opening:
        yield from paced(_first(answer.events, script.tokens_before_fault), answer.wire, script)
    yield chunk(answer.wire.error_event(_failure(script), answer.attempt))
    yield LAST_CHUNK


def _no_done(answer: Answer, script: Script, close: bool) -> Iterator[Step]:
    if isinstance(answer, Stream):
        events = (event for event in answer.events if event.kind is not Kind.DONE)
        answer = replace(answer, events=events)
    yield from answer_steps(answer, script, close)


def _first(events: Iterator[Event], count: int) -> Iterator[Event]:
    """The opening and the first `count` tokens, never the tail."""
    for event in events:
        if event.kind is Kind.TOKEN:
            count -= 1
        if count < 0 or event.kind in _ENDINGS:
            return
        yield event


def _swap(events: Iterator[Event], count: int, parts: Iterable[bytes]) -> Iterator[Event]:
    """All events, but `parts` in place of the token after the first `count`, or before the tail."""
    swapped = False
    for event in events:
        if not swapped and (event.kind in _ENDINGS or (count == 0 and event.kind is Kind.TOKEN)):
            swapped = True
            for part in parts:
                yield Event(Kind.TOKEN, part)
            if event.kind is Kind.TOKEN:
                continue
        count -= event.kind is Kind.TOKEN
        yield event


_FAULTS: Final[Mapping[Fault, Callable[[Answer, Script, bool], Iterator[Step]]]] = {
    Fault.RESET: _reset,
    Fault.CLOSE: _close,
    Fault.HANG: _hang,
    Fault.HANG_HEAD: _hang_head,
    Fault.SLOW_HEAD: _slow_head,
    Fault.SLOW_BODY: _slow_body,
    Fault.GARBAGE: _garbage,
    Fault.HTML: _html,
    Fault.CUT: _cut,
    Fault.RST_MID: _rst_mid,
    Fault.EOF: _eof,
    Fault.STALL: _stall,
    Fault.COMMENTS: _comments,
    Fault.MALFORMED_JSON: _malformed_json,
    Fault.MALFORMED_SSE: _malformed_sse,
    Fault.ERROR_EVENT: _error_event,
    Fault.ERROR_BODY: _error_body,
    Fault.ROLE_THEN_ERROR: _role_then_error,
    Fault.NO_DONE: _no_done,
    Fault.HUGE_LINE: _huge_line,
    Fault.CLOSE_AFTER: _close_after,
}
