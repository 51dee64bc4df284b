"""What becomes of an attempt: its one settlement, who is to blame, and what the caller sees."""

import asyncio
from contextlib import aclosing
from dataclasses import replace

import pytest

from switch_grpc.call import INFERENCE
from switch_grpc.engine.attempt import REASONS
from switch_grpc.engine.deadline import CallLimits, TargetTimers
from switch_grpc.faults import Effect, Fault, Kind
from switch_grpc.request import MessageBody
from switch_grpc.routing.states import State
from switch_grpc.upstream.base import Timers
from switch_grpc.v1 import fault_pb2
from tests.support.engines import HELLO, Story, head_of, spec, story, text_of
from tests.support.scripted_upstream import FOREVER, Answer, Piece, error, event, sse, streamed, whole
from tests.support.virtual_time import now, virtual

CUT = Fault(Kind.STREAM_INTERRUPTED, "cut")
ONE = spec("a", max_retries=0)


def test_every_kind_has_its_reason():
    assert {fault_pb2.FaultReason.Name(REASONS[kind]) for kind in Kind} == {
        f"FAULT_REASON_{kind}" for kind in Kind
    }


@virtual
async def test_a_whole_reply_is_a_success():
    told = story({"a": [error(500), whole()]}, ONE)
    await told.fault()
    assert told.target("a").breaker.snapshot(now()).consecutive == 1
    await told.ask()
    seen = told.target("a").breaker.snapshot(now())
    assert (seen.consecutive, seen.oks, seen.fails) == (0, 1, 1)
    assert told.attempts == [("a", Kind.UPSTREAM_ERROR), ("a", None)]


@virtual
async def test_a_whole_stream_is_a_success():
    told = story({"a": [error(500), streamed("Hi")]}, ONE)
    await told.stream_fault()
    await told.stream()
    seen = told.target("a").breaker.snapshot(now())
    assert (seen.consecutive, seen.oks, seen.fails) == (0, 1, 1)


# After the first content.


@pytest.mark.parametrize(
    ("broken", "kind", "consecutive", "fails", "state"),
    [
        (CUT, Kind.STREAM_INTERRUPTED, 1, 1, State.CLOSED),
        (31.0, Kind.UPSTREAM_TIMEOUT, 1, 1, State.CLOSED),
        (b"data: {nonsense\n\n", Kind.UPSTREAM_PROTOCOL, 1, 1, State.CLOSED),
        (sse({"error": {"message": "x", "code": 500}}), Kind.UPSTREAM_ERROR, 1, 1, State.CLOSED),
        (sse({"error": {"type": "overloaded_error"}}), Kind.UPSTREAM_SATURATED, 0, 1, State.CLOSED),
        (
            sse({"error": {"message": "x", "code": "insufficient_quota"}}),
            Kind.UPSTREAM_QUOTA,
            0,
            1,
            State.OPEN,
        ),
    ],
)
def test_a_broken_stream_is_interrupted_for_the_caller_and_itself_for_the_target(
    broken: Piece, kind: Kind, consecutive: int, fails: int, state: State
):
    @virtual
    async def run() -> None:
        told = story({"a": streamed("He", broken, complete=False), "b": streamed("never")})
        text, fault = await told.broken()
        assert (text, fault.kind) == ("He", Kind.STREAM_INTERRUPTED)
        assert [fault_pb2.FaultReason.Name(each.reason) for each in fault.attempts] == [
            f"FAULT_REASON_{kind}"
        ]
        assert told.attempts == [("a", kind)]
        seen = told.target("a").breaker.snapshot(now())
        assert (seen.consecutive, seen.fails, seen.state) == (consecutive, fails, state)
        assert told.target("a").record.fault is not None
        assert told.upstream.open == 0

    run()


@virtual
async def test_a_rate_limit_inside_a_stream_cools_the_target():
    told = story({"a": streamed("He", sse({"error": {"message": "slow down", "code": 429}}), complete=False)})
    assert (await told.stream_fault()).kind is Kind.STREAM_INTERRUPTED
    assert told.attempts == [("a", Kind.UPSTREAM_RATE_LIMIT)]
    assert told.target("a").cooldown.is_cooling(now())


