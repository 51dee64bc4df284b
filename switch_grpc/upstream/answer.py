"""Bytes of one connection in, the answers in them out, one at a time; does no IO.

llhttp, under httptools, has the grammar. Here are the limits, and the rules of RFC 9112 about where a body
ends and whether its connection may carry another.
"""

from typing import Final

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from switch_grpc.upstream.headers import Headers, split_head

HEAD_LIMIT: Final = 64 * 1024  # bytes of a head with all interim answers before it, and of trailers
FIELDS: Final = 256  # header fields of one head
EARLY: Final = 32  # interim answers (1xx) before one
NONE: Final = Headers(b"")
_LENGTH: Final = b"\r\ncontent-length:"
_CODING: Final = b"\r\ntransfer-encoding:"


class Garbled(Exception):
    """Not an HTTP answer, or one past the limits."""


class AnswerParser:
    """The answer that is coming: its head, and what of its body has not been taken yet.

    Call `begin` for every request, then `feed` what comes.
    """

    __slots__ = (
        "_came",
        "_early",
        "_ending",
        "_interim",
        "_lean",
        "_parser",
        "complete",
        "has_head",
        "headers",
        "keep",
        "parts",
        "status",
        "unread",
    )

    def __init__(self) -> None:
        self._parser: HttpResponseParser | None = HttpResponseParser(self)
        # As tolerant as other clients of what providers' own servers may send: bare line feeds, padded chunk
        # sizes, and a length beside chunks, which then counts for nothing. Behind an interim answer that
        # announces the connection's end comes another; that none comes behind a whole one `keep` sees to.
        self._parser.set_dangerous_leniencies(
            lenient_chunked_length=True,
            lenient_keep_alive=True,
            lenient_optional_cr_before_lf=True,
            lenient_spaces_after_chunk_size=True,
        )
        self._ending = False  # an interim answer said that the connection ends; stands where there was one
        self.begin()

    def begin(self) -> None:
        """An answer is to come; nothing remains of the last."""
        self.status = 0
        self.headers = NONE
        self.has_head = False
        self.complete = False  # the body has come to its end
        self.keep = False  # once complete: whether the connection may carry another
        self.parts: list[bytes] = []  # of the body, not taken yet
        self.unread = 0  # bytes in parts
        self._lean = 0  # bytes since the answer began, or its body last grew
        self._came: list[bytes] = []  # until the head is whole
        self._early = 0  # interim answers so far
        self._interim = False  # the head was one's

    def feed(self, data: bytes) -> None:
        """Raises Garbled, at the latest when a limit is passed by what one read brings."""
        assert self._parser is not None, "the connection is lost"
        unread = self.unread
        if not self.has_head:
            self._came.append(data)
        self._lean += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            if not self.complete and not self._ends_in_trailer(error):
                raise Garbled from error
            self.complete, self.keep = True, False  # else it is about what came behind the body
        if self.unread != unread:
            self._lean = 0
        elif self._lean > HEAD_LIMIT and not self.complete:
            raise Garbled

    def _ends_in_trailer(self, error: Exception) -> bool:
        """Whether llhttp refused a length in a trailer: it frames nothing any more (RFC 9110 §6.5.1)."""
        return self.has_head and "Content-Length" in str(error)

    def end(self) -> bool:
        """The connection has ended: gives whether the answer is complete now."""
        if self.has_head and not self.headers.has(_CODING) and not self.headers.has(_LENGTH):
            self.complete = True  # the one mark of its end that such a body has
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

    def on_headers_complete(self) -> None:
        assert self._parser is not None
        came = self._came[0] if len(self._came) == 1 else b"".join(self._came)
        head, end = split_head(came)
        status = self._parser.get_status_code()
        if status < 200:
            self._early += 1
            if status < 100 or status == 101 or self._early > EARLY:  # we never ask for another protocol
                raise Garbled
            said_before = self._early > 1 and self._ending
            self._ending = said_before or not self._parser.should_keep_alive()
            self._interim = True
            self._came = [came[end:]]
            return
        if len(head) > HEAD_LIMIT or head.count(b"\n") > FIELDS:
            raise Garbled
        headers, keep = Headers(head), self._parser.should_keep_alive()
        if headers.has(_CODING):
            if headers["transfer-encoding"].lower() != "chunked":
                raise Garbled
            keep = keep and not headers.has(_LENGTH)  # it may say another end than the chunks do
        if self._early:
            keep = keep and not self._ending
        self.status, self.headers, self.keep = status, headers, keep
        self.has_head = True
        self._came = []

    def on_body(self, data: bytes) -> None:
        self.parts.append(data)
        self.unread += len(data)

    def on_message_complete(self) -> None:
        if self._interim:
            self._interim = False
            return
        self.complete = True
        # A trailer may have said that the connection ends, and then llhttp takes no other answer on it.
        self.keep = self.keep and self._parser is not None and self._parser.should_keep_alive()
