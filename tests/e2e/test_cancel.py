"""A caller who leaves: the provider's socket closes at once, in every phase of a call, through both doors."""

import asyncio
import itertools
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, aclosing, asynccontextmanager
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from switch_grpc.call import INFERENCE, Call
from switch_grpc.engine.engine import Engine
from switch_grpc.mock.ledger import Request
from switch_grpc.openai_wire import decode_chat_request, head_of
from switch_grpc.request import MessageBody
from switch_grpc.v1 import chat_pb2, switch_pb2_grpc
from tests.support.black_hole import black_hole, connecting
from tests.support.gateway import KEY, Running, channel, route, running, target
from tests.support.raw_http import Connection, ask, chat

pytestmark = pytest.mark.timing

TRIES = 100
AT_ONCE = 20
BOUND = 0.1  # seconds from the caller's leaving to the closed socket, for 99 of 100 tries
MEASUREMENTS = 3  # a machine busy with other work may spoil one; the message shows them all

MODELS = {
    "lite": route(target("one")),
    "hang": route(target("one", "mock;fault=hang")),
    "half": route(target("one", "mock;fault=stall")),
    "flow": route(target("one", "mock;gap=20;chunks=1000")),
    "narrow": route(target("one", "mock;fault=hang"), maxInFlight=1),
}


class Phase(NamedTuple):
    """What a call is doing when its caller leaves."""

    route: str
    stream: bool
    content: bool = False  # the caller has read some of the answer


PHASES = {
    "unary, before the first byte": Phase("hang", stream=False),
    "unary, within the body": Phase("half", stream=False),
    "stream, before the first byte": Phase("hang", stream=True),
    "stream, tokens flowing": Phase("flow", stream=True, content=True),
    "stream, between tokens": Phase("half", stream=True, content=True),
}
WAITING = {"unary": Phase("hang", stream=False), "stream": Phase("hang", stream=True)}

Leave = Callable[[], object]
Begin = Callable[[str, Phase], Awaitable[Leave]]
Door = Callable[[Running], Any]
_ids = itertools.count()


@asynccontextmanager
async def http(gateway: Running) -> AsyncIterator[Begin]:
    """Callers that close their connection."""
    host, _, port = gateway.gateway.http_address.rpartition(":")
    with ExitStack() as opened:

        async def begin(call_id: str, phase: Phase) -> Leave:
            connection = Connection(*await asyncio.open_connection(host, int(port)))
            opened.callback(connection.close)
            await connection.send(chat(phase.route, stream=phase.stream), x_request_id=call_id)
            if phase.content:
                assert (await connection.head())[0] == 200
                assert await connection.piece()
            return connection.close

        yield begin


@asynccontextmanager
async def grpc(gateway: Running) -> AsyncIterator[Begin]:
    """Callers that cancel their call; the connection, which they share, stays open."""
    async with channel(gateway) as made:
        stub: Any = switch_pb2_grpc.SwitchServiceStub(made)

        async def begin(call_id: str, phase: Phase) -> Leave:
            hello = [chat_pb2.Message(role=chat_pb2.ROLE_USER, content="Hello")]
            method = stub.StreamChat if phase.stream else stub.Chat
            metadata = [("x-api-key", KEY), ("x-request-id", call_id)]
            call = method(chat_pb2.ChatRequest(route=phase.route, messages=hello), metadata=metadata)
            if phase.content:
                await call.read()
            return call.cancel  # type: ignore[no-any-return]

        yield begin


DOORS = {"HTTP": http, "gRPC": grpc}
doors = pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)


@pytest_asyncio.fixture
async def gateway() -> AsyncIterator[Running]:
    async with running(MODELS) as made:
        yield made
        await is_as_before(made)


