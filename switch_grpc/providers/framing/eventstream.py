"""AWS's binary event stream: length-prefixed messages, each with typed headers, a payload and two checksums.

    total length (4) | headers length (4) | CRC of these (4) | headers | payload | CRC of all before (4)

https://docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html#streaming-event-stream. An event's
name becomes the `Event`'s type; so does an exception's (`throttlingException`), whose name no event shares.
"""

import struct
import zlib
from struct import Struct
from typing import Final

import msgspec

from switch_grpc.faults import Fault, Kind
from switch_grpc.providers.dialects.base import STREAM_LIMIT, Event

MESSAGE_LIMIT: Final = 4 << 20  # bytes; AWS itself stops at 24 MiB
HEADERS_LIMIT: Final = 128 << 10
UNMODELLED: Final = "error"  # the type of an error that its service does not name as an exception

_PRELUDE: Final = Struct("!III")
_CRC: Final = Struct("!I")
_SHORT: Final = Struct("!H")
_OVERHEAD: Final = _PRELUDE.size + _CRC.size
# Header values by the byte that tells their type; those without a length have a fixed one.
_STRING: Final = 7
_BYTES: Final = 6
_FIXED: Final = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}


class EventStream:
    """Framing of one stream; a read's complete messages come as one list."""

    __slots__ = ("_buffer", "_needed", "_total")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._needed = _PRELUDE.size  # bytes without which nothing more can be read
        self._total = 0

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes.

        Raises Fault(UPSTREAM_PROTOCOL) past the size limits and on bytes that are no such stream.
        """
        self._total += len(data)
        if self._total > STREAM_LIMIT:
            raise Fault(Kind.UPSTREAM_PROTOCOL, f"the provider's stream is longer than {STREAM_LIMIT} bytes")
        buffer = self._buffer
        buffer += data
        if len(buffer) < self._needed:
            return []
        events: list[Event] = []
        at, end = 0, len(buffer)
        self._needed = _PRELUDE.size
        while end - at >= _PRELUDE.size:
            size, headers_size = _sizes(buffer, at)
            if end - at < size:
                self._needed = size
                break
            events.append(_event(bytes(buffer[at : at + size]), headers_size))
            at += size
        del buffer[:at]
        return events


def _sizes(buffer: bytearray, at: int) -> tuple[int, int]:
    """The message's size and its headers', checked as soon as they are there."""
    size, headers_size, checksum = _PRELUDE.unpack_from(buffer, at)
    if zlib.crc32(buffer[at : at + 8]) != checksum:
        raise _broken("a checksum does not match")
    if size > MESSAGE_LIMIT or headers_size > HEADERS_LIMIT or size < headers_size + _OVERHEAD:
        raise _broken(f"a message of {size} bytes with {headers_size} of headers")
    return size, headers_size


def _event(message: bytes, headers_size: int) -> Event:
    if zlib.crc32(message[: -_CRC.size]) != _CRC.unpack_from(message, len(message) - _CRC.size)[0]:
        raise _broken("a checksum does not match")
    payload_at = _PRELUDE.size + headers_size
    headers = _headers(message[_PRELUDE.size : payload_at])
    payload = message[payload_at : -_CRC.size]
    match headers.get(":message-type", "event"):
        case "event":
            return Event(headers.get(":event-type", ""), payload)
        case "exception":
            return Event(headers.get(":exception-type", UNMODELLED), payload)
        case "error":
            told = {"code": headers.get(":error-code", ""), "message": headers.get(":error-message", "")}
            return Event(UNMODELLED, msgspec.json.encode(told))
        case other:
            raise _broken(f"a message of type {other[:40]!r}")


def _headers(data: bytes) -> dict[str, str]:
    """The headers that are text; the others are passed over."""
    headers: dict[str, str] = {}
    at = 0
    try:
        while at < len(data):
            name_end = at + 1 + data[at]
            kind = data[name_end]
            value_at = name_end + 1
            if kind in (_STRING, _BYTES):
                size = _SHORT.unpack_from(data, value_at)[0]
                value_at += _SHORT.size
            else:
                size = _FIXED[kind]
            end = value_at + size
            if end > len(data):
                raise _broken("a header is cut")
            if kind == _STRING:
                headers[data[at + 1 : name_end].decode()] = data[value_at:end].decode()
            at = end
    except (IndexError, KeyError, struct.error, UnicodeDecodeError) as error:
        raise _broken("a header cannot be read") from error
    return headers


def _broken(what: str) -> Fault:
    return Fault(Kind.UPSTREAM_PROTOCOL, f"the provider's event stream is broken: {what}")
