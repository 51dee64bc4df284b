"""An answer's head as it came: header fields are looked for when somebody asks, since hardly any is.

llhttp has judged the head before: every line of it is `name:value` with a token for a name.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from httptools import HttpParserError

_END: Final = re.compile(rb"\r?\n\r?\n")
_LINE: Final = re.compile(rb"\r?\n")


class Headers(Mapping[str, str]):
    """Looks names up without regard to case. A field that came several times is one, joined by ", "."""

    __slots__ = ("_folded", "_head")

    def __init__(self, head: bytes) -> None:
        """`head`: from the status line to the last field, with CRLF before and after each field."""
        self._head = head
        self._folded = head.lower()

    def has(self, field: bytes) -> bool:
        """Whether there is such a field. `field` is how its line begins: CRLF, name in lower case, colon."""
        return field in self._folded

    def __getitem__(self, name: str) -> str:
        field = b"\r\n%s:" % name.lower().encode("latin-1", "replace")
        start = self._folded.find(field)
        if start < 0:
            raise KeyError(name)
        values = []
        while start >= 0:
            end = self._folded.find(b"\r\n", start + 2)
            values.append(self._head[start + len(field) : end].strip(b" \t"))
            start = self._folded.find(field, end)
        return b", ".join(values).decode("latin-1")

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]
        """As Mapping's, without an exception for a field that is not there, and for one of a single line."""
        field = b"\r\n%s:" % name.lower().encode("latin-1", "replace")
        start = self._folded.find(field)
        if start < 0:
            return default
        end = self._folded.find(b"\r\n", start + 2)
        if self._folded.find(field, end) >= 0:
            return self[name]
        return self._head[start + len(field) : end].strip(b" \t").decode("latin-1")

    def __iter__(self) -> Iterator[str]:
        lines = self._folded.split(b"\r\n")[1:-1]
        return iter(dict.fromkeys(line.partition(b":")[0].decode("latin-1") for line in lines))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"Headers({', '.join(self)})"  # a value may be a secret


def split_head(data: bytes) -> tuple[bytes, int]:
    """The head in `data`, as `Headers` wants it, and where it ends. Lines may end in a bare line feed.

    Raises HttpParserError where there is no whole head.
    """
    start = 0
    while data.startswith((b"\r", b"\n"), start):  # which llhttp passes over
        start += 1
    end = data.find(b"\r\n\r\n", start)
    head = data[start : end + 2]
    if end >= 0 and head.count(b"\n") == head.count(b"\r"):
        return head, end + 4
    found = _END.search(data, start)
    if found is None:
        raise HttpParserError("no head")
    return b"\r\n".join(_LINE.split(data[start : found.start()])) + b"\r\n", found.end()
