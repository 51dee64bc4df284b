"""Whom a call asks, when, and what it hears when nobody is left."""

import asyncio

import pytest

from switch_grpc.engine.deadline import CallLimits, TargetTimers
from switch_grpc.faults import Fault, Kind
from switch_grpc.routing.balance import STRATEGIES
from switch_grpc.routing.route import FallbackSpec, PoolSpec, RouteSpec
from switch_grpc.upstream.base import Timers
from tests.support.engines import HELLO, head_of, spec, story, text_of
from tests.support.scripted_upstream import FOREVER, Answer, Step, error, streamed, whole
from tests.support.virtual_time import now, virtual

REFUSED = Fault(Kind.UPSTREAM_UNREACHABLE, "refused")
RESET = Fault(Kind.UPSTREAM_UNREACHABLE, "reset", sent=True)
SILENT = whole(wait=FOREVER)


# Fallback.


@pytest.mark.parametrize(
    "bad",
    [
        *map(error, (401, 402, 404, 408, 409, 429, 500, 503, 529)),
        *(REFUSED, RESET, Fault(Kind.UPSTREAM_TLS, ""), SILENT),
        *(Answer((b"<html>",)), Answer((b'{"error":{"message":"x"}}',))),
    ],
)
def test_what_one_target_cannot_another_can(bad: Step):
    @virtual
    async def run() -> None:
        for kind in ("unary", "stream"):
            told = story({"a": bad, "b": whole("Hi") if kind == "unary" else streamed("Hi")})
            if kind == "unary":
                assert (await told.ask()).route_info.fallback_used
            else:
                chunks = await told.stream()
                assert text_of(chunks) == "Hi"
                assert chunks[0].route_info.fallback_used
            assert told.upstream.asked == ["a", "b"]
            assert told.upstream.open == 0

    run()


@virtual
async def test_a_callers_own_mistake_is_told_to_it_and_to_nobody_else():
    told = story({"a": error(400, "bad_thing", "you said 404 not found"), "b": whole()})
    fault = await told.fault()
    assert (fault.kind, fault.code, fault.message) == (
        Kind.CLIENT_FAULT,
        "bad_thing",
        "you said 404 not found",
    )
    assert told.upstream.asked == ["a"]


@virtual
async def test_a_caller_may_ask_for_one_target_only():
    told = story({"a": error(503), "b": whole()})
    assert (await told.fault(told.call(fallback=False))).kind is Kind.UPSTREAM_OVERLOADED
    assert told.upstream.asked == ["a"]


@pytest.mark.parametrize(("spec_", "asked"), [({"enabled": False}, 1), ({"max_targets": 2}, 2), ({}, 3)])
def test_a_route_says_how_many_targets_a_call_may_try(spec_: dict[str, object], asked: int):
    @virtual
    async def run() -> None:
        route = RouteSpec(name="lite", fallback=FallbackSpec(**spec_))  # type: ignore[arg-type]
        told = story({"a": error(404), "b": error(404), "c": error(404)}, route=route)
        await told.fault()
        assert told.upstream.asked == ["a", "b", "c"][:asked]

    run()


@virtual
async def test_a_hundred_calls_in_flight_on_a_dying_target_all_succeed_elsewhere():
    told = story({"a": Answer(wait=1.0, status=503), "b": whole("Hi")})
    replies = await asyncio.gather(*(told.ask() for _ in range(100)))
    assert {reply.route_info.target for reply in replies} == {"b"}
    assert told.upstream.count("a") == 100
    assert told.target("a").load.in_flight == told.target("b").load.in_flight == 0


@virtual
async def test_a_healthy_target_behind_a_failing_one_needs_no_credit():
    """A second that fails is not affordable any more; the third, which is well, always is."""
    told = story({"a": error(404), "b": error(500), "c": whole()}, *map(spec, "abc", (1, 2, 3)))
    told.target("b").load.failed_at = now()
    while told.route.budget.withdraw(now()):
        pass
    assert (await told.ask()).route_info.target == "c"
    assert told.upstream.asked == ["a", "c"]


