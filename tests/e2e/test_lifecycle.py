"""`switch serve` from its first answer to its exit code: start, signals, sockets, log, metrics, health."""

import asyncio
import json
import math
import signal
import socket
import stat
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
import pytest_asyncio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from switch_grpc.mock.server import MockServer
from switch_grpc.v1 import admin_pb2, admin_pb2_grpc, chat_pb2, switch_pb2_grpc
from tests.support.commands import Served, at, ran, resident_kb, serving, switch, written
from tests.support.faulted import reason
from tests.support.gateway import KEY
from tests.support.raw_http import Connection, ask, chat, connected

STARTS_WITHIN = 2.0  # seconds to the first answer, on a machine that does nothing else
IDLE = 120 * 1024  # KiB
METADATA = [("x-api-key", KEY)]
HELLO = chat_pb2.Message(role=chat_pb2.ROLE_USER, content="Hello")
SLOW = "mock;gap=20;chunks=100"  # a stream of two seconds
ENDLESS = "mock;gap=20;chunks=100000"


@pytest_asyncio.fixture
async def mock() -> AsyncIterator[MockServer]:
    async with MockServer() as made:
        yield made


def config(folder: Path, mock: MockServer, *, drain: dict[str, int] | None = None, **more: str) -> Path:
    """Routes to the mock: `lite`, `slow`, `endless`, and `more` by model name."""
    models = {"lite": "mock", "slow": SLOW, "endless": ENDLESS, **more}
    routes = {name: {"providers": [at(mock.url, model)]} for name, model in models.items()}
    return written(folder, routes, drain=drain or {"delayMs": 0, "timeoutMs": 20_000})


@asynccontextmanager
async def stub_of(address: str) -> AsyncIterator[Any]:
    async with grpc.aio.insecure_channel(address) as channel:
        yield switch_pb2_grpc.SwitchServiceStub(channel)


async def opened(served: Served, connection: Connection, route: str = "slow") -> None:
    """A stream of which the caller has the first bytes."""
    await connection.send(chat(route, stream=True))
    assert (await connection.head())[0] == 200
    assert await connection.piece()


async def read_on(stream: Any) -> int:
    """How many chunks still come."""
    chunks = 0
    while await stream.read() is not grpc.aio.EOF:
        chunks += 1
    return chunks


async def rest(connection: Connection) -> bytes:
    """What still comes of a stream, which must end as HTTP says."""
    body = b""
    while piece := await connection.piece():
        body += piece
    return body


async def test_the_first_answer_comes_within_two_seconds_and_an_idle_gateway_is_small(
    tmp_path: Path, mock: MockServer
):
    """Where other work slows the start, processor time counts: a quiet machine would take no longer."""
    taken = []
    for _ in range(3):
        began = time.monotonic()
        async with serving(config(tmp_path, mock)) as served:
            assert (await ask(served.http, chat())).status == 200
            waited = time.monotonic() - began
            taken.append((waited, processor_seconds(served.command.pid)))
            assert resident_kb(served.command.pid) < IDLE
            if min(taken[-1]) < STARTS_WITHIN:
                return
    pytest.fail(f"(seconds, processor seconds) to the first answer: {taken}")


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100  # in ticks, of which Linux tells a hundred a second


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


async def refuses(address: str) -> None:
    """Returns once nobody accepts connections there any more."""
    host, _, port = address.rpartition(":")
    async with asyncio.timeout(5):
        while True:
            try:
                _, writer = await asyncio.open_connection(host, int(port))
            except ConnectionRefusedError:
                return
            writer.close()
            await asyncio.sleep(0.01)


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


async def whole(call: Any) -> Any:
    return await call


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


async def until_status(served: Served, route: str, status: int) -> None:
    async with asyncio.timeout(10):
        while (await ask(served.http, chat(route))).status != status:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


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


@pytest.mark.parametrize("door", ["http", "grpc"])
async def test_a_port_in_use_is_exit_1_with_the_address_and_the_remedy(
    tmp_path: Path, mock: MockServer, door: str
):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        other = "--grpc" if door == "http" else "--http"
        ended = await ran(
            *("serve", "--config", config(tmp_path, mock), f"--{door}", address, other, "127.0.0.1:0"),
            cwd=tmp_path,
        )
    assert ended.code == 1
    assert ended.err.splitlines()[-1].startswith(f"switch serve: cannot listen on {address}: ")
    assert "choose another" in ended.err
    assert "Traceback" not in ended.err


