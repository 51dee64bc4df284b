import itertools
import random
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch_grpc.faults import Effect
from switch_grpc.routing.balance import STRATEGIES, Rotation, order, unfit
from tests.support.candidates import Entry, Traffic, named

RNG = random.Random(7)
PICKS = 10_000


def firsts(strategy: str, entries: list[Entry], picks: int, rotation: Rotation | None = None) -> list[str]:
    rotation = rotation or Rotation()
    return [order(strategy, entries, rotation, 0.0, RNG)[0].key for _ in range(picks)]


# Every strategy.


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_an_order_lists_every_target_once(strategy: str):
    """Fallback is the next item, so none may be missing."""
    entries = [Entry("a", priority=1, cost=0.2), Entry("b", weight=3, priority=2), Entry("c", cost=0.1)]
    rotation = Rotation()
    for key in [None, "s-1"] * 50:
        ranked = order(strategy, entries, rotation, 0.0, RNG, key)
        assert sorted(entry.key for entry in ranked) == ["a", "b", "c"]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_target_of_weight_zero_is_never_listed(strategy: str):
    entries = [Entry("a", weight=0), Entry("b"), Entry("c", weight=0)]
    assert order(strategy, entries, Rotation(), 0.0, RNG) == [entries[1]]
    assert order(strategy, entries, Rotation(), 0.0, RNG, "s-1") == [entries[1]]
    assert order(strategy, entries[:1], Rotation(), 0.0, RNG) == []


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_nothing_in_nothing_out(strategy: str):
    assert order(strategy, [], Rotation(), 0.0, RNG) == []


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_an_order_leaves_what_it_was_given_alone(strategy: str):
    entries = [Entry("a", priority=2), Entry("b")]
    order(strategy, entries, Rotation(), 0.0, RNG)
    assert [entry.key for entry in entries] == ["a", "b"]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_in_flight_is_zero_after_a_storm(strategy: str):
    """Cancels, failures and successes; some ended twice."""
    entries = [Entry("a", priority=1), Entry("b", priority=1, seconds=2.0), Entry("c", fails=True)]
    traffic = Traffic(strategy, entries, rate=500.0)
    traffic.run(2_000)
    flights = [entry.load.begin(traffic.now) for entry in entries for _ in range(500)]
    for flight, outcome in zip(flights, itertools.cycle(Effect), strict=False):
        flight.end(outcome, traffic.now)
        flight.end(Effect.EXCLUDED, traffic.now)
    traffic.land(traffic.now + 10.0)
    assert [entry.load.in_flight for entry in entries] == [0, 0, 0]


# Round-robin.


@given(st.integers(2, 5), st.integers(0, 30))
def test_round_robin_is_exact_within_one_over_any_stretch(targets: int, start: int):
    picks = firsts("round-robin", named("abcde"[:targets]), start + 100)[start:]
    for end in range(len(picks)):
        counts = Counter(picks[: end + 1])
        assert max(counts.values()) - min(counts[name] for name in "abcde"[:targets]) <= 1


def test_round_robin_gives_ten_thousand_picks_in_equal_parts():
    counts = Counter(firsts("round-robin", named("abc"), PICKS))
    assert max(counts.values()) - min(counts.values()) <= 1


def test_round_robin_stays_exact_among_those_that_remain():
    entries, rotation = named("abc"), Rotation()
    firsts("round-robin", entries, 4, rotation)
    assert Counter(firsts("round-robin", entries[1:], 10, rotation)) == {"b": 5, "c": 5}
    assert firsts("round-robin", entries, 6, rotation)[3:] == firsts("round-robin", entries, 3, rotation)


# Weighted.


@given(
    st.lists(st.integers(1, 9), min_size=2, max_size=5),
    st.integers(0, 40),
)
def test_weights_are_exact_in_any_round(weights: list[int], start: int):
    entries = [Entry("abcde"[index], weight=weight) for index, weight in enumerate(weights)]
    picks = firsts("weighted", entries, start + sum(weights))[start:]
    assert Counter(picks) == {entry.key: entry.weight for entry in entries}


