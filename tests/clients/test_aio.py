import asyncio
import gc
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest
import trustme

import switch_client
from switch_client import TLS, AsyncSwitch
from switch_grpc.faults import Fault, Kind
from switch_grpc.server.bind import TlsFiles
from switch_grpc.v1 import chat_pb2
from tests.support.grpc_calls import HELLO
from tests.support.scripted_backend import (
    FOREVER,
    MODEL,
    STATUS,
    TRIPPED,
    chat_chunk,
    chat_reply,
    chat_stream,
    completion_chunk,
    completion_reply,
    embed_reply,
)
from tests.support.scripted_engine import SNAPSHOT, ScriptedEngine, serving


@asynccontextmanager
async def client_of(engine: ScriptedEngine, **settings: object) -> AsyncIterator[AsyncSwitch]:
    told = {"api_key": "admin-key"} | settings
    async with serving(engine) as address, AsyncSwitch(address, **told) as client:  # type: ignore[arg-type]
        yield client


async def test_every_call_has_a_method():
    engine = ScriptedEngine(chat_reply())
    async with client_of(engine) as client:
        assert await client.chat("lite", "Hello", temperature=0.5) == chat_reply()
        assert await client.send(HELLO) == chat_reply()
        engine.steps = (completion_reply(),)
        assert await client.complete("lite", "Once", max_tokens=5) == completion_reply()
        engine.steps = (embed_reply(),)
        assert await client.embed("lite", ["a", "b"]) == embed_reply()
        assert await client.models() == [MODEL]
    assert [type(request).__name__ for request in engine.requests] == [
        "ChatRequest",
        "ChatRequest",
        "CompletionRequest",
        "EmbedRequest",
    ]
    first = engine.requests[0]
    assert isinstance(first, chat_pb2.ChatRequest)
    assert (first.route, first.temperature) == ("lite", 0.5)


async def test_a_stream_is_an_iterator_of_chunks_of_text_or_one_reply():
    engine = ScriptedEngine(*chat_stream())
    async with client_of(engine) as client:
        chunks = [chunk async for chunk in client.stream_chat("lite", "Hello")]
        texts = [text async for text in client.stream_chat("lite", "Hello").text()]
        reply = await client.stream(HELLO).response()
        engine.steps = (completion_chunk("a"), completion_chunk("b", finish=True))
        pieces = [text async for text in client.stream_complete("lite", "Once").text()]
        whole = await client.stream_complete("lite", "Once").response()
    assert len(chunks) == 4
    assert texts == ["Hel", "lo"]
    assert reply.choices[0].message.content == "Hello"
    assert reply.usage.total_tokens == 5
    assert (pieces, whole.choices[0].text) == (["a", "b"], "ab")


async def test_an_operator_has_methods_of_their_own():
    async with client_of(ScriptedEngine()) as client:
        admin = client.admin
        assert list((await admin.status()).targets) == [STATUS, TRIPPED]
        assert await admin.reset("lite", "a") == [STATUS]
        held = await admin.override("lite", "a", "open", ttl=60)
        assert (held.override.mode, held.override.until.seconds) == (1, 60)
        assert (await admin.reload(dry_run=True)).problems[0].warning
        assert (await admin.explain("lite", sticky_key="s")).strategy == "s"
        async with admin.watch() as events:
            assert await anext(events) == SNAPSHOT
        with pytest.raises(switch_client.RouteNotFound, match="known: lite"):
            await admin.reset("missing")


async def test_options_reach_the_gateway():
    engine = ScriptedEngine(chat_reply())
    async with client_of(engine, api_key=None, timeout=50.0) as client:
        await client.chat(
            "lite", "Hi", api_key="inference-key", request_id="r-1", session="s", fallback=False, timeout=7.0
        )
        await client.chat("lite", "Hi", api_key="inference-key")
        await client.chat("lite", "Hi", api_key="inference-key", timeout=math.inf)
    first, second, third = engine.calls
    assert (first.id, first.keys, first.sticky_key) == ("r-1", ("inference-key",), "s")
    assert not first.fallback
    assert first.deadline is not None
    assert second.deadline is not None
    assert first.deadline - first.started < 8 < 40 < second.deadline - second.started
    assert third.deadline is None


