"""Half open: probes and their leases, results of an earlier epoch, and streams that prove a target."""

from dataclasses import replace

from switch_grpc.faults import Effect
from switch_grpc.routing.breaker import (
    Breaker,
    Cause,
    Snapshot,
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
    half_open,
    opened,
)

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
