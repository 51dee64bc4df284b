"""Breakers in the states that tests start from. Times are seconds from 0."""

import random
from dataclasses import replace

from switch_grpc.faults import Effect
from switch_grpc.routing.breaker import (
    Breaker,
    BreakerPolicy,
    Permit,
    State,
    Transition,
)
from switch_grpc.routing.outcome import Outcome

RNG = random.Random(7)
EXACT = BreakerPolicy(jitter=0.0)
ONE_STRIKE = replace(EXACT, failure_threshold=1)
MINUTE = 60.0
FAILED = Effect.COUNTED


def admitted(breaker: Breaker, now: float, lease: float = 30.0) -> Permit:
    permit = breaker.admit(now, lease)
    assert permit is not None
    return permit


def attempt(breaker: Breaker, outcome: Outcome, now: float) -> Transition | None:
    return breaker.settle(admitted(breaker, now), outcome, now, RNG)


def opened(policy: BreakerPolicy = ONE_STRIKE, outcome: Effect = FAILED) -> Breaker:
    """A breaker that opened at 0."""
    breaker = Breaker(policy)
    attempt(breaker, outcome, 0.0)
    assert breaker.state(0.0) is State.OPEN
    return breaker


def half_open(policy: BreakerPolicy = ONE_STRIKE) -> tuple[Breaker, Permit]:
    """A breaker that opened at 0, and its first probe, of 60."""
    breaker = opened(policy)
    return breaker, admitted(breaker, MINUTE)


def until(breaker: Breaker) -> float:
    at = breaker.snapshot(0.0).until
    assert at is not None
    return at


def climb(breaker: Breaker, now: float, outcome: Effect = Effect.PERMANENT) -> float:
    """Fails at `now`; returns the minutes that it stays open."""
    attempt(breaker, outcome, now)
    return (breaker.retry_at(now) - now) / MINUTE
