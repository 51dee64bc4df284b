"""The order of a call's targets over pools, and whether an answer is a fallback's."""

import random
from collections.abc import Sequence

import pytest

from switch_grpc.request import Need
from switch_grpc.routing.balance import STRATEGIES
from switch_grpc.routing.route import Candidates, FallbackSpec, Pool, PoolSpec, Route, RouteSpec
from switch_grpc.routing.target import HealthThresholds, Target
from tests.support.engines import spec

RNG = random.Random(7)


def target(name: str, priority: int = 1, **settings: object) -> Target:
    return Target(spec(name, priority, **settings))


def pool(targets: Sequence[Target], **settings: object) -> Pool:
    return Pool(PoolSpec(**settings), targets)  # type: ignore[arg-type]


def route(*pools: Pool, **settings: object) -> Route:
    return Route(RouteSpec(name="lite", **settings), pools)  # type: ignore[arg-type]


def found(of: Route, now: float = 0.0, *, fallback: bool = True, needs: Need = Need.NONE) -> Candidates:
    return of.candidates(fallback=fallback, sticky_key=None, tokens=0, now=now, rng=RNG, needs=needs)


def names(of: Route, now: float = 0.0, **options: object) -> list[str]:
    return [one.key for one in found(of, now, **options).targets]  # type: ignore[arg-type]


def shut(*targets: Target) -> None:
    for one in targets:
        one.breaker.force_open(0.0)


def test_pools_follow_each_other_each_by_its_own_strategy():
    first = pool([target("a"), target("b")], id="one", strategy="round-robin")
    second = pool([target("d", 2), target("c", 1)], id="two")
    both = route(first, second)
    assert names(both) == ["a", "b", "c", "d"]
    assert names(both) == ["b", "a", "c", "d"]


def test_what_cannot_be_asked_is_left_out():
    a, b, c = target("a"), target("b", 2), target("c", 3, weight=0.0)
    shut(a)
    assert names(route(pool([a, b, c]))) == ["b"]


@pytest.mark.parametrize(("limit", "asked"), [(1, ["a"]), (2, ["a", "b"]), (None, ["a", "b", "c"])])
def test_a_call_goes_so_far_and_no_further(limit: int | None, asked: list[str]):
    targets = [target(name, place) for place, name in enumerate("abc")]
    assert names(route(pool(targets), fallback=FallbackSpec(max_targets=limit))) == asked
    assert names(route(pool(targets)), fallback=False) == ["a"]
    assert names(route(pool(targets), fallback=FallbackSpec(enabled=False))) == ["a"]


def test_a_pool_that_is_not_needed_does_not_count_a_pick():
    first, second = pool([target("a")], id="one"), pool([target("b"), target("c")], strategy="round-robin")
    both = route(first, second, fallback=FallbackSpec(max_targets=1))
    for _ in range(3):
        names(both)
    shut(first.targets[0])
    assert names(both) == ["b"]


def test_what_a_call_needs_leaves_out_whom_it_asks_too_much_of():
    a, b = target("a", lacks=Need.VISION), target("b", 2)
    both = route(pool([a, b]))
    assert names(both, needs=Need.VISION) == ["b"]
    assert not found(both, needs=Need.VISION).fallback(b), "the one that can is no second choice"
    assert names(both, needs=Need.TOOLS) == ["a", "b"]


# Pools that are passed over.


def unwell(name: str) -> Target:
    """A target past its threshold, and still to be asked."""
    made = target(name, thresholds=HealthThresholds(consecutive_failures=0))
    made.record.settled_at = 0.0
    return made


def test_a_pool_with_too_few_healthy_targets_comes_last():
    first = pool([unwell("a"), target("b")], id="one", min_healthy=2)
    both = route(first, pool([target("c")], id="two"))
    assert names(both) == ["c", "a", "b"]
    assert found(both).fallback(both.targets[2])


def test_one_healthy_target_is_enough_by_default_and_none_is_not():
    assert names(route(pool([unwell("a"), target("b")]), pool([target("c")]))) == ["a", "b", "c"]
    assert names(route(pool([unwell("a")]), pool([target("c")]))) == ["c", "a"]
    assert names(route(pool([unwell("a")], min_healthy=0), pool([target("c")]))) == ["a", "c"]


def test_where_there_is_no_other_pool_the_only_one_is_asked_whatever_its_health():
    only = route(pool([unwell("a")], min_healthy=5))
    assert names(only) == ["a"]
    assert not found(only).fallback(only.targets[0])


def test_where_all_pools_are_passed_over_the_first_is_no_fallback():
    both = route(pool([unwell("a")], id="one"), pool([unwell("b")], id="two"))
    assert names(both) == ["a", "b"]
    assert not found(both).fallback(both.targets[0])
    assert found(both).fallback(both.targets[1])


# Whether an answer is a fallback's.


def test_the_first_is_no_fallback_and_the_next_is():
    a, b = target("a"), target("b", 2)
    both = route(pool([a, b]))
    assert not found(both).fallback(a)
    assert found(both).fallback(b)


def test_where_the_best_priority_is_out_everybody_is_second_choice():
    a, b = target("a"), target("b", 2)
    shut(a)
    assert found(route(pool([a, b]))).fallback(b)


def test_a_peer_of_the_same_priority_is_not():
    a, b = target("a"), target("b")
    shut(a)
    assert not found(route(pool([a, b]))).fallback(b)


@pytest.mark.parametrize("strategy", [name for name in STRATEGIES if name != "priority-based"])
def test_strategies_without_a_first_choice_have_no_second(strategy: str):
    a, b = target("a", 1), target("b", 2)
    shut(a)
    assert not found(route(pool([a, b], strategy=strategy))).fallback(b)


def test_a_target_of_another_pool_is_always_second_choice_where_the_first_pool_has_none():
    a, b = target("a"), target("b")
    shut(a)
    both = route(pool([a], id="one", strategy="round-robin"), pool([b], id="two"))
    assert found(both).fallback(b)


# Looking without asking.


def test_a_preview_counts_no_pick():
    turns = route(pool([target("a"), target("b")], strategy="round-robin"))
    for _ in range(3):
        assert [one.key for one in turns.preview(sticky_key=None, now=0.0)] == ["a", "b"]
    assert names(turns) == ["a", "b"]
    assert [one.key for one in turns.preview(sticky_key=None, now=0.0)] == ["b", "a"]


def test_the_turns_of_a_pool_outlive_a_reload():
    before = route(pool([target("a"), target("b")], strategy="round-robin"))
    names(before)
    after = route(pool([target("a"), target("b")], strategy="round-robin"))
    after.adopt(before, 1.0)
    assert names(after, 1.0) == ["b", "a"]