def test_ten_thousand_weighted_picks_are_exact():
    entries = [Entry("a", weight=6), Entry("b", weight=3), Entry("c", weight=1)]
    assert Counter(firsts("weighted", entries, PICKS)) == {"a": 6000, "b": 3000, "c": 1000}


def test_weighted_picks_are_spread_and_not_in_runs():
    entries = [Entry("a", weight=5), Entry("b"), Entry("c")]
    assert "".join(firsts("weighted", entries, 7)) == "aabacaa"


def test_weights_stay_exact_while_targets_come_and_go():
    """Each set of targets has its own cycle: a request that only two of three fit does not disturb it."""
    entries = [Entry("a", weight=3), Entry("b", weight=2), Entry("c", weight=1)]
    rotation, whole, pair = Rotation(), [], []
    for _ in range(60):
        whole += firsts("weighted", entries, 1, rotation)
        pair += firsts("weighted", entries[:2], 1, rotation)
    assert Counter(whole) == {"a": 30, "b": 20, "c": 10}
    assert Counter(pair) == {"a": 36, "b": 24}


def test_a_new_weight_is_exact_at_once():
    entries, rotation = [Entry("a", weight=3), Entry("b", weight=2)], Rotation()
    firsts("weighted", entries, 4, rotation)
    entries[0].weight = 1
    assert Counter(firsts("weighted", entries, 3, rotation)) == {"a": 1, "b": 2}


def test_memory_of_sets_is_bounded():
    rotation, entries = Rotation(), named("abcdefghijkl")
    for size in range(2, 6):
        for subset in itertools.combinations(entries, size):
            order("weighted", subset, rotation, 0.0, RNG)
    assert len(rotation._cycles) == 64


# Least connections.


def test_least_connections_never_picks_a_busier_one():
    entries, rotation, rng = named("abcd"), Rotation(), random.Random(3)
    for _ in range(PICKS):
        for entry in entries:
            entry.load.in_flight = rng.randrange(4)
        ranked = order("least-connections", entries, rotation, 0.0, rng)
        in_flight = [entry.load.in_flight for entry in ranked]
        assert in_flight == sorted(in_flight)


def test_least_connections_takes_turns_among_equals():
    assert Counter(firsts("least-connections", named("abc"), 300)) == {"a": 100, "b": 100, "c": 100}


def test_least_connections_counts_streams_to_their_last_byte():
    entries = [Entry("short", seconds=0.1), Entry("long", seconds=10.0)]
    picks = Traffic("least-connections", entries, rate=20.0).run(PICKS)
    assert picks["long"] < 0.15 * PICKS


# Fastest response.


@pytest.mark.parametrize("rate", [0.1, 1.0, 20.0, 200.0])
@pytest.mark.parametrize("spare", [0, 1])
def test_the_slow_target_gets_few_picks(rate: float, spare: int):
    """Ten times slower, at any rate of traffic, alone beside a quick one or beside two."""
    entries = [Entry("quick"), Entry("slow", seconds=1.0), *named("x" * spare)]
    picks = Traffic("fastest-response", entries, rate).run(PICKS)
    assert picks["slow"] < 0.15 * PICKS


@pytest.mark.parametrize("rate", [0.1, 1.0, 20.0, 200.0])
@pytest.mark.parametrize("spare", [0, 1])
def test_the_target_that_fails_fast_gets_fewer(rate: float, spare: int):
    """Without a penalty it would be the fastest of all."""
    entries = [Entry("good"), Entry("broken", seconds=0.001, fails=True), *named("x" * spare)]
    picks = Traffic("fastest-response", entries, rate).run(PICKS)
    assert picks["broken"] < 0.10 * PICKS


