"""What operators see and do: status, watching, reset, overrides, reload, explain."""

import asyncio
import enum
import math
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from typing import Final, Protocol

from google.protobuf.timestamp_pb2 import Timestamp

from switch_grpc import __version__
from switch_grpc.engine.attempt import REASONS
from switch_grpc.engine.relay import BREAKER_STATES
from switch_grpc.engine.tries import breaker_changed
from switch_grpc.events import BreakerChanged, ConfigReloaded, Event
from switch_grpc.faults import Fault, Kind
from switch_grpc.routing.balance import unfit
from switch_grpc.routing.needs import words
from switch_grpc.routing.route import Route
from switch_grpc.routing.states import Cause, Snapshot, State, Transition
from switch_grpc.routing.table import RouteTable
from switch_grpc.routing.target import Target
from switch_grpc.v1 import admin_pb2

CAUSES: Final = {
    Cause.CONSECUTIVE: admin_pb2.BREAKER_CAUSE_CONSECUTIVE,
    Cause.RATE: admin_pb2.BREAKER_CAUSE_RATE,
    Cause.PERMANENT: admin_pb2.BREAKER_CAUSE_PERMANENT,
    Cause.TLS: admin_pb2.BREAKER_CAUSE_TLS,
    Cause.PROBE: admin_pb2.BREAKER_CAUSE_PROBE,
    Cause.FORCED: admin_pb2.BREAKER_CAUSE_FORCED,
}
TARGETS_LISTED: Final = 10  # of those that an error names
WATCH_BACKLOG: Final = 256  # events that a watcher may be behind; then it is sent the whole status again

_WATCHED: Final = (BreakerChanged, ConfigReloaded)  # a union would be made anew at each event
Reload = Callable[[bool], Awaitable[admin_pb2.ReloadConfigResponse]]


class _Mark(enum.Enum):
    """What a watcher's queue holds beside events."""

    MISSED = enum.auto()  # there were events here, more than the watcher took
    DRAINING = enum.auto()
    END = enum.auto()


class Watched(Protocol):
    """The engine, as far as its operators see it."""

    @property
    def table(self) -> RouteTable: ...
    @property
    def config(self) -> admin_pb2.ConfigStatus: ...
    @property
    def state(self) -> admin_pb2.GatewayStatus.State: ...
    @property
    def in_flight(self) -> int: ...
    def emit(self, event: Event) -> None: ...


