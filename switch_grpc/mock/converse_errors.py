"""Bedrock's exceptions: as the error answers of whole requests, and as the last frame of a stream.

Names and statuses are those of botocore's service model; the wording is Bedrock's. A stream has exceptions of
its own, fewer ones: `ConverseStreamOutput` of the same model.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from switch_grpc.mock.converse_frames import event_headers, frame
from switch_grpc.mock.failures import Failure
from switch_grpc.mock.fields import Json

# What the failures that a script names (failures.py) are called here, and how Bedrock puts them.
_NAMED: Final[Mapping[str, tuple[str, str]]] = {
    "invalid_request": ("ValidationException", "The provided request is not valid."),
    "invalid_value": ("ValidationException", "The value of the x field is not valid."),
    "context_length_exceeded": ("ValidationException", "Input is too long for requested model."),
    "billing_hard_limit_reached": (
        "ServiceQuotaExceededException",
        "Your request exceeds the service quota for your account.",
    ),
    "invalid_api_key": (
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    ),
    "permission_denied": (
        "AccessDeniedException",
        "You don't have access to the model with the specified model ID.",
    ),
    "model_not_found": (
        "ResourceNotFoundException",
        "Could not resolve the foundation model from the provided model identifier.",
    ),
    "request_timeout": (
        "ModelTimeoutException",
        "Model has timed out in processing the request. Try your request again.",
    ),
    "rate_limit_exceeded": ("ThrottlingException", "Too many requests, please wait before trying again."),
    "insufficient_quota": (
        "ThrottlingException",
        "Too many tokens per day, please wait before trying again.",
    ),
    "server_error": (
        "InternalServerException",
        "The system encountered an unexpected error during processing. Try your request again.",
    ),
    "service_unavailable": ("ServiceUnavailableException", "Bedrock is unable to process your request."),
    "overloaded_error": (
        "ServiceUnavailableException",
        "Too many connections, please wait before trying again.",
    ),
}
_BY_STATUS: Final[Mapping[int, str]] = {
    401: "UnrecognizedClientException",
    402: "ServiceQuotaExceededException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    500: "InternalServerException",
    501: "InternalServerException",
}
# By the exception of a whole answer; what is not here is an internal error.
_IN_STREAM: Final[Mapping[str, str]] = {
    "ValidationException": "validationException",
    "ThrottlingException": "throttlingException",
    "ServiceUnavailableException": "serviceUnavailableException",
    "ModelErrorException": "modelStreamErrorException",
    "ModelTimeoutException": "modelStreamErrorException",
    "ModelStreamErrorException": "modelStreamErrorException",
}


def exception_of(failure: Failure) -> tuple[str, str]:
    """The name and the message of a failure; a name that a script gives by `type` is taken as it is."""
    if failure.exact and failure.type is not None:
        return failure.type, failure.message
    if failure.name is not None and failure.name in _NAMED:
        return _NAMED[failure.name]
    usual = "ValidationException" if failure.status < 500 else "ServiceUnavailableException"
    return _BY_STATUS.get(failure.status, usual), failure.message


def error_body(failure: Failure) -> bytes:
    name, message = exception_of(failure)
    body: dict[str, Json] = {"message": message}
    if name == "ModelErrorException":
        body |= {"originalStatusCode": failure.status, "resourceName": "mock"}
    return msgspec.json.encode(body)


def error_frame(failure: Failure) -> bytes:
    name, message = exception_of(failure)
    inside = _IN_STREAM.get(name, name if name[:1].islower() else "internalServerException")
    body: dict[str, Json] = {"message": message}
    if inside == "modelStreamErrorException":
        body |= {"originalMessage": message, "originalStatusCode": failure.status}
    return frame(event_headers(inside), msgspec.json.encode(body))