# Repeats, and what they cost.


@virtual
async def test_repeats_wait_their_backoff():
    told = story({"a": error(408)}, spec("a", max_retries=3, retry_delay=0.5))
    await told.fault()
    gaps = [late - soon for soon, late in zip(told.upstream.at, told.upstream.at[1:], strict=False)]
    assert len(gaps) == 3
    assert all(0.0 <= gap <= bound for gap, bound in zip(gaps, (0.5, 1.0, 2.0), strict=True))
    assert sum(gaps) > 0.0


@virtual
async def test_after_too_many_requests_a_target_is_asked_again_exactly_when_it_said():
    told = story({"a": [error(429, retry_after="1.5"), whole()]})
    await told.ask()
    first, second = told.upstream.at
    assert 1.5 <= second - first <= 1.51


@virtual
async def test_the_wait_that_one_target_named_is_not_anothers():
    """A shorter wait of another target must not make this one be asked while it still cools."""
    told = story(
        {"a": error(429, retry_after_ms="200"), "b": [error(429, retry_after="1"), whole()]},
        spec("a", 1, max_retries=0),
        spec("b", 2),
    )
    assert (await told.ask()).route_info.target == "b"


@virtual
async def test_a_target_whose_wait_does_not_fit_the_deadline_is_left_out_and_others_are_not():
    told = story(
        {"a": [error(429, retry_after="2"), whole()], "b": [error(500), whole("Hi")]},
        spec("a", 1),
        spec("b", 2, retry_delay=0.01),
    )
    assert (await told.ask(told.call(1.0))).route_info.target == "b"


@virtual
async def test_without_credit_the_last_fault_is_told_at_once_and_not_to_be_retried():
    told = story({"a": error(500)}, spec("a", retry_delay=2.0))
    while told.route.budget.withdraw(now()):
        pass
    started = now()
    fault = await told.fault()
    assert (fault.kind, fault.retry) == (Kind.UPSTREAM_ERROR, False)
    assert (told.upstream.asked, now() - started) == (["a"], 0.0)


@virtual
async def test_without_credit_an_overload_is_not_to_be_retried_either():
    told = story({"a": error(503, retry_after="1")})
    while told.route.budget.withdraw(now()):
        pass
    assert (await told.fault()).retry is False


@virtual
async def test_a_connection_that_never_was_costs_no_credit():
    told = story({"a": [REFUSED, whole()]})
    while told.route.budget.withdraw(now()):
        pass
    assert (await told.ask()).route_info.target == "a"


@virtual
async def test_a_target_that_cannot_encode_the_request_was_not_asked():
    told = story({"a": whole(), "b": error(500)}, *map(spec, "ab", (1, 2)))
    told.target("b").load.failed_at = now()
    object.__setattr__(told.engine._snapshot.wirings[told.target("a")], "dialects", {})
    while told.route.budget.withdraw(now()):
        pass
    assert (await told.fault()).kind is Kind.UPSTREAM_ERROR
    assert told.upstream.asked == ["b"]


@virtual
async def test_a_call_pays_in_once():
    """Also where its first targets cannot be had, or the budget would grow by what is asked in vain."""
    told = story({"a": whole(), "b": whole(), "c": whole()}, *map(spec, "abc", (1, 2, 3)))
    for name in "ab":
        told.target(name).gate.policy = type(told.target(name).gate.policy)(limit=0)
        object.__setattr__(told.target(name).spec, "max_in_flight", 0)
    before = told.route.budget.balance(now())
    await told.ask()
    assert told.route.budget.balance(now()) - before == pytest.approx(0.2)


