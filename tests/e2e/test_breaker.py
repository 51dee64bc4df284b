"""Breakers through the whole gateway: they open, probe, close, and obey operators."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from switch_grpc.v1 import admin_pb2, fault_pb2, route_info_pb2
from tests.support.callers import WAYS, Caller, Way, calling
from tests.support.gateway import Running, route, running, target

pytestmark = pytest.mark.timing

CLOSED = route_info_pb2.BREAKER_STATE_CLOSED
OPEN = route_info_pb2.BREAKER_STATE_OPEN
HALF_OPEN = route_info_pb2.BREAKER_STATE_HALF_OPEN
FORCE_OPEN = admin_pb2.BreakerOverride.MODE_FORCE_OPEN
FORCE_CLOSED = admin_pb2.BreakerOverride.MODE_FORCE_CLOSED
NEVER: dict[str, Any] = {"maxRetries": 0}
SHORT = {"failureThreshold": 3, "resetTimeout": 1000, "jitter": 0}
UNARY, STREAMED = Way(door="grpc", stream=False), Way(door="http", stream=True)


@pytest_asyncio.fixture
async def told() -> AsyncIterator["Told"]:
    made = Told()
    yield made
    await made.close()


class Told:
    """A gateway that a test starts with its own routes."""

    def __init__(self) -> None:
        self._open: list[Any] = []

    async def start(self, models: dict[str, Any], **settings: Any) -> tuple[Running, Caller]:
        outer = running(models, **settings)
        gateway = await outer.__aenter__()
        self._open.append(outer)
        inner = calling(gateway)
        caller = await inner.__aenter__()
        self._open.append(inner)
        return gateway, caller

    async def close(self) -> None:
        for each in reversed(self._open):
            await each.__aexit__(None, None, None)


async def state(caller: Caller, name: str = "a", of: str = "lite") -> admin_pb2.TargetStatus:
    (seen,) = await caller.status(of, name)
    return seen


@pytest.mark.parametrize("way", WAYS, ids=str)
async def test_after_so_many_failures_a_target_is_left_alone(told: Told, way: Way):
    models = {"lite": route(target("a", "mock;status=500", **NEVER), circuitBreaker=SHORT)}
    gateway, caller = await told.start(models)
    for _ in range(3):
        assert (await caller.ask(way)).code == "upstream_error"
    for _ in range(5):
        heard = await caller.ask(way)
        assert (heard.http, heard.code) == (503, "no_available_target")
        assert heard.retry_after == 1.0
    assert len(gateway.mock.requests) == 3
    seen = await state(caller)
    assert (seen.state, seen.cause) == (OPEN, admin_pb2.BREAKER_CAUSE_CONSECUTIVE)


async def test_a_failing_share_opens_too(told: Told):
    breaker = {
        "failureThreshold": 0,
        "errorThresholdPercentage": 50,
        "minRequestsThreshold": 10,
        "resetTimeout": 60000,
    }
    models = {"lite": route(target("a", "mock;status=500;every=2", **NEVER), circuitBreaker=breaker)}
    _, caller = await told.start(models)
    for _ in range(10):
        assert (await state(caller)).state == CLOSED
        await caller.ask(UNARY)
    seen = await state(caller)
    assert (seen.state, seen.cause, seen.error_rate) == (OPEN, admin_pb2.BREAKER_CAUSE_RATE, 50.0)


@pytest.mark.parametrize("probes", [1, 3])
@pytest.mark.parametrize("way", [UNARY, STREAMED], ids=str)
async def test_of_a_hundred_calls_at_half_open_exactly_the_probes_go_through(
    told: Told, way: Way, probes: int
):
    """The provider holds its answers back until all hundred callers have been dealt with."""
    breaker = {**SHORT, "halfOpenMaxProbes": probes, "halfOpenSuccessThreshold": probes}
    held = "mock;delay=700;status=500;times=3"
    gateway, caller = await told.start({"lite": route(target("a", held, **NEVER), circuitBreaker=breaker)})
    await asyncio.gather(*(caller.ask(way) for _ in range(3)))
    await asyncio.sleep(1.05)
    gateway.mock.reset()  # so that the next three are slow again, and fail
    heard = await asyncio.gather(*(caller.ask(way) for _ in range(100)))
    assert len(gateway.mock.requests) == probes
    assert [one.code for one in heard].count("no_available_target") == 100 - probes
    assert (await state(caller)).state == OPEN


async def test_a_probe_that_succeeds_closes(told: Told):
    models = {"lite": route(target("a", "mock;status=500;times=3", **NEVER), circuitBreaker=SHORT)}
    _, caller = await told.start(models)
    for _ in range(3):
        await caller.ask(UNARY)
    await asyncio.sleep(1.05)
    heard = await caller.ask(UNARY)
    assert heard.info is not None
    assert heard.info.breaker_state == HALF_OPEN
    assert (await state(caller)).state == CLOSED


async def test_fifty_refusals_of_a_key_at_once_are_one_trip(told: Told):
    models = {"lite": route(target("a", "mock;status=401;delay=300", **NEVER))}
    gateway, caller = await told.start(models)
    heard = await asyncio.gather(*(caller.ask(UNARY) for _ in range(50)))
    assert {one.code for one in heard} == {"upstream_auth_failed"}
    assert len(gateway.mock.requests) == 50
    seen = await state(caller)
    assert (seen.state, seen.cause, seen.permanent_trips) == (OPEN, admin_pb2.BREAKER_CAUSE_PERMANENT, 1)
    minutes = (seen.next_attempt.ToNanoseconds() - seen.last_fault_at.ToNanoseconds()) / 60e9
    assert 4.5 <= minutes <= 5.5


async def test_a_hundred_calls_on_a_dying_target_all_succeed_at_the_spare(told: Told):
    dying = target("a", "mock;status=503;delay=1500", **NEVER)  # none fails before all have come
    gateway, caller = await told.start({"lite": route(dying, target("b"))})
    heard = await asyncio.gather(*(caller.ask(WAYS[number % 4]) for number in range(100)))
    assert {(one.ok, one.target) for one in heard} == {(True, "b")}
    heard = await asyncio.gather(*(caller.ask(WAYS[number % 4]) for number in range(20)))
    assert {(one.ok, one.target, one.fallback) for one in heard} == {(True, "b", True)}
    asked = [request for request in gateway.mock.requests if request.model and "503" in request.model]
    assert len(asked) == 100


# Rotation.


def keys_in(file: Path) -> dict[str, Any]:
    return {"file": {"type": "simple", "source": "file", "config": {"path": str(file)}, "cacheTtl": 3600}}


async def test_a_rotated_key_is_fetched_when_the_old_one_is_refused(told: Told, tmp_path: Path):
    """Calls in flight find the new key at the store: none fails, and no breaker hears of it."""
    file = tmp_path / "key"
    file.write_text("first-key-1")
    file.chmod(0o600)
    one = {"name": "a", "provider": "custom", "modelName": "mock", "credentialsRef": "file"}
    models = {"lite": {"providers": [{**one, "apiBase": "http://127.0.0.1:1/v1"}]}}
    gateway, caller = await told.start(models, credentialStores=keys_in(file))
    gateway.mock.key = "first-key-1"
    await point_at(gateway, caller)
    assert (await caller.ask(UNARY)).ok
    gateway.mock.key = "second-key-2"
    file.write_text("second-key-2")
    gateway.mock.requests.clear()
    heard = await asyncio.gather(*(caller.ask(way) for way in WAYS * 5))
    assert {one.ok for one in heard} == {True}
    assert len(gateway.mock.requests) <= 2 * len(heard)
    seen = await state(caller)
    assert (seen.state, seen.failed_requests) == (CLOSED, 0)


async def point_at(gateway: Running, caller: Caller) -> None:
    """Moves the route to the mock, whose address is known only now, by a reload."""
    variables: dict[str, str] = gateway.variables  # type: ignore[assignment]
    text = variables["MODEL_DEFINITIONS"].replace("http://127.0.0.1:1/v1", gateway.mock.url)
    variables["MODEL_DEFINITIONS"] = text
    await caller.reload()


# Operators.


async def test_a_reset_lets_calls_through_at_once(told: Told):
    models = {"lite": route(target("a", "mock;error=model_not_found;times=1", **NEVER))}
    _, caller = await told.start(models)
    assert (await caller.ask(UNARY)).code == "upstream_model_not_found"
    assert (await caller.ask(UNARY)).code == "no_available_target"
    await caller.reset("lite", "a")
    for way in WAYS:
        assert (await caller.ask(way)).ok


async def test_what_is_held_open_gets_no_call_and_what_is_held_closed_gets_all(told: Told):
    models = {"lite": route(target("a"), target("b", "mock;status=500", **NEVER), circuitBreaker=SHORT)}
    _, caller = await told.start(models)
    await caller.override("lite", "a", FORCE_OPEN)
    await caller.override("lite", "b", FORCE_CLOSED)
    for _ in range(6):
        assert (await caller.ask(UNARY)).code == "upstream_error"
    assert (await state(caller, "b")).state == CLOSED
    assert (await state(caller, "a")).state == OPEN
    await caller.reset()
    assert (await caller.ask(UNARY)).target == "a"


async def test_an_override_ends_by_itself(told: Told):
    _, caller = await told.start({"lite": route(target("a"))})
    await caller.override("lite", "a", FORCE_OPEN, ttl=0.3)
    assert (await caller.ask(UNARY)).code == "no_available_target"
    await asyncio.sleep(0.35)
    assert (await caller.ask(UNARY)).ok


async def test_a_reload_keeps_what_breakers_know(told: Told):
    models = {"lite": route(target("a", "mock;error=model_not_found", **NEVER), target("b"))}
    gateway, caller = await told.start(models)
    await caller.ask(UNARY)
    before = await state(caller)
    await caller.reload()
    after = await state(caller)
    assert (after.state, after.permanent_trips, after.total_requests) == (OPEN, 1, before.total_requests)
    assert after.last_fault == fault_pb2.FAULT_REASON_UPSTREAM_MODEL_MISSING
    count = len(gateway.mock.requests)
    assert (await caller.ask(UNARY)).target == "b"
    assert len(gateway.mock.requests) == count + 1


# Settings.


async def test_a_breaker_that_is_off_lets_everything_through(told: Told):
    models = {"lite": route(target("a", "mock;status=500", **NEVER), circuitBreaker={"enabled": False})}
    gateway, caller = await told.start(models)
    for _ in range(20):
        assert (await caller.ask(UNARY)).code == "upstream_error"
    assert len(gateway.mock.requests) == 20
    assert (await state(caller)).failed_requests == 20


@pytest.mark.parametrize(
    ("settings", "environ"),
    [
        ({"circuitBreaker": {"permanentFailureHandling": {"enabled": False}}}, {}),
        ({}, {"PERMANENT_FAILURE_ENABLED": "false"}),
    ],
)
async def test_without_permanent_handling_such_failures_count_like_any_other(
    told: Told, settings: dict[str, Any], environ: dict[str, str]
):
    models = {"lite": route(target("a", "mock;error=invalid_api_key", **NEVER), **settings)}
    _, caller = await told.start(models, environ=environ)
    for number in range(1, 5):
        assert (await caller.ask(UNARY)).code == "upstream_auth_failed"
        assert (await state(caller)).consecutive_failures == number
    await caller.ask(UNARY)
    seen = await state(caller)
    assert (seen.state, seen.cause) == (OPEN, admin_pb2.BREAKER_CAUSE_CONSECUTIVE)


async def test_the_ladder_begins_where_the_configuration_says(told: Told):
    breaker = {"permanentFailureHandling": {"baseTimeoutMs": 120000}, "jitter": 0}
    models = {"lite": route(target("a", "mock;error=invalid_api_key", **NEVER), circuitBreaker=breaker)}
    _, caller = await told.start(models)
    await caller.ask(UNARY)
    seen = await state(caller)
    seconds = (seen.next_attempt.ToNanoseconds() - seen.last_fault_at.ToNanoseconds()) / 1e9
    assert seconds == pytest.approx(120.0, abs=0.5)
