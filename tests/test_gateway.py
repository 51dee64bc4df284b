"""Reloads: what becomes of the configuration, and what operators are told of it."""

import hashlib

import httpx

from tests.support.gateway import KEY, Running, route, running, target

BROKEN = '{"models": {"lite": {}}}'
VERSION = hashlib.sha256(BROKEN.encode()).hexdigest()[:12]


async def reloads(gateway: Running) -> list[str]:
    """What the metrics count of reloads."""
    async with httpx.AsyncClient(headers={"x-api-key": KEY}) as client:
        text = (await client.get(f"{gateway.http}/metrics")).text
    return [line for line in text.splitlines() if line.startswith("switch_config_reloads_total")]


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


async def test_a_dry_run_tells_the_problems_and_changes_nothing():
    async with running({"lite": route(target("one"))}) as gateway:
        gateway.variables["MODEL_DEFINITIONS"] = BROKEN
        told = await gateway.gateway.reload(dry_run=True)
        assert [problem.path for problem in told.problems] == ["models.lite"]
        assert (told.config.rejected_version, told.config.rejected_reason) == ("", "")
        assert await reloads(gateway) == []
