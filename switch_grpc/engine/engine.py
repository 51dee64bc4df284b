"""The engine: authenticates, admits, and runs every call through one loop over its route's targets."""

import asyncio
import math
import random
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial

from google.protobuf.message import Message

from switch_grpc import auth
from switch_grpc.call import INFERENCE, Call
from switch_grpc.engine import relay
from switch_grpc.engine.admission import Admission
from switch_grpc.engine.ask import Ask, Wiring
from switch_grpc.engine.attempt import deadline_fault
from switch_grpc.engine.control import Control
from switch_grpc.engine.deadline import CallLimits, call_deadline
from switch_grpc.engine.health import Check
from switch_grpc.engine.tries import Tries, breaker_changed
from switch_grpc.engine.waiting import enter, no_place
from switch_grpc.events import Event, Observer, listeners
from switch_grpc.faults import Fault, Kind
from switch_grpc.openai_wire import Chunk, Reply
from switch_grpc.permit import Permit, fault_of
from switch_grpc.request import Body, Head
from switch_grpc.routing.gate import GatePolicy, Place, Ticket
from switch_grpc.routing.route import Route
from switch_grpc.routing.table import RouteTable
from switch_grpc.routing.target import Target
from switch_grpc.v1 import admin_pb2, switch_pb2

