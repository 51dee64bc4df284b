"""One target: why it may not be asked, until when, and what is remembered of it."""

import math
import random

import pytest

from switch_grpc.faults import Effect, Fault, Kind
from switch_grpc.routing.gate import GatePolicy
from switch_grpc.routing.states import State
from switch_grpc.routing.target import CREDENTIAL_REST, HealthThresholds, Target, soonest
from tests.support.engines import EXACT, spec

RNG = random.Random(7)
LEASE = 30.0


def target(**settings: object) -> Target:
    return Target(spec("a", **settings))


def attempt(of: Target, fault: Kind | Fault | None, now: float, took: float = 0.0, **settle: object) -> None:
    """One attempt that ends with `fault`."""
    entry = of.admit(now, LEASE)
    assert entry is not None
    ended = Fault(fault, "no") if isinstance(fault, Kind) else fault
    of.settle(entry, ended, now=now + took, rng=RNG, **settle)  # type: ignore[arg-type]


# Why not.


def test_a_well_target_is_not_refused():
    assert target().refusal(0.0) is None


def test_a_drained_target_is_never_asked_by_itself():
    drained = target(weight=0.0)
    assert "weight is 0" in (drained.refusal(0.0) or "")
    assert drained.retry_at(0.0) == math.inf
    assert drained.admit(0.0, LEASE) is None


def test_an_open_breaker_refuses_until_it_probes():
    one = target()
    attempt(one, Kind.UPSTREAM_MODEL_MISSING, 10.0)
    assert "open" in (one.refusal(10.0) or "")
    assert one.retry_at(10.0) == 310.0
    assert one.refusal(310.0) is None


def test_a_rate_limit_cools_apart_from_the_breaker():
    one = target()
    attempt(one, Fault(Kind.UPSTREAM_RATE_LIMIT, "", retry_after=7.0), 10.0)
    assert "cooling" in (one.refusal(16.9) or "")
    assert one.retry_at(10.0) == 17.0
    assert one.refusal(17.0) is None
    assert one.breaker.state(10.0) is State.CLOSED


def test_a_missing_credential_is_a_short_rest_and_no_failure():
    one = target()
    attempt(one, Kind.CREDENTIALS, 10.0)
    assert one.retry_at(10.0) == 10.0 + CREDENTIAL_REST
    assert one.refusal(10.0 + CREDENTIAL_REST) is None
    assert (one.load.failed, one.record.fault) == (0, None)


def test_a_minutes_requests_are_used_up_and_come_back():
    one = target(requests_per_minute=1)
    attempt(one, None, 10.0)
    assert "minute" in (one.refusal(10.0) or "")
    assert one.retry_at(10.0) == 71.0
    assert one.refusal(71.0) is None


@pytest.mark.parametrize(
    ("fault", "settle", "given_back"),
    [
        (Kind.UPSTREAM_UNREACHABLE, {}, True),
        (Fault(Kind.UPSTREAM_UNREACHABLE, "", sent=True), {}, False),
        (Kind.BAD_REQUEST, {"sent": False}, True),
        (Kind.UPSTREAM_ERROR, {}, False),
        (None, {"tokens": 3}, False),
    ],
)
def test_what_was_never_sent_gives_its_place_in_the_minute_back(
    fault: Kind | Fault | None, settle: dict[str, object], given_back: bool
):
    one = target(requests_per_minute=1)
    attempt(one, fault, 10.0, **settle)
    assert (one.refusal(10.0) is None) is given_back


def test_the_soonest_of_several_lies_between_one_second_and_a_minute():
    one, other = target(), target()
    attempt(one, Fault(Kind.UPSTREAM_RATE_LIMIT, "", retry_after=20.0), 0.0)
    attempt(other, Kind.UPSTREAM_MODEL_MISSING, 0.0)
    assert soonest([one, other], 0.0) == 20.0
    assert soonest([one, other], 19.5) == 1.0
    assert soonest([other], 0.0) == 60.0
    assert soonest([target(weight=0.0)], 0.0) is None
    assert soonest([], 0.0) is None


# What is remembered.


