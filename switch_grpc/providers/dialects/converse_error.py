"""How Bedrock says that something went wrong, over HTTP and inside a stream.

    x-amzn-errortype: ValidationException:http://internal.amazon.com/...   and {"message"} or {"Message"}
    {"__type": "com.amazon.coral.service#UnknownOperationException", "message"}
    an exception in the event stream, named by its header: throttlingException {"message"}

The exception's name is the error's type; the status of one inside a stream is the one it would have come with
(botocore's model of bedrock-runtime).
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from switch_grpc.providers.dialects.base import Event, UpstreamError, UpstreamFailure, WireReply

_STATUS_OF: Final[Mapping[str, int]] = {
    "accessDeniedException": 403,
    "internalServerException": 500,
    "modelErrorException": 424,
    "modelNotReadyException": 429,
    "modelStreamErrorException": 424,
    "modelTimeoutException": 408,
    "resourceNotFoundException": 404,
    "serviceQuotaExceededException": 400,
    "serviceUnavailableException": 503,
    "throttlingException": 429,
    "validationException": 400,
}


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
    named = reply.headers.get("x-amzn-errortype", "") or read.type
    return UpstreamError(type=_bare(named), message=_said(read))


def raise_exception(event: Event) -> None:
    """Raises UpstreamFailure if the event is an exception."""
    if event.type == "error" or event.type.endswith("Exception"):
        read = _read(event.data)
        name = read.code or event.type
        error = UpstreamError(type=_capital(name), message=_said(read))
        raise UpstreamFailure(_STATUS_OF.get(name[:1].lower() + name[1:], 500), error)


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


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]
