import asyncio

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from switch_grpc.server.build import health_of_services
from tests.support.scripted_engine import ScriptedEngine, serving

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


async def check(stub: health_pb2_grpc.HealthStub, service: str) -> int:
    return (await stub.Check(health_pb2.HealthCheckRequest(service=service))).status


async def test_health_needs_no_key_and_answers_per_service_until_the_drain():
    health = health_of_services()
    async with (
        serving(ScriptedEngine(), health=health) as address,
        grpc.aio.insecure_channel(address) as channel,
    ):
        stub = health_pb2_grpc.HealthStub(channel)
        names = ("", "switch.v1.SwitchService", "switch.v1.AdminService")
        assert [await check(stub, name) for name in names] == [SERVING] * 3
        health.drain()
        assert [await check(stub, name) for name in names] == [NOT_SERVING] * 3


async def test_an_unknown_service_is_not_found():
    async with serving(ScriptedEngine()) as address, grpc.aio.insecure_channel(address) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await check(health_pb2_grpc.HealthStub(channel), "nobody")
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_a_watch_is_told_of_the_drain_and_ends():
    """A watch that stayed open would keep the server from stopping before its grace is over."""
    health = health_of_services()
    async with (
        serving(ScriptedEngine(), health=health) as address,
        grpc.aio.insecure_channel(address) as channel,
    ):
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service=""))
        states = [(await watch.read()).status]
        health.drain()
        async with asyncio.timeout(5):
            states += [reply.status async for reply in _rest(watch)]
    assert states == [SERVING, NOT_SERVING]


async def _rest(call):
    while (reply := await call.read()) is not grpc.aio.EOF:
        yield reply


async def test_a_watch_of_an_unknown_service_says_so_and_stays_open():
    async with serving(ScriptedEngine()) as address, grpc.aio.insecure_channel(address) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service="nobody"))
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
        assert not watch.done()
        watch.cancel()
