"""What the engine itself costs a call. Run alone: `pytest tests/bench/test_engine_bench.py`.

A route of two healthy targets, a key to look up, metrics and access log as observers; the provider answers at
once, so that no call ever waits and each is driven to its end without an event loop. The dialect is a stub:
it hands out one request, and makes a reply of two fields; what that reply costs is measured and taken off.
What remains is authentication, admission, route, ranking, breaker, load, budget, settlement, events and
RouteInfo. Limits are for the fastest round, since a shared machine makes the others slower at will.
"""

import asyncio
import io
import random
import time
import timeit
from collections.abc import Coroutine, Sequence
from typing import Any, ClassVar

import pytest
from google.protobuf.message import Message

from switch_grpc import auth
from switch_grpc.call import INFERENCE, Call, Principal
from switch_grpc.engine.ask import Wiring
from switch_grpc.engine.deadline import CallLimits, TargetTimers
from switch_grpc.engine.engine import Engine, Snapshot
from switch_grpc.events import Observer
from switch_grpc.observers.log import AccessLog
from switch_grpc.observers.metrics import Metrics
from switch_grpc.providers.dialects.base import Binding, WireReply, WireRequest
from switch_grpc.request import Body, Head, MessageBody, Operation
from switch_grpc.routing.gate import GatePolicy
from switch_grpc.routing.route import Pool, PoolSpec, Route, RouteSpec
from switch_grpc.routing.table import RouteTable
from switch_grpc.routing.target import Target, TargetSpec
from switch_grpc.upstream.base import Timers
from switch_grpc.v1 import admin_pb2, chat_pb2
from tests.support.engines import KEYLESS

LIMIT = 60e-6  # seconds: docs/benchmarks.md
KEY = "a-key-for-benchmarks"
HEAD = Head(operation=Operation.CHAT, route="lite", size=400)
BODY = MessageBody[Message](chat_pb2.ChatRequest(route="lite"))
WIRE = WireRequest(url="http://x/v1/chat/completions", headers={"content-type": "application/json"}, body=b"")


class Exchange:
    status = 200
    headers: ClassVar[dict[str, str]] = {}

    async def read(self, deadline: float, limit: int = 0) -> bytes:
        return b""

    def close(self) -> None:
        pass


class AtOnce:
    """An upstream that answers without waiting."""

    async def send(self, request: WireRequest, timers: Timers, deadline: float) -> Any:
        return Exchange()


class Stub:
    """A dialect that costs next to nothing."""

    def encode(self, head: Head, body: Body[Message], binding: Binding) -> Sequence[WireRequest]:
        return (WIRE,)

    def decode(self, operation: Operation, replies: Sequence[WireReply], binding: Binding) -> Message:
        return reply()


def reply() -> Message:
    return chat_pb2.ChatResponse(id="chatcmpl-1", created=1)


def engine(strategy: str, observers: Sequence[Observer] = ()) -> Engine:
    targets = [
        Target(
            TargetSpec(route="lite", name=name, provider="custom", model="m", identity=name, priority=place)
        )
        for place, name in enumerate(("first", "second"), 1)
    ]
    wirings = {
        target: Wiring(
            target=target,
            binding=Binding(target=target.key, provider="custom", model="m", base_url="http://x/v1"),
            dialects={Operation.CHAT: Stub()},  # type: ignore[dict-item]
            store=KEYLESS,
            upstream=AtOnce(),
            signer="none",
            timers=TargetTimers(),
            exchange_timers=Timers(),
            patterns=(),
            permanent=True,
        )
        for target in targets
    }
    record = auth.KeyRecord(principal=Principal("k", frozenset({INFERENCE})), digest=auth.digest(KEY))
    snapshot = Snapshot(
        table=RouteTable([Route(RouteSpec(name="lite"), [Pool(PoolSpec(strategy=strategy), targets)])]),
        wirings=wirings,
        limits={"lite": CallLimits()},
        keys=auth.Keys([record]),
        config=admin_pb2.ConfigStatus(),
    )
    return Engine(snapshot, observers=observers, admission=GatePolicy(limit=512), rng=random.Random(7))


def driven(coroutine: Coroutine[Any, Any, None]) -> None:
    """Runs what never waits."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise AssertionError("the call waited")


def own_cost(benchmark: Any, made: Engine) -> float:
    """Seconds of a call in the fastest round, less the stub's reply."""
    call = Call(id="req-1", door="grpc", started=time.monotonic(), keys=(KEY,))

    async def one() -> None:
        with await made.open(call, INFERENCE) as permit:
            await made.unary(permit, HEAD, BODY)

    async def on_a_loop() -> None:
        benchmark(lambda: driven(one()))

    asyncio.run(on_a_loop())
    assert made.table.routes["lite"].targets[0].load.succeeded > 0
    stub = min(timeit.repeat(reply, number=1000, repeat=5)) / 1000
    own = float(benchmark.stats.stats.min) - stub
    benchmark.extra_info["own_us"] = round(own * 1e6, 1)
    return own


@pytest.mark.parametrize("strategy", ["priority-based", "round-robin"])
def test_a_healthy_call(benchmark: Any, strategy: str) -> None:
    assert own_cost(benchmark, engine(strategy)) <= LIMIT


def test_a_healthy_call_that_goes_to_the_quicker_of_two(benchmark: Any) -> None:
    """Two draws and two averages dearer than taking turns."""
    assert own_cost(benchmark, engine("fastest-response")) <= LIMIT + 5e-6


def test_a_healthy_call_with_metrics_and_access_log(benchmark: Any) -> None:
    log = AccessLog(io.StringIO(), wall=time.time)
    assert own_cost(benchmark, engine("priority-based", [Metrics(), log])) <= 2 * LIMIT
