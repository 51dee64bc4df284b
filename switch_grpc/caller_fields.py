"""What callers say of a call beside its content: one set of rules for headers and metadata."""

import random
import re
from typing import Final

from switch_grpc.faults import Fault, Kind

REQUEST_ID: Final = "x-request-id"
FALLBACK: Final = "x-switch-fallback"

_ID: Final = re.compile(r"[\x21-\x7e]{1,128}")
# https://www.w3.org/TR/trace-context/: four parts in version 00, later versions may append
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-[\x21-\x7e]{1,64})?")
_TRACESTATE: Final = re.compile(r"[\x20-\x7e]{1,512}")


def text_of(value: bytes) -> str:
    """A field's bytes as text: UTF-8, as most send it, or else Latin-1, by which any bytes can be read."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def call_id(given: str | None, chance: random.Random) -> str:
    """The caller's own id where it is 1-128 visible ASCII characters, else one of 128 bits of `chance`."""
    if given is not None and _ID.fullmatch(given):
        return given
    return f"req_{chance.randbytes(16).hex()}"


def bearer(value: str) -> str:
    """The key in an `authorization` field; "" for another scheme."""
    scheme, _, key = value.partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def traceparent(value: str | None) -> str | None:
    """The value where it is well formed; a broken trace is ignored, as W3C asks."""
    return value if value is not None and _TRACEPARENT.fullmatch(value) else None


def tracestate(value: str | None) -> str | None:
    return value if value is not None and _TRACESTATE.fullmatch(value) else None


def fallback(value: str | None, place: str) -> bool:
    """Whether other targets may answer. Raises Fault(BAD_REQUEST); `place` says what the field is one of."""
    word = "true" if value is None else value.strip().lower()
    if word not in ("true", "false"):
        shown = (value or "")[:32]
        raise Fault(
            Kind.BAD_REQUEST, f"{place} {FALLBACK}: {shown!r} is neither true nor false", param=FALLBACK
        )
    return word == "true"
