"""Google's errors: google.rpc.Status as JSON, with the details that its services send along.

    {"error": {"code": 429, "message", "status": "RESOURCE_EXHAUSTED", "details": [{"@type", ...}, ...]}}

Statuses are of https://cloud.google.com/apis/design/errors, messages and details of what the Gemini API and
Vertex AI answer.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from switch_grpc.mock.failures import FAILURES, Failure
from switch_grpc.mock.fields import Json

SERVICE: Final = "generativelanguage.googleapis.com"
_TYPE: Final = "type.googleapis.com/google.rpc."
_QUOTA: Final = (
    "You exceeded your current quota, please check your plan and billing details. For more information on "
    "this error, head to: https://ai.google.dev/gemini-api/docs/rate-limits."
)
_SECONDS: Final = re.compile(r"\d{1,9}(\.\d{1,9})?")

_STATUSES: Final[Mapping[int, str]] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    413: "INVALID_ARGUMENT",
    416: "OUT_OF_RANGE",
    422: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """How Google says it. `reason` goes into an ErrorInfo, `quota` into a QuotaFailure."""

    message: str | None = None
    status: str | None = None
    reason: str | None = None
    quota: str | None = None


# By the names of failures.FAILURES; those without a row keep their message.
_ROWS: Final[Mapping[str, _Row]] = {
    "invalid_request": _Row(message="Request contains an invalid argument."),
    "invalid_value": _Row(message="Invalid value at 'x' (TYPE_STRING), \"y\""),
    "unsupported_parameter": _Row(
        message='Invalid JSON payload received. Unknown name "max_tokens": Cannot find field.'
    ),
    "unsupported_value": _Row(message="Penalty is not enabled for this model"),
    "context_length_exceeded": _Row(
        message="The input token count (9000) exceeds the maximum number of tokens allowed (8192)."
    ),
    "content_filter": _Row(
        message="The prompt could not be submitted. This prompt contains sensitive words that violate "
        "Google's Responsible AI practices. Try rephrasing the prompt."
    ),
    "billing_hard_limit_reached": _Row(
        status="FAILED_PRECONDITION",
        message="Gemini API free tier is not available without billing. Enable billing on your project.",
    ),
    "invalid_api_key": _Row(
        message="Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie "
        "or other valid authentication credential.",
        reason="ACCESS_TOKEN_TYPE_UNSUPPORTED",
    ),
    "payment_required": _Row(
        status="FAILED_PRECONDITION",
        message="This API method requires billing to be enabled.",
        reason="BILLING_DISABLED",
    ),
    "permission_denied": _Row(
        message="Permission 'aiplatform.endpoints.predict' denied on resource (or it may not exist).",
        reason="IAM_PERMISSION_DENIED",
    ),
    "unsupported_country": _Row(
        status="FAILED_PRECONDITION", message="User location is not supported for the API use."
    ),
    "model_not_found": _Row(),  # its message names the model
    "file_not_found": _Row(
        status="PERMISSION_DENIED",
        message="You do not have permission to access the File mock or it may not exist.",
    ),
    "request_timeout": _Row(
        status="DEADLINE_EXCEEDED", message="Deadline expired before operation could complete."
    ),
    "conflict": _Row(message="The operation was aborted."),
    "request_too_large": _Row(message="Request payload size exceeds the limit: 20971520 bytes."),
    "unprocessable": _Row(message="Request contains an invalid argument."),
    "rate_limit_exceeded": _Row(
        message=_QUOTA, quota="GenerateRequestsPerMinutePerProjectPerModel", reason="RATE_LIMIT_EXCEEDED"
    ),
    "insufficient_quota": _Row(message=_QUOTA, quota="GenerateRequestsPerDayPerProjectPerModel-FreeTier"),
    "server_error": _Row(
        message="An internal error has occurred. Please retry or report in "
        "https://developers.generativeai.google/guide/troubleshooting"
    ),
    "bad_gateway": _Row(message="Bad gateway."),
    "service_unavailable": _Row(message="The service is currently unavailable."),
    "gateway_timeout": _Row(message="Deadline expired before operation could complete."),
    "overloaded_error": _Row(
        status="UNAVAILABLE",
        message="The model is overloaded. Please try again later.",
    ),
}
_ANY: Final = _Row()


def error_of(failure: Failure) -> dict[str, Json]:
    """The body of an error answer, and of an error inside a stream."""
    row = _ROWS.get(failure.name or "", _ANY)
    status = failure.type if failure.exact else row.status
    error: dict[str, Json] = {
        "code": failure.status,
        "message": _model_missing(failure) or row.message or failure.message,
        "status": status or _STATUSES.get(failure.status, "UNKNOWN"),
    }
    details = [*_violation(failure), *_reason(failure, row), *_quota(failure, row)]
    if details:
        error["details"] = details
    return {"error": error}


def error_body(failure: Failure) -> bytes:
    """As Google prints it, indented: a reader that takes lines for documents shows itself."""
    return msgspec.json.format(msgspec.json.encode(error_of(failure)), indent=2) + b"\n"


def _model_missing(failure: Failure) -> str | None:
    """Google's sentence about the model that OpenAI's sentence names."""
    if failure.name != "model_not_found":
        return None
    _, _, rest = failure.message.partition("`")
    return (
        f"models/{rest.partition('`')[0]} is not found for API version v1beta, or is not supported for "
        "generateContent. Call ListModels to see the list of available models and their supported methods."
    )


def _violation(failure: Failure) -> list[Json]:
    """The field at fault, of a request that was read and refused."""
    if failure.name is not None or failure.param is None:
        return []
    violation: Json = {"field": failure.param, "description": failure.message}
    return [{"@type": _TYPE + "BadRequest", "fieldViolations": [violation]}]


def _reason(failure: Failure, row: _Row) -> list[Json]:
    """The code that was asked for; without one, what is usual for the error."""
    usual = FAILURES[failure.name].code if failure.name is not None else None
    reason = row.reason if failure.code == usual else failure.code
    if reason is None:
        return []
    detail: Json = {
        "@type": _TYPE + "ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": {"service": SERVICE},
    }
    return [detail]


def _quota(failure: Failure, row: _Row) -> list[Json]:
    """Which quota is spent, and when to come back where the script says it."""
    details: list[Json] = []
    if row.quota is not None:
        violation: Json = {
            "quotaMetric": f"{SERVICE}/generate_content_requests",
            "quotaId": row.quota,
            "quotaDimensions": {"location": "global", "model": "mock"},
            "quotaValue": "3",
        }
        details.append({"@type": _TYPE + "QuotaFailure", "violations": [violation]})
    if failure.retry_after is not None and _SECONDS.fullmatch(failure.retry_after):
        details.append({"@type": _TYPE + "RetryInfo", "retryDelay": f"{failure.retry_after}s"})
    return details
