"""Laws of the OpenAI dialect: what goes out, what comes back, and when a stream is complete."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from switch_grpc.faults import Fault, Kind
from switch_grpc.openai_wire import fold_chat, fold_completion
from switch_grpc.providers.dialects.base import Binding, UpstreamError, UpstreamFailure, WireReply
from switch_grpc.providers.dialects.openai import OpenAI, stream_kind
from switch_grpc.request import Head, MessageBody, Operation
from switch_grpc.v1 import chat_pb2, completion_pb2, embedding_pb2

STREAMS = Path(__file__).parents[2] / "fixtures/dialects/openai/streams"
BINDING = Binding(target="a", provider="openai", model="m-1", base_url="https://api.example.com/v1")
CHAT = chat_pb2.ChatRequest(route="lite", messages=[chat_pb2.Message(role=chat_pb2.ROLE_USER, content="hi")])
TEXT = completion_pb2.CompletionRequest(route="lite", prompt=completion_pb2.Prompt(text="hi"))
EMBED = embedding_pb2.EmbedRequest(route="lite", input=completion_pb2.Prompt(text="hi"))
REQUESTS: dict[Operation, Message] = {Operation.CHAT: CHAT, Operation.COMPLETE: TEXT, Operation.EMBED: EMBED}


def head(operation: Operation = Operation.CHAT, *, stream: bool = False) -> Head:
    return Head(operation=operation, route="lite", stream=stream)


def sent(
    request: Message = CHAT,
    *,
    stream: bool = False,
    operation: Operation = Operation.CHAT,
    dialect: OpenAI | None = None,
    **binding: Any,
) -> Any:
    """The body on the wire, as JSON."""
    bound = Binding(**{"target": "a", "provider": "p", "model": "m-1", "base_url": "http://x/v1", **binding})
    (wire,) = (dialect or OpenAI()).encode(head(operation, stream=stream), MessageBody(request), bound)
    return json.loads(wire.body)


# -- request --


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


# -- reply --


def reply(body: object, content_type: str = "application/json") -> WireReply:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return WireReply(status=200, headers={"content-type": content_type}, body=data)


def decode(
    body: object, content_type: str = "application/json", operation: Operation = Operation.CHAT
) -> Message:
    return OpenAI().decode(operation, [reply(body, content_type)], BINDING)


ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "m-1",
    "error": None,
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": '{"error": 1}'}, "finish_reason": "stop"}
    ],
}


def test_a_whole_answer() -> None:
    answer = decode(ANSWER)
    assert isinstance(answer, chat_pb2.ChatResponse)
    assert answer.choices[0].message.content == '{"error": 1}'


@pytest.mark.parametrize("content_type", ["", "application/json; charset=utf-8", "application/octet-stream"])
def test_the_body_decides_where_the_content_type_is_merely_odd(content_type: str) -> None:
    assert decode(ANSWER, content_type) == decode(ANSWER)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"<html>please log in</html>", "text/html"),
        (ANSWER, "text/html; charset=utf-8"),
        (b"data: {}\n\n", "text/event-stream"),
        (b"<html>please log in</html>", "application/json"),
        (b"", "application/json"),
        (b"[]", "application/json"),
        (b"{", "application/json"),
        (b"\xff\xfe", "application/json"),
        (b"[" * 100_000, "application/json"),
        ({}, "application/json"),
        ({"choices": []}, "application/json"),
        ({"id": "sync-1", "status": "IN_QUEUE"}, "application/json"),
        ({"choices": "many"}, "application/json"),
    ],
)
@pytest.mark.parametrize("operation", Operation)
def test_a_200_that_is_no_answer_is_a_protocol_fault(
    body: object, content_type: str, operation: Operation
) -> None:
    if body is ANSWER and operation is not Operation.CHAT:
        return
    with pytest.raises(Fault) as caught:
        decode(body, content_type, operation)
    assert caught.value.kind is Kind.UPSTREAM_PROTOCOL


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (
            {"error": {"message": "slow down", "type": "rate_limit_error", "code": None, "param": None}},
            429,
            UpstreamError(type="rate_limit_error", message="slow down"),
        ),
        ({"error": {"message": "boom", "code": 502}}, 502, UpstreamError(code="502", message="boom")),
        ({"error": "boom"}, 500, UpstreamError(message="boom")),
        (
            {"object": "error", "message": "no", "type": "NotFoundError", "code": 404},
            404,
            UpstreamError(type="NotFoundError", code="404", message="no"),
        ),
        (
            {"choices": [{"index": 0, "error": {"code": 503, "message": "gone"}, "finish_reason": "error"}]},
            503,
            UpstreamError(code="503", message="gone"),
        ),
        ([{"error": {"code": 400, "message": "bad"}}], 400, UpstreamError(code="400", message="bad")),
    ],
)
def test_an_error_inside_a_200_is_that_error(body: object, status: int, error: UpstreamError) -> None:
    for operation in Operation:
        with pytest.raises(UpstreamFailure) as caught:
            decode(body, operation=operation)
        assert (caught.value.status, caught.value.error) == (status, error)


# -- stream --


def read(
    data: bytes,
    size: int,
    *,
    terminal: Any = "done",
    operation: Operation = Operation.CHAT,
    request: Message | None = None,
    binding: Binding = BINDING,
) -> list[Message]:
    """The chunks of a stream that arrives in reads of `size` bytes, then ends."""
    dialect = OpenAI(terminal=terminal)
    framing = dialect.framing()
    body = MessageBody(request or REQUESTS[operation])
    decoder = dialect.decoder(head(operation, stream=True), body, binding)
    chunks: list[Message] = []
    for at in range(0, len(data), size):
        for event in framing.feed(data[at : at + size]):
            chunks += decoder.feed(event)
        if decoder.finished:
            break
    return [*chunks, *decoder.finish()]


def outcome(run: Callable[[], Sequence[Message]]) -> object:
    try:
        return run()
    except Fault as fault:
        return (fault.kind, fault.message)
    except UpstreamFailure as failure:
        return (failure.status, failure.error)


def stream(name: str) -> bytes:
    return (STREAMS / f"{name}.sse").read_bytes()


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
    with pytest.raises(Fault, match="ended before its answer did"):
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
    with pytest.raises(Fault, match="ended before its answer did"):
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


@given(
    body=st.one_of(st.binary(max_size=100), st.text(max_size=40).map(str.encode)),
    operation=st.sampled_from(Operation),
)
def test_a_garbage_body_raises_nothing_but_faults(body: bytes, operation: Operation) -> None:
    outcome(lambda: [decode(body, operation=operation)])


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