@pytest.mark.parametrize("targets", [1, 2, 3])
def test_when_everything_fails_providers_are_asked_little_more_than_callers_ask(targets: int):
    """10,000 calls over 100 s, breakers off: at most 1.2 calls for each, and the floor of 10 a second."""

    @virtual
    async def run() -> None:
        names = "abc"[:targets]
        off = type(spec("x").breaker)(enabled=False)
        told = story(
            dict.fromkeys(names, error(500)),
            *(spec(name, place, breaker=off, retry_delay=0.01) for place, name in enumerate(names, 1)),
        )
        for _ in range(10_000):
            assert (await told.fault()).kind is Kind.UPSTREAM_ERROR
            await asyncio.sleep(0.01)
        seconds = told.upstream.at[-1] - told.upstream.at[0]
        free = (targets - 1) * (1 + seconds / 10)  # a target that was left alone for 10 s counts as well
        assert len(told.upstream.asked) <= 1.2 * 10_000 + 10 * (seconds + 1) + free

    run()


# Time.


@pytest.mark.parametrize("stream", [False, True])
def test_three_silent_targets_end_with_the_callers_deadline(stream: bool):
    @virtual
    async def run() -> None:
        told = story({"a": SILENT, "b": SILENT, "c": SILENT})
        started = now()
        call = told.call(2.0)
        fault = await (told.stream_fault(call) if stream else told.fault(call))
        assert fault.kind is Kind.DEADLINE
        assert now() - started == pytest.approx(2.0, abs=0.15)
        assert told.upstream.asked == ["a", "b", "c"]
        gaps = [late - started for late in told.upstream.at]
        assert gaps == [0.0, pytest.approx(1.2), pytest.approx(1.68)]

    run()


@virtual
async def test_a_target_whose_breaker_is_open_claims_no_share_of_the_time():
    told = story({"a": whole(wait=1.9), "b": whole()})
    told.target("b").breaker.force_open(now())
    assert (await told.ask(told.call(2.0))).route_info.target == "a"


@virtual
async def test_a_target_that_was_tripped_meanwhile_claims_none_either():
    told = story({"a": error(404), "b": whole(wait=1.9), "c": whole()}, *map(spec, "abc", (1, 2, 3)))
    told.target("c").breaker.force_open(now())
    call = asyncio.create_task(told.ask(told.call(2.0)))
    assert (await call).route_info.target == "b"


@pytest.mark.parametrize("seconds", [0.0, 0.05, 0.099])
def test_with_less_than_a_tenth_of_a_second_nobody_is_asked(seconds: float):
    @virtual
    async def run() -> None:
        told = story({"a": whole()})
        assert (await told.fault(told.call(seconds))).kind is Kind.DEADLINE
        assert told.upstream.asked == []

    run()


@virtual
async def test_no_attempt_begins_in_the_last_tenth_of_a_second():
    late, later = Answer(wait=0.55, status=500), Answer(wait=0.37, status=500)
    told = story({"a": late, "b": later}, limits=CallLimits(default=1.0))
    fault = await told.fault()
    assert fault.kind is Kind.DEADLINE
    assert [(each.target, each.upstream_status) for each in fault.attempts] == [("a", 500), ("b", 500)]
    assert told.upstream.asked == ["a", "b"]


@virtual
async def test_a_streams_first_byte_comes_within_the_callers_patience():
    told = story({"a": streamed("Hi", wait=5.0), "b": streamed("Hi", wait=5.0)})
    started = now()
    fault = await told.stream_fault(told.call(first_byte_deadline=started + 2.0))
    assert fault.kind is Kind.DEADLINE
    assert now() - started == pytest.approx(2.0, abs=0.15)
    assert told.upstream.asked == ["a", "b"]


@virtual
async def test_the_callers_patience_ends_with_the_first_content():
    told = story({"a": streamed("He", 5.0, "llo")})
    assert text_of(await told.stream(told.call(first_byte_deadline=now() + 2.0))) == "Hello"


# Whom there is to ask.


