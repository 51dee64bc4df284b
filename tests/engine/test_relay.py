"""What callers get: stamped answers, streams held back until their first content, and who answered."""

import asyncio
from contextlib import aclosing

import pytest

from switch_grpc.call import INFERENCE
from switch_grpc.engine.deadline import TargetTimers
from switch_grpc.engine.relay import PRELUDE_LIMIT
from switch_grpc.faults import Fault, Kind
from switch_grpc.request import MessageBody
from switch_grpc.routing.states import State
from switch_grpc.v1 import chat_pb2, completion_pb2, embedding_pb2, fault_pb2, route_info_pb2
from tests.support.engines import EXACT, HELLO, head_of, spec, story, text_of
from tests.support.scripted_upstream import DONE, JSON, Answer, error, event, sse, streamed, whole
from tests.support.virtual_time import now, virtual

CUT = Fault(Kind.STREAM_INTERRUPTED, "cut")
LONG = TargetTimers(token_idle=2000.0)


@virtual
async def test_a_reply_is_the_routes_and_says_who_answered():
    told = story({"a": error(500), "b": whole("Hi", wait=0.25)})
    reply = await told.ask()
    info = reply.route_info
    assert (reply.model, reply.choices[0].message.content) == ("lite", "Hi")
    assert (info.route, info.target, info.provider, info.model) == ("lite", "b", "custom", "model-of-b")
    assert (info.fallback_used, info.model_differs, info.request_id) == (True, True, "req-1")
    assert info.breaker_state == route_info_pb2.BREAKER_STATE_CLOSED
    assert info.provider_ms == pytest.approx(250.0)
    assert [(each.target, each.reason, each.upstream_status) for each in info.attempts] == [
        ("a", fault_pb2.FAULT_REASON_UPSTREAM_ERROR, 500),
        ("b", fault_pb2.FAULT_REASON_UNSPECIFIED, 200),
    ]


@virtual
async def test_the_first_target_is_no_fallback():
    info = (await story({"a": whole(), "b": whole()}).ask()).route_info
    assert (info.target, info.fallback_used, info.model_differs, len(info.attempts)) == ("a", False, False, 1)


@virtual
async def test_an_embedding_is_stamped_with_nothing_but_the_route():
    body = {"object": "list", "model": "m", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}]}
    told = story({"a": Answer((sse(body)[6:],), headers=JSON)})
    request = embedding_pb2.EmbedRequest(route="lite", input=completion_pb2.Prompt(text="x"))
    reply = await told.ask(request=request)
    assert (reply.model, reply.route_info.target) == ("lite", "a")


@virtual
async def test_the_first_chunk_and_the_last_say_who_answers_and_no_other_does():
    told = story({"a": streamed("He", 0.5, "llo")})
    chunks = await told.stream()
    assert text_of(chunks) == "Hello"
    assert [chunk.HasField("route_info") for chunk in chunks] == [True, *[False] * (len(chunks) - 2), True]
    assert {chunk.model for chunk in chunks} == {"lite"}
    assert chunks[-1].route_info.provider_ms == pytest.approx(500.0)


