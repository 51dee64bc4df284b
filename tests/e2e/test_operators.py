"""Operators get through when callers do not."""

import asyncio
import time

import httpx
import pytest

from tests.support.gateway import KEY, route, running, target

pytestmark = pytest.mark.timing

ASK = {"model": "lite", "messages": [{"role": "user", "content": "Hello"}]}
HEADERS = {"x-api-key": KEY}


async def test_a_full_gateway_turns_callers_away_and_still_answers_operators():
    models = {"lite": route(target("one", "mock;fault=hang"))}
    limits = {"maxInFlight": 1, "queue": 0, "queueWaitMs": 1}
    async with running(models, limits=limits) as gateway, httpx.AsyncClient(headers=HEADERS) as client:
        url = f"{gateway.http}/v1/chat/completions"
        held = asyncio.create_task(client.post(url, json=ASK))
        await gateway.mock.until(lambda: bool(gateway.mock.requests))
        refused = await client.post(url, json=ASK)
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "gateway_overloaded")
        assert 1 <= int(refused.headers["retry-after"]) <= 5
        for path in ("/health", "/livez", "/readyz", "/metrics", "/admin/providers/status"):
            began = time.perf_counter()
            answer = await client.get(gateway.http + path)
            assert answer.status_code == 200, path
            assert time.perf_counter() - began < 1.0
        held.cancel()
        await asyncio.gather(held, return_exceptions=True)


def _gauge(text: str, name: str) -> float:
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(f"{name} "))


async def test_the_metrics_tell_of_tasks_so_that_a_leak_shows():
    """A call that hangs is at least one task; when it is over, as many are left as before."""
    models = {"lite": route(target("one", "mock;fault=hang"))}
    async with running(models) as gateway, httpx.AsyncClient(headers=HEADERS) as operator:

        async def tasks() -> float:
            return _gauge((await operator.get(f"{gateway.http}/metrics")).text, "switch_tasks")

        before = await tasks()
        async with httpx.AsyncClient(headers=HEADERS) as client:
            held = asyncio.create_task(client.post(f"{gateway.http}/v1/chat/completions", json=ASK))
            await gateway.mock.until(lambda: bool(gateway.mock.requests))
            assert await tasks() >= before + 2  # `held`, and the gateway's own
            held.cancel()
            await asyncio.gather(held, return_exceptions=True)
        await gateway.mock.until(lambda: gateway.mock.requests[-1].closed_at is not None)
        async with asyncio.timeout(5.0):
            while await tasks() > before:
                pass