@virtual
async def test_where_all_breakers_are_open_the_soonest_probe_is_told():
    told = story({"a": error(503), "b": error(503)}, spec("a", 1), spec("b", 2))
    told.target("a").breaker.force_open(now(), 40.0)
    told.target("b").breaker.force_open(now(), 25.0)
    await asyncio.sleep(5.0)
    fault = await told.fault()
    assert (fault.kind, fault.retry_after, fault.attempts) == (Kind.NO_TARGET, pytest.approx(20.0), ())


@pytest.mark.parametrize(("left", "told_"), [(0.2, 1.0), (30.0, 30.0), (600.0, 60.0), (None, None)])
def test_the_wait_that_is_told_lies_between_one_second_and_a_minute(left: float | None, told_: float | None):
    @virtual
    async def run() -> None:
        told = story({"a": whole()})
        told.target("a").breaker.force_open(now(), left)
        assert (await told.fault()).retry_after == told_

    run()


@virtual
async def test_a_target_that_can_never_be_asked_does_not_shorten_the_wait():
    told = story(
        {"a": whole(), "b": whole()},
        spec("a", cost=1.0),
        spec("b"),
        pools=[(PoolSpec(max_cost_per_token=0.5), ["a", "b"])],
    )
    told.target("b").breaker.force_open(now(), 30.0)
    assert (await told.fault()).retry_after == 30.0


@virtual
async def test_of_several_rate_limits_the_shortest_wait_is_told():
    told = story({"a": error(429, retry_after="7"), "b": error(429, retry_after="30")})
    fault = await told.fault()
    assert (fault.kind, fault.retry_after) == (Kind.UPSTREAM_RATE_LIMIT, pytest.approx(7.0))


@virtual
async def test_a_rate_limit_without_a_wait_tells_how_long_the_target_cools():
    assert (await story({"a": error(429)}).fault()).retry_after == pytest.approx(5.0)


@virtual
async def test_a_target_that_cools_is_passed_over_until_it_is_cool():
    told = story({"a": [error(429, retry_after="7"), whole()], "b": whole()})
    assert [(await told.ask()).route_info.target for _ in range(3)] == ["b"] * 3
    await asyncio.sleep(7.1)
    assert (await told.ask()).route_info.target == "a"
    assert told.target("a").breaker.snapshot(now()).consecutive == 0, "a rate limit is no consecutive failure"


# Limits of a target.


@virtual
async def test_a_full_target_is_asked_after_those_with_room():
    told = story({"a": whole(wait=1.0), "b": whole(wait=1.0)}, spec("a", 1, max_in_flight=1), spec("b", 2))
    replies = await asyncio.gather(*(told.ask() for _ in range(3)))
    assert [reply.route_info.target for reply in replies] == ["a", "b", "b"]


@virtual
async def test_who_waits_for_a_full_target_gets_the_place_that_is_given_up():
    told = story({"a": whole(wait=0.15)}, spec("a", max_in_flight=1))
    started = now()
    await asyncio.gather(told.ask(), told.ask())
    assert now() - started == pytest.approx(0.3)
    assert told.target("a").gate.inside == 0


@virtual
async def test_a_full_target_and_nobody_else_is_our_limit_not_its_fault():
    told = story({"a": whole(wait=1.0)}, spec("a", max_in_flight=1))
    first = asyncio.create_task(told.ask())
    await asyncio.sleep(0)
    fault = await told.fault()
    assert (fault.kind, fault.retry) == (Kind.LOCAL, True)
    assert 1.0 <= (fault.retry_after or 0.0) <= 5.0
    await first
    assert told.target("a").load.failed == 0


@virtual
async def test_requests_a_minute_are_never_more_than_the_limit():
    told = story({"a": whole(), "b": whole()}, spec("a", 1, requests_per_minute=3), spec("b", 2))
    assert [(await told.ask()).route_info.target for _ in range(5)] == ["a", "a", "a", "b", "b"]
    await asyncio.sleep(61.0)
    assert (await told.ask()).route_info.target == "a"


