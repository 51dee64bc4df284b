"""How Google says that something went wrong: google.rpc.Status as JSON.

    {"error": {"code": 429, "message", "status": "RESOURCE_EXHAUSTED", "details": [...]}}
    [{"error": {...}}]                                      where the answer would have been a list
    {"candidates": [], "promptFeedback": {"blockReason"}}   a 200 that refuses the prompt

Of the details, ErrorInfo gives the code, RetryInfo the wait, BadRequest the field.
https://cloud.google.com/apis/design/errors
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from switch_grpc.providers.dialects.base import UpstreamError, UpstreamFailure

_TYPE: Final = "type.googleapis.com/google.rpc."
_DELAY: Final = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s", re.ASCII)
# https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto
_STATUS_OF: Final[Mapping[str, int]] = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ABORTED": 409,
    "ALREADY_EXISTS": 409,
    "RESOURCE_EXHAUSTED": 429,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}


def error_of(body: bytes) -> UpstreamError:
    """The envelope of an error's body; an empty one where it cannot be read. Never raises."""
    try:
        return _read(envelope_of(msgspec.json.decode(body)) or {})
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return UpstreamError()


def raise_error(document: object) -> None:
    """Raises UpstreamFailure if a 200's document is an error."""
    envelope = envelope_of(document)
    if envelope is not None:
        raise UpstreamFailure(_status(envelope), _read(envelope))


def raise_blocked(feedback: Mapping[str, Any]) -> None:
    """Raises UpstreamFailure if the prompt was refused for its content."""
    reason = feedback.get("blockReason")
    if isinstance(reason, str) and reason:
        said = _text(feedback.get("blockReasonMessage")) or "the prompt was blocked"
        message = f"{said} ({reason})"
        raise UpstreamFailure(400, UpstreamError(type=reason, code="content_filter", message=message))


def envelope_of(document: object) -> Mapping[str, Any] | None:
    """The `error` object of a document, None if it has none."""
    if isinstance(document, list) and document:
        document = document[0]
    match document:
        case {"error": dict(envelope)}:
            return envelope
        case {"error": str(message)}:  # a proxy before Google
            return {"message": message}
    return None


def _read(envelope: Mapping[str, Any]) -> UpstreamError:
    code, param, wait = "", "", None
    for kind, detail in _details(envelope):
        match kind:
            case "ErrorInfo":
                code = _text(detail.get("reason"))
            case "BadRequest":
                param = _violated(detail.get("fieldViolations"))
            case "RetryInfo":
                wait = _seconds(detail.get("retryDelay"))
    return UpstreamError(
        type=_text(envelope.get("status")),
        code=code,
        message=_text(envelope.get("message")),
        param=param,
        retry_after=wait,
    )


def _details(envelope: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    details = envelope.get("details")
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, dict):
            yield _text(detail.get("@type")).removeprefix(_TYPE), detail


def _violated(violations: object) -> str:
    match violations:
        case [{"field": str(field)}, *_]:
            return field
    return ""


def _seconds(delay: object) -> float | None:
    """A google.protobuf.Duration as JSON, such as `34.07s`."""
    found = _DELAY.fullmatch(delay) if isinstance(delay, str) else None
    return float(found[1]) if found else None


def _status(envelope: Mapping[str, Any]) -> int:
    code = envelope.get("code")
    if isinstance(code, int | float) and 400 <= code <= 599:
        return int(code)
    return _STATUS_OF.get(_text(envelope.get("status")), 500)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
