import asyncio
import logging
import time

import grpc
import pytest

from switch_grpc.faults import Fault, Kind
from switch_grpc.request import Operation
from switch_grpc.server.build import GrpcSettings
from switch_grpc.v1 import chat_pb2, completion_pb2, embedding_pb2, fault_pb2, switch_pb2
from tests.support.grpc_calls import HELLO, KEY, channel_to, failure, switch_of, trailers
from tests.support.scripted_backend import (
    FOREVER,
    MODEL,
    chat_chunk,
    chat_reply,
    chat_stream,
    completion_chunk,
    completion_reply,
    embed_reply,
)
from tests.support.scripted_engine import ScriptedEngine, serving

PROMPT = completion_pb2.CompletionRequest(route="lite", prompt=completion_pb2.Prompt(text="Once"))
INPUT = embedding_pb2.EmbedRequest(route="lite", input=completion_pb2.Prompt(text="Once"))


async def test_every_unary_call_reaches_the_engine_and_its_reply_the_caller():
    engine = ScriptedEngine()
    async with serving(engine) as address, channel_to(address) as channel:
        stub = switch_of(channel)
        for method, request, reply in (
            (stub.Chat, HELLO, chat_reply()),
            (stub.Complete, PROMPT, completion_reply()),
            (stub.Embed, INPUT, embed_reply()),
        ):
            engine.steps = (reply,)
            assert await method(request, metadata=KEY) == reply
            assert engine.requests[-1] == request
        models = await stub.ListModels(switch_pb2.ListModelsRequest(), metadata=KEY)
    assert list(models.models) == [MODEL]
    assert [head.operation for head in engine.heads] == [Operation.CHAT, Operation.COMPLETE, Operation.EMBED]
    assert engine.outcomes == [None] * 4


async def test_every_chunk_of_a_stream_arrives_in_order():
    engine = ScriptedEngine(*chat_stream())
    async with serving(engine) as address, channel_to(address) as channel:
        chunks = [chunk async for chunk in switch_of(channel).StreamChat(HELLO, metadata=KEY)]
        engine.steps = (completion_chunk("a"), completion_chunk("b", finish=True))
        texts = [
            chunk.choices[0].text async for chunk in switch_of(channel).StreamComplete(PROMPT, metadata=KEY)
        ]
    assert chunks == [chunk for batch in chat_stream() for chunk in batch]  # type: ignore[union-attr]
    assert texts == ["a", "b"]
    assert [head.stream for head in engine.heads] == [True, True]
    assert engine.outcomes == [None, None]


async def test_the_request_id_comes_back_whatever_becomes_of_the_call():
    engine = ScriptedEngine(chat_reply())
    named = (*KEY, ("x-request-id", "mine-1"))
    async with serving(engine) as address, channel_to(address) as channel:
        call = switch_of(channel).Chat(HELLO, metadata=named)
        await call
        assert ("x-request-id", "mine-1") in tuple(await call.trailing_metadata())
        engine.steps = chat_stream()
        stream = switch_of(channel).StreamChat(HELLO, metadata=named)
        await stream.read()
        assert ("x-request-id", "mine-1") in tuple(await stream.initial_metadata())
        engine.steps = (Fault(Kind.UNKNOWN_ROUTE, "none"),)
        error = await failure(switch_of(channel).Chat(HELLO, metadata=named))
        assert trailers(error)["x-request-id"] == "mine-1"
    assert [call.id for call in engine.calls] == ["mine-1"] * 3


async def test_the_deadline_arrives_as_a_moment_and_none_as_none():
    engine = ScriptedEngine(chat_reply())
    async with serving(engine) as address, channel_to(address) as channel:
        await switch_of(channel).Chat(HELLO, metadata=KEY, timeout=7.0)
        await switch_of(channel).Chat(HELLO, metadata=KEY)
    deadline = engine.calls[0].deadline
    assert deadline is not None
    assert 6.0 < deadline - engine.calls[0].started < 7.1
    assert engine.calls[1].deadline is None


