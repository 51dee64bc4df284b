"""When a breaker opens, for how long, and up which ladder."""

import math
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch_grpc.faults import Effect
from switch_grpc.routing.breaker import (
    Breaker,
    BreakerPolicy,
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
    opened,
    until,
)

# The two signals.


def test_consecutive_failures_open_it_and_a_success_starts_the_count_anew():
    breaker = Breaker(EXACT)
    for outcome in [FAILED] * 4 + [SUCCEEDED] + [FAILED] * 4:
        assert attempt(breaker, outcome, 1.0) is None
    moved = attempt(breaker, FAILED, 1.0)
    assert moved == Transition(before=State.CLOSED, after=State.OPEN, cause=Cause.CONSECUTIVE, until=61.0)


def test_half_of_ten_results_in_the_window_open_it():
    breaker = Breaker(EXACT)
    for second in range(9):
        assert attempt(breaker, SUCCEEDED if second % 2 else FAILED, float(second)) is None
    moved = attempt(breaker, FAILED, 9.0)
    assert moved is not None
    assert (moved.after, moved.cause) == (State.OPEN, Cause.RATE)


def test_fewer_results_than_the_minimum_say_nothing_about_the_rate():
    breaker = Breaker(replace(EXACT, failure_threshold=0))
    for _ in range(9):
        assert attempt(breaker, FAILED, 1.0) is None
    assert attempt(breaker, FAILED, 1.0) is not None


def test_a_success_never_opens_it_though_the_rate_be_high():
    breaker = Breaker(EXACT)
    for outcome in [FAILED, FAILED, SUCCEEDED, FAILED, FAILED, SUCCEEDED, FAILED, FAILED, SUCCEEDED]:
        attempt(breaker, outcome, 1.0)
    assert attempt(breaker, SUCCEEDED, 1.0) is None
    assert breaker.snapshot(1.0).error_rate == 60.0
    assert attempt(breaker, Effect.WINDOW, 1.0) is not None


def test_failures_that_left_the_window_are_forgotten():
    breaker = Breaker(replace(EXACT, failure_threshold=0))
    for _ in range(9):
        attempt(breaker, FAILED, 0.0)
    assert attempt(breaker, FAILED, 300.0) is None
    assert breaker.snapshot(300.0).fails == 1


def test_a_signal_set_to_zero_is_off():
    breaker = Breaker(replace(EXACT, failure_threshold=0, error_threshold_percentage=0.0))
    for _ in range(1000):
        assert attempt(breaker, FAILED, 1.0) is None


def test_the_consecutive_signal_is_named_where_both_hold():
    breaker = Breaker(replace(EXACT, min_requests=5))
    for _ in range(4):
        attempt(breaker, FAILED, 1.0)
    moved = attempt(breaker, FAILED, 1.0)
    assert moved is not None
    assert moved.cause is Cause.CONSECUTIVE


def test_rate_limits_count_for_the_window_and_not_in_the_row():
    breaker = Breaker(EXACT)
    for _ in range(9):
        assert attempt(breaker, Effect.WINDOW, 1.0) is None
    assert breaker.snapshot(1.0).consecutive == 0
    moved = attempt(breaker, Effect.WINDOW, 1.0)
    assert moved is not None
    assert moved.cause is Cause.RATE


def test_neutral_outcomes_touch_nothing():
    breaker = Breaker(EXACT)
    attempt(breaker, FAILED, 1.0)
    before = breaker.snapshot(1.0)
    for _ in range(1000):
        assert attempt(breaker, Effect.EXCLUDED, 1.0) is None
    assert breaker.snapshot(1.0) == before


# Each state and each input once.

