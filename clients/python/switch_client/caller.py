"""What goes with every call beside its request: key, time limit, metadata."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypedDict

# What HTTP/2 metadata can carry; grpc's own complaint would print the value, which may be a key.
_ASCII: Final = re.compile(r"[\x20-\x7e]+")


class CallOptions(TypedDict, total=False):
    """Of one call; what is None or missing is the client's default."""

    timeout: float | None  # seconds for the whole call, a stream's last byte included; math.inf: no limit
    api_key: str | None
    request_id: str | None  # 1-128 visible ASCII characters; the gateway makes one where it is missing
    session: str | None  # calls of one session go to one target, where the route is sticky
    fallback: bool | None  # False: the route's first target or none


def unlimited(options: CallOptions) -> CallOptions:
    """The same, without the client's time limit unless a limit is given: for watching."""
    return options if options.get("timeout") is not None else {**options, "timeout": math.inf}


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A client's defaults."""

    api_key: str | None = None
    timeout: float | None = None  # seconds
    metadata: Mapping[str, str] = field(default_factory=dict)

    def timeout_of(self, options: CallOptions) -> float | None:
        """Seconds, as grpc takes them: None is no limit."""
        given = options.get("timeout")
        chosen = self.timeout if given is None else given
        return None if chosen is None or math.isinf(chosen) else chosen

    def metadata_of(self, options: CallOptions) -> tuple[tuple[str, str], ...]:
        """Raises ValueError that names, but does not show, a value that metadata cannot carry."""
        key, fallback = options.get("api_key"), options.get("fallback")
        own = {
            "x-api-key": self.api_key if key is None else key,
            "x-request-id": options.get("request_id"),
            "x-session-id": options.get("session"),
            "x-switch-fallback": None if fallback is None else str(fallback).lower(),
        }
        entries = {name.lower(): value for name, value in self.metadata.items()}
        entries.update((name, value) for name, value in own.items() if value is not None)
        for name, value in entries.items():
            if not _ASCII.fullmatch(value):
                raise ValueError(f"{name}: expected one or more printable ASCII characters")
        return tuple(entries.items())
