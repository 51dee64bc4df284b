"""What operators see of a running engine."""

import asyncio

from switch_grpc.engine.control import WATCH_BACKLOG
from switch_grpc.events import ConfigReloaded
from switch_grpc.v1 import admin_pb2
from tests.support.engines import story

DRAINING = admin_pb2.GatewayStatus.STATE_DRAINING
RELOADED = ConfigReloaded(version="v", source="s", problems=0)


async def words(watch: object) -> list[str]:
    """What a watcher is told until its watch ends: the kind of each event."""
    async with asyncio.timeout(5):
        return [event.WhichOneof("event") async for event in watch]  # type: ignore[attr-defined]


async def test_a_watch_tells_of_the_drain_and_ends_when_calls_are_refused():
    """Else it holds the drain up until the open calls are cut."""
    engine = story({"a": []}).engine
    watch = engine.control.watch("", "")
    assert (await anext(watch)).HasField("snapshot")
    engine.begin_drain()
    assert (await anext(watch)).gateway.state == DRAINING
    engine.refuse_calls()
    engine.refuse_calls()
    assert await words(watch) == []


async def test_a_watch_that_is_behind_gets_what_it_waits_for_and_then_ends():
    engine = story({"a": []}).engine
    watch = engine.control.watch("", "")
    await anext(watch)
    for _ in range(2 * WATCH_BACKLOG):
        engine.emit(RELOADED)
    engine.begin_drain()
    engine.refuse_calls()
    assert await words(watch) == ["gateway"] * (WATCH_BACKLOG - 1) + ["snapshot", "gateway"]


async def test_who_watches_a_gateway_that_refuses_calls_gets_the_status_once():
    engine = story({"a": []}).engine
    engine.refuse_calls()
    assert await words(engine.control.watch("", "")) == ["snapshot"]
