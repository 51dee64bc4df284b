"""Who gets which call, by each strategy, for sessions, over pools and priorities (laws: tests/routing)."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from tests.support.callers import WAYS, Caller, Way, calling
from tests.support.gateway import route, running, target

pytestmark = pytest.mark.timing

UNARY = Way(door="grpc", stream=False)
NEVER: dict[str, Any] = {"maxRetries": 0}


def strategy(name: str, **settings: Any) -> dict[str, Any]:
    return {"loadBalancing": {"strategy": name, **settings}}


async def served(caller: Caller, calls: int, name: str = "lite", **options: Any) -> Counter[str]:
    """How many calls each target answered, asked one after the other by all ways in turn."""
    return Counter([(await caller.ask(WAYS[n % 4], name, **options)).target for n in range(calls)])


async def test_round_robin_takes_turns():
    models = {"lite": route(target("a"), target("b"), target("c"), **strategy("round_robin"))}
    async with running(models) as gateway, calling(gateway) as caller:
        assert await served(caller, 30) == {"a": 10, "b": 10, "c": 10}


async def test_weights_are_kept_exactly():
    targets = (target("a", weight=5), target("b", weight=3), target("c", weight=2), target("d", weight=0))
    async with (
        running({"lite": route(*targets, **strategy("weighted"))}) as gateway,
        calling(gateway) as caller,
    ):
        assert await served(caller, 20) == {"a": 10, "b": 6, "c": 4}


async def test_least_connections_go_where_fewest_are():
    models = {
        "lite": route(target("a", "mock;chunks=30;gap=50"), target("b"), **strategy("least-connections"))
    }
    async with running(models) as gateway, calling(gateway) as caller:
        long = asyncio.create_task(caller.ask(Way(door="grpc", stream=True)))
        await gateway.mock.until(lambda: len(gateway.mock.requests) == 1)
        assert await served(caller, 5) == {"b": 5}
        long.cancel()
        await asyncio.gather(long, return_exceptions=True)


async def test_the_fastest_gets_most():
    slow = target("slow", "mock;delay=60;fault=close-after")
    models = {"lite": route(slow, target("quick"), **strategy("fastest-response"))}
    async with running(models) as gateway, calling(gateway) as caller:
        for name in ("slow", "quick"):  # who was never timed gets one call in a hundred
            await caller.override("lite", name, 1)
            await caller.ask(UNARY)
            await caller.reset()
        shares = await served(caller, 60)
    assert shares["slow"] + shares["quick"] == 60
    assert shares["slow"] < 9


async def test_cost_takes_the_cheapest():
    targets = (
        target("dear", costPerToken=3e-5),
        target("cheap", costPerToken=1e-6),
        target("over", costPerToken=9e-5),
    )
    async with (
        running({"lite": route(*targets, **strategy("cost-optimized"))}) as gateway,
        calling(gateway) as caller,
    ):
        assert await served(caller, 8) == {"cheap": 8}


async def test_priorities_are_strict():
    targets = (
        target("second", priority=2),
        target("first", priority=1, weight=3),
        target("also first", priority=1, weight=1),
    )
    async with running({"lite": route(*targets)}) as gateway, calling(gateway) as caller:
        assert await served(caller, 16) == {"first": 12, "also first": 4}
        for name in ("first", "also first"):
            await caller.override("lite", name, 1)
        heard = await caller.ask(UNARY)
        assert (heard.target, heard.fallback) == ("second", True)


# Sessions.


@pytest.mark.parametrize(
    ("key", "named"),
    [
        ("x-session-id", lambda session: {"session": session}),
        ("user", lambda session: {"user": session}),
        ("metadata.session_id", lambda session: {"metadata": {"session_id": session}}),
    ],
)
async def test_a_session_stays_at_its_target_whichever_door_it_takes(key: str, named: Any):
    targets = [target(name) for name in "abcd"]
    settings = strategy("round-robin", stickySessions=True, stickyKey=key)
    async with running({"lite": route(*targets, **settings)}) as gateway, calling(gateway) as caller:
        homes = {}
        for session in map(str, range(12)):
            asked = {(await caller.ask(way, **named(session))).target for way in WAYS}
            assert len(asked) == 1
            homes[session] = asked.pop()
        assert len(set(homes.values())) > 1
        moved_from = homes["0"]
        await caller.override("lite", moved_from, 1)
        for session, home in homes.items():
            now = (await caller.ask(UNARY, **named(session))).target
            assert (now == home) is (home != moved_from)
        await caller.reset()
        assert (await caller.ask(UNARY, **named("0"))).target == moved_from


async def test_what_names_no_session_here_does_not_bind():
    settings = strategy("round-robin", stickySessions=True, stickyKey="user")
    models = {"lite": route(target("a"), target("b"), **settings)}
    async with running(models) as gateway, calling(gateway) as caller:
        assert await served(caller, 8, session="s1", metadata={"session_id": "s1"}) == {"a": 4, "b": 4}


# Pools.


MODELS = {"lite": {"primaryPoolId": "one"}}


def pools(**first: Any) -> list[dict[str, Any]]:
    """A pool of two, of which one fails, and its fallback."""
    one = [target("a", **NEVER), target("b", "mock;status=500", **NEVER)]
    settings = {"routingStrategy": "round_robin", **first}
    return [
        {"id": "one", "name": "one", "providers": one, "fallbackPoolIds": ["two"], **settings},
        {"id": "two", "name": "two", "providers": [target("c")], "routingStrategy": "round_robin"},
    ]


async def test_a_pools_targets_come_before_those_of_its_fallback_pool():
    """One of the pool fails, and the other is asked before anybody else."""
    lenient = {"minHealthyProviders": 0}
    async with (
        running(MODELS, pools=pools(healthThresholds=lenient)) as gateway,
        calling(gateway) as caller,
    ):
        assert await served(caller, 6) == {"a": 6}


async def test_a_pool_with_too_few_healthy_targets_is_passed_over():
    strict = {"minHealthyProviders": 2, "consecutiveFailures": 2}
    async with (
        running(MODELS, pools=pools(healthThresholds=strict)) as gateway,
        calling(gateway) as caller,
    ):
        before = [await caller.ask(UNARY) for _ in range(4)]
        after = [await caller.ask(UNARY) for _ in range(4)]
        assert {heard.target for heard in before} <= {"a", "c"}
        assert {(heard.target, heard.fallback) for heard in after} == {("c", True)}
        assert all(heard.ok for heard in (*before, *after))
