"""gRPC metadata and deadline, as a Call: who asks, until when, with which id."""

import re
import secrets
from collections.abc import Sequence
from typing import Final

from switch_grpc.call import Call
from switch_grpc.faults import Fault, Kind

Metadata = Sequence[tuple[str, str | bytes]]

REQUEST_ID: Final = "x-request-id"
_FALLBACK: Final = "x-switch-fallback"

_ID = re.compile(r"[\x21-\x7e]{1,128}")
# https://www.w3.org/TR/trace-context/: four parts in version 00, later versions may append
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-[\x21-\x7e]{1,64})?")
_TRACESTATE = re.compile(r"[\x20-\x7e]{1,512}")

# Some runtimes report "no deadline" as a moment in a far century.
_FOREVER = 10 * 365 * 86_400.0


def request_id(metadata: Metadata) -> str:
    """The caller's x-request-id where it is 1-128 visible ASCII characters, else a new one."""
    for name, value in metadata:
        if name == REQUEST_ID and isinstance(value, str) and _ID.fullmatch(value):
            return value
    return f"req_{secrets.token_hex(16)}"


def call_of(call_id: str, metadata: Metadata, *, remaining: float | None, now: float) -> Call:
    """The Call that the metadata of one RPC describes. Raises Fault(BAD_REQUEST) that names an entry.

    `remaining` is what `context.time_remaining()` says, in seconds; `now` is the loop's time. Every key
    presented is kept: what to make of two that differ is the engine's business.
    """
    fields: dict[str, str] = {}
    keys: list[str] = []
    for name, value in metadata:
        if isinstance(value, bytes):  # a `-bin` entry: none of ours
            continue
        if name == "x-api-key":
            keys.append(value.strip())
        elif name == "authorization":
            keys.append(_bearer(value))
        else:
            fields[name] = value
    return Call(
        id=call_id,
        door="grpc",
        started=now,
        keys=tuple(filter(None, keys)),
        deadline=None if remaining is None or remaining > _FOREVER else now + max(0.0, remaining),
        traceparent=_matching(fields.get("traceparent"), _TRACEPARENT),
        tracestate=_matching(fields.get("tracestate"), _TRACESTATE),
        sticky_key=fields.get("x-session-id") or None,
        fallback=_fallback(fields.get(_FALLBACK)),
    )


def _bearer(value: str) -> str:
    """The token of an `authorization` entry, or "" for another scheme."""
    scheme, _, token = value.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _matching(value: str | None, pattern: re.Pattern[str]) -> str | None:
    """The value where it is well formed; a broken trace is ignored, as W3C asks."""
    return value if value is not None and pattern.fullmatch(value) else None


def _fallback(value: str | None) -> bool:
    if value is None:
        return True
    word = value.strip().lower()
    if word not in ("true", "false"):
        raise Fault(
            Kind.BAD_REQUEST,
            f"metadata {_FALLBACK}: {value[:32]!r} is neither true nor false",
            param=_FALLBACK,
        )
    return word == "true"
