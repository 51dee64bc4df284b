"""YAML as configuration wants it: version 1.2's plain words, so `no`, `on`, `12:30` and `0600` are strings.

Built on PyYAML's events, so that depth and the growth by aliases are bounded and every place has its line.
"""

import math
import re
from collections.abc import Iterator
from typing import Final

import yaml

from switch_grpc.config.problem import Problem, Where
from switch_grpc.config.tree import MAX_DEPTH, MAX_VALUES, SyntaxProblem, Tree, duplicate

_INT: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,999})")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_WORDS: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})


def parse_yaml(text: str) -> Tree:
    """The text's values. Raises SyntaxProblem at the first place that is no YAML."""
    try:
        return _Reader(yaml.parse(text, Loader=yaml.SafeLoader)).tree()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 if mark is None else mark.line + 1
        raise _broken(line, error.problem or "text that is no YAML") from error
    except yaml.YAMLError as error:  # a character that YAML does not allow
        raise _broken(1, "a character that YAML does not allow") from error


def _broken(line: int, found: str) -> SyntaxProblem:
    return SyntaxProblem(line, found, "YAML", f"correct the YAML at line {line}")


class _Reader:
    def __init__(self, events: Iterator[yaml.Event]) -> None:
        self._events = events
        self._lines: dict[Where, int] = {}
        self._problems: list[Problem] = []
        self._anchors: dict[str, tuple[object, int]] = {}  # a finished value and how many values it holds
        self._size = 0

    def tree(self) -> Tree:
        value: object = None
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise _broken(_line(event), "a second document")
                value = self._value(next(self._events), (), 0)
        return Tree(value, self._lines, self._problems)

    def _value(self, event: yaml.Event, where: Where, depth: int) -> object:
        self._size += 1
        if depth > MAX_DEPTH:
            raise _broken(_line(event), f"more than {MAX_DEPTH} levels")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        before = self._size
        value: object
        if isinstance(event, yaml.MappingStartEvent):
            value = self._mapping(where, depth)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._sequence(where, depth)
        else:
            assert isinstance(event, yaml.ScalarEvent)
            value = _scalar(event)
        if self._size > MAX_VALUES:
            raise _broken(_line(event), f"more than {MAX_VALUES} values")
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, self._size - before + 1)
        return value

    def _alias(self, event: yaml.AliasEvent) -> object:
        known = self._anchors.get(event.anchor or "")
        if known is None:  # unknown, or the alias stands inside the value it names
            raise _broken(_line(event), "an alias without its anchor before it")
        self._size += known[1]
        if self._size > MAX_VALUES:
            raise _broken(_line(event), f"aliases that grow to more than {MAX_VALUES} values")
        return known[0]

    def _mapping(self, where: Where, depth: int) -> dict[str, object]:
        members: dict[str, object] = {}
        for event in self._until(yaml.MappingEndEvent):
            line = _line(event)
            if not isinstance(event, yaml.ScalarEvent):
                raise _broken(line, "a key that is no plain text")
            here = (*where, event.value)
            if event.value in members:
                self._problems.append(duplicate(here, line, self._lines.get(here)))
            else:
                self._lines[here] = line
            members[event.value] = self._value(next(self._events), here, depth + 1)
        return members

    def _sequence(self, where: Where, depth: int) -> list[object]:
        items: list[object] = []
        for event in self._until(yaml.SequenceEndEvent):
            here = (*where, len(items))
            self._lines[here] = _line(event)
            items.append(self._value(event, here, depth + 1))
        return items

    def _until(self, end: type[yaml.Event]) -> Iterator[yaml.Event]:
        for event in self._events:
            if isinstance(event, end):
                return
            yield event


def _line(event: yaml.Event) -> int:
    return 1 if event.start_mark is None else event.start_mark.line + 1


def _joined(text: str, event: yaml.ScalarEvent) -> str:
    r"""The text, with `\ud83d\ude00` as the one character that JSON means; PyYAML makes it two halves."""
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise SyntaxProblem(
            _line(event), "half of a surrogate pair", "both halves, or the character itself"
        ) from None


def _scalar(event: yaml.ScalarEvent) -> object:
    text = _joined(event.value, event)
    if event.tag is not None:
        if event.tag in ("!", "tag:yaml.org,2002:str"):
            return text
        raise _broken(_line(event), "a tag")
    if not event.implicit[0]:  # quoted, or a block: text
        return text
    if text in _NULLS:
        return None
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        value = float(text)
        if math.isinf(value):
            raise _broken(_line(event), "a number out of range")
        return value
    return text
