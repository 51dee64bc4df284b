import json

import pytest

from switch_grpc.faults import Fault, Kind
from switch_grpc.openai_wire import (
    check_chat_request,
    check_completion_request,
    check_embed_request,
    decode_chat_request,
)
from switch_grpc.v1 import chat_pb2, completion_pb2, embedding_pb2
from tests.support.openai_bodies import EVERYTHING

USER = {"role": chat_pb2.ROLE_USER, "content": "hi"}


def chat(**fields) -> chat_pb2.ChatRequest:
    return chat_pb2.ChatRequest(**{"route": "lite", "messages": [USER], **fields})


def refusal(check, message) -> Fault:
    with pytest.raises(Fault) as caught:
        check(message)
    return caught.value


def test_what_the_json_door_lets_in_passes():
    check_chat_request(decode_chat_request(json.dumps({"model": "m", **EVERYTHING}).encode()))
    check_completion_request(completion_pb2.CompletionRequest(route="m", prompt={"text": ""}))
    check_embed_request(embedding_pb2.EmbedRequest(route="m", input={"tokens": {"tokens": [0]}}))


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"route": ""}, "route"),
        ({"messages": []}, "messages"),
        ({"messages": [USER, {"content": "x"}]}, "messages[1].role"),
        ({"messages": [{"role": 99}]}, "messages[0].role"),
        ({"messages": [{**USER, "parts": [{"text": "x"}]}]}, "messages[0]"),
        ({"messages": [{"role": 3, "parts": [{"text": "x"}, {}]}]}, "messages[0].parts[1]"),
        ({"messages": [{"role": 3, "tool_calls": [{"id": "x"}]}]}, "messages[0].tool_calls[0]"),
        ({"tools": [{}]}, "tools[0]"),
        ({"tool_choice": {}}, "tool_choice"),
        ({"tool_choice": {"mode": 9}}, "tool_choice.mode"),
        ({"response_format": {}}, "response_format"),
        ({"temperature": float("nan")}, "temperature"),
        ({"top_p": float("inf")}, "top_p"),
        ({"logit_bias_json": "[]"}, "logit_bias_json"),
        ({"functions_json": "{}"}, "functions_json"),
        ({"audio": {"format": "mp3", "voice_json": "5"}}, "audio.voice_json"),
        ({"messages": [{**USER, "extra_json": "[]"}]}, "messages[0].extra_json"),
        ({"extra_json": '{"api_key":"x"}'}, "extra_json.api_key"),
        ({"extra_json": '{"temperature":1}'}, "extra_json.temperature"),
        ({"extra_json": '{"messages":[{}]}'}, "extra_json.messages"),
        ({"extra_json": '{"stream":true}'}, "extra_json.stream"),
        ({"tools": [{"function": {"name": "f", "parameters_json": "[" * 65 + "]" * 65}}]},
         "tools[0].function.parameters_json"),
        ({"extra_json": '{"a":' + "1" * 1001 + "}"}, "extra_json"),
        ({"extra_json": '{"a":[' + "1," * 100_001 + "1]}"}, "extra_json"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named(fields, param):
    fault = refusal(check_chat_request, chat(**fields))
    assert (fault.kind, fault.param) == (Kind.BAD_REQUEST, param)
    assert fault.message.startswith(f"{param}: ")


@pytest.mark.parametrize("text", ["", "{", "NaN", "{'a':1}", '{"a":"\\ud800"}', "[" * 100_000])
def test_raw_json_must_parse(text):
    request = chat(tools=[{"function": {"name": "f", "parameters_json": text}}])
    fault = refusal(check_chat_request, request)
    assert fault.param == "tools[0].function.parameters_json"
    assert fault.kind in (Kind.INVALID_JSON, Kind.BAD_REQUEST)


def test_nulls_and_empty_lists_in_extra_json_are_what_it_is_for():
    check_chat_request(chat(extra_json='{"temperature":null,"tools":[],"metadata":{},"top_k":40}'))


@pytest.mark.parametrize(
    ("prompt", "wrong"),
    [
        (None, True),
        ({}, True),
        ({"texts": {}}, True),
        ({"tokens": {}}, True),
        ({"texts": {"texts": [""]}}, False),
    ],
)
def test_a_prompt_holds_something(prompt, wrong):
    completion = completion_pb2.CompletionRequest(route="m", prompt=prompt)
    embedding = embedding_pb2.EmbedRequest(route="m", input=prompt)
    if wrong:
        assert refusal(check_completion_request, completion).param == "prompt"
        assert refusal(check_embed_request, embedding).param == "input"
    else:
        check_completion_request(completion)
        check_embed_request(embedding)
