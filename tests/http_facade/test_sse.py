"""What a stream's chunks look like on the wire: exact bytes."""

import json

import pytest

from http_facade.chat import CHAT
from http_facade.completions import COMPLETIONS
from http_facade.inference import asks_usage
from http_facade.sse import Chunk, Transcript
from switch_grpc.faults import Fault, Kind
from switch_grpc.v1 import chat_pb2
from tests.support.scripted_backend import chat_chunk, completion_chunk, route_info, usage_chunk

USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def transcript(*, include_usage: bool = False) -> Transcript:
    assert CHAT.chunk is not None
    return Transcript(CHAT.chunk, include_usage=include_usage)


def encoded(chunk: Chunk, *, info: bool = False) -> bytes:
    assert CHAT.chunk is not None
    return CHAT.chunk(chunk, info=info)


def objects(data: bytes) -> list[dict[str, object]]:
    """The JSON of each data event but [DONE]; every event is `data: ...` and one empty line."""
    assert data.endswith(b"\n\n") or not data
    events = data.decode().split("\n\n")[:-1]
    assert all(event.startswith("data: ") and "\n" not in event for event in events)
    return [json.loads(event[6:]) for event in events if event != "data: [DONE]"]


def test_chunks_that_came_together_leave_together() -> None:
    first, second = chat_chunk("Hel"), chat_chunk("lo")
    data = transcript().feed([first, second])
    assert data == b"data: " + encoded(first) + b"\n\ndata: " + encoded(second) + b"\n\n"


def test_a_complete_stream_ends_with_done_once() -> None:
    script = transcript()
    script.feed([chat_chunk("x")])
    assert script.finish() == b"data: [DONE]\n\n"


def test_usage_is_dropped_for_a_caller_who_did_not_ask() -> None:
    script = transcript()
    both = chat_chunk("x", usage=usage_chunk().usage)
    assert [list(event) for event in objects(script.feed([both]))] == [
        list(event) for event in objects(b"data: " + encoded(chat_chunk("x")) + b"\n\n")
    ]
    assert script.feed([usage_chunk()]) == b""
    assert script.finish() == b"data: [DONE]\n\n"
    assert both.HasField("usage"), "a chunk of the engine's is never changed"


@pytest.mark.parametrize("apart", [True, False])
def test_usage_comes_last_and_is_null_before_for_a_caller_who_asked(apart: bool) -> None:
    """OpenAI's shape, whether the provider sends usage apart or on the chunk that finishes."""
    script = transcript(include_usage=True)
    if apart:
        chunks = [chat_chunk("x"), chat_chunk(finish=True), usage_chunk()]
    else:
        chunks = [chat_chunk("x"), chat_chunk(finish=True, usage=usage_chunk().usage)]
    data = script.feed(chunks) + script.finish()
    assert data.endswith(b"data: [DONE]\n\n")
    *content, last = objects(data)
    assert [event["usage"] for event in content] == [None, None]
    assert last["choices"] == []
    assert last["usage"] == USAGE
    assert (last["id"], last["object"]) == ("c1", "chat.completion.chunk")


def test_usage_that_counts_up_is_sent_once_with_its_last_value() -> None:
    script = transcript(include_usage=True)
    early = chat_chunk("x", usage=chat_pb2.Usage(prompt_tokens=3, completion_tokens=1, total_tokens=4))
    data = script.feed([early, usage_chunk()]) + script.finish()
    assert [event["usage"] for event in objects(data)] == [None, USAGE]


def test_a_provider_without_usage_gives_none() -> None:
    script = transcript(include_usage=True)
    script.feed([chat_chunk("x")])
    assert script.finish() == b"data: [DONE]\n\n"


def test_a_broken_stream_ends_with_an_error_and_the_usage_so_far_and_no_done() -> None:
    script = transcript()
    script.feed([chat_chunk("x", usage=usage_chunk().usage)])
    data = script.fail(Fault(Kind.STREAM_INTERRUPTED, "the stream broke"))
    assert b"[DONE]" not in data
    assert objects(data) == [
        {
            "error": {
                "message": "the stream broke",
                "type": "server_error",
                "param": None,
                "code": "stream_interrupted",
            },
            "usage": USAGE,
        }
    ]


@pytest.mark.parametrize("include_usage", [True, False])
def test_where_the_head_went_out_early_the_last_chunk_tells_the_route(include_usage: bool) -> None:
    script = transcript(include_usage=include_usage)
    script.tell_route()
    told = usage_chunk(route_info=route_info(target="b"))
    data = script.feed([chat_chunk("x"), chat_chunk(finish=True)]) + script.feed([told]) + script.finish()
    *others, last = objects(data)
    assert all("switch" not in event for event in others)
    assert isinstance(last["switch"], dict)
    assert last["switch"]["target"] == "b"
    assert len(others) == (2 if include_usage else 1)
    assert ("usage" in last) == include_usage
    assert data.endswith(b"data: [DONE]\n\n")


def test_a_finish_that_was_not_the_last_is_not_lost() -> None:
    """With n > 1 one choice finishes while another goes on."""
    script = transcript()
    script.tell_route()
    chunks = [chat_chunk(finish=True), chat_chunk("y"), chat_chunk(finish=True, route_info=route_info())]
    data = b"".join(script.feed([chunk]) for chunk in chunks) + script.finish()
    assert ["switch" in event for event in objects(data)] == [False, False, True]


def test_a_held_chunk_precedes_the_error() -> None:
    script = transcript()
    script.tell_route()
    data = script.feed([chat_chunk(finish=True)]) + script.fail(Fault(Kind.DRAINING, "bye"))
    assert [min(event) for event in objects(data)] == ["choices", "error"]


def test_a_stream_without_a_finish_still_tells_the_route() -> None:
    script = transcript()
    script.tell_route()
    script.feed([chat_chunk("x", route_info=route_info())])
    (last,) = objects(script.finish())
    assert (last["id"], last["choices"]) == ("c1", [])
    assert "switch" in last


def test_text_completions_stream_alike() -> None:
    assert COMPLETIONS.chunk is not None
    script = Transcript(COMPLETIONS.chunk, include_usage=True)
    chunks = [completion_chunk("Hi"), completion_chunk("", finish=True, usage=usage_chunk().usage)]
    *content, last = objects(script.feed(chunks) + script.finish())
    assert [event["object"] for event in [*content, last]] == ["text_completion"] * 3
    assert (last["choices"], last["usage"]) == ([], USAGE)


@pytest.mark.parametrize(
    ("body", "asked"),
    [
        (b'{"stream_options":{"include_usage":true}}', True),
        (b'{"stream_options":{"includeUsage":true}}', True),
        (b'{"streamOptions":{"includeUsage":true}}', True),
        (b'{"stream_options":{"\\u0069nclude_usage":true}}', True),
        (b'{"stream_options":{"include_usage":false}}', False),
        (b'{"stream_options":{"include_usage":null}}', False),
        (b'{"stream_options":null,"x":"include_usage"}', False),
        (b'{"messages":[{"content":"include_usage: true"}]}', False),
        (b'{"stream_options":["include_usage"]}', False),
        (b'{"stream_options":{"include_usage":"yes"}}', False),
        (b"include_usage", False),
        (b'{"include_usage\xff', False),
        (b"{}", False),
    ],
)
def test_who_asks_for_usage(body: bytes, asked: bool) -> None:
    assert asks_usage(body) is asked
