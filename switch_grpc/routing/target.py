"""One target: what the configuration says of it, and how it has been doing."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from switch_grpc.faults import Effect, Fault, Kind
from switch_grpc.request import Need
from switch_grpc.routing.breaker import Breaker, Permit
from switch_grpc.routing.cooldown import Cooldown
from switch_grpc.routing.gate import Gate, GatePolicy, Ticket
from switch_grpc.routing.limits import MinuteLimits, Reservation
from switch_grpc.routing.load import Flight, Load
from switch_grpc.routing.outcome import SUCCEEDED
from switch_grpc.routing.policy import BreakerPolicy
from switch_grpc.routing.states import Transition

CREDENTIAL_REST: Final = 5.0  # seconds that a target is passed over when its credential cannot be had


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthThresholds:
    """Past any of these a target counts as unhealthy for its pool's minimum. Seconds, per cent."""

    error_rate: float = 20.0
    response_time: float = 30.0
    consecutive_failures: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSpec:
    """A target as configured. Durations in seconds."""

    route: str
    name: str
    provider: str
    model: str
    identity: str  # hash of provider, apiBase, modelName, credentialsRef: state outlives reloads by it
    priority: int = 1
    weight: float = 1.0
    cost: float | None = None  # US dollars per token
    context_window: int | None = None  # tokens; None: not known
    lacks: Need = Need.NONE  # what the model is known not to do
    max_retries: int = 3
    retry_delay: float = 1.0
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)
    thresholds: HealthThresholds = field(default_factory=HealthThresholds)
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    max_in_flight: int | None = None


@dataclass(slots=True)
class Entry:
    """One attempt's place at a target, from `admit` to `settle`."""

    permit: Permit
    flight: Flight
    reservation: Reservation | None
    ticket: Ticket | None = None  # where the target limits its attempts in flight


@dataclass(slots=True)
class Record:
    """What is remembered of a target besides its counters. Absolute seconds."""

    resting_until: float = -math.inf  # passed over, since its credential could not be had
    settled_at: float = -math.inf  # the last outcome that says something of the target
    fault: Kind | None = None  # the last fault that was the target's own
    fault_message: str = ""
    fault_at: float = -math.inf
    check_ok: bool | None = None  # the last active check; None: none was made
    checked_at: float = -math.inf
    fingerprint: str = ""  # of the credential last fetched for it


