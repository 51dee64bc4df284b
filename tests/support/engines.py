"""An engine over scripted providers, for stories about what a call goes through."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import Message

from switch_grpc import auth
from switch_grpc.call import INFERENCE, Call
from switch_grpc.credentials.signer import Secret
from switch_grpc.credentials.store import CredentialStore, NoCredentials
from switch_grpc.engine.ask import Store, Wiring
from switch_grpc.engine.deadline import CallLimits, TargetTimers
from switch_grpc.engine.engine import Engine, Snapshot
from switch_grpc.events import AttemptFinished, BreakerChanged, CallFinished, Event
from switch_grpc.faults import Fault, Kind
from switch_grpc.providers.dialects.base import Binding
from switch_grpc.providers.vendors import VENDORS, dialects_of
from switch_grpc.request import Head, MessageBody, Operation
from switch_grpc.routing.gate import GatePolicy
from switch_grpc.routing.policy import BreakerPolicy
from switch_grpc.routing.route import Pool, PoolSpec, Route, RouteSpec
from switch_grpc.routing.table import RouteTable
from switch_grpc.routing.target import Target, TargetSpec
from switch_grpc.upstream.base import Timers, Upstream
from switch_grpc.v1 import admin_pb2, chat_pb2, embedding_pb2
from tests.support.scripted_upstream import Script, ScriptedUpstream

KEYLESS = NoCredentials()
EXACT = BreakerPolicy(jitter=0.0)
HELLO = chat_pb2.ChatRequest(
    route="lite", messages=[chat_pb2.Message(role=chat_pb2.ROLE_USER, content="Hello")]
)


def spec(name: str, place: int = 1, **settings: Any) -> TargetSpec:
    """A target called `name`, at the host of that name."""
    given = {"provider": "custom", "model": f"model-of-{name}", "breaker": EXACT, "priority": place}
    return TargetSpec(route="lite", name=name, identity=name, **{**given, **settings})


@dataclass(slots=True)
class Story:
    """An engine with one route, `lite`, and all that became of its calls."""

    engine: Engine
    upstream: ScriptedUpstream
    route: Route
    events: list[Event] = field(default_factory=list)

    def target(self, name: str) -> Target:
        return next(target for target in self.route.targets if target.key == name)

    @property
    def attempts(self) -> list[tuple[str, Kind | None]]:
        """The target and the fault of each attempt."""
        return [(e.target, e.fault) for e in self.events if isinstance(e, AttemptFinished)]

    @property
    def calls(self) -> list[CallFinished]:
        return [event for event in self.events if isinstance(event, CallFinished)]

    @property
    def moves(self) -> list[tuple[str, str, str]]:
        """The target, new state and cause of each move of a breaker."""
        return [(e.target, e.state, e.cause) for e in self.events if isinstance(e, BreakerChanged)]

    def call(self, seconds: float | None = None, **settings: Any) -> Call:
        """A call that begins now, with `seconds` to live."""
        at = asyncio.get_running_loop().time()
        deadline = None if seconds is None else at + seconds
        return Call(id="req-1", door="grpc", started=at, deadline=deadline, **settings)

    async def ask(self, call: Call | None = None, request: Message = HELLO, **head: Any) -> Any:
        """A unary call's reply. Raises Fault."""
        with await self.engine.open(call or self.call(), INFERENCE) as permit:
            return await self.engine.unary(permit, head_of(request, **head), MessageBody(request))

    async def stream(self, call: Call | None = None, request: Message = HELLO) -> list[Any]:
        """All chunks of a streamed call. Raises Fault."""
        return [chunk async for chunk in self.chunks(call, request)]

    async def chunks(self, call: Call | None = None, request: Message = HELLO) -> AsyncIterator[Any]:
        with await self.engine.open(call or self.call(), INFERENCE) as permit:
            head = head_of(request, stream=True)
            async with aclosing(self.engine.stream(permit, head, MessageBody(request))) as batches:
                async for batch in batches:
                    for chunk in batch:
                        yield chunk

    async def broken(self, call: Call | None = None) -> tuple[str, Fault]:
        """The text that came of a stream, and the fault that it ended with."""
        got: list[Any] = []
        try:
            async for chunk in self.chunks(call):
                got.append(chunk)  # noqa: PERF401  # a comprehension would lose what came
        except Fault as fault:
            return text_of(got), fault
        raise AssertionError(f"the stream came to its end: {got}")

    async def fault(self, call: Call | None = None, **head: Any) -> Fault:
        """How a unary call fails."""
        try:
            reply = await self.ask(call, **head)
        except Fault as fault:
            return fault
        raise AssertionError(f"the call succeeded: {reply}")

    async def stream_fault(self, call: Call | None = None) -> Fault:
        """How a streamed call fails."""
        try:
            chunks = await self.stream(call)
        except Fault as fault:
            return fault
        raise AssertionError(f"the call succeeded: {chunks}")