@virtual
async def test_a_stream_may_last_as_long_as_content_comes():
    """Ten minutes with a token a minute: silence is measured from the last content, not from the first."""
    told = story(
        {"a": streamed(*[60.0, "x"] * 9)},
        timers=TargetTimers(token_idle=120.0, first_token=90.0, timeout=90.0),
        exchange_timers=Timers(idle=90.0),
    )
    assert text_of(await told.stream()) == "x" * 9


@virtual
async def test_pings_are_no_content():
    told = story(
        {"a": streamed("x", *[20.0, b": ping\n\n"] * 9, "never")}, ONE, timers=TargetTimers(token_idle=120.0)
    )
    started = now()
    assert (await told.stream_fault()).kind is Kind.STREAM_INTERRUPTED
    assert now() - started == pytest.approx(120.0)
    assert told.attempts == [("a", Kind.UPSTREAM_TIMEOUT)]


@virtual
async def test_empty_chunks_are_no_content_either():
    told = story(
        {"a": streamed("x", *[20.0, event("")] * 9, "never")}, ONE, timers=TargetTimers(token_idle=120.0)
    )
    started = now()
    assert (await told.stream_fault()).kind is Kind.STREAM_INTERRUPTED
    assert now() - started == pytest.approx(120.0)


@virtual
async def test_a_slow_readers_time_is_no_silence_of_the_target():
    told = story({"a": streamed("a", 1.0, "b", 9.0, "c")}, ONE, timers=TargetTimers(token_idle=10.0))
    got = []
    async for chunk in told.chunks():
        got.append(chunk)
        await asyncio.sleep(8.0)
    assert text_of(got) == "abc"


# Who is to blame.


@pytest.mark.parametrize("stream", [False, True])
def test_a_hasty_caller_blames_no_target(stream: bool):
    @virtual
    async def run() -> None:
        slow = streamed("Hi", wait=5.0) if stream else whole(wait=5.0)
        told = story({"a": slow}, ONE)
        for _ in range(20):
            call = told.call(1.0)
            fault = await (told.stream_fault(call) if stream else told.fault(call))
            assert (fault.kind, fault.effect) == (Kind.DEADLINE, Effect.EXCLUDED)
        seen = told.target("a").breaker.snapshot(now())
        assert (seen.state, seen.consecutive, seen.fails) == (State.CLOSED, 0, 0)
        assert told.target("a").load.failed == 0

    run()


@virtual
async def test_a_short_share_blames_no_target_either():
    told = story({"a": whole(wait=20.0), "b": whole()})
    for _ in range(6):
        assert (await told.ask(told.call(10.0))).route_info.target == "b"
    assert told.attempts[::2] == [("a", Kind.DEADLINE)] * 6
    assert told.target("a").breaker.state(now()) is State.CLOSED


@virtual
async def test_the_deadline_in_mid_stream_is_told_as_what_it_is():
    told = story({"a": streamed(*[0.5, "x"] * 9)}, ONE)
    text, fault = await told.broken(told.call(2.2))
    assert (text, fault.kind) == ("xxxx", Kind.DEADLINE)
    assert told.target("a").breaker.snapshot(now()).fails == 0


@virtual
async def test_a_streams_own_limit_ends_it():
    told = story({"a": streamed(*[5.0, "x"] * 9)}, ONE, limits=CallLimits(streaming=12.0))
    assert (await told.stream_fault()).kind is Kind.DEADLINE


# A caller that leaves.


async def left(told: Story, after: float, stream: bool) -> None:
    task = asyncio.create_task(told.stream() if stream else told.ask())
    await asyncio.sleep(after)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("stream", [False, True])