async def is_as_before(gateway: Running) -> None:
    """No call is left over, no target is blamed, and the next caller is served."""
    await until(lambda: in_flight(gateway) == 0)
    now = asyncio.get_running_loop().time()
    for each in gateway.gateway._engine.table.routes.values():
        for made in each.targets:
            assert made.breaker.state(now) == "closed"
            assert made.load.in_flight == 0
    assert (await ask(gateway.http, chat())).status == 200


def in_flight(gateway: Running) -> int:
    return gateway.gateway._engine.in_flight


async def until(condition: Callable[[], bool]) -> None:
    """Returns once the condition holds; for facts that have no event."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


def new_id() -> str:
    return f"try-{next(_ids)}"


async def upstream(gateway: Running, call_id: str) -> Request:
    """The provider's record of a call, as soon as there is one."""
    found: list[Request] = []

    def arrived() -> bool:
        found[:] = [r for r in gateway.mock.requests if r.headers["x-request-id"] == call_id]
        return bool(found)

    await gateway.mock.until(arrived)
    return found[0]


async def begun(gateway: Running, begin: Begin, phase: Phase) -> tuple[Leave, Request]:
    """A call that has reached the provider, and how its caller leaves."""
    call_id = new_id()
    leave = await begin(call_id, phase)
    return leave, await upstream(gateway, call_id)


