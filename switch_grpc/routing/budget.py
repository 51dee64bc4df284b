"""How many repeats a route may make, and how long it waits before one. Pure."""

import math
import random
from collections import deque
from dataclasses import dataclass
from typing import Final

from switch_grpc.routing.load import Load

_UNIT: Final = 1000  # credits are whole thousandths of a repeat, so that sums stay exact
_GRAIN: Final = 0.1  # seconds; deposits this close together expire together
LONGEST_BACKOFF: Final = 2.0
WELL_AFTER: Final = 10.0  # seconds without a failure after which a target counts as well


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetPolicy:
    """How much a route may ask beyond its callers' own requests. Durations in seconds."""

    ratio: float = 0.2  # what a request's first attempt deposits, in repeats
    ttl: float = 10.0  # a deposit not used by then is lost
    floor: float = 10.0  # repeats a second that are always there; at most one second's worth is saved up


class RetryBudget:
    """A route's right to repeat, in one process (Finagle's RetryBudget).

    Over any stretch of time repeats are at most `ratio` x requests + `floor` x (seconds + 1), so a target
    that fails altogether is asked little more than its callers ask. Both operations are O(1) amortised.
    """

    __slots__ = ("_credits", "_deposit", "_deposits", "_floor", "_floor_at", "_seen", "policy")

    def __init__(self, policy: BudgetPolicy | None = None) -> None:
        self.policy = policy or BudgetPolicy()
        self._deposit = round(self.policy.ratio * _UNIT)
        self._deposits: deque[list[float]] = deque()  # [when, credits left], oldest first
        self._credits = 0.0
        self._floor = self.policy.floor
        self._floor_at = -math.inf
        self._seen = -math.inf

    def deposit(self, now: float) -> None:
        """A call makes its first attempt."""
        now = self._tick(now)
        if self._deposits and now - self._deposits[-1][0] < _GRAIN:
            self._deposits[-1][1] += self._deposit
        else:
            self._deposits.append([now, self._deposit])
        self._credits += self._deposit

    def withdraw(self, now: float) -> bool:
        """A call wants to repeat. False: it may not, and the last fault is its answer."""
        self._tick(now)
        if self._floor >= 1.0:  # first, since it overflows while credits last
            self._floor -= 1.0
            return True
        if self._credits < _UNIT:
            return False
        self._spend(_UNIT)
        return True

    def balance(self, now: float) -> float:
        """Repeats that could be made now."""
        self._tick(now)
        return self._credits / _UNIT + self._floor

    def _spend(self, amount: float) -> None:
        self._credits -= amount
        while amount > 0:
            oldest = self._deposits[0]
            taken = min(amount, oldest[1])
            oldest[1] -= taken
            amount -= taken
            if oldest[1] == 0:
                self._deposits.popleft()

    def _tick(self, now: float) -> float:
        """Drops what expired and refills the floor."""
        now = self._seen = max(now, self._seen)
        while self._deposits and now - self._deposits[0][0] >= self.policy.ttl:
            self._credits -= self._deposits.popleft()[1]
        if self._floor_at != -math.inf:
            refill = (now - self._floor_at) * self.policy.floor
            self._floor = min(self.policy.floor, self._floor + refill)
        self._floor_at = now
        return now


def is_free(load: Load, now: float, *, first_visit: bool, closed: bool, unsent: bool) -> bool:
    """Whether an attempt beyond a call's first needs no credit.

    It does not where the one before certainly never left, nor where it is the call's first visit to a
    target that is well: a healthy fallback is no retry.
    """
    return unsent or (first_visit and closed and now - load.failed_at >= WELL_AFTER)


def backoff(repeat: int, retry_delay: float, rng: random.Random) -> float:
    """Seconds to wait before repeat `repeat` (from 0): full jitter over a doubling span of at most 2 s."""
    span = min(LONGEST_BACKOFF, retry_delay * 2.0 ** min(repeat, 32))
    return rng.uniform(0.0, span)
