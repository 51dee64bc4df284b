"""What operators, rotations, reloads and the clock do to a breaker."""

import math
from dataclasses import replace

import pytest

from switch_grpc.faults import Effect
from switch_grpc.routing.breaker import (
    Breaker,
    Cause,
    PermanentPolicy,
    State,
    Transition,
)
from switch_grpc.routing.outcome import SUCCEEDED
from tests.support.breakers import (
    EXACT,
    FAILED,
    MINUTE,
    ONE_STRIKE,
    RNG,
    admitted,
    attempt,
    climb,
    half_open,
    opened,
)


def test_reset_closes_and_forgets_everything_and_the_probe_in_flight():
    breaker = opened(ONE_STRIKE, Effect.PERMANENT)
    probe = admitted(breaker, 300.0)
    moved = breaker.reset(301.0)
    assert moved == Transition(before=State.HALF_OPEN, after=State.CLOSED, cause=Cause.RESET)
    assert breaker.settle(probe, Effect.PERMANENT, 302.0, RNG) is None
    assert breaker.snapshot(302.0).permanent_trips == 0
    assert climb(breaker, 303.0) == 5


def test_reset_of_a_closed_breaker_discards_what_is_in_flight():
    breaker = Breaker(ONE_STRIKE)
    permit = admitted(breaker, 0.0)
    assert breaker.reset(1.0) is None
    assert breaker.settle(permit, FAILED, 2.0, RNG) is None


def test_forced_open_it_admits_nothing_for_its_time_and_then_probes():
    breaker = Breaker(ONE_STRIKE)
    moved = breaker.force_open(0.0, ttl=7200.0)
    assert (moved.cause, moved.until) == (Cause.FORCED, 7200.0)
    seen = breaker.snapshot(1.0)
    assert (seen.override, seen.override_until) == (State.OPEN, 7200.0)
    assert breaker.admit(7199.0) is None
    assert breaker.snapshot(7200.0).override is None
    assert admitted(breaker, 7200.0).state is State.HALF_OPEN


def test_forced_open_without_a_time_it_stays_until_it_is_reset():
    breaker = Breaker(EXACT)
    breaker.force_open(0.0)
    assert breaker.renew(1.0) is None
    assert breaker.adopt(replace(EXACT, enabled=False), 1.0) is None
    assert breaker.admit(1e9) is None
    assert breaker.retry_at(1e9) == math.inf
    assert breaker.reset(1e9) is not None
    assert breaker.admissible(1e9)


def test_forced_closed_it_counts_and_stays_closed_for_its_time():
    breaker = opened()
    assert breaker.force_closed(1.0, ttl=100.0).after is State.CLOSED
    for outcome in [*Effect] * 10:
        assert attempt(breaker, outcome, 100.0) is None
    seen = breaker.snapshot(100.0)
    assert (seen.override, seen.override_until, seen.fails) == (State.CLOSED, 101.0, 30)
    assert breaker.snapshot(101.0).override is None
    assert attempt(breaker, FAILED, 101.0) is not None


def test_a_new_credential_probes_at_once_from_the_first_step():
    breaker, now = Breaker(EXACT), 0.0
    for _ in range(3):
        attempt(breaker, Effect.PERMANENT, now)
        now = breaker.retry_at(now)
    attempt(breaker, Effect.PERMANENT, now)
    moved = breaker.renew(now + 1.0)
    assert moved == Transition(before=State.OPEN, after=State.HALF_OPEN, cause=Cause.RENEWED)
    assert climb(breaker, now + 2.0) == 5


def test_a_new_credential_discards_the_probe_with_the_old_one():
    breaker, old = half_open()
    breaker.renew(61.0)
    assert breaker.settle(old, Effect.PERMANENT, 62.0, RNG) is None
    moved = attempt(breaker, SUCCEEDED, 62.0)
    assert moved is not None
    assert moved.after is State.CLOSED


def test_a_new_credential_leaves_a_closed_breaker_and_its_counters_alone():
    breaker = Breaker(EXACT)
    attempt(breaker, FAILED, 0.0)
    before = breaker.snapshot(1.0)
    assert breaker.renew(1.0) is None
    assert breaker.snapshot(1.0) == before


def test_a_disabled_breaker_admits_everything_and_counts():
    breaker = Breaker(replace(EXACT, enabled=False))
    for outcome in [*Effect] * 10:
        assert attempt(breaker, outcome, 0.0) is None
    assert breaker.snapshot(0.0).fails == 30


