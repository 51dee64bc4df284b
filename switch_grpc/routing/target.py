"""One target: what the configuration says of it, and how it has been doing."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSpec:
    """A target as configured. Durations in seconds."""

    route: str
    name: str
    provider: str
    model: str
    identity: str  # hash of provider, apiBase, modelName, credentialsRef: state outlives reloads by it
    pool: int = 0  # 0: the primary pool; fallback pools follow, depth first
    priority: int = 1
    weight: float = 1.0
    cost: float | None = None  # US dollars per token, for cost-optimized
    max_retries: int = 3
    retry_delay: float = 1.0


class Target:
    """A target's live state. Only the event loop touches it, and never across an await."""

    __slots__ = ("spec",)

    def __init__(self, spec: TargetSpec) -> None:
        self.spec = spec

    def __repr__(self) -> str:
        return f"Target({self.spec.route}/{self.spec.name})"
