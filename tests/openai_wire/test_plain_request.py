"""Plain requests: sent on as they came, and always what the way by the message would have made of them."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switch_grpc.faults import Fault
from switch_grpc.openai_wire import PlainChat, decode_chat_request, encode_chat_request, plain_chat
from switch_grpc.openai_wire.guard import open_body
from tests.support.json_values import exact
from tests.support.openai_bodies import EVERYTHING

ONE: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 5.0}'}}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"z": 1, "a": [5.0, 9007199254740993]}}}

PLAIN: dict[str, dict[str, Any]] = {
    "one message": {},
    "every role": {
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "developer", "content": "", "name": "op"},
            {"role": "user", "content": "\u2028 \U0001f600"},
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "c1", "content": "5"},
            {"role": "assistant", "content": "done"},
        ]
    },
    "tools": {"tools": [TOOL], "tool_choice": "required", "parallel_tool_calls": False},
    "numbers": {"temperature": 1, "top_p": 0.10, "seed": -(1 << 63), "max_tokens": 0, "n": 2},
    "nulls": {"temperature": None, "stop": None, "seed": None, "stream": None},
    "stop": {"stop": ["a", ""]},
    "one stop": {"stop": ""},
    "stream": {"stream": True, "stream_options": {"include_usage": True, "include_obfuscation": False}},
    "texts": {"user": "", "reasoning_effort": "low"},
}
NOT_PLAIN: dict[str, dict[str, Any]] = {
    "parts": {"messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]},
    "an unknown member": {"top_k": 3},
    "an unknown member of a message": {"messages": [{"role": "user", "content": "x", "cache": 1}]},
    "camelCase": {"maxTokens": 3},
    "an address": {"api_base": "http://x"},
    "no messages": {"messages": []},
    "a number as text": {"temperature": "1"},
    "a float for an integer": {"seed": 5.0},
    "an integer of 64 bits and more": {"seed": 1 << 63},
    "an unknown role": {"messages": [{"role": "critic", "content": "x"}]},
    "reasoning": {"messages": [{"role": "assistant", "content": "x", "reasoning_content": "y"}]},
    "a deep schema": {
        "tools": [
            {
                "type": "function",
                "function": {"name": "f", "parameters": json.loads('{"a":' * 70 + "1" + "}" * 70)},
            }
        ]
    },
}


def body(**members: Any) -> bytes:
    return json.dumps({**ONE, **members}).encode()


def plain(data: bytes) -> PlainChat | None:
    return plain_chat(data, open_body(data))


def both_ways(data: bytes, **how: Any) -> tuple[bytes, bytes]:
    """What is sent for a plain body, and what would be by the way of the message."""
    short = plain(data)
    assert short is not None
    how = {"model": "theirs", "stream": False, "defaults": {}, "params": {}, **how}
    return short.encode(**how), encode_chat_request(decode_chat_request(data), **how)


@pytest.mark.parametrize("members", PLAIN.values(), ids=PLAIN.keys())
def test_a_plain_request_goes_out_as_by_the_way_of_the_message(members: dict[str, Any]):
    short, long = both_ways(body(**members))
    assert json.loads(short) == json.loads(long)
    sent = {**ONE, **members, "model": "theirs"}
    sent.pop("stream", None)
    assert exact(short) == exact(json.dumps(sent))


@pytest.mark.parametrize("members", NOT_PLAIN.values(), ids=NOT_PLAIN.keys())
def test_what_needs_a_second_look_is_not_plain(members: dict[str, Any]):
    assert plain(body(**members)) is None


def test_defaults_and_parameters_are_layered_alike():
    how = {
        "stream": True,
        "defaults": {"temperature": b"0.5", "max_tokens": b"7", "seed": b"1"},
        "params": {"top_p": b"0.9", "max_tokens": b"9", "stream_options": b'{"include_usage":true}'},
    }
    short, long = both_ways(body(temperature=None, max_completion_tokens=3, seed=2, top_p=0.1), **how)
    assert json.loads(short) == json.loads(long)
    assert json.loads(short)["max_tokens"] == 9


def test_a_member_given_twice_goes_out_once():
    """Else the provider might read the first, where the gateway has read the last."""
    data = b'{"model":"m","seed":1,"seed":2,"messages":[{"role":"user","content":"a","content":"b"}]}'
    short, long = both_ways(data)
    assert json.loads(short) == json.loads(long)
    assert short.count(b'"content"') == short.count(b'"seed"') == 1


WHOLE = st.integers(-(1 << 53), 1 << 53)  # beyond, a message holds the nearest float
NUMBERS = st.none() | WHOLE | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(max_size=4)
ODD = st.sampled_from([None, True, 5.0, "x", [], ["a"], {}, {"type": "function"}])
PARAMETERS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("temperature", "top_p", "frequency_penalty", "presence_penalty"), NUMBERS),
        **dict.fromkeys(
            ("max_tokens", "max_completion_tokens", "n", "seed"), st.integers(-(1 << 64), 1 << 64)
        ),
        **dict.fromkeys(("stream", "parallel_tool_calls"), st.none() | st.booleans()),
        "stop": TEXTS | st.lists(TEXTS, max_size=2),
        "tools": st.lists(st.just(TOOL), max_size=2),
        "tool_choice": st.sampled_from(["none", "auto", "required", "other"]),
        "reasoning_effort": TEXTS,
        "user": TEXTS,
        "stream_options": st.dictionaries(st.sampled_from(["include_usage", "x"]), st.booleans()),
    },
)
MESSAGES = st.sampled_from(PLAIN["every role"]["messages"]) | st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "user", "assistant", "tool", "function"])},
    optional={
        "content": st.none() | TEXTS | st.just([{"type": "text", "text": "x"}]),
        "name": TEXTS,
        "tool_calls": st.lists(st.just(CALL) | st.just({**CALL, "id": ""}), max_size=2),
        "tool_call_id": TEXTS,
        "refusal": st.none(),
    },
)
NAMES = sorted({*EVERYTHING, "stream_options", "top_k"} - {"messages"})


@settings(max_examples=400)
@given(
    st.lists(MESSAGES, min_size=1, max_size=2),
    PARAMETERS,
    st.dictionaries(st.sampled_from(NAMES), ODD, max_size=1),
)
def test_a_body_that_counts_as_plain_is_one_that_the_message_takes(
    messages: list[Any], parameters: dict[str, Any], odd: dict[str, Any]
):
    data = body(**{**parameters, **odd, "messages": messages})
    try:
        if plain(data) is None:
            return
    except Fault:
        return
    short, long = both_ways(data)
    assert json.loads(short) == json.loads(long)
