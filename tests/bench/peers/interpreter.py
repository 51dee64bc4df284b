"""How fast this interpreter is: builds of one version differ by half."""

import timeit
from typing import Final

ROUNDS: Final = 2_000


class _Point:
    __slots__ = ("x", "y")

    def __init__(self, x: int, y: int) -> None:
        self.x = x
        self.y = y

    def moved(self, by: int) -> int:
        return self.x + self.y + by


def loop_us() -> float:
    """Microseconds for an object, a method, a dict's item and a formatted string; the best of seven."""
    return round(min(timeit.repeat(_loop, number=20, repeat=7)) / 20 / ROUNDS * 1e6, 3)


def _loop() -> None:
    seen: dict[str, int] = {}
    for number in range(ROUNDS):
        point = _Point(number, 2)
        seen[f"{number}:{point.x}"] = point.moved(3)
