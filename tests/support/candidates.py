"""Targets as balancing sees them, and a simulated route that sends traffic to them."""

import heapq
import itertools
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from switch_grpc.faults import Effect
from switch_grpc.routing.balance import Rotation, order
from switch_grpc.routing.load import Flight, Load
from switch_grpc.routing.outcome import SUCCEEDED, Outcome


@dataclass(slots=True)
class Entry:
    """A candidate that answers after `seconds`, give or take a half, or fails after them."""

    key: str
    weight: float = 1.0
    priority: int = 1
    cost: float | None = None
    seconds: float = 0.1
    fails: bool = False
    load: Load = field(default_factory=Load)

    def __repr__(self) -> str:
        return self.key


def named(names: str, **values: float) -> list[Entry]:
    return [Entry(name, **values) for name in names]  # type: ignore[arg-type]  # the fields' own types


class Traffic:
    """Calls that arrive at a steady rate and go to the first choice of `strategy`, in simulated seconds."""

    def __init__(self, strategy: str, entries: Sequence[Entry], rate: float, seed: int = 7) -> None:
        self.strategy, self.entries, self.gap = strategy, entries, 1.0 / rate
        self.rotation, self.rng, self.now = Rotation(), random.Random(seed), 0.0
        self._ends: list[tuple[float, int, Flight, Outcome]] = []
        self._numbers = itertools.count()

    def run(self, calls: int, until: Callable[[Entry], bool] = lambda entry: False) -> Counter[str]:
        """Picks by target; ends early at the first pick for which `until` holds."""
        picks: Counter[str] = Counter()
        for _ in range(calls):
            self.now += self.gap
            self.land(self.now)
            chosen = order(self.strategy, self.entries, self.rotation, self.now, self.rng)[0]
            picks[chosen.key] += 1
            flight = chosen.load.begin(self.now)
            outcome: Outcome = Effect.COUNTED if chosen.fails else SUCCEEDED
            end = self.now + chosen.seconds * self.rng.uniform(0.5, 1.5)
            heapq.heappush(self._ends, (end, next(self._numbers), flight, outcome))
            if until(chosen):
                break
        return picks

    def land(self, now: float) -> None:
        """Ends every flight that is over by `now`."""
        while self._ends and self._ends[0][0] <= now:
            at, _, flight, outcome = heapq.heappop(self._ends)
            flight.end(outcome, at)
