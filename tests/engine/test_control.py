"""What operators see and do."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from switch_grpc.engine.control import WATCH_BACKLOG
from switch_grpc.events import BreakerChanged, ConfigReloaded
from switch_grpc.faults import Fault, Kind
from switch_grpc.routing.route import FallbackSpec, PoolSpec, RouteSpec
from switch_grpc.routing.states import State
from switch_grpc.v1 import admin_pb2, fault_pb2, route_info_pb2
from tests.support.engines import Story, snapshot, spec, story
from tests.support.scripted_upstream import error, streamed, whole
from tests.support.virtual_time import now, virtual

OPEN = route_info_pb2.BREAKER_STATE_OPEN
CLOSED = route_info_pb2.BREAKER_STATE_CLOSED
FORCE_OPEN = admin_pb2.BreakerOverride.MODE_FORCE_OPEN
FORCE_CLOSED = admin_pb2.BreakerOverride.MODE_FORCE_CLOSED


def status(told: Story, target: str = "a") -> admin_pb2.TargetStatus:
    return told.engine.control.status("lite", target).targets[0]


def override(told: Story, mode: admin_pb2.BreakerOverride.Mode, ttl: float = 0.0, **names: str) -> None:
    request = {"route": "lite", "target": "a", "mode": mode, "ttl": ttl, **names}
    told.engine.control.override(admin_pb2.OverrideBreakerRequest(**request))  # type: ignore[arg-type]


# Status.


@virtual
async def test_a_target_that_nobody_asked_is_closed_and_its_health_unknown():
    seen = status(story({"a": whole()}))
    assert (seen.route, seen.target, seen.provider, seen.model) == ("lite", "a", "custom", "model-of-a")
    assert (seen.state, seen.total_requests, seen.health) == (CLOSED, 0, admin_pb2.HEALTH_UNSPECIFIED)
    for never in ("next_attempt", "cooling_until", "last_fault_at", "override"):
        assert not seen.HasField(never)


@virtual
async def test_the_counters_are_of_attempts_and_the_averages_of_answers():
    told = story({"a": [whole(wait=1.0), error(500), error(400)]}, spec("a", max_retries=0))
    await told.ask()
    await told.fault()
    await told.fault()
    seen = status(told)
    assert (seen.total_requests, seen.successful_requests, seen.failed_requests) == (3, 1, 1)
    assert (seen.error_rate, seen.consecutive_failures) == (50.0, 1)
    assert seen.average_response_ms == pytest.approx(1000.0)
    assert seen.average_ttfb_ms == pytest.approx(1000.0)
    assert seen.last_fault == fault_pb2.FAULT_REASON_UPSTREAM_ERROR
    assert "upstream status 500" in seen.last_fault_message
    assert seen.health == admin_pb2.HEALTH_HEALTHY


@virtual
async def test_calls_under_way_are_counted_where_they_are():
    told = story({"a": whole(wait=1.0)})
    running = asyncio.create_task(told.ask())
    await asyncio.sleep(0.5)
    answer = told.engine.control.status("", "")
    assert (answer.targets[0].in_flight, answer.gateway.in_flight) == (1, 1)
    await running
    answer = told.engine.control.status("", "")
    assert (answer.targets[0].in_flight, answer.gateway.in_flight) == (0, 0)


@pytest.mark.parametrize(
    ("answer", "times", "cause", "seconds"),
    [
        (error(500), 5, admin_pb2.BREAKER_CAUSE_CONSECUTIVE, 60.0),
        (error(404), 1, admin_pb2.BREAKER_CAUSE_PERMANENT, 300.0),
        (Fault(Kind.UPSTREAM_TLS, "no"), 1, admin_pb2.BREAKER_CAUSE_TLS, 300.0),
    ],
)
def test_an_open_breaker_says_why_and_until_when(
    answer: object, times: int, cause: admin_pb2.BreakerCause, seconds: float
):
    @virtual
    async def run() -> None:
        told = story({"a": answer}, spec("a", max_retries=0))  # type: ignore[dict-item]
        for _ in range(times):
            await told.fault()
        seen = status(told)
        assert (seen.state, seen.cause, seen.health) == (OPEN, cause, admin_pb2.HEALTH_UNHEALTHY)
        assert seen.next_attempt.ToNanoseconds() - seen.last_fault_at.ToNanoseconds() == pytest.approx(
            seconds * 1e9, rel=1e-3
        )

    run()


@virtual
async def test_a_cooling_target_says_until_when():
    told = story({"a": error(429, retry_after="30")})
    await told.fault()
    seen = status(told)
    assert seen.cooling_until.ToNanoseconds() - seen.last_fault_at.ToNanoseconds() == pytest.approx(
        30e9, rel=1e-3
    )


@virtual
async def test_the_gateway_says_what_it_runs_and_whether_it_serves():
    told = story({"a": whole()})
    seen = told.engine.control.gateway()
    assert (seen.state, seen.config.version) == (admin_pb2.GatewayStatus.STATE_SERVING, "1")
    told.engine.begin_drain()
    assert told.engine.control.gateway().state == admin_pb2.GatewayStatus.STATE_DRAINING


@pytest.mark.parametrize("names", [("lite", "b"), ("heavy", ""), ("", "b"), ("light", "b")])
def test_what_is_not_there_is_said_so(names: tuple[str, str]):
    @virtual
    async def run() -> None:
        told = story({"a": whole()}, route=RouteSpec(name="lite", aliases=("light",), default=True))
        for method in (told.engine.control.status, told.engine.control.reset):
            with pytest.raises(Fault) as raised:
                method(*names)
            assert raised.value.kind is Kind.UNKNOWN_ROUTE
        assert len(told.engine.control.status("light", "a").targets) == 1

    run()


# Levers.


@virtual
async def test_a_reset_closes_and_forgets_what_was_held_against_a_target():
    told = story({"a": [error(404), whole()], "b": [error(429), whole()]}, spec("a"), spec("b", 2))
    await told.fault()
    told.engine.control.reset("lite", "")
    assert (status(told).state, status(told).permanent_trips) == (CLOSED, 0)
    assert not status(told, "b").HasField("cooling_until")
    assert told.moves[-1] == ("a", "closed", "reset")
    assert (await told.ask()).route_info.target == "a"


@virtual
async def test_a_reset_of_one_target_leaves_the_others():
    told = story({"a": error(404), "b": error(404)})
    await told.fault()
    told.engine.control.reset("lite", "a")
    assert (status(told, "a").state, status(told, "b").state) == (CLOSED, OPEN)


@virtual
async def test_a_probes_result_from_before_a_reset_is_not_counted():
    told = story({"a": [*[error(500)] * 5, error(500, retry_after="0"), whole()]}, spec("a", max_retries=0))
    for _ in range(5):
        await told.fault()
    await asyncio.sleep(60.0)
    probe = told.target("a").admit(now(), 30.0)
    assert probe is not None
    told.engine.control.reset("lite", "a")
    told.target("a").settle(probe, Fault(Kind.UPSTREAM_ERROR, ""), now=now(), rng=told.engine._rng)
    assert status(told).state == CLOSED


@virtual
async def test_an_override_holds_for_its_time():
    told = story({"a": whole(), "b": whole()})
    override(told, FORCE_OPEN, 10.0)
    seen = status(told)
    assert (seen.state, seen.cause, seen.override.mode) == (OPEN, admin_pb2.BREAKER_CAUSE_FORCED, FORCE_OPEN)
    assert (await told.ask()).route_info.target == "b"
    await asyncio.sleep(10.0)
    assert (await told.ask()).route_info.target == "a"
    assert not status(told).HasField("override")


@virtual
async def test_a_target_that_is_held_closed_is_asked_whatever_it_answers():
    told = story({"a": error(500)}, spec("a", max_retries=0))
    override(told, FORCE_CLOSED)
    for _ in range(20):
        assert (await told.fault()).kind is Kind.UPSTREAM_ERROR
    told.engine.control.reset("lite", "a")
    for _ in range(5):
        await told.fault()
    assert status(told).state == OPEN


@pytest.mark.parametrize(("count", "told"), [(1, "'t0'"), (12, "'t8', 't9' and 2 more")])
def test_who_names_no_target_is_told_which_there_are(count: int, told: str):
    @virtual
    async def run() -> None:
        named = story({f"t{number}": whole() for number in range(count)})
        with pytest.raises(Fault, match="route 'lite' has no target called 'x', but 't0'") as raised:
            named.engine.control.reset("lite", "x")
        assert raised.value.message.endswith(told)

    run()


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"target": ""}, Kind.BAD_REQUEST),
        ({"route": ""}, Kind.BAD_REQUEST),
        ({"target": "x"}, Kind.UNKNOWN_ROUTE),
        ({"ttl": -1.0}, Kind.BAD_REQUEST),
        ({"ttl": float("inf")}, Kind.BAD_REQUEST),
        ({"ttl": float("nan")}, Kind.BAD_REQUEST),
        ({"mode": admin_pb2.BreakerOverride.MODE_UNSPECIFIED}, Kind.BAD_REQUEST),
    ],
)
def test_an_override_that_says_too_little_changes_nothing(change: dict[str, object], kind: Kind):
    @virtual
    async def run() -> None:
        told = story({"a": whole()})
        request = {"route": "lite", "target": "a", "mode": FORCE_OPEN, **change}
        with pytest.raises(Fault) as raised:
            told.engine.control.override(admin_pb2.OverrideBreakerRequest(**request))  # type: ignore[arg-type]
        assert raised.value.kind is kind
        assert told.target("a").breaker.state(now()) is State.CLOSED

    run()


# Watching.


@virtual
async def test_a_watcher_hears_of_every_move_and_of_reloads():
    told = story({"a": error(404), "b": whole()})
    async with aclosing(told.engine.control.watch("lite", "a")) as events:
        first = await anext(events)
        assert [each.target for each in first.snapshot.targets] == ["a"]
        await told.ask()
        moved = await anext(events)
        assert (moved.target.target, moved.target.state) == ("a", OPEN)
        told.engine.emit(ConfigReloaded(version="2", source="x", problems=0))
        assert (await anext(events)).gateway.config.version == "1"


@virtual
async def test_a_watcher_of_one_target_hears_nothing_of_another():
    told = story({"a": whole(), "b": whole()})
    async with aclosing(told.engine.control.watch("lite", "a")) as events:
        await anext(events)
        override(told, FORCE_OPEN, target="b")
        override(told, FORCE_OPEN, target="a")
        assert (await anext(events)).target.target == "a"


@virtual
async def test_a_watcher_that_falls_behind_is_sent_the_whole_status_again():
    told = story({"a": whole()})
    async with aclosing(told.engine.control.watch("", "")) as events:
        await anext(events)
        for _ in range(WATCH_BACKLOG + 50):
            told.engine.emit(BreakerChanged(route="lite", target="a", state="open", cause="x", until=None))
        kinds = [(await anext(events)).WhichOneof("event") for _ in range(WATCH_BACKLOG)]
        assert kinds == ["target"] * (WATCH_BACKLOG - 1) + ["snapshot"]


@virtual
async def test_a_watcher_that_leaves_is_forgotten():
    told = story({"a": whole()})
    async with aclosing(told.engine.control.watch("", "")) as events:
        await anext(events)
        assert len(told.engine.control._watchers) == 1
    assert told.engine.control._watchers == set()


async def words(watch: AsyncGenerator[admin_pb2.StatusEvent, None]) -> list[str | None]:
    """The kind of each event that a watcher is told until its watch ends."""
    async with asyncio.timeout(5):
        return [event.WhichOneof("event") async for event in watch]


async def test_a_watch_tells_of_the_drain_and_ends_when_calls_are_refused():
    """Else it holds the drain up until the open calls are cut."""
    engine = story({"a": whole()}).engine
    watch = engine.control.watch("", "")
    assert (await anext(watch)).HasField("snapshot")
    engine.begin_drain()
    async with asyncio.timeout(5):
        assert (await anext(watch)).gateway.state == admin_pb2.GatewayStatus.STATE_DRAINING
    engine.refuse_calls()
    engine.refuse_calls()
    assert await words(watch) == []


async def test_a_watch_that_is_behind_gets_what_it_waits_for_and_then_ends():
    engine = story({"a": whole()}).engine
    watch = engine.control.watch("", "")
    await anext(watch)
    for _ in range(2 * WATCH_BACKLOG):
        engine.emit(ConfigReloaded(version="v", source="s", problems=0))
    engine.begin_drain()
    engine.refuse_calls()
    assert await words(watch) == ["gateway"] * (WATCH_BACKLOG - 1) + ["snapshot", "gateway"]


async def test_who_watches_a_gateway_that_refuses_calls_gets_the_status_once():
    engine = story({"a": whole()}).engine
    engine.refuse_calls()
    assert await words(engine.control.watch("", "")) == ["snapshot"]


@virtual
async def test_a_move_of_a_target_that_a_reload_took_away_ends_no_watcher():
    told = story({"a": whole(wait=1.0), "b": whole()})
    async with aclosing(told.engine.control.watch("", "")) as events:
        await anext(events)
        told.engine.swap(snapshot(told.upstream, [spec("b")]))
        told.engine.emit(BreakerChanged(route="lite", target="a", state="open", cause="x", until=None))
        told.engine.emit(BreakerChanged(route="lite", target="b", state="open", cause="x", until=None))
        assert (await anext(events)).target.target == "b"


# Explaining.


@virtual
async def test_the_order_and_its_reasons_are_told_without_picking_anybody():
    told = story(
        dict.fromkeys("abcd", whole()),
        spec("a"),
        spec("b"),
        spec("c", weight=0.0),
        spec("d"),
        strategy="round-robin",
        route=RouteSpec(name="lite", fallback=FallbackSpec(max_targets=1)),
    )
    override(told, FORCE_OPEN, target="d")
    for _ in range(3):
        seen = told.engine.control.explain("lite", "")
        assert [(each.target, each.admissible) for each in seen.candidates] == [
            ("a", True),
            ("b", False),
            ("c", False),
            ("d", False),
        ]
    reasons = [each.reason for each in seen.candidates]
    assert reasons[0] == "by round-robin"
    assert "maxAttempts" in reasons[1]
    assert "weight" in reasons[2]
    assert "open" in reasons[3]
    assert (await told.ask()).route_info.target == "a"


@virtual
async def test_a_target_over_the_pools_price_is_explained_by_it():
    told = story(
        {"a": whole(), "b": whole()},
        spec("a", cost=1.0),
        spec("b"),
        pools=[(PoolSpec(max_cost_per_token=0.5), ["a", "b"])],
    )
    seen = told.engine.control.explain("lite", "")
    assert [each.target for each in seen.candidates] == ["b", "a"]
    assert "maxCostPerToken" in seen.candidates[1].reason


@virtual
async def test_streams_leave_no_target_busy_in_the_status():
    told = story({"a": streamed("x")})
    await told.stream()
    assert status(told).in_flight == 0
