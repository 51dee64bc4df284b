"""Who is asked next, by numbers: rounds, what is worth repeating, and what ends a call."""

import random

import pytest

from switch_grpc.engine.plan import LONGEST_PUSHBACK, MOST_ATTEMPTS, TIMER_GRAIN, Plan
from switch_grpc.faults import RULES, Fault, Kind, Same
from switch_grpc.routing.target import Target
from tests.support.engines import spec

RNG = random.Random(7)


def targets(*names: str, **settings: object) -> list[Target]:
    return [Target(spec(name, **settings)) for name in names]


def course(plan: Plan, *kinds: Kind | Fault) -> list[str]:
    """Whom the plan asks while attempts end with these faults, the last one for ever."""
    asked: list[str] = []
    while (step := plan.next(0.0, RNG)) is not None:
        asked.append(step.target.key)
        fault = kinds[min(len(asked), len(kinds)) - 1]
        plan.record(step.target, fault if isinstance(fault, Fault) else Fault(fault, ""), 0.0)
    return asked


def test_every_target_is_asked_before_any_a_second_time():
    assert course(Plan(targets("a", "b", "c")), Kind.UPSTREAM_ERROR) == ["a", "b", "c", "a", "b", "c"]


def test_a_call_makes_eight_attempts_at_most():
    many = targets(*"abcdefghij")
    assert len(course(Plan(many), Kind.UPSTREAM_ERROR)) == MOST_ATTEMPTS == 8
    assert len(course(Plan(targets("a", max_retries=10)), Kind.STREAM_INTERRUPTED)) == 8


def test_without_targets_nobody_is_asked():
    assert course(Plan([]), Kind.UPSTREAM_ERROR) == []


@pytest.mark.parametrize("kind", Kind)
def test_a_fault_that_may_not_move_on_is_the_last(kind: Kind):
    asked = course(Plan(targets("a", "b")), kind)
    if kind is Kind.CONTEXT_LENGTH or not RULES[kind].next:
        assert asked == ["a"]
    else:
        assert asked[:2] == ["a", "b"]


@pytest.mark.parametrize("kind", [kind for kind in Kind if RULES[kind].next])
@pytest.mark.parametrize("max_retries", [0, 1, 3])
def test_the_same_target_is_asked_again_as_its_row_says(kind: Kind, max_retries: int):
    asked = course(Plan(targets("a", max_retries=max_retries)), kind)
    repeats = {Same.YES: max_retries, Same.ONCE: min(1, max_retries)}.get(RULES[kind].same, 0)
    assert asked == ["a"] * (1 + repeats)


@pytest.mark.parametrize(
    "kind", [Kind.UPSTREAM_RATE_LIMIT, Kind.UPSTREAM_OVERLOADED, Kind.UPSTREAM_SATURATED]
)
@pytest.mark.parametrize(
    ("wait", "times"), [(None, 1), (0.0, 4), (0.5, 4), (LONGEST_PUSHBACK, 4), (LONGEST_PUSHBACK + 0.01, 1)]
)
def test_who_names_a_short_wait_is_asked_again(kind: Kind, wait: float | None, times: int):
    assert course(Plan(targets("a", max_retries=3)), Fault(kind, "", retry_after=wait)) == ["a"] * times


def test_a_wait_that_the_provider_named_is_kept_exactly():
    plan = Plan(targets("a"))
    assert plan.next(10.0, RNG) is not None
    plan.record(plan._targets[0], Fault(Kind.UPSTREAM_RATE_LIMIT, "", retry_after=1.5), 10.0)
    step = plan.next(10.2, RNG)
    assert step is not None
    assert step.wait == pytest.approx(1.3 + TIMER_GRAIN)


def test_a_wait_named_with_any_fault_overrides_the_backoff():
    for wait, again in ((0.7, True), (30.0, False)):
        plan = Plan(targets("a"))
        plan.next(0.0, RNG)
        plan.record(plan._targets[0], Fault(Kind.UPSTREAM_ERROR, "", retry_after=wait), 0.0)
        step = plan.next(0.0, RNG)
        assert (step is not None) is again
        if step is not None:
            assert step.wait == pytest.approx(0.7 + TIMER_GRAIN)


