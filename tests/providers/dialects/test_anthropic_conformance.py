"""The Anthropic dialect against the table that all dialects are held to."""

import json

import pytest

from switch_grpc.providers.dialects.anthropic import Anthropic
from switch_grpc.providers.dialects.base import Binding
from tests.support.conformance import (
    ERRORS,
    FIXTURES,
    REPLIES,
    REQUESTS,
    assert_says,
    check_stream_errors,
    fault_in_stream,
    fault_of,
    fixture,
    outcome,
    streamed,
    whole,
)

FOLDER = FIXTURES / "anthropic"
BINDING = Binding(
    target="a", provider="anthropic", model="claude-sonnet-4-5", base_url="https://api.anthropic.com"
)
EXPECTED = fixture("anthropic", "requests")
ANSWERS = fixture("anthropic", "errors")
ABSENT = fixture("anthropic", "absent")
# A stream until it has said something.
BEGUN = (FOLDER / "streams/overloaded_stream.sse").read_bytes().partition(b"event: error")[0]


def test_every_case_has_its_expectation() -> None:
    assert EXPECTED.keys() == REQUESTS.keys()
    assert len(REQUESTS) + len(REPLIES) + len(ERRORS) >= 45
    assert ANSWERS.keys() >= ERRORS.keys()
    check_stream_errors("anthropic")


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_is_sent_as_expected_or_refused_by_name(name: str) -> None:
    expected = EXPECTED[name]
    assert outcome(Anthropic(), REQUESTS[name], BINDING, stream=False) == expected
    if "sent" in expected:
        expected = {**expected, "sent": {**expected["sent"], "stream": True}}
    assert outcome(Anthropic(), REQUESTS[name], BINDING, stream=True) == expected


@pytest.mark.parametrize("name", REPLIES)
def test_an_answer_means_the_same_whole_and_streamed(name: str) -> None:
    if name in ABSENT["replies"]:
        assert not (FOLDER / f"replies/{name}.json").exists()
        return
    body = (FOLDER / f"replies/{name}.json").read_bytes()
    assert_says(whole(Anthropic(), body, BINDING), REPLIES[name])
    assert_says(streamed(Anthropic(), (FOLDER / f"streams/{name}.sse").read_bytes(), BINDING), REPLIES[name])


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_is_of_its_kind(name: str) -> None:
    fault = fault_of(Anthropic(), "anthropic", ANSWERS[name])
    assert fault.kind is ERRORS[name]
    if "retry-after" in ANSWERS[name].get("headers", {}):
        assert fault.retry_after == float(json.loads(ANSWERS[name]["headers"]["retry-after"]))


@pytest.mark.parametrize("name", fixture("anthropic", "stream_errors"))
def test_an_error_in_a_stream_is_of_its_kind(name: str) -> None:
    event = fixture("anthropic", "stream_errors")[name]
    fault = fault_in_stream(Anthropic(), "anthropic", BINDING, BEGUN, event)
    assert fault.kind is ERRORS[name]