class Control:
    """An engine's levers. Also an observer: what it is told, watchers hear."""

    def __init__(self, engine: Watched, *, clock: Callable[[], float], rng: random.Random) -> None:
        self._engine = engine
        self._clock = clock
        self._rng = rng
        self._started = time.time()
        self._watchers: set[asyncio.Queue[Event | _Mark]] = set()
        self._ended = False
        self.reload: Reload | None = None  # set by whoever knows where configurations come from

    def hears(self, kind: type[Event]) -> bool:
        return kind in _WATCHED

    def __call__(self, event: Event) -> None:
        for queue in self._watchers:
            if queue.qsize() < WATCH_BACKLOG:  # the last place tells the watcher that it missed something
                queue.put_nowait(event if queue.qsize() < WATCH_BACKLOG - 1 else _Mark.MISSED)

    def begin_drain(self) -> None:
        """Watchers are told that the gateway drains."""
        self._mark(_Mark.DRAINING)

    def end_watches(self) -> None:
        """Watchers are told that there is no more; who comes now gets the status and nothing after it."""
        if not self._ended:
            self._ended = True
            self._mark(_Mark.END)

    def _mark(self, mark: _Mark) -> None:
        for queue in self._watchers:
            queue.put_nowait(mark)  # above the backlog: it must arrive, and there are two at most

    def status(self, route: str, target: str) -> admin_pb2.GetStatusResponse:
        """Every target that matches; empty matches all. Raises Fault(UNKNOWN_ROUTE)."""
        return admin_pb2.GetStatusResponse(
            targets=[self._status_of(found) for found in self._matching(route, target)],
            gateway=self.gateway(),
        )

    def gateway(self) -> admin_pb2.GatewayStatus:
        return admin_pb2.GatewayStatus(
            state=self._engine.state,
            version=__version__,
            started=stamp(self._started),
            config=self._engine.config,
            in_flight=self._engine.in_flight,
        )

    async def watch(self, route: str, target: str) -> AsyncGenerator[admin_pb2.StatusEvent, None]:
        """A snapshot, then an event per change; another snapshot in place of events that were missed.

        Ends when the gateway takes no more calls.
        """
        queue: asyncio.Queue[Event | _Mark] = asyncio.Queue()
        self._watchers.add(queue)
        try:
            yield admin_pb2.StatusEvent(at=stamp(time.time()), snapshot=self.status(route, target))
            while not (self._ended and queue.empty()):
                event = await queue.get()
                told = admin_pb2.StatusEvent(at=stamp(time.time()))
                match event:
                    case BreakerChanged():
                        moved = self._moved_target(event, route, target)
                        if moved is None:
                            continue
                        told.target.CopyFrom(self._status_of(moved))
                    case ConfigReloaded() | _Mark.DRAINING:
                        told.gateway.CopyFrom(self.gateway())
                    case _Mark.MISSED:
                        told.snapshot.CopyFrom(self.status(route, target))
                    case _:
                        continue
                yield told
        finally:
            self._watchers.discard(queue)

    def reset(self, route: str, target: str) -> admin_pb2.ResetBreakerResponse:
        """Closes breakers and clears cooldowns. Raises Fault(UNKNOWN_ROUTE) where nothing matches."""
        found = self._matching(route, target)
        for one in found:
            self._moved(one, one.reset(self._clock()))
        return admin_pb2.ResetBreakerResponse(targets=[self._status_of(one) for one in found])

    def override(self, request: admin_pb2.OverrideBreakerRequest) -> admin_pb2.OverrideBreakerResponse:
        """Holds one breaker open or closed. Raises Fault (UNKNOWN_ROUTE, BAD_REQUEST)."""
        if not (request.route and request.target):
            raise Fault(Kind.BAD_REQUEST, "an override names one route and one target", param="target")
        if not (request.ttl >= 0 and math.isfinite(request.ttl)):
            raise Fault(Kind.BAD_REQUEST, "ttl is in seconds; 0 holds until reset", param="ttl")
        (target,) = self._matching(request.route, request.target)
        now, ttl = self._clock(), request.ttl or None
        match request.mode:
            case admin_pb2.BreakerOverride.MODE_FORCE_OPEN:
                self._moved(target, target.breaker.force_open(now, ttl))
            case admin_pb2.BreakerOverride.MODE_FORCE_CLOSED:
                self._moved(target, target.breaker.force_closed(now, ttl))
            case _:
                raise Fault(Kind.BAD_REQUEST, "mode is MODE_FORCE_OPEN or MODE_FORCE_CLOSED", param="mode")
        return admin_pb2.OverrideBreakerResponse(target=self._status_of(target))

    def explain(self, route_name: str, sticky_key: str) -> admin_pb2.ExplainRouteResponse:
        """The order in which a call would try the targets, and why some are passed over; picks nobody."""
        route, now = self._engine.table.find(route_name), self._clock()
        explained = admin_pb2.ExplainRouteResponse(route=route.spec.name, strategy=route.strategy)
        candidates = route.preview(sticky_key=sticky_key or None, now=now)
        for target in candidates:
            explained.candidates.append(_candidate(target, _rank(target, route), admissible=True))
        for pool in route.pools:
            for target in pool.targets:
                if target not in candidates:
                    reason = unfit(target, pool.spec.max_cost_per_token) or target.refusal(now)
                    reason = reason or "beyond the fallback's maxAttempts"
                    explained.candidates.append(_candidate(target, reason, admissible=False))
        return explained

    def _matching(self, route: str, target: str) -> list[Target]:
        routes: Iterable[Route] = self._engine.table.routes.values()
        if route:
            routes = [self._engine.table.named(route)]
        all_of_them = [one for each in routes for one in each.targets]
        found = [one for one in all_of_them if not target or one.key == target]
        if target and not found:
            raise _no_target(target, route, all_of_them)
        return found

    def _moved_target(self, event: BreakerChanged, route: str, target: str) -> Target | None:
        """Whose breaker moved, if a watcher of `route` and `target` is to hear of it.

        None too where a reload took the target away while its last calls went on.
        """
        if (route and event.route != route) or (target and event.target != target):
            return None
        known = self._engine.table.routes.get(event.route)
        return next((one for one in known.targets if one.key == event.target), None) if known else None

    def _moved(self, target: Target, transition: Transition | None) -> None:
        if transition is not None:
            self._engine.emit(breaker_changed(target, transition))

    def _status_of(self, target: Target) -> admin_pb2.TargetStatus:
        now = self._clock()
        wall = time.time() - now
        spec, load, seen = target.spec, target.load, target.breaker.snapshot(now)
        status = admin_pb2.TargetStatus(
            route=spec.route,
            target=spec.name,
            provider=spec.provider,
            model=spec.model,
            state=BREAKER_STATES[seen.state],
            permanent_trips=seen.permanent_trips,
            consecutive_failures=seen.consecutive,
            total_requests=load.total,
            successful_requests=load.succeeded,
            failed_requests=load.failed,
            error_rate=seen.error_rate,
            average_response_ms=(load.response.value or 0.0) * 1e3,
            average_ttfb_ms=(load.ttfb.value or 0.0) * 1e3,
            in_flight=load.in_flight,
            health=_health(target, now),
        )
        if seen.cause is not None and seen.state is not State.CLOSED:
            status.cause = CAUSES.get(seen.cause, admin_pb2.BREAKER_CAUSE_UNSPECIFIED)
        if seen.until is not None and math.isfinite(seen.until):
            status.next_attempt.CopyFrom(stamp(wall + seen.until))
        if target.cooldown.is_cooling(now):
            status.cooling_until.CopyFrom(stamp(wall + target.cooldown.until))
        record = target.record
        if record.fault is not None:
            status.last_fault = REASONS[record.fault]
            status.last_fault_message = record.fault_message
            status.last_fault_at.CopyFrom(stamp(wall + record.fault_at))
        if seen.override is not None:
            status.override.CopyFrom(_override(seen, wall))
        return status