@virtual
async def test_tokens_are_reserved_by_size_and_corrected_by_what_was_counted():
    told = story({"a": whole(), "b": whole()}, spec("a", 1, tokens_per_minute=1007), spec("b", 2))
    assert (await told.ask(size=4000)).route_info.target == "a"  # 1,000 reserved, 7 used
    assert (await told.ask(size=4000)).route_info.target == "a"
    assert (await told.ask(size=4000)).route_info.target == "b"  # 14 used, and 1,000 do not fit


@virtual
async def test_what_was_never_sent_uses_up_no_request_of_the_minute():
    told = story({"a": [REFUSED, REFUSED, whole()]}, spec("a", requests_per_minute=1, max_retries=0))
    for _ in range(2):
        await told.fault()
    assert (await told.ask()).route_info.target == "a"


# Balancing, as far as it shows from outside; tests/routing has the laws.


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_falls_back_to_whom_it_did_not_choose(strategy: str):
    @virtual
    async def run() -> None:
        told = story({"a": whole(), "b": whole(), "c": whole()}, *map(spec, "abc"), strategy=strategy)
        told.target("a").breaker.force_open(now())
        for _ in range(6):
            assert (await told.ask()).route_info.target in "bc"
        told.target("b").breaker.force_open(now())
        assert (await told.ask()).route_info.target == "c"

    run()


@virtual
async def test_a_session_stays_with_its_target_moves_once_and_returns():
    route = RouteSpec(name="lite", sticky=True)
    told = story(dict.fromkeys("abcd", whole()), *map(spec, "abcd"), strategy="round-robin", route=route)

    async def asked(**head: object) -> str:
        target: str = (await told.ask(**head)).route_info.target
        return target

    homes = {user: await asked(user=user) for user in map(str, range(20))}
    assert set(homes.values()) == set("abcd")
    told.target("a").breaker.force_open(now())
    moved = {user: await asked(user=user) for user in homes}
    assert [user for user in homes if moved[user] != homes[user]] == [u for u in homes if homes[u] == "a"]
    assert {user: await asked(user=user) for user in homes} == moved
    told.target("a").breaker.reset(now())
    assert {user: await asked(user=user) for user in homes} == homes


@pytest.mark.parametrize(
    ("keys", "session"),
    [
        (("x-session-id", "user", "metadata.session_id"), "header"),
        (("user", "x-session-id"), "user"),
        (("metadata.session_id",), "meta"),
    ],
)
def test_a_route_says_what_names_a_session(keys: tuple[str, ...], session: str):
    @virtual
    async def run() -> None:
        told = story({"a": whole()})
        spec_ = RouteSpec(name="lite", sticky=True, sticky_keys=keys)
        head = head_of(HELLO, user="user", session_id="meta")
        assert spec_.session(told.call(sticky_key="header"), head) == session
        assert spec_.session(told.call(), head_of(HELLO)) is None

    run()


# Timers of a target, which do blame it.


@pytest.mark.parametrize(
    ("stream", "answer", "after"),
    [
        (False, whole(wait=FOREVER), 4.0),  # the head
        (False, Answer((b"{", FOREVER)), 6.0),  # the whole answer
        (True, streamed(wait=FOREVER), 4.0),
        (True, streamed(FOREVER, "never"), 3.0),  # silence
        (True, streamed(*[2.0, b": ping\n\n"] * 9, "never"), 5.0),  # the first token
    ],
)
def test_a_target_that_lets_its_own_time_pass_is_to_blame(stream: bool, answer: Answer, after: float):
    @virtual
    async def run() -> None:
        told = story(
            {"a": answer},
            spec("a", max_retries=0),
            timers=TargetTimers(timeout=6.0, first_token=5.0),
            exchange_timers=Timers(head=4.0, idle=3.0),
        )
        started = now()
        fault = await (told.stream_fault() if stream else told.fault())
        assert fault.kind is Kind.UPSTREAM_TIMEOUT
        assert now() - started == pytest.approx(after)
        assert told.target("a").breaker.snapshot(now()).consecutive == 1

    run()
