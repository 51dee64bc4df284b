"""One route: its targets, and the order in which a call tries them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from switch_grpc.routing.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class FallbackSpec:
    """How far a call may go from its first target."""

    enabled: bool = True
    max_targets: int | None = None  # fallback.maxAttempts: how many targets are tried; None: all


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSpec:
    """A route as configured."""

    name: str
    aliases: tuple[str, ...] = ()
    default: bool = False  # takes the names that no route has
    strategy: str = "priority-based"
    fallback: FallbackSpec = field(default_factory=FallbackSpec)


class Route:
    """A route's targets and their state."""

    __slots__ = ("spec", "targets")

    def __init__(self, spec: RouteSpec, targets: Sequence[Target]) -> None:
        self.spec = spec
        self.targets = tuple(targets)

    def candidates(self, *, fallback: bool) -> list[Target]:
        """The targets that a call may try, in order. `fallback=False`: the first alone."""
        ranked = sorted(
            (target for target in self.targets if target.spec.weight > 0),
            key=lambda target: (target.spec.pool, target.spec.priority),
        )
        limit = self.spec.fallback.max_targets
        if not (fallback and self.spec.fallback.enabled):
            limit = 1
        return ranked if limit is None else ranked[:limit]
