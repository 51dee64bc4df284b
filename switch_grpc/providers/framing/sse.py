"""Server-sent events, as the WHATWG HTML standard parses an event stream (section 9.2.6).

Lines end in CR, LF or CRLF, which may be split between two reads; a byte order mark at the very start is
dropped; comments and unknown fields carry nothing; an event whose blank line never came is discarded. What
is kept are bytes: characters that a read cut in two are whole again once their line is, and text is decoded
by whoever reads the data.
"""

from typing import Final

from switch_grpc.faults import Fault, Kind
from switch_grpc.providers.dialects.base import STREAM_LIMIT, Event

# Bytes. A reader without bounds lets one endless line fill the memory.
LINE_LIMIT: Final = 1 << 20
EVENT_LIMIT: Final = 4 << 20

_BOM: Final = b"\xef\xbb\xbf"


class ServerSentEvents:
    """Framing of one stream; a read's complete events come as one list.

    A comment gives no event: whoever measures silence counts the bytes it handed in.
    """

    __slots__ = ("_data", "_pieces", "_size", "_skip_lf", "_start", "_tail_size", "_total", "_type")

    def __init__(self) -> None:
        self._start: bytes | None = b""  # the first bytes, while they may still be a byte order mark
        self._pieces: list[bytes] = []  # the line that has not ended yet
        self._tail_size = 0
        self._data: list[bytes] = []  # `data` values of the event that has not ended yet
        self._size = 0
        self._type = ""
        self._skip_lf = False  # the last read ended in CR: a LF that opens the next one belongs to it
        self._total = 0

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes. Raises Fault(UPSTREAM_PROTOCOL) past the size limits."""
        self._total += len(data)
        if self._total > STREAM_LIMIT:
            raise _too_large("stream", STREAM_LIMIT)
        if self._start is not None:
            data = self._after_bom(data)
        if self._skip_lf and data:
            self._skip_lf = False
            data = data.removeprefix(b"\n")
        if b"\r" in data:
            self._skip_lf = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        elif b"\n" not in data:
            self._keep(data)
            return []
        if self._pieces:
            data = b"".join([*self._pieces, data])
            self._pieces, self._tail_size = [], 0
        if len(data) > LINE_LIMIT:  # else no line in it can be too long
            _check_lines(data)
        return self._events(data)

    def _after_bom(self, data: bytes) -> bytes:
        """`data` with what was held back, without a byte order mark; b"" while that cannot be told yet."""
        head = (self._start or b"") + data
        if len(head) < len(_BOM) and _BOM.startswith(head):
            self._start = head
            return b""
        self._start = None
        return head.removeprefix(_BOM)

    def _keep(self, piece: bytes) -> None:
        """Pieces are joined once, when their line ends: many tiny reads cost no more than one long one."""
        self._tail_size += len(piece)
        if self._tail_size > LINE_LIMIT:
            raise _too_large("line", LINE_LIMIT)
        if piece:
            self._pieces.append(piece)

    def _events(self, data: bytes) -> list[Event]:
        """The events of `data`, which starts at the start of a line; its last, unfinished line is kept."""
        events: list[Event] = []
        if self._data or self._type:  # an earlier read left an event open: first close that one
            head, blank, data = data.partition(b"\n\n") if data[:1] != b"\n" else (b"", b"\n", data[1:])
            if not blank:
                self._open(head, events)
                return events
            self._lines(head, events)
            self._dispatch(events)
        blocks = data.split(b"\n\n")
        rest = blocks.pop()
        for block in blocks:
            # Nearly every event of nearly every provider: one data line and nothing else.
            if block[:6] == b"data: " and b"\n" not in block:
                events.append(Event("", block[6:]))
            elif block:
                self._lines(block, events)
                self._dispatch(events)
        if rest:
            self._open(rest, events)
        return events

    def _open(self, rest: bytes, events: list[Event]) -> None:
        """Keeps the start of an event that is still to end."""
        lines, newline, tail = rest.rpartition(b"\n")
        if newline:
            self._lines(lines, events)
        self._keep(tail)

    def _lines(self, block: bytes, events: list[Event]) -> None:
        for line in block.split(b"\n"):
            if not line:
                self._dispatch(events)
                continue
            name, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if name == b"data":
                self._size += len(value) + 1
                if self._size > EVENT_LIMIT:
                    raise _too_large("event", EVENT_LIMIT)
                self._data.append(value)
            elif name == b"event":
                self._type = value.decode("utf-8", "replace")

    def _dispatch(self, events: list[Event]) -> None:
        """A blank line: ends the event, which is one only if it had data."""
        if self._data:
            events.append(Event(self._type, b"\n".join(self._data)))
            self._data, self._size = [], 0
        self._type = ""


def _check_lines(data: bytes) -> None:
    if any(len(line) > LINE_LIMIT for line in data.split(b"\n")):
        raise _too_large("line", LINE_LIMIT)


def _too_large(what: str, limit: int) -> Fault:
    return Fault(
        Kind.UPSTREAM_PROTOCOL, f"the provider's event stream has a {what} of more than {limit >> 20} MiB"
    )