async def test_a_bad_configuration_is_exit_78_with_every_problem(tmp_path: Path):
    target = {"name": "a", "provider": "opnai", "modelName": "m", "priority": 99, "credentialsRef": "nowhere"}
    path = written(tmp_path, {"lite": {"providers": [target]}, "none": {"providers": []}}, limts={})
    ended = await ran("serve", "--config", path, cwd=tmp_path)
    assert ended.code == 78
    for word in ("opnai", "priority", "nowhere", "none", "limts"):
        assert word in ended.err, ended.err
    assert "Traceback" not in ended.err


async def test_no_configuration_is_exit_78_and_says_where_one_is_looked_for(tmp_path: Path):
    ended = await ran("serve", cwd=tmp_path)
    assert ended.code == 78
    for word in ("--config", "SWITCH_CONFIG", "definitions.json", "MODEL_DEFINITIONS"):
        assert word in ended.err, ended.err


async def test_no_key_at_all_is_refused(tmp_path: Path, mock: MockServer):
    ended = await ran("serve", "--config", config(tmp_path, mock), cwd=tmp_path, ADMIN_API_KEY="")
    assert ended.code == 78
    assert "ADMIN_API_KEY" in ended.err


async def test_unix_sockets_serve_both_doors_to_their_owner_only(tmp_path: Path, mock: MockServer):
    http, by_grpc = tmp_path / "run/http.sock", tmp_path / "run/grpc.sock"
    where = {"http": f"unix:{http}", "grpc": f"unix:{by_grpc}"}
    path = config(tmp_path, mock)
    async with serving(path, **where) as served:
        for each in (http, by_grpc):
            assert stat.S_IMODE(each.stat().st_mode) == 0o600
        assert stat.S_IMODE(http.parent.stat().st_mode) & 0o027 == 0
        assert (await ask(served.http, chat())).status == 200
        async with stub_of(served.grpc) as stub:
            await stub.Chat(chat_pb2.ChatRequest(route="lite", messages=[HELLO]), metadata=METADATA)
        words = ("serve", "--config", path, "--http", where["http"], "--grpc", "127.0.0.1:0")
        second = await ran(*words, cwd=tmp_path)
        assert (second.code, "in use" in second.err) == (1, True), second
        words = ("serve", "--config", path, "--http", "127.0.0.1:0", "--grpc", where["grpc"])
        second = await ran(*words, cwd=tmp_path)
        assert (second.code, "in use" in second.err) == (1, True), second
        assert (await ask(served.http, chat())).status == 200
        served.command.process.kill()  # which leaves the sockets behind
        await served.command.end()
    assert http.is_socket()
    async with serving(path, **where) as served:
        assert (await ask(served.http, chat())).status == 200
        async with stub_of(served.grpc) as stub:
            await stub.Chat(chat_pb2.ChatRequest(route="lite", messages=[HELLO]), metadata=METADATA)


async def test_a_file_in_a_sockets_place_is_left_alone(tmp_path: Path, mock: MockServer):
    precious = tmp_path / "notes.txt"
    precious.write_text("mine")
    for door, other in (("--http", "--grpc"), ("--grpc", "--http")):
        words = ("serve", "--config", config(tmp_path, mock), door, f"unix:{precious}", other, "127.0.0.1:0")
        ended = await ran(*words, cwd=tmp_path)
        assert ended.code == 1
        assert "is not a socket" in ended.err
    assert precious.read_text() == "mine"


