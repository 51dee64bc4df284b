"""OpenAI's own dialect against the table that all dialects are held to, and the openai package as judge.

What goes out is what came in, under the target's model name, so the table itself is the expectation, but for
`CHANGED`. Which parameters a vendor refuses stands in the catalogue, and is the vendor's own to say.
"""

import json
from typing import Any

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.completion_create_params import CompletionCreateParams
from pydantic import TypeAdapter, ValidationError

from switch_grpc.faults import Kind
from switch_grpc.providers.classify import classify
from switch_grpc.providers.dialects.base import Binding, WireReply
from switch_grpc.providers.vendors import VENDORS, dialect_of
from tests.support.conformance import (
    ERRORS,
    FIXTURES,
    REPLIES,
    REQUESTS,
    Said,
    assert_says,
    check_stream_errors,
    fault_in_stream,
    fixture,
    outcome,
    streamed,
    whole,
)

FOLDER = FIXTURES / "openai"
BINDING = Binding(target="a", provider="openai", model="gpt-4o", base_url="https://api.openai.com/v1")
OPENAI = dialect_of(VENDORS["openai"])
PARAMS: TypeAdapter[Any] = TypeAdapter(CompletionCreateParams)

# Reasoning in the clear is of other vendors, and OpenAI refuses the member.
CHANGED = {
    "tool_choice_any": {"tool_choice": "required"},  # the word is Mistral's
    "reasoning_in_history": {
        "messages": [
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": "b"},
            {"role": "user", "content": "c"},
        ]
    },
}
# Members that OpenAI does not have: they go out as they came, for the vendors that do.
OTHERS = {"top_k"}
# A refusal has words here, so it needs no finish reason of its own.
TABLE = {**REPLIES, "refusal": Said(text=None, refusal=True)}
# A stream until it has said something.
BEGUN = (FOLDER / "streams/answer_text.sse").read_bytes().partition(b"data: [DONE]")[0]
# Which of the errors, by their names, are those of the table.
ANSWERS = {answer["name"]: answer for answer in fixture("openai", "errors")}
NAMED = {
    "bad_request": "an invalid value",
    "unsupported_parameter": "an unsupported parameter",
    "context_length": "context length by code",
    "too_large": "a body above the limit",
    "wrong_key": "a wrong key",
    "forbidden": "no permission for the model",
    "no_credit": "a spent quota",
    "unknown_model": "no such model",
    "rate_limit": "a rate limit",
    "server_error": "500",
    "overloaded": "529",
    "gateway_timeout": "504",
}


def test_every_case_has_its_expectation() -> None:
    assert ERRORS.keys() == NAMED.keys()
    check_stream_errors("openai")
    assert {path.stem for path in FOLDER.glob("replies/*.json")} == REPLIES.keys()
    assert len(REQUESTS) + len(REPLIES) + len(ERRORS) >= 45


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_goes_out_as_it_came(name: str) -> None:
    expected = {**REQUESTS[name], "model": "gpt-4o", **CHANGED.get(name, {})}
    told = outcome(OPENAI, REQUESTS[name], BINDING, stream=False)["sent"]
    assert _without_nulls(told) == _without_nulls(expected)
    streams = outcome(OPENAI, REQUESTS[name], BINDING, stream=True)["sent"]
    assert streams.pop("stream") is True
    assert streams.pop("stream_options") == {"include_usage": True}
    assert streams == told


def _without_nulls(value: Any) -> Any:
    """An absent member and a null say the same."""
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_is_one_that_openais_types_accept(name: str, stream: bool) -> None:
    body = outcome(OPENAI, REQUESTS[name], BINDING, stream=stream)["sent"]
    ours = {name: value for name, value in body.items() if name not in OTHERS}
    try:
        assert _read(PARAMS.validate_python(ours)) == ours
    except ValidationError as error:
        raise AssertionError(str(error)) from error


def _read(value: Any) -> Any:
    """All of it: pydantic reads an Iterable only as it is used."""
    if isinstance(value, dict):
        return {name: _read(item) for name, item in value.items()}
    return value if isinstance(value, str | int | float | None) else [_read(item) for item in value]


@pytest.mark.parametrize("name", TABLE)
def test_an_answer_means_the_same_whole_and_streamed(name: str) -> None:
    body = (FOLDER / f"replies/{name}.json").read_bytes()
    assert_says(whole(OPENAI, body, BINDING), TABLE[name])
    data = (FOLDER / f"streams/answer_{name}.sse").read_bytes()
    assert_says(streamed(OPENAI, data, BINDING), TABLE[name])


@pytest.mark.parametrize("name", TABLE)
def test_the_fixtures_are_answers_to_openais_types(name: str) -> None:
    body = (FOLDER / f"replies/{name}.json").read_bytes()
    assert ChatCompletion.model_validate_json(body, strict=True).to_dict() == json.loads(body)
    for line in (FOLDER / f"streams/answer_{name}.sse").read_text().splitlines():
        if line.startswith("data: {"):
            ChatCompletionChunk.model_validate_json(line.removeprefix("data: "), strict=True)


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_is_of_its_kind(name: str) -> None:
    answer = ANSWERS[NAMED[name]]
    reply = WireReply(status=answer["status"], headers={}, body=answer["body"].encode())
    fault = classify(
        provider=answer["provider"],
        target="a",
        status=reply.status,
        headers={},
        error=OPENAI.error(reply),
        patterns=(),
        permanent=True,
        now_wall=0.0,
    ).fault
    assert fault.kind is ERRORS[name]
    assert fault.kind is Kind[answer["kind"]]


@pytest.mark.parametrize("name", fixture("openai", "stream_errors"))
def test_an_error_in_a_stream_is_of_its_kind(name: str) -> None:
    event = fixture("openai", "stream_errors")[name]
    fault = fault_in_stream(OPENAI, "openai", BINDING, BEGUN, event)
    assert fault.kind is ERRORS[name]
