import json

import pytest
from openai.types import Completion

from switch_grpc.faults import Fault, Kind
from switch_grpc.openai_wire import (
    decode_completion_chunk,
    decode_completion_request,
    decode_completion_response,
    encode_completion_chunk,
    encode_completion_request,
    encode_completion_response,
)
from switch_grpc.v1 import completion_pb2 as pb
from tests.support.json_values import differences, exact

REQUEST = {
    "model": "lite",
    "prompt": "once",
    "suffix": "",
    "temperature": 0.5,
    "top_p": 1.0,
    "frequency_penalty": 0.0,
    "presence_penalty": 0.0,
    "max_tokens": 5,
    "n": 2,
    "best_of": 3,
    "echo": False,
    "logprobs": 0,
    "logit_bias": {"1": 5.0},
    "seed": 9007199254740993,
    "stop": "x",
    "stream_options": {"include_usage": True},
    "user": "u",
    "min_p": 0.10,
}
REPLY = {
    "id": "c",
    "object": "text_completion",
    "created": 5,
    "model": "m",
    "choices": [
        {
            "text": "a",
            "index": 0,
            "finish_reason": "length",
            "x": 1,
            "logprobs": {
                "tokens": ["a"],
                "token_logprobs": [-0.50],
                "top_logprobs": None,
                "text_offset": [0],
            },
        }
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
    "system_fingerprint": "f",
    "y": 5.0,
}


def decode(body):
    return decode_completion_request(json.dumps(body).encode())


def trip(body):
    request = decode(body)
    return exact(encode_completion_request(request, model="lite", stream=False, defaults={}, params={}))


def refusal(body) -> Fault:
    with pytest.raises(Fault) as caught:
        decode(body)
    return caught.value


def test_every_parameter_survives_in_its_own_field():
    assert list(differences(exact(json.dumps(REQUEST)), trip(REQUEST))) == []
    request = decode(REQUEST)
    assert exact(request.extra_json).keys() == {"min_p"}
    assert len(request.ListFields()) == len(request.DESCRIPTOR.fields)


@pytest.mark.parametrize(
    ("prompt", "kind"),
    [
        ("", "text"),
        ("x", "text"),
        (["x", ""], "texts"),
        ([1, 2], "tokens"),
        ([0], "tokens"),
        ([[1], [2, 3]], "token_lists"),
        ([[]], "token_lists"),
    ],
)
def test_a_prompt_keeps_its_form(prompt, kind):
    body = {"model": "lite", "prompt": prompt}
    assert decode(body).prompt.WhichOneof("kind") == kind
    assert trip(body) == body


@pytest.mark.parametrize(
    ("prompt", "param"),
    [
        (5, "prompt"),
        ({}, "prompt"),
        (None, "prompt"),
        ([], "prompt"),
        (["a", 5], "prompt[1]"),
        ([1, "a"], "prompt[1]"),
        ([[1], ["a"]], "prompt[1][0]"),
        ([1 << 31], "prompt"),
        ([1.5], "prompt[0]"),
        ([None], "prompt[0]"),
        ([[1], 2], "prompt[1]"),
    ],
)
def test_another_form_is_refused_by_name(prompt, param):
    fault = refusal({"model": "lite", "prompt": prompt})
    assert (fault.kind, fault.param) == (Kind.BAD_REQUEST, param)


def test_a_missing_prompt_is_refused():
    assert refusal({"model": "lite"}).param == "prompt"


def test_camel_case_is_accepted():
    assert decode({"model": "m", "prompt": "x", "maxTokens": 5, "bestOf": 2}) == decode(
        {"model": "m", "prompt": "x", "max_tokens": 5, "best_of": 2}
    )


def test_the_prompt_is_the_callers_whatever_the_configuration():
    request = decode({"model": "m", "prompt": "x"})
    data = encode_completion_request(
        request, model="r", stream=True, defaults={"max_tokens": b"7"}, params={"prompt": b'"y"'}
    )
    assert exact(data) == {"model": "r", "prompt": "x", "max_tokens": 7, "stream": True}


def test_an_answer_survives():
    data = json.dumps(REPLY).encode()
    whole = encode_completion_response(decode_completion_response(data))
    chunk = encode_completion_chunk(decode_completion_chunk(data))
    for written in (whole, chunk):
        assert list(differences(exact(data), exact(written))) == []
    Completion.model_validate_json(whole)


def test_a_choice_has_the_members_that_openai_writes():
    written = exact(encode_completion_chunk(pb.CompletionChunk(choices=[{}])))
    assert written["choices"] == [{"index": 0, "text": "", "logprobs": None, "finish_reason": None}]


def test_route_info_is_written_only_when_asked_for():
    chunk = pb.CompletionChunk(route_info={"target": "a"})
    assert "switch" not in exact(encode_completion_chunk(chunk))
    assert exact(encode_completion_chunk(chunk, info=True))["switch"]["target"] == "a"


@pytest.mark.parametrize("body", [{}, {"choices": [{"text": 5}]}, {"choices": "x"}])
def test_a_malformed_answer_is_the_providers_fault(body):
    with pytest.raises(Fault) as caught:
        decode_completion_response(json.dumps(body).encode())
    assert caught.value.kind is Kind.UPSTREAM_PROTOCOL