def test_only_its_own_faults_are_remembered():
    one = target()
    for kind in (Kind.CLIENT_FAULT, Kind.CANCELLED, Kind.DEADLINE, Kind.LOCAL):
        attempt(one, kind, 1.0)
    assert one.record.fault is None
    attempt(one, Kind.UPSTREAM_ERROR, 2.0)
    attempt(one, None, 3.0)
    assert (one.record.fault, one.record.fault_message, one.record.fault_at) == (
        Kind.UPSTREAM_ERROR,
        "no",
        2.0,
    )


def test_an_effect_of_the_faults_own_overrides_its_kinds():
    one = target()
    attempt(one, Fault(Kind.UPSTREAM_ERROR, "", effect=Effect.PERMANENT), 1.0)
    assert one.breaker.state(1.0) is State.OPEN


def test_a_reset_forgets_all_that_keeps_calls_away():
    one = target()
    attempt(one, Fault(Kind.UPSTREAM_RATE_LIMIT, "", retry_after=7.0), 0.0)
    one.record.resting_until = 100.0
    one.breaker.force_open(0.0)
    one.reset(1.0)
    assert one.refusal(1.0) is None


def test_the_state_outlives_a_reload_and_the_numbers_are_the_new_ones():
    before = target(max_in_flight=1, requests_per_minute=1)
    attempt(before, Kind.UPSTREAM_MODEL_MISSING, 0.0)
    running = before.load.begin(0.0)
    after = target(max_in_flight=5, requests_per_minute=9)
    after.adopt(before, 1.0)
    assert after.breaker.state(1.0) is State.OPEN
    assert after.record is before.record
    assert after.gate.policy == GatePolicy(limit=5)
    assert after.limits.requests == 9
    assert after.limits.used(1.0)[0] == 1
    running.end(Effect.EXCLUDED, 2.0)
    assert after.load.in_flight == 0


@pytest.mark.parametrize(("second", "moved"), [("k1", False), ("k2", True)])
def test_another_credential_gives_an_open_breaker_its_chance(second: str, moved: bool):
    one = target()
    assert one.credential("k1", 0.0) is None
    attempt(one, Kind.UPSTREAM_AUTH, 1.0)
    transition = one.credential(second, 2.0)
    assert (transition is not None) is moved
    assert one.breaker.state(2.0) is (State.HALF_OPEN if moved else State.OPEN)
    assert one.breaker.snapshot(2.0).permanent_trips == (0 if moved else 1)


# Health.


@pytest.mark.parametrize(
    ("thresholds", "failures", "healthy"),
    [
        (HealthThresholds(consecutive_failures=3), 2, True),
        (HealthThresholds(consecutive_failures=3), 3, False),
        (HealthThresholds(consecutive_failures=99, error_rate=20.0), 3, False),
        (HealthThresholds(consecutive_failures=99, error_rate=30.0), 3, True),
    ],
)
def test_past_any_threshold_a_target_is_unhealthy(thresholds: HealthThresholds, failures: int, healthy: bool):
    one = target(thresholds=thresholds)
    for at in range(10):
        attempt(one, None, float(at))
    for at in range(failures):
        attempt(one, Kind.UPSTREAM_ERROR, 10.0 + at)
    assert one.healthy(20.0) is healthy


def test_a_slow_target_is_unhealthy_by_its_first_byte_not_its_last():
    one = target(thresholds=HealthThresholds(response_time=1.0))
    entry = one.admit(0.0, LEASE)
    assert entry is not None
    entry.flight.first_byte(0.5)
    one.settle(entry, None, now=300.0, rng=RNG)
    assert one.healthy(300.0)
    attempt(one, None, 300.0, took=20.0)
    assert not one.healthy(320.0)


def test_evidence_goes_stale_so_that_a_pool_that_is_passed_over_is_tried_again():
    one = target(thresholds=HealthThresholds(consecutive_failures=1))
    attempt(one, Kind.UPSTREAM_ERROR, 0.0)
    assert not one.healthy(EXACT.reset_timeout - 1.0)
    assert one.healthy(EXACT.reset_timeout)


def test_a_target_that_may_not_be_asked_is_not_healthy():
    one = target()
    one.breaker.force_open(0.0)
    assert not one.healthy(0.0)
