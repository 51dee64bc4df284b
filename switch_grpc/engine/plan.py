"""Who is asked next: the targets in their order, then those worth repeating, round after round."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from switch_grpc.faults import Fault, Kind, Same
from switch_grpc.routing.target import Target

MOST_ATTEMPTS: Final = 8  # of one call, whatever the configuration says
LONGEST_BACKOFF: Final = 2.0
LONGEST_PUSHBACK: Final = 2.0  # a provider that asks for a longer wait is not asked again


@dataclass(frozen=True, slots=True)
class Step:
    """Ask `target` after `wait` seconds."""

    target: Target
    wait: float


@dataclass(slots=True)
class _Visited:
    times: int
    fault: Fault
    at: float


class Plan:
    """The course of one call over its targets. Pure: the engine tells it what happened and asks what is next.

    Where another target is left, a fault that may move on does so before the same target is asked again: a,
    b, then a again.
    """

    __slots__ = ("_asked", "_final", "_round", "_targets", "_visited")

    def __init__(self, targets: Sequence[Target]) -> None:
        self._targets = targets
        self._round = list(targets)
        self._visited: dict[Target, _Visited] = {}
        self._asked = 0
        self._final = False

    @property
    def others(self) -> bool:
        """Whether targets that were not asked yet are left in this round."""
        return bool(self._round)

    def next(self, now: float, rng: random.Random) -> Step | None:
        """The next step, or None when there is nobody left to ask."""
        if self._final or self._asked >= MOST_ATTEMPTS:
            return None
        if not self._round:
            self._round = [target for target in self._targets if self._repeatable(target)]
            if not self._round:
                return None
        target = self._round.pop(0)
        visited = self._visited.get(target)
        return Step(target, 0.0 if visited is None else _backoff(target, visited, now, rng))

    def record(self, target: Target, fault: Fault, now: float) -> None:
        """An attempt at `target` ended with `fault`."""
        self._asked += 1
        before = self._visited.get(target)
        self._visited[target] = _Visited(before.times + 1 if before else 1, fault, now)
        self._final = not fault.rule.next and fault.rule.same is Same.NO

    def _repeatable(self, target: Target) -> bool:
        visited = self._visited.get(target)
        if visited is None:
            return False
        retries, fault = visited.times - 1, visited.fault
        match fault.rule.same:
            case Same.YES:
                return retries < target.spec.max_retries
            case Same.ONCE:
                return retries < min(1, target.spec.max_retries)
            case Same.PUSHBACK:
                soon = fault.retry_after is not None and fault.retry_after <= LONGEST_PUSHBACK
                return soon and retries < target.spec.max_retries
            case Same.NO | Same.REAUTH:  # a renewed credential is tried within the attempt
                return False


def _backoff(target: Target, visited: _Visited, now: float, rng: random.Random) -> float:
    """Full jitter ("Exponential Backoff And Jitter", AWS), unless the provider named a wait."""
    fault = visited.fault
    if fault.rule.same is Same.PUSHBACK and fault.retry_after is not None:
        return max(0.0, visited.at + fault.retry_after - now)
    if fault.kind is Kind.UPSTREAM_UNREACHABLE:
        return 0.0  # nothing was asked yet: another connection may go through at once
    return rng.uniform(0.0, min(LONGEST_BACKOFF, target.spec.retry_delay * 2.0 ** (visited.times - 1)))