TABLE = [
    # state, input, state after, cause
    (State.CLOSED, SUCCEEDED, State.CLOSED, None),
    (State.CLOSED, Effect.EXCLUDED, State.CLOSED, None),
    (State.CLOSED, Effect.COUNTED, State.OPEN, Cause.CONSECUTIVE),
    (State.CLOSED, Effect.WINDOW, State.OPEN, Cause.RATE),
    (State.CLOSED, Effect.PERMANENT, State.OPEN, Cause.PERMANENT),
    (State.CLOSED, Effect.PERMANENT_WINDOW, State.OPEN, Cause.PERMANENT),
    (State.CLOSED, Effect.LOCAL_OPEN, State.OPEN, Cause.TLS),
    (State.CLOSED, "reset", State.CLOSED, None),
    (State.CLOSED, "force_open", State.OPEN, Cause.FORCED),
    (State.CLOSED, "force_closed", State.CLOSED, Cause.FORCED),
    (State.CLOSED, "renew", State.CLOSED, None),
    *((State.OPEN, late, State.OPEN, None) for late in (SUCCEEDED, *Effect)),
    (State.OPEN, "reset", State.CLOSED, Cause.RESET),
    (State.OPEN, "force_open", State.OPEN, Cause.FORCED),
    (State.OPEN, "force_closed", State.CLOSED, Cause.FORCED),
    (State.OPEN, "renew", State.HALF_OPEN, Cause.RENEWED),
    (State.HALF_OPEN, SUCCEEDED, State.CLOSED, Cause.RECOVERED),
    (State.HALF_OPEN, Effect.EXCLUDED, State.HALF_OPEN, None),
    (State.HALF_OPEN, Effect.COUNTED, State.OPEN, Cause.PROBE),
    (State.HALF_OPEN, Effect.WINDOW, State.OPEN, Cause.PROBE),
    (State.HALF_OPEN, Effect.PERMANENT, State.OPEN, Cause.PERMANENT),
    (State.HALF_OPEN, Effect.PERMANENT_WINDOW, State.OPEN, Cause.PERMANENT),
    (State.HALF_OPEN, Effect.LOCAL_OPEN, State.OPEN, Cause.TLS),
    (State.HALF_OPEN, "reset", State.CLOSED, Cause.RESET),
    (State.HALF_OPEN, "force_open", State.OPEN, Cause.FORCED),
    (State.HALF_OPEN, "force_closed", State.CLOSED, Cause.FORCED),
    (State.HALF_OPEN, "renew", State.HALF_OPEN, Cause.RENEWED),
]


@pytest.mark.parametrize(("before", "event", "after", "cause"), TABLE)
def test_each_state_answers_each_input(before: State, event: object, after: State, cause: Cause | None):
    breaker = Breaker(replace(ONE_STRIKE, min_requests=1))
    permit = admitted(breaker, 0.0)
    if before is not State.CLOSED:
        attempt(breaker, FAILED, 0.0)
    if before is State.HALF_OPEN:
        permit = admitted(breaker, MINUTE)
    moved = (
        getattr(breaker, event)(MINUTE)
        if isinstance(event, str)
        else breaker.settle(permit, event, MINUTE, RNG)  # type: ignore[arg-type]  # the table's other inputs
    )
    assert breaker.state(MINUTE) is after
    assert (moved and (moved.before, moved.after, moved.cause)) == (cause and (before, after, cause))


# Open.


def test_an_open_breaker_admits_nothing_until_its_time_and_then_a_probe():
    breaker = opened()
    assert breaker.admit(math.nextafter(MINUTE, 0.0)) is None
    assert not breaker.admissible(math.nextafter(MINUTE, 0.0))
    assert breaker.admissible(MINUTE)
    assert breaker.state(MINUTE) is State.OPEN, "asking changes nothing"
    permit = admitted(breaker, MINUTE)
    assert permit.state is State.HALF_OPEN
    assert permit.transition == Transition(before=State.OPEN, after=State.HALF_OPEN, cause=Cause.LAPSED)


@given(st.integers(0, 2**32), st.sampled_from([FAILED, Effect.PERMANENT, Effect.LOCAL_OPEN]))
def test_jitter_stays_within_a_tenth(seed: int, outcome: Effect):
    policy = BreakerPolicy(failure_threshold=1)
    breaker = Breaker(policy)
    breaker.settle(admitted(breaker, 0.0), outcome, 0.0, random.Random(seed))
    exact = MINUTE if outcome is FAILED else 5 * MINUTE
    assert 0.9 * exact <= until(breaker) <= 1.1 * exact


def test_jitter_spreads():
    ends = {until(opened(BreakerPolicy(failure_threshold=1))) for _ in range(100)}
    assert max(ends) - min(ends) > 8.0


def test_the_next_chance_is_known_while_open_and_now_otherwise():
    breaker = opened()
    assert breaker.retry_at(10.0) == MINUTE
    assert breaker.retry_at(70.0) == 70.0
    admitted(breaker, 70.0)
    assert breaker.retry_at(71.0) == 71.0, "a probe may report at any moment"


def test_a_clock_that_runs_backwards_is_not_believed():
    breaker = opened()
    admitted(breaker, MINUTE)
    assert breaker.admit(0.0) is None
    breaker.force_open(10.0, ttl=5.0)
    assert breaker.retry_at(0.0) == MINUTE + 5.0


# The ladder.


