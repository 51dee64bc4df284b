"""A ledger check that finds nothing wrong proves nothing until it has been seen to find what is."""

from typing import Any

import pytest

from tests.chaos.reconcile import TOKENS, Ledgers, contradictions

ID = "rq-test-1"
Book = dict[str, list[dict[str, Any]]]


def tokens(count: int, attempt: str = "mock-9-1", start: int = 0) -> str:
    return "".join(f"{attempt}:{number} " for number in range(start, start + count))


def books(fault: str = "status 500", **call: Any) -> Book:
    """A streamed call by HTTP that the second target answered."""
    ended = {
        "id": ID,
        "cell": "a cell",
        "fault": fault,
        "door": "http",
        "stream": True,
        "fallback": True,
        "deadline": 5.0,
        "took": 0.1,
        "terminals": 1,
        "outcome": "OK",
        "http": 200,
        "finished": True,
        "text": tokens(TOKENS, "mock-9-2"),
        **call,
    }
    return {
        "sent": [{"id": ID}],
        "ended": [ended],
        "log": [
            {"event": "attempt", "id": ID, "target": "faulty", "fault": "UPSTREAM_ERROR"},
            {"event": "attempt", "id": ID, "target": "healthy", "fault": None},
            {"event": "call", "id": ID, "status": 200, "attempts": 2},
        ],
        "upstream": [
            {"id": ID, "target": "faulty", "attempt": "mock-9-1"},
            {"id": ID, "target": "healthy", "attempt": "mock-9-2"},
        ],
    }


def alone(fault: str = "status 500", **call: Any) -> Book:
    """The same call where no other target is."""
    book = books(fault, **{"fallback": False, "outcome": "upstream_error", "http": 502, "text": "", **call})
    del book["log"][1], book["upstream"][1]
    book["log"][-1] = {"event": "call", "id": ID, "status": 502, "fault": "UPSTREAM_ERROR"}
    return book


def found(book: Book) -> list[str]:
    return list(contradictions(Ledgers(**book)))


def test_ledgers_that_agree_have_no_contradictions():
    assert found(books()) == []
    assert found(alone()) == []


def test_a_stream_that_breaks_after_its_first_token_may_say_so_even_with_a_fallback():
    book = books("cut mid", outcome="stream_interrupted", text=tokens(3))
    book["log"] = [
        {"event": "attempt", "id": ID, "target": "faulty", "fault": "STREAM_INTERRUPTED"},
        {"event": "call", "id": ID, "status": 502, "fault": "STREAM_INTERRUPTED"},
    ]
    del book["upstream"][1]
    assert found(book) == []


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ({"terminals": 0, "outcome": "NONE"}, "0 terminals"),
        ({"terminals": 2}, "2 terminals"),
        ({"took": 6.5}, "1.5 s after its deadline"),
        ({"outcome": "upstream_error", "http": 502}, "instead of OK"),
        ({"text": tokens(TOKENS - 1, "mock-9-2")}, "told as complete with 5 of 6 tokens"),
        ({"finished": False}, "told as complete"),
        ({"text": tokens(3) + tokens(3, "mock-9-2", 3)}, "mixed"),
        ({"text": tokens(TOKENS, "mock-9-7")}, "another request's"),
        ({"text": tokens(3, "mock-9-2") + tokens(3, "mock-9-2", 2)}, "lost, doubled or out of order"),
        ({"text": tokens(TOKENS, "mock-9-2") + "x"}, "bytes that no provider sent"),
    ],
)
def test_each_wrong_in_what_the_caller_saw_is_found(call: dict[str, Any], told: str):
    assert any(told in one for one in found(books(**call)))


def test_a_wrong_code_is_found():
    assert "heard upstream_timeout" in found(alone(outcome="upstream_timeout", http=504))[0]
    assert "heard upstream_error (HTTP 500)" in found(alone(http=500))[0]


@pytest.mark.parametrize("name", ["sent", "ended", "log", "upstream"])
def test_a_line_that_is_lost_or_doubled_in_any_ledger_is_found(name: str):
    lost, doubled = books(), books()
    del lost[name][-1]
    doubled[name].append(doubled[name][-1])
    assert found(lost)
    assert found(doubled)


def test_an_attempt_that_never_reached_anybody_needs_no_line_upstream():
    book = alone(fault="refused", outcome="upstream_unreachable")
    book["log"][0]["fault"] = book["log"][1]["fault"] = "UPSTREAM_UNREACHABLE"
    book["upstream"].clear()
    assert found(book) == []