@pytest.mark.parametrize("rate", [2.0, 20.0, 200.0])
@pytest.mark.parametrize("was", [{"seconds": 1.0}, {"seconds": 0.001, "fails": True}])
def test_a_target_that_is_well_again_is_found_within_thirty_seconds(rate: float, was: dict[str, float]):
    entries = [Entry("good"), Entry("ill", **was)]  # type: ignore[arg-type]  # the fields' own types
    traffic = Traffic("fastest-response", entries, rate)
    traffic.run(int(rate * 600))
    entries[1].seconds, entries[1].fails = 0.1, False
    healed = traffic.now
    traffic.run(PICKS, until=lambda entry: entry.key == "ill")
    assert traffic.now - healed <= 30.0
    traffic.run(int(rate * 30))
    assert traffic.run(1000)["ill"] > 300


def test_equally_fast_targets_share_the_load():
    picks = Traffic("fastest-response", named("abc"), rate=100.0).run(PICKS)
    assert min(picks.values()) > 0.2 * PICKS


def test_a_target_nobody_has_timed_gets_one_pick_in_a_hundred():
    entries, rotation, rng = named("ab"), Rotation(), random.Random(7)
    entries[0].load.latency.observe(0.1, 0.0)
    picks = Counter(order("fastest-response", entries, rotation, 0.0, rng)[0].key for _ in range(PICKS))
    assert 70 <= picks["b"] <= 130


def test_with_nothing_timed_it_takes_turns():
    assert Counter(firsts("fastest-response", named("abc"), 300)) == {"a": 100, "b": 100, "c": 100}


def test_the_faster_of_two_is_first_and_the_slower_is_its_fallback():
    entries = named("abc")
    for entry, seconds in zip(entries, (0.3, 0.1, 0.2), strict=True):
        entry.load.latency.observe(seconds, 0.0)
    firsts_seen = set()
    for _ in range(300):
        ranked = order("fastest-response", entries, Rotation(), 0.0, RNG)
        firsts_seen.add(ranked[0].key)
        assert [entry.key for entry in ranked[1:]] == [k for k in "bca" if k != ranked[0].key]
    assert firsts_seen == {"b", "c"}, "the slowest of three never wins a pair"


def test_calls_in_flight_weigh_like_time():
    entries = named("ab")
    entries[0].load.latency.observe(0.1, 0.0)
    entries[1].load.latency.observe(0.25, 0.0)
    for in_flight, winner in ((0, "a"), (1, "a"), (2, "b")):
        entries[0].load.in_flight = in_flight
        assert order("fastest-response", entries, Rotation(), 0.0, RNG)[0].key == winner


# Tiers: priority and price.


def test_the_lowest_priority_number_comes_first_and_weights_share_within_a_tier():
    entries = [Entry("c", priority=2), Entry("a", weight=3), Entry("b", weight=1)]
    rotation = Rotation()
    orders = [order("priority-based", entries, rotation, 0.0, RNG) for _ in range(400)]
    assert {ranked[2].key for ranked in orders} == {"c"}
    assert Counter(ranked[0].key for ranked in orders) == {"a": 300, "b": 100}


def test_the_second_tier_too_is_shared_by_weight():
    entries = [Entry("a"), Entry("b", priority=2, weight=3), Entry("c", priority=2)]
    rotation = Rotation()
    seconds = [order("priority-based", entries, rotation, 0.0, RNG)[1].key for _ in range(400)]
    assert Counter(seconds) == {"b": 300, "c": 100}


def test_the_cheapest_is_picked_and_an_unknown_price_comes_last():
    entries = [Entry("dear", cost=3e-5), Entry("unknown"), Entry("cheap", cost=1e-6), Entry("free", cost=0.0)]
    rotation = Rotation()
    for _ in range(PICKS):
        ranked = order("cost-optimized", entries, rotation, 0.0, RNG)
        assert [entry.key for entry in ranked] == ["free", "cheap", "dear", "unknown"]


def test_targets_of_one_price_share_by_load():
    entries = [Entry("a", cost=1e-6), Entry("b", cost=1e-6)]
    assert Counter(firsts("cost-optimized", entries, 100)) == {"a": 50, "b": 50}


