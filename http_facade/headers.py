"""Request headers to a Call, and who answered to response headers."""

import random
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import quote

from switch_grpc import caller_fields
from switch_grpc.answered import Answered
from switch_grpc.call import Call
from switch_grpc.faults import Fault, Kind
from switch_grpc.v1 import route_info_pb2

HeaderList = list[tuple[bytes, bytes]]
Fields = Mapping[bytes, bytes]

ADAPTATIONS: Final = 1024  # characters of that header

_CHANCE: Final = random.Random()  # noqa: S311  # an id is no secret
_DURATION: Final = re.compile(rb"\d{1,12}(\.\d{1,9})?")
_VISIBLE: Final = re.compile(r"[\x21-\x7e]+( +[\x21-\x7e]+)*")
_SAFE: Final = " !\"#$&'()*+,/:;<=>?@[\\]^`{|}~"

# What a caller may say of a call beside its keys and its id.
_WISHES: Final = frozenset(
    {
        b"x-request-timeout-ms",
        b"x-stainless-read-timeout",
        b"traceparent",
        b"tracestate",
        b"x-session-id",
        b"x-switch-fallback",
    }
)

_STATES: Final[Mapping[int, bytes]] = {
    route_info_pb2.BREAKER_STATE_CLOSED: b"closed",
    route_info_pb2.BREAKER_STATE_OPEN: b"open",
    route_info_pb2.BREAKER_STATE_HALF_OPEN: b"half_open",
}


def request_id(fields: Fields) -> str:
    """The caller's x-request-id where it is fit for one, else a new one."""
    given = fields.get(b"x-request-id")
    return caller_fields.call_id(None if given is None else given.decode("latin-1"), _CHANCE)


def read_call(call_id: str, raw: Iterable[tuple[bytes, bytes]], fields: Fields, now: float) -> Call:
    """Who asks, and until when. `raw` has lower-case names; `fields` is the same as a mapping.

    Raises Fault(BAD_REQUEST) that names the header.
    """
    if fields.keys().isdisjoint(_WISHES):
        return Call(id=call_id, door="http", started=now, keys=_keys(raw))
    get = fields.get
    limit = get(b"x-request-timeout-ms")
    patience = get(b"x-stainless-read-timeout")
    return Call(
        id=call_id,
        door="http",
        started=now,
        keys=_keys(raw),
        deadline=None if limit is None else now + _milliseconds(limit) / 1000,
        first_byte_deadline=None if patience is None else _patience(patience, now),
        traceparent=caller_fields.traceparent(_text_of(get(b"traceparent"))),
        tracestate=caller_fields.tracestate(_text_of(get(b"tracestate"))),
        sticky_key=_text_of(get(b"x-session-id")) or None,
        fallback=caller_fields.fallback(_text_of(get(b"x-switch-fallback")), "header"),
    )


def _keys(raw: Iterable[tuple[bytes, bytes]]) -> tuple[str, ...]:
    """Every key presented, empty ones left out: x-api-key, and Authorization with the Bearer scheme."""
    found = []
    for name, value in raw:
        if name == b"x-api-key":
            found.append(caller_fields.text_of(value).strip())
        elif name == b"authorization":
            found.append(caller_fields.bearer(caller_fields.text_of(value)))
    return tuple([key for key in found if key])


def _text_of(value: bytes | None) -> str | None:
    return None if value is None else caller_fields.text_of(value)


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


def route_headers(info: Answered) -> HeaderList:
    """Who answered. X-Used-Fallback is there only when it is true."""
    headers: HeaderList = []
    if info.target:
        headers.append(used_provider(info.target))
    if info.fallback_used:
        headers.append((b"x-used-fallback", b"true"))
    state = _STATES.get(info.breaker_state)
    if state is not None:
        headers.append((b"x-circuit-breaker-state", state))
    headers.append((b"x-provider-response-time", b"%.0f" % info.provider_ms))
    if info.attempts:
        headers.append((b"x-switch-attempts", b"%d" % info.attempts))
    if info.cost_usd is not None:
        headers.append((b"x-switch-cost-usd", b"%.10g" % info.cost_usd))
    if info.adaptations:
        headers.append((b"x-switch-adaptations", _visible("; ".join(info.adaptations)[:ADAPTATIONS])))
    return headers


@lru_cache(maxsize=1024)
def used_provider(target: str) -> tuple[bytes, bytes]:
    """Whom the call went to."""
    return b"x-used-provider", _visible(target)


def _visible(value: str) -> bytes:
    """A text as a header value; percent-encoded where HTTP cannot carry it."""
    return (value if _VISIBLE.fullmatch(value) else quote(value, safe=_SAFE)).encode("ascii")
