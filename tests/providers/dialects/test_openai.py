"""Laws of the OpenAI dialect's requests: addresses, headers, parameters, usage."""

import json
from typing import Any

import pytest

from switch_grpc.providers.dialects.base import Binding
from switch_grpc.providers.dialects.openai import OpenAI
from switch_grpc.request import MessageBody, Operation
from switch_grpc.v1 import chat_pb2
from tests.support.openai_dialect import (
    BINDING,
    CHAT,
    REQUESTS,
    TEXT,
    head,
    sent,
)


@pytest.mark.parametrize(
    ("operation", "url"),
    [
        (Operation.CHAT, "https://api.example.com/v1/chat/completions"),
        (Operation.COMPLETE, "https://api.example.com/v1/completions"),
        (Operation.EMBED, "https://api.example.com/v1/embeddings"),
    ],
)
def test_each_operation_has_its_url_and_model(operation: Operation, url: str) -> None:
    (wire,) = OpenAI().encode(head(operation), MessageBody(REQUESTS[operation]), BINDING)
    assert wire.url == url
    assert wire.method == "POST"
    assert json.loads(wire.body)["model"] == "m-1"


def test_a_query_of_the_base_stays_behind_the_path() -> None:
    bound = Binding(target="a", provider="p", model="m", base_url="https://x/openai?api-version=2024-10-21")
    (wire,) = OpenAI().encode(head(), MessageBody(CHAT), bound)
    assert wire.url == "https://x/openai/chat/completions?api-version=2024-10-21"


def test_headers_of_a_whole_answer_and_of_a_stream() -> None:
    bound = Binding(
        target="a",
        provider="p",
        model="m",
        base_url="http://x",
        headers={"X-Team": "t", "Accept": "nonsense"},
    )
    (whole,) = OpenAI().encode(head(), MessageBody(CHAT), bound)
    (stream,) = OpenAI().encode(head(stream=True), MessageBody(CHAT), bound)
    assert whole.headers == {"content-type": "application/json", "accept": "application/json", "x-team": "t"}
    assert stream.headers == {
        "content-type": "application/json",
        "accept": "text/event-stream",
        "accept-encoding": "identity",
        "x-team": "t",
    }


def test_the_later_parameter_wins_default_caller_provider_streaming() -> None:
    layers = {
        "defaults": {"temperature": b"0.1", "top_p": b"0.1", "seed": b"1", "x": b"1"},
        "params": {"top_p": b"0.3", "seed": b"3"},
        "streaming_params": {"seed": b"4"},
    }
    request = chat_pb2.ChatRequest(messages=CHAT.messages, temperature=0.2, top_p=0.2, seed=2)
    whole, stream = sent(request, **layers), sent(request, stream=True, **layers)
    assert [whole[name] for name in ("temperature", "top_p", "seed", "x")] == [0.2, 0.3, 3, 1]
    assert [stream[name] for name in ("temperature", "top_p", "seed", "x")] == [0.2, 0.3, 4, 1]


def test_a_stream_always_asks_for_usage() -> None:
    assert sent(stream=True)["stream_options"] == {"include_usage": True}
    assert sent(TEXT, stream=True, operation=Operation.COMPLETE)["stream_options"] == {"include_usage": True}
    assert "stream_options" not in sent()


@pytest.mark.parametrize(
    ("binding", "expected"),
    [
        ({}, {"include_usage": True, "include_obfuscation": False, "x": 1}),
        (
            {"defaults": {"stream_options": b'{"y":1}'}},
            {"include_usage": True, "include_obfuscation": False, "x": 1},
        ),
        ({"params": {"stream_options": b'{"y":2}'}}, {"include_usage": True, "y": 2}),
        ({"streaming_params": {"stream_options": b'{"include_usage":false}'}}, {"include_usage": True}),
    ],
)
def test_stream_options_keep_their_other_members(binding: dict[str, Any], expected: dict[str, Any]) -> None:
    options = chat_pb2.StreamOptions(include_usage=False, include_obfuscation=False, extra_json='{"x":1}')
    request = chat_pb2.ChatRequest(messages=CHAT.messages, stream_options=options)
    assert sent(request, stream=True, **binding)["stream_options"] == expected


def test_default_stream_options_apply_where_the_caller_has_none() -> None:
    body = sent(stream=True, defaults={"stream_options": b'{"y":1}'})
    assert body["stream_options"] == {"include_usage": True, "y": 1}


@pytest.mark.parametrize(
    "off", [{"params": {"stream_options": b"null"}}, {"dialect": OpenAI(stream_options=False)}]
)
def test_a_server_that_refuses_stream_options_never_sees_them(off: dict[str, Any]) -> None:
    request = chat_pb2.ChatRequest(
        messages=CHAT.messages, stream_options=chat_pb2.StreamOptions(include_usage=True)
    )
    before = request.SerializeToString()
    assert "stream_options" not in sent(request, stream=True, **off)
    assert "stream_options" not in sent(stream=True, defaults={"stream_options": b"{}"}, **off)
    assert request.SerializeToString() == before, "a received message is never changed"
