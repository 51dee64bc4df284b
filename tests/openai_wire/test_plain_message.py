"""Plain messages: written in one pass, to the JSON that the long way gives, and never what that refuses."""

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switch_grpc.openai_wire import check_chat_request, encode_chat_request, head_of, plain_message
from switch_grpc.v1 import chat_pb2 as pb

ONE: dict[str, Any] = {"route": "lite", "messages": [{"role": pb.ROLE_USER, "content": "hi"}]}
HOW: dict[str, Any] = {
    "model": "theirs",
    "stream": True,
    "defaults": {"top_p": b"0.5", "seed": b"3", "max_tokens": b"4"},
    "params": {"n": b"1"},
}


def request(**fields: Any) -> pb.ChatRequest:
    return pb.ChatRequest(**{**ONE, **fields})


def agrees(message: pb.ChatRequest) -> None:
    """That a plain message is valid, needs what it is said to need, and is written as by the long way."""
    plain = plain_message(message)
    assert plain is not None
    check_chat_request(message)
    assert head_of(message, True, plain=True) == head_of(message, True)
    assert not plain.has_calls
    assert plain.n == (message.n if message.HasField("n") else None)
    bare = {"defaults": {}, "params": {}}
    for how in (HOW, {**HOW, **bare, "stream": False}):
        assert json.loads(plain.encode(**how)) == json.loads(encode_chat_request(message, **how))
    names = set(json.loads(plain.encode(**{**HOW, **bare}))) - {"model", "messages", "stream"}
    assert set(plain.names()) == names - {"stream_options"}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"messages": [{"role": role, "content": ""} for role in (1, 2, 3, 4)]},
        {"temperature": 0.0, "top_p": -0.0, "max_tokens": 0, "seed": -(1 << 63), "n": 2, "user": ""},
        {"stream_options": {"include_usage": True, "include_obfuscation": False}},
        {"stream_options": {}},
    ],
)
def test_a_plain_message_is_written_as_by_the_long_way(fields: dict[str, Any]):
    agrees(request(**fields))


@pytest.mark.parametrize(
    "fields",
    [
        {"route": ""},
        {"messages": []},
        {"messages": [{"content": "hi"}]},
        {"messages": [{"role": pb.ROLE_USER}]},
        {"messages": [{"role": 99, "content": "hi"}]},
        {"messages": [{"role": pb.ROLE_TOOL, "content": "hi"}]},
        {"messages": [{"role": pb.ROLE_USER, "content": "hi", "name": "n"}]},
        {"messages": [{"role": pb.ROLE_USER, "content": "hi", "extra_json": "{"}]},
        {"messages": [{"role": pb.ROLE_USER, "parts": [{"text": "hi"}]}]},
        {"temperature": math.nan},
        {"top_p": -math.inf},
        {"extra_json": '{"a":1}'},
        {"tools": [{"function": {"name": "f"}}]},
        {"metadata": {"session_id": "s"}},
        {"stream_options": {"extra_json": '{"a":1}'}},
        {"response_format": {"json_object": {}}},
    ],
)
def test_what_needs_a_second_look_is_not_plain(fields: dict[str, Any]):
    assert plain_message(request(**fields)) is None


TEXTS = st.text(max_size=4)
MESSAGES = st.fixed_dictionaries(
    {"role": st.integers(0, 5), "content": TEXTS}, optional={"name": TEXTS, "reasoning": TEXTS}
)
FIELDS = {
    **dict.fromkeys(("temperature", "top_p", "presence_penalty"), st.floats()),
    **dict.fromkeys(("max_tokens", "max_completion_tokens", "seed"), st.integers(-(1 << 63), (1 << 63) - 1)),
    "n": st.integers(-(1 << 31), (1 << 31) - 1),
    "user": TEXTS,
    "store": st.booleans(),
}


@settings(max_examples=300)
@given(
    st.lists(MESSAGES, max_size=2),
    st.fixed_dictionaries({}, optional=FIELDS),
)
def test_whatever_counts_as_plain_fares_the_same_either_way(
    messages: list[dict[str, Any]], fields: dict[str, Any]
):
    message = request(**fields, messages=messages)
    if plain_message(message) is not None:
        agrees(message)
