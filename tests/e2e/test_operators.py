"""Operators get through when callers do not."""

import asyncio
import time

import httpx

from tests.support.gateway import KEY, route, running, target

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
