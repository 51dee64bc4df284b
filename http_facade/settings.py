"""How the HTTP door behaves, apart from what it serves."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """Limits and intervals of the door. Durations in seconds, sizes in bytes."""

    docs: bool = False  # /docs and /openapi.json, which need no key
    allowed_hosts: frozenset[str] = frozenset()  # names without port, `*.example.com` too; empty: any
    max_body: int = 32 * 1024 * 1024
    body_idle: float = 30.0  # between two reads of a request's body
    early_headers: float = 10.0  # a stream's status goes out after this, content or not
    keep_alive: float = 15.0  # a silent stream gets a comment this often
    write_stall: float = 60.0  # a reader that takes nothing for this long is dropped
