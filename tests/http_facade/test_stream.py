"""Streams over a real socket: transcript, timing, disconnects."""

import asyncio
import json

import pytest

from http_facade.app import create_app
from http_facade.settings import HttpSettings
from switch_grpc.faults import Fault, Kind
from tests.http_facade.conftest import SETTINGS, Door
from tests.support.http_server import chunks, connection, exchange, request_bytes, serving, unchunked, until
from tests.support.scripted_backend import (
    FOREVER,
    ScriptedBackend,
    chat_chunk,
    chat_stream,
    route_info,
    usage_chunk,
)

BROKEN = Fault(Kind.STREAM_INTERRUPTED, "the provider's stream broke off")


def ask(*, usage: bool = False) -> bytes:
    body: dict[str, object] = {
        "model": "lite",
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": True,
    }
    if usage:
        body["stream_options"] = {"include_usage": True}
    return request_bytes("/v1/chat/completions", json.dumps(body).encode(), x_api_key="inference-key")


def events(data: bytes) -> list[str]:
    """What an SSE client sees: the data of each event; comments left out."""
    lines = unchunked(data).decode().split("\n\n")[:-1]
    return [line.removeprefix("data: ") for line in lines if not line.startswith(":")]


def texts(data: bytes) -> str:
    found = [json.loads(event) for event in events(data) if event != "[DONE]"]
    return "".join(
        choice["delta"].get("content") or "" for chunk in found for choice in chunk.get("choices", [])
    )


async def test_a_stream_is_openais_events_and_batches_leave_in_one_write(door: Door) -> None:
    door.backend.steps = chat_stream()
    answer = await exchange(door.port, ask())
    head = answer.partition(b"\r\n\r\n")[0].lower()
    assert head.startswith(b"http/1.1 200 ")
    for line in (
        b"content-type: text/event-stream; charset=utf-8",
        b"cache-control: no-cache",
        b"x-used-provider: a",
        b"x-circuit-breaker-state: closed",
        b"x-provider-response-time: 12",
        b"x-request-id: req_",
    ):
        assert b"\r\n" + line in head
    assert texts(answer) == "Hello"
    written = chunks(answer)
    assert [chunk.count(b"data: ") for chunk in written] == [2, 1, 1]
    assert written[-1] == b"data: [DONE]\n\n"
    assert b'"usage"' not in answer
    assert answer.endswith(b"\r\n0\r\n\r\n")


async def test_usage_is_the_last_chunk_for_who_asked(door: Door) -> None:
    door.backend.steps = chat_stream()
    *content, last, done = events(await exchange(door.port, ask(usage=True)))
    assert done == "[DONE]"
    assert [json.loads(event)["usage"] for event in content] == [None] * 3
    assert json.loads(last)["usage"]["total_tokens"] == 5


async def test_a_fault_before_the_first_batch_is_an_ordinary_error(door: Door) -> None:
    door.backend.steps = (Fault(Kind.UPSTREAM_RATE_LIMIT, "all targets are busy", retry_after=1.2),)
    answer = await exchange(door.port, ask())
    assert answer.startswith(b"HTTP/1.1 429 ")
    assert b"retry-after: 2\r\n" in answer
    assert b"text/event-stream" not in answer


async def test_a_fault_after_it_is_an_event_and_a_clean_close_without_done(door: Door) -> None:
    door.backend.steps = ([chat_chunk("Hel", route_info=route_info())], BROKEN)
    answer = await exchange(door.port, ask())
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"\r\n0\r\n\r\n")
    assert texts(answer) == "Hel"
    assert json.loads(events(answer)[-1])["error"]["code"] == "stream_interrupted"
    assert door.backend.outcomes == [BROKEN]


