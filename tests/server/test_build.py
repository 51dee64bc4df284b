import asyncio
import re
from contextlib import suppress

import grpc
import pytest
from grpc_reflection.v1alpha import reflection_pb2

from switch_grpc.server.build import REFLECTION, GrpcSettings
from switch_grpc.v1 import admin_pb2, chat_pb2, switch_pb2
from tests.support.grpc_calls import HELLO, KEY, channel_to, failure, switch_of, trailers
from tests.support.scripted_backend import chat_reply
from tests.support.scripted_engine import ScriptedEngine, serving

ANY = "/switch.v1.SwitchService/Nothing"


def call(channel: grpc.aio.Channel, method: str, *metadata: tuple[str, str]) -> object:
    return channel.unary_unary(method, None, None)(b"", metadata=metadata)


SERVICES = [
    file.services_by_name[name]
    for file, name in (
        (switch_pb2.DESCRIPTOR, "SwitchService"),
        (admin_pb2.DESCRIPTOR, "AdminService"),
    )
]
METHODS = [f"/{service.full_name}/{method.name}" for service in SERVICES for method in service.methods]


@pytest.mark.parametrize("method", METHODS)
async def test_every_method_of_the_contract_is_served_and_none_without_a_key(method: str):
    async with serving(ScriptedEngine(chat_reply())) as address, channel_to(address) as channel:
        refused = await failure(call(channel, method))
        assert refused.code() is grpc.StatusCode.UNAUTHENTICATED
        answered = channel.unary_stream(method, None, None)(b"", metadata=KEY)
        try:
            async with asyncio.timeout(5):
                await answered.read()
        except grpc.aio.AioRpcError as error:
            assert error.code() is not grpc.StatusCode.UNIMPLEMENTED  # noqa: PT017
        answered.cancel()


@pytest.mark.parametrize(
    "method", [ANY, "/switch.v1.AdminService/Nothing", "/x.Y/Z", f"/{REFLECTION[0]}/ServerReflectionInfo"]
)
async def test_an_unknown_method_is_unimplemented_but_only_for_a_caller_with_a_key(method: str):
    async with serving(ScriptedEngine()) as address, channel_to(address) as channel:
        without = await failure(call(channel, method))
        with_key = await failure(call(channel, method, *KEY))
    assert without.code() is grpc.StatusCode.UNAUTHENTICATED
    assert with_key.code() is grpc.StatusCode.UNIMPLEMENTED
    assert "switch.v1.SwitchService" in str(with_key.details())
    assert "x-request-id" in trailers(with_key)


async def test_a_message_over_the_limit_is_refused_and_one_under_it_is_not():
    engine = ScriptedEngine(chat_reply())
    settings = GrpcSettings(max_message=100_000)

    def request(size: int) -> chat_pb2.ChatRequest:
        return chat_pb2.ChatRequest(
            route="lite", messages=[chat_pb2.Message(role=chat_pb2.ROLE_USER, content="x" * size)]
        )

    async with serving(engine, settings=settings) as address, channel_to(address) as channel:
        await switch_of(channel).Chat(request(99_000), metadata=KEY)
        error = await failure(switch_of(channel).Chat(request(100_001), metadata=KEY))
        await switch_of(channel).Chat(request(1), metadata=KEY)
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert engine.in_flight == 0


async def test_metadata_over_the_limit_is_refused_every_time_and_under_it_never():
    """Between grpc's soft and hard limit refusal would be a matter of chance."""
    big = ("grpc.absolute_max_metadata_size", 1 << 20)
    async with serving(ScriptedEngine(chat_reply())) as address, channel_to(address, big) as channel:
        for _ in range(5):
            await switch_of(channel).Chat(HELLO, metadata=(*KEY, ("x-filler", "x" * 15_000)))
            error = await failure(switch_of(channel).Chat(HELLO, metadata=(*KEY, ("x-filler", "x" * 17_000))))
            assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_calls_over_the_connections_limit_wait_in_the_caller():
    engine = ScriptedEngine(gate := asyncio.Event(), chat_reply())
    settings = GrpcSettings(max_streams=2)
    async with serving(engine, settings=settings) as address, channel_to(address) as channel:
        first = switch_of(channel).Chat(HELLO, metadata=KEY)
        await engine.waiting.wait()  # by now the peer knows the limit
        calls = [first, *(switch_of(channel).Chat(HELLO, metadata=KEY) for _ in range(4))]
        await asyncio.sleep(0.1)
        assert engine.in_flight == 2
        assert not any(call.done() for call in calls)
        gate.set()
        await first


@pytest.mark.parametrize("gzip", [True, False])
async def test_answers_are_compressed_where_the_setting_says_so(gzip: bool):
    reply = chat_reply("aaaa" * 50_000)
    passed = 0

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, count: bool) -> None:
        nonlocal passed
        try:
            while piece := await reader.read(65_536):
                passed += len(piece) if count else 0
                writer.write(piece)
        except ConnectionError:
            pass
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async with serving(ScriptedEngine(reply), settings=GrpcSettings(gzip=gzip)) as address:

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            to_reader, to_writer = await asyncio.open_connection(*address.split(":"))
            await asyncio.gather(
                tunnel(reader, to_writer, count=False), tunnel(to_reader, writer, count=True)
            )
            closed.set()

        closed = asyncio.Event()
        proxy = await asyncio.start_server(accept, "127.0.0.1", 0)
        port = proxy.sockets[0].getsockname()[1]
        async with proxy, channel_to(f"127.0.0.1:{port}") as channel:
            assert await switch_of(channel).Chat(HELLO, metadata=KEY) == reply
        async with asyncio.timeout(5):
            await closed.wait()
    assert (passed < 20_000) is gzip


async def test_compressed_requests_are_understood():
    engine = ScriptedEngine(chat_reply())
    async with serving(engine) as address, channel_to(address) as channel:
        await switch_of(channel).Chat(HELLO, metadata=KEY, compression=grpc.Compression.Gzip)
    assert engine.requests == [HELLO]


@pytest.mark.parametrize("name", REFLECTION)
async def test_reflection_lists_the_services_under_both_its_names(name: str):
    async with (
        serving(ScriptedEngine(), settings=GrpcSettings(reflection=True)) as address,
        channel_to(address) as channel,
    ):
        call = channel.stream_stream(
            f"/{name}/ServerReflectionInfo",
            reflection_pb2.ServerReflectionRequest.SerializeToString,
            reflection_pb2.ServerReflectionResponse.FromString,
        )()
        await call.write(reflection_pb2.ServerReflectionRequest(list_services=""))
        listed = {service.name for service in (await call.read()).list_services_response.service}
        await call.write(
            reflection_pb2.ServerReflectionRequest(file_containing_symbol="switch.v1.SwitchService")
        )
        files = (await call.read()).file_descriptor_response.file_descriptor_proto
        await call.done_writing()
    assert {"switch.v1.SwitchService", "switch.v1.AdminService", "grpc.health.v1.Health"} <= listed
    assert any(re.search(rb"switch_grpc/v1/switch\.proto", file) for file in files)


async def test_a_peer_that_pings_an_idle_connection_too_often_is_cut_off():
    """The library's own defence, on at our interval: pings every 100 ms against one in 300 s."""
    pinging = (
        ("grpc.keepalive_time_ms", 100),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
    )
    async with serving(ScriptedEngine(chat_reply())) as address, channel_to(address, *pinging) as channel:
        await switch_of(channel).Chat(HELLO, metadata=KEY)
        async with asyncio.timeout(10):
            await channel.wait_for_state_change(grpc.ChannelConnectivity.READY)