def test_a_disabled_breaker_obeys_an_operator_and_closes_after():
    breaker = Breaker(replace(EXACT, enabled=False))
    breaker.force_open(0.0, ttl=10.0)
    assert breaker.admit(9.0) is None
    permit = admitted(breaker, 10.0)
    assert permit.state is State.CLOSED
    assert permit.transition == Transition(before=State.OPEN, after=State.CLOSED, cause=Cause.DISABLED)


def test_a_reload_that_disables_it_closes_it():
    for breaker in (opened(), half_open()[0]):
        moved = breaker.adopt(replace(EXACT, enabled=False), 61.0)
        assert moved is not None
        assert (moved.after, moved.cause) == (State.CLOSED, Cause.DISABLED)


def test_a_reload_keeps_the_state_and_shortens_what_is_now_too_long():
    breaker = opened(EXACT, Effect.PERMANENT)
    shorter = replace(EXACT, permanent=PermanentPolicy(base=60.0, max_backoff_exponent=0))
    assert breaker.adopt(EXACT, 10.0) is None
    assert breaker.retry_at(10.0) == 300.0
    assert breaker.adopt(shorter, 10.0) is None
    assert breaker.retry_at(10.0) == 70.0


def test_a_reload_with_the_same_window_keeps_its_results():
    breaker = Breaker(EXACT)
    attempt(breaker, FAILED, 0.0)
    breaker.adopt(replace(EXACT, failure_threshold=2), 0.0)
    assert breaker.snapshot(0.0).fails == 1
    breaker.adopt(replace(EXACT, monitoring_window=60.0), 0.0)
    assert breaker.snapshot(0.0).fails == 0


def test_a_reload_does_not_end_an_operators_hold():
    breaker = Breaker(EXACT)
    breaker.force_open(0.0, ttl=100_000.0)
    breaker.adopt(replace(EXACT, reset_timeout=1.0), 1.0)
    assert breaker.retry_at(1.0) == 100_000.0


def test_the_last_override_is_the_one_that_holds():
    breaker = Breaker(ONE_STRIKE)
    breaker.force_closed(0.0)
    breaker.force_open(1.0, ttl=10.0)
    assert attempt(breaker, FAILED, 11.0) is not None
    breaker.force_closed(12.0)
    breaker.reset(13.0)
    assert breaker.snapshot(13.0).override is None
    assert attempt(breaker, FAILED, 13.0) is not None


@pytest.mark.parametrize("close", ["reset", "force_closed"])
def test_closing_by_hand_starts_the_count_anew(close: str):
    breaker = Breaker(EXACT)
    for _ in range(4):
        attempt(breaker, FAILED, 0.0)
    getattr(breaker, close)(1.0)
    seen = breaker.snapshot(1.0)
    assert (seen.consecutive, seen.fails) == (0, 0)


def test_health_before_a_trip_is_no_recovery_from_it():
    breaker = Breaker(EXACT)
    attempt(breaker, SUCCEEDED, 0.0)
    attempt(breaker, Effect.PERMANENT, 0.0)
    breaker.force_closed(10.0, ttl=1.0)
    assert climb(breaker, 10_000.0) == 10


def test_a_stream_that_proved_itself_ended_the_row_of_failures():
    confirmed = replace(ONE_STRIKE, half_open_success_threshold=2, permanent=PermanentPolicy(confirmations=2))
    breaker = opened(confirmed, Effect.PERMANENT)
    breaker.confirm(admitted(breaker, MINUTE), MINUTE)
    assert breaker.snapshot(MINUTE).consecutive == 0
    moved = attempt(breaker, Effect.PERMANENT, MINUTE)
    assert moved is not None
    assert moved.cause is Cause.PROBE, "the permanent failures before it are no confirmation any more"


@pytest.mark.parametrize("event", ["renew", "reset", "force_closed", "force_open", "adopt", "admit"])
def test_every_event_moves_the_clock_on_and_reading_does_not(event: str):
    breaker = opened()
    breaker.force_open(0.0, ttl=50.0)
    assert breaker.retry_at(500.0) == 500.0
    breaker.snapshot(500.0)
    assert breaker.retry_at(0.0) == 50.0
    getattr(breaker, event)(*([EXACT] if event == "adopt" else []), 100.0)
    breaker.force_open(0.0, ttl=50.0)
    assert breaker.retry_at(0.0) == 150.0
    assert not breaker.admissible(149.0)


def test_a_late_clock_reading_sees_what_a_later_event_saw():
    breaker = opened()
    breaker.adopt(ONE_STRIKE, 65.0)
    assert breaker.admissible(0.0)
    assert breaker.retry_at(0.0) == 65.0
    breaker.force_open(65.0, ttl=10.0)
    breaker.adopt(ONE_STRIKE, 75.0)
    assert breaker.snapshot(0.0).override is None
