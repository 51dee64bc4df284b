"""Laws of streams in OpenAI's format: their pieces, and when they are complete."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch_grpc.faults import Fault, Kind
from switch_grpc.openai_wire import fold_chat, fold_completion
from switch_grpc.providers.dialects.base import UpstreamError, UpstreamFailure
from switch_grpc.providers.dialects.openai import OpenAI, stream_kind
from switch_grpc.request import MessageBody, Operation
from switch_grpc.v1 import chat_pb2, completion_pb2
from tests.support.openai_dialect import (
    BINDING,
    CHAT,
    EMBED,
    STREAMS,
    head,
    outcome,
    read,
    stream,
)


@pytest.mark.parametrize("name", sorted(path.stem for path in STREAMS.glob("*.sse")))
def test_every_split_of_a_stream_gives_the_same_chunks(name: str) -> None:
    data = stream(name)
    operation = Operation.COMPLETE if name.startswith("text_completion") else Operation.CHAT
    whole = outcome(lambda: read(data, len(data), operation=operation))
    for size in (1, 2, 3, 5, 7, 64, 1000):
        assert outcome(lambda size=size: read(data, size, operation=operation)) == whole  # type: ignore[misc]
    for cut in range(1, len(data)):
        dialect = OpenAI()
        framing = dialect.framing()
        events = [*framing.feed(data[:cut]), *framing.feed(data[cut:])]
        assert events == dialect.framing().feed(data)


def folded(name: str, **how: Any) -> chat_pb2.ChatResponse:
    data = stream(name)
    return fold_chat(read(data, len(data), **how))


def test_text_is_whole_again_with_usage_and_reason() -> None:
    answer = folded("text")
    assert answer.choices[0].message.content == "Grüße, 世界 🌍"
    assert answer.choices[0].finish_reason == chat_pb2.FINISH_REASON_STOP
    assert answer.usage.total_tokens == 12
    assert answer.usage.prompt_tokens_details.cached_tokens == 4


def test_usage_flows_in_its_chunk_whoever_asked() -> None:
    """The door that knows what its caller asked for drops it."""
    *_, last = read(stream("text"), 4096)
    assert isinstance(last, chat_pb2.ChatChunk)
    assert not last.choices
    assert last.usage.total_tokens == 12


def test_choices_keep_their_index() -> None:
    answer = folded("two_choices")
    assert [(c.index, c.message.content, c.finish_reason) for c in answer.choices] == [
        (0, "a", chat_pb2.FINISH_REASON_STOP),
        (1, "b", chat_pb2.FINISH_REASON_LENGTH),
    ]


def test_a_tool_calls_arguments_are_put_together() -> None:
    (call,) = folded("tools").choices[0].message.tool_calls
    assert (call.id, call.function.name, call.function.arguments) == ("call_1", "weather", '{"city": "Oslo"}')


def test_comments_and_a_trailing_chunk_without_a_reason_do_not_reopen_a_choice() -> None:
    assert folded("crlf_comments").choices[0].message.content == "hi"


def test_a_chunk_without_choices_is_passed_on() -> None:
    """Azure puts the prompt's filter results before the answer."""
    first, *_ = read(stream("prompt_filter"), 4096)
    assert isinstance(first, chat_pb2.ChatChunk)
    assert "prompt_filter_results" in first.extra_json


def test_text_completion_streams() -> None:
    data = stream("text_completion")
    answer = fold_completion(read(data, len(data), operation=Operation.COMPLETE))
    assert answer.choices[0].text == "Once upon"
    assert answer.usage.total_tokens == 12


def test_a_reason_for_every_choice_and_a_clean_end_complete_a_stream() -> None:
    assert folded("no_done").choices[0].message.content == "hi"


@pytest.mark.parametrize("name", ["text", "tools", "two_choices", "reasoning", "text_completion"])
def test_a_stream_cut_before_its_terminal_event_is_interrupted(name: str) -> None:
    """However orderly the connection was closed."""
    data = stream(name)
    operation = Operation.COMPLETE if name == "text_completion" else Operation.CHAT
    events = data.split(b"\n\n")
    ended = next(i for i, event in enumerate(events) if b'"stop"' in event or b'"tool_calls"}' in event)
    for cut in range(ended):
        part = b"".join(event + b"\n\n" for event in events[:cut])
        with pytest.raises(Fault) as caught:
            read(part, max(1, len(part)), operation=operation)
        assert caught.value.kind is Kind.STREAM_INTERRUPTED
        assert "target 'a' (openai)" in caught.value.message


def test_one_finished_choice_of_two_is_no_complete_answer() -> None:
    data = b"\n\n".join(stream("two_choices").split(b"\n\n")[:5]) + b"\n\n"
    assert b'"stop"' in data
    with pytest.raises(Fault, match="ended before it was complete"):
        read(data, len(data))


@pytest.mark.parametrize("asked", ["request", "defaults", "params", "streaming_params"])
def test_a_choice_that_never_came_is_missing_however_it_was_asked_for(asked: str) -> None:
    """Without [DONE], a stream that ended after its first choice once counted as whole."""
    two = chat_pb2.ChatRequest(route="lite", messages=CHAT.messages, n=2)
    bound = BINDING if asked == "request" else replace(BINDING, **{asked: {"n": b"2"}})
    request = two if asked == "request" else CHAT
    with pytest.raises(Fault) as caught:
        read(stream("no_done"), 4096, request=request, binding=bound)
    assert caught.value.kind is Kind.STREAM_INTERRUPTED
    done = stream("no_done") + b"data: [DONE]\n\n"
    assert read(done, 4096, request=request, binding=bound)  # the server's word is taken


