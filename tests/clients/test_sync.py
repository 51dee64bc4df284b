"""The client for threads, against a server on an event loop of another thread."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

import switch_client
from switch_client import Stream, Switch
from switch_grpc.faults import Fault, Kind
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


@contextmanager
def gateway(engine: ScriptedEngine) -> Iterator[str]:
    """A server in another thread, whose loop this one may not touch; its address."""
    address: list[str] = []
    up, down = threading.Event(), threading.Event()

    async def serve() -> None:
        async with serving(engine) as bound:
            address.append(bound)
            up.set()
            while not down.is_set():  # noqa: ASYNC110 (the signal is another thread's)
                await asyncio.sleep(0.005)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert up.wait(10)
    try:
        yield address[0]
    finally:
        down.set()
        thread.join()


@contextmanager
def client_of(engine: ScriptedEngine, timeout: float | None = None) -> Iterator[Switch]:
    with gateway(engine) as address, Switch(address, api_key="admin-key", timeout=timeout) as client:
        yield client


def stopped(engine: ScriptedEngine) -> float:
    """Seconds until the engine's work has ended."""
    started = time.perf_counter()
    while not engine.stopped.is_set():
        assert time.perf_counter() - started < 5
        time.sleep(0.001)
    return time.perf_counter() - started


def test_every_call_has_a_method():
    engine = ScriptedEngine(chat_reply())
    with client_of(engine) as client:
        assert client.chat("lite", "Hello", temperature=0.5) == client.send(HELLO) == chat_reply()
        engine.steps = (completion_reply(),)
        assert client.complete("lite", "Once") == completion_reply()
        engine.steps = (embed_reply(),)
        assert client.embed("lite", "Once") == embed_reply()
        assert client.models() == [MODEL]


def test_a_stream_is_an_iterator_of_chunks_of_text_or_one_reply():
    engine = ScriptedEngine(*chat_stream())
    with client_of(engine) as client:
        assert len(list(client.stream_chat("lite", "Hello"))) == 4
        assert list(client.stream_chat("lite", "Hello").text()) == ["Hel", "lo"]
        assert client.stream(HELLO).response().choices[0].message.content == "Hello"
        engine.steps = (completion_chunk("a"), completion_chunk("b", finish=True))
        assert list(client.stream_complete("lite", "Once").text()) == ["a", "b"]
        assert client.stream_complete("lite", "Once").response().choices[0].text == "ab"


def test_an_operator_has_methods_of_their_own():
    with client_of(ScriptedEngine()) as client:
        admin = client.admin
        assert list(admin.status().targets) == [STATUS, TRIPPED]
        assert admin.reset("lite", "a") == [STATUS]
        assert admin.override("lite", "a", "closed").override.mode == 2
        assert admin.reload(dry_run=True).problems[0].warning
        assert admin.explain("lite").route == "lite"
        with admin.watch() as events:
            assert next(events) == SNAPSHOT


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_of_fault_is_raised_by_call_and_stream_alike(kind: Kind):
    with client_of(ScriptedEngine(Fault(kind, "the reason why", target="a"))) as client:
        with pytest.raises(switch_client.SwitchError) as unary:
            client.chat("lite", "Hi", request_id="r")
        with pytest.raises(switch_client.SwitchError) as stream:
            client.stream_chat("lite", "Hi", request_id="r").response()
    for error in (unary.value, stream.value):
        assert (error.reason, error.message, error.request_id) == (kind, "the reason why", "r")


def test_nobody_there_is_unavailable():
    with Switch("127.0.0.1:9", timeout=5) as client, pytest.raises(switch_client.Unavailable):
        client.chat("lite", "Hi")


def test_a_call_out_of_time_raises_by_call_and_stream_alike():
    with client_of(ScriptedEngine(FOREVER), timeout=0.05) as client:
        with pytest.raises(switch_client.DeadlineExceeded):
            client.chat("lite", "Hi")
        with pytest.raises(switch_client.DeadlineExceeded):
            next(client.stream_chat("lite", "Hi"))


def _broken(open_stream: Callable[[], Stream]) -> None:
    for _ in open_stream():
        break


def _left(open_stream: Callable[[], Stream]) -> None:
    with open_stream() as stream:
        next(stream)


def _closed(open_stream: Callable[[], Stream]) -> None:
    stream = open_stream()
    next(stream)
    stream.close()
    assert list(stream) == []


def _text_dropped(open_stream: Callable[[], Stream]) -> None:
    for _ in open_stream().text():  # type: ignore[attr-defined]
        break


def _closed_by_another_thread(open_stream: Callable[[], Stream]) -> None:
    stream = open_stream()
    next(stream)
    threading.Timer(0.05, stream.close).start()
    assert list(stream) == []


@pytest.mark.parametrize("leave", [_broken, _left, _closed, _text_dropped, _closed_by_another_thread])
def test_leaving_a_stream_stops_the_gateway_within_a_tenth_of_a_second(leave: Callable[..., None]):
    engine = ScriptedEngine(chat_chunk("Hel"), FOREVER)
    with client_of(engine) as client:
        leave(lambda: client.stream_chat("lite", "Hi"))
        assert stopped(engine) < 0.1


def test_threads_share_one_client():
    class Echo(ScriptedEngine):
        async def unary(self, permit, head, body):  # type: ignore[no-untyped-def,override]
            await asyncio.sleep(0)
            return chat_reply(body.message().messages[0].content)

    with client_of(Echo()) as client, ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(lambda i: client.chat("lite", str(i)), range(200)))
    assert [reply.choices[0].message.content for reply in replies] == [str(i) for i in range(200)]


def test_what_is_no_request_is_a_type_error():
    with Switch() as client, pytest.raises(TypeError, match="request: expected a Chat"):
        client.send("Hello")  # type: ignore[call-overload]
