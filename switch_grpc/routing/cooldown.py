"""How long to leave a target alone after it said "too many requests". Apart from its breaker."""

import math
from typing import Final

FIRST: Final = 5.0  # seconds, doubled with each cooldown until a success
LONGEST: Final = 60.0
_LAST_STEP: Final = 5  # from here on the ladder stays at its longest
LONGEST_NAMED: Final = 600.0  # the most of a provider's own Retry-After that we follow


class Cooldown:
    """When a rate-limited target may be asked again. Only lengthened, but for `clear`.

    A burst of refusals is one step of the ladder: what was sent before the target began to cool adds none.
    """

    __slots__ = ("_step", "until")

    def __init__(self) -> None:
        self.until = -math.inf
        self._step = 0

    def cool(self, now: float, retry_after: float | None = None) -> float:
        """The target refused: cools for `retry_after` seconds, else by the ladder. Returns until when."""
        if retry_after is not None:
            wait = min(max(retry_after, 0.0), LONGEST_NAMED)
        else:
            if now >= self.until or self._step == 0:
                self._step = min(self._step + 1, _LAST_STEP)
            wait = min(FIRST * 2.0 ** (self._step - 1), LONGEST)
        self.until = max(self.until, now + wait)
        return self.until

    def is_cooling(self, now: float) -> bool:
        return now < self.until

    def succeeded(self) -> None:
        """A success puts the ladder back to its first step; a cooldown that runs goes on."""
        self._step = 0

    def clear(self) -> None:
        """An operator's reset."""
        self.until = -math.inf
        self._step = 0
