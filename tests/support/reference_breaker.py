"""What a breaker should do, written a second time and otherwise: from a history, not from counters.

Slow and plain on purpose. It shares names and policy numbers with the real one, and no code.
"""

from math import floor, inf

from switch_grpc.faults import Effect
from switch_grpc.routing.breaker import BreakerPolicy, Cause, State
from switch_grpc.routing.outcome import SUCCEEDED, Outcome

C, O, H = State.CLOSED, State.OPEN, State.HALF_OPEN  # noqa: E741
Move = tuple[State, State, Cause, float | None]
# effect: adds to the consecutive counter, adds a failure to the window, opens at once
COLUMNS = {
    Effect.COUNTED: (1, 1, None),
    Effect.WINDOW: (0, 1, None),
    Effect.PERMANENT: (0, 0, Cause.PERMANENT),
    Effect.PERMANENT_WINDOW: (0, 1, Cause.PERMANENT),
    Effect.LOCAL_OPEN: (0, 0, Cause.TLS),
}


class ReferenceBreaker:
    """Permits are numbers. Every method that can move it returns the move, or None. Jitter must be 0."""

    def __init__(self, policy: BreakerPolicy) -> None:
        self.policy, self.mode, self.why, self.until = policy, C, None, inf
        self.clock, self.era, self.hold = -inf, 0, -inf
        self.history: list[tuple[float, bool]] = []  # (when, ok) since it last closed
        self.run = self.dead = self.step = 0  # failures in a row; permanent ones since a success; the ladder
        self.closed_since, self.worked, self.successes = -inf, False, 0
        self.permits: list[dict[str, float]] = []

    def time(self, now: float) -> float:
        self.clock = max(self.clock, now)
        return self.clock

    def counts(self, now: float) -> tuple[int, int]:
        def bucket(when: float) -> int:
            return floor(when / (self.policy.monitoring_window / 10))

        recent = [ok for when, ok in self.history if bucket(when) > bucket(now) - 10]
        return recent.count(True), recent.count(False)

    def probes(self, now: float) -> int:
        return sum(p["era"] == self.era and p["probe"] and p["end"] > now for p in self.permits)

    def go(self, mode: State, why: Cause, until: float | None = None) -> Move:
        move = (self.mode, mode, why, until)
        self.mode, self.era, self.successes = mode, self.era + 1, 0
        self.why = {O: why, H: self.why, C: None}[mode]
        if mode is C:
            self.history, self.run, self.hold = [], 0, -inf
            self.closed_since, self.worked = self.clock, why is Cause.RECOVERED
        self.until = until if until is not None else inf
        return move

    def admit(self, now: float, lease: float) -> tuple[int | None, Move | None]:
        now, move = self.time(now), None
        if self.mode is O and now >= self.until:
            move = self.go(H, Cause.LAPSED) if self.policy.enabled else self.go(C, Cause.DISABLED)
        if self.mode is O or (self.mode is H and self.probes(now) >= self.policy.half_open_max_probes):
            return None, None
        half = self.mode is H
        end = now + max(30.0, lease) if half else inf
        self.permits.append({"era": self.era, "probe": half, "counts": half, "end": end, "done": False})
        return len(self.permits) - 1, move

    def confirm(self, number: int, now: float) -> Move | None:
        permit = self.permits[number]
        if permit["done"] or permit["era"] != self.era or not permit["counts"]:
            return None
        self.time(now)
        move = self.success(permit)
        permit["era"] = self.era
        return move

    def success(self, permit: dict[str, float]) -> Move | None:
        permit["probe"] = permit["counts"] = False
        self.run = self.dead = 0
        self.successes += 1
        enough = self.successes >= self.policy.half_open_success_threshold
        return self.go(C, Cause.RECOVERED) if enough else None

    def settle(self, number: int, outcome: Outcome, now: float) -> Move | None:
        permit = self.permits[number]
        if permit["done"]:
            return None
        permit["done"] = True
        if permit["era"] != self.era:
            return None
        now = self.time(now)
        if outcome is SUCCEEDED:
            self.history.append((now, True))
            self.run, self.dead, self.worked = 0, 0, True
            return self.success(permit) if permit["counts"] else None
        permit["probe"] = permit["counts"] = False
        if outcome is Effect.EXCLUDED:
            return None
        in_row, in_window, why = COLUMNS[outcome]
        if why is Cause.PERMANENT:
            if self.policy.permanent.enabled:
                self.dead += 1
            if not self.policy.permanent.enabled or self.dead < self.policy.permanent.confirmations:
                in_row, in_window, why = COLUMNS[Effect.COUNTED]
        self.run += in_row
        self.history += [(now, False)] * in_window
        why = why or (Cause.PROBE if self.mode is H else self.signal())
        if why is None or not self.policy.enabled or now < self.hold:
            return None
        return self.go(O, why, now + self.open_time(why))

    def signal(self) -> Cause | None:
        oks, fails = self.counts(self.clock)
        limit, share = self.policy.failure_threshold, self.policy.error_threshold_percentage
        if limit and self.run >= limit:
            return Cause.CONSECUTIVE
        enough = oks + fails >= self.policy.min_requests
        return Cause.RATE if share and enough and fails / (oks + fails) >= share / 100 else None

    def open_time(self, why: Cause) -> float:
        if why is Cause.TLS:
            return self.policy.local_open_timeout
        if why is not Cause.PERMANENT:
            return self.policy.reset_timeout
        if self.mode is C and self.worked and self.clock >= self.closed_since + self.policy.monitoring_window:
            self.step = 0
        self.step += 1
        rungs = self.policy.permanent.max_backoff_exponent
        ladder = [self.policy.permanent.base * 2**rung for rung in range(rungs + 1)]
        return ladder[min(self.step, len(ladder)) - 1]

    def reset(self, now: float) -> Move | None:
        self.time(now)
        self.step = self.dead = 0
        move = self.go(C, Cause.RESET)
        return None if move[0] is C else move

    def force_open(self, now: float, ttl: float | None) -> Move:
        self.hold = -inf
        return self.go(O, Cause.FORCED, self.time(now) + (inf if ttl is None else ttl))

    def force_closed(self, now: float, ttl: float | None) -> Move:
        now = self.time(now)
        move = self.go(C, Cause.FORCED)
        self.hold = now + (inf if ttl is None else ttl)
        return move

    def renew(self, now: float) -> Move | None:
        self.time(now)
        self.step = self.dead = 0
        held = self.mode is O and self.why is Cause.FORCED
        return None if self.mode is C or held else self.go(H, Cause.RENEWED)

    def adopt(self, policy: BreakerPolicy, now: float) -> Move | None:
        self.time(now)
        self.policy = policy
        if self.mode is C or (self.mode is O and self.why is Cause.FORCED):
            return None
        if not policy.enabled:
            return self.go(C, Cause.DISABLED)
        if self.mode is O and self.why in (Cause.CONSECUTIVE, Cause.RATE, Cause.PROBE):
            self.until = min(self.until, self.clock + policy.reset_timeout)
        return None