async def test_metadata_becomes_the_call():
    engine = ScriptedEngine(chat_reply())
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    metadata = (
        ("authorization", "Bearer admin-key"),
        ("traceparent", trace),
        ("x-session-id", "s1"),
        ("x-switch-fallback", "false"),
    )
    async with serving(engine) as address, channel_to(address) as channel:
        await switch_of(channel).Chat(HELLO, metadata=metadata)
    (call,) = engine.calls
    assert (call.door, call.keys, call.traceparent) == ("grpc", ("admin-key",), trace)
    assert (call.sticky_key, call.fallback) == ("s1", False)


@pytest.mark.parametrize("kind", Kind)
async def test_every_kind_of_fault_is_a_status_with_its_reason(kind: Kind):
    engine = ScriptedEngine(Fault(kind, "the reason why", target="a"))
    async with serving(engine) as address, channel_to(address) as channel:
        unary = await failure(switch_of(channel).Chat(HELLO, metadata=KEY))
        stream = await failure(switch_of(channel).StreamChat(HELLO, metadata=KEY))
    for error in (unary, stream):
        fault = Fault(kind, "the reason why")
        assert (error.code(), error.details()) == (fault.rule.code, "the reason why")
        assert b"FaultDetail" in trailers(error)["grpc-status-details-bin"]  # type: ignore[operator]
    assert [getattr(outcome, "kind", None) for outcome in engine.outcomes] == [kind, kind]


async def test_a_fault_in_the_middle_of_a_stream_ends_it_after_what_came():
    engine = ScriptedEngine(chat_chunk("Hel"), Fault(Kind.STREAM_INTERRUPTED, "cut"))
    async with serving(engine) as address, channel_to(address) as channel:
        stream = switch_of(channel).StreamChat(HELLO, metadata=KEY)
        assert (await stream.read()).choices[0].delta.content == "Hel"
        assert (await failure(stream)).code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("method", ["Chat", "StreamChat"])
async def test_the_text_of_an_unexpected_exception_stays_in_the_log(
    method: str, caplog: pytest.LogCaptureFixture
):
    engine = ScriptedEngine(ValueError("secret sk-123"))
    async with serving(engine) as address, channel_to(address) as channel:
        error = await failure(getattr(switch_of(channel), method)(HELLO, metadata=KEY))
    shown = f"{error.details()} {error.trailing_metadata()}"
    assert error.code() is grpc.StatusCode.INTERNAL
    assert "secret" not in shown
    assert "ValueError" not in shown
    assert str(trailers(error)["x-request-id"]) in shown
    assert [record.exc_info is not None for record in caplog.records if record.levelno == logging.ERROR] == [
        True
    ]


async def test_a_reply_that_cannot_be_encoded_is_a_bug_without_its_text():
    engine = ScriptedEngine()
    engine.models = lambda permit: _nothing()  # type: ignore[method-assign,assignment]
    async with serving(engine) as address, channel_to(address) as channel:
        error = await failure(switch_of(channel).ListModels(switch_pb2.ListModelsRequest(), metadata=KEY))
    assert error.code() is grpc.StatusCode.INTERNAL
    assert "NoneType" not in str(error.details())


async def _nothing() -> None:
    return None


async def test_bytes_that_are_no_message_are_refused_after_the_key():
    engine = ScriptedEngine()
    async with serving(engine) as address, channel_to(address) as channel:
        chat = channel.unary_unary("/switch.v1.SwitchService/Chat", None, None)
        assert (await failure(chat(b"\xff\xff"))).code() is grpc.StatusCode.UNAUTHENTICATED
        error = await failure(chat(b"\xff\xff", metadata=KEY))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "switch.v1.ChatRequest" in str(error.details())


