"""What can go wrong, and every consequence of it, in one table.

A fault's kind is decided once, where the fact is known (`providers/classify.py` for upstream outcomes, the
doors for callers' mistakes). Engine, breaker, metrics and both doors then read `RULES[kind]`; nobody looks
at a status code again. The kinds are the values of `FaultReason` in fault.proto, by the same names.
"""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import grpc

from switch_grpc.v1 import fault_pb2


class Kind(enum.StrEnum):
    """A class of failure: one per distinct row of the outcome table (docs/reliability.md)."""

    BAD_REQUEST = "BAD_REQUEST"
    INVALID_JSON = "INVALID_JSON"
    UNKNOWN_ROUTE = "UNKNOWN_ROUTE"
    NO_KEY = "NO_KEY"
    BAD_KEY = "BAD_KEY"
    FORBIDDEN = "FORBIDDEN"
    TOO_LARGE = "TOO_LARGE"
    HEADERS_TOO_LARGE = "HEADERS_TOO_LARGE"
    UNSUPPORTED = "UNSUPPORTED"
    CALLER_RATE_LIMIT = "CALLER_RATE_LIMIT"
    CLIENT_FAULT = "CLIENT_FAULT"
    CONTEXT_LENGTH = "CONTEXT_LENGTH"
    CONTENT_FILTER = "CONTENT_FILTER"
    NOT_FOUND_OBJECT = "NOT_FOUND_OBJECT"
    CONFLICT = "CONFLICT"
    CANCELLED = "CANCELLED"
    DEADLINE = "DEADLINE"
    OVERLOADED = "OVERLOADED"
    DRAINING = "DRAINING"
    NO_TARGET = "NO_TARGET"
    CREDENTIALS = "CREDENTIALS"
    CLOCK_SKEW = "CLOCK_SKEW"
    LOCAL = "LOCAL"
    BUG = "BUG"
    CAPABILITY = "CAPABILITY"
    UPSTREAM_AUTH = "UPSTREAM_AUTH"
    UPSTREAM_QUOTA = "UPSTREAM_QUOTA"
    UPSTREAM_MODEL_MISSING = "UPSTREAM_MODEL_MISSING"
    UPSTREAM_RATE_LIMIT = "UPSTREAM_RATE_LIMIT"
    UPSTREAM_OVERLOADED = "UPSTREAM_OVERLOADED"
    UPSTREAM_SATURATED = "UPSTREAM_SATURATED"
    UPSTREAM_ERROR = "UPSTREAM_ERROR"
    UPSTREAM_UNREACHABLE = "UPSTREAM_UNREACHABLE"
    UPSTREAM_TLS = "UPSTREAM_TLS"
    UPSTREAM_TIMEOUT = "UPSTREAM_TIMEOUT"
    UPSTREAM_REQUEST_TIMEOUT = "UPSTREAM_REQUEST_TIMEOUT"
    UPSTREAM_PROTOCOL = "UPSTREAM_PROTOCOL"
    STREAM_INTERRUPTED = "STREAM_INTERRUPTED"


class Same(enum.Enum):
    """Whether the same target may be asked again."""

    NO = enum.auto()
    ONCE = enum.auto()
    YES = enum.auto()  # up to the target's maxRetries
    PUSHBACK = enum.auto()  # only when it named a wait of at most 2 s, and after exactly that
    REAUTH = enum.auto()  # once, if the credential store now gives a different credential


class Effect(enum.Enum):
    """What the outcome does to the target's breaker."""

    EXCLUDED = enum.auto()  # neither success nor failure
    COUNTED = enum.auto()  # a failure for the consecutive counter and for the window
    WINDOW = enum.auto()  # a failure for the window only
    PERMANENT = enum.auto()  # opens at once, on the permanent ladder
    PERMANENT_WINDOW = enum.auto()  # the same, and a failure for the window
    LOCAL_OPEN = enum.auto()  # opens at once for resetTimeout x timeoutMultiplier, off the ladder


@dataclass(frozen=True, slots=True)
class Rule:
    """The consequences of one kind of fault."""

    code: grpc.StatusCode
    http: int
    type: str  # OpenAI's error.type
    openai_code: str | None  # OpenAI's error.code, unless the fault brings its own
    same: Same
    next: bool  # may another target be asked?
    effect: Effect
    retry: bool | None = None  # the hint to the caller (x-should-retry); None: no hint
    unsent: bool = False  # nothing left the gateway: repeating is free of the retry budget


_C = grpc.StatusCode
_INVALID, _SERVER, _RATE = "invalid_request_error", "server_error", "rate_limit_error"
_NO, _ONCE, _YES, _PUSHBACK, _REAUTH = Same.NO, Same.ONCE, Same.YES, Same.PUSHBACK, Same.REAUTH
_EXCLUDED, _COUNTED, _WINDOW = Effect.EXCLUDED, Effect.COUNTED, Effect.WINDOW

