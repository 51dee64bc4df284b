"""What the configuration says of the listeners is what callers meet."""

import asyncio
from typing import Any

import grpc.aio
import httpx
import pytest

from switch_grpc.v1 import chat_pb2, switch_pb2, switch_pb2_grpc
from tests.support.gateway import KEY, Running, channel, route, running, target

MODELS = {"lite": route(target("one"))}
HEADERS = {"x-api-key": KEY}
METADATA = [("x-api-key", KEY)]


def hello(size: int = 1) -> chat_pb2.ChatRequest:
    message = chat_pb2.Message(role=chat_pb2.ROLE_USER, content="x" * size)
    return chat_pb2.ChatRequest(route="lite", messages=[message])


def stub(made: grpc.aio.Channel) -> Any:
    return switch_pb2_grpc.SwitchServiceStub(made)  # type: ignore[no-untyped-call]


async def status_of(gateway: Running, path: str = "/health", **headers: str) -> int:
    async with httpx.AsyncClient(headers=HEADERS) as client:
        return (await client.get(gateway.http + path, headers=headers)).status_code


async def test_only_allowed_hosts_are_served():
    async with running(MODELS, server={"allowedHosts": ["Switch.example.com", "*.local"]}) as gateway:
        found = {
            host: await status_of(gateway, host=host)
            for host in ("switch.example.com", "SWITCH.example.com:80", "a.local", "example.com", "127.0.0.1")
        }
    assert list(found.values()) == [200, 200, 200, 400, 400]


async def test_a_body_over_the_limit_is_refused_on_either_door():
    server = {"maxBodyBytes": 2000, "grpcOptions": {"maxMessageBytes": 3000}}
    async with running(MODELS, server=server) as gateway:
        async with httpx.AsyncClient(headers=HEADERS) as client:
            for size, status in ((1500, 200), (2500, 413)):
                ask = {"model": "lite", "messages": [{"role": "user", "content": "x" * size}]}
                answer = await client.post(f"{gateway.http}/v1/chat/completions", json=ask)
                assert answer.status_code == status
        async with channel(gateway) as made:
            await stub(made).Chat(hello(2500), metadata=METADATA)
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await stub(made).Chat(hello(3500), metadata=METADATA)
            assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_connection_past_its_age_is_given_up_by_the_gateway():
    async with (
        running(MODELS, server={"grpcOptions": {"maxConnectionAgeMs": 200}}) as gateway,
        channel(gateway) as made,
    ):
        await stub(made).ListModels(switch_pb2.ListModelsRequest(), metadata=METADATA)
        async with asyncio.timeout(10):
            await made.wait_for_state_change(grpc.ChannelConnectivity.READY)
