"""Reloads: what becomes of the configuration, and what operators are told of it."""

import hashlib
import json
from pathlib import Path

import httpx
import pytest

from tests.support.gateway import KEY, Running, route, running, target

BROKEN = '{"models": {"lite": {}}}'
VERSION = hashlib.sha256(BROKEN.encode()).hexdigest()[:12]


async def samples(gateway: Running, metric: str) -> list[str]:
    """The metric's lines of a scrape."""
    async with httpx.AsyncClient(headers={"x-api-key": KEY}) as client:
        text = (await client.get(f"{gateway.http}/metrics")).text
    return [line for line in text.splitlines() if line.startswith(metric)]


async def reloads(gateway: Running) -> list[str]:
    return await samples(gateway, "switch_config_reloads_total")


async def test_a_configuration_that_is_refused_is_told_with_its_version_until_one_is_taken():
    async with running({"lite": route(target("one"))}) as gateway:
        good = gateway.variables["MODEL_DEFINITIONS"]
        gateway.variables["MODEL_DEFINITIONS"] = BROKEN
        told = await gateway.gateway.reload(dry_run=False)
        assert [problem.path for problem in told.problems] == ["models.lite"]
        assert (told.config.version, told.config.rejected_version) == (
            hashlib.sha256(good.encode()).hexdigest()[:12],
            VERSION,
        )
        assert told.config.rejected_reason.startswith("models.lite: found ")
        assert await reloads(gateway) == ['switch_config_reloads_total{outcome="refused"} 1.0']
        gateway.variables["MODEL_DEFINITIONS"] = good
        told = await gateway.gateway.reload(dry_run=False)
        assert (told.config.rejected_version, told.config.rejected_reason) == ("", "")


async def test_what_is_no_configuration_at_all_is_refused_with_a_place_too():
    async with running({"lite": route(target("one"))}) as gateway:
        gateway.variables["MODEL_DEFINITIONS"] = '{"models": '
        told = await gateway.gateway.reload(dry_run=False)
        assert told.config.rejected_reason.startswith("the whole file: found ")


async def test_a_dry_run_tells_the_problems_and_changes_nothing():
    async with running({"lite": route(target("one"))}) as gateway:
        gateway.variables["MODEL_DEFINITIONS"] = BROKEN
        told = await gateway.gateway.reload(dry_run=True)
        assert [problem.path for problem in told.problems] == ["models.lite"]
        assert (told.config.rejected_version, told.config.rejected_reason) == ("", "")
        assert await reloads(gateway) == []


async def test_the_breakers_of_all_targets_are_in_the_metrics_and_after_a_reload_those_of_the_new():
    def line(name: str) -> str:
        return f'switch_breaker_state{{route="lite",target="{name}"}} 0.0'

    async with running({"lite": route(target("one"), target("two"))}) as gateway:
        assert await samples(gateway, "switch_breaker_state") == [line("one"), line("two")]
        variables = gateway.variables
        variables["MODEL_DEFINITIONS"] = variables["MODEL_DEFINITIONS"].replace('"two"', '"three"')
        await gateway.gateway.reload(dry_run=False)
        assert await samples(gateway, "switch_breaker_state") == [line("one"), line("three")]


async def test_a_file_that_breaks_between_check_and_use_is_a_problem_and_the_old_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "ca.pem").write_text("no certificate")
    monkeypatch.setattr("switch_grpc.config.source.file_problems", lambda *_: ())
    async with running({"lite": route(target("one"))}) as gateway:
        definitions = json.loads(gateway.variables["MODEL_DEFINITIONS"])
        definitions["egress"] = {"caFile": str(tmp_path / "ca.pem")}
        gateway.variables["MODEL_DEFINITIONS"] = json.dumps(definitions)
        told = await gateway.gateway.reload(dry_run=False)
        assert [problem.path for problem in told.problems] == ["egress.caFile"]
        assert told.config.rejected_reason.startswith("egress.caFile: ")
        assert await reloads(gateway) == ['switch_config_reloads_total{outcome="refused"} 1.0']