# fmt: off
RULES: Final[Mapping[Kind, Rule]] = {
    #                                 gRPC code               HTTP  type      code                        same       next   breaker     retry?
    Kind.BAD_REQUEST:            Rule(_C.INVALID_ARGUMENT,    400, _INVALID, None,                       _NO,       False, _EXCLUDED, False),
    Kind.INVALID_JSON:           Rule(_C.INVALID_ARGUMENT,    400, _INVALID, "invalid_json",             _NO,       False, _EXCLUDED, False),
    Kind.UNKNOWN_ROUTE:          Rule(_C.NOT_FOUND,           404, _INVALID, "model_not_found",          _NO,       False, _EXCLUDED, False),
    Kind.NO_KEY:                 Rule(_C.UNAUTHENTICATED,     401, _INVALID, "invalid_api_key",          _NO,       False, _EXCLUDED, False),
    Kind.BAD_KEY:                Rule(_C.UNAUTHENTICATED,     401, _INVALID, "invalid_api_key",          _NO,       False, _EXCLUDED, False),
    Kind.FORBIDDEN:              Rule(_C.PERMISSION_DENIED,   403, "permission_error", "route_not_allowed", _NO,    False, _EXCLUDED, False),
    Kind.TOO_LARGE:              Rule(_C.INVALID_ARGUMENT,    413, _INVALID, "request_too_large",        _NO,       False, _EXCLUDED, False),
    Kind.HEADERS_TOO_LARGE:      Rule(_C.RESOURCE_EXHAUSTED,  431, _INVALID, None,                       _NO,       False, _EXCLUDED, False),
    Kind.UNSUPPORTED:            Rule(_C.UNIMPLEMENTED,       501, _INVALID, "unsupported",              _NO,       False, _EXCLUDED, False),
    Kind.CALLER_RATE_LIMIT:      Rule(_C.RESOURCE_EXHAUSTED,  429, _RATE,    "rate_limit_exceeded",      _NO,       False, _EXCLUDED, True),
    Kind.CLIENT_FAULT:           Rule(_C.INVALID_ARGUMENT,    400, _INVALID, None,                       _NO,       False, _EXCLUDED, False),
    Kind.CONTEXT_LENGTH:         Rule(_C.INVALID_ARGUMENT,    400, _INVALID, "context_length_exceeded",  _NO,       False, _EXCLUDED, False),
    Kind.CONTENT_FILTER:         Rule(_C.INVALID_ARGUMENT,    400, _INVALID, "content_filter",           _NO,       False, _EXCLUDED, False),
    Kind.NOT_FOUND_OBJECT:       Rule(_C.NOT_FOUND,           404, _INVALID, None,                       _NO,       False, _EXCLUDED, False),
    Kind.CONFLICT:               Rule(_C.ABORTED,             409, _SERVER,  "conflict",                 _ONCE,     True,  _WINDOW),
    Kind.CANCELLED:              Rule(_C.CANCELLED,           499, _SERVER,  "cancelled",                _NO,       False, _EXCLUDED),
    Kind.DEADLINE:               Rule(_C.DEADLINE_EXCEEDED,   504, _SERVER,  "deadline_exceeded",        _NO,       True,  _EXCLUDED, False),
    Kind.OVERLOADED:             Rule(_C.RESOURCE_EXHAUSTED,  503, _SERVER,  "gateway_overloaded",       _NO,       False, _EXCLUDED, True),
    Kind.DRAINING:               Rule(_C.UNAVAILABLE,         503, _SERVER,  "draining",                 _NO,       False, _EXCLUDED, True),
    Kind.NO_TARGET:              Rule(_C.UNAVAILABLE,         503, _SERVER,  "no_available_target",      _NO,       True,  _EXCLUDED, unsent=True),
    Kind.CREDENTIALS:            Rule(_C.UNAVAILABLE,         503, _SERVER,  "credentials_unavailable",  _NO,       True,  _EXCLUDED, False, unsent=True),
    Kind.CLOCK_SKEW:             Rule(_C.UNAVAILABLE,         502, _SERVER,  "clock_skew",               _ONCE,     True,  _EXCLUDED, False),
    Kind.LOCAL:                  Rule(_C.RESOURCE_EXHAUSTED,  503, _SERVER,  "gateway_overloaded",       _NO,       True,  _EXCLUDED, True, unsent=True),
    Kind.BUG:                    Rule(_C.INTERNAL,            500, _SERVER,  "internal_error",           _NO,       False, _EXCLUDED, True),
    Kind.CAPABILITY:             Rule(_C.INVALID_ARGUMENT,    400, _INVALID, None,                       _NO,       True,  _EXCLUDED, False),
    Kind.UPSTREAM_AUTH:          Rule(_C.FAILED_PRECONDITION, 502, _SERVER,  "upstream_auth_failed",     _REAUTH,   True,  Effect.PERMANENT, False),
    Kind.UPSTREAM_QUOTA:         Rule(_C.UNAVAILABLE,         503, _SERVER,  "upstream_quota_exhausted", _NO,       True,  Effect.PERMANENT_WINDOW),
    Kind.UPSTREAM_MODEL_MISSING: Rule(_C.FAILED_PRECONDITION, 502, _SERVER,  "upstream_model_not_found", _NO,       True,  Effect.PERMANENT, False),
    Kind.UPSTREAM_RATE_LIMIT:    Rule(_C.RESOURCE_EXHAUSTED,  429, _RATE,    "upstream_rate_limited",    _PUSHBACK, True,  _WINDOW),
    Kind.UPSTREAM_OVERLOADED:    Rule(_C.UNAVAILABLE,         503, _SERVER,  "upstream_overloaded",      _PUSHBACK, True,  _COUNTED),
    Kind.UPSTREAM_SATURATED:     Rule(_C.UNAVAILABLE,         503, _SERVER,  "upstream_overloaded",      _PUSHBACK, True,  _WINDOW),
    Kind.UPSTREAM_ERROR:         Rule(_C.UNAVAILABLE,         502, _SERVER,  "upstream_error",           _ONCE,     True,  _COUNTED,  False),
    Kind.UPSTREAM_UNREACHABLE:   Rule(_C.UNAVAILABLE,         502, _SERVER,  "upstream_unreachable",     _ONCE,     True,  _COUNTED,  False, unsent=True),
    Kind.UPSTREAM_TLS:           Rule(_C.FAILED_PRECONDITION, 502, _SERVER,  "upstream_tls_failed",      _NO,       True,  Effect.LOCAL_OPEN, False, unsent=True),
    Kind.UPSTREAM_TIMEOUT:       Rule(_C.UNAVAILABLE,         504, _SERVER,  "upstream_timeout",         _NO,       True,  _COUNTED,  False),
    Kind.UPSTREAM_REQUEST_TIMEOUT: Rule(_C.UNAVAILABLE,       504, _SERVER,  "upstream_timeout",         _YES,      True,  _COUNTED,  False),
    Kind.UPSTREAM_PROTOCOL:      Rule(_C.UNAVAILABLE,         502, _SERVER,  "upstream_protocol_error",  _ONCE,     True,  _COUNTED,  False),
    Kind.STREAM_INTERRUPTED:     Rule(_C.UNAVAILABLE,         502, _SERVER,  "stream_interrupted",       _YES,      True,  _COUNTED),
}
# fmt: on