def test_a_target_is_passed_over_for_a_reason():
    assert unfit(Entry("a", cost=3e-5), 2e-5) == "costs 3e-05 USD per token, more than maxCostPerToken 2e-05"
    assert unfit(Entry("a", weight=0)) == "drained: its weight is 0"
    assert unfit(Entry("a", cost=2e-5), 2e-5) is None
    assert unfit(Entry("a"), 2e-5) is None, "a price nobody knows breaks no ceiling"
    assert unfit(Entry("a", cost=3e-5)) is None


# Sticky sessions.


SESSIONS = [f"session-{number}" for number in range(2_000)]


def homes(strategy: str, entries: list[Entry]) -> dict[str, str]:
    return {key: order(strategy, entries, Rotation(), 0.0, RNG, key)[0].key for key in SESSIONS}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_session_stays_where_it_is(strategy: str):
    entries, rotation = named("abcd", cost=1e-6), Rotation()
    entries[2].load.in_flight = 9
    ranked = [order(strategy, entries, rotation, float(n), RNG, "s-1") for n in range(100)]
    assert all(order == ranked[0] for order in ranked)


@pytest.mark.parametrize("strategy", ["round-robin", "weighted", "priority-based"])
def test_only_the_sessions_of_a_lost_target_move_and_they_return(strategy: str):
    entries = named("abcd")
    before, without = homes(strategy, entries), homes(strategy, entries[1:])
    moved = [key for key in SESSIONS if before[key] != without[key]]
    assert moved == [key for key in SESSIONS if before[key] == "a"]
    assert len(set(without.values())) == 3, "the sessions of a lost target spread over the rest"
    assert homes(strategy, entries) == before


def test_a_session_moves_to_its_own_second_choice():
    """Where fallback within a call goes, the session goes when the target opens: prompts stay cached."""
    entries = named("abcd")
    for key in SESSIONS[:100]:
        first, second, *_ = order("round-robin", entries, Rotation(), 0.0, RNG, key)
        rest = [entry for entry in entries if entry is not first]
        assert order("round-robin", rest, Rotation(), 0.0, RNG, key)[0] is second


def test_sessions_are_shared_out_evenly_or_by_weight():
    even = Counter(homes("round-robin", named("abcd")).values())
    assert all(400 < count < 600 for count in even.values())
    entries = [Entry("a", weight=3), Entry("b", weight=1)]
    assert 1400 < Counter(homes("weighted", entries).values())["a"] < 1600


def test_a_session_stays_within_the_first_tier():
    entries = [Entry("a"), Entry("b"), Entry("backup", priority=2, weight=100)]
    assert set(homes("priority-based", entries).values()) == {"a", "b"}
    entries = [Entry("a", cost=1e-6), Entry("b", cost=1e-6), Entry("dear", cost=1e-3)]
    assert set(homes("cost-optimized", entries).values()) == {"a", "b"}


def test_a_session_goes_to_the_same_target_in_every_process():
    script = (
        "import random; from switch_grpc.routing.balance import *\n"
        "from tests.support.candidates import named\n"
        "print(''.join(order('round-robin', named('abcd'), Rotation(), 0.0, random.Random(), f's{n}')[0].key"
        " for n in range(40)))"
    )
    seen = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    ours = [order("round-robin", named("abcd"), Rotation(), 0.0, RNG, f"s{n}")[0].key for n in range(40)]
    assert seen.stdout.strip() == "".join(ours)


def test_any_session_key_will_do():
    for key in ("", "\0", "\ud800", "ключ", "x" * 10_000):
        assert len(order("weighted", named("ab"), Rotation(), 0.0, RNG, key)) == 2


def test_sessions_do_not_disturb_the_turns_of_others():
    entries, rotation = named("abc"), Rotation()
    picks = []
    for number in range(300):
        order("round-robin", entries, rotation, 0.0, RNG, f"s{number % 7}")
        picks += firsts("round-robin", entries, 1, rotation)
    assert Counter(picks) == {"a": 100, "b": 100, "c": 100}
