"""In which order a call tries its targets: six strategies, each an ordering of all that it is given.

Fallback is the next item. What is admissible is decided before (breakers, limits, needs). A target of
weight 0 is drained: no strategy lists it. With a sticky key the order within a tier is the session's own.
"""

import hashlib
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from switch_grpc.routing.load import Load

EXPLORE: Final = 0.01  # share of the picks that goes to targets nobody has timed yet
PATIENCE: Final = 16  # picks between two that go to a slow target only because its samples are old
_KEPT_CYCLES: Final = 64


class Candidate(Protocol):
    """What balancing needs to know of a target."""

    @property
    def key(self) -> str:
        """Unique within the route, and the same after a restart."""

    @property
    def weight(self) -> float: ...
    @property
    def priority(self) -> int: ...
    @property
    def cost(self) -> float | None:
        """US dollars per token; None: not known."""

    @property
    def load(self) -> Load: ...


C = TypeVar("C", bound=Candidate)


class Rank(Protocol):
    """Orders targets of one tier, best first, and counts the first as picked. Given at least one."""

    def __call__(
        self, candidates: list[C], rotation: "Rotation", now: float, rng: random.Random, /
    ) -> list[C]: ...


class Rotation:
    """Whose turn it is on one route. Outlives reloads; only the event loop touches it."""

    __slots__ = ("_cycles", "_turn", "_turns", "patience")

    def __init__(self) -> None:
        self._turn = 0
        self._turns: dict[str, int] = {}  # when each was first choice
        self._cycles: dict[tuple[tuple[str, float], ...], list[float]] = {}
        self.patience = 0  # picks since an old sample was renewed

    def turn_of(self, candidate: Candidate) -> int:
        return self._turns.get(candidate.key, 0)

    def take_turn(self, candidate: Candidate) -> None:
        self._turn += 1
        self._turns[candidate.key] = self._turn

    def cycle(self, candidates: Sequence[Candidate]) -> list[float]:
        """The credits of smooth weighted round-robin, which add up to 0 between picks.

        One cycle for each set of targets, since shares are exact only where none comes or goes.
        """
        key = tuple([(candidate.key, candidate.weight) for candidate in candidates])
        credit = self._cycles.get(key)
        if credit is None:
            if len(self._cycles) >= _KEPT_CYCLES:
                del self._cycles[next(iter(self._cycles))]
            credit = self._cycles[key] = [0.0] * len(key)
        return credit


def _round_robin(candidates: list[C], rotation: Rotation, now: float, rng: random.Random) -> list[C]:
    """Longest not chosen first: exact over any stretch with the same targets, whatever came before."""
    ranked = sorted(candidates, key=rotation.turn_of)
    rotation.take_turn(ranked[0])
    return ranked


def _least_connections(candidates: list[C], rotation: Rotation, now: float, rng: random.Random) -> list[C]:
    """Fewest attempts in flight first, streams counted to their last byte; among equals in turn."""
    ranked = sorted(candidates, key=lambda c: (c.load.in_flight, rotation.turn_of(c)))
    rotation.take_turn(ranked[0])
    return ranked


def _weighted(candidates: list[C], rotation: Rotation, now: float, rng: random.Random) -> list[C]:
    """Smooth weighted round-robin (nginx): in any sum-of-weights picks each gets its weight exactly."""
    credit = rotation.cycle(candidates)
    total, first = 0.0, 0
    for index, candidate in enumerate(candidates):
        total += candidate.weight
        credit[index] += candidate.weight
        if credit[index] > credit[first]:
            first = index
    chosen = candidates[first]
    rest = sorted(range(len(candidates)), key=credit.__getitem__, reverse=True)
    credit[first] -= total
    return [chosen, *(candidates[index] for index in rest if index != first)]


def _fastest_response(candidates: list[C], rotation: Rotation, now: float, rng: random.Random) -> list[C]:
    """Lowest peak-EWMA x (in flight + 1) of two drawn at random (Mitzenmacher's two choices).

    Two drawn rather than all compared, or every caller would run to the same target at once. Time fades a
    slow target's average until it beats the others'; on a quiet route that is soon, so such a try
    is made once in `PATIENCE` picks only.
    """
    timed = [candidate for candidate in candidates if candidate.load.latency.sampled]
    if len(timed) < len(candidates):
        untimed = [candidate for candidate in candidates if not candidate.load.latency.sampled]
        untimed = _least_connections(untimed, rotation, now, rng)
        if not timed or rng.random() < EXPLORE:
            return untimed + sorted(timed, key=_steady_cost)
    else:
        untimed = []
    ranked = sorted(timed, key=_steady_cost)
    chosen = _two_choices(ranked, rotation, now, rng)
    return [chosen, *(candidate for candidate in ranked if candidate is not chosen), *untimed]


