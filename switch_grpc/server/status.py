"""A Fault, as a gRPC status: code, message, and trailing metadata with google.rpc.Status details.

The details are ErrorInfo, RetryInfo where a retry may help, and FaultDetail, in that order. The client
rebuilds its error from them (`switch_client.errors`).
"""

import urllib.parse
from typing import Final

from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]  # no py.typed

from switch_grpc.caller_fields import REQUEST_ID
from switch_grpc.faults import Fault
from switch_grpc.v1 import fault_pb2

DOMAIN: Final = "switch"
DETAILS: Final = "grpc-status-details-bin"
PUSHBACK: Final = "grpc-retry-pushback-ms"

# Clients of gRPC refuse trailers over 8 KiB, and there the message stands three times: percent-encoded in
# grpc-message, in google.rpc.Status and in FaultDetail (base64). Only the last is whole.
_SHORT = 1024  # percent-encoded bytes
_WHOLE = 2048  # UTF-8 bytes
_MOST_ATTEMPTS = 8

# Bytes of grpc-message that travel as they are: printable ASCII but `%`.
_PLAIN = "".join(chr(c) for c in range(0x20, 0x7F) if c != 0x25)


def details_of(fault: Fault, request_id: str) -> bytes:
    """The google.rpc.Status of `fault`, serialised: the value of `grpc-status-details-bin`."""
    status = status_pb2.Status(code=fault.rule.code.value[0], message=short(fault.message))
    status.details.append(_packed(_info(fault, request_id)))
    if fault.retry_after is not None and fault.retry is not False:
        status.details.append(_packed(error_details_pb2.RetryInfo(retry_delay=_duration(fault.retry_after))))
    status.details.append(_packed(detail_of(fault, request_id)))
    data: bytes = status.SerializeToString()
    return data


def detail_of(fault: Fault, request_id: str) -> fault_pb2.FaultDetail:
    detail = fault_pb2.FaultDetail(
        reason=f"FAULT_REASON_{fault.kind}",
        message=_cut(fault.message, _WHOLE),
        param=None if fault.param is None else _cut(fault.param, 256),
        openai_type=fault.rule.type,
        openai_code=fault.code,
        http_status=fault.http,
        retry_after=fault.retry_after,
        target=fault.target,
        request_id=request_id,
        attempts=fault.attempts[-_MOST_ATTEMPTS:],
    )
    if fault.retry is not None:
        detail.should_retry = fault.retry
    return detail


def trailers_of(fault: Fault, request_id: str) -> tuple[tuple[str, str | bytes], ...]:
    """The trailing metadata of a call that `fault` ended."""
    trailers: list[tuple[str, str | bytes]] = [
        (REQUEST_ID, request_id),
        (DETAILS, details_of(fault, request_id)),
    ]
    if fault.retry is False:
        trailers.append((PUSHBACK, "-1"))  # no retry: https://grpc.io/docs/guides/retry, "pushback"
    elif fault.retry_after is not None:
        trailers.append((PUSHBACK, str(round(fault.retry_after * 1000))))
    return tuple(trailers)


def short(message: str) -> str:
    """`message`, or its beginning, such that it takes no more than 1 KiB as `grpc-message`."""
    if len(urllib.parse.quote(message, safe=_PLAIN)) <= _SHORT:
        return message
    room, kept = _SHORT - len(urllib.parse.quote("…")), []
    for char in message:
        room -= len(urllib.parse.quote(char, safe=_PLAIN))
        if room < 0:
            break
        kept.append(char)
    return "".join(kept) + "…"


def _info(fault: Fault, request_id: str) -> error_details_pb2.ErrorInfo:
    metadata = {"request_id": request_id}
    if fault.target is not None:
        metadata["target"] = fault.target
    if fault.param is not None:
        metadata["param"] = _cut(fault.param, 256)
    return error_details_pb2.ErrorInfo(reason=fault.kind.value, domain=DOMAIN, metadata=metadata)


def _packed(message: Message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed


def _duration(seconds: float) -> duration_pb2.Duration:
    whole = int(seconds)
    return duration_pb2.Duration(seconds=whole, nanos=int((seconds - whole) * 1e9))


def _cut(text: str, limit: int) -> str:
    """`text`, cut to at most `limit` bytes of UTF-8, on a character."""
    data = text.encode()
    return text if len(data) <= limit else data[: limit - 3].decode(errors="ignore") + "…"
