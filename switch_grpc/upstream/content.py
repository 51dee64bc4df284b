"""Bodies in a content coding: gzip and deflate, in pieces of bounded size.

We ask for `identity` (see `writing`). What comes in gzip or deflate all the same is read, so that a server
behind a compressing proxy works; any other coding is a fault.
"""

import zlib
from typing import Final

from switch_grpc.upstream import outcomes

PIECE: Final = 256 * 1024  # bytes given at once, however well they were packed
_GZIP: Final = 16 + zlib.MAX_WBITS


class Unpacked:
    """The bytes of one packed body: `feed` what came, then ask for `piece` until it is empty."""

    __slots__ = ("_coding", "_packed", "_unpacker")

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self._packed = b""  # came, and is not unpacked yet
        self._unpacker: zlib._Decompress | None = None  # its only name

    def feed(self, data: bytes) -> None:
        self._packed = self._packed + data if self._packed else data

    def piece(self, most: int = PIECE) -> bytes:
        """Up to `most` bytes; b"" when more has to be fed. Raises Fault(UPSTREAM_PROTOCOL)."""
        try:
            while self._packed:
                if self._unpacker is None or self._unpacker.eof:
                    # gzip may have several members, one after the other (RFC 1952).
                    self._unpacker = zlib.decompressobj(_window(self._coding, self._packed[0]))
                unpacked = self._unpacker.decompress(self._packed, most)
                self._packed = self._unpacker.unconsumed_tail or self._unpacker.unused_data
                if unpacked:
                    return unpacked
            return b"" if self._unpacker is None else self._unpacker.decompress(b"", most)
        except zlib.error as error:
            raise outcomes.unreadable() from error

    def finish(self) -> None:
        """All was fed, and all pieces were taken. Raises Fault(UPSTREAM_PROTOCOL) if that is not the end."""
        if self._unpacker is not None and not self._unpacker.eof:
            raise outcomes.unreadable()

    def whole(self, data: bytes, limit: int) -> bytes:
        """A whole body. Raises Fault(UPSTREAM_PROTOCOL)."""
        self.feed(data)
        pieces, size = [], 0
        while piece := self.piece(min(PIECE, limit + 1 - size)):
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                raise outcomes.too_large(limit)
        self.finish()
        return b"".join(pieces)


def unpacked(coding: str) -> Unpacked | None:
    """What reads this content coding; None where there is nothing to do. Raises Fault(UPSTREAM_PROTOCOL)."""
    match coding.lower():
        case "" | "identity":
            return None
        case "gzip" | "x-gzip":
            return Unpacked("gzip")
        case "deflate":
            return Unpacked("deflate")
        case other:
            raise outcomes.unknown_coding(other)


def _window(coding: str, first: int) -> int:
    if coding == "gzip":
        return _GZIP
    # Some servers send deflate without zlib's wrapper, whose first byte says 8 in its low half (RFC 1950).
    return zlib.MAX_WBITS if first & 0x0F == 8 else -zlib.MAX_WBITS