@pytest.mark.parametrize("kind", Kind)
async def test_every_kind_of_fault_is_raised_by_call_and_stream_alike(kind: Kind):
    engine = ScriptedEngine(Fault(kind, "the reason why", target="a", retry_after=1.5))
    async with client_of(engine) as client:
        with pytest.raises(switch_client.SwitchError) as unary:
            await client.chat("lite", "Hi", request_id="r")
        with pytest.raises(switch_client.SwitchError) as stream:
            await client.stream_chat("lite", "Hi", request_id="r").response()
    for error in (unary.value, stream.value):
        assert (error.reason, error.message, error.target) == (kind, "the reason why", "a")
        assert (error.request_id, error.retry_after) == ("r", 1.5)
        assert type(error) is not switch_client.SwitchError


async def test_a_stream_that_breaks_raises_after_what_came():
    engine = ScriptedEngine(chat_chunk("Hel"), Fault(Kind.STREAM_INTERRUPTED, "cut"))
    texts = []
    async with client_of(engine) as client:
        stream = client.stream_chat("lite", "Hi").text()
        texts.append(await anext(stream))
        with pytest.raises(switch_client.StreamInterrupted):
            await anext(stream)
    assert texts == ["Hel"]


async def test_a_gateway_that_goes_away_interrupts_the_stream():
    engine = ScriptedEngine(chat_chunk("Hel"), FOREVER)
    async with serving(engine) as address:
        client = AsyncSwitch(address, api_key="admin-key")
        stream = client.stream_chat("lite", "Hi")
        await anext(stream)
    with pytest.raises(switch_client.StreamInterrupted):
        await anext(stream)
    await client.close()


async def test_nobody_there_is_unavailable():
    async with AsyncSwitch("127.0.0.1:9", timeout=5) as client:
        with pytest.raises(switch_client.Unavailable) as caught:
            await client.chat("lite", "Hi")
    assert (caught.value.reason, caught.value.detail) == ("UNREACHABLE", None)


async def test_a_call_out_of_time_raises_by_call_and_stream_alike():
    async with client_of(ScriptedEngine(FOREVER), timeout=0.05) as client:
        with pytest.raises(switch_client.DeadlineExceeded):
            await client.chat("lite", "Hi")
        with pytest.raises(switch_client.DeadlineExceeded):
            await anext(client.stream_chat("lite", "Hi"))


LEAVING = {
    "break out of the loop": lambda stream: _broken(stream),
    "leave the with block": lambda stream: _left(stream),
    "close": lambda stream: _closed(stream),
    "drop the stream": lambda stream: _dropped(stream),
    "drop its text": lambda stream: _text_dropped(stream),
    "cancel the task": lambda stream: _task_cancelled(stream),
}


async def _broken(open_stream):
    async for _ in open_stream():
        break


async def _left(open_stream):
    async with open_stream() as stream:
        await anext(stream)


async def _closed(open_stream):
    stream = open_stream()
    await anext(stream)
    stream.close()
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def _dropped(open_stream):
    stream = open_stream()
    await anext(stream)
    del stream


async def _text_dropped(open_stream):
    async for _ in open_stream().text():
        break


async def _task_cancelled(open_stream):
    stream = open_stream()
    await anext(stream)
    task = asyncio.get_running_loop().create_task(anext(stream))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("leave", LEAVING.values(), ids=LEAVING.keys())
async def test_leaving_a_stream_stops_the_gateway_within_a_tenth_of_a_second(leave):
    """Tokens that nobody reads are paid for all the same. No garbage collection is needed either."""
    engine = ScriptedEngine(chat_chunk("Hel"), FOREVER)
    async with client_of(engine) as client:
        gc.disable()
        try:
            await leave(lambda: client.stream_chat("lite", "Hi"))
            started = time.perf_counter()
            await asyncio.wait_for(engine.stopped.wait(), 5)
            assert time.perf_counter() - started < 0.1
        finally:
            gc.enable()