async def test_a_request_with_a_wrong_field_never_reaches_the_engine():
    engine = ScriptedEngine(chat_reply())
    wrong = chat_pb2.ChatRequest(route="lite", messages=HELLO.messages, logit_bias_json="{")
    async with serving(engine) as address, channel_to(address) as channel:
        unary = await failure(switch_of(channel).Chat(wrong, metadata=KEY))
        stream = await failure(switch_of(channel).StreamChat(wrong, metadata=KEY))
    assert {unary.code(), stream.code()} == {grpc.StatusCode.INVALID_ARGUMENT}
    assert "logit_bias" in str(unary.details())
    assert engine.heads == []


async def test_a_refused_caller_gets_the_engines_reason():
    engine = ScriptedEngine(chat_reply())
    async with serving(engine) as address, channel_to(address) as channel:
        stub = switch_of(channel)
        codes = [
            (await failure(stub.Chat(HELLO, metadata=metadata))).code()
            for metadata in (
                (),
                (("x-api-key", "wrong"),),
                (("x-api-key", "reader-key"),),
                (("x-api-key", "admin-key"), ("authorization", "Bearer other")),
            )
        ]
    assert codes == [
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNAUTHENTICATED,
    ]


@pytest.mark.parametrize("method", ["Chat", "StreamChat"])
async def test_cancelling_ends_the_engines_work_within_a_tenth_of_a_second(method: str):
    engine = ScriptedEngine(FOREVER) if method == "Chat" else ScriptedEngine(chat_chunk("Hel"), FOREVER)
    async with serving(engine) as address, channel_to(address) as channel:
        call = getattr(switch_of(channel), method)(HELLO, metadata=KEY)
        if method == "StreamChat":
            await call.read()
        await engine.waiting.wait()
        started = time.perf_counter()
        call.cancel()
        await asyncio.wait_for(engine.stopped.wait(), 5)
        assert time.perf_counter() - started < 0.1
        await asyncio.sleep(0)  # the permit is left right after
    assert engine.outcomes[0] is not None
    assert engine.outcomes[0].kind is Kind.CANCELLED
    assert engine.in_flight == 0


async def test_a_reader_that_stops_stops_the_engine_too():
    """Backpressure: the engine is asked for a batch only when grpc has taken the one before."""
    sent = 0
    big = chat_chunk("x" * 1_000_000)

    class Flood(ScriptedEngine):
        async def stream(self, permit, head, body):  # type: ignore[no-untyped-def,override]
            nonlocal sent
            while True:
                sent += 1
                yield [big]

    async with serving(Flood()) as address, channel_to(address) as channel:
        call = switch_of(channel).StreamChat(HELLO, metadata=KEY)
        await call.read()
        before = -1
        while sent != before:  # until it stands still
            before = sent
            await asyncio.sleep(0.2)
        call.cancel()
    assert sent < 30


async def test_initial_metadata_goes_out_early_where_the_first_chunk_is_late():
    release = asyncio.Event()
    engine = ScriptedEngine(release, chat_chunk("late", finish=True))
    settings = GrpcSettings(early_metadata_after=0.01)
    async with serving(engine, settings=settings) as address, channel_to(address) as channel:
        call = switch_of(channel).StreamChat(HELLO, metadata=(*KEY, ("x-request-id", "r")))
        assert ("x-request-id", "r") in tuple(await call.initial_metadata())
        assert not release.is_set()
        release.set()
        assert [chunk.choices[0].delta.content async for chunk in call] == ["late"]


async def test_a_fault_after_early_metadata_still_has_its_status():
    release = asyncio.Event()
    engine = ScriptedEngine(release, Fault(Kind.NO_TARGET, "none", retry_after=2.0))
    settings = GrpcSettings(early_metadata_after=0.0)
    async with serving(engine, settings=settings) as address, channel_to(address) as channel:
        call = switch_of(channel).StreamChat(HELLO, metadata=KEY)
        await call.initial_metadata()
        release.set()
        error = await failure(call)
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert trailers(error)["grpc-retry-pushback-ms"] == "2000"


