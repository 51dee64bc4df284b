"""Who asks, until when, and with which id."""

from dataclasses import dataclass
from typing import Final

import msgspec

INFERENCE: Final = "inference"
ADMIN_READ: Final = "admin:read"
ADMIN_WRITE: Final = "admin:write"
ALL_SCOPES: Final = frozenset({INFERENCE, ADMIN_READ, ADMIN_WRITE})

# What may name a session: the header, and two fields of the body.
STICKY_KEYS: Final = ("x-session-id", "user", "metadata.session_id")


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller. `id` is a name for logs and metrics, never the key."""

    id: str
    scopes: frozenset[str]
    routes: frozenset[str] | None = None  # route names this key may use; None: all


class Call(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One request from a caller, as a door saw it. Times are seconds on the engine's monotonic clock."""

    id: str  # x-request-id: the caller's, or made by the door
    door: str  # "grpc" or "http", for logs and metrics
    started: float
    keys: tuple[str, ...] = ()  # every key presented; two that differ are refused
    deadline: float | None = None  # what the caller asked for; the engine caps it
    first_byte_deadline: float | None = None  # bounds a stream's first byte only (x-stainless-read-timeout)
    traceparent: str | None = None
    tracestate: str | None = None
    sticky_key: str | None = None  # from the sticky header; the body's fields are in Head
    fallback: bool = True  # the caller may opt out of other targets (x-switch-fallback: false)

    def remaining(self, now: float) -> float | None:
        """Seconds until the caller's deadline, never negative; None without one."""
        return None if self.deadline is None else max(0.0, self.deadline - now)
