"""A parsed text: plain values, and the line that each place stands on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from switch_grpc.config.problem import Problem, Where, show_name

MAX_DEPTH: Final = 64
MAX_VALUES: Final = 100_000


@dataclass(frozen=True, slots=True)
class Tree:
    """The values of a text. Objects are dicts, arrays lists; never changed after parsing."""

    value: object
    lines: Mapping[Where, int]  # from 1; a key's line for members, the first line for items
    problems: list[Problem] = field(default_factory=list)  # what was found along the way: duplicate keys

    def at(self, where: Where) -> object:
        """The value at a place; None where there is none."""
        value = self.value
        for part in where:
            value = member(value, part)
        return value


def member(value: object, part: str | int) -> object:
    """The member or item of a value; None where it has none."""
    if isinstance(value, dict) and isinstance(part, str):
        return value.get(part)
    if isinstance(value, list) and isinstance(part, int) and part < len(value):
        item: object = value[part]
        return item
    return None


class SyntaxProblem(Exception):
    """The text cannot be read any further."""

    def __init__(self, line: int, found: str, expected: str, remedy: str = "") -> None:
        super().__init__(found)
        self.problem = Problem((), found, expected, remedy, line=line)


def duplicate(where: Where, line: int, first_line: int | None) -> Problem:
    """The key at `where` stands twice in one object."""
    before = "" if first_line is None else f", first on line {first_line}"
    return Problem(
        where, f"the key {show_name(where[-1])} twice{before}", "each key once", "remove one", line=line
    )
