"""AWS's binary event stream, written by hand: a prelude, headers, a payload and two checksums.

    total length (4)  headers length (4)  CRC-32 of these (4)  headers  payload  CRC-32 of all before (4)

https://smithy.io/2.0/aws/amazon-eventstream.html; botocore reads them back in tests.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import Final

STREAM_TYPE: Final = "application/vnd.amazon.eventstream"
_AROUND: Final = 16  # bytes of a message that are neither headers nor payload
_STRING: Final = 7  # the type of a header's value


def event_headers(name: str) -> bytes:
    """The headers of an event; of an exception, which has its own, if it is named like one."""
    kind = "exception" if name.endswith("Exception") else "event"
    return b"".join(
        _header(key, value)
        for key, value in (
            (f":{kind}-type", name),
            (":content-type", "application/json"),
            (":message-type", kind),
        )
    )


def _header(name: str, value: str) -> bytes:
    raw = value.encode()
    return struct.pack(">B", len(name)) + name.encode() + struct.pack(">BH", _STRING, len(raw)) + raw


def frame(headers: bytes, payload: bytes) -> bytes:
    """One message."""
    start = _prelude(len(headers), len(payload)) + headers + payload
    return start + struct.pack(">I", zlib.crc32(start))


def long_frame(headers: bytes, payload: Iterable[bytes], size: int) -> Iterator[bytes]:
    """One message in parts; the parts of its payload have `size` bytes together."""
    start = _prelude(len(headers), size) + headers
    checksum = zlib.crc32(start)
    yield start
    for part in payload:
        checksum = zlib.crc32(part, checksum)
        yield part
    yield struct.pack(">I", checksum)


def _prelude(headers: int, payload: int) -> bytes:
    lengths = struct.pack(">II", _AROUND + headers + payload, headers)
    return lengths + struct.pack(">I", zlib.crc32(lengths))
