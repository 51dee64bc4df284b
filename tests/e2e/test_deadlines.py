"""One budget of time over everything that a call goes through, by both doors."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.support.callers import WAYS, Caller, Heard, Way, calling
from tests.support.gateway import KEY, Running, route, running, target

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timing]

HANG = "mock;fault=hang"
MODELS: dict[str, Any] = {
    "stalled": route(target("a", HANG), target("b", HANG), target("c", HANG)),
    "stalls midway": route(target("a", "mock;fault=stall;after=2")),
    "one stalls": route(target("a", HANG), target("b")),
    "slow": route(target("a", "mock;delay=600")),
    "own limit": route(target("a", HANG), timeouts={"maxTotalMs": 1200}),
    "own timers": route(target("a", HANG, timeout=1000, maxRetries=0), target("b", "mock;delay=100")),
    "drips": route(target("a", "mock;chunks=40;gap=100")),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway() -> AsyncIterator[Running]:
    async with running(MODELS) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def caller(gateway: Running) -> AsyncIterator[Caller]:
    async with calling(gateway) as made:
        for way in WAYS:  # connections are there, and code is warm
            await made.ask(way, "one stalls", seconds=0.5)
        yield made


async def timed(caller: Caller, way: Way, name: str, **options: Any) -> tuple[Heard, float]:
    started = time.monotonic()
    heard = await caller.ask(way, name, **options)
    return heard, time.monotonic() - started


def is_deadline(way: Way, heard: Heard) -> bool:
    """By gRPC the caller's own runtime may end the call first."""
    if way.door == "grpc":
        return heard.grpc == "DEADLINE_EXCEEDED"
    return (heard.http, heard.code) == (504, "deadline_exceeded")


async def test_two_seconds_over_three_stalled_targets_end_after_two_seconds(gateway: Running, caller: Caller):
    gateway.mock.reset()
    ended = await asyncio.gather(*(timed(caller, way, "stalled", seconds=2.0) for way in WAYS))
    for way, (heard, seconds) in zip(WAYS, ended, strict=True):
        assert is_deadline(way, heard), (way, heard)
        assert seconds == pytest.approx(2.0, abs=0.15), way
    assert len(gateway.mock.requests) == 3 * len(WAYS), "each of the three was asked by each call"
    for seen in await caller.status("stalled"):
        assert (seen.failed_requests, seen.consecutive_failures) == (0, 0), "haste blames no target"


async def test_a_stalled_target_leaves_time_for_the_next(caller: Caller):
    ended = await asyncio.gather(*(timed(caller, way, "one stalls", seconds=1.5) for way in WAYS))
    for way, (heard, seconds) in zip(WAYS, ended, strict=True):
        assert (heard.ok, heard.target) == (True, "b"), way
        assert seconds == pytest.approx(0.9, abs=0.2)


async def test_the_deadline_holds_within_a_stream(caller: Caller):
    for way in WAYS:
        if not way.stream:
            continue
        heard, seconds = await timed(caller, way, "drips", seconds=1.0)
        assert 0.85 < seconds < 1.25
        assert heard.text
        assert heard.code == "deadline_exceeded" or heard.grpc == "DEADLINE_EXCEEDED"


async def test_a_routes_own_limit_binds_callers_without_a_deadline(caller: Caller):
    ended = await asyncio.gather(*(timed(caller, way, "own limit") for way in WAYS))
    for way, (heard, seconds) in zip(WAYS, ended, strict=True):
        assert is_deadline(way, heard), way
        assert seconds == pytest.approx(1.2, abs=0.2)


async def test_a_targets_own_time_blames_it_and_moves_on(caller: Caller):
    ended = await asyncio.gather(*(timed(caller, way, "own timers") for way in WAYS))
    for _, (heard, seconds) in zip(WAYS, ended, strict=True):
        assert (heard.ok, heard.target) == (True, "b")
        assert seconds == pytest.approx(1.1, abs=0.25)
    (seen,) = await caller.status("own timers", "a")
    assert seen.failed_requests == len(WAYS)


@pytest.mark.parametrize("seconds", [0.001, 0.05])
async def test_too_little_time_asks_nobody(gateway: Running, caller: Caller, seconds: float):
    gateway.mock.reset()
    for way in WAYS:
        assert is_deadline(way, await caller.ask(way, "slow", seconds=seconds)), way
    assert gateway.mock.requests == []


async def test_an_sdks_patience_bounds_a_whole_answer_and_a_streams_first_byte(gateway: Running):
    """OpenAI's SDKs tell their read timeout; nobody reads what comes after it."""
    headers = {"x-api-key": KEY, "x-stainless-read-timeout": "0.3"}
    request = {"model": "slow", "messages": [{"role": "user", "content": "Hello"}]}
    async with httpx.AsyncClient(base_url=gateway.http, headers=headers) as client:
        for stream in (False, True):
            started = time.monotonic()
            answer = await client.post("/v1/chat/completions", json={**request, "stream": stream})
            assert (answer.status_code, answer.json()["error"]["code"]) == (504, "deadline_exceeded")
            assert time.monotonic() - started == pytest.approx(0.3, abs=0.15)
        drips = {**request, "model": "drips", "stream": True}
        async with client.stream("POST", "/v1/chat/completions", json=drips) as answer:
            text = "".join([line async for line in answer.aiter_lines()])
        assert "[DONE]" in text, "once content comes, patience has no more to do with it"