def test_permanent_failures_climb_5_10_20_40_80_80_minutes():
    breaker, now, minutes = Breaker(EXACT), 0.0, []
    for _ in range(7):
        minutes.append(climb(breaker, now))
        now = breaker.retry_at(now)
    assert minutes == [5, 10, 20, 40, 80, 80, 80]
    assert breaker.snapshot(now).permanent_trips == 7


def test_the_ladder_follows_base_and_exponent():
    breaker = Breaker(replace(EXACT, permanent=PermanentPolicy(base=60.0, max_backoff_exponent=1)))
    now, minutes = 0.0, []
    for _ in range(3):
        minutes.append(climb(breaker, now))
        now = breaker.retry_at(now)
    assert minutes == [1, 2, 2]


def test_a_quick_relapse_goes_on_up_the_ladder():
    breaker = opened(EXACT, Effect.PERMANENT)
    attempt(breaker, SUCCEEDED, 300.0)
    assert climb(breaker, 300.0 + 299.0) == 10


def test_a_relapse_after_a_whole_window_of_health_starts_the_ladder_anew():
    """The closing probe is the one success that it takes."""
    breaker = opened(EXACT, Effect.PERMANENT)
    attempt(breaker, SUCCEEDED, 300.0)
    assert climb(breaker, 300.0 + 300.0) == 5
    assert breaker.snapshot(600.0).permanent_trips == 1


def test_closed_by_hand_without_a_success_is_no_recovery():
    breaker = opened(EXACT, Effect.PERMANENT)
    breaker.force_closed(10.0, ttl=1.0)
    assert climb(breaker, 10_000.0) == 10
    breaker.force_closed(20_000.0, ttl=1.0)
    attempt(breaker, SUCCEEDED, 20_002.0)
    assert climb(breaker, 20_300.0) == 5


def test_a_transient_failure_of_a_probe_opens_for_a_minute_and_keeps_the_step():
    breaker = opened(EXACT, Effect.PERMANENT)
    assert climb(breaker, 300.0, FAILED) == 1
    assert breaker.snapshot(300.0).cause is Cause.PROBE
    assert climb(breaker, 360.0) == 10


def test_a_broken_certificate_opens_for_five_minutes_off_the_ladder():
    breaker = Breaker(EXACT)
    assert climb(breaker, 0.0, Effect.LOCAL_OPEN) == 5
    assert climb(breaker, 300.0, Effect.LOCAL_OPEN) == 5
    seen = breaker.snapshot(300.0)
    assert (seen.cause, seen.permanent_trips) == (Cause.TLS, 0)


def test_fifty_parallel_401s_are_one_trip():
    breaker = Breaker(EXACT)
    permits = [admitted(breaker, 0.0) for _ in range(50)]
    moves = [breaker.settle(permit, Effect.PERMANENT, 1.0, RNG) for permit in permits]
    assert [move is not None for move in moves] == [True] + [False] * 49
    assert breaker.snapshot(1.0).permanent_trips == 1
    assert breaker.retry_at(1.0) == 301.0


def test_a_quota_failure_is_in_the_window_and_a_dead_key_is_not():
    for outcome, fails in ((Effect.PERMANENT_WINDOW, 1), (Effect.PERMANENT, 0)):
        assert opened(EXACT, outcome).snapshot(0.0).fails == fails


def test_with_permanent_handling_off_a_dead_key_is_an_ordinary_failure():
    breaker = Breaker(replace(EXACT, permanent=PermanentPolicy(enabled=False)))
    for outcome in [Effect.PERMANENT, Effect.PERMANENT_WINDOW] * 2:
        assert attempt(breaker, outcome, 0.0) is None
    assert climb(breaker, 0.0) == 1
    seen = breaker.snapshot(0.0)
    assert (seen.cause, seen.consecutive, seen.fails, seen.permanent_trips) == (Cause.CONSECUTIVE, 5, 5, 0)


def test_confirmations_are_permanent_failures_since_the_last_success():
    """Those before the last one count as ordinary failures: an unconfirmed 404 is a failure all the same."""
    breaker = Breaker(replace(EXACT, permanent=PermanentPolicy(confirmations=3)))
    for outcome in [Effect.PERMANENT] * 2 + [SUCCEEDED, Effect.PERMANENT, FAILED, Effect.PERMANENT]:
        assert attempt(breaker, outcome, 0.0) is None
    assert breaker.snapshot(0.0).consecutive == 3
    moved = attempt(breaker, Effect.PERMANENT, 0.0)
    assert moved is not None
    assert moved.cause is Cause.PERMANENT
