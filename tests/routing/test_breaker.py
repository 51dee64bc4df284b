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
    Permit,
    Snapshot,
    State,
    Transition,
)
from switch_grpc.routing.outcome import SUCCEEDED, Outcome

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


def climb(breaker: Breaker, now: float, outcome: Effect = Effect.PERMANENT) -> float:
    """Fails at `now`; returns the minutes that it stays open."""
    attempt(breaker, outcome, now)
    return (breaker.retry_at(now) - now) / MINUTE


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


# Half open.


def test_a_hundred_calls_at_half_open_let_through_exactly_as_many_as_may_probe():
    for probes in (1, 3):
        breaker = opened(replace(ONE_STRIKE, half_open_max_probes=probes))
        permits = [breaker.admit(MINUTE) for _ in range(100)]
        assert sum(permit is not None for permit in permits) == probes
        assert breaker.snapshot(MINUTE).probes == probes


def test_a_cancelled_probe_gives_its_place_back_and_changes_nothing():
    breaker, probe = half_open()
    assert not breaker.admissible(61.0)
    assert breaker.settle(probe, Effect.EXCLUDED, 61.0, RNG) is None
    assert breaker.state(61.0) is State.HALF_OPEN
    assert breaker.admissible(61.0)


def test_a_lost_probe_gives_its_place_back_when_its_lease_ends():
    breaker = opened()
    admitted(breaker, MINUTE, lease=90.0)
    assert breaker.admit(149.0) is None
    assert admitted(breaker, 150.0).state is State.HALF_OPEN
    assert breaker.admit(150.0) is None


def test_a_lease_is_at_least_thirty_seconds():
    breaker = opened()
    admitted(breaker, MINUTE, lease=1.0)
    assert not breaker.admissible(89.0)
    assert breaker.admissible(90.0)


def test_a_probe_that_reports_after_its_lease_still_tells_of_this_half_open_phase():
    """A hanging target fails its probe by a timeout that is as long as the lease; that is evidence."""
    breaker, late = half_open()
    admitted(breaker, 95.0)
    assert breaker.settle(late, FAILED, 96.0, RNG) is not None
    assert breaker.state(96.0) is State.OPEN


def test_the_place_of_a_late_probe_is_not_given_back_twice():
    breaker, late = half_open()
    admitted(breaker, 95.0)
    breaker.settle(late, Effect.EXCLUDED, 96.0, RNG)
    assert not breaker.admissible(96.0)


def test_as_many_successes_as_configured_close_it():
    breaker, probe = half_open(replace(ONE_STRIKE, half_open_success_threshold=2))
    assert breaker.settle(probe, SUCCEEDED, 61.0, RNG) is None
    assert breaker.state(61.0) is State.HALF_OPEN
    moved = attempt(breaker, SUCCEEDED, 62.0)
    assert moved == Transition(before=State.HALF_OPEN, after=State.CLOSED, cause=Cause.RECOVERED)


def test_successes_are_counted_anew_in_each_half_open_phase():
    breaker, probe = half_open(replace(ONE_STRIKE, half_open_success_threshold=2))
    breaker.settle(probe, SUCCEEDED, 60.0, RNG)
    attempt(breaker, FAILED, 60.0)
    assert attempt(breaker, SUCCEEDED, 120.0) is None


def test_closing_empties_the_counters():
    breaker, probe = half_open()
    breaker.settle(probe, SUCCEEDED, 61.0, RNG)
    assert breaker.snapshot(61.0) == Snapshot(
        state=State.CLOSED,
        cause=None,
        until=None,
        permanent_trips=0,
        consecutive=0,
        oks=0,
        fails=0,
        probes=0,
        override=None,
        override_until=None,
    )


# Epochs.


def test_a_result_from_before_the_trip_does_not_close_the_breaker():
    """Slow successes that started earlier say nothing about the target now."""
    breaker = Breaker(ONE_STRIKE)
    early, late = admitted(breaker, 0.0), admitted(breaker, 0.0)
    breaker.settle(late, FAILED, 1.0, RNG)
    assert breaker.settle(early, SUCCEEDED, 2.0, RNG) is None
    assert breaker.state(2.0) is State.OPEN


