import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch_grpc.faults import Effect
from switch_grpc.routing.load import TAU, Average, Latency, Load
from switch_grpc.routing.outcome import SUCCEEDED, Outcome

OUTCOMES = [SUCCEEDED, *Effect]


def test_a_slow_sample_counts_in_full_at_once():
    latency = Latency()
    latency.observe(0.1, 0.0)
    latency.observe(3.0, 0.01)
    assert latency.value(0.01) == 3.0


def test_a_quick_sample_counts_by_the_time_since_the_last():
    latency = Latency()
    latency.observe(1.0, 0.0)
    latency.observe(0.1, TAU)
    assert latency.peak == pytest.approx(1.0 / math.e + 0.1 * (1.0 - 1.0 / math.e))


def test_it_fades_while_no_sample_comes():
    latency = Latency()
    latency.observe(1.0, 0.0)
    assert latency.value(TAU) == pytest.approx(1.0 / math.e)
    assert latency.value(TAU) == pytest.approx(1.0 / math.e), "reading changes nothing"
    assert latency.value(1e9) == 0.0


def test_time_that_runs_backwards_does_not_inflate_it():
    latency = Latency()
    latency.observe(1.0, 100.0)
    assert latency.value(0.0) == 1.0
    latency.observe(0.5, 0.0)
    assert latency.value(100.0) == 1.0


def test_failures_double_from_one_second_to_thirty_however_fast_they_are():
    latency = Latency()
    seen = []
    for _ in range(7):
        latency.penalise(0.001, 0.0)
        seen.append(latency.peak)
    assert seen == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


def test_a_failure_that_took_long_counts_as_long_as_it_took():
    latency = Latency()
    latency.penalise(60.0, 0.0)
    assert latency.peak == 60.0


def test_a_failure_never_makes_a_target_look_faster():
    latency = Latency()
    latency.observe(50.0, 0.0)
    latency.penalise(0.001, 0.0)
    assert latency.peak == 50.0


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), min_size=1))
def test_it_stays_between_zero_and_the_slowest_sample(samples: list[tuple[float, float]]):
    latency = Latency()
    for seconds, now in samples:
        latency.observe(seconds, now)
        assert 0.0 <= latency.value(now) <= max(seconds for seconds, _ in samples)


def test_an_average_moves_a_tenth_of_the_way():
    average = Average()
    assert average.value is None
    average.add(1.0)
    average.add(2.0)
    assert average.value == pytest.approx(1.1)


@given(st.lists(st.tuples(st.sampled_from(OUTCOMES), st.integers(1, 3), st.booleans())))
def test_in_flight_is_zero_when_all_have_ended_however_often(story: list[tuple[Outcome, int, bool]]):
    load = Load()
    flights = [load.begin(0.0) for _ in story]
    assert load.in_flight == len(story)
    for flight, (outcome, times, answered) in zip(flights, story, strict=True):
        if answered:
            flight.first_byte(0.5)
        for _ in range(times):
            flight.end(outcome, 1.0)
        flight.first_byte(2.0)
    outcomes = [outcome for outcome, _, _ in story]
    oks, neutral = outcomes.count(SUCCEEDED), outcomes.count(Effect.EXCLUDED)
    assert (load.in_flight, load.total) == (0, len(story))
    assert (load.succeeded, load.failed) == (oks, len(story) - oks - neutral)


def test_the_first_byte_is_timed_once_and_the_last_apart():
    load = Load()
    flight = load.begin(10.0)
    flight.first_byte(10.5)
    flight.first_byte(12.0)
    flight.end(SUCCEEDED, 14.0)
    assert (load.ttfb.value, load.response.value, load.latency.peak) == (0.5, 4.0, 0.5)


def test_a_success_without_a_first_byte_is_timed_at_its_end():
    load = Load()
    load.begin(0.0).end(SUCCEEDED, 2.0)
    assert (load.ttfb.value, load.latency.peak) == (2.0, 2.0)


def test_a_neutral_end_says_nothing_about_the_target():
    load = Load()
    load.begin(0.0).end(Effect.EXCLUDED, 5.0)
    assert not load.latency.sampled
    assert (load.response.value, load.failed_at) == (None, -math.inf)


def test_the_last_failure_is_remembered():
    load = Load()
    load.begin(0.0).end(Effect.COUNTED, 5.0)
    load.begin(5.0).end(SUCCEEDED, 6.0)
    assert load.failed_at == 5.0
