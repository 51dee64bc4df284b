"""Bytes of one connection in, the answers in them out, one at a time; does no IO.

llhttp, under httptools, has the grammar. Here are the limits, and the rules of RFC 9112 about where a body
ends and whether its connection may carry another.
"""

from typing import Final

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

HEAD_LIMIT: Final = 64 * 1024  # bytes of a head with all interim answers before it, and of trailers
FIELDS: Final = 256  # header fields of one head


class Garbled(Exception):
    """Not an HTTP answer, or one past the limits."""


class AnswerParser:
    """The answer that is coming: its head, and what of its body has not been taken yet.

    Call `begin` for every request, then `feed` what comes.
    """

    __slots__ = (
        "_interim",
        "_lean",
        "_parser",
        "_repeats",
        "_until_close",
        "complete",
        "fields",
        "has_head",
        "keep",
        "parts",
        "status",
        "unread",
    )

    def __init__(self) -> None:
        self._parser: HttpResponseParser | None = HttpResponseParser(self)
        # As tolerant as other clients of what providers' own servers may send: bare line feeds, padded chunk
        # sizes, and a length beside chunks, which then counts for nothing.
        self._parser.set_dangerous_leniencies(
            lenient_chunked_length=True,
            lenient_optional_cr_before_lf=True,
            lenient_spaces_after_chunk_size=True,
        )
        self.begin()

    def begin(self) -> None:
        """An answer is to come; nothing remains of the last."""
        self.status = 0
        self.fields: dict[bytes, bytes] = {}  # names in lower case
        self.has_head = False
        self.complete = False  # the body has come to its end
        self.keep = False  # once complete: whether the connection may carry another
        self.parts: list[bytes] = []  # of the body, not taken yet
        self.unread = 0  # bytes in parts
        self._lean = 0  # bytes since the answer began, or its body last grew
        self._repeats = 0
        self._interim = False
        self._until_close = False

    def feed(self, data: bytes) -> None:
        """Raises Garbled, at the latest when a limit is passed by what one read brings."""
        assert self._parser is not None, "the connection is lost"
        unread = self.unread
        self._lean += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            if not self.complete:
                raise Garbled from error
            self.keep = False  # more came than was asked for
        if self.unread != unread:
            self._lean = 0
        elif self._lean > HEAD_LIMIT and not self.complete:
            raise Garbled

    def end(self) -> bool:
        """The connection has ended: gives whether the answer is complete now."""
        if self._until_close:
            self.complete = True
        return self.complete

    def take(self) -> bytes:
        """What has come of the body since the last time."""
        parts = self.parts
        if not parts:
            return b""
        self.parts, self.unread = [], 0
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self) -> None:
        """Nothing more will be fed: lets go of the parser, which holds us by our methods."""
        self._parser = None

    # llhttp's calls; what one raises comes out of `feed_data` as an HttpParserError.

    def on_message_begin(self) -> None:
        if self.complete:
            raise Garbled

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.has_head:
            return  # a trailer
        fields, name = self.fields, name.lower()
        if name not in fields:
            fields[name] = value
            return
        self._repeats += 1
        if self._repeats > FIELDS:
            raise Garbled
        fields[name] += b", " + value

    def on_headers_complete(self) -> None:
        assert self._parser is not None
        status = self._parser.get_status_code()
        if status < 200:
            if status < 100 or status == 101:  # we never ask for another protocol
                raise Garbled
            self._interim = True
            return
        fields = self.fields
        if len(fields) + self._repeats > FIELDS:
            raise Garbled
        if self._lean > HEAD_LIMIT and _size(fields) > HEAD_LIMIT:  # else what came is less than that
            raise Garbled
        self.status = status
        self.has_head = True
        self.keep = self._parser.should_keep_alive()
        coding = fields.get(b"transfer-encoding")
        if coding is not None:
            if coding.lower() != b"chunked":
                raise Garbled
            self.keep = self.keep and b"content-length" not in fields
        else:
            self._until_close = b"content-length" not in fields

    def on_body(self, data: bytes) -> None:
        self.parts.append(data)
        self.unread += len(data)

    def on_message_complete(self) -> None:
        if self._interim:
            self._interim = False
            self.fields = {}
            return
        self.complete = True


def _size(fields: dict[bytes, bytes]) -> int:
    return sum(map(len, fields)) + sum(map(len, fields.values()))