def test_a_caller_that_leaves_closes_the_provider_and_blames_nobody(stream: bool):
    @virtual
    async def run() -> None:
        pieces: list[Piece] = [event("x"), FOREVER]
        told = story({"a": Answer(pieces, wait=1.0)})
        for after in (0.5, 1.5):
            await left(told, after, stream)
        assert told.attempts == [("a", Kind.CANCELLED)] * 2
        assert told.upstream.open == told.target("a").load.in_flight == told.engine.in_flight == 0
        assert told.target("a").load.failed == 0
        assert [call.fault for call in told.calls] == [Kind.CANCELLED] * 2

    run()


@virtual
async def test_closing_a_stream_closes_the_provider_at_once():
    told = story({"a": streamed("x", FOREVER)})
    with await told.engine.open(told.call(), INFERENCE) as permit:
        async with aclosing(
            told.engine.stream(permit, head_of(HELLO, stream=True), MessageBody(HELLO))
        ) as batches:
            await anext(batches)
            assert told.upstream.open == 1
        assert told.upstream.open == 0
    assert told.attempts == [("a", Kind.CANCELLED)]


# Probes.


async def opened(told: Story) -> None:
    """Opens the breaker of `a` and waits until it would probe."""
    for _ in range(5):
        await told.fault()
    assert told.target("a").breaker.state(now()) is State.OPEN
    await asyncio.sleep(60.0)


@virtual
async def test_a_probe_that_is_cancelled_gives_its_place_back():
    told = story({"a": [*[error(500)] * 5, whole(wait=50.0), whole()]}, ONE)
    await opened(told)
    await left(told, 1.0, stream=False)
    assert told.target("a").breaker.state(now()) is State.HALF_OPEN
    assert (await told.ask()).route_info.target == "a"
    assert told.target("a").breaker.state(now()) is State.CLOSED


@virtual
async def test_a_probe_that_was_only_too_slow_for_its_caller_changes_nothing():
    told = story({"a": [*[error(500)] * 5, whole(wait=50.0), whole()]}, ONE)
    await opened(told)
    assert (await told.fault(told.call(1.0))).kind is Kind.DEADLINE
    assert told.target("a").breaker.state(now()) is State.HALF_OPEN
    await told.ask()
    assert told.moves == [
        ("a", "open", "consecutive"),
        ("a", "half_open", "lapsed"),
        ("a", "closed", "recovered"),
    ]


@virtual
async def test_a_probe_that_is_refused_by_rate_has_failed():
    told = story({"a": [*[error(500)] * 5, error(429)]}, ONE)
    await opened(told)
    await told.fault()
    assert told.moves[-1] == ("a", "open", "probe")


@pytest.mark.parametrize("probes", [1, 3])
@pytest.mark.parametrize("stream", [False, True])
def test_a_hundred_calls_at_half_open_are_as_many_probes_as_the_policy_says(probes: int, stream: bool):
    @virtual
    async def run() -> None:
        policy = replace(ONE.breaker, half_open_max_probes=probes, half_open_success_threshold=probes)
        slow = streamed("Hi", wait=5.0) if stream else whole(wait=5.0)
        told = story({"a": [*[error(500)] * 5, slow]}, spec("a", max_retries=0, breaker=policy))
        await opened(told)
        ask = told.stream if stream else told.ask
        ended = await asyncio.gather(*(ask() for _ in range(100)), return_exceptions=True)
        refused = [one for one in ended if isinstance(one, Fault)]
        assert told.upstream.count("a") == 5 + probes
        assert len(refused) == 100 - probes
        assert {fault.kind for fault in refused} == {Kind.NO_TARGET}
        assert told.target("a").breaker.state(now()) is State.CLOSED

    run()


@virtual
async def test_a_probe_that_never_reports_gives_its_place_back_when_its_lease_ends():
    timers = TargetTimers(timeout=20.0, first_token=1000.0)
    told = story({"a": [*[error(500)] * 5, whole(wait=FOREVER), whole()]}, ONE, timers=timers)
    await opened(told)
    lost = told.target("a").admit(now(), 20.0)
    assert lost is not None
    assert (await told.fault()).kind is Kind.NO_TARGET
    await asyncio.sleep(30.0)
    assert told.target("a").admit(now(), 20.0) is not None
