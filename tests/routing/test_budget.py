import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch_grpc.faults import Effect
from switch_grpc.routing.budget import BudgetPolicy, RetryBudget, backoff, is_free
from switch_grpc.routing.load import Load

NO_FLOOR = BudgetPolicy(floor=0.0)


def drain(budget: RetryBudget, now: float) -> int:
    repeats = 0
    while budget.withdraw(now):
        repeats += 1
    return repeats


@pytest.mark.parametrize("rate", [10.0, 100.0, 2_000.0])
def test_an_outage_multiplies_calls_by_no_more_than_a_fifth_and_the_floor(rate: float):
    """10,000 requests of which each would try four times, and all fail."""
    budget, upstream, now = RetryBudget(), 0, 0.0
    for _ in range(10_000):
        now += 1.0 / rate
        budget.deposit(now)
        upstream += 1 + sum(budget.withdraw(now) for _ in range(3))
    assert upstream <= 1.2 * 10_000 + 10.0 * (now + 1.0)


def test_all_at_once_the_floor_is_ten():
    budget = RetryBudget()
    for _ in range(10_000):
        budget.deposit(0.0)
    assert drain(budget, 0.0) == 2_000 + 10


def test_five_requests_pay_for_one_repeat_exactly():
    budget = RetryBudget(NO_FLOOR)
    for requests in range(1, 1001):
        budget.deposit(0.0)
        assert budget.withdraw(0.0) == (requests % 5 == 0)


def test_a_credit_expires_after_ten_seconds():
    for later, repeats in ((9.9, 1), (10.0, 0)):
        budget = RetryBudget(NO_FLOOR)
        for _ in range(5):
            budget.deposit(0.0)
        assert drain(budget, later) == repeats


def test_the_oldest_credit_is_spent_first():
    budget = RetryBudget(NO_FLOOR)
    for now in (0.0, 9.0):
        for _ in range(5):
            budget.deposit(now)
    assert budget.withdraw(9.0)
    assert budget.balance(18.9) == 1.0
    assert drain(budget, 19.0) == 0


def test_the_floor_refills_and_saves_up_one_second():
    budget = RetryBudget()
    assert drain(budget, 0.0) == 10
    assert drain(budget, 0.5) == 5
    assert drain(budget, 1000.0) == 10


def test_a_refused_repeat_costs_nothing():
    budget = RetryBudget(NO_FLOOR)
    for _ in range(4):
        budget.deposit(0.0)
    assert drain(budget, 0.0) == 0
    budget.deposit(0.0)
    assert drain(budget, 0.0) == 1


def test_time_that_runs_backwards_mints_nothing():
    budget = RetryBudget()
    drain(budget, 10.0)
    assert drain(budget, 0.0) == 0
    assert drain(budget, 10.0) == 0


@given(st.lists(st.tuples(st.booleans(), st.floats(0.0, 3.0)), max_size=200))
def test_it_never_gives_more_than_was_paid_in(story: list[tuple[bool, float]]):
    budget, now, deposits, repeats = RetryBudget(), 0.0, 0, 0
    for deposit, wait in story:
        now += wait
        if deposit:
            budget.deposit(now)
            deposits += 1
        else:
            repeats += budget.withdraw(now)
        assert budget.balance(now) >= 0.0
        assert repeats <= 0.2 * deposits + 10.0 * (now + 1.0) + 1e-6


def test_its_memory_is_bounded():
    budget = RetryBudget()
    for request in range(100_000):
        budget.deposit(request / 1000)
    assert len(budget._deposits) <= 101


def test_a_visit_to_a_healthy_fallback_is_free():
    load = Load()
    assert is_free(load, 0.0, first_visit=True, closed=True, unsent=False)
    load.begin(0.0).end(Effect.COUNTED, 1.0)
    assert not is_free(load, 10.9, first_visit=True, closed=True, unsent=False)
    assert is_free(load, 11.0, first_visit=True, closed=True, unsent=False)


def test_a_repeat_or_a_probe_is_paid_for_unless_nothing_left():
    load = Load()
    assert not is_free(load, 0.0, first_visit=False, closed=True, unsent=False)
    assert not is_free(load, 0.0, first_visit=True, closed=False, unsent=False)
    assert is_free(load, 0.0, first_visit=False, closed=False, unsent=True)


def test_backoff_is_full_jitter_over_a_doubling_span_of_at_most_two_seconds():
    rng = random.Random(7)
    for repeat, span in enumerate([0.5, 1.0, 2.0, 2.0]):
        draws = [backoff(repeat, 0.5, rng) for _ in range(2000)]
        assert 0.0 <= min(draws) < 0.05 * span
        assert 0.95 * span < max(draws) <= span
    assert backoff(10_000, 1.0, rng) <= 2.0
