"""What a target or a route may be given per minute. Pure."""

import math
from collections import deque
from typing import Final

_SECONDS: Final = 60


class _Slot:
    """One second's requests and tokens."""

    __slots__ = ("requests", "second", "tokens")

    def __init__(self, second: int) -> None:
        self.second = second
        self.requests = 0
        self.tokens = 0


class Reservation:
    """A place within the limits, taken before the request goes out. Ends once, by `settle` or `cancel`."""

    __slots__ = ("_ended", "_limits", "_slot", "_tokens")

    def __init__(self, limits: "MinuteLimits", slot: _Slot, tokens: int) -> None:
        self._limits = limits
        self._slot = slot
        self._tokens = tokens
        self._ended = False

    def settle(self, tokens: int, now: float) -> None:
        """The request used `tokens`: gives back what was reserved too much, charges what was too little."""
        if not self._ended:
            self._ended = True
            self._limits.correct(self._slot, tokens - self._tokens, now)

    def cancel(self, now: float) -> None:
        """Nothing left the gateway: the request and its tokens are given back."""
        if not self._ended:
            self._ended = True
            self._limits.correct(self._slot, -self._tokens, now, requests=-1)


class MinuteLimits:
    """Requests and tokens per minute of one target, in a sliding window of seconds.

    Never more than the limit within any 60 s, unlike a token bucket, which lets twice as much through.
    None: no limit. Tokens are reserved by estimate and corrected when they are known.
    """

    __slots__ = ("_request_count", "_seen", "_slots", "_token_count", "requests", "tokens")

    def __init__(self, requests: int | None = None, tokens: int | None = None) -> None:
        self.requests = requests
        self.tokens = tokens
        self._slots: deque[_Slot] = deque()
        self._request_count = 0
        self._token_count = 0
        self._seen = -math.inf

    def used(self, now: float) -> tuple[int, int]:
        """Requests and tokens of the last minute."""
        self._tick(now)
        return self._request_count, self._token_count

    def fits(self, tokens: int, now: float) -> bool:
        """Whether `reserve` would succeed now."""
        self._tick(now)
        return self._fits(self._request_count, self._token_count, self._capped(tokens))

    def reserve(self, tokens: int, now: float) -> Reservation | None:
        """A place for a request of about `tokens`, or None.

        One that is larger than a whole minute's tokens fits when nothing else does: the provider decides.
        """
        now = self._tick(now)
        tokens = self._capped(tokens)
        if not self._fits(self._request_count, self._token_count, tokens):
            return None
        slot = self._current(now)
        slot.requests += 1
        slot.tokens += tokens
        self._request_count += 1
        self._token_count += tokens
        return Reservation(self, slot, tokens)

    def retry_at(self, tokens: int, now: float) -> float:
        """When a request of about `tokens` will fit, if nothing else comes."""
        now = self._tick(now)
        tokens = self._capped(tokens)
        requests_left, tokens_left = self._request_count, self._token_count
        at = now
        for slot in self._slots:
            if self._fits(requests_left, tokens_left, tokens):
                break
            requests_left -= slot.requests
            tokens_left -= slot.tokens
            at = float(slot.second + _SECONDS + 1)
        return max(now, at)

    def correct(self, slot: _Slot, tokens: int, now: float, requests: int = 0) -> None:
        """Changes what a reservation holds; used by it. What has left the window is not corrected."""
        now = self._tick(now)
        if tokens > 0:  # used beyond the estimate, and only now
            self._current(now).tokens += tokens
            self._token_count += tokens
        elif self._slots and slot.second >= self._slots[0].second:
            slot.tokens += tokens
            slot.requests += requests
            self._token_count += tokens
            self._request_count += requests

    def _capped(self, tokens: int) -> int:
        return tokens if self.tokens is None else min(tokens, self.tokens)

    def _fits(self, requests: int, tokens: int, wanted: int) -> bool:
        if self.requests is not None and requests >= self.requests:
            return False
        return self.tokens is None or tokens + wanted <= self.tokens

    def _current(self, now: float) -> _Slot:
        second = math.floor(now)
        if not self._slots or self._slots[-1].second != second:
            self._slots.append(_Slot(second))
        return self._slots[-1]

    def _tick(self, now: float) -> float:
        """Drops the seconds that ended a minute ago or more."""
        now = self._seen = max(now, self._seen)
        oldest_kept = math.floor(now) - _SECONDS
        while self._slots and self._slots[0].second < oldest_kept:
            gone = self._slots.popleft()
            self._request_count -= gone.requests
            self._token_count -= gone.tokens
        return now