def _two_choices(ranked: list[C], rotation: Rotation, now: float, rng: random.Random) -> C:
    """The better of two of `ranked`, which is in order of steady cost."""
    rotation.patience += 1
    if len(ranked) == 1:
        return ranked[0]
    one = int(rng.random() * len(ranked))
    other = int(rng.random() * (len(ranked) - 1))
    if other >= one:
        other += 1
    steady, rival = ranked[min(one, other)], ranked[max(one, other)]
    if rotation.patience > PATIENCE and _faded_cost(rival, now) < _faded_cost(steady, now):
        rotation.patience = 0
        return rival
    return steady


def _steady_cost(candidate: Candidate) -> float:
    return candidate.load.latency.peak * (candidate.load.in_flight + 1)


def _faded_cost(candidate: Candidate, now: float) -> float:
    return candidate.load.latency.value(now) * (candidate.load.in_flight + 1)


def _priority(candidate: Candidate) -> float:
    return candidate.priority


def _price(candidate: Candidate) -> float:
    return math.inf if candidate.cost is None else candidate.cost


@dataclass(frozen=True, slots=True)
class Strategy:
    """An ordering: by `tier` first, where there is one, and by `rank` within a tier."""

    rank: Rank
    tier: Callable[[Candidate], float] | None = None
    by_weight: bool = False  # sessions too are shared out by weight


STRATEGIES: Final[Mapping[str, Strategy]] = {
    "round-robin": Strategy(_round_robin),
    "weighted": Strategy(_weighted, by_weight=True),
    "least-connections": Strategy(_least_connections),
    "fastest-response": Strategy(_fastest_response),
    "priority-based": Strategy(_weighted, tier=_priority, by_weight=True),
    "cost-optimized": Strategy(_least_connections, tier=_price),
}


def order(
    strategy: str,
    candidates: Sequence[C],
    rotation: Rotation,
    now: float,
    rng: random.Random,
    sticky_key: str | None = None,
) -> list[C]:
    """All of `candidates` but the drained, best first; the first one counts as picked.

    With `sticky_key` (a session's) the same session gets the same order as long as the targets are the
    same, in every process; when its target is not among them it moves once, and back when that returns.
    """
    row = STRATEGIES[strategy]
    fit = [candidate for candidate in candidates if candidate.weight > 0]
    if len(fit) < 2:
        return fit
    if row.tier is None:
        return _within(row, fit, rotation, now, rng, sticky_key)
    tiers: dict[float, list[C]] = {}
    for candidate in fit:
        tiers.setdefault(row.tier(candidate), []).append(candidate)
    ranked: list[C] = []
    for tier in sorted(tiers):
        peers = tiers[tier]
        ranked += peers if len(peers) == 1 else _within(row, peers, rotation, now, rng, sticky_key)
    return ranked


def _within(
    row: Strategy, peers: list[C], rotation: Rotation, now: float, rng: random.Random, sticky_key: str | None
) -> list[C]:
    if sticky_key is None:
        return row.rank(peers, rotation, now, rng)
    return sorted(peers, key=lambda c: _affinity(c, sticky_key, row.by_weight), reverse=True)


def _affinity(candidate: Candidate, sticky_key: str, by_weight: bool) -> float:
    """Weighted rendezvous hashing: the target with the highest draw keeps the session.

    The draw of a target does not depend on the others, so only the sessions of one that goes away move.
    """
    text = f"{candidate.key}\0{sticky_key}".encode("utf-8", "surrogatepass")
    draw = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest()) >> 12
    uniform = (draw + 0.5) / 2.0**52  # in (0, 1), both ends excluded
    return (candidate.weight if by_weight else 1.0) / -math.log(uniform)


def unfit(candidate: Candidate, max_cost_per_token: float | None = None) -> str | None:
    """Why a target is passed over whatever its state, or None. A price nobody knows breaks no ceiling."""
    if candidate.weight <= 0:
        return "drained: its weight is 0"
    if max_cost_per_token is not None and candidate.cost is not None and candidate.cost > max_cost_per_token:
        return f"costs {candidate.cost:g} USD per token, more than maxCostPerToken {max_cost_per_token:g}"
    return None
