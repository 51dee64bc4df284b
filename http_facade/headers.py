"""Request headers to a Call, and a reply's RouteInfo to response headers."""

import re
import secrets
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import quote

from switch_grpc.call import Call
from switch_grpc.faults import Fault, Kind
from switch_grpc.v1 import route_info_pb2

HeaderList = list[tuple[bytes, bytes]]
Fields = Mapping[bytes, bytes]

_REQUEST_ID: Final = re.compile(rb"[\x21-\x7e]{1,128}")
_DURATION: Final = re.compile(rb"\d{1,12}(\.\d{1,9})?")
# https://www.w3.org/TR/trace-context/: four parts in version 00, later versions may append
_TRACEPARENT: Final = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-[\x21-\x7e]{1,64})?")
_TRACESTATE: Final = re.compile(rb"[\x20-\x7e]{1,512}")
_VISIBLE: Final = re.compile(r"[\x21-\x7e]+( +[\x21-\x7e]+)*")
_SAFE: Final = " !\"#$&'()*+,/:;<=>?@[\\]^`{|}~"

_STATES: Final[Mapping[int, bytes]] = {
    route_info_pb2.BREAKER_STATE_CLOSED: b"closed",
    route_info_pb2.BREAKER_STATE_OPEN: b"open",
    route_info_pb2.BREAKER_STATE_HALF_OPEN: b"half_open",
}


def request_id(fields: Fields) -> str:
    """The caller's x-request-id where it is 1-128 visible ASCII characters, else a new one."""
    given = fields.get(b"x-request-id")
    if given is not None and _REQUEST_ID.fullmatch(given):
        return given.decode("ascii")
    return f"req_{secrets.token_hex(16)}"


def read_call(call_id: str, raw: Iterable[tuple[bytes, bytes]], fields: Fields, now: float) -> Call:
    """Who asks, and until when. `raw` has lower-case names; `fields` is the same as a mapping.

    Raises Fault(BAD_REQUEST) that names the header.
    """
    get = fields.get
    limit = get(b"x-request-timeout-ms")
    patience = get(b"x-stainless-read-timeout")
    session = get(b"x-session-id")
    trace, state = get(b"traceparent"), get(b"tracestate")
    fallback = get(b"x-switch-fallback")
    return Call(
        id=call_id,
        door="http",
        started=now,
        keys=_keys(raw),
        deadline=None if limit is None else now + _milliseconds(limit) / 1000,
        first_byte_deadline=None if patience is None else _patience(patience, now),
        traceparent=None if trace is None else _matching(trace, _TRACEPARENT),
        tracestate=None if state is None else _matching(state, _TRACESTATE),
        sticky_key=None if not session else session.decode("latin-1"),
        fallback=True if fallback is None else _fallback(fallback),
    )


def _keys(raw: Iterable[tuple[bytes, bytes]]) -> tuple[str, ...]:
    """Every key presented, empty ones left out: x-api-key, and Authorization with the Bearer scheme."""
    found = []
    for name, value in raw:
        if name == b"x-api-key":
            found.append(value)
        elif name == b"authorization":
            scheme, _, key = value.partition(b" ")
            if scheme.lower() == b"bearer":
                found.append(key)
    return tuple([key.decode("latin-1") for key in map(bytes.strip, found) if key])


def _milliseconds(value: bytes) -> float:
    number = float(value) if _DURATION.fullmatch(value) else 0.0
    if number <= 0:
        shown = value[:32].decode("latin-1")
        raise Fault(
            Kind.BAD_REQUEST,
            f"header x-request-timeout-ms: {shown!r} is not a positive number of milliseconds",
            param="x-request-timeout-ms",
        )
    return number


def _patience(value: bytes, now: float) -> float | None:
    """Seconds, as OpenAI's SDKs send it without being told to; so what does not parse is no error."""
    return now + float(value) if _DURATION.fullmatch(value) and float(value) > 0 else None


def _matching(value: bytes, pattern: re.Pattern[bytes]) -> str | None:
    """The value where it is well formed; a broken trace header is ignored, as W3C asks."""
    return value.decode("ascii") if pattern.fullmatch(value) else None


def _fallback(value: bytes) -> bool:
    word = value.strip().lower()
    if word not in (b"true", b"false"):
        shown = value[:32].decode("latin-1")
        raise Fault(
            Kind.BAD_REQUEST,
            f"header x-switch-fallback: {shown!r} is neither true nor false",
            param="x-switch-fallback",
        )
    return word == b"true"


def route_headers(info: route_info_pb2.RouteInfo) -> HeaderList:
    """Who answered. X-Used-Fallback is there only when it is true."""
    headers: HeaderList = []
    if info.target:
        headers.append((b"x-used-provider", _text(info.target)))
    if info.fallback_used:
        headers.append((b"x-used-fallback", b"true"))
    state = _STATES.get(info.breaker_state)
    if state is not None:
        headers.append((b"x-circuit-breaker-state", state))
    headers.append((b"x-provider-response-time", b"%d" % round(info.provider_ms)))
    if info.attempts:
        headers.append((b"x-switch-attempts", b"%d" % len(info.attempts)))
    return headers


@lru_cache(maxsize=1024)
def _text(value: str) -> bytes:
    """A name from the configuration as a header value; percent-encoded where HTTP cannot carry it."""
    return (value if _VISIBLE.fullmatch(value) else quote(value, safe=_SAFE)).encode("ascii")
