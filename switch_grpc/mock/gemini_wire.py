"""How Gemini's answers and errors go out: server-sent events, or one JSON list that grows."""

from collections.abc import Iterator
from typing import Final

import msgspec

from switch_grpc.mock.failures import Failure
from switch_grpc.mock.gemini_error import error_body, error_of
from switch_grpc.mock.steps import Headers

_encode: Final = msgspec.json.encode
_TEXT: Final = (
    b'{"candidates":[{"content":{"parts":[{"text":"',
    b'"}],"role":"model"},"index":0}]}',
)
_BROKEN: Final = b'{"candidates": [{"content": {"parts": [{"te'
_BLOCK: Final = 64 * 1024


class GeminiWire:
    """Server-sent events, each a whole reply. There is no terminal event."""

    stream_type = "text/event-stream"
    ping = b": keep-alive\r\n\r\n"
    broken = b"data: %b\r\n\r\n" % _BROKEN
    # An event without its field name, and a data line that is not UTF-8.
    unframed = b'{"candidates": [], "usageMetadata": {}}\r\n\r\ndata: {"candidates": "\xff\xfe\xc3"}\r\n\r\n'

    def error_body(self, failure: Failure, attempt: str) -> bytes:
        return error_body(failure)

    def error_headers(self, failure: Failure) -> Headers:
        return ()

    def error_event(self, failure: Failure, attempt: str) -> bytes:
        return self.event(_encode(error_of(failure)))

    def huge_event(self, size: int) -> Iterator[bytes]:
        yield b"data: " + _TEXT[0]
        yield from _filling(size)
        yield _TEXT[1] + b"\r\n\r\n"

    def opening(self) -> bytes:
        """What stands before the first chunk."""
        return b""

    def event(self, chunk: bytes) -> bytes:
        return b"data: %b\r\n\r\n" % chunk

    def last(self, chunk: bytes) -> bytes:
        """The chunk after which none comes."""
        return self.event(chunk)


class ListWire(GeminiWire):
    """One JSON list. One for each stream: it remembers whether its bracket is open."""

    stream_type = "application/json; charset=UTF-8"
    ping = b"\n"
    broken = _BROKEN + b"\n,\n"
    unframed = b'{"candidates": []} {"candidates": "\xff\xfe\xc3"}\n'

    def __init__(self) -> None:
        self._is_open = False

    def error_event(self, failure: Failure, attempt: str) -> bytes:
        return (b"" if self._is_open else b"[") + self.last(_encode(error_of(failure)))

    def huge_event(self, size: int) -> Iterator[bytes]:
        yield _TEXT[0]
        yield from _filling(size)
        yield self.event(_TEXT[1])

    def opening(self) -> bytes:
        self._is_open = True
        return b"["

    def event(self, chunk: bytes) -> bytes:
        return chunk + b"\n,\n"

    def last(self, chunk: bytes) -> bytes:
        return chunk + b"\n]"


def _filling(size: int) -> Iterator[bytes]:
    for start in range(0, size, _BLOCK):
        yield b"m" * min(_BLOCK, size - start)


WIRE: Final = GeminiWire()
