"""What an upstream answer with an error status was, for the breaker and for the caller: one pure function.

Also for an error inside a 200 (row 27 of the outcome table): its status is the one that the dialect read
from it.
"""

import http
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from switch_grpc.faults import RULES, Effect, Fault, Kind
from switch_grpc.providers.dialects.base import UpstreamError
from switch_grpc.providers.kinds import CALLERS, kind_of
from switch_grpc.providers.retry_after import RETRY_AFTER_LIMIT, retry_after
from switch_grpc.providers.vendors import VENDORS, Quirk

MESSAGE_LIMIT: Final = 2048  # bytes of a provider's text that a caller is shown
PATTERN_TEXT: Final = 512  # characters of the message that errorPatterns see


@dataclass(frozen=True, slots=True)
class Verdict:
    """A fault, and what it does to the target's breaker.

    The effect is the kind's own (`RULES`), but PERMANENT where an errorPattern matched, and COUNTED in
    place of a permanent one where the target's permanent failure handling is off.
    """

    fault: Fault
    effect: Effect


def classify(
    *,
    provider: str,
    target: str,
    status: int,
    headers: Mapping[str, str],
    error: UpstreamError,
    patterns: Sequence[re.Pattern[str]],
    permanent: bool,
    now_wall: float,
) -> Verdict:
    """The verdict on an answer with `status`, which is no success.

    `headers` looks up lower-case names; `error` is the envelope, as far as it could be read; `patterns` are
    the compiled errorPatterns; `permanent` says whether permanent failure handling is on; `now_wall` is Unix
    seconds, for a Retry-After that is a date.
    """
    wait = retry_after(headers, now_wall)
    if wait is None and error.retry_after is not None:
        wait = min(error.retry_after, RETRY_AFTER_LIMIT)
    row = VENDORS.get(provider)
    kind = kind_of(status, error, row.quirks if row else Quirk.NONE, wait)
    who = f"target {target!r} ({provider})"
    if kind in CALLERS:
        fault = _callers_fault(kind, who, target, status, error)
    else:
        fault = Fault(
            kind, _sentence(who, kind, status), retry_after=wait, target=target, upstream_status=status
        )
    return Verdict(fault, _effect(kind, status, error, patterns, permanent))


# -- the breaker's side --


def _effect(
    kind: Kind, status: int, error: UpstreamError, patterns: Sequence[re.Pattern[str]], permanent: bool
) -> Effect:
    effect = RULES[kind].effect
    if effect in (Effect.PERMANENT, Effect.PERMANENT_WINDOW):
        return effect if permanent else Effect.COUNTED
    # Never for what a caller's own request can bring about, whatever the patterns say.
    own = status in (400, 413, 422) or kind in CALLERS
    if permanent and not own and _matches(patterns, status, error):
        return Effect.PERMANENT
    return effect


def _matches(patterns: Sequence[re.Pattern[str]], status: int, error: UpstreamError) -> bool:
    """Whether a pattern matches `{status} {type} {code} {reason}` and the start of the message."""
    if not patterns:
        return False
    text = f"{status} {error.type} {error.code} {_reason(status)} {error.message[:PATTERN_TEXT]}"
    return any(pattern.search(text) for pattern in patterns)


def _reason(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return ""


# -- the caller's side --

_SENTENCES: Final[Mapping[Kind, str]] = {
    Kind.UPSTREAM_AUTH: "refused the gateway's credential; check its credential store",
    Kind.UPSTREAM_QUOTA: "has no credit or quota left for the gateway's account; top it up",
    Kind.UPSTREAM_MODEL_MISSING: "does not know the model or the URL; check its modelName and apiBase",
    Kind.UPSTREAM_RATE_LIMIT: "limits the rate of the gateway's account; retry later or add a target",
    Kind.UPSTREAM_OVERLOADED: "has no capacity at the moment; retry later or add a target",
    Kind.UPSTREAM_SATURATED: "is overloaded as a whole; retry later or add a target at another provider",
    Kind.UPSTREAM_REQUEST_TIMEOUT: "did not wait for the whole request; retry",
    Kind.CONFLICT: "is busy with a conflicting request; retry",
    Kind.UPSTREAM_ERROR: "failed; retry later or add a target",
    Kind.UPSTREAM_PROTOCOL: "answered with a status that is no answer; check its apiBase",
    Kind.CLIENT_FAULT: "refused the request and did not say why",
    Kind.CONTEXT_LENGTH: "has a smaller context window than the request needs; shorten it",
    Kind.CONTENT_FILTER: "refused the prompt for its content",
    Kind.NOT_FOUND_OBJECT: "does not know something that the request names",
    Kind.CLOCK_SKEW: "refused a signature for its time; set the gateway's clock",
    Kind.CAPABILITY: "cannot do what the request asks for",
}


def _sentence(who: str, kind: Kind, status: int) -> str:
    return f"{who} {_SENTENCES[kind]} (upstream status {status})"


def _callers_fault(kind: Kind, who: str, target: str, status: int, error: UpstreamError) -> Fault:
    """In the provider's own words, code and param: they are the caller's business."""
    code = error.code or None
    if error.code.isdecimal() or kind in (Kind.CONTEXT_LENGTH, Kind.CONTENT_FILTER):
        code = None  # a number is no OpenAI code, and these two have one of their own
    if status == 413 and kind is Kind.CLIENT_FAULT:
        code = code or "request_too_large"
    return Fault(
        kind,
        _shown(error.message) or _sentence(who, kind, status),
        param=error.param or None,
        code=code,
        http=status if status in (413, 422) and kind is not Kind.CONTEXT_LENGTH else None,
        target=target,
        upstream_status=status,
    )


def _shown(message: str) -> str:
    """At most MESSAGE_LIMIT bytes, cut between characters."""
    data = message.strip().encode("utf-8", "replace")
    if len(data) <= MESSAGE_LIMIT:
        return data.decode()
    ellipsis = "…"
    return data[: MESSAGE_LIMIT - len(ellipsis.encode())].decode("utf-8", "ignore") + ellipsis
