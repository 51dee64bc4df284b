"""The breaker against its reference, under every order of events that hypothesis can think of."""

import math
import random
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from switch_grpc.faults import Effect
from switch_grpc.routing.breaker import (
    Breaker,
    BreakerPolicy,
    Cause,
    PermanentPolicy,
    Permit,
    State,
    Transition,
)
from switch_grpc.routing.outcome import SUCCEEDED, Outcome
from tests.support.reference_breaker import Move, ReferenceBreaker

POLICIES = st.builds(
    BreakerPolicy,
    enabled=st.sampled_from([True, True, True, False]),
    failure_threshold=st.sampled_from([0, 1, 3, 5]),
    monitoring_window=st.sampled_from([100.0, 300.0]),
    min_requests=st.sampled_from([2, 4, 10]),
    error_threshold_percentage=st.sampled_from([0.0, 50.0, 75.0]),
    half_open_max_probes=st.sampled_from([1, 1, 3]),
    half_open_success_threshold=st.sampled_from([1, 2]),
    jitter=st.just(0.0),
    permanent=st.builds(
        PermanentPolicy,
        enabled=st.sampled_from([True, True, False]),
        confirmations=st.sampled_from([1, 2]),
    ),
)
OUTCOMES = st.sampled_from([SUCCEEDED, SUCCEEDED, *Effect])
BACKWARDS = st.sampled_from([0.0, 0.0, 0.0, 20.0])
TTLS = st.sampled_from([None, 10.0, 500.0])
RNG = random.Random(7)


def told(transition: Transition | None) -> Move | None:
    if transition is None:
        return None
    return transition.before, transition.after, transition.cause, transition.until