async def test_a_bug_after_it_says_nothing_of_itself(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    door.backend.steps = ([chat_chunk("Hel", route_info=route_info())], ZeroDivisionError("secret"))
    answer = await exchange(door.port, ask())
    assert json.loads(events(answer)[-1])["error"]["code"] == "internal_error"
    assert b"secret" not in answer
    assert b"ZeroDivision" not in answer
    assert "req_" in caplog.text


async def test_a_silent_stream_gets_comments(door: Door) -> None:
    door.backend.steps = ([chat_chunk("Hel", route_info=route_info())], 0.15, *chat_stream()[1:])
    answer = await exchange(door.port, ask())
    comments = [chunk for chunk in chunks(answer) if chunk.startswith(b":")]
    assert 2 <= len(comments) <= 7
    assert set(comments) == {b": keep-alive\n\n"}
    assert events(answer)[-1] == "[DONE]"


async def test_comments_stop_while_content_comes(door: Door) -> None:
    steady = [step for _ in range(10) for step in ([chat_chunk("x", route_info=route_info())], 0.005)]
    door.backend.steps = (*steady, [chat_chunk(finish=True)])
    answer = await exchange(door.port, ask())
    assert sum(chunk.startswith(b":") for chunk in chunks(answer)) <= 1


class TestEarlyHead:
    @pytest.fixture
    def settings(self) -> HttpSettings:
        return HttpSettings(early_headers=0.02, keep_alive=5.0)

    async def test_the_status_goes_out_before_the_content_and_the_last_chunk_tells_the_route(
        self, door: Door
    ) -> None:
        gate = asyncio.Event()
        door.backend.steps = (gate, *chat_stream())
        async with connection(door.port) as (reader, writer):
            writer.write(ask())
            head = await reader.readuntil(b": keep-alive\n\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 ")
            assert b"x-used-provider" not in head
            gate.set()
            answer = head + await reader.read(-1)
        *_, last, done = events(answer)
        assert done == "[DONE]"
        assert json.loads(last)["switch"]["target"] == "a"
        assert texts(answer) == "Hello"

    async def test_a_fault_after_it_is_an_event(self, door: Door) -> None:
        door.backend.steps = (0.1, Fault(Kind.NO_TARGET, "every target is open", retry_after=5))
        answer = await exchange(door.port, ask())
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert [json.loads(event)["error"]["code"] for event in events(answer)] == ["no_available_target"]


async def test_a_caller_that_leaves_closes_the_stream_within_100_ms(door: Door) -> None:
    door.backend.steps = ([chat_chunk("Hel", route_info=route_info())], FOREVER)
    async with connection(door.port) as (reader, writer):
        writer.write(ask())
        await reader.readuntil(b"Hel")
        await door.backend.waiting.wait()
    await asyncio.wait_for(door.backend.stopped.wait(), 0.1)
    await until(lambda: door.backend.in_flight == 0)
    assert door.backend.outcome is Kind.CANCELLED


async def test_a_caller_that_leaves_before_the_first_chunk_closes_the_stream(door: Door) -> None:
    door.backend.steps = (FOREVER,)
    async with connection(door.port) as (_, writer):
        writer.write(ask())
        await door.backend.waiting.wait()
    await asyncio.wait_for(door.backend.stopped.wait(), 0.1)


async def test_a_reader_that_takes_nothing_is_dropped(door: Door) -> None:
    big = chat_chunk("x" * 1_000_000, route_info=route_info())
    door.backend.steps = tuple([big] for _ in range(100))
    async with connection(door.port) as (_, writer):
        writer.transport.pause_reading()
        writer.write(ask())
        await asyncio.wait_for(door.backend.stopped.wait(), 5)
        await until(lambda: door.backend.in_flight == 0)
    assert door.backend.outcome is Kind.CANCELLED


async def test_a_stream_ends_its_timer(door: Door) -> None:
    """A comment after the end would break the next answer on the connection."""
    door.backend.steps = chat_stream()
    async with connection(door.port) as (reader, writer):
        for _ in range(2):
            writer.write(ask().replace(b"connection: close\r\n", b""))
            await reader.readuntil(b"[DONE]\n\n\r\n0\r\n\r\n")
            await asyncio.sleep(SETTINGS.keep_alive * 3)
            assert not reader._buffer


async def test_an_empty_stream_is_complete(door: Door) -> None:
    door.backend.steps = ([],)
    assert events(await exchange(door.port, ask())) == ["[DONE]"]


async def test_a_stream_of_only_usage_is_complete(door: Door) -> None:
    door.backend.steps = ([usage_chunk(route_info=route_info())],)
    answer = await exchange(door.port, ask())
    assert b"x-used-provider: a" in answer
    assert events(answer) == ["[DONE]"]


async def test_many_streams_at_once_keep_apart() -> None:
    backend = ScriptedBackend(*(step for _ in range(20) for step in (0.001, *chat_stream()[:1])))
    async with serving(create_app(backend)) as port:
        answers = await asyncio.gather(*(exchange(port, ask()) for _ in range(20)))
    assert {texts(answer) for answer in answers} == {"Hello" * 20}
