"""What a breaker can be, why it moves, and how it looks to an operator."""

import enum
from dataclasses import dataclass


class State(enum.StrEnum):
    """What stands between the gateway and a target."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Cause(enum.StrEnum):
    """Why a breaker moved. The first six open it."""

    CONSECUTIVE = "consecutive"  # as many failures in a row as the policy allows
    RATE = "rate"  # too large a share of the window failed
    PERMANENT = "permanent"  # a failure that waiting a minute does not cure: a dead key, a missing model
    TLS = "tls"  # the target's certificate does not hold
    PROBE = "probe"  # a half-open probe failed
    FORCED = "forced"  # an operator's override; it also closes
    LAPSED = "lapsed"  # the time to stay open ended: half open
    RENEWED = "renewed"  # the credential changed: half open at once
    RECOVERED = "recovered"  # enough probes succeeded: closed
    RESET = "reset"  # an operator's reset: closed
    DISABLED = "disabled"  # the configuration turned the breaker off: closed


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One move of a breaker, for observers. `until` is when an open one will probe; inf: not by itself."""

    before: State
    after: State
    cause: Cause
    until: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A breaker as an operator sees it."""

    state: State
    cause: Cause | None  # why it opened; None while closed
    until: float | None  # while open: when it will probe; inf: when it is reset
    permanent_trips: int  # since the last full recovery: the step of the ladder
    consecutive: int  # failures since the last success
    oks: int  # in the monitoring window, since the breaker last closed
    fails: int
    probes: int  # in flight
    override: State | None  # OPEN or CLOSED while an operator's override holds
    override_until: float | None

    @property
    def error_rate(self) -> float:
        """Per cent of the window's results."""
        total = self.oks + self.fails
        return 100.0 * self.fails / total if total else 0.0
