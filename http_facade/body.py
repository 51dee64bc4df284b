"""Reads a request's body within its limits."""

import asyncio
from collections.abc import Callable
from typing import Final

from starlette.types import Receive

from http_facade.errors import too_large, too_slow, wrong_type
from http_facade.headers import Fields
from switch_grpc.faults import Fault, Kind

_JSON: Final = (b"application/json", b"text/json")


def check_content(fields: Fields, limit: int) -> None:
    """What the headers already tell. Raises Fault: TOO_LARGE, or 415 for what is not plain JSON."""
    length = fields.get(b"content-length")
    if length is not None and int(length) > limit:
        raise too_large(limit)
    kind = fields.get(b"content-type")
    if kind is not None and kind.partition(b";")[0].strip().lower() not in _JSON:
        raise wrong_type("content-type", kind.decode("latin-1"), "send application/json")
    encoding = fields.get(b"content-encoding")
    if encoding is not None and encoding.strip().lower() not in (b"", b"identity"):
        raise wrong_type("content-encoding", encoding.decode("latin-1"), "send the body unencoded")


async def read_body(receive: Receive, *, limit: int, idle: float, whole: bool = False) -> bytes:
    """The whole body. `whole`: it has all arrived, so that no timer is needed.

    Raises Fault: TOO_LARGE, 408 after `idle` seconds without a byte, CANCELLED.
    """
    if whole:
        return await _collect(receive, limit)
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(idle) as timer:
            return await _collect(receive, limit, lambda: timer.reschedule(loop.time() + idle))
    except TimeoutError:
        raise too_slow(idle) from None


async def _collect(receive: Receive, limit: int, more: Callable[[], None] | None = None) -> bytes:
    """The body's parts as one; calls `more` before it waits for another."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Fault(Kind.CANCELLED, "the caller closed the connection before its body was read")
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise too_large(limit)
        if not message.get("more_body", False):
            return part if not parts else b"".join([*parts, part])
        parts.append(part)
        if more is not None:
            more()