def _no_target(name: str, route: str, others: Iterable[Target]) -> Fault:
    where = f"route {route!r} has" if route else "there is"
    known = list(dict.fromkeys(each.key for each in others))
    there = ", ".join(map(repr, known[:TARGETS_LISTED]))
    more = f" and {len(known) - TARGETS_LISTED} more" if len(known) > TARGETS_LISTED else ""
    return Fault(
        Kind.UNKNOWN_ROUTE,
        f"{where} no target called {name!r}, but {there}{more}" if known else f"{where} no target",
        param="target",
    )


def stamp(wall: float) -> Timestamp:
    """Unix seconds as a Timestamp."""
    whole = math.floor(wall)
    return Timestamp(seconds=whole, nanos=int((wall - whole) * 1e9))


def _health(target: Target, now: float) -> admin_pb2.Health:
    unknown = target.load.total == 0 and target.record.check_ok is None
    if unknown and target.refusal(now) is None:
        return admin_pb2.HEALTH_UNSPECIFIED
    return admin_pb2.HEALTH_HEALTHY if target.healthy(now) else admin_pb2.HEALTH_UNHEALTHY


def _override(seen: Snapshot, wall: float) -> admin_pb2.BreakerOverride:
    forced_open = seen.override is State.OPEN
    modes = admin_pb2.BreakerOverride
    override = admin_pb2.BreakerOverride(
        mode=modes.MODE_FORCE_OPEN if forced_open else modes.MODE_FORCE_CLOSED
    )
    if seen.override_until is not None and math.isfinite(seen.override_until):
        override.until.CopyFrom(stamp(wall + seen.override_until))
    return override


def _rank(target: Target, route: Route) -> str:
    """Why it stands where it does, and for which calls it is passed over."""
    pool = next(pool for pool in route.pools if target in pool.targets)
    why = "a downgrade" if pool.spec.derived else f"by {pool.spec.strategy}"
    lacks = words(target.spec.lacks)
    return f"{why}; not for calls that need it to {lacks}" if lacks else why


def _candidate(target: Target, reason: str, *, admissible: bool) -> admin_pb2.ExplainRouteResponse.Candidate:
    return admin_pb2.ExplainRouteResponse.Candidate(
        target=target.key,
        provider=target.spec.provider,
        model=target.spec.model,
        admissible=admissible,
        reason=reason,
    )
