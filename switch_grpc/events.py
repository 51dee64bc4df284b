"""Frozen facts that the engine emits and observers (metrics, log, traces, audit) read.

An observer is a callable that takes an event; it must not raise, block or keep the event loop.
Durations are seconds. They are msgspec structs, which are made in a fifth of a dataclass's time.
"""

from collections.abc import Callable, Iterable, Mapping

import msgspec

from switch_grpc.answered import Answered, Usage
from switch_grpc.faults import Kind


class AttemptFinished(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One try at one target ended, by whatever outcome; exactly one per attempt."""

    call_id: str
    route: str
    target: str
    provider: str
    fault: Kind | None  # None: it answered
    upstream_status: int
    duration: float
    ttfb: float | None  # to the first byte of the provider's answer
    usage: Usage | None
    cost: float | None = None  # US dollars; None: not known


class CallFinished(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A call ended; exactly one per call that a door opened, refused ones included."""

    call_id: str
    door: str
    operation: str  # chat, complete, embed, models, admin
    principal: str  # "" for a call that was not authenticated
    route: str  # "" where the request named none that exists
    stream: bool
    fault: Kind | None
    message: str  # the fault's message, "" without one
    http: int | None = None  # the status that a caller by HTTP hears, where it may not be the kind's own
    duration: float
    first_content: float | None  # to the first content chunk, for streams
    chunks: int
    usage: Usage | None
    info: Answered | None
    target: str = ""  # that answered, or that failed last; "" where none was asked
    attempts: int = 0


class BreakerChanged(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A target's breaker moved from one state to another."""

    route: str
    target: str
    state: str  # closed, open, half_open
    cause: str
    until: float | None  # monotonic seconds; None unless open


class ConfigReloaded(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A reload was asked for: taken when `problems` is 0, else refused and the old configuration stays.

    `version` and `source` are those of what was taken or refused, as far as it could be read.
    """

    version: str
    source: str
    problems: int
    reason: str = ""  # the first problem of one that was refused


Event = AttemptFinished | CallFinished | BreakerChanged | ConfigReloaded
KINDS = (AttemptFinished, CallFinished, BreakerChanged, ConfigReloaded)
Observer = Callable[[Event], None]


def listeners(observers: Iterable[Observer]) -> Mapping[type[Event], tuple[Observer, ...]]:
    """By the kind of event, who is told of it: all but those whose method `hears` says no to the kind."""
    told = tuple(observers)
    return {kind: tuple(each for each in told if _hears(each, kind)) for kind in KINDS}


def _hears(observer: Observer, kind: type[Event]) -> bool:
    hears: Callable[[type[Event]], bool] | None = getattr(observer, "hears", None)
    return hears is None or hears(kind)