async def test_the_access_log_has_one_line_a_call_and_none_of_what_was_said(tmp_path: Path, mock: MockServer):
    question, key = "Tell me about the xylophone", "another-key-entirely"
    asked = [{"role": "user", "content": question}]
    async with serving(config(tmp_path, mock)) as served:
        answers = [
            await ask(served.http, chat(messages=asked)),
            await ask(served.http, chat(messages=asked, stream=True)),
            await ask(served.http, chat("nowhere", messages=asked)),
            await ask(served.http, chat(messages=asked), x_api_key=key),
            await ask(served.http, b'{"xylophone'),
        ]
        async with stub_of(served.grpc) as stub:
            said = chat_pb2.Message(role=chat_pb2.ROLE_USER, content=question)
            reply = await stub.Chat(chat_pb2.ChatRequest(route="lite", messages=[said]), metadata=METADATA)
        served.command.send(signal.SIGTERM)
        ended = await served.command.end()
    lines = [json.loads(line) for line in ended.out.splitlines()]
    calls = [line for line in lines if line["event"] == "call"]
    assert [(line["door"], line["status"], line["stream"]) for line in calls] == [
        *(("http", 200, False), ("http", 200, True), ("http", 404, False)),
        *(("http", 401, False), ("http", 400, False), ("grpc", 200, False)),
    ]
    assert [line["id"] for line in calls[:5]] == [answer.headers["x-request-id"] for answer in answers]
    written_answer = answers[0].json["choices"][0]["message"]["content"]
    everything = ended.out + ended.err
    for secret in ("xylophone", KEY, key, written_answer, reply.choices[0].message.content):
        assert secret not in everything


async def test_metrics_count_what_was_served(tmp_path: Path, mock: MockServer):
    async with serving(config(tmp_path, mock, broken="mock;status=400")) as served:
        for route in ("lite", "lite", "broken"):
            await ask(served.http, chat(route))
        async with stub_of(served.grpc) as stub:
            await stub.Chat(chat_pb2.ChatRequest(route="lite", messages=[HELLO]), metadata=METADATA)
        assert (await ask(served.http, b"", "/metrics", method="GET", x_api_key="")).status == 401
        answer = await ask(served.http, b"", "/metrics", method="GET")
    assert answer.headers["content-type"].startswith("text/plain")
    counted = {
        name: float(value)
        for name, _, value in (line.rpartition(" ") for line in answer.body.decode().splitlines())
        if name.startswith("switch_calls_total")
    }
    by_http = [value for name, value in counted.items() if 'door="http"' in name and 'route="lite"' in name]
    by_grpc = [value for name, value in counted.items() if 'door="grpc"' in name]
    failed = [value for name, value in counted.items() if 'route="broken"' in name]
    assert (by_http, by_grpc, failed) == ([2.0], [1.0], [1.0])
    assert all(math.isfinite(value) for value in counted.values())


async def test_grpc_health_and_reflection_answer_on_loopback_without_a_key(tmp_path: Path, mock: MockServer):
    async with (
        serving(config(tmp_path, mock)) as served,
        grpc.aio.insecure_channel(served.grpc) as channel,
    ):
        stub: Any = health_pb2_grpc.HealthStub(channel)
        for service in ("", "switch.v1.SwitchService", "switch.v1.AdminService"):
            answer = await stub.Check(health_pb2.HealthCheckRequest(service=service))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        reflection: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
        asked = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
        (answer,) = [answer async for answer in reflection.ServerReflectionInfo(asked)]
    names = {service.name for service in answer.list_services_response.service}
    assert {"switch.v1.SwitchService", "switch.v1.AdminService", "grpc.health.v1.Health"} <= names


async def test_what_a_killed_gateway_leaves_behind_does_not_stop_the_next(tmp_path: Path, mock: MockServer):
    async with serving(config(tmp_path, mock)) as served:
        address = served.http
        async with connected(served.http) as connection:
            await opened(served, connection)
            served.command.process.kill()
            await served.command.end()
    async with serving(config(tmp_path, mock), http=address) as served:
        assert (await ask(served.http, chat())).status == 200


async def test_a_log_that_nobody_reads_any_more_is_no_reason_to_stop(tmp_path: Path, mock: MockServer):
    async with switch(
        *("serve", "--config", config(tmp_path, mock), "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"),
        cwd=tmp_path,
    ) as command:
        match = await command.says(r"^HTTP on (\S+),")
        command.stop_reading()
        for _ in range(3):
            assert (await ask(match[1], chat())).status == 200
            await asyncio.sleep(0.3)
        command.send(signal.SIGTERM)
        assert (await command.end()).code == 0
