"""A value that its field cannot hold: where it stands, what was found and what is expected."""

import re
from typing import Final

from msgspec import Raw

from switch_grpc.openai_wire.guard import Excess

_NAMES: Final = {
    "str": "a string",
    "int": "an integer",
    "float": "a number",
    "bool": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "null",
}
_FOUND: Final = {
    **dict.fromkeys(b"-0123456789", "a number"),
    ord('"'): "a string",
    ord("{"): "an object",
    ord("["): "a list",
    ord("t"): "true",
    ord("f"): "false",
    ord("n"): "null",
}
_AT: Final = re.compile(r" - at `\$(.*)`$", re.DOTALL)
_EXPECTED: Final = re.compile(r"Expected `(\w+)[^`]*`(?: ([<>]=) (-?\d+))?(?:, got `(\w+)`)?")


_LONGEST_NAME: Final = 64  # of a member's name in a path: the caller chose it


class Misfit(Exception):
    """A value that its field cannot hold. Gains its path on the way out: `messages[0].content`."""

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.path = path[:_LONGEST_NAME]

    def within(self, name: str) -> "Misfit":
        """The same, seen from the object or list that holds it as `name` (or `[3]`)."""
        name = name[:_LONGEST_NAME]
        dot = "." if self.path and not self.path.startswith("[") else ""
        self.path = f"{name}{dot}{self.path}"
        return self


def unlike(raw: Raw, expected: str) -> Misfit:
    return Misfit(f"found {_FOUND.get(bytes(raw)[0], 'something else')}, expected {expected}")


def missing(name: str) -> Misfit:
    return Misfit("missing", name)


def misfit(error: Exception) -> Misfit:
    """What msgspec or a bound said about a value, in our words and with the path inside the value."""
    if isinstance(error, Excess):
        return Misfit(str(error))
    at = _AT.search(str(error))
    path = at[1] if at and "..." not in at[1] else ""
    said = _EXPECTED.match(str(error))
    if said is None:
        return Misfit("out of range", path)
    kind, bound, limit, got = said.groups()
    if bound:
        return Misfit(f"out of range, expected {_NAMES[kind]} {bound} {limit}", path)
    return Misfit(f"found {_NAMES.get(got, got)}, expected {_NAMES.get(kind, kind)}", path)
