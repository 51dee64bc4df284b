"""The errors that the mock can answer with: a table by name, and one row for each status.

Wording follows what OpenAI really sends (https://platform.openai.com/docs/guides/error-codes), because
readers of these bodies look at `type`, `code` and now and then the message.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One error answer, before a dialect gives it a shape. None is JSON null.

    Type, message and code are OpenAI's; another dialect has its own for the name or the status, unless
    `exact` says that these are meant to the letter.
    """

    status: int
    type: str | None
    message: str
    code: str | None = None
    param: str | None = None
    name: str | None = None  # in FAILURES
    exact: bool = False
    model: str = "mock"  # which it speaks of, where it speaks of one
    retry_after: str | None = None  # the header, for vendors whose bodies say it too

    def about(self, model: str) -> "Failure":
        """The same failure of this model."""
        return replace(self, model=model, message=self.message.replace("`mock`", f"`{model}`"))


class Refused(Exception):
    """A request that the mock does not serve."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def invalid(message: str, *, param: str | None = None, code: str | None = None, status: int = 400) -> Refused:
    """The refusal of a request that is wrong in itself."""
    return Refused(
        Failure(status=status, type="invalid_request_error", message=message, code=code, param=param)
    )


def _row(status: int, type: str | None, code: str | None, message: str, param: str | None = None) -> Failure:
    return Failure(status=status, type=type, code=code, message=message, param=param)


_INVALID = "invalid_request_error"

_ROWS: Final[Mapping[str, Failure]] = {
    "invalid_request": _row(400, _INVALID, None, "Invalid request."),
    "invalid_value": _row(
        400, _INVALID, "invalid_value", "Invalid value: 'x'. Supported values are: 'y'.", "x"
    ),
    "unsupported_parameter": _row(
        400,
        _INVALID,
        "unsupported_parameter",
        "Unsupported parameter: 'max_tokens' is not supported with this model. "
        "Use 'max_completion_tokens' instead.",
        "max_tokens",
    ),
    "unsupported_value": _row(
        400,
        _INVALID,
        "unsupported_value",
        "Unsupported value: 'temperature' does not support 0.5 with this model. "
        "Only the default (1) value is supported.",
        "temperature",
    ),
    "context_length_exceeded": _row(
        400,
        _INVALID,
        "context_length_exceeded",
        "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens. "
        "Please reduce the length of the messages.",
        "messages",
    ),
    "content_filter": _row(
        400,
        None,
        "content_filter",
        "The response was filtered due to the prompt triggering the content management policy. "
        "Please modify your prompt and retry.",
        "prompt",
    ),
    "billing_hard_limit_reached": _row(
        400, _INVALID, "billing_hard_limit_reached", "Billing hard limit has been reached."
    ),
    "invalid_api_key": _row(401, _INVALID, "invalid_api_key", "Incorrect API key provided: sk-****mock."),
    "payment_required": _row(402, "payment_required", "insufficient_balance", "Insufficient Balance"),
    "permission_denied": _row(
        403,
        _INVALID,
        "insufficient_permissions",
        "You have insufficient permissions for this operation. Missing scopes: model.request.",
    ),
    "unsupported_country": _row(
        403,
        "request_forbidden",
        "unsupported_country_region_territory",
        "Country, region, or territory not supported",
    ),
    "model_not_found": _row(
        404,
        _INVALID,
        "model_not_found",
        "The model `mock` does not exist or you do not have access to it.",
    ),
    "file_not_found": _row(404, _INVALID, None, "No such File object: file-mock", "id"),
    "request_timeout": _row(408, "server_error", None, "Request timed out."),
    "conflict": _row(409, "conflict_error", None, "Resource is locked by another request."),
    "request_too_large": _row(413, _INVALID, "request_too_large", "Request exceeds the maximum size."),
    "unprocessable": _row(422, _INVALID, None, "The request was well-formed but cannot be processed."),
    "rate_limit_exceeded": _row(
        429,
        "requests",
        "rate_limit_exceeded",
        "Rate limit reached for mock in organization org-mock on requests per min (RPM): Limit 3, Used 3, "
        "Requested 1. Please try again in 20s.",
    ),
    "insufficient_quota": _row(
        429,
        "insufficient_quota",
        "insufficient_quota",
        "You exceeded your current quota, please check your plan and billing details.",
    ),
    "server_error": _row(
        500, "server_error", None, "The server had an error while processing your request. Sorry about that!"
    ),
    "bad_gateway": _row(502, "server_error", None, "Bad gateway."),
    "service_unavailable": _row(
        503, "server_error", None, "The engine is currently overloaded, please try again later"
    ),
    "gateway_timeout": _row(504, "server_error", None, "Gateway timeout."),
    "overloaded_error": _row(529, "overloaded_error", None, "Overloaded"),
}
FAILURES: Final[Mapping[str, Failure]] = {name: replace(row, name=name) for name, row in _ROWS.items()}

_BY_STATUS: Final[Mapping[int, str]] = {
    400: "invalid_request",
    401: "invalid_api_key",
    402: "payment_required",
    403: "permission_denied",
    404: "model_not_found",
    408: "request_timeout",
    409: "conflict",
    413: "request_too_large",
    422: "unprocessable",
    429: "rate_limit_exceeded",
    500: "server_error",
    502: "bad_gateway",
    503: "service_unavailable",
    504: "gateway_timeout",
    529: "overloaded_error",
}


def failure_for(status: int) -> Failure:
    """The usual error body of a status."""
    name = _BY_STATUS.get(status)
    if name is not None:
        return FAILURES[name]
    kind = _INVALID if status < 500 else "server_error"
    return Failure(status=status, type=kind, message=f"The mock answers {status}, as its script says.")