async def test_cancelling_a_task_cancels_its_call():
    engine = ScriptedEngine(FOREVER)
    async with client_of(engine) as client:
        task = asyncio.get_running_loop().create_task(client.chat("lite", "Hi"))
        await engine.waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(engine.stopped.wait(), 5)


async def test_a_status_of_cancelled_does_not_look_like_the_tasks_own_cancellation():
    async with client_of(ScriptedEngine(Fault(Kind.CANCELLED, "drained"))) as client:
        with pytest.raises(switch_client.Cancelled):
            await client.chat("lite", "Hi")
        with pytest.raises(switch_client.Cancelled):
            await anext(client.stream_chat("lite", "Hi"))


async def test_closing_the_client_ends_its_streams():
    engine = ScriptedEngine(chat_chunk("Hel"), FOREVER)
    async with client_of(engine) as client:
        stream = client.stream_chat("lite", "Hi")
        await anext(stream)
        await client.close()
        await asyncio.wait_for(engine.stopped.wait(), 5)


async def test_a_client_may_be_made_before_there_is_a_loop():
    def make() -> AsyncSwitch:
        return AsyncSwitch("localhost:1")

    client = await asyncio.to_thread(make)
    await client.close()


async def test_calls_go_over_a_unix_socket_too(tmp_path: Path):
    async with (
        serving(ScriptedEngine(chat_reply()), f"unix:{tmp_path}/s") as address,
        AsyncSwitch(address, api_key="admin-key") as client,
    ):
        assert await client.chat("lite", "Hi") == chat_reply()


async def test_tls_takes_paths_or_bytes_and_refuses_strangers(tmp_path: Path):
    authority = trustme.CA()
    issued = authority.issue_cert("gateway.internal")
    tls = TlsFiles(cert=tmp_path / "cert.pem", key=tmp_path / "key.pem")
    tls.cert.write_bytes(issued.cert_chain_pems[0].bytes())
    tls.key.write_bytes(issued.private_key_pem.bytes())
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    by_path = TLS(ca=tmp_path / "ca.pem", server_name="gateway.internal")
    by_bytes = TLS(ca=authority.cert_pem.bytes(), server_name="gateway.internal")
    async with serving(ScriptedEngine(chat_reply()), tls=tls) as address:
        for trusted in (by_path, by_bytes):
            async with AsyncSwitch(address, api_key="admin-key", tls=trusted) as client:
                assert await client.chat("lite", "Hi") == chat_reply()
        async with AsyncSwitch(address, tls=TLS(ca=trustme.CA().cert_pem.bytes()), timeout=5) as stranger:
            with pytest.raises(switch_client.Unavailable):
                await stranger.chat("lite", "Hi")


async def test_compressed_requests_arrive():
    engine = ScriptedEngine(chat_reply())
    async with client_of(engine, gzip=True) as client:
        await client.chat("lite", "x" * 10_000)
    assert len(engine.requests) == 1


async def test_an_answer_over_4_mib_is_taken():
    """The library's own limit."""
    async with client_of(ScriptedEngine(chat_reply("x" * 5_000_000))) as client:
        assert len((await client.chat("lite", "Hi")).choices[0].message.content) == 5_000_000


async def test_a_request_over_the_gateways_limit_is_a_bad_request():
    async with client_of(ScriptedEngine(chat_reply())) as client:
        with pytest.raises(switch_client.BadRequest) as caught:
            await client.chat("lite", "x" * (33 * 1024 * 1024))
    assert (caught.value.reason, caught.value.code) == ("TOO_LARGE", grpc.StatusCode.RESOURCE_EXHAUSTED)


async def test_what_is_no_request_is_a_type_error():
    async with AsyncSwitch() as client:
        with pytest.raises(TypeError, match="request: expected a Chat"):
            await client.send("Hello")  # type: ignore[call-overload]
        with pytest.raises(TypeError, match="request: expected a Chat"):
            client.stream("Hello")  # type: ignore[call-overload]
