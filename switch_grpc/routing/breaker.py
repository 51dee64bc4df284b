"""The circuit breaker of one target: closed, open or half open. Pure: time and chance are arguments.

An attempt takes two steps: `admit` gives a permit or none, `settle` says once what came of it. Each
transition starts an epoch, and a result counts only in the epoch of its permit: what started before a trip
says nothing about the target after it, and fifty parallel 401s are one trip (Envoy's
LargeNumberOfTimeouts, gobreaker's generations).

Half open, a few permits at a time are probes. One that is cancelled or neutral changes nothing and gives its
place back; one that never reports does so when its lease ends.
"""

import math
import random
from typing import Final

from switch_grpc.faults import Effect
from switch_grpc.routing.outcome import SUCCEEDED, Outcome
from switch_grpc.routing.policy import BreakerPolicy, PermanentPolicy
from switch_grpc.routing.states import Cause, Snapshot, State, Transition
from switch_grpc.routing.window import Window

__all__ = [
    "Breaker",
    "BreakerPolicy",
    "Cause",
    "PermanentPolicy",
    "Permit",
    "Snapshot",
    "State",
    "Transition",
]

LEASE: Final = 30.0  # seconds; a probe's lease is at least this


class Permit:
    """Leave to make one attempt. `state` is the breaker's as it was admitted: half open means a probe."""

    __slots__ = ("epoch", "lease_end", "settled", "state", "transition", "unproven")

    def __init__(self, epoch: int, state: State, lease_end: float, transition: Transition | None) -> None:
        self.epoch = epoch
        self.state = state
        self.lease_end = lease_end
        self.transition = transition  # what admitting it did to the breaker: open -> half open, or nothing
        self.unproven = state is State.HALF_OPEN  # its success still counts towards closing
        self.settled = False


