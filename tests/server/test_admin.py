import asyncio

import grpc
import pytest

from switch_grpc.v1 import admin_pb2
from tests.support.grpc_calls import KEY, admin_of, channel_to, failure
from tests.support.scripted_backend import STATUS, TRIPPED
from tests.support.scripted_engine import SNAPSHOT, ScriptedEngine, serving

READING = {
    "GetStatus": admin_pb2.GetStatusRequest(),
    "WatchStatus": admin_pb2.WatchStatusRequest(),
    "ExplainRoute": admin_pb2.ExplainRouteRequest(route="lite", sticky_key="s"),
}
CHANGING = {
    "ResetBreaker": admin_pb2.ResetBreakerRequest(route="lite", target="a"),
    "OverrideBreaker": admin_pb2.OverrideBreakerRequest(route="lite", target="a", mode=1, ttl=60),
    "ReloadConfig": admin_pb2.ReloadConfigRequest(dry_run=True),
}


async def test_every_method_answers_with_what_the_engine_says():
    async with serving(ScriptedEngine()) as address, channel_to(address) as channel:
        admin = admin_of(channel)
        status = await admin.GetStatus(READING["GetStatus"], metadata=KEY)
        explained = await admin.ExplainRoute(READING["ExplainRoute"], metadata=KEY)
        reset = await admin.ResetBreaker(CHANGING["ResetBreaker"], metadata=KEY)
        held = await admin.OverrideBreaker(CHANGING["OverrideBreaker"], metadata=KEY)
        reloaded = await admin.ReloadConfig(CHANGING["ReloadConfig"], metadata=KEY)
    assert list(status.targets) == [STATUS, TRIPPED]
    assert (explained.route, explained.strategy) == ("lite", "s")
    assert list(reset.targets) == [STATUS]
    assert (held.target.override.mode, held.target.override.until.seconds) == (1, 60)
    assert reloaded.problems[0].warning


async def test_a_watch_streams_events_and_ends_with_its_caller():
    changed = admin_pb2.StatusEvent(target=TRIPPED)
    engine = ScriptedEngine(events=(SNAPSHOT, changed))
    async with serving(engine) as address, channel_to(address) as channel:
        call = admin_of(channel).WatchStatus(READING["WatchStatus"], metadata=KEY)
        assert [await call.read(), await call.read()] == [SNAPSHOT, changed]
        call.cancel()
        await asyncio.wait_for(engine.stopped.wait(), 5)


@pytest.mark.parametrize("name", sorted(READING.keys() | CHANGING.keys()))
async def test_changing_needs_more_than_reading_and_both_more_than_inference(name: str):
    request = (READING | CHANGING)[name]
    denied, unknown = grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED

    async def code(*metadata: tuple[str, str]) -> grpc.StatusCode:
        return (await failure(getattr(admin_of(channel), name)(request, metadata=metadata))).code()

    async with serving(ScriptedEngine()) as address, channel_to(address) as channel:
        assert await code() is unknown
        assert await code(("x-api-key", "wrong")) is unknown
        assert await code(("x-api-key", "inference-key")) is denied
        if name in CHANGING:
            assert await code(("x-api-key", "reader-key")) is denied


async def test_a_fault_of_the_engine_is_a_status():
    async with serving(ScriptedEngine()) as address, channel_to(address) as channel:
        request = admin_pb2.ResetBreakerRequest(route="missing")
        error = await failure(admin_of(channel).ResetBreaker(request, metadata=KEY))
    assert (error.code(), error.details()) == (grpc.StatusCode.NOT_FOUND, 'no route "missing"; known: lite')