Batches = AsyncGenerator[Sequence[Chunk], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All that comes from one configuration. A call keeps the one that it started with."""

    table: RouteTable
    wirings: Mapping[Target, Wiring]
    checks: Mapping[Target, Check] = field(default_factory=dict)  # of the targets that are checked actively
    limits: Mapping[str, CallLimits]  # by route
    keys: auth.Keys
    config: admin_pb2.ConfigStatus


class Engine:
    """Serves calls. Everything here runs on one event loop, and needs no locks."""

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        observers: Sequence[Observer] = (),
        admission: GatePolicy | None = None,
        rng: random.Random | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`admission`: how many calls may run at once, and wait.

        `clock` must not run apart from the loop's. It is not the loop's own, since uvloop's counts whole
        milliseconds.
        """
        self._snapshot = snapshot
        self._listen()
        self._clock = clock
        self._rng = rng or random.Random()  # noqa: S311  # jitter, not cryptography
        self.control = Control(self, clock=self._clock, rng=self._rng)
        self._listeners = listeners((*observers, self.control))
        self._draining = False
        self.admission = Admission(
            clock=self._clock, rng=self._rng, emit=self.emit, policy=admission or GatePolicy()
        )

    def emit(self, event: Event) -> None:
        for observer in self._listeners[type(event)]:
            observer(event)

    async def open(self, call: Call, scope: str) -> Permit:
        """The caller's permit. Raises Fault (NO_KEY, BAD_KEY, FORBIDDEN, DRAINING, OVERLOADED, DEADLINE)."""
        principal = None
        try:
            principal = self._snapshot.keys.authenticate(call.keys, time.time())
            auth.require(principal, scope)
            if scope != INFERENCE:
                return self.admission.wave_through(call, principal)
            return self.admission.admit(call, principal) or await self.admission.wait(call, principal)
        except (Fault, asyncio.CancelledError) as error:
            self.admission.refuse(call, principal, fault_of(error))
            raise

    async def unary(self, permit: Permit, head: Head, body: Body[Message]) -> Reply:
        """The whole reply, with its route_info; a plain one only where the body is and takes JSON."""
        snapshot, route = self._found(permit, head)
        ticket = None if route.spec.max_in_flight is None else await self._enter(route, permit.call)
        try:
            tries = self._tries(snapshot, route, permit, head)
            async for attempt in tries:
                with attempt:
                    ask = Ask(snapshot.wirings[attempt.target], attempt, permit.call, head, body)
                    return relay.reply(tries, attempt, await ask.reply())
            raise tries.failure()
        except asyncio.CancelledError:
            if (cut := permit.cut_fault()) is not None:
                raise cut from None
            raise
        finally:
            if ticket is not None:
                route.gate.leave(ticket, self._clock())

    async def stream(self, permit: Permit, head: Head, body: Body[Message]) -> Batches:
        """Batches of chunks; the first chunk and the last carry route_info. Close it to cancel."""
        snapshot, route = self._found(permit, head)
        ticket = None if route.spec.max_in_flight is None else await self._enter(route, permit.call)
        try:
            tries = self._tries(snapshot, route, permit, head)
            async for attempt in tries:
                with attempt:
                    ask = Ask(snapshot.wirings[attempt.target], attempt, permit.call, head, body)
                    answer = relay.Relay(tries, attempt)
                    async with aclosing(ask.chunks()) as batches:
                        async for batch in batches:
                            if ready := answer.take(batch):
                                given_at = self._clock()
                                yield ready
                                # A slow reader's time is no silence of the target.
                                attempt.content_at += self._clock() - given_at
                    yield answer.finish()
                    return
            raise tries.failure()
        except asyncio.CancelledError:
            if (cut := permit.cut_fault()) is not None:
                raise cut from None
            raise
        finally:
            if ticket is not None:
                route.gate.leave(ticket, self._clock())

    async def models(self, permit: Permit) -> switch_pb2.ListModelsResponse:
        """The routes that the caller may use, by name."""
        snapshot, allowed = self._snapshot, permit.principal.routes
        permit.operation = "models"
        return switch_pb2.ListModelsResponse(
            models=[
                _model(route, snapshot.config.loaded.seconds)
                for name, route in sorted(snapshot.table.routes.items())
                if allowed is None or name in allowed
            ]
        )

    # What operators do; see `control`.

    async def status(
        self, permit: Permit, request: admin_pb2.GetStatusRequest
    ) -> admin_pb2.GetStatusResponse:
        permit.operation = "admin"
        told = self.control.status(request.route, request.target)
        _note(permit, request)
        return told

    def watch(
        self, permit: Permit, request: admin_pb2.WatchStatusRequest
    ) -> AsyncGenerator[admin_pb2.StatusEvent, None]:
        permit.operation = "admin"
        return self.control.watch(request.route, request.target)

    async def reset(
        self, permit: Permit, request: admin_pb2.ResetBreakerRequest
    ) -> admin_pb2.ResetBreakerResponse:
        permit.operation = "admin"
        told = self.control.reset(request.route, request.target)
        _note(permit, request)
        return told

    async def override(
        self, permit: Permit, request: admin_pb2.OverrideBreakerRequest
    ) -> admin_pb2.OverrideBreakerResponse:
        permit.operation = "admin"
        told = self.control.override(request)
        _note(permit, request)
        return told

    async def reload(
        self, permit: Permit, request: admin_pb2.ReloadConfigRequest
    ) -> admin_pb2.ReloadConfigResponse:
        permit.operation = "admin"
        if self.control.reload is None:
            raise Fault(Kind.UNSUPPORTED, "this gateway's configuration is fixed")
        return await self.control.reload(request.dry_run)

    async def explain(
        self, permit: Permit, request: admin_pb2.ExplainRouteRequest
    ) -> admin_pb2.ExplainRouteResponse:
        permit.operation = "admin"
        return self.control.explain(request.route, request.sticky_key)

    # What the process does.

    @property
    def table(self) -> RouteTable:
        return self._snapshot.table

    @property
    def config(self) -> admin_pb2.ConfigStatus:
        return self._snapshot.config

    @property
    def state(self) -> admin_pb2.GatewayStatus.State:
        states = admin_pb2.GatewayStatus
        return states.STATE_DRAINING if self._draining else states.STATE_SERVING

    @property
    def in_flight(self) -> int:
        return self.admission.in_flight

    def swap(self, snapshot: Snapshot) -> None:
        """Takes over another configuration. Calls in flight keep theirs; state of what stays is kept."""
        now = self._clock()
        for name, route in snapshot.table.routes.items():
            if (before := self._snapshot.table.routes.get(name)) is not None:
                route.adopt(before, now)
        self._snapshot = snapshot
        self._listen()

    def _listen(self) -> None:
        """Has targets told of their credentials, so that a new one gives an open breaker its chance."""
        for target, wiring in self._snapshot.wirings.items():
            wiring.store.on_fetched(partial(self._fetched, target))

    def _fetched(self, target: Target, fingerprint: str) -> None:
        transition = target.credential(fingerprint, self._clock())
        if transition is not None:
            self.emit(breaker_changed(target, transition))

    def ready(self) -> bool:
        """Configured and not draining."""
        return not self._draining

    def begin_drain(self) -> None:
        """Readiness turns false, so that callers go elsewhere; calls are still admitted."""
        self._draining = True
        self.control.begin_drain()

    def refuse_calls(self) -> None:
        """From now on a new call is refused as DRAINING, and operators' watches end."""
        self.admission.draining = True
        self.control.end_watches()

    def cut_calls(self) -> None:
        """Ends the calls in flight: each hears DRAINING, streams within what came so far."""
        self.admission.cut()

    async def idle(self) -> None:
        """Returns once no call is in flight."""
        await self.admission.idle()

    def _found(self, permit: Permit, head: Head) -> tuple[Snapshot, Route]:
        """The route asked for. Raises Fault (UNKNOWN_ROUTE, FORBIDDEN)."""
        snapshot = self._snapshot
        permit.operation, permit.stream = head.operation, head.stream
        route = snapshot.table.find(head.route, permit.principal.routes)
        permit.route = route.spec.name
        auth.require_route(permit.principal, route.spec.name, asked=head.route)
        return snapshot, route

    def _tries(self, snapshot: Snapshot, route: Route, permit: Permit, head: Head) -> Tries:
        return Tries(
            route,
            permit,
            head,
            ends=call_deadline(permit.call, head.stream, snapshot.limits[route.spec.name]),
            wirings=snapshot.wirings,
            clock=self._clock,
            rng=self._rng,
            emit=self.emit,
        )

    async def _enter(self, route: Route, call: Call) -> Ticket:
        """A place on a route that limits its calls in flight. Raises Fault (OVERLOADED, DEADLINE)."""
        until = math.inf if call.deadline is None else call.deadline
        ticket = await enter(route.gate, self._clock, until)
        if ticket.place is Place.ADMITTED:
            return ticket
        if self._clock() >= until:
            raise deadline_fault()
        raise no_place(Kind.OVERLOADED, f"route {route.spec.name!r}", route.spec.max_in_flight, self._rng)


def _note(
    permit: Permit,
    request: admin_pb2.GetStatusRequest | admin_pb2.ResetBreakerRequest | admin_pb2.OverrideBreakerRequest,
) -> None:
    """For the log: what an operator's call was about, once that is known to exist."""
    permit.route, permit.target = request.route, request.target


def _model(route: Route, loaded: int) -> switch_pb2.Model:
    return switch_pb2.Model(
        id=route.spec.name,
        created=loaded,
        aliases=route.spec.aliases,
        strategy=route.strategy,
        targets=[
            switch_pb2.ModelTarget(
                name=target.spec.name,
                provider=target.spec.provider,
                model=target.spec.model,
                priority=target.spec.priority,
                weight=target.spec.weight,
            )
            for target in route.targets
        ],
    )