class Target:
    """A target's live state. Only the event loop touches it, and never across an await."""

    __slots__ = (
        "breaker",
        "cooldown",
        "cost",
        "gate",
        "key",
        "lacks",
        "limits",
        "load",
        "priority",
        "record",
        "spec",
        "weight",
    )

    def __init__(self, spec: TargetSpec) -> None:
        self.spec = spec
        self.key = spec.name
        self.weight = spec.weight
        self.priority = spec.priority
        self.cost = spec.cost
        self.lacks = spec.lacks.value  # as a number: flags are slow to compare
        self.breaker = Breaker(spec.breaker)
        self.load = Load()
        self.cooldown = Cooldown()
        self.limits = MinuteLimits(spec.requests_per_minute, spec.tokens_per_minute)
        self.gate = Gate(GatePolicy(limit=spec.max_in_flight))
        self.record = Record()

    def __repr__(self) -> str:
        return f"Target({self.spec.route}/{self.spec.name})"

    def adopt(self, before: "Target", now: float) -> None:
        """Takes over the state of the same target in the configuration before this one."""
        self.load, self.cooldown, self.gate = before.load, before.cooldown, before.gate
        self.record, self.breaker = before.record, before.breaker
        self.breaker.adopt(self.spec.breaker, now)
        self.gate.adopt(GatePolicy(limit=self.spec.max_in_flight), now)
        limits, asked = before.limits, (self.spec.requests_per_minute, self.spec.tokens_per_minute)
        limits.requests, limits.tokens = asked
        self.limits = limits

    def refusal(self, now: float, tokens: int = 0) -> str | None:
        """Why the target may not be asked now, in words for operators; None: it may. No side effect."""
        if self.weight <= 0:
            return "drained: its weight is 0"
        if not self.breaker.admissible(now):
            return f"its breaker is {self.breaker.state(now)}"
        if now < self.cooldown.until:
            return "cooling down: it asked for fewer requests"
        if now < self.record.resting_until:
            return "its credential could not be had a moment ago"
        limits = self.limits
        if (limits.requests is not None or limits.tokens is not None) and not limits.fits(tokens, now):
            return "its requests or tokens of this minute are used up"
        return None

    def retry_at(self, now: float, tokens: int = 0) -> float:
        """When it may be asked again, as far as is known; inf where it may not be until it is reset."""
        if self.weight <= 0:
            return math.inf
        times = [self.breaker.retry_at(now), self.cooldown.until, self.record.resting_until]
        if self._limited:
            times.append(self.limits.retry_at(tokens, now))
        return max(now, *times)

    def admit(self, now: float, lease: float, tokens: int = 0) -> Entry | None:
        """A place for one attempt, or None. `lease`: seconds after which a silent probe counts as lost."""
        if self.refusal(now, tokens) is not None:
            return None
        permit = self.breaker.admit(now, lease)
        if permit is None:
            return None
        reservation = self.limits.reserve(tokens, now) if self._limited else None
        return Entry(permit, self.load.begin(now), reservation)

    def confirm(self, entry: Entry, now: float) -> Transition | None:
        """A stream's first content came: a half-open probe has succeeded, however long the stream is."""
        return self.breaker.confirm(entry.permit, now)

    def settle(
        self,
        entry: Entry,
        fault: Fault | None,
        *,
        now: float,
        rng: random.Random,
        tokens: int | None = None,
        sent: bool = True,
    ) -> Transition | None:
        """What became of the attempt: a fault or None, the tokens used, if known, and whether it was sent."""
        outcome = SUCCEEDED if fault is None else fault.effect
        entry.flight.end(outcome, now)
        if entry.ticket is not None:
            self.gate.leave(entry.ticket, now)
        if entry.reservation is not None:
            if not sent or (fault is not None and fault.unsent):
                entry.reservation.cancel(now)
            elif tokens is not None:
                entry.reservation.settle(tokens, now)
        record = self.record
        if fault is None:
            self.cooldown.succeeded()
            record.settled_at = now
        else:
            if fault.kind is Kind.UPSTREAM_RATE_LIMIT:
                self.cooldown.cool(now, fault.retry_after)
            elif fault.kind is Kind.CREDENTIALS:
                record.resting_until = now + CREDENTIAL_REST
            if outcome is not Effect.EXCLUDED:
                record.settled_at = record.fault_at = now
                record.fault, record.fault_message = fault.kind, fault.message
        return self.breaker.settle(entry.permit, outcome, now, rng)

    def reset(self, now: float) -> Transition | None:
        """An operator's reset: closed, and nothing remembered against it."""
        self.cooldown.clear()
        self.record.resting_until = -math.inf
        self.record.settled_at = -math.inf
        return self.breaker.reset(now)

    def credential(self, fingerprint: str, now: float) -> Transition | None:
        """Its credential was fetched; another than before is a reason to ask again, whatever went wrong."""
        before, self.record.fingerprint = self.record.fingerprint, fingerprint
        if before in ("", fingerprint):
            return None
        self.record.resting_until = -math.inf
        return self.breaker.renew(now)

    def checked(self, ok: bool, now: float) -> None:
        """An active check answered well, or failed as often as its retries allow."""
        self.record.check_ok, self.record.checked_at = ok, now

    def healthy(self, now: float) -> bool:
        """Admissible, and by the newest evidence within its pool's thresholds.

        Evidence goes stale after the breaker's resetTimeout, or the target of a pool that is passed over
        would get no call by which it could show that it is well again. An active check that failed counts,
        one that went well does not outweigh calls that failed: it asked for less. How quick the target is,
        its time to first byte says: a stream's last byte may be minutes away at the best of them.
        """
        if self.refusal(now) is not None:
            return False
        record, stale = self.record, now - self.spec.breaker.reset_timeout
        if record.check_ok is False and record.checked_at > max(record.settled_at, stale):
            return False
        if record.settled_at <= stale:
            return True
        limits, seen = self.spec.thresholds, self.breaker.snapshot(now)
        enough = seen.oks + seen.fails >= self.spec.breaker.min_requests
        return (
            seen.consecutive < limits.consecutive_failures
            and (not enough or seen.error_rate <= limits.error_rate)
            and (self.load.ttfb.value or 0.0) <= limits.response_time
        )

    @property
    def is_full(self) -> bool:
        """As many attempts in flight as it may have, where it has a limit."""
        limit = self.spec.max_in_flight
        return limit is not None and self.gate.inside >= limit

    @property
    def _limited(self) -> bool:
        return self.limits.requests is not None or self.limits.tokens is not None


def soonest(targets: Sequence[Target], now: float, tokens: int = 0) -> float | None:
    """Seconds until the first of these may be asked again, 1 to 60; None where none will be by itself."""
    at = min((target.retry_at(now, tokens) for target in targets), default=math.inf)
    return None if math.isinf(at) else min(60.0, max(1.0, at - now))
