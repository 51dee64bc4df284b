"""Anthropic's errors: `{"type": "error", "error": {"type", "message", "details": {"error_code"}}}`.

The same object is an error status's body and the data of an `error` event inside a stream.
https://platform.claude.com/docs/en/api/errors
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from switch_grpc.providers.dialects.base import UpstreamError, UpstreamFailure

# The status that each type comes with, for an error inside a 200.
STATUS_OF: Final[Mapping[str, int]] = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}

# An empty account is an invalid_request_error like a caller's mistake, and has no code of its own. These are
# the provider's words at the very start, where no caller's text stands.
_NO_CREDIT: Final = "Your credit balance is too low"
# What the API, or the model, has no place for:
#   messages.0.name: Extra inputs are not permitted
#   messages.0.content.0: Input tag 'video_url' found using 'type' does not match any of the expected tags
#   `temperature` is deprecated for this model.
#   role 'system' is not supported on this model
_NOT_TAKEN: Final = re.compile(
    r"(?P<path>[\w.]+): (Extra inputs are not permitted|Input tag '[^']{1,100}' found using 'type')"
    r"|(role )?[`'](?P<name>[\w.]+)[`'] is (deprecated|not supported) (for|on) this model"
)


def error_of(body: bytes) -> UpstreamError:
    """The envelope of an error's body; an empty one where it cannot be read. Never raises."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return UpstreamError()
    return _read(document)


def failure_of(body: bytes) -> UpstreamFailure:
    """What to raise for an error inside a 200."""
    error = error_of(body)
    return UpstreamFailure(STATUS_OF.get(error.type, 500), error)


def _read(document: Any) -> UpstreamError:
    error = document.get("error") if isinstance(document, dict) else None
    if not isinstance(error, dict):
        # A gateway in between; FastAPI and AWS say it so.
        message = document.get("message") if isinstance(document, dict) else None
        return UpstreamError(message=_text(message or error))
    type_, message, details = _text(error.get("type")), _text(error.get("message")), error.get("details")
    code = _text(details.get("error_code")) if isinstance(details, dict) else ""
    param = ""
    if type_ == "invalid_request_error" and not code:
        if message.startswith(_NO_CREDIT):
            code = "billing_error"
        elif found := _NOT_TAKEN.match(message):
            code, param = "unsupported_parameter", found["path"] or found["name"]
    return UpstreamError(type=type_, code=code, message=message, param=param)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
