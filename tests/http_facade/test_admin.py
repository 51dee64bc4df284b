"""/admin and /metrics: what an operator sees, in the seed's JSON."""

from collections.abc import AsyncGenerator

import httpx
import pytest

from http_facade.admin import named_target
from tests.http_facade.conftest import Door


@pytest.fixture
async def operator(door: Door) -> AsyncGenerator[httpx.AsyncClient, None]:
    headers = {"authorization": "Bearer admin-key"}
    async with httpx.AsyncClient(base_url=door.url, headers=headers, trust_env=False, verify=False) as client:
        yield client


async def test_status_is_by_model_and_provider_as_in_the_seed(operator: httpx.AsyncClient) -> None:
    status = (await operator.get("/admin/providers/status")).json()
    assert list(status) == ["qwen3-0.6b-runpod-primary", "qwen3-0.6b-backup"]
    assert status["qwen3-0.6b-runpod-primary"] == {
        "state": "closed",
        "metrics": {
            "totalRequests": 1247,
            "successfulRequests": 1198,
            "failedRequests": 49,
            "averageResponseTime": 850,
            "errorRate": 3.93,
            "averageTimeToFirstByte": 120.5,
        },
        "model": "qwen3-0.6b",
        "providerName": "runpod-primary",
        "provider": "runpod",
        "modelName": "Qwen/Qwen3-0.6B",
        "inFlight": 0,
        "consecutiveFailures": 0,
        "permanentTrips": 0,
        "health": "unknown",
    }


async def test_an_open_breaker_says_why_and_until_when(operator: httpx.AsyncClient) -> None:
    status = (await operator.get("/admin/providers/status")).json()["qwen3-0.6b-backup"]
    assert (status["state"], status["cause"], status["permanentTrips"]) == ("half_open", "permanent", 2)
    assert status["nextAttempt"] == "2025-10-09T08:53:20Z"
    assert status["lastFault"] == {
        "reason": "UPSTREAM_AUTH",
        "message": "the gateway's credential was refused",
        "at": "2025-10-09T08:53:20Z",
    }
    assert status["override"] == {"mode": "force_open", "until": None}


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("lite/a", ("lite", "a")),
        ("team/lite/a", ("team/lite", "a")),
        ("team%2Flite/a", ("team/lite", "a")),
        ("team/lite/eu%2Fa", ("team/lite", "eu/a")),
        ("a%20b/%C3%BC", ("a b", "ü")),
        ("reset/reset", ("reset", "reset")),
    ],
)
async def test_reset_names_a_target_whatever_its_name(
    door: Door, operator: httpx.AsyncClient, path: str, named: tuple[str, str]
) -> None:
    answer = await operator.post(f"/admin/providers/{path}/reset")
    assert answer.status_code == 200
    assert door.backend.resets == [named]
    assert answer.json()["qwen3-0.6b-runpod-primary"]["state"] == "closed"


async def test_reset_of_what_is_not_there_is_404(operator: httpx.AsyncClient) -> None:
    answer = await operator.post("/admin/providers/missing/a/reset")
    assert (answer.status_code, "known: lite" in answer.text) == (404, True)


def test_without_a_raw_path_the_decoded_one_serves() -> None:
    assert named_target(None, {"model": "x/y", "provider": "a"}) == ("x/y", "a")


async def test_metrics_are_the_text_that_was_given(operator: httpx.AsyncClient) -> None:
    answer = await operator.get("/metrics")
    assert (answer.text, answer.headers["content-type"]) == ("up 1\n", "text/plain; version=0.0.4")
