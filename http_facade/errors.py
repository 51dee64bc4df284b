"""A Fault as an HTTP answer: status, headers and OpenAI's error body."""

import math
from collections.abc import Iterable
from typing import Final

import msgspec

from http_facade.headers import HeaderList, used_provider
from switch_grpc.faults import Fault, Kind

_BUG_MESSAGE: Final = "the gateway failed; give the request id to whoever runs it"
_SHOWN: Final = 200  # characters of a caller's own text that a message repeats


def as_fault(error: Exception) -> Fault:
    """The Fault itself, or one that says nothing of the exception behind it."""
    return error if isinstance(error, Fault) else Fault(Kind.BUG, _BUG_MESSAGE)


def error_object(fault: Fault) -> dict[str, str | None]:
    """OpenAI's error object; `param` and `code` are null where there is nothing to say."""
    return {
        # a lone surrogate, which JSON cannot carry, becomes a question mark
        "message": fault.message.encode("utf-8", "replace").decode(),
        "type": fault.rule.type,
        "param": fault.param,
        "code": fault.code,
    }


def error_body(fault: Fault) -> bytes:
    return msgspec.json.encode({"error": error_object(fault)})


def error_headers(fault: Fault) -> HeaderList:
    """Retry hints as OpenAI's SDKs read them, who was asked, and what the status itself asks for."""
    headers: HeaderList = [(b"content-type", b"application/json")]
    if fault.retry_after is not None:
        wait = max(0.0, fault.retry_after)
        headers.append((b"retry-after", b"%d" % max(1, math.ceil(wait))))
        headers.append((b"retry-after-ms", b"%d" % math.ceil(wait * 1000)))
    if fault.retry is not None:
        headers.append((b"x-should-retry", b"true" if fault.retry else b"false"))
    if fault.target:
        headers.append(used_provider(fault.target))
    if fault.attempts:
        headers.append((b"x-switch-attempts", b"%d" % len(fault.attempts)))
    if fault.http == 401:
        headers.append((b"www-authenticate", b"Bearer"))  # RFC 9110 §11.6.1 asks for it
    if fault.kind is Kind.DRAINING or fault.http in (408, 413):
        headers.append((b"connection", b"close"))  # 408, 413: the rest of the body is not worth reading
    return headers


def unknown_url(method: str, path: str) -> Fault:
    return Fault(
        Kind.NOT_FOUND_OBJECT,
        f"unknown request URL: {method} {path[:_SHOWN]}. The paths are listed in the documentation, "
        "such as POST /v1/chat/completions",
        code="unknown_url",
    )


def wrong_method(method: str, path: str, allowed: Iterable[str]) -> Fault:
    return Fault(
        Kind.BAD_REQUEST,
        f"{method} is not allowed on {path[:_SHOWN]}; use {' or '.join(allowed)}",
        code="method_not_allowed",
        http=405,
    )


def wrong_host(message: str) -> Fault:
    return Fault(Kind.BAD_REQUEST, f"header host: {message}", param="host", code="invalid_host")


def too_large(limit: int) -> Fault:
    return Fault(Kind.TOO_LARGE, f"the request body is larger than {limit} bytes; send less")


def too_slow(seconds: float) -> Fault:
    message = f"no byte of the request body came for {seconds:g} s; send it again"
    return Fault(Kind.BAD_REQUEST, message, code="request_timeout", http=408, retry=True)


def wrong_type(header: str, found: str, expected: str) -> Fault:
    return Fault(
        Kind.BAD_REQUEST,
        f"header {header}: {found[:_SHOWN]!r} is not supported; {expected}",
        param=header,
        code="unsupported_media_type",
        http=415,
    )
