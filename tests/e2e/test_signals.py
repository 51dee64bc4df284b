"""What SIGTERM, SIGINT and SIGHUP do to a gateway and to the calls that are open."""

import json
import signal
import time
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from switch_grpc.mock.server import MockServer
from switch_grpc.v1 import admin_pb2, admin_pb2_grpc, chat_pb2
from tests.support.commands import serving
from tests.support.faulted import reason
from tests.support.open_calls import (
    HELLO,
    METADATA,
    config,
    opened,
    read_on,
    refuses,
    rest,
    stub_of,
    until_status,
    whole,
)
from tests.support.raw_http import ask, chat, connected

pytestmark = pytest.mark.timing


async def test_sigterm_lets_open_streams_finish_refuses_new_calls_and_exits_0(
    tmp_path: Path, mock: MockServer
):
    async with serving(config(tmp_path, mock)) as served, connected(served.http) as connection:
        await opened(served, connection)
        async with stub_of(served.grpc) as stub:
            stream = stub.StreamChat(chat_pb2.ChatRequest(route="slow", messages=[HELLO]), metadata=METADATA)
            assert await stream.read() is not grpc.aio.EOF
            served.command.send(signal.SIGTERM)
            await refuses(served.http)
            call = stub.Chat(chat_pb2.ChatRequest(route="lite", messages=[HELLO]), metadata=METADATA)
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await call
            assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
            chunks = 1 + await read_on(stream)
            assert await stream.code() is grpc.StatusCode.OK
            assert chunks >= 100
        assert (await rest(connection)).endswith(b"data: [DONE]\n\n")
        assert (await served.command.end()).code == 0


async def test_while_it_drains_readiness_is_503_and_calls_are_served_until_the_delay_is_over(
    tmp_path: Path, mock: MockServer
):
    """A load balancer needs a moment to hear of it; its calls of that moment must not fail."""
    path = config(tmp_path, mock, drain={"delayMs": 2000, "timeoutMs": 20_000})
    async with serving(path) as served, connected(served.http) as connection:
        assert (await ask(served.http, b"", "/readyz", method="GET")).status == 200
        async with grpc.aio.insecure_channel(served.grpc) as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            watch = stub.Watch(health_pb2.HealthCheckRequest())
            assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
            await opened(served, connection)
            served.command.send(signal.SIGTERM)
            assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
            assert (await ask(served.http, b"", "/readyz", method="GET")).status == 503
            assert (await ask(served.http, b"", "/livez", method="GET")).status == 200
            assert (await ask(served.http, chat())).status == 200
        assert (await rest(connection)).endswith(b"data: [DONE]\n\n")
        assert (await served.command.end()).code == 0


async def test_a_second_sigterm_ends_it_at_once(tmp_path: Path, mock: MockServer):
    async with serving(config(tmp_path, mock)) as served, connected(served.http) as connection:
        await opened(served, connection, "endless")
        served.command.send(signal.SIGTERM)
        await refuses(served.http)
        began = time.monotonic()
        served.command.send(signal.SIGTERM)
        assert (await served.command.end()).code == 0
        assert time.monotonic() - began < 5
        await mock.until(lambda: mock.open_connections == 0)


async def test_sigint_is_as_good_as_sigterm(tmp_path: Path, mock: MockServer):
    async with serving(config(tmp_path, mock)) as served:
        served.command.send(signal.SIGINT)
        assert (await served.command.end()).code == 0


