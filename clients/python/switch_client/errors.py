"""What a failed call raises, rebuilt from the status that the gateway sent.

`reason` decides, never the status code alone: several reasons share one code. The reasons are the names of
`FaultReason` in fault.proto without their prefix, such as "UNKNOWN_ROUTE" or "UPSTREAM_TIMEOUT".
"""

from collections.abc import Sequence
from typing import Final, cast

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]  # no py.typed

from switch_grpc.v1 import fault_pb2

Trailers = Sequence[tuple[str, str | bytes]]

_DETAILS: Final = "grpc-status-details-bin"
_REQUEST_ID: Final = "x-request-id"
_DOMAIN: Final = "switch"


class SwitchError(Exception):
    """A call failed. Catch a subclass to tell families apart, or look at `reason`."""

    def __init__(
        self,
        message: str,
        *,
        reason: str = "UNKNOWN",
        code: grpc.StatusCode = grpc.StatusCode.UNKNOWN,
        detail: fault_pb2.FaultDetail | None = None,
        request_id: str = "",
    ) -> None:
        """`detail` is what the gateway said; None where the answer did not come from the gateway."""
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.code = code
        self.detail = detail
        self.request_id = request_id

    @property
    def param(self) -> str | None:
        """The field that is wrong, as a JSON path: `messages[0].content`."""
        return self.detail.param if self.detail is not None and self.detail.HasField("param") else None

    @property
    def retry_after(self) -> float | None:
        """Seconds after which a retry may succeed; None when unknown."""
        known = self.detail is not None and self.detail.HasField("retry_after")
        return self.detail.retry_after if known and self.detail is not None else None

    @property
    def should_retry(self) -> bool | None:
        """False where the gateway has retried already, or a retry cannot help; None: no hint."""
        known = self.detail is not None and self.detail.HasField("should_retry")
        return self.detail.should_retry if known and self.detail is not None else None

    @property
    def target(self) -> str | None:
        """The target that was asked last, where one was."""
        return self.detail.target if self.detail is not None and self.detail.HasField("target") else None

    @property
    def attempts(self) -> tuple[fault_pb2.AttemptInfo, ...]:
        """Every try at every target, in order."""
        return () if self.detail is None else tuple(self.detail.attempts)

    def __str__(self) -> str:
        about = f"{self.reason}, request {self.request_id}" if self.request_id else self.reason
        return f"{self.message} ({about})"


class BadRequest(SwitchError):
    """The request is wrong: `param` names the field where one is to blame."""


class ContextLengthExceeded(BadRequest):
    """More tokens than the model's window holds."""


class ContentFiltered(BadRequest):
    """The provider refused the prompt; a filtered answer is a finish reason, not an error."""


class NotFound(SwitchError):
    """Something that the request names does not exist."""


class RouteNotFound(NotFound):
    """No route has this name."""


class AuthError(SwitchError):
    """The key is missing or wrong."""


class Forbidden(AuthError):
    """The key is right, but may not do this."""


class RateLimited(SwitchError):
    """Too many requests: this caller's, or the gateway's at every target."""


class Unavailable(SwitchError):
    """The gateway could not take the call, or cannot be reached."""


class UpstreamError(SwitchError):
    """The gateway asked, and every target failed."""


class StreamInterrupted(SwitchError):
    """The stream broke before its end: what came is not the whole answer."""


class DeadlineExceeded(SwitchError):
    """The time given to the call ran out."""


class Cancelled(SwitchError):
    """The call was cancelled by somebody other than the caller's own task."""


class GatewayBug(SwitchError):
    """The gateway failed on its own; quote `request_id` to its operator."""