def test_a_result_from_before_the_trip_does_not_decide_for_a_probe():
    breaker = Breaker(ONE_STRIKE)
    early = [admitted(breaker, 0.0) for _ in range(3)]
    breaker.settle(early[0], FAILED, 0.0, RNG)
    admitted(breaker, MINUTE)
    before = breaker.snapshot(61.0)
    breaker.settle(early[1], SUCCEEDED, 61.0, RNG)
    breaker.settle(early[2], FAILED, 61.0, RNG)
    assert breaker.snapshot(61.0) == before


def test_a_permit_is_settled_once():
    breaker = Breaker(replace(EXACT, failure_threshold=2))
    permit = admitted(breaker, 0.0)
    for _ in range(10):
        assert breaker.settle(permit, FAILED, 0.0, RNG) is None
    assert breaker.snapshot(0.0).fails == 1


def test_a_probe_settled_twice_gives_back_one_place():
    breaker, probe = half_open()
    breaker.settle(probe, Effect.EXCLUDED, 61.0, RNG)
    admitted(breaker, 61.0)
    breaker.settle(probe, Effect.EXCLUDED, 61.0, RNG)
    assert not breaker.admissible(61.0)


# Streams.


def test_a_stream_proves_the_target_at_its_first_content():
    """A ten-minute answer does not hold the gate."""
    breaker, probe = half_open()
    moved = breaker.confirm(probe, 61.0)
    assert moved is not None
    assert moved.cause is Cause.RECOVERED
    assert breaker.settle(probe, SUCCEEDED, 660.0, RNG) is None
    assert (breaker.state(660.0), breaker.snapshot(660.0).oks) == (State.CLOSED, 1)


def test_a_stream_cut_after_it_proved_the_target_is_an_ordinary_failure():
    breaker, probe = half_open()
    breaker.adopt(replace(EXACT, failure_threshold=2), 61.0)
    breaker.confirm(probe, 61.0)
    assert breaker.settle(probe, FAILED, 62.0, RNG) is None
    seen = breaker.snapshot(62.0)
    assert (seen.state, seen.consecutive, seen.fails) == (State.CLOSED, 1, 1)


def test_a_stream_proves_the_target_once():
    breaker, probe = half_open(replace(ONE_STRIKE, half_open_success_threshold=2))
    assert breaker.confirm(probe, 61.0) is None
    assert breaker.confirm(probe, 61.0) is None
    assert breaker.settle(probe, SUCCEEDED, 62.0, RNG) is None
    assert breaker.state(62.0) is State.HALF_OPEN
    assert attempt(breaker, SUCCEEDED, 62.0) is not None


def test_a_confirmed_stream_frees_its_place_and_its_cut_still_fails_the_phase():
    breaker, probe = half_open(replace(ONE_STRIKE, half_open_success_threshold=2))
    breaker.confirm(probe, 61.0)
    assert breaker.admissible(61.0)
    moved = breaker.settle(probe, FAILED, 62.0, RNG)
    assert moved is not None
    assert moved.after is State.OPEN


def test_confirming_what_is_no_probe_or_is_over_does_nothing():
    breaker = Breaker(ONE_STRIKE)
    plain = admitted(breaker, 0.0)
    assert breaker.confirm(plain, 0.0) is None
    breaker.settle(plain, FAILED, 0.0, RNG)
    probe = admitted(breaker, MINUTE)
    breaker.settle(probe, Effect.EXCLUDED, MINUTE, RNG)
    assert breaker.confirm(probe, MINUTE) is None
    assert breaker.state(MINUTE) is State.HALF_OPEN
    stale = admitted(breaker, MINUTE)
    breaker.reset(MINUTE)
    assert breaker.confirm(stale, MINUTE) is None


# Operators, rotations, reloads.


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
