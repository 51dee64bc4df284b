"""What routing costs a call. Run alone: `pytest tests/bench/test_routing_bench.py`.

The limits are for the fastest round, since a shared machine makes the others slower at will.
"""

import random
from typing import Any

import pytest

from switch_grpc.routing.balance import STRATEGIES, Rotation, order
from switch_grpc.routing.breaker import Breaker, BreakerPolicy
from switch_grpc.routing.budget import RetryBudget
from switch_grpc.routing.gate import Gate, GatePolicy
from switch_grpc.routing.limits import MinuteLimits
from switch_grpc.routing.load import Load
from switch_grpc.routing.outcome import SUCCEEDED
from tests.support.candidates import Entry

RNG = random.Random(7)
MICROSECOND = 1e-6


def fastest(benchmark: Any) -> float:
    return float(benchmark.stats.stats.min)


def test_admit_and_settle(benchmark: Any) -> None:
    breaker = Breaker(BreakerPolicy())

    def attempt() -> None:
        permit = breaker.admit(1.0)
        assert permit is not None
        breaker.settle(permit, SUCCEEDED, 1.0, RNG)

    benchmark(attempt)
    assert fastest(benchmark) <= 3 * MICROSECOND


@pytest.mark.parametrize("targets", [2, 3])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_order(benchmark: Any, strategy: str, targets: int) -> None:
    entries = [Entry("abc"[n], weight=n + 1, priority=1 + n // 2, cost=n * 1e-6) for n in range(targets)]
    for entry in entries:
        entry.load.latency.observe(0.1, 0.0)
    benchmark(order, strategy, entries, Rotation(), 1.0, RNG)
    assert fastest(benchmark) <= 6 * MICROSECOND


def test_order_of_a_session(benchmark: Any) -> None:
    entries = [Entry("a"), Entry("b"), Entry("c")]
    benchmark(order, "weighted", entries, Rotation(), 1.0, RNG, "session-1")
    assert fastest(benchmark) <= 12 * MICROSECOND


def test_a_flight(benchmark: Any) -> None:
    load = Load()

    def fly() -> None:
        flight = load.begin(1.0)
        flight.first_byte(1.1)
        flight.end(SUCCEEDED, 1.2)

    benchmark(fly)
    assert fastest(benchmark) <= 3 * MICROSECOND


def test_budget_limits_and_gate(benchmark: Any) -> None:
    budget, limits, gate = RetryBudget(), MinuteLimits(requests=10**9), Gate(GatePolicy(limit=512))

    def call() -> None:
        ticket = gate.enter(1.0)
        budget.deposit(1.0)
        place = limits.reserve(100, 1.0)
        assert place is not None
        place.settle(120, 1.5)
        gate.leave(ticket, 1.5)

    benchmark(call)
    assert fastest(benchmark) <= 10 * MICROSECOND