class Fault(Exception):
    """A classified failure: the one exception that crosses the package's borders.

    `message` is a sentence for the caller: it names the thing and the remedy and holds no secret and no
    upstream text (but for CLIENT_FAULT and its kin, where the provider's words are the caller's business).
    """

    def __init__(
        self,
        kind: Kind,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        http: int | None = None,
        retry_after: float | None = None,
        retry: bool | None = None,
        target: str | None = None,
        upstream_status: int = 0,
        sent: bool = False,
        effect: Effect | None = None,
    ) -> None:
        """`code`, `http`, `retry` and `effect` override the kind's rule for this one fault.

        `param` names the wrong field as a JSON path; `retry_after` is in seconds; `upstream_status` is the
        provider's HTTP status, 0 where it sent none; `sent` says that the request may have left after all.
        """
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.param = param
        self.retry_after = retry_after
        self.target = target
        self.upstream_status = upstream_status
        self.sent = sent
        self.attempts: Sequence[fault_pb2.AttemptInfo] = ()  # who was asked before, once the engine gives up
        self._code = code
        self._http = http
        self.retry = RULES[kind].retry if retry is None else retry  # x-should-retry; None: no hint
        self.effect = effect or RULES[kind].effect  # what it does to the target's breaker

    @property
    def rule(self) -> Rule:
        return RULES[self.kind]

    @property
    def http(self) -> int:
        return self._http or self.rule.http

    @property
    def code(self) -> str | None:
        return self._code or self.rule.openai_code

    @property
    def unsent(self) -> bool:
        """Nothing left the gateway for certain, so that repeating costs the provider nothing."""
        return self.rule.unsent and not self.sent

    def name(self, target: str, provider: str) -> None:
        """Says where it happened, if whatever raised it did not know."""
        if self.target is not None:
            return
        self.target = target
        if self.kind in _ON_THE_WAY:
            self.message = f"target {target!r} ({provider}): {self.message}"

    def forget_frames(self) -> None:
        """For a fault that is kept: the frames that it passed hold whole requests, and must not be kept."""
        self.__traceback__ = self.__cause__ = self.__context__ = None

    def __repr__(self) -> str:
        return f"Fault({self.kind}, {self.message!r})"


_ON_THE_WAY: Final = frozenset(
    {
        Kind.UPSTREAM_ERROR,
        Kind.UPSTREAM_UNREACHABLE,
        Kind.UPSTREAM_TLS,
        Kind.UPSTREAM_TIMEOUT,
        Kind.UPSTREAM_PROTOCOL,
        Kind.STREAM_INTERRUPTED,
    }
)


def bad_request(param: str, message: str) -> Fault:
    """The caller's field `param` (a JSON path) is wrong; `message` says what was found and expected."""
    return Fault(Kind.BAD_REQUEST, f"{param}: {message}" if param else message, param=param or None)
