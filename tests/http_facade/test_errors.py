"""Every kind of fault as an HTTP answer."""

import pytest

from http_facade.errors import as_fault, error_body, error_headers
from switch_grpc.faults import RULES, Fault, Kind
from switch_grpc.v1 import fault_pb2
from tests.http_facade.conftest import Door

CHAT = {"model": "lite", "messages": [{"role": "user", "content": "Hi"}]}


@pytest.mark.parametrize("kind", Kind)
async def test_each_kind_has_the_status_and_body_of_its_row(door: Door, kind: Kind) -> None:
    door.backend.steps = (Fault(kind, "what and remedy", param="messages[0]"),)
    answer = await door.client.post("/v1/chat/completions", json=CHAT)
    rule = RULES[kind]
    assert answer.status_code == rule.http
    assert answer.json() == {
        "error": {
            "message": "what and remedy",
            "type": rule.type,
            "param": "messages[0]",
            "code": rule.openai_code,
        }
    }
    hint = {None: None, True: "true", False: "false"}[rule.retry]
    assert answer.headers.get("x-should-retry") == hint
    assert answer.headers.get("connection") == ("close" if kind in (Kind.DRAINING, Kind.TOO_LARGE) else None)
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("seconds", "whole", "milliseconds"),
    [(0.0, b"1", b"0"), (0.2, b"1", b"200"), (1.0, b"1", b"1000"), (1.01, b"2", b"1010"), (-1, b"1", b"0")],
)
def test_retry_after_is_in_whole_seconds_and_at_least_one(
    seconds: float, whole: bytes, milliseconds: bytes
) -> None:
    headers = dict(error_headers(Fault(Kind.OVERLOADED, "full", retry_after=seconds)))
    assert (headers[b"retry-after"], headers[b"retry-after-ms"]) == (whole, milliseconds)


def test_without_a_hint_there_is_no_retry_header() -> None:
    headers = dict(error_headers(Fault(Kind.NO_TARGET, "none")))
    assert not {b"retry-after", b"retry-after-ms", b"x-should-retry"} & set(headers)


def test_a_faults_own_status_code_and_hint_win_over_its_row() -> None:
    fault = Fault(Kind.CLIENT_FAULT, "no", http=422, code="their_code", retry=True)
    assert (fault.http, b'"code":"their_code"' in error_body(fault)) == (422, True)
    assert (b"x-should-retry", b"true") in error_headers(fault)


def test_attempts_are_counted_in_errors_too() -> None:
    fault = Fault(Kind.UPSTREAM_ERROR, "all failed")
    fault.attempts = (fault_pb2.AttemptInfo(target="a"), fault_pb2.AttemptInfo(target="b"))
    assert (b"x-switch-attempts", b"2") in error_headers(fault)


def test_who_was_asked_last_is_told_in_errors_too() -> None:
    assert (b"x-used-provider", b"z%C3%BCrich") in error_headers(
        Fault(Kind.UPSTREAM_ERROR, "failed", target="zürich")
    )
    assert b"x-used-provider" not in dict(error_headers(Fault(Kind.NO_KEY, "no key")))


def test_a_lone_surrogate_in_a_message_does_not_break_the_answer() -> None:
    assert b"a?b" in error_body(Fault(Kind.CLIENT_FAULT, "a\ud800b"))


def test_a_bugs_text_stays_inside() -> None:
    fault = as_fault(ValueError("secret"))
    assert fault.kind is Kind.BUG
    assert "secret" not in fault.message


async def test_a_bug_is_logged_with_the_request_id_and_told_without_its_text(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    door.backend.steps = (KeyError("secret"),)
    answer = await door.client.post("/v1/chat/completions", json=CHAT, headers={"x-request-id": "r-17"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal_error")
    assert "secret" not in answer.text
    assert "r-17" in caplog.text
    assert door.backend.outcome is Kind.BUG


async def test_a_refusal_by_admission_comes_before_the_body(door: Door) -> None:
    door.backend.refuses = Fault(Kind.DRAINING, "the gateway is shutting down", retry_after=1.0)
    answer = await door.client.post("/v1/chat/completions", content=b"not json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "draining")
    assert answer.headers["connection"] == "close"
    assert answer.headers["retry-after"] == "1"