async def test_early_metadata_and_the_first_chunk_at_the_same_moment_do_not_collide():
    engine = ScriptedEngine(*chat_stream())
    settings = GrpcSettings(early_metadata_after=0.0)
    async with serving(engine, settings=settings) as address, channel_to(address) as channel:
        for _ in range(50):
            chunks = [chunk async for chunk in switch_of(channel).StreamChat(HELLO, metadata=KEY)]
            assert len(chunks) == 4


async def test_a_deadline_that_runs_out_ends_the_engines_work_and_is_no_cancellation():
    """The library cancels the handler in both cases."""
    engine = ScriptedEngine(FOREVER)
    async with serving(engine) as address, channel_to(address) as channel:
        error = await failure(switch_of(channel).Chat(HELLO, metadata=KEY, timeout=0.1))
        await asyncio.wait_for(engine.stopped.wait(), 5)
        await asyncio.sleep(0)
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert engine.outcomes[0] is not None
    assert engine.outcomes[0].kind is Kind.DEADLINE


async def test_a_hundred_calls_at_once_get_their_own_answers():
    class Echo(ScriptedEngine):
        async def unary(self, permit, head, body):  # type: ignore[no-untyped-def,override]
            await asyncio.sleep(0)
            return chat_reply(body.message().messages[0].content)

    def request(text: str) -> chat_pb2.ChatRequest:
        return chat_pb2.ChatRequest(
            route="lite", messages=[chat_pb2.Message(role=chat_pb2.ROLE_USER, content=text)]
        )

    engine = Echo()
    async with serving(engine) as address, channel_to(address) as channel:
        stub = switch_of(channel)
        replies = await asyncio.gather(*(stub.Chat(request(str(i)), metadata=KEY) for i in range(100)))
    assert [reply.choices[0].message.content for reply in replies] == [str(i) for i in range(100)]
    assert engine.in_flight == 0


async def test_attempts_of_a_fault_reach_the_caller():
    fault = Fault(Kind.UPSTREAM_ERROR, "all failed")
    fault.attempts = [fault_pb2.AttemptInfo(target="a", upstream_status=500)]
    async with serving(ScriptedEngine(fault)) as address, channel_to(address) as channel:
        error = await failure(switch_of(channel).Chat(HELLO, metadata=KEY))
    details = trailers(error)["grpc-status-details-bin"]
    assert fault.attempts[0].SerializeToString() in details  # type: ignore[operator]


async def test_a_reader_that_takes_nothing_is_dropped_and_the_engine_let_go():
    chunk = chat_chunk("x" * 1_000_000)
    engine = ScriptedEngine(*[chunk] * 100)
    settings = GrpcSettings(write_stall=0.2)
    async with serving(engine, settings=settings) as address, channel_to(address) as channel:
        call = switch_of(channel).StreamChat(HELLO, metadata=KEY)
        await call.read()
        async with asyncio.timeout(5):
            await engine.stopped.wait()
            while engine.in_flight:  # noqa: ASYNC110  # the permit closes right after
                await asyncio.sleep(0.01)
        assert engine.outcomes[-1].kind is Kind.CANCELLED  # type: ignore[union-attr]
        async with asyncio.timeout(5):
            assert (await failure(call)).details() == "nothing was read of the stream for 0.2 s"


async def test_a_slow_reader_is_no_reader_that_takes_nothing():
    chunk = chat_chunk("x" * 1_000_000)
    engine = ScriptedEngine(*[chunk] * 30)
    settings = GrpcSettings(write_stall=1.0)
    async with serving(engine, settings=settings) as address, channel_to(address) as channel:
        call = switch_of(channel).StreamChat(HELLO, metadata=KEY)
        for _ in range(30):
            assert await call.read() is not grpc.aio.EOF
            await asyncio.sleep(0.05)
        assert await call.read() is grpc.aio.EOF
        assert await call.code() is grpc.StatusCode.OK
