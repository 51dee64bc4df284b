"""How busy and how quick a target is, and what its attempts came to."""

import math
from typing import Final

from switch_grpc.faults import Effect
from switch_grpc.routing.outcome import SUCCEEDED, Outcome

TAU: Final = 5.0  # seconds; a failure's penalty of 30 s fades below a healthy 0.1 s within 30 s
PENALTY_FLOOR: Final = 1.0
PENALTY_CEILING: Final = 30.0
SMOOTHING: Final = 0.1  # weight of the newest sample in the averages that operators read


class Latency:
    """Peak-sensitive moving average of time to first byte, in seconds.

    Rises at once to a slow sample, decays with time constant `tau` (Finagle's Peak-EWMA), also while no
    sample comes, so that a slow target is asked again by and by.
    """

    __slots__ = ("_at", "_tau", "peak", "sampled")

    def __init__(self, tau: float = TAU) -> None:
        self._tau = tau
        self._at = -math.inf
        self.peak = 0.0  # as of the last sample
        self.sampled = False

    def observe(self, seconds: float, now: float) -> None:
        if seconds >= self.value(now):
            self.peak = seconds
        else:
            kept = self._kept(now)
            self.peak = self.peak * kept + seconds * (1.0 - kept)
        self._at = max(self._at, now)
        self.sampled = True

    def penalise(self, elapsed: float, now: float) -> None:
        """A failure counts as twice as slow as before, 1 to 30 s, or as the `elapsed` seconds if more.

        Without this a target that fails at once would be the fastest of all.
        """
        worse = max(PENALTY_FLOOR, 2.0 * self.value(now))
        self.observe(max(elapsed, min(worse, PENALTY_CEILING)), now)

    def value(self, now: float) -> float:
        """The average, faded to now; 0 without samples."""
        return self.peak * self._kept(now)

    def _kept(self, now: float) -> float:
        return math.exp((self._at - now) / self._tau) if now > self._at else 1.0


class Average:
    """A moving average over samples, whenever they come. None before the first."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: float | None = None

    def add(self, sample: float) -> None:
        self.value = sample if self.value is None else self.value + SMOOTHING * (sample - self.value)


class Load:
    """A target's attempts: those in flight, how long they take, and how they ended. Durations in seconds."""

    __slots__ = ("failed", "failed_at", "in_flight", "latency", "response", "succeeded", "total", "ttfb")

    def __init__(self) -> None:
        self.in_flight = 0
        self.latency = Latency()
        self.ttfb = Average()
        self.response = Average()  # to the last byte, of successes
        self.total = 0  # ended, neutral ones included
        self.succeeded = 0
        self.failed = 0
        self.failed_at = -math.inf  # the last failure that was the target's

    def begin(self, now: float) -> "Flight":
        """An attempt starts. It is in flight until its `end`, which must come on every path."""
        self.in_flight += 1
        return Flight(self, now)


class Flight:
    """One attempt in flight. Ends once, however often it is told to, so that the count cannot drift."""

    __slots__ = ("_answered", "_ended", "_load", "_started")

    def __init__(self, load: Load, now: float) -> None:
        self._load = load
        self._started = now
        self._answered = False
        self._ended = False

    def first_byte(self, now: float) -> None:
        """The first byte of a good answer came; an error's is no measure of speed. Later ones are ignored."""
        if self._answered or self._ended:
            return
        self._answered = True
        elapsed = max(0.0, now - self._started)
        self._load.latency.observe(elapsed, now)
        self._load.ttfb.add(elapsed)

    def end(self, outcome: Outcome, now: float) -> None:
        """The attempt is over, at its last byte or before. A neutral outcome says nothing of the target."""
        if self._ended:
            return
        elapsed = max(0.0, now - self._started)
        if outcome is SUCCEEDED and not self._answered:
            self.first_byte(now)
        self._ended = True
        load = self._load
        load.in_flight -= 1
        load.total += 1
        if outcome is SUCCEEDED:
            load.succeeded += 1
            load.response.add(elapsed)
        elif outcome is not Effect.EXCLUDED:
            load.failed += 1
            load.failed_at = max(load.failed_at, now)
            load.latency.penalise(elapsed, now)