def head_of(request: Message, **settings: Any) -> Head:
    operation = Operation.EMBED if isinstance(request, embedding_pb2.EmbedRequest) else Operation.CHAT
    return Head(**{"operation": operation, "route": "lite", "size": request.ByteSize(), **settings})


def story(
    scripts: Mapping[str, Script] | Upstream,
    *specs: TargetSpec,
    strategy: str = "priority-based",
    pools: Sequence[tuple[PoolSpec, Sequence[str]]] = (),
    route: RouteSpec | None = None,
    limits: CallLimits | None = None,
    timers: TargetTimers | None = None,
    exchange_timers: Timers | None = None,
    stores: Mapping[str, Store] | None = None,
    admission: GatePolicy | None = None,
    keys: auth.Keys | None = None,
    seed: int = 7,
) -> Story:
    """An engine on the running loop. Without `specs` each script is a target, in their order."""
    upstream = scripts if not isinstance(scripts, Mapping) else ScriptedUpstream(scripts)
    if not specs:
        assert isinstance(scripts, Mapping)
        specs = tuple(spec(name, place) for place, name in enumerate(scripts, 1))
    shot = snapshot(
        upstream,
        specs,
        strategy=strategy,
        pools=pools,
        route=route,
        limits=limits,
        timers=timers,
        exchange_timers=exchange_timers,
        stores=stores or {},
        keys=keys,
    )
    events: list[Event] = []
    engine = Engine(
        shot,
        observers=[events.append],
        admission=admission,
        rng=random.Random(seed),
        clock=asyncio.get_running_loop().time,
    )
    assert isinstance(upstream, ScriptedUpstream)
    return Story(engine, upstream, shot.table.routes["lite"], events)


def snapshot(
    upstream: Upstream,
    specs: Iterable[TargetSpec],
    *,
    strategy: str = "priority-based",
    pools: Sequence[tuple[PoolSpec, Sequence[str]]] = (),
    route: RouteSpec | None = None,
    limits: CallLimits | None = None,
    timers: TargetTimers | None = None,
    exchange_timers: Timers | None = None,
    stores: Mapping[str, Store] | None = None,
    keys: auth.Keys | None = None,
) -> Snapshot:
    """What an engine takes over."""
    targets = {one.name: Target(one) for one in specs}
    pools = pools or [(PoolSpec(strategy=strategy), list(targets))]
    made = Route(
        route or RouteSpec(name="lite"),
        [Pool(pool, [targets[name] for name in names]) for pool, names in pools],
    )
    wirings = {
        target: Wiring(
            target=target,
            binding=Binding(
                target=name, provider="custom", model=target.spec.model, base_url=f"http://{name}/v1"
            ),
            dialects=dialects_of(VENDORS["custom"]),
            store=(stores or {}).get(name) or KEYLESS,
            upstream=upstream,
            signer="bearer" if stores and name in stores else "none",
            timers=timers or TargetTimers(),
            exchange_timers=exchange_timers or Timers(),
            patterns=(),
            permanent=target.spec.breaker.permanent.enabled,
        )
        for name, target in targets.items()
    }
    return Snapshot(
        table=RouteTable([made]),
        wirings=wirings,
        limits={"lite": limits or CallLimits()},
        keys=keys or auth.Keys([], required=False),
        config=admin_pb2.ConfigStatus(version="1"),
    )


class ScriptedSource:
    """A place for a secret, which takes `seconds` to look at and may fail."""

    def __init__(self, value: str | Fault = "key-1", seconds: float = 0.0) -> None:
        self.value = value
        self.seconds = seconds
        self.fetches = 0

    async def fetch(self) -> Secret:
        self.fetches += 1
        if self.seconds:
            await asyncio.sleep(self.seconds)
        if isinstance(self.value, Fault):
            raise self.value
        return Secret(self.value)


def store(source: ScriptedSource, *, ttl: float = 3600.0, timeout: float = 10.0) -> CredentialStore:
    return CredentialStore("keys", source, ttl=ttl, timeout=timeout)


def text_of(chunks: Iterable[Any]) -> str:
    return "".join(choice.delta.content for chunk in chunks for choice in chunk.choices)


def key_needed(key: Callable[[], str], answer: Any, refusal: Any) -> Script:
    """A provider that answers who brings the key of the moment, and refuses anybody else."""

    def script(request: Any) -> Any:
        return answer if request.headers.get("authorization") == f"Bearer {key()}" else refusal

    return script
