"""The Converse dialect against the table that all dialects are held to, and botocore as judge of requests."""

import json
from typing import Any

import pytest

from switch_grpc.faults import Kind
from switch_grpc.openai_wire import decode_chat_request
from switch_grpc.providers.dialects.base import Binding
from switch_grpc.providers.dialects.converse import Converse
from switch_grpc.request import MessageBody
from tests.support.bedrock import check_request, model_in, stream
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
    head,
    outcome,
    streamed,
    whole,
)

FOLDER = FIXTURES / "converse"
ANSWERS = fixture("converse", "errors")
ABSENT = fixture("converse", "absent")
EXPECTED = fixture("converse", "requests")


def binding(model: str = "claude-sonnet-4-5") -> Binding:
    return Binding(target="a", provider="bedrock", model=model, base_url="https://x", region="us-east-1")


FAMILIES = {
    "anthropic": "claude-sonnet-4-5",
    "newest anthropic": "claude-opus-4-8",
    "nova": "nova-pro",
    "llama": "llama3-3-70b-instruct",
    "mistral": "mistral-large-2407",
    "cohere": "command-r-plus",
    "ai21": "jamba-1-5-large",
    "gpt-oss": "gpt-oss-120b",
    "profile": "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/mi1dadi0g15f",
}


def test_every_case_has_its_expectation() -> None:
    assert EXPECTED.keys() == REQUESTS.keys()
    assert ANSWERS.keys() | ABSENT["errors"].keys() >= ERRORS.keys()
    check_stream_errors("converse")
    assert len(REQUESTS) + len(REPLIES) + len(ERRORS) >= 45


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_is_sent_as_expected_or_refused_by_name(name: str) -> None:
    """A stream's body is the same: only the path differs."""
    assert outcome(Converse(), REQUESTS[name], binding(), stream=False) == EXPECTED[name]
    assert outcome(Converse(), REQUESTS[name], binding(), stream=True) == EXPECTED[name]


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_sent_is_what_bedrocks_service_model_says(family: str) -> None:
    """For every family, by a judge that knows nothing of the gateway."""
    bound, sent = binding(FAMILIES[family]), 0
    for request in REQUESTS.values():
        result = outcome(Converse(), request, bound, stream=False)
        if "sent" not in result:
            continue
        (wire,) = Converse().encode(
            head(stream=True), MessageBody(decode_chat_request(json.dumps(request).encode())), bound
        )
        check_request("ConverseStream", model_in(wire.url), json.loads(wire.body))
        check_request("Converse", model_in(wire.url), result["sent"])
        sent += 1
    assert sent > 30


def events(name: str) -> bytes:
    return stream(
        [(kind, payload) for kind, payload in json.loads((FOLDER / f"streams/{name}.json").read_text())]
    )


@pytest.mark.parametrize("name", REPLIES)
def test_an_answer_means_the_same_whole_and_streamed(name: str) -> None:
    if name in ABSENT["replies"]:
        assert not (FOLDER / f"replies/{name}.json").exists()
        return
    body = (FOLDER / f"replies/{name}.json").read_bytes()
    assert_says(whole(Converse(), body, binding()), REPLIES[name])
    assert_says(streamed(Converse(), events(name), binding()), REPLIES[name])


@pytest.mark.parametrize("name", sorted(path.stem for path in (FOLDER / "replies").iterdir()))
def test_a_reply_is_the_fold_of_its_stream(name: str) -> None:
    reply = whole(Converse(), (FOLDER / f"replies/{name}.json").read_bytes(), binding())
    folded = streamed(Converse(), events(name), binding())
    for each in (reply, folded):  # numbers and keys of JSON texts may be spelt in two ways
        for call in each.choices[0].message.tool_calls:
            call.function.arguments = json.dumps(json.loads(call.function.arguments))
        message = each.choices[0].message
        for field in ("extra_json", "annotations_json"):
            if getattr(message, field):
                setattr(message, field, json.dumps(json.loads(getattr(message, field)), sort_keys=True))
        if each.extra_json:
            each.extra_json = json.dumps(json.loads(each.extra_json), sort_keys=True)
    assert folded == reply


KINDS: dict[str, Kind] = {
    **ERRORS,
    "no_error_type": Kind.UPSTREAM_MODEL_MISSING,
    "on_demand": Kind.UPSTREAM_MODEL_MISSING,
    "end_of_life": Kind.UPSTREAM_MODEL_MISSING,
    "expired_token": Kind.UPSTREAM_AUTH,
    "skewed_clock": Kind.CLOCK_SKEW,
    "wrong_signature": Kind.UPSTREAM_AUTH,
    "not_ready": Kind.UPSTREAM_OVERLOADED,
    "model_timeout": Kind.UPSTREAM_ERROR,
    "model_error": Kind.UPSTREAM_ERROR,
    "unavailable": Kind.UPSTREAM_OVERLOADED,
    "coral": Kind.UPSTREAM_MODEL_MISSING,
    "extraneous": Kind.CAPABILITY,
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_error_is_of_its_kind(name: str) -> None:
    fault: Any = fault_of(Converse(), "bedrock", ANSWERS[name])
    assert fault.kind is KINDS[name]


@pytest.mark.parametrize("name", fixture("converse", "stream_errors"))
def test_an_error_in_a_stream_is_of_its_kind(name: str) -> None:
    event = fixture("converse", "stream_errors")[name]
    fault = fault_in_stream(Converse(), "bedrock", binding(), events("text"), event)
    assert fault.kind is ERRORS[name]
