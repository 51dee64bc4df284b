"""The Gemini dialect against the table that all dialects are held to, and its fixtures cut everywhere."""

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switch_grpc.faults import Fault, Kind
from switch_grpc.openai_wire import encode_chat_response
from switch_grpc.providers.dialects.base import Binding, UpstreamFailure, WireReply
from switch_grpc.providers.dialects.gemini import Gemini
from tests.support.conformance import (
    ERRORS,
    FIXTURES,
    REPLIES,
    REQUESTS,
    assert_says,
    check_stream_errors,
    chunks,
    fault_in_stream,
    fault_of,
    fixture,
    outcome,
    streamed,
    whole,
)

FOLDER = FIXTURES / "gemini"
BINDING = Binding(
    target="a",
    provider="gemini",
    model="gemini-2.5-flash",
    base_url="https://generativelanguage.googleapis.com/v1beta",
)
EXPECTED = fixture("gemini", "requests")
ANSWERS = fixture("gemini", "errors")
ABSENT = fixture("gemini", "absent")

# A stream until it has said something.
BEGUN = (FOLDER / "streams/overloaded.sse").read_bytes().partition(b'data: {"error"')[0]

# What the table says and Gemini cannot say; the reasons are in absent.json.
TABLE = {
    name: {
        "cached_usage": replace(said, usage=(110, 5, 60, 0)),
        "citations": replace(said, citations=()),
    }.get(name, said)
    for name, said in REPLIES.items()
    if name != "refusal"
}
KINDS = {**ERRORS, "overloaded": Kind.UPSTREAM_OVERLOADED}
MORE_KINDS = {
    "context_length_vertex": Kind.CONTEXT_LENGTH,
    "expired_token": Kind.UPSTREAM_AUTH,
    "callers_file": Kind.NOT_FOUND_OBJECT,
    "in_a_list": Kind.UPSTREAM_AUTH,
}
STREAMS = sorted(FOLDER.glob("streams/*.sse"))
DOCUMENTS = sorted([*FOLDER.glob("replies/*.json"), *STREAMS])


def name_of(path: Path) -> str:
    return path.name


def test_every_case_has_its_expectation() -> None:
    assert EXPECTED.keys() == REQUESTS.keys()
    assert ANSWERS.keys() == KINDS.keys() | MORE_KINDS.keys()
    assert ABSENT["replies"].keys() == {name for name, said in REPLIES.items() if TABLE.get(name) != said}
    check_stream_errors("gemini")
    assert ABSENT["errors"].keys() == {name for name, kind in ERRORS.items() if KINDS[name] is not kind}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_is_sent_as_expected_or_refused_by_name(name: str) -> None:
    assert outcome(Gemini(), REQUESTS[name], BINDING, stream=False) == EXPECTED[name]
    assert outcome(Gemini(), REQUESTS[name], BINDING, stream=True) == EXPECTED[name]


@pytest.mark.parametrize("name", TABLE)
def test_an_answer_means_the_same_whole_and_streamed(name: str) -> None:
    assert_says(whole(Gemini(), (FOLDER / f"replies/{name}.json").read_bytes(), BINDING), TABLE[name])
    assert_says(streamed(Gemini(), (FOLDER / f"streams/{name}.sse").read_bytes(), BINDING), TABLE[name])


@pytest.mark.parametrize("name", KINDS | MORE_KINDS)
def test_an_error_is_of_its_kind(name: str) -> None:
    assert fault_of(Gemini(), "gemini", ANSWERS[name]).kind is (KINDS | MORE_KINDS)[name]


@pytest.mark.parametrize("name", fixture("gemini", "stream_errors"))
def test_an_error_in_a_stream_is_of_its_kind(name: str) -> None:
    event = fixture("gemini", "stream_errors")[name]
    fault = fault_in_stream(Gemini(), "gemini", BINDING, BEGUN, event)
    assert fault.kind is KINDS[name]


@pytest.mark.parametrize("path", sorted(FOLDER.glob("replies/*.json")), ids=name_of)
def test_a_whole_answer_is_the_fold_of_a_stream_of_one_event(path: Path) -> None:
    body = path.read_bytes()
    event = b"data: " + body.replace(b"\n", b" ") + b"\n\n"
    try:
        expected = whole(Gemini(), body, BINDING)
    except UpstreamFailure as failure:
        with pytest.raises(UpstreamFailure, match=str(failure).replace("(", r"\(").replace(")", r"\)")):
            streamed(Gemini(), event, BINDING)
    else:
        assert encode_chat_response(streamed(Gemini(), event, BINDING)) == encode_chat_response(expected)


@pytest.mark.parametrize("path", STREAMS, ids=name_of)
def test_every_split_of_a_stream_gives_the_same_chunks(path: Path) -> None:
    data = path.read_bytes()

    def outcome_of(cuts: Sequence[int]) -> object:
        try:
            return chunks(Gemini(), data, BINDING, cuts)
        except (Fault, UpstreamFailure) as error:
            return repr(error)

    expected = outcome_of(())
    assert all(outcome_of([cut]) == expected for cut in range(1, len(data)))
    assert outcome_of(range(1, len(data))) == expected


def test_what_is_no_answer_raises_only_faults() -> None:
    """Fixtures with bytes cut out, doubled and overwritten; seeded, so that a failure can be repeated."""
    rng = random.Random(7)
    for path in DOCUMENTS:
        data = path.read_bytes()
        for _ in range(60):
            broken = bytearray(data)
            at = rng.randrange(len(broken))
            match rng.randrange(4):
                case 0:
                    del broken[at : at + rng.randrange(1, 40)]
                case 1:
                    broken[at:at] = broken[at : at + 40]
                case 2:
                    broken[at : at + 4] = rng.choice([b"null", b"[{}]", b'"x":', b"-1e9", b"\xff\xfe", b"{}"])
                case _:
                    broken[at] = rng.randrange(256)
            try_both(bytes(broken))


names = st.sampled_from(
    [
        *("candidates", "content", "parts", "text", "functionCall", "name", "args", "id", "thought"),
        *("thoughtSignature", "finishReason", "index", "usageMetadata", "promptTokenCount", "role"),
        *("promptTokensDetails", "modality", "tokenCount", "promptFeedback", "blockReason", "error"),
        *("code", "status", "message", "details", "logprobsResult", "chosenCandidates", "token"),
        *("logProbability", "responseId", "createTime", "modelVersion", "topCandidates"),
    ]
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=5),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(json_values)
def test_a_document_of_any_shape_raises_only_faults(value: object) -> None:
    data = msgspec.json.encode(value)
    try_both(data)
    try_both(msgspec.json.encode({"candidates": [value]}))
    try_both(msgspec.json.encode({"candidates": [{"content": {"parts": [value]}, "finishReason": "STOP"}]}))
    try_both(
        msgspec.json.encode({"candidates": [{"content": {}, "finishReason": "STOP"}], "usageMetadata": value})
    )
    Gemini().error(WireReply(status=500, headers={}, body=msgspec.json.encode({"error": value})))


def try_both(data: bytes) -> None:
    for read in (whole, streamed):
        try:
            read(Gemini(), data, BINDING)
        except (Fault, UpstreamFailure):
            pass
    Gemini().error(WireReply(status=500, headers={}, body=data))