class BreakerModel(RuleBasedStateMachine):
    """Both get the same events; after each, all that can be seen of them is equal."""

    permits = Bundle("permits")

    @initialize(policy=POLICIES)
    def start(self, policy: BreakerPolicy) -> None:
        self.now = 1000.0
        self.first_policy = policy
        self.real, self.model = Breaker(policy), ReferenceBreaker(policy)
        self.log: list[tuple[str, tuple[object, ...], object]] = []
        self.last = State.CLOSED
        self.issued: list[Permit] = []  # probes of the current half-open phase

    def do(self, name: str, *arguments: object) -> object:
        """Does it to the real breaker, keeps it for the replay, and watches its edges."""
        result = getattr(self.real, name)(*arguments)
        self.log.append((name, arguments, result))
        state = self.real.state(self.now)
        assert (self.last, state) != (State.CLOSED, State.HALF_OPEN)
        if state is not self.last:
            self.issued = []
        self.last = state
        return result

    def ask(self, back: float, lease: float) -> tuple[Permit, int] | None:
        now = self.now - back
        before = self.real.snapshot(self.now)
        may = self.real.admissible(now)
        permit = self.do("admit", now, lease)
        assert permit is None or isinstance(permit, Permit)
        number, move = self.model.admit(now, lease)
        assert may == (permit is not None) == (number is not None)
        if permit is None or number is None:
            return None
        assert told(permit.transition) == move
        assert before.state is not State.OPEN or (before.until is not None and self.now >= before.until)
        if permit.state is State.HALF_OPEN:
            leased = [p for p in self.issued if not p.settled and p.unproven and p.lease_end > self.now]
            assert len(leased) < self.real.policy.half_open_max_probes
            self.issued.append(permit)
        return permit, number

    def tell(self, permit: tuple[Permit, int], outcome: Outcome, back: float) -> None:
        before = self.real.snapshot(self.now)
        moved = self.do("settle", permit[0], outcome, self.now - back, RNG)
        assert moved is None or isinstance(moved, Transition)
        assert told(moved) == self.model.settle(permit[1], outcome, self.now - back)
        if outcome is Effect.EXCLUDED:
            assert replace(self.real.snapshot(self.now), probes=before.probes) == before

    @rule(target=permits, back=BACKWARDS, lease=st.sampled_from([5.0, 90.0]))
    def admit(self, back: float, lease: float) -> object:
        permit = self.ask(back, lease)
        return multiple() if permit is None else permit

    @rule(permit=permits, outcome=OUTCOMES, back=BACKWARDS)
    def settle(self, permit: tuple[Permit, int], outcome: Outcome, back: float) -> None:
        self.tell(permit, outcome, back)

    @rule(permit=permits)
    def confirm(self, permit: tuple[Permit, int]) -> None:
        moved = self.do("confirm", permit[0], self.now)
        assert moved is None or isinstance(moved, Transition)
        assert told(moved) == self.model.confirm(permit[1], self.now)

    @rule(outcome=OUTCOMES, times=st.integers(1, 6))
    def attempt(self, outcome: Outcome, times: int) -> None:
        for _ in range(times):
            permit = self.ask(0.0, 30.0)
            if permit is not None:
                self.tell(permit, outcome, 0.0)

    @rule(outcome=OUTCOMES, times=st.integers(2, 50))
    def burst(self, outcome: Outcome, times: int) -> None:
        """In flight together, so that all but the first few results are of an older epoch."""
        trips = self.real.snapshot(self.now).permanent_trips
        for permit in [self.ask(0.0, 30.0) for _ in range(times)]:
            if permit is not None:
                self.tell(permit, outcome, 0.0)
        assert self.real.snapshot(self.now).permanent_trips <= trips + 1

    @rule(seconds=st.sampled_from([1.0, 10.0, 30.0, 60.0, 100.0, 300.0, 4800.0]))
    def advance(self, seconds: float) -> None:
        self.now += seconds

    @rule(early=st.sampled_from([0.0, 0.0, 1.0]))
    def wait_for_the_next_chance(self, early: float) -> None:
        at = self.real.retry_at(self.now)
        if math.isfinite(at):
            self.now = max(self.now, at - early)

    @rule()
    def reset(self) -> None:
        moved = self.do("reset", self.now)
        assert moved is None or isinstance(moved, Transition)
        assert told(moved) == self.model.reset(self.now)

    @rule(ttl=TTLS, mode=st.sampled_from(["force_open", "force_closed"]))
    def force(self, ttl: float | None, mode: str) -> None:
        moved = self.do(mode, self.now, ttl)
        assert isinstance(moved, Transition)
        assert told(moved) == getattr(self.model, mode)(self.now, ttl)

    @rule()
    def renew(self) -> None:
        moved = self.do("renew", self.now)
        assert moved is None or isinstance(moved, Transition)
        assert told(moved) == self.model.renew(self.now)
        self.issued = []  # probes with the old credential are discarded

    @rule(
        enabled=st.sampled_from([True, True, True, False]),
        threshold=st.sampled_from([1, 3, 5]),
        probes=st.sampled_from([1, 3]),
        reset_timeout=st.sampled_from([60.0, 60.0, 30.0]),
    )
    def adopt(self, enabled: bool, threshold: int, probes: int, reset_timeout: float) -> None:
        policy = replace(
            self.real.policy,
            enabled=enabled,
            failure_threshold=threshold,
            half_open_max_probes=probes,
            reset_timeout=reset_timeout,
        )
        moved = self.do("adopt", policy, self.now)
        assert moved is None or isinstance(moved, Transition)
        assert told(moved) == self.model.adopt(policy, self.now)

    @invariant()
    def both_look_the_same(self) -> None:
        seen, model = self.real.snapshot(self.now), self.model
        assert (seen.state, seen.cause) == (model.mode, model.why)
        assert seen.until == (model.until if model.mode is State.OPEN else None)
        assert (seen.permanent_trips, seen.consecutive) == (model.step, model.run)
        assert (seen.oks, seen.fails) == model.counts(max(self.now, model.clock))
        assert seen.probes == model.probes(self.now)

    @invariant()
    def it_opens_for_no_longer_than_the_ladder(self) -> None:
        seen = self.real.snapshot(self.now)
        if seen.until is not None and seen.cause is not Cause.FORCED:
            assert seen.until - self.now <= 80 * 60

    def teardown(self) -> None:
        """State is a function of events and clock: the same story told again ends the same."""
        if not hasattr(self, "log"):
            return
        twin = Breaker(self.first_policy)
        twins: dict[object, object] = {}
        for name, arguments, result in self.log:
            again = getattr(twin, name)(*[twins[a] if isinstance(a, Permit) else a for a in arguments])
            if isinstance(result, Permit):
                twins[result] = again
            else:
                assert again == result
        assert twin.snapshot(self.now) == self.real.snapshot(self.now)


TestBreakerModel = pytest.mark.timeout(300)(BreakerModel.TestCase)
TestBreakerModel.settings = settings(
    max_examples=300,
    stateful_step_count=60,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
