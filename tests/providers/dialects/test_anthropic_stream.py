"""Laws of Anthropic's streams, and of garbage in their place."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from switch_grpc.faults import Fault, Kind
from switch_grpc.openai_wire import encode_chat_response, fold_chat
from switch_grpc.providers.dialects.anthropic import Anthropic
from switch_grpc.providers.dialects.base import UpstreamFailure
from switch_grpc.v1 import chat_pb2
from tests.support.anthropic_dialect import (
    STREAMS,
    bound,
    stream,
    told,
)
from tests.support.conformance import (
    chunks,
    streamed,
    whole,
)


@pytest.mark.parametrize("name", STREAMS)
def test_every_split_of_a_stream_gives_the_same_chunks(name: str) -> None:
    data = stream(name)
    expected = told(lambda: chunks(Anthropic(), data, bound()))
    framed = Anthropic().framing().feed(data)
    for cut in range(1, len(data)):
        framing = Anthropic().framing()
        assert [*framing.feed(data[:cut]), *framing.feed(data[cut:])] == framed
    for size in (1, 7, 64):
        cuts = range(size, len(data), size)
        assert told(lambda cuts=cuts: chunks(Anthropic(), data, bound(), cuts)) == expected  # type: ignore[misc]


def test_text_comes_piece_by_piece_and_usage_last() -> None:
    first, *pieces, end, usage = chunks(Anthropic(), stream("text"), bound())
    assert first.choices[0].delta.role == chat_pb2.ROLE_ASSISTANT
    assert [chunk.choices[0].delta.content for chunk in pieces] == ["Hello", " ther", "e!"]
    assert end.choices[0].finish_reason == chat_pb2.FINISH_REASON_STOP
    assert not usage.choices
    assert usage.usage.total_tokens == 15
    assert {chunk.id for chunk in (first, *pieces, end, usage)} == {"msg_1"}


def test_an_error_in_the_middle_of_a_stream_is_that_error() -> None:
    with pytest.raises(UpstreamFailure) as caught:
        chunks(Anthropic(), stream("overloaded_stream"), bound())
    assert (caught.value.status, caught.value.error.type) == (529, "overloaded_error")


def test_a_stream_without_its_last_event_is_a_cut() -> None:
    with pytest.raises(Fault) as caught:
        chunks(Anthropic(), stream("cut"), bound())
    assert caught.value.kind is Kind.STREAM_INTERRUPTED


def test_events_and_blocks_that_are_new_harm_nothing() -> None:
    assert streamed(Anthropic(), stream("unknown_event"), bound()) == streamed(
        Anthropic(), stream("text"), bound()
    )
    kept = json.loads(streamed(Anthropic(), stream("unknown_block"), bound()).choices[0].message.extra_json)
    assert kept["content_blocks"][1] == {"type": "sketch", "strokes": [[0, 0], [1, 1]], "caption": "a line"}


def test_arguments_that_were_cut_stay_as_they_came_and_what_is_kept_is_json() -> None:
    message = streamed(Anthropic(), stream("broken_arguments"), bound()).choices[0].message
    assert message.tool_calls[0].function.arguments == '{"city": "Os'
    kept = json.loads(message.extra_json)["content_blocks"]
    assert [block.get("input") for block in kept] == [
        None,
        {"INVALID_JSON": '{"query": "Os'},
        {"INVALID_JSON": '{"city": "Os'},
    ]


@pytest.mark.parametrize(
    "data",
    [
        b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"x"}}',
        b'{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}',
        b'{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}',
        b'{"type":"message_stop"}',
        b'{"type":7}',
        b"[]",
        b"\xff",
    ],
)
def test_events_out_of_order_are_a_protocol_fault(data: bytes) -> None:
    with pytest.raises(Fault) as caught:
        chunks(Anthropic(), b"data: " + data + b"\n\n", bound())
    assert caught.value.kind is Kind.UPSTREAM_PROTOCOL


def test_a_message_that_ends_before_it_says_anything_is_no_answer() -> None:
    start, stop = stream("empty").split(b"\n\n")[0], stream("empty").split(b"\n\n")[-2]
    with pytest.raises(Fault) as caught:
        chunks(Anthropic(), b"\n\n".join([start, stop, b""]), bound())
    assert caught.value.kind is Kind.UPSTREAM_PROTOCOL


# -- garbage --

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "text", "index", "delta", "usage", "content", "id", "input", "citations", "message"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
_TYPES = [
    *("message_start", "message_delta", "message_stop", "error", "ping", "other"),
    *("content_block_start", "content_block_delta", "content_block_stop"),
]
_EVENTS = st.lists(
    st.builds(
        lambda kind, more: {**(more if isinstance(more, dict) else {}), "type": kind},
        st.sampled_from(_TYPES),
        _JSON,
    )
    | st.sampled_from(
        [json.loads(line[6:]) for line in stream("server_tools").splitlines() if line.startswith(b"data: ")]
    ),
    max_size=12,
)


@given(events=_EVENTS)
def test_a_stream_of_garbage_raises_only_faults(events: list[dict[str, Any]]) -> None:
    data = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)
    made = told(lambda: fold_chat(chunks(Anthropic(), data, bound())))
    if isinstance(made, chat_pb2.ChatResponse):
        encode_chat_response(made)


@given(body=_JSON)
@example(body={"content": [{"type": "text", "text": "a", "citations": [1]}]})
@example(body={"content": [{"type": "tool_use", "id": "a", "name": "b"}]})
@example(body={"content": [{"type": "tool_use", "id": 1, "name": "b", "input": {}}]})
@example(body={"content": [{"type": 1}], "usage": []})
def test_an_answer_of_garbage_raises_only_faults(body: object) -> None:
    told(lambda: encode_chat_response(whole(Anthropic(), json.dumps(body).encode(), bound())))


@given(data=st.binary(max_size=64))
def test_bytes_of_garbage_raise_only_faults(data: bytes) -> None:
    told(lambda: whole(Anthropic(), data, bound()))
    told(lambda: chunks(Anthropic(), data, bound()))
