"""What the configuration says of the listeners is what callers meet."""

import asyncio
from pathlib import Path
from typing import Any

import grpc.aio
import httpx
import pytest

from switch_grpc import doors
from switch_grpc.config.listen import Address
from switch_grpc.server import listen
from switch_grpc.server.signals import Stop
from switch_grpc.v1 import admin_pb2, admin_pb2_grpc, chat_pb2, switch_pb2, switch_pb2_grpc
from tests.support.gateway import KEY, Running, channel, route, running, target

MODELS = {"lite": route(target("one"))}
HEADERS = {"x-api-key": KEY}
METADATA = [("x-api-key", KEY)]


def hello(size: int = 1) -> chat_pb2.ChatRequest:
    message = chat_pb2.Message(role=chat_pb2.ROLE_USER, content="x" * size)
    return chat_pb2.ChatRequest(route="lite", messages=[message])


def stub(made: grpc.aio.Channel) -> Any:
    return switch_pb2_grpc.SwitchServiceStub(made)  # type: ignore[no-untyped-call]


def operators(made: grpc.aio.Channel) -> Any:
    return admin_pb2_grpc.AdminServiceStub(made)  # type: ignore[no-untyped-call]


async def refused(address: str) -> bool:
    """Whether nobody listens there."""
    host, _, port = address.rpartition(":")
    try:
        _, writer = await asyncio.open_connection(host, int(port))
    except ConnectionRefusedError:
        return True
    writer.close()
    return False


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


PUBLIC = ("/v1/models",)
OPERATORS = ("/metrics", "/admin/providers/status")
BOTH = ("/health", "/livez", "/readyz")


async def test_operators_with_a_listener_of_their_own_are_served_there_and_nowhere_else():
    async with running(MODELS, admin={"listen": "127.0.0.1:0"}) as gateway:
        async with httpx.AsyncClient(headers=HEADERS) as client:
            for address, here, elsewhere in (
                (gateway.gateway.http_address, PUBLIC, OPERATORS),
                (gateway.gateway.admin_address, OPERATORS, PUBLIC),
            ):
                found = {
                    path: (await client.get(f"http://{address}{path}")).status_code
                    for path in (*here, *BOTH, *elsewhere)
                }
                assert found == dict.fromkeys((*here, *BOTH), 200) | dict.fromkeys(elsewhere, 404)
        async with channel(gateway) as made:
            await stub(made).Chat(hello(), metadata=METADATA)
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await operators(made).GetStatus(admin_pb2.GetStatusRequest(), metadata=METADATA)
            assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_operators_without_one_are_served_at_both_doors():
    async with running(MODELS) as gateway, channel(gateway) as made:
        assert gateway.gateway.admin_address == ""
        assert [await status_of(gateway, path) for path in (*PUBLIC, *OPERATORS, *BOTH)] == [200] * 6
        await operators(made).GetStatus(admin_pb2.GetStatusRequest(), metadata=METADATA)


async def test_operators_own_listener_asks_for_their_keys():
    async with (
        running(MODELS, admin={"listen": "127.0.0.1:0"}, environ={"API_KEYS": "callers-key"}) as gateway,
        httpx.AsyncClient(base_url=f"http://{gateway.gateway.admin_address}") as client,
    ):
        for path in OPERATORS:
            assert (await client.get(path)).status_code == 401
            assert (await client.get(path, headers={"x-api-key": "callers-key"})).status_code == 403


async def test_a_taken_listener_of_the_operators_leaves_the_public_one_free(tmp_path: Path):
    public = tmp_path / "public.sock"
    with listen.tcp("127.0.0.1", 0) as taken:
        addresses = [Address(path=str(public)), Address("127.0.0.1", taken.getsockname()[1])]
        with pytest.raises(listen.ListenError):
            doors.bound(addresses, 0o600)
    assert not public.exists()


async def test_operators_can_watch_the_drain_to_its_end():
    async with running(
        {"lite": route(target("one", "mock;fault=hang"))}, admin={"listen": "127.0.0.1:0"}
    ) as gateway:
        stop = Stop()
        async with httpx.AsyncClient(headers=HEADERS) as client:
            ask = {"model": "lite", "messages": [{"role": "user", "content": "Hello"}]}
            held = asyncio.create_task(client.post(f"{gateway.http}/v1/chat/completions", json=ask))
            await gateway.mock.until(lambda: bool(gateway.mock.requests))
            draining = asyncio.create_task(gateway.gateway._drain(stop))
            async with asyncio.timeout(10):
                while not await refused(gateway.gateway.http_address):  # noqa: ASYNC110  # a port has no event
                    await asyncio.sleep(0.01)
            answer = await client.get(f"http://{gateway.gateway.admin_address}/admin/providers/status")
            assert answer.status_code == 200
            assert not draining.done()
            stop.at_once.set()
            await draining
            held.cancel()
            await asyncio.gather(held, return_exceptions=True)


async def test_a_connection_past_its_age_is_given_up_by_the_gateway():
    async with (
        running(MODELS, server={"grpcOptions": {"maxConnectionAgeMs": 200}}) as gateway,
        channel(gateway) as made,
    ):
        await stub(made).ListModels(switch_pb2.ListModelsRequest(), metadata=METADATA)
        async with asyncio.timeout(10):
            await made.wait_for_state_change(grpc.ChannelConnectivity.READY)
