"""How much the gateway takes on, and that nothing is left of it afterwards."""

import asyncio
import random
from typing import Any

import pytest

from tests.support.callers import WAYS, Caller, Way, calling
from tests.support.gateway import route, running, target

pytestmark = pytest.mark.timing

UNARY = Way(door="grpc", stream=False)
HANG = "mock;fault=hang"


async def until_busy(caller: Caller, calls: int) -> None:
    """Waits for so many calls to be inside."""
    for _ in range(500):
        if await caller.in_flight() >= calls:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"there are never {calls} calls in flight")


@pytest.mark.parametrize(
    ("models", "top", "code"),
    [
        ({"lite": route(target("a", HANG, maxInFlight=2))}, {}, "gateway_overloaded"),
        ({"lite": route(target("a", HANG), maxInFlight=2)}, {}, "gateway_overloaded"),
        (
            {"lite": route(target("a", HANG))},
            {"limits": {"maxInFlight": 2, "queue": 4, "queueWaitMs": 100}},
            "gateway_overloaded",
        ),
    ],
    ids=["a target's", "a route's", "the gateway's"],
)
async def test_past_a_limit_calls_are_shed_with_a_hint_and_the_others_go_on(
    models: dict[str, Any], top: dict[str, Any], code: str
):
    async with running(models, **top) as gateway, calling(gateway) as caller:
        held = [asyncio.create_task(caller.ask(WAYS[number % 4], seconds=20)) for number in range(2)]
        await gateway.mock.until(lambda: len(gateway.mock.requests) == 2)
        for way in WAYS:
            heard = await caller.ask(way)
            assert (heard.http, heard.code, heard.retry) == (503, code, True)
            assert heard.retry_after is not None
            assert 1.0 <= heard.retry_after <= 5.0
        assert len(gateway.mock.requests) == 2
        assert not any(task.done() for task in held)
        for task in held:
            task.cancel()
        await asyncio.gather(*held, return_exceptions=True)


async def test_a_full_target_sends_its_calls_to_the_next():
    models = {"lite": route(target("a", HANG, maxInFlight=2), target("b"))}
    async with running(models) as gateway, calling(gateway) as caller:
        held = [asyncio.create_task(caller.ask(UNARY)) for _ in range(2)]
        await gateway.mock.until(lambda: len(gateway.mock.requests) == 2)
        assert {(await caller.ask(way)).target for way in WAYS} == {"b"}
        for task in held:
            task.cancel()
        await asyncio.gather(*held, return_exceptions=True)


async def test_requests_a_minute_are_counted_before_they_are_sent():
    limited = target("a", rateLimits={"requestsPerMinute": 5})
    async with running({"lite": route(limited, target("b"))}) as gateway, calling(gateway) as caller:
        heard = await asyncio.gather(*(caller.ask(WAYS[number % 4]) for number in range(20)))
        assert [one.target for one in heard].count("a") == 5
        assert {one.ok for one in heard} == {True}


async def test_tokens_a_minute_are_counted_too():
    limited = target("a", rateLimits={"tokensPerMinute": 2000})
    long = "word " * 1000
    async with running({"lite": route(limited, target("b"))}) as gateway, calling(gateway) as caller:
        targets = [(await caller.ask(UNARY, text=long)).target for _ in range(4)]
    assert targets[0] == "a"
    assert targets[-1] == "b"


@pytest.mark.parametrize("seed", [1, 2])
async def test_after_a_storm_of_cancels_and_errors_every_counter_is_back_at_nothing(seed: int):
    """Answers, cuts, stalls, refusals and callers who leave at any moment, all at once."""
    rng = random.Random(seed)
    scripts = [
        "mock;chunks=20;gap=10",
        "mock;chunks=20;gap=5;fault=cut;after=4;every=2",
        "mock;status=503;every=3",
        "mock;fault=hang;every=2",
        "mock;fault=stall;after=2;every=2",
        "mock;fault=reset;every=2",
    ]
    models = {
        f"r{number}": route(
            target("a", script, maxInFlight=10, timeout=1500),
            target("b", rng.choice(scripts), timeout=1500),
            maxInFlight=30,
            loadBalancing={"strategy": "least-connections"},
            timeouts={"idleMs": 500},
        )
        for number, script in enumerate(scripts)
    }
    async with running(models) as gateway, calling(gateway) as caller:

        async def one() -> None:
            await asyncio.sleep(rng.uniform(0.0, 2.0))
            seconds = rng.choice([None, 0.2, 1.0])
            task = asyncio.create_task(caller.ask(rng.choice(WAYS), f"r{rng.randrange(6)}", seconds=seconds))
            if rng.random() < 0.5:
                await asyncio.sleep(rng.uniform(0.0, 0.3))
                task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        await asyncio.gather(*(one() for _ in range(300)))
        for _ in range(100):
            busy = [seen for seen in await caller.status() if seen.in_flight]
            if not busy and await caller.in_flight() == 0:
                break
            await asyncio.sleep(0.05)
        assert busy == []
        assert await caller.in_flight() == 0
        served = sum(seen.total_requests for seen in await caller.status())
        assert served > 100  # the storm was one: a third of its calls at least came to a provider
        await caller.reset()
        for number in range(6):
            for target_ in ("a", "b"):
                assert (await caller.status(f"r{number}", target_))[0].in_flight == 0
        (first,) = await caller.status("r0", "a")
        assert first.total_requests == first.successful_requests + first.failed_requests + _neutral(first)


def _neutral(seen: Any) -> int:
    """Attempts that say nothing of their target: cancelled, or short of time."""
    left: int = seen.total_requests - seen.successful_requests - seen.failed_requests
    assert left >= 0
    return left
