"""The access log: one JSON line for each thing that happened, as grave as the level asks for."""

import io
import json
from typing import Any

import pytest
from msgspec.structs import replace

from switch_grpc.answered import Answered, Usage
from switch_grpc.events import (
    AttemptFinished,
    BreakerChanged,
    CallFinished,
    ConfigReloaded,
    Event,
    listeners,
)
from switch_grpc.faults import Kind
from switch_grpc.observers.log import AccessLog
from switch_grpc.v1 import route_info_pb2
from tests.support.virtual_time import virtual

WALL = 1_800_000_000.123
INFO = Answered(target="a", breaker_state=route_info_pb2.BREAKER_STATE_CLOSED, provider_ms=12.345, attempts=2)
CALL = CallFinished(
    call_id="req-1",
    door="http",
    operation="chat",
    principal="team",
    route="lite",
    stream=True,
    fault=None,
    message="",
    duration=0.5,
    first_content=0.25,
    chunks=3,
    usage=Usage(3, 4, 7),
    info=INFO,
    target="a",
    attempts=2,
)
ATTEMPT = AttemptFinished(
    call_id="req-1",
    route="lite",
    target="a",
    provider="custom",
    fault=Kind.UPSTREAM_ERROR,
    upstream_status=500,
    duration=0.1,
    ttfb=None,
    usage=None,
)


def failed(kind: Kind, message: str = "no") -> CallFinished:
    return CallFinished(
        call_id="req-2", door="grpc", operation="chat", principal="", route="", stream=False, fault=kind,
        message=message, duration=0.001, first_content=None, chunks=0, usage=None, info=None,
    )  # fmt: skip


def written(*events: Event, level: str = "debug") -> list[dict[str, Any]]:
    """The lines of these events."""
    stream = io.StringIO()

    @virtual
    async def run() -> None:
        log = AccessLog(stream, wall=lambda: WALL, level=level)
        for event in events:
            log(event)
        log.close()

    run()
    return [json.loads(line) for line in stream.getvalue().split("\n")[:-1]]


def test_a_call_is_one_line_with_who_what_where_and_how_long():
    assert written(CALL) == [
        {
            "time": "2027-01-15T08:00:00.123+00:00",
            "event": "call",
            "id": "req-1",
            "door": "http",
            "operation": "chat",
            "route": "lite",
            "stream": True,
            "status": 200,
            "ms": 500.0,
            "key": "team",
            "target": "a",
            "attempts": 2,
            "provider_ms": 12.35,
            "first_content_ms": 250.0,
            "chunks": 3,
            "tokens_in": 3,
            "tokens_out": 4,
        }
    ]


def test_a_call_that_failed_says_how():
    (line,) = written(failed(Kind.UPSTREAM_TIMEOUT, "too slow"))
    assert (line["status"], line["fault"], line["message"]) == (504, "UPSTREAM_TIMEOUT", "too slow")
    assert not {"key", "target", "attempts"} & line.keys()
    (line,) = written(replace(failed(Kind.UPSTREAM_TIMEOUT), target="b", attempts=3))
    assert (line["target"], line["attempts"]) == ("b", 3)


def test_the_status_is_what_the_caller_heard():
    """A provider's 413 and 422 are passed on as such, though their kind's status is 400."""
    (line,) = written(replace(failed(Kind.CLIENT_FAULT), http=413))
    assert line["status"] == 413


@pytest.mark.parametrize(
    "kind", [Kind.BAD_REQUEST, Kind.UNKNOWN_ROUTE, Kind.CLIENT_FAULT, Kind.CONTENT_FILTER, Kind.CAPABILITY]
)
def test_the_words_of_callers_and_providers_are_not_logged(kind: Kind):
    """They may repeat a part of the prompt."""
    (line,) = written(failed(kind, "'my diagnosis' is not allowed"))
    assert line["fault"] == kind
    assert "diagnosis" not in line["message"]
    assert len(line["message"]) > 20


def test_what_looks_like_a_secret_is_masked():
    (line,) = written(failed(Kind.UPSTREAM_ERROR, "target 'a' refused sk-proj-1234567890"))
    assert line["message"] == "target 'a' refused ***"


def test_a_message_stays_on_its_line():
    message = 'a "quote"\nand\r\n{"event": "call"}\u2028 \x00 \U0001f600'
    (line,) = written(failed(Kind.UPSTREAM_ERROR, message))
    assert line["message"].startswith('a "quote"\nand')


def test_attempts_breakers_and_reloads_have_lines_of_their_own():
    attempt, breaker, reload, refused = written(
        ATTEMPT,
        BreakerChanged(route="lite", target="a", state="open", cause="consecutive", until=5.0),
        ConfigReloaded(version="2", source="file", problems=0),
        ConfigReloaded(version="2", source="file", problems=3, reason="models.lite: found sk-1234567890123"),
    )
    assert (attempt["event"], attempt["target"], attempt["fault"], attempt["upstream_status"]) == (
        "attempt",
        "a",
        "UPSTREAM_ERROR",
        500,
    )
    assert (breaker["event"], breaker["state"], breaker["cause"]) == ("breaker", "open", "consecutive")
    assert (reload["event"], reload["problems"], refused["problems"]) == ("reload", 0, 3)
    assert ("reason" in reload, refused["reason"]) == (False, "models.lite: found ***")


@pytest.mark.parametrize(
    ("level", "kept"),
    [
        ("debug", ["attempt", "call", "call", "call", "breaker", "reload", "reload"]),
        ("info", ["call", "call", "call", "breaker", "reload", "reload"]),
        ("warning", ["call", "breaker", "reload"]),
        ("error", ["reload"]),
    ],
)
def test_a_level_keeps_what_is_at_least_that_grave(level: str, kept: list[str]):
    lines = written(
        ATTEMPT,
        CALL,
        failed(Kind.BAD_REQUEST),
        failed(Kind.UPSTREAM_ERROR),
        BreakerChanged(route="lite", target="a", state="open", cause="x", until=None),
        ConfigReloaded(version="2", source="f", problems=0),
        ConfigReloaded(version="2", source="f", problems=1),
        level=level,
    )
    assert [line["event"] for line in lines] == kept


def test_attempts_are_heard_of_at_the_level_that_has_lines_for_them():
    """They come with every call: an observer that writes nothing of them should not be asked to."""
    for level in ("debug", "info"):
        log = AccessLog(io.StringIO(), wall=lambda: WALL, level=level)
        told = listeners([log, print])
        assert (log in told[AttemptFinished]) == (level == "debug")
        assert all(log in told[kind] for kind in (CallFinished, BreakerChanged, ConfigReloaded))
        assert all(print in each for each in told.values())
