"""Time budgets: how long a call may take, and how much of it one attempt gets. Pure; absolute seconds."""

from dataclasses import dataclass
from typing import Final

from switch_grpc.call import Call

MARGIN: Final = 0.05  # kept back of a call's time to answer in
SHARE: Final = 0.6  # of the remaining time, at most, while other targets are left
MIN_ATTEMPT: Final = 0.1  # less than this is not worth starting an attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLimits:
    """The route's bounds on a whole call, in seconds."""

    default: float = 60.0  # for a caller who named none
    maximum: float = 300.0  # for one who did
    streaming: float = 600.0  # either, for a stream
    total: float | None = None  # maxTotalMs of the route


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetTimers:
    """A target's limits on one attempt, in seconds. Connecting and silence are the upstream's to watch."""

    first_token: float = 60.0
    token_idle: float = 120.0  # without content
    timeout: float = 30.0  # a whole answer, or a stream's first token


def call_deadline(call: Call, stream: bool, limits: CallLimits) -> float:
    """When the call ends, counted from its arrival: the caller's wish within the route's bounds."""
    longest = limits.streaming if stream else limits.maximum
    if call.deadline is None:
        longest = limits.streaming if stream else limits.default
    if limits.total is not None:
        longest = min(longest, limits.total)
    ends = call.started + longest
    return ends if call.deadline is None else min(ends, call.deadline)


def attempt_deadline(now: float, ends: float, others: bool) -> float:
    """Until when an attempt that starts `now` may use the call's time; `others`: more targets are left."""
    remaining = ends - now
    return now + min(remaining * SHARE if others else remaining, remaining - MARGIN)
