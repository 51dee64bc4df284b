"""GET /v1/models and /v1/models/{id}."""

import pytest

from tests.http_facade.conftest import Door

LISTED = {
    "id": "team/lite",
    "object": "model",
    "created": 1_760_000_000,
    "owned_by": "switch",
    "switch": {
        "strategy": "priority-based",
        "aliases": ["lite"],
        "targets": [{"name": "a", "provider": "openai", "model": "gpt-x", "priority": 1, "weight": 1.0}],
    },
}


async def test_routes_are_listed_as_models(door: Door) -> None:
    answer = await door.client.get("/v1/models")
    assert answer.json() == {"object": "list", "data": [LISTED]}


@pytest.mark.parametrize("name", ["team/lite", "team%2Flite", "lite"])
async def test_one_route_is_found_by_name_or_alias(door: Door, name: str) -> None:
    answer = await door.client.get(f"/v1/models/{name}")
    assert (answer.status_code, answer.json()) == (200, LISTED)


@pytest.mark.parametrize("name", ["other", "team", "team/lite/", "%00", "{id:path}", "%F0%9F%98%80"])
async def test_an_unknown_route_is_404(door: Door, name: str) -> None:
    answer = await door.client.get(f"/v1/models/{name}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")
