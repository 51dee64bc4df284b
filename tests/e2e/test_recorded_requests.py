"""Requests that clients really sent reach a provider with OpenAI's API as they came in at the front door."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.gateway import KEY, Running, route, running
from tests.support.json_values import differences, exact
from tests.support.wire_corpus import exchanges, recorded

pytestmark = recorded

FILES = {"openai-chat.jsonl": "/v1/chat/completions", "openai-embeddings.jsonl": "/v1/embeddings"}


def requests(name: str) -> Iterator[dict[str, Any]]:
    for exchange in exchanges(name):
        if exchange["request"]:
            yield json.loads(exchange["request"])


def expected(body: dict[str, Any]) -> dict[str, Any]:
    """What arrives: under the target's model name, with usage asked for in streams, defaults left out."""
    body = {**body, "model": "m-1"}
    if body.get("stream"):
        body["stream_options"] = {**body.get("stream_options", {}), "include_usage": True}
    else:
        body.pop("stream", None)
    for tool in body.get("tools", ()):
        tool.setdefault("type", "function")  # which Mistral's client leaves out
    return body


async def arrived(gateway: Running, client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> bytes:
    """What the provider got. It may refuse it, as what is of other vendors: what counts is what came."""
    gateway.mock.reset()
    await client.post(path, content=json.dumps({**body, "model": "m"}))
    (request,) = gateway.mock.requests
    return request.body


@pytest.mark.parametrize(("name", "count"), [("openai-chat.jsonl", 215), ("openai-embeddings.jsonl", 4)])
async def test_every_recorded_request_reaches_the_provider_equal_in_value(name: str, count: int) -> None:
    target = {"name": "a", "provider": "mock", "modelName": "m-1", "maxRetries": 0}
    served = running({"m": route(target, circuitBreaker={"enabled": False})})
    seen = 0
    async with served as gateway, httpx.AsyncClient(base_url=gateway.http) as client:
        client.headers["x-api-key"] = KEY
        for body in requests(name):
            came = await arrived(gateway, client, FILES[name], body)
            assert list(differences(exact(json.dumps(expected(body))), exact(came))) == []
            seen += 1
    assert seen == count