async def test_calls_still_open_when_the_drain_ends_are_told_so(tmp_path: Path, mock: MockServer):
    """And the streams among them within what came: no caller takes half an answer for a whole one."""
    path = config(tmp_path, mock, drain={"delayMs": 0, "timeoutMs": 2000}, hang="mock;fault=hang")
    endless, hang = (chat_pb2.ChatRequest(route=name, messages=[HELLO]) for name in ("endless", "hang"))
    async with (
        serving(path) as served,
        connected(served.http) as streaming,
        connected(served.http) as waiting,
        stub_of(served.grpc) as stub,
    ):
        await opened(served, streaming, "endless")
        await waiting.send(chat("hang"))
        stream = stub.StreamChat(endless, metadata=METADATA)
        assert await stream.read() is not grpc.aio.EOF
        unary = stub.Chat(hang, metadata=METADATA)
        await mock.until(lambda: len(mock.requests) == 4)
        served.command.send(signal.SIGTERM)
        for ending in (read_on(stream), whole(unary)):
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await ending
            assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
            assert reason(raised.value) == "DRAINING"
        last = (await rest(streaming)).decode().split("\n\n")[-2]
        assert json.loads(last.removeprefix("data: "))["error"]["code"] == "draining"
        answer = await waiting.answer()
        assert (answer.status, answer.json["error"]["code"]) == (503, "draining")
        ended = await served.command.end()
    assert ended.code == 0
    calls = [json.loads(line) for line in ended.out.splitlines()]
    assert [call["fault"] for call in calls] == ["DRAINING"] * 4
    await mock.until(lambda: mock.open_connections == 0)


async def test_a_reader_that_stopped_does_not_hold_up_the_end(tmp_path: Path, mock: MockServer):
    path = config(tmp_path, mock, drain={"delayMs": 0, "timeoutMs": 2000}, flood="mock;bytes=50000000")
    async with serving(path) as served, connected(served.http) as connection:
        await opened(served, connection, "flood")
        served.command.send(signal.SIGTERM)
        ended = await served.command.end()
    assert ended.code == 0
    assert "Traceback" not in ended.err


async def test_a_watching_operator_does_not_hold_up_the_drain(tmp_path: Path, mock: MockServer):
    async with serving(config(tmp_path, mock)) as served, grpc.aio.insecure_channel(served.grpc) as channel:
        stub: Any = admin_pb2_grpc.AdminServiceStub(channel)
        watch = stub.WatchStatus(admin_pb2.WatchStatusRequest(), metadata=METADATA)
        assert (await watch.read()).HasField("snapshot")
        began = time.monotonic()
        served.command.send(signal.SIGTERM)
        assert (await watch.read()).gateway.state == admin_pb2.GatewayStatus.STATE_DRAINING
        assert await watch.read() is grpc.aio.EOF
        assert (await served.command.end()).code == 0
        assert time.monotonic() - began < 5


async def test_sighup_takes_a_new_configuration_and_open_streams_keep_theirs(
    tmp_path: Path, mock: MockServer
):
    async with serving(config(tmp_path, mock)) as served, connected(served.http) as connection:
        assert (await ask(served.http, chat("added"))).status == 404
        await opened(served, connection)
        config(tmp_path, mock, added="mock")
        served.command.send(signal.SIGHUP)
        await served.command.says('"event":"reload".*"problems":0')
        assert (await ask(served.http, chat("added"))).status == 200
        served.config.write_text(
            json.dumps({"models": {"only": json.loads(served.config.read_text())["models"]["lite"]}})
        )
        served.command.send(signal.SIGHUP)
        await until_status(served, "lite", 404)
        assert (await rest(connection)).endswith(b"data: [DONE]\n\n")
        assert (await ask(served.http, chat("only"))).status == 200


async def test_a_bad_configuration_at_sighup_changes_nothing_and_the_log_says_so(
    tmp_path: Path, mock: MockServer
):
    bad = ("{", '{"models": {"lite": {}}}', '{"models": {}}', '{"modles": {}}', "")
    async with serving(config(tmp_path, mock)) as served:
        for number, text in enumerate(bad, 1):
            served.config.write_text(text)
            served.command.send(signal.SIGHUP)
            await served.command.says(rf'(?s)("event":"reload"[^\n]*"problems":[1-9].*){{{number}}}')
            assert (await ask(served.http, chat())).status == 200
        config(tmp_path, mock, added="mock")
        served.command.send(signal.SIGHUP)
        await until_status(served, "added", 200)