async def measured(gateway: Running, begin: Begin, phase: Phase) -> list[float]:
    """Seconds from a caller's leaving until the provider saw its socket closed, ascending, of all tries.

    Callers come together and leave one by one: the coming of others, on the one event loop that gateway,
    callers and provider share here, is not the leaving's time.
    """
    times: list[float] = []
    for _ in range(TRIES // AT_ONCE):
        calls = await asyncio.gather(*(begun(gateway, begin, phase) for _ in range(AT_ONCE)))
        for leave, request in calls:
            left = time.monotonic()
            leave()
            await gateway.mock.until(lambda seen=request: seen.closed_at is not None)
            assert request.closed_at is not None
            times.append(request.closed_at - left)
    gateway.mock.reset()
    return sorted(times)


@doors
@pytest.mark.parametrize("phase", PHASES.values(), ids=PHASES)
async def test_a_caller_who_leaves_closes_the_providers_socket_within_100_ms(
    gateway: Running, door: Door, phase: Phase
):
    spoilt: list[str] = []
    async with door(gateway) as begin:
        for _ in range(MEASUREMENTS):
            times = await measured(gateway, begin, phase)
            p99 = times[math.ceil(0.99 * TRIES) - 1]
            if p99 <= BOUND:
                return
            spoilt.append(
                f"p50 {times[TRIES // 2] * 1e3:.1f}, p99 {p99 * 1e3:.1f}, max {times[-1] * 1e3:.1f} ms"
            )
    pytest.fail(f"the bound is {BOUND * 1e3:.0f} ms at p99; measured: {'; '.join(spoilt)}")


@doors
@pytest.mark.parametrize("phase", WAITING.values(), ids=WAITING)
async def test_a_caller_who_leaves_while_the_gateway_connects_ends_the_connecting(door: Door, phase: Phase):
    with black_hole() as port:
        slow = target("one", provider="custom", apiBase=f"http://127.0.0.1:{port}/v1")
        models = {"hang": route(slow, timeouts={"connectMs": 30_000}), "lite": route(target("one"))}
        async with running(models) as gateway:
            async with door(gateway) as begin:
                leaves = [await begin(new_id(), phase) for _ in range(AT_ONCE)]
                await until(lambda: connecting(port) == AT_ONCE)
                for leave in leaves:
                    leave()
                await until(lambda: connecting(port) == 0)
            await is_as_before(gateway)


@doors
@pytest.mark.parametrize("phase", WAITING.values(), ids=WAITING)
async def test_a_caller_who_leaves_the_routes_queue_is_never_sent_and_holds_no_place(
    gateway: Running, door: Door, phase: Phase
):
    gate = gateway.gateway._engine.table.find("narrow").gate
    async with door(gateway) as begin:
        first = new_id()
        leave_first = await begin(first, phase._replace(route="narrow"))
        await upstream(gateway, first)
        leaves = [await begin(new_id(), phase._replace(route="narrow")) for _ in range(3)]
        await until(lambda: gate.waiting == 3)
        for leave in leaves:
            leave()
        await until(lambda: gate.waiting == 0)
        leave_first()
        await until(lambda: gate.inside == 0)
    assert [r.headers["x-request-id"] for r in gateway.mock.requests] == [first]


@doors
async def test_a_caller_who_leaves_the_gateways_queue_is_never_sent(door: Door):
    async with running(MODELS, limits={"maxInFlight": 1, "queue": 8, "queueWaitMs": 20_000}) as gateway:
        async with door(gateway) as begin:
            first, waiting = new_id(), [new_id() for _ in range(3)]
            leave_first = await begin(first, WAITING["unary"])
            await upstream(gateway, first)
            leaves = [await begin(each, WAITING["unary"]) for each in waiting]
            await until(lambda: gateway.gateway._engine.admission.gate.waiting == 3)
            for leave in leaves:
                leave()
            leave_first()
        await is_as_before(gateway)
    assert [r.headers["x-request-id"] for r in gateway.mock.requests][:1] == [first]
    assert not {r.headers["x-request-id"] for r in gateway.mock.requests} & set(waiting)


@doors
@pytest.mark.parametrize("phase", PHASES.values(), ids=PHASES)
async def test_a_caller_who_leaves_while_the_gateway_stops_is_cancelled_twice_and_ends_once(
    door: Door, phase: Phase
):
    """Cleaning up is not undone by a second cancel (encode/httpx#3782)."""
    async with running(MODELS) as gateway:
        async with door(gateway) as begin:
            call_id = new_id()
            leave = await begin(call_id, phase)
            request = await upstream(gateway, call_id)
            leave()
            leave()
            async with asyncio.timeout(5):
                await gateway.gateway.__aexit__()
            await gateway.mock.until(lambda: request.closed_at is not None)
        assert in_flight(gateway) == 0
        await gateway.mock.until(lambda: gateway.mock.open_connections == 0)


@pytest.mark.parametrize("phase", PHASES.values(), ids=PHASES)
async def test_a_task_that_is_cancelled_again_while_it_ends_closes_everything(gateway: Running, phase: Phase):
    engine = gateway.gateway._engine
    call_id = new_id()
    task = asyncio.create_task(asked(engine, call_id, phase))
    request = await upstream(gateway, call_id)
    while not task.done():
        task.cancel()
        await asyncio.sleep(0)
    assert task.cancelled()
    await gateway.mock.until(lambda: request.closed_at is not None)


async def asked(engine: Engine, call_id: str, phase: Phase) -> None:
    """A call as a door makes it."""
    call = Call(id=call_id, door="grpc", keys=(KEY,), started=asyncio.get_running_loop().time())
    message = decode_chat_request(chat(phase.route))
    with await engine.open(call, INFERENCE) as permit:
        head = head_of(message, phase.stream)
        if not phase.stream:
            await engine.unary(permit, head, MessageBody(message))
        async with aclosing(engine.stream(permit, head, MessageBody(message))) as batches:
            async for _ in batches:
                pass


@doors
async def test_callers_who_leave_at_random_moments_leak_nothing(gateway: Running, door: Door):
    """Some leave before their call was read, some while it is answered, some after."""
    async with door(gateway) as begin:

        async def leaving(number: int) -> None:
            leave = await begin(new_id(), Phase("flow", stream=number % 2 == 0))
            for _ in range(number % 17):
                await asyncio.sleep(0)
            leave()

        for start in range(0, TRIES, AT_ONCE):
            await asyncio.gather(*(leaving(start + k) for k in range(AT_ONCE)))
        await until(lambda: in_flight(gateway) == 0)
    await gateway.mock.until(
        lambda: all(r.closed_at is not None or r.finished_at is not None for r in gateway.mock.requests)
    )
