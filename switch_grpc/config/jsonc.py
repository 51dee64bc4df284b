"""JSON with `//` and `/* */` comments and trailing commas, strict in everything else.

Numbers keep their kind: `5` is an int and `5.0` a float, of any size up to 1,000 digits. Not accepted: NaN,
Infinity, lone surrogates, control characters in strings, duplicate keys, more than 64 levels.
"""

import json
import math
import re
from json.decoder import scanstring  # type: ignore[attr-defined]  # typeshed leaves it out
from typing import Final

from switch_grpc.config.problem import Problem, Where
from switch_grpc.config.tree import MAX_DEPTH, MAX_VALUES, SyntaxProblem, Tree, duplicate

_BLANK: Final = re.compile(r"(?:[ \t\r\n]+|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_WORD: Final = re.compile(r"[^\s,:\[\]{}\"]{1,20}")
_WORDS: Final = {"true": True, "false": False, "null": None}
_MAX_DIGITS: Final = 1000


def parse_json(text: str) -> Tree:
    """The text's values. Raises SyntaxProblem at the first place that is no JSON."""
    return _Reader(text).tree()


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._lines: dict[Where, int] = {}
        self._problems: list[Problem] = []
        self._counted_to, self._line_number = 0, 1

    def tree(self) -> Tree:
        value = self._value((), 0)
        if self._peek():
            raise self._error(self._found(), "the end of the text after the outermost value")
        return Tree(value, self._lines, self._problems)

    def _value(self, where: Where, depth: int) -> object:
        if depth > MAX_DEPTH:
            raise self._error(f"more than {MAX_DEPTH} levels", "a flatter text")
        if len(self._lines) > MAX_VALUES:
            raise self._error(f"more than {MAX_VALUES} values", "a shorter text")
        match self._peek():
            case "{":
                return self._object(where, depth)
            case "[":
                return self._array(where, depth)
            case '"':
                return self._string()
        return self._scalar()

    def _object(self, where: Where, depth: int) -> dict[str, object]:
        members: dict[str, object] = {}
        self._at += 1
        while self._peek() != "}":
            if self._peek() != '"':
                raise self._error(self._found(), 'a key in double quotes or "}"')
            line = self._line()
            key = self._string()
            here = (*where, key)
            if key in members:
                self._problems.append(duplicate(here, line, self._lines.get(here)))
            else:
                self._lines[here] = line
            if self._peek() != ":":
                raise self._error(self._found(), '":" after a key')
            self._at += 1
            members[key] = self._value(here, depth + 1)
            self._separator("}")
        self._at += 1
        return members

    def _array(self, where: Where, depth: int) -> list[object]:
        items: list[object] = []
        self._at += 1
        while self._peek() != "]":
            here = (*where, len(items))
            self._lines[here] = self._line()
            items.append(self._value(here, depth + 1))
            self._separator("]")
        self._at += 1
        return items

    def _separator(self, end: str) -> None:
        if self._peek() == ",":
            self._at += 1
        elif self._peek() != end:
            raise self._error(self._found(), f'"," or "{end}"')

    def _string(self) -> str:
        try:
            value: str
            value, self._at = scanstring(self._text, self._at + 1, True)
        except json.JSONDecodeError as error:
            self._at = error.pos
            raise self._error(error.msg.removesuffix(" at").lower(), "a string as JSON writes it") from error
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise self._error("half of a surrogate pair", "both halves, or the character itself") from error
        return value

    def _scalar(self) -> object:
        match = _NUMBER.match(self._text, self._at)
        if match is None or _WORD.match(self._text, match.end()):
            word = _WORD.match(self._text, self._at)
            if word is not None and word[0] in _WORDS:
                self._at = word.end()
                return _WORDS[word[0]]
            raise self._error(self._found(), "a value", "strings stand in double quotes")
        if match.end() - match.start() > _MAX_DIGITS:
            raise self._error(f"a number of more than {_MAX_DIGITS} digits", "a shorter one")
        self._at = match.end()
        if match[1] is None and match[2] is None:
            return int(match[0])
        value = float(match[0])
        if math.isinf(value):
            raise self._error("a number out of range", "one that a double can hold")
        return value

    def _peek(self) -> str:
        """The next character that is neither blank nor comment; "" at the end."""
        blank = _BLANK.match(self._text, self._at)
        assert blank is not None  # it matches the empty string
        self._at = blank.end()
        if self._text.startswith("/*", self._at):
            raise self._error("a comment that does not end", '"*/"')
        return self._text[self._at : self._at + 1]

    def _found(self) -> str:
        word = _WORD.match(self._text, self._at)
        if word is not None and word[0][0].isalnum():
            return "a word without quotes"  # it may be a secret, so it is not repeated
        return json.dumps(self._text[self._at]) if self._at < len(self._text) else "the end of the text"

    def _line(self) -> int:
        self._line_number += self._text.count("\n", self._counted_to, self._at)
        self._counted_to = self._at
        return self._line_number

    def _error(self, found: str, expected: str, remedy: str = "") -> SyntaxProblem:
        line = self._text.count("\n", 0, self._at) + 1
        return SyntaxProblem(line, found, expected, remedy or f"correct the JSON at line {line}")
