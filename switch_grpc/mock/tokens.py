"""Texts as tokens: the mock's tokens are words, pieces of JSON, or filler."""

import re
from collections.abc import Iterator, Sequence
from typing import Final, overload

_PIECE: Final = 7  # characters of a token of JSON
_FILLER: Final = 1024  # bytes of a token of filler


class Filler(Sequence[str]):
    """Many tokens that share their strings, so that a 50 MB answer costs no memory."""

    __slots__ = ("_cycle", "_last", "_range")

    def __init__(self, cycle: Sequence[str], count: range, last: str | None = None) -> None:
        self._cycle, self._range, self._last = cycle, count, last

    def __len__(self) -> int:
        return len(self._range)

    def __iter__(self) -> Iterator[str]:
        return map(self._at, self._range)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> "Filler": ...
    def __getitem__(self, index: int | slice) -> "str | Filler":
        if isinstance(index, slice):
            return Filler(self._cycle, self._range[index], self._last)
        return self._at(self._range[index])

    def _at(self, k: int) -> str:
        if k < 0:
            assert self._last is not None
            return self._last
        return self._cycle[k % len(self._cycle)]


def in_words(text: str) -> list[str]:
    """A text cut into tokens: words, each with the white space before it."""
    return re.findall(r"\s*\S+|\s+$", text)


def in_pieces(text: str) -> list[str]:
    """JSON text cut into tokens."""
    return [text[k : k + _PIECE] for k in range(0, len(text), _PIECE)]


def filler(size: int, count: int | None) -> Filler:
    """`size` ASCII characters in `count` tokens, or as many as 1 KiB each makes."""
    width = max(1, -(-size // count)) if count else _FILLER
    whole, rest = divmod(size, width)
    word = ("mock " * (width // 5 + 1))[:width]
    # The last and shorter token has the index -1, which Filler answers with `last`.
    numbers = range(whole)
    if not rest:
        return Filler((word,), numbers)
    return Filler((word,), range(whole - 1, -2, -1), word[:rest])