def test_every_prompt_of_a_list_has_its_choices() -> None:
    prompts = completion_pb2.Prompt(texts=completion_pb2.TextList(texts=["a", "b"]))
    request = completion_pb2.CompletionRequest(route="lite", prompt=prompts)
    cut = stream("text_completion").replace(b"data: [DONE]\n\n", b"")
    assert read(cut, 4096, operation=Operation.COMPLETE)
    with pytest.raises(Fault, match="ended before it was complete"):
        read(cut, 4096, operation=Operation.COMPLETE, request=request)


def test_a_vendor_whose_streams_just_end_is_believed() -> None:
    """Ollama may leave finish_reason empty; a cut connection is still a fault of the transport."""
    assert folded("never_finished", terminal="eof").choices[0].message.content == "hi you"
    with pytest.raises(Fault) as caught:
        folded("never_finished")
    assert caught.value.kind is Kind.STREAM_INTERRUPTED
    with pytest.raises(Fault):
        read(b": nothing\n\n", 64, terminal="eof")


def test_a_stream_without_an_answer_is_a_protocol_fault() -> None:
    with pytest.raises(Fault) as caught:
        read(b"data: [DONE]\n\n", 64)
    assert caught.value.kind is Kind.UPSTREAM_PROTOCOL


def test_nothing_counts_after_done() -> None:
    data = stream("text")
    assert read(data + b"data: garbage\n\n", 1 << 20) == read(data, 1 << 20)


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("error_event", 400, "tool_use_failed"),
        ("error_in_chunk", 502, "502"),
        ("error_in_choice", 429, "429"),
        ("error_object", 500, "500"),
    ],
)
def test_an_error_inside_a_stream_is_that_error(name: str, status: int, code: str) -> None:
    with pytest.raises(UpstreamFailure) as caught:
        read(stream(name), 1 << 20)
    assert (caught.value.status, caught.value.error.code) == (status, code)
    assert caught.value.error.message


def test_an_answer_may_speak_of_errors() -> None:
    assert folded("mentions_error").choices[0].message.content == '{"error": {"code": 500}}'


def test_an_error_event_that_says_nothing_is_a_500() -> None:
    with pytest.raises(UpstreamFailure) as caught:
        read(b"event: error\ndata: oops\n\n", 64)
    assert (caught.value.status, caught.value.error) == (500, UpstreamError())


@pytest.mark.parametrize("data", [b"{", b"oops", b"[]", b"1", b'{"choices":{}}', b'{"choices":[1]}', b"\xff"])
def test_malformed_events_are_protocol_faults(data: bytes) -> None:
    with pytest.raises(Fault) as caught:
        read(b"data: " + data + b"\n\n", 64)
    assert caught.value.kind is Kind.UPSTREAM_PROTOCOL


@given(
    lines=st.lists(
        st.one_of(
            st.binary(max_size=60),
            st.sampled_from([b"data: ", b"event: error", b"", b"data: [DONE]", b'data: {"choices":[]}']),
            st.recursive(
                st.none() | st.integers() | st.text(max_size=5),
                lambda inner: (
                    st.lists(inner, max_size=3)
                    | st.dictionaries(
                        st.sampled_from(
                            ["choices", "delta", "content", "error", "index", "usage", "id", "code"]
                        ),
                        inner,
                        max_size=4,
                    )
                ),
                max_leaves=12,
            ).map(lambda value: b"data: " + json.dumps(value).encode()),
        ),
        max_size=12,
    ),
    size=st.integers(1, 50),
)
def test_garbage_raises_nothing_but_faults(lines: list[bytes], size: int) -> None:
    outcome(lambda: read(b"\n".join(lines), size))


def test_embeddings_have_no_stream() -> None:
    with pytest.raises(Fault) as caught:
        OpenAI().decoder(head(Operation.EMBED, stream=True), MessageBody(EMBED), BINDING)
    assert caught.value.kind is Kind.UNSUPPORTED


@pytest.mark.parametrize(
    ("content_type", "kind"),
    [
        ("text/event-stream", "sse"),
        ("Text/Event-Stream; charset=utf-8", "sse"),
        ("text/event-stream;charset=UTF-8", "sse"),
        ("application/json", "json"),
        ("application/json; charset=utf-8", "json"),
    ],
)
def test_the_content_type_says_how_a_stream_is_read(content_type: str, kind: str) -> None:
    assert stream_kind({"content-type": content_type}) == kind


def test_a_stream_may_leave_its_type_out() -> None:
    assert stream_kind({}) == "sse"


@pytest.mark.parametrize("content_type", ["text/html", "text/plain; charset=utf-8", "application/xml"])
def test_another_type_is_no_stream(content_type: str) -> None:
    with pytest.raises(Fault) as caught:
        stream_kind({"content-type": content_type})
    assert caught.value.kind is Kind.UPSTREAM_PROTOCOL
