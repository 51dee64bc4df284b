"""The fault matrix: how each target fails, and what a caller must hear where no other target is.

`unary` and `stream` are kinds of fault (docs/reliability.md), several where chance decides; OK where the
answer must be whole. `begun` says that a stream's caller has a part of the answer when it fails: no other
target may finish it, so that stream ends with an error whatever the route has.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from tests.chaos.fault_proxy import Way

OK: Final = "OK"
BROKEN: Final = "STREAM_INTERRUPTED"
_LOST: Final = "UPSTREAM_UNREACHABLE"
_LATE: Final = "UPSTREAM_TIMEOUT"
_ODD: Final = "UPSTREAM_PROTOCOL"
_ERROR: Final = "UPSTREAM_ERROR"
_QUICK: Final[Mapping[str, int]] = {
    "ttfbMs": 400,
    "firstTokenMs": 400,
    "idleMs": 400,
    "tokenIdleMs": 400,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One row. Exactly one of `script` (the mock's), `way` (the proxy's) and `place` makes it."""

    name: str
    unary: frozenset[str]
    stream: frozenset[str]
    script: str = ""
    way: Way | None = None
    place: str = ""  # an address where nobody answers: refusing, unanswering, unresolved
    https: bool = False  # addressed by https, which the mock does not speak
    certificate: bool = False  # the proxy shows one that nobody vouches for
    begun: bool = False
    moves: bool = True  # another target may be asked
    http: int | None = None  # the status where it is not the kind's own
    timeouts: Mapping[str, int] = field(default_factory=dict)
    timeout: int | None = None  # ms, for a whole answer


def _row(name: str, unary: str, stream: str | None = None, **how: object) -> Fault:
    kinds = frozenset(unary.split("|"))
    of_stream = kinds if stream is None else frozenset(stream.split("|"))
    return Fault(name=name, unary=kinds, stream=of_stream, **how)  # type: ignore[arg-type]  # how is Fault's own


def _slow(name: str, unary: str, stream: str | None = None, **how: object) -> Fault:
    """A row that ends by the target's own timers, which are short so that the run is."""
    return _row(name, unary, stream, timeouts=_QUICK, timeout=600, **how)


def _status(status: int, kind: str, **how: object) -> Fault:
    return _row(f"status {status}", kind, script=f"status={status}", **how)


_ANYWHERE = f"{OK}|{_LOST}|{_ODD}|{_ERROR}|{BROKEN}"

FAULTS: Final = (
    _row("refused", _LOST, place="refusing"),
    _row("no such host", _LOST, place="unresolved", timeouts={"connectMs": 100}),
    _row("connect blackhole", _LOST, place="unanswering", timeouts={"connectMs": 300}),
    _row("untrusted certificate", "UPSTREAM_TLS", way=Way.CLOSE, https=True, certificate=True),
    _row("handshake reset", _LOST, way=Way.RESET, https=True),
    _row("accepted and closed", _LOST, way=Way.CLOSE),
    _row("reset by proxy", _LOST, way=Way.RESET),
    _slow("answer blackhole", _LATE, way=Way.SILENT),
    _row("latency", OK, way=Way.LATENCY),
    _row("trickle", OK, way=Way.TRICKLE),
    _row("cut anywhere", _ANYWHERE, way=Way.CUT),
    _row("reset anywhere", _ANYWHERE, way=Way.CUT_RESET),
    _row("reset", _LOST, script="fault=reset"),
    _row("close", _LOST, script="fault=close"),
    _slow("hang", _LATE, script="fault=hang"),
    _slow("hang in head", _LATE, script="fault=hang-head"),
    _slow("slow head", _LATE, script="fault=slow-head;rate=50"),
    _slow("slow body", _LATE, script="fault=slow-body;rate=50"),
    _row("garbage", _ODD, script="fault=garbage"),
    _row("html", _ODD, script="fault=html"),
    _row("malformed json", _ODD, script="fault=malformed-json"),
    _row("malformed json mid", _ODD, BROKEN, script="fault=malformed-json;after=3", begun=True),
    _row("malformed sse", _ODD, script="fault=malformed-sse"),
    _row("malformed sse mid", _ODD, BROKEN, script="fault=malformed-sse;after=3", begun=True),
    _row("huge line", OK, _ODD, script="fault=huge-line;mib=2"),
    _row("cut", _ERROR, BROKEN, script="fault=cut;after=0"),
    _row("cut mid", _ERROR, BROKEN, script="fault=cut;after=3", begun=True),
    _row("reset mid", _ERROR, BROKEN, script="fault=rst-mid;after=3;flush;gap=5", begun=True),
    _row("clean end", _ODD, BROKEN, script="fault=eof;after=0"),
    _row("clean end mid", _ODD, BROKEN, script="fault=eof;after=3", begun=True),
    _slow("stall", _LATE, script="fault=stall;after=0"),
    _slow("stall mid", _LATE, BROKEN, script="fault=stall;after=3", begun=True),
    _slow("comments", _LATE, script="fault=comments;after=0"),
    _slow("comments mid", _LATE, BROKEN, script="fault=comments;after=3", begun=True),
    _row("error event", _ERROR, script="fault=error-event"),
    _row("error event mid", _ERROR, BROKEN, script="fault=error-event;after=3", begun=True),
    _row("role then error", _ERROR, script="fault=role-then-error"),
    _row("error body", _ERROR, script="fault=error-body"),
    _row("no done", OK, script="fault=no-done"),
    _row("close after", OK, script="fault=close-after"),
    _status(400, "CLIENT_FAULT", moves=False),
    _status(401, "UPSTREAM_AUTH"),
    _status(402, "UPSTREAM_QUOTA"),
    _status(403, "UPSTREAM_AUTH"),
    _status(404, "UPSTREAM_MODEL_MISSING"),
    _status(408, "UPSTREAM_REQUEST_TIMEOUT"),
    _status(409, "CONFLICT"),
    _status(413, "CLIENT_FAULT", moves=False, http=413),
    _status(422, "CLIENT_FAULT", moves=False, http=422),
    _row("status 429", "UPSTREAM_RATE_LIMIT", script="status=429;retry-after-ms=0"),
    _row("status 429 and cooling", "UPSTREAM_RATE_LIMIT|NO_TARGET", script="status=429"),
    _status(500, _ERROR),
    _status(502, _ERROR),
    _status(503, "UPSTREAM_OVERLOADED"),
    _status(504, _ERROR),
    _status(529, "UPSTREAM_SATURATED"),
)
BY_NAME: Final = {fault.name: fault for fault in FAULTS}
