"""Who is asked next: the targets in their order, then those worth repeating, round after round."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from switch_grpc.faults import RULES, Fault, Kind, Same
from switch_grpc.routing.budget import backoff
from switch_grpc.routing.target import Target

MOST_ATTEMPTS: Final = 8  # of one call, whatever the configuration says
LONGEST_PUSHBACK: Final = 2.0  # a provider that asks for a longer wait is not asked again
TIMER_GRAIN: Final = 0.002  # seconds by which a sleep may end early


class Step(NamedTuple):
    """Ask `target` after `wait` seconds."""

    target: Target
    wait: float


@dataclass(frozen=True, slots=True)
class _Visited:
    """What is remembered of a target's attempts. Not the fault itself: its frames hold the whole request."""

    times: int
    at: float
    kind: Kind
    retry_after: float | None


class Plan:
    """The course of one call over its targets. Pure: the engine tells it what happened and asks what is next.

    Where another target is left, a fault that may move on does so before the same target is asked again: a,
    b, then a again.
    """

    __slots__ = ("_deferred", "_final", "_on_content_filter", "_targets", "_visited", "asked", "left")

    def __init__(self, targets: Sequence[Target], *, on_content_filter: bool = False) -> None:
        """`on_content_filter`: a prompt that one provider refuses may be put to the next."""
        self.asked = 0  # attempts so far
        self._targets = targets
        self.left = list(targets)  # those whose turn is still to come in this round
        self._visited: dict[Target, _Visited] = {}
        self._deferred: set[Target] = set()
        self._final = False
        self._on_content_filter = on_content_filter

    def visited(self, target: Target) -> bool:
        return target in self._visited

    def next(self, now: float, rng: random.Random) -> Step | None:
        """The next step, or None when there is nobody left to ask."""
        if self._final or self.asked >= MOST_ATTEMPTS:
            return None
        if not self.left:
            if self.asked:
                self.left = [target for target in self._targets if self._repeatable(target)]
            if not self.left:
                return None
        target = self.left.pop(0)
        visited = self._visited.get(target) if self.asked else None
        return Step(target, 0.0 if visited is None else _wait(target, visited, now, rng))

    def defer(self, target: Target) -> bool:
        """Puts `target`, whose turn it is, last in this round; False if it was put there before."""
        if target in self._deferred or not self.left:
            return False
        self._deferred.add(target)
        self.left.append(target)
        return True

    def skip(self, target: Target) -> None:
        """`target` could not be asked at its turn; it is not asked again."""
        self._targets = [other for other in self._targets if other is not target]

    def record(self, target: Target, fault: Fault, now: float) -> None:
        """An attempt at `target` ended with `fault`."""
        self.asked += 1
        before = self._visited.get(target)
        times = before.times + 1 if before else 1
        self._visited[target] = _Visited(times, now, fault.kind, fault.retry_after)
        if _is_too_large(fault):
            self._targets = [other for other in self._targets if _takes_more(other, target)]
            self.left = [other for other in self.left if other in self._targets]
            self._final = not self.left
        elif fault.kind is Kind.CONTENT_FILTER and self._on_content_filter:
            self._final = False
        else:
            self._final = not fault.rule.next

    def _repeatable(self, target: Target) -> bool:
        visited = self._visited.get(target)
        if visited is None:
            return False
        retries, named = visited.times - 1, visited.retry_after
        if named is not None and named > LONGEST_PUSHBACK:
            return False
        match RULES[visited.kind].same:
            case Same.YES:
                return retries < target.spec.max_retries
            case Same.ONCE:
                return retries < min(1, target.spec.max_retries)
            case Same.PUSHBACK:
                return named is not None and retries < target.spec.max_retries
            case Same.NO | Same.REAUTH:  # a renewed credential is tried within the attempt
                return False


def _is_too_large(fault: Fault) -> bool:
    """The prompt, or the body (413), was too much for the target: only a larger one may do better."""
    return fault.kind is Kind.CONTEXT_LENGTH or (
        fault.kind is Kind.CLIENT_FAULT and fault.upstream_status == 413
    )


def _takes_more(other: Target, than: Target) -> bool:
    """Whether `other` is known to take longer prompts."""
    theirs, ours = other.spec.context_window, than.spec.context_window
    return theirs is not None and ours is not None and theirs > ours


def _wait(target: Target, visited: _Visited, now: float, rng: random.Random) -> float:
    """Full jitter, unless the provider named a wait."""
    if visited.retry_after is not None:
        return max(0.0, visited.at + visited.retry_after + TIMER_GRAIN - now)
    if visited.kind is Kind.UPSTREAM_UNREACHABLE:
        return 0.0  # nothing was answered yet: another connection may go through at once
    return backoff(visited.times - 1, target.spec.retry_delay, rng)
