"""How likely the mock says that its tokens were: numbers that depend on the token alone."""

from typing import Final
from zlib import crc32

_OTHERS: Final = (" the", " a", " and", " so", " or", " in", " of", " to", " it", " is") * 2


def logprob_of(token: str) -> float:
    """A token's log probability."""
    return -(crc32(token.encode()) % 1000 + 1) / 1000


def alternatives(token: str, count: int) -> list[tuple[str, float]]:
    """The `count` likeliest tokens where `token` came: itself first, then each one less likely."""
    others = [other for other in _OTHERS if other != token]
    first = logprob_of(token)
    ranked = [(token, first), *((other, first - 1 - k) for k, other in enumerate(others))]
    return ranked[:count]