@virtual
async def test_what_a_provider_leaves_out_is_filled_in_once_for_the_whole_answer():
    bare = sse({"choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": None}]})
    last = sse({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    chunks = await story({"a": streamed(bare, last, DONE, complete=False)}).stream()
    assert {chunk.id for chunk in chunks} == {"chatcmpl-req-1"}
    assert len({chunk.created for chunk in chunks}) == 1
    assert chunks[0].created > 0


@virtual
async def test_the_last_chunk_has_the_providers_id_too():
    chunks = await story({"a": streamed("a")}).stream()
    assert {(chunk.id, chunk.created) for chunk in chunks} == {("up-1", 1)}


@virtual
async def test_nothing_reaches_the_caller_before_the_first_content():
    """So that another target can still answer: the caller sees one stream, of one provider."""
    told = story({"a": streamed(event(role=True), 1.0, CUT, complete=False), "b": streamed("Hello")})
    chunks = await told.stream()
    assert text_of(chunks) == "Hello"
    assert [chunk.choices[0].delta.role for chunk in chunks[:-1]].count(chat_pb2.ROLE_ASSISTANT) == 1
    assert chunks[0].route_info.target == "b"


@pytest.mark.parametrize(
    "delta",
    [
        {"content": "x"},
        {"tool_calls": [{"index": 0, "id": "c", "type": "function", "function": {"name": "f"}}]},
        {"reasoning_content": "hm"},
        {"refusal": "no"},
    ],
)
def test_content_is_whatever_a_caller_can_use(delta: dict[str, object]):
    first = sse({"id": "i", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})

    @virtual
    async def run() -> None:
        told = story({"a": streamed(first, 1.0, CUT, complete=False), "b": streamed("never")})
        assert (await told.stream_fault()).kind is Kind.STREAM_INTERRUPTED
        assert told.upstream.asked == ["a"]

    run()


@virtual
async def test_after_the_first_content_no_other_target_is_asked():
    told = story({"a": streamed("Hel", 0.1, CUT, complete=False), "b": streamed("never")})
    text, fault = await told.broken()
    assert (text, fault.kind) == ("Hel", Kind.STREAM_INTERRUPTED)
    assert [each.target for each in fault.attempts] == ["a"]
    assert told.upstream.asked == ["a"]


@virtual
async def test_a_stream_without_content_is_an_answer():
    chunks = await story({"a": streamed()}).stream()
    assert text_of(chunks) == ""
    assert chunks[0].route_info.target == chunks[-1].route_info.target == "a"


@virtual
async def test_a_long_prelude_is_let_go_and_proves_nothing():
    """Held back without bound it would fill the memory; let go, it is no sign of a working target yet."""
    policy = EXACT
    told = story(
        {"a": [*[error(500)] * 5, streamed(*[sse_padding()] * 80, 1.0, CUT, complete=False)]},
        spec("a", breaker=policy, max_retries=0),
    )
    for _ in range(5):
        await told.fault()
    await asyncio.sleep(policy.reset_timeout)
    stream = told.chunks()
    first = await anext(stream)
    assert first.route_info.breaker_state == route_info_pb2.BREAKER_STATE_HALF_OPEN
    assert told.target("a").breaker.state(now()) is State.HALF_OPEN
    with pytest.raises(Fault):
        async for _ in stream:
            pass
    assert told.target("a").breaker.state(now()) is State.OPEN


def sse_padding() -> bytes:
    """1 KiB of an event without content."""
    chunk = {"id": "i", "choices": [{"index": 0, "delta": {"role": "assistant"}, "finish_reason": None}]}
    return sse({**chunk, "padding": "x" * (PRELUDE_LIMIT // 64)})


@virtual
async def test_a_probe_is_proven_by_its_first_content_however_long_its_stream_is():
    told = story(
        {"a": [*[error(500)] * 5, streamed("He", 1000.0, "llo")]}, spec("a", max_retries=0), timers=LONG
    )
    for _ in range(5):
        await told.fault()
    await asyncio.sleep(60.0)
    async with aclosing(told.chunks()) as stream:
        await anext(stream)
        assert told.target("a").breaker.state(now()) is State.CLOSED
        assert told.target("a").load.in_flight == 1


@virtual
async def test_the_time_to_the_first_content_is_told():
    told = story({"a": streamed(2.0, "Hello", 3.0)})
    await told.stream()
    (call,) = told.calls
    assert (call.first_content, call.duration) == (pytest.approx(2.0), pytest.approx(5.0))
    assert call.chunks == 3


@virtual
async def test_a_caller_that_leaves_with_the_whole_answer_did_not_cut_it():
    told = story({"a": streamed("Hello")})
    with await told.engine.open(told.call(), INFERENCE) as permit:
        async with aclosing(
            told.engine.stream(permit, head_of(HELLO, stream=True), MessageBody(HELLO))
        ) as batches:
            async for batch in batches:
                if batch[-1].HasField("route_info") and not batch[-1].choices:
                    break
    assert told.attempts == [("a", None)]