class Breaker:
    """Decides whether a target may be asked, from what became of the attempts before.

    Time is seconds on one monotonic clock; time that runs backwards counts as the latest time seen. Only
    the event loop touches a breaker, and nothing here waits, so there is no lock.
    """

    __slots__ = (
        "_cause",
        "_closed_at",
        "_consecutive",
        "_epoch",
        "_held_until",
        "_permanent_run",
        "_permanent_trips",
        "_probes",
        "_proven",
        "_seen",
        "_served",
        "_state",
        "_until",
        "_window",
        "policy",
    )

    def __init__(self, policy: BreakerPolicy) -> None:
        self.policy = policy
        self._state = State.CLOSED
        self._cause: Cause | None = None
        self._epoch = 0
        self._seen = -math.inf
        self._until = math.inf  # while open: when the next admit may probe
        self._held_until = -math.inf  # an operator holds it closed until then
        self._closed_at = -math.inf
        self._served = False  # a success since it closed; the closing probe counts
        self._consecutive = 0
        self._permanent_run = 0  # permanent failures since the last success
        self._permanent_trips = 0  # the k of the ladder
        self._probes: list[Permit] = []  # of this epoch, in flight
        self._proven = 0  # successful probes of this epoch
        self._window = Window(policy.monitoring_window)

    # What may be asked.

    def state(self, now: float) -> State:
        """An open breaker stays so after its time until `admit` turns it half open. No side effect."""
        return self._state

    def admissible(self, now: float) -> bool:
        """Whether `admit` would give a permit now. No side effect."""
        if self._state is State.CLOSED:
            return True
        now = max(now, self._seen)
        if self._state is State.OPEN:
            return now >= self._until
        return self._leased(now) < self.policy.half_open_max_probes

    def retry_at(self, now: float) -> float:
        """When a call that is refused now is worth another try; inf: when the breaker is reset.

        `now` where the breaker is closed or half open, since a probe may report at any moment.
        """
        now = max(now, self._seen)
        return max(now, self._until) if self._state is State.OPEN else now

    def snapshot(self, now: float) -> Snapshot:
        """All that an operator may want to know. No side effect."""
        now = max(now, self._seen)
        oks, fails = self._window.counts(now)
        forced_open = self._forced_open and now < self._until
        held_closed = now < self._held_until
        override = State.OPEN if forced_open else State.CLOSED if held_closed else None
        return Snapshot(
            state=self._state,
            cause=self._cause,
            until=self._until if self._state is State.OPEN else None,
            permanent_trips=self._permanent_trips,
            consecutive=self._consecutive,
            oks=oks,
            fails=fails,
            probes=self._leased(now),
            override=override,
            override_until=self._until if forced_open else self._held_until if held_closed else None,
        )

    # What an attempt does.

    def admit(self, now: float, lease: float = LEASE) -> Permit | None:
        """A permit for one attempt, or None. `lease`: seconds after which a probe that is silent is lost."""
        now = self._tick(now)
        if self._state is State.CLOSED:
            return Permit(self._epoch, State.CLOSED, math.inf, None)
        transition = None
        if self._state is State.OPEN:
            if now < self._until:
                return None
            if not self.policy.enabled:
                transition = self._close(Cause.DISABLED, now)
                return Permit(self._epoch, State.CLOSED, math.inf, transition)
            transition = self._half_open(Cause.LAPSED)
        elif self._leased(now) >= self.policy.half_open_max_probes:
            return None
        permit = Permit(self._epoch, State.HALF_OPEN, now + max(lease, LEASE), transition)
        self._probes = [probe for probe in self._probes if probe.lease_end > now]
        self._probes.append(permit)
        return permit

    def confirm(self, permit: Permit, now: float) -> Transition | None:
        """A stream's first content came: a probe has succeeded, however long its stream goes on.

        It gives its place back and from here on is an attempt like any other, of the epoch that it may just
        have begun: `settle` still follows, and a stream cut after this counts as an ordinary failure. For a
        permit that is no probe nothing happens.
        """
        if permit.settled or not permit.unproven or permit.epoch != self._epoch:
            return None
        transition = self._prove(permit, self._tick(now))
        permit.epoch = self._epoch
        return transition

    def settle(self, permit: Permit, outcome: Outcome, now: float, rng: random.Random) -> Transition | None:
        """Counts what became of an attempt. The first result of a permit stands; others are ignored."""
        if permit.settled:
            return None
        permit.settled = True
        if permit.epoch != self._epoch:
            return None
        now = self._tick(now)
        if outcome is SUCCEEDED:
            self._consecutive = self._permanent_run = 0
            self._served = True
            self._window.add_ok(now)
            return self._prove(permit, now) if permit.unproven else None
        if permit.unproven:
            self._release(permit)
        if outcome is Effect.EXCLUDED:
            return None
        cause = self._count(self.policy.as_counted(outcome), now)
        if cause is None or not self.policy.enabled or now < self._held_until:
            return None
        return self._trip(cause, now, rng)

    # What an operator, a rotation or a reload does.

    def reset(self, now: float) -> Transition | None:
        """Closes it and forgets everything, overrides and the results of attempts in flight included."""
        self._permanent_trips = self._permanent_run = 0
        closed = self._state is State.CLOSED
        transition = self._close(Cause.RESET, self._tick(now))
        return None if closed else transition

    def force_open(self, now: float, ttl: float | None = None) -> Transition:
        """Holds it open for `ttl` seconds, after which it probes; None: until it is reset."""
        now = self._tick(now)
        self._held_until = -math.inf
        return self._open(Cause.FORCED, math.inf if ttl is None else now + ttl)

    def force_closed(self, now: float, ttl: float | None = None) -> Transition:
        """Holds it closed for `ttl` seconds, in which failures count but do not open it; None: until reset.

        The ladder keeps its step.
        """
        now = self._tick(now)
        transition = self._close(Cause.FORCED, now)
        self._held_until = math.inf if ttl is None else now + ttl
        return transition

    def renew(self, now: float) -> Transition | None:
        """The target's credential changed: the ladder starts anew, and an open breaker probes at once.

        Probes that still carry the old credential are discarded. An operator's override stands.
        """
        self._tick(now)
        self._permanent_trips = self._permanent_run = 0
        if self._state is State.CLOSED or self._forced_open:
            return None
        return self._half_open(Cause.RENEWED)

    def adopt(self, policy: BreakerPolicy, now: float) -> Transition | None:
        """Takes over a reloaded policy and keeps the state; none stays open longer than `policy` allows."""
        now = self._tick(now)
        if policy.monitoring_window != self.policy.monitoring_window:
            self._window = Window(policy.monitoring_window)
        self.policy = policy
        if self._state is State.CLOSED or self._forced_open:
            return None
        if not policy.enabled:
            return self._close(Cause.DISABLED, now)
        if self._state is State.OPEN and self._cause is not None:
            self._until = min(self._until, now + policy.longest(self._cause))
        return None

    # How it moves.

    @property
    def _forced_open(self) -> bool:
        return self._state is State.OPEN and self._cause is Cause.FORCED

    def _tick(self, now: float) -> float:
        if now > self._seen:
            self._seen = now
        return self._seen

    def _leased(self, now: float) -> int:
        """Probes in flight whose lease runs."""
        return sum(probe.lease_end > now for probe in self._probes)

    def _release(self, permit: Permit) -> None:
        permit.unproven = False
        if permit in self._probes:  # not where its lease ended and another took the place
            self._probes.remove(permit)

    def _prove(self, permit: Permit, now: float) -> Transition | None:
        """A probe succeeded."""
        self._release(permit)
        self._consecutive = self._permanent_run = 0
        self._proven += 1
        if self._proven < self.policy.half_open_success_threshold:
            return None
        transition = self._close(Cause.RECOVERED, now)
        self._served = True
        return transition

    def _count(self, effect: Effect, now: float) -> Cause | None:
        """Enters a failure into the counters; returns why it opens the breaker, if it does."""
        if effect is Effect.LOCAL_OPEN:
            return Cause.TLS
        if effect in (Effect.PERMANENT, Effect.PERMANENT_WINDOW):
            self._permanent_run += 1
            if self._permanent_run >= self.policy.permanent.confirmations:
                if effect is Effect.PERMANENT_WINDOW:
                    self._window.add_fail(now)
                return Cause.PERMANENT
            effect = Effect.COUNTED  # not confirmed yet, and a failure like any other
        self._window.add_fail(now)
        if effect is Effect.COUNTED:
            self._consecutive += 1
        if self._state is State.HALF_OPEN:
            return Cause.PROBE
        return self.policy.too_many(self._consecutive, *self._window.counts(now))

    def _trip(self, cause: Cause, now: float, rng: random.Random) -> Transition:
        policy = self.policy
        if cause is Cause.PERMANENT and self._recovered_fully(now):
            self._permanent_trips = 0
        wait = policy.open_for(cause, self._permanent_trips)
        if policy.jitter:
            wait *= rng.uniform(1.0 - policy.jitter, 1.0 + policy.jitter)
        if cause is Cause.PERMANENT:
            self._permanent_trips += 1
        return self._open(cause, now + wait)

    def _recovered_fully(self, now: float) -> bool:
        """Closed for a whole window and seen to work: a relapse starts the ladder from its first step."""
        return (
            self._state is State.CLOSED
            and self._served
            and now - self._closed_at >= self.policy.monitoring_window
        )

    def _open(self, cause: Cause, until: float) -> Transition:
        self._until = until
        return self._move(State.OPEN, cause, until)

    def _half_open(self, cause: Cause) -> Transition:
        return self._move(State.HALF_OPEN, cause)

    def _close(self, cause: Cause, now: float) -> Transition:
        transition = self._move(State.CLOSED, cause)
        self._consecutive = 0
        self._window.clear()
        self._closed_at = now
        self._served = False
        self._held_until = -math.inf
        return transition

    def _move(self, after: State, cause: Cause, until: float | None = None) -> Transition:
        transition = Transition(before=self._state, after=after, cause=cause, until=until)
        self._state = after
        self._epoch += 1
        self._probes = []
        self._proven = 0
        if after is not State.HALF_OPEN:  # which keeps why it was open
            self._cause = cause if after is State.OPEN else None
        return transition
