"""How Bedrock says that something went wrong, over HTTP and inside a stream.

    x-amzn-errortype: ValidationException:http://internal.amazon.com/...   and {"message"} or {"Message"}
    {"__type": "com.amazon.coral.service#UnknownOperationException", "message"}
    an exception in the event stream, named by its header: throttlingException {"message"}

The exception's name is the error's type; where it says too little, the code is one that all vendors share.
The status of one inside a stream is the one it would have come with (botocore's model of bedrock-runtime).
"""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from switch_grpc.providers.dialects.base import Event, UpstreamError, UpstreamFailure, WireReply

_STATUS_OF: Final[Mapping[str, int]] = {
    "accessDeniedException": 403,
    "internalServerException": 500,
    "modelErrorException": 500,
    "modelNotReadyException": 429,
    "modelStreamErrorException": 500,
    "modelTimeoutException": 408,
    "resourceNotFoundException": 404,
    "serviceQuotaExceededException": 400,
    "serviceUnavailableException": 503,
    "throttlingException": 429,
    "validationException": 400,
}

# Of our keys, whatever the status.
_KEYS: Final = frozenset(
    {
        "ExpiredTokenException",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
        "UnrecognizedClientException",
    }
)
# How signatures that came too late or too early are refused; their dates follow.
_SKEW: Final = re.compile(r"Signature (expired|not yet current):")
# Bedrock's own words for a ValidationException, at the very start, where no caller's text stands.
_NO_SUCH_MODEL: Final = re.compile(
    r"The provided model identifier is invalid|Invocation of model ID \S+ with on-demand throughput|"
    r"The requested operation is not (recognized|supported)|The model ID is not supported"
)
_NOT_TAKEN: Final = re.compile(
    r"This model (doesn't|does not) support (the (?P<param>[\w.]+) field)?|"
    r"The model returned the following errors: (Malformed input request: )?(?P<path>[\w#/.]{1,200}): "
    r"(extraneous key|Extra inputs are not permitted|subject must not be valid)"
)


class _Envelope(msgspec.Struct):
    type: str = msgspec.field(default="", name="__type")
    message: str = ""
    shouted: str = msgspec.field(default="", name="Message")
    code: str = ""  # of an error that the service does not model
    original: str = msgspec.field(default="", name="originalMessage")


_envelope: Final = msgspec.json.Decoder(_Envelope, strict=False).decode


def error_of(reply: WireReply) -> UpstreamError:
    """The error of a non-2xx answer; as much of it as can be read. Never raises."""
    read = _read(reply.body)
    return _error(_bare(reply.headers.get("x-amzn-errortype", "") or read.type), _said(read))


def raise_exception(event: Event) -> None:
    """Raises UpstreamFailure if the event is an exception."""
    if event.type == "error" or event.type.endswith("Exception"):
        read = _read(event.data)
        name = read.code or event.type
        error = _error(name[:1].upper() + name[1:], _said(read))
        raise UpstreamFailure(_STATUS_OF.get(name[:1].lower() + name[1:], 500), error)


def _error(name: str, message: str) -> UpstreamError:
    code, param = "", ""
    if _SKEW.match(message) or name == "RequestTimeTooSkewed":
        code = "clock_skew"
    elif name in _KEYS:
        code = "api_key_invalid"
    elif name == "ServiceQuotaExceededException":
        code = "insufficient_quota"
    elif name in ("ValidationException", ""):  # some answers go without the header
        if _NO_SUCH_MODEL.match(message):
            code = "invalid_model_identifier"
        elif found := _NOT_TAKEN.match(message):
            code, param = "unsupported_parameter", found["param"] or found["path"] or ""
    return UpstreamError(type=name, code=code, message=message, param=param)


def _read(data: bytes) -> _Envelope:
    try:
        return _envelope(data)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return _Envelope()


def _said(read: _Envelope) -> str:
    message = read.message or read.shouted
    return f"{message}: {read.original}" if read.original else message


def _bare(name: str) -> str:
    """`com.amazon.coral.service#ThrottlingException:http://...` -> `ThrottlingException`."""
    return name.partition(":")[0].rpartition("#")[2].strip()
