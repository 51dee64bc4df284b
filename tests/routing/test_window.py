import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch_grpc.routing.window import Window


def test_a_result_is_forgotten_when_its_bucket_leaves_the_ring():
    window = Window(100.0)
    window.add_ok(5.0)
    window.add_fail(15.0)
    assert window.counts(99.0) == (1, 1)
    assert window.counts(100.0) == (0, 1)
    assert window.counts(110.0) == (0, 0)


def test_counting_is_no_side_effect():
    window = Window(100.0)
    window.add_ok(5.0)
    assert window.counts(1000.0) == (0, 0)
    assert window.counts(5.0) == (1, 0)


def test_clear_forgets_everything():
    window = Window(100.0)
    window.add_fail(5.0)
    window.clear()
    assert window.counts(5.0) == (0, 0)


@pytest.mark.parametrize("now", [-1000.5, -0.1, 0.0, 1e9])
def test_any_moment_may_be_the_first(now: float):
    window = Window(60.0)
    window.add_fail(now)
    assert window.counts(now) == (0, 1)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 120)), max_size=80))
def test_it_counts_what_a_list_of_all_results_counts(steps: list[tuple[bool, int]]):
    window, now = Window(100.0), 0
    told: list[tuple[int, bool]] = []
    for ok, wait in steps:
        now += wait
        (window.add_ok if ok else window.add_fail)(float(now))
        told.append((now // 10, ok))
        recent = [ok for bucket, ok in told if bucket > now // 10 - 10]
        assert window.counts(float(now)) == (sum(recent), len(recent) - sum(recent))
        ahead = [ok for bucket, ok in told if bucket > (now + 35) // 10 - 10]
        assert window.counts(now + 35.0) == (sum(ahead), len(ahead) - sum(ahead))


@given(st.lists(st.integers(-500, 500), max_size=40))
def test_time_that_runs_backwards_counts_as_the_latest_seen(times: list[int]):
    window, steady, latest = Window(100.0), Window(100.0), -1000
    for now in times:
        latest = max(latest, now)
        window.add_ok(float(now))
        steady.add_ok(float(latest))
    assert window.counts(float(latest)) == steady.counts(float(latest))
