"""When a target stops receiving traffic, and for how long: the breaker's numbers."""

from dataclasses import dataclass, field

from switch_grpc.faults import Effect
from switch_grpc.routing.states import Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class PermanentPolicy:
    """What happens on faults that waiting does not cure (401, 403, 404, no quota). Durations in seconds.

    The n-th trip since the last full recovery stays open for base x 2^min(n-1, max_backoff_exponent):
    5, 10, 20, 40, 80, 80 ... minutes by default.
    """

    enabled: bool = True  # False: such faults count as ordinary failures
    base: float = 300.0
    max_backoff_exponent: int = 4
    confirmations: int = 1  # such faults since the last success that it takes; earlier ones count as ordinary


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """When a target stops receiving traffic, and for how long. Durations in seconds."""

    enabled: bool = True  # False: admits everything, counts all the same
    failure_threshold: int = 5  # consecutive failures that open a closed breaker; 0: this signal is off
    reset_timeout: float = 60.0  # open -> half open after this long
    monitoring_window: float = 300.0  # what the failure rate is measured over
    min_requests: int = 10  # results in the window before its rate means anything
    error_threshold_percentage: float = 50.0  # share of failures that opens; 0: this signal is off
    half_open_max_probes: int = 1  # permits at a time while half open
    half_open_success_threshold: int = 1  # successful probes that close
    jitter: float = 0.1  # every open time is multiplied by a draw from 1 ± this; 0: exact
    local_open_timeout: float = 300.0  # open this long when TLS fails: resetTimeout x timeoutMultiplier
    permanent: PermanentPolicy = field(default_factory=PermanentPolicy)

    def open_for(self, cause: Cause, trips: int) -> float:
        """Seconds to stay open before jitter, with `trips` permanent trips before this one."""
        if cause is Cause.PERMANENT:
            return self.permanent.base * 2.0 ** min(trips, self.permanent.max_backoff_exponent)
        return self.local_open_timeout if cause is Cause.TLS else self.reset_timeout

    def longest(self, cause: Cause) -> float:
        """The most seconds that `cause` may keep a breaker open, jitter included."""
        return self.open_for(cause, self.permanent.max_backoff_exponent) * (1.0 + self.jitter)

    def too_many(self, consecutive: int, oks: int, fails: int) -> Cause | None:
        """Why these counts open a closed breaker, if they do; the consecutive signal is looked at first."""
        if 0 < self.failure_threshold <= consecutive:
            return Cause.CONSECUTIVE
        total = oks + fails
        if (
            self.error_threshold_percentage > 0
            and total >= self.min_requests
            and 100.0 * fails >= self.error_threshold_percentage * total
        ):
            return Cause.RATE
        return None

    def as_counted(self, effect: Effect) -> Effect:
        """`effect` as this policy reads it: with permanent handling off, an ordinary failure."""
        if self.permanent.enabled or effect not in (Effect.PERMANENT, Effect.PERMANENT_WINDOW):
            return effect
        return Effect.COUNTED
