"""What a running gateway tells of itself: access log, metrics, health, reflection."""

import asyncio
import json
import math
import signal
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from switch_grpc.mock.server import MockServer
from switch_grpc.v1 import chat_pb2
from tests.support.commands import serving, switch
from tests.support.gateway import KEY
from tests.support.open_calls import (
    HELLO,
    METADATA,
    config,
    stub_of,
)
from tests.support.raw_http import ask, chat


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