def test_the_backoff_is_jittered_over_a_doubling_span_of_at_most_two_seconds():
    spans = []
    for _ in range(400):
        plan = Plan(targets("a", max_retries=7, retry_delay=0.5))
        waits = []
        while (step := plan.next(0.0, RNG)) is not None:
            waits.append(step.wait)
            plan.record(step.target, Fault(Kind.UPSTREAM_REQUEST_TIMEOUT, ""), 0.0)
        spans.append(waits)
    longest = [max(column) for column in zip(*spans, strict=True)]
    assert longest[0] == 0.0
    for most, bound in zip(longest[1:], [0.5, 1.0, 2.0, 2.0, 2.0, 2.0, 2.0], strict=True):
        assert 0.9 * bound < most <= bound
    assert min(waits[1] for waits in spans) < 0.05


def test_a_connection_that_was_refused_is_tried_again_at_once():
    plan = Plan(targets("a"))
    plan.next(0.0, RNG)
    plan.record(plan._targets[0], Fault(Kind.UPSTREAM_UNREACHABLE, ""), 0.0)
    step = plan.next(0.0, RNG)
    assert step is not None
    assert step.wait == 0.0


def test_a_prompt_that_is_too_long_goes_only_to_larger_targets():
    small, same, large, larger, unknown = (
        Target(spec(name, context_window=window))
        for name, window in {"small": 8, "same": 16, "large": 32, "larger": 64, "unknown": None}.items()
    )
    plan = Plan([same, small, unknown, large, larger])
    assert course(plan, Kind.CONTEXT_LENGTH) == ["same", "large", "larger"]


def test_a_target_that_failed_before_is_not_asked_again_with_a_prompt_too_long_for_a_larger_one():
    small, middle, large = (
        Target(spec(name, context_window=window))
        for name, window in {"small": 8, "middle": 16, "large": 32}.items()
    )
    plan = Plan([small, middle, large])
    faults = [Kind.UPSTREAM_ERROR, Kind.CONTEXT_LENGTH, Kind.UPSTREAM_ERROR]
    assert course(plan, *faults) == ["small", "middle", "large", "large"]


def test_a_body_that_is_too_large_is_like_a_prompt_that_is_too_long():
    fault = Fault(Kind.CLIENT_FAULT, "", http=413, upstream_status=413)
    assert course(Plan(targets("a", "b")), fault) == ["a"]
    windows = [Target(spec("a", context_window=8)), Target(spec("b", context_window=9))]
    assert course(Plan(windows), fault) == ["a", "b"]


def test_a_filtered_prompt_goes_on_only_where_the_route_says_so():
    assert course(Plan(targets("a", "b")), Kind.CONTENT_FILTER) == ["a"]
    assert course(Plan(targets("a", "b"), on_content_filter=True), Kind.CONTENT_FILTER) == ["a", "b"]


def test_a_full_target_is_put_last_once():
    a, b = targets("a", "b")
    plan = Plan([a, b])
    assert plan.next(0.0, RNG).target is a  # type: ignore[union-attr]
    assert plan.defer(a)
    assert plan.next(0.0, RNG).target is b  # type: ignore[union-attr]
    plan.record(b, Fault(Kind.UPSTREAM_TIMEOUT, ""), 0.0)
    assert plan.next(0.0, RNG).target is a  # type: ignore[union-attr]
    assert not plan.defer(a)


def test_the_last_target_of_a_round_is_not_put_last():
    (a,) = targets("a")
    plan = Plan([a])
    plan.next(0.0, RNG)
    assert not plan.defer(a)


def test_a_target_that_could_not_be_asked_is_not_asked_again():
    a, b = targets("a", "b")
    plan = Plan([a, b])
    plan.next(0.0, RNG)
    plan.skip(a)
    assert course(plan, Kind.UPSTREAM_ERROR) == ["b", "b"]


def test_where_nobody_could_be_asked_there_is_no_second_round():
    plan = Plan(targets("a", "b"))
    for _ in range(2):
        step = plan.next(0.0, RNG)
        assert step is not None
        plan.skip(step.target)
    assert plan.next(0.0, RNG) is None