_FAMILIES: Final[dict[str, type[SwitchError]]] = {
    "BAD_REQUEST": BadRequest,
    "INVALID_JSON": BadRequest,
    "TOO_LARGE": BadRequest,
    "HEADERS_TOO_LARGE": BadRequest,
    "UNSUPPORTED": BadRequest,
    "CLIENT_FAULT": BadRequest,
    "CAPABILITY": BadRequest,
    "CONTEXT_LENGTH": ContextLengthExceeded,
    "CONTENT_FILTER": ContentFiltered,
    "UNKNOWN_ROUTE": RouteNotFound,
    "NOT_FOUND_OBJECT": NotFound,
    "NO_KEY": AuthError,
    "BAD_KEY": AuthError,
    "FORBIDDEN": Forbidden,
    "CALLER_RATE_LIMIT": RateLimited,
    "UPSTREAM_RATE_LIMIT": RateLimited,
    "OVERLOADED": Unavailable,
    "LOCAL": Unavailable,
    "DRAINING": Unavailable,
    "NO_TARGET": Unavailable,
    "UNREACHABLE": Unavailable,
    "CREDENTIALS": UpstreamError,
    "CLOCK_SKEW": UpstreamError,
    "CONFLICT": UpstreamError,
    "STREAM_INTERRUPTED": StreamInterrupted,
    "DEADLINE": DeadlineExceeded,
    "CANCELLED": Cancelled,
    "BUG": GatewayBug,
}

# What grpc itself, here or in the gateway, answers without the gateway's having its say.
_BARE: Final = {
    grpc.StatusCode.UNAVAILABLE: "UNREACHABLE",
    grpc.StatusCode.DEADLINE_EXCEEDED: "DEADLINE",
    grpc.StatusCode.CANCELLED: "CANCELLED",
    grpc.StatusCode.UNIMPLEMENTED: "UNSUPPORTED",
    grpc.StatusCode.UNAUTHENTICATED: "BAD_KEY",
}
_BARE_LIMITS: Final = (
    ("message larger than max", "TOO_LARGE"),
    ("metadata size exceeds", "HEADERS_TOO_LARGE"),
)


def family(reason: str) -> type[SwitchError]:
    """The class of a reason; one that this version does not know is a plain SwitchError."""
    if reason.startswith("UPSTREAM_"):
        return _FAMILIES.get(reason, UpstreamError)
    return _FAMILIES.get(reason, SwitchError)


def error_from(error: grpc.RpcError, *, started: bool = False) -> SwitchError:
    """The error that a failed RPC stands for. `started`: part of its stream had come already."""
    code, text = error.code(), error.details() or ""
    trailers = cast("Trailers", error.trailing_metadata() or ())  # pairs, whatever the stubs say
    account = _account(trailers)
    if account is not None:
        reason, detail = account
        return family(reason)(
            detail.message or text, reason=reason, code=code, detail=detail, request_id=detail.request_id
        )
    reason = _bare_reason(code, text, started=started)
    request_id = next((value for name, value in trailers if name == _REQUEST_ID), "")
    return family(reason)(
        text or f"the call failed with {code.name}", reason=reason, code=code, request_id=str(request_id)
    )


def _bare_reason(code: grpc.StatusCode, text: str, *, started: bool) -> str:
    if started and code is grpc.StatusCode.UNAVAILABLE:
        return "STREAM_INTERRUPTED"
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        for phrase, reason in _BARE_LIMITS:
            if phrase in text:
                return reason
    return _BARE.get(code, code.name)


def _account(trailers: Trailers) -> tuple[str, fault_pb2.FaultDetail] | None:
    """The gateway's own account, reason first; None where there is none that can be read.

    The reason is ErrorInfo's, a string, so that one this version has no number for is still told.
    """
    data = next((value for name, value in trailers if name == _DETAILS), None)
    if not isinstance(data, bytes):
        return None
    reason, detail, info = "", fault_pb2.FaultDetail(), error_details_pb2.ErrorInfo()
    try:
        for packed in status_pb2.Status.FromString(data).details:
            if packed.Unpack(info) and info.domain == _DOMAIN:
                reason = info.reason
            packed.Unpack(detail)
    except DecodeError:
        return None
    return (reason, detail) if reason else None
