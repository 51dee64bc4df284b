"""Plain answers: passed on as they came, and always what the way by the message would have made of them."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switch_grpc.answered import counted
from switch_grpc.openai_wire import (
    decode_chat_chunk,
    decode_chat_response,
    encode_chat_chunk,
    encode_chat_response,
    plain_chunk,
    plain_reply,
    read_chat_response,
)
from switch_grpc.providers.dialects.base import has_content

CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 5.0}'}}
MESSAGE: dict[str, Any] = {"role": "assistant", "content": "hi"}
CHOICE: dict[str, Any] = {"index": 0, "message": MESSAGE, "finish_reason": "stop"}
ANSWER: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "theirs",
    "choices": [CHOICE],
    "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
}
GOING: dict[str, Any] = {"index": 0, "delta": {"content": "hi"}}
CHUNK: dict[str, Any] = {**ANSWER, "object": "chat.completion.chunk", "choices": [GOING], "usage": None}


def answer(**members: Any) -> bytes:
    return json.dumps({**ANSWER, **members}).encode()


def chunk(**members: Any) -> bytes:
    return json.dumps({**CHUNK, **members}).encode()


def both_answers(data: bytes) -> tuple[Any, Any]:
    short, long = plain_reply(data), decode_chat_response(data)
    assert short is not None
    assert read_chat_response(data) == long
    short.name("ours")
    long.model = "ours"
    assert short.usage == (counted(long.usage) if long.HasField("usage") else None)
    return json.loads(short.encode()), json.loads(encode_chat_response(long))


def both_chunks(data: bytes) -> tuple[Any, Any]:
    short, long = plain_chunk(data), decode_chat_chunk(data)
    assert short is not None
    assert short.has_content() == has_content(short) == has_content(long)
    assert b"\n" not in short.encode()
    return json.loads(short.encode()), json.loads(encode_chat_chunk(long))


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"usage": None, "system_fingerprint": None, "service_tier": "default"},
        {"choices": [{**CHOICE, "logprobs": None, "finish_reason": None}, {**CHOICE, "index": 1}]},
        {"choices": [{"message": {"role": "assistant", "content": None, "tool_calls": [CALL]}}]},
        {"choices": [{"message": {**MESSAGE, "refusal": None, "annotations": [], "audio": None}}]},
        {"choices": [{"message": {**MESSAGE, "reasoning_content": None, "function_call": None}}]},
        {"choices": [{"message": {"role": "assistant", "reasoning_content": "\u2028", "refusal": "no"}}]},
        {"choices": [{"message": {**MESSAGE, "tool_calls": []}}]},
        {"usage": {"prompt_tokens_details": {"cached_tokens": 5}, "completion_tokens_details": None}},
        {"object": "something else"},
    ],
)
def test_a_plain_answer_comes_out_as_by_the_way_of_the_message(members: dict[str, Any]):
    short, long = both_answers(answer(**members))
    assert short == long


@pytest.mark.parametrize(
    "members",
    [
        {"id": ""},
        {"created": 0},
        {"created": 1.5},
        {"choices": []},
        {"choices": [{**CHOICE, "logprobs": {"content": []}}]},
        {"choices": [{**CHOICE, "finish_reason": "eos"}]},
        {"choices": [{**CHOICE, "message": {"role": "assistant", "content": [{"type": "text"}]}}]},
        {"choices": [{**CHOICE, "message": {**MESSAGE, "annotations": [{"type": "url_citation"}]}}]},
        {"choices": [{**CHOICE, "stop_reason": None}]},
        {"usage": {"prompt_tokens": 1, "cost": 0.1}},
        {"prompt_logprobs": None},
        {"model": None},
    ],
)
def test_what_needs_a_second_look_is_not_plain(members: dict[str, Any]):
    assert plain_reply(answer(**members)) is None


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"choices": [{"delta": {}}], "obfuscation": "x"},
        {"choices": [{**GOING, "logprobs": None, "finish_reason": None}], "system_fingerprint": "fp"},
        {"choices": [{"delta": {"role": "assistant", "content": "", "refusal": None}}]},
        {"choices": [{"delta": {"content": None, "reasoning_content": "hm", "tool_calls": None}}]},
        {"choices": [GOING, {**GOING, "index": 1}], "service_tier": None},
    ],
)
def test_a_plain_chunk_comes_out_as_by_the_way_of_the_message(members: dict[str, Any]):
    short, long = both_chunks(chunk(**members))
    assert short == long


@pytest.mark.parametrize(
    "members",
    [
        {"choices": []},
        {"choices": [{**GOING, "finish_reason": "stop"}]},
        {"choices": [{"delta": {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f"}}]}}]},
        {"usage": ANSWER["usage"]},
        {"id": None},
        {"error": {"message": "no"}},
    ],
)
def test_a_chunk_that_ends_counts_or_calls_is_not_plain(members: dict[str, Any]):
    assert plain_chunk(chunk(**members)) is None


def test_bytes_that_are_no_text_are_not_plain():
    assert plain_reply(answer().replace(b'"hi"', b'"h\xe9"')) is None
    assert plain_chunk(chunk().replace(b'"hi"', b'"h\xe9"')) is None
    assert plain_chunk(chunk().replace(b'"hi"', rb'"\ud800"')) is None
    assert plain_reply(b"[") is None


TEXTS = st.none() | st.text(max_size=4)
COUNTS = st.none() | st.integers(-(1 << 63), (1 << 63) - 1)
DETAILS = st.none() | st.dictionaries(st.sampled_from(["cached_tokens", "audio_tokens", "x"]), COUNTS)
SAID = {"content": TEXTS, "refusal": TEXTS, "reasoning_content": TEXTS, "tool_calls": st.none()}
ENDS = st.sampled_from([None, "stop", "length", "tool_calls", "content_filter", "function_call", "eos"])
TOP = {
    "usage": st.none()
    | st.fixed_dictionaries(
        {},
        optional={
            "prompt_tokens": st.integers(0, 1 << 62),
            "total_tokens": COUNTS,
            "prompt_tokens_details": DETAILS,
        },
    ),
    "system_fingerprint": TEXTS,
    "service_tier": TEXTS,
    "created": st.integers(-1, 1 << 63),
    "id": TEXTS,
}
MESSAGES = st.fixed_dictionaries(
    {"role": st.just("assistant")},
    optional={**SAID, "annotations": st.just([]), "audio": st.none(), "name": TEXTS},
)
DELTAS = st.fixed_dictionaries({}, optional={**SAID, "role": st.sampled_from([None, "assistant", "user"])})


def choices(what: str, said: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    one = st.fixed_dictionaries({what: said}, optional={"index": st.integers(0, 3), "finish_reason": ENDS})
    return st.lists(one, max_size=2)


@settings(max_examples=300)
@given(st.fixed_dictionaries({}, optional={**TOP, "choices": choices("message", MESSAGES)}))
def test_whatever_answer_counts_as_plain_is_the_same_either_way(members: dict[str, Any]):
    data = answer(**members)
    if plain_reply(data) is not None:
        short, long = both_answers(data)
        assert short == long


@settings(max_examples=300)
@given(st.fixed_dictionaries({}, optional={**TOP, "choices": choices("delta", DELTAS)}))
def test_whatever_chunk_counts_as_plain_is_the_same_either_way(members: dict[str, Any]):
    data = chunk(**members)
    if plain_chunk(data) is not None:
        short, long = both_chunks(data)
        assert short == long
