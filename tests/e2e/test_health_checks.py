"""Active checks in a gateway that serves: free requests on a real socket, and what operators see of them."""

import asyncio
from typing import Any

from switch_grpc.v1 import admin_pb2
from tests.support.callers import Caller, calling
from tests.support.gateway import route, running, target

OFTEN = {"intervalMs": 1000, "timeoutMs": 500, "retries": 1}
DOWN = "http://127.0.0.1:9/v1"  # where nothing listens


def checked(name: str, base: str = DOWN) -> dict[str, Any]:
    return {**target(name), "provider": "custom", "apiBase": base, "healthCheck": OFTEN}


async def health(caller: Caller, name: str, expected: int) -> admin_pb2.TargetStatus:
    """The target's status, once its health is what is expected."""
    for _ in range(100):
        (seen,) = await caller.status("lite", name)
        if seen.health == expected:
            return seen
        await asyncio.sleep(0.05)
    raise AssertionError(f"{name} never is {admin_pb2.Health.Name(expected)}: {seen}")  # type: ignore[arg-type]


async def test_checks_tell_of_targets_that_nobody_asked_and_end_with_the_gateway():
    models = {"lite": route(checked("down"), checked("up", "http://127.0.0.1:8/v1"))}
    async with running(models) as gateway, calling(gateway) as caller:
        # The mock's address is known only now, and a reload is a part of what is tested.
        variables: dict[str, str] = gateway.variables  # type: ignore[assignment]
        variables["MODEL_DEFINITIONS"] = variables["MODEL_DEFINITIONS"].replace(
            "http://127.0.0.1:8/v1", gateway.mock.url
        )
        await caller.reload()
        seen = await health(caller, "up", admin_pb2.HEALTH_HEALTHY)
        assert seen.total_requests == 0
        seen = await health(caller, "down", admin_pb2.HEALTH_UNHEALTHY)
        assert (seen.consecutive_failures, seen.failed_requests) == (0, 0), "breakers do not hear of it"
        assert {(each.method, each.path) for each in gateway.mock.requests} == {("GET", "/v1/models")}
        mock = gateway.mock
    assert mock.open_connections == 0


async def test_no_check_is_made_where_they_are_off():
    off = {**checked("a"), "healthCheck": {**OFTEN, "enabled": False}}
    async with running({"lite": route(off)}) as gateway, calling(gateway) as caller:
        await asyncio.sleep(1.2)
        (seen,) = await caller.status("lite", "a")
        assert seen.health == admin_pb2.HEALTH_UNSPECIFIED
        assert gateway.mock.requests == []
