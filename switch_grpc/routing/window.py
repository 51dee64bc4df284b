"""Counts of successes and failures over a sliding window of time."""

from typing import Final

BUCKETS: Final = 10
_NEVER: Final = -(1 << 62)  # a slot so old that the first use empties the ring


class Window:
    """A ring of ten buckets that together span `span` seconds; every operation is O(1).

    A result is forgotten when the bucket it fell into leaves the ring, so between 0.9 and 1.0 of a span
    after it arrived. Time that runs backwards counts as the latest time seen.
    """

    __slots__ = ("_fails", "_oks", "_ring_fails", "_ring_oks", "_slot", "_width", "span")

    def __init__(self, span: float) -> None:
        self.span = span
        self._width = span / BUCKETS
        self._slot = _NEVER
        self._ring_oks = [0] * BUCKETS
        self._ring_fails = [0] * BUCKETS
        self._oks = self._fails = 0

    def add_ok(self, now: float) -> None:
        index = self._turn(now)
        self._ring_oks[index] += 1
        self._oks += 1

    def add_fail(self, now: float) -> None:
        index = self._turn(now)
        self._ring_fails[index] += 1
        self._fails += 1

    def counts(self, now: float) -> tuple[int, int]:
        """Successes and failures of the window that ends now. No side effect."""
        passed = int(now // self._width) - self._slot
        if passed <= 0:
            return self._oks, self._fails
        if passed >= BUCKETS:
            return 0, 0
        gone = [index % BUCKETS for index in range(self._slot + 1, self._slot + passed + 1)]
        return (
            self._oks - sum(self._ring_oks[index] for index in gone),
            self._fails - sum(self._ring_fails[index] for index in gone),
        )

    def clear(self) -> None:
        self._ring_oks = [0] * BUCKETS
        self._ring_fails = [0] * BUCKETS
        self._oks = self._fails = 0

    def _turn(self, now: float) -> int:
        """Empties the buckets that time has passed over; returns the index of the current one."""
        slot = int(now // self._width)
        passed = slot - self._slot
        if passed > 0:
            if passed >= BUCKETS:
                self.clear()
            else:
                for index in range(self._slot + 1, slot + 1):
                    self._empty(index % BUCKETS)
            self._slot = slot
        return self._slot % BUCKETS

    def _empty(self, index: int) -> None:
        self._oks -= self._ring_oks[index]
        self._fails -= self._ring_fails[index]
        self._ring_oks[index] = self._ring_fails[index] = 0
