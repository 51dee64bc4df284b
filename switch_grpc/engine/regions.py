"""A target that may be asked in several regions: one target to routing, tried in order within an attempt.

A region that cannot serve is passed over for half a minute, so that it costs one failed request in that time
and not one a call. The target's breaker sees what the last region asked said.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from switch_grpc.faults import Kind
from switch_grpc.providers.dialects.base import Binding

REST_SECONDS: Final = 30.0

# What another region may not say. A key is refused everywhere, and a timeout has used up the attempt's time.
MOVES: Final = frozenset(
    {
        Kind.UPSTREAM_UNREACHABLE,
        Kind.UPSTREAM_TLS,
        Kind.UPSTREAM_RATE_LIMIT,
        Kind.UPSTREAM_OVERLOADED,
        Kind.UPSTREAM_SATURATED,
        Kind.UPSTREAM_ERROR,
        Kind.UPSTREAM_MODEL_MISSING,
    }
)


@dataclass(frozen=True, slots=True)
class Region:
    """One place where a target is asked."""

    binding: Binding
    signer: str  # the kind of signer, which may name the region


class Regions:
    """A target's regions, and which of them rest. Seconds on the event loop's clock."""

    __slots__ = ("_regions", "_resting_until")

    def __init__(self, regions: Sequence[Region]) -> None:
        self._regions = tuple(regions)
        self._resting_until = [float("-inf")] * len(regions)

    def order(self, now: float) -> Sequence[Region]:
        """The regions to ask, in order; where all rest, the first to wake."""
        if len(self._regions) == 1:
            return self._regions
        awake = [
            region for region, until in zip(self._regions, self._resting_until, strict=True) if until <= now
        ]
        return awake or [self._regions[self._resting_until.index(min(self._resting_until))]]

    def rest(self, region: Region, now: float) -> None:
        """It could not serve."""
        self._resting_until[self._regions.index(region)] = now + REST_SECONDS
