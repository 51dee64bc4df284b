"""Reads typed members out of decoded JSON, and refuses others in Anthropic's words.

Anthropic's API names the place by a dotted path (`messages.0.content.1.text: Field required`) and takes no
member that it does not know. So a reader asks for the members that it knows, and `close` refuses the rest.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from switch_grpc.mock.failures import Failure, Refused
from switch_grpc.mock.fields import Json


def refused(message: str, *, type: str = "invalid_request_error", status: int = 400) -> Refused:
    """A refusal in Anthropic's shape."""
    return Refused(Failure(status=status, type=type, message=message, exact=True))


def wrong(path: str, message: str) -> Refused:
    """A refusal of what stands at a path."""
    return refused(f"{path}: {message}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a request's headers make of its body."""

    version: str = "2023-06-01"  # ISO dates, so that later ones are greater
    beta: bool = False  # some beta header came, so that members of betas may stand in the body

    @property
    def newest(self) -> bool:
        """No sampling parameters, no documents of the assistant, no citations of the user.

        https://platform.claude.com/docs/en/api/migration-2026-10-21
        """
        return self.version >= "2026-10-21"


class Members:
    """The members of one object, each asked for by name; `close` refuses those that nobody asked for.

    Readers give None for an absent member. A null counts as absent only where `nullable` says so. All raise
    Refused.
    """

    __slots__ = ("_asked", "_members", "path")

    def __init__(self, value: Json, path: str) -> None:
        if not isinstance(value, dict):
            raise (
                wrong(path, "Input should be a valid dictionary")
                if path
                else refused("The request body is not a JSON object")
            )
        self._members = value
        self._asked: set[str] = set()
        self.path = path

    def at(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def tagged(self, tag: str) -> "Members":
        """The same object; its path says from now on which of several shapes it has, as Anthropic's do."""
        self.path = self.at(tag)
        return self

    def given(self, name: str) -> bool:
        return name in self._members

    def needed(self, name: str) -> None:
        if name not in self._members:
            raise wrong(self.at(name), "Field required")

    def value(self, name: str, *, nullable: bool = False) -> Json:
        """The member as it is. Raises Refused for a null."""
        self._asked.add(name)
        value = self._members.get(name)
        if value is None and name in self._members and not nullable:
            raise wrong(self.at(name), "Input should not be null")
        return value

    def text(self, name: str, among: Collection[str] = (), *, nullable: bool = False) -> str | None:
        value = self.value(name, nullable=nullable)
        if value is None:
            return None
        if not isinstance(value, str):
            raise wrong(self.at(name), "Input should be a valid string")
        if among and value not in among:
            raise wrong(self.at(name), f"Input should be {_any_of(among)}")
        return value

    def needed_text(self, name: str, among: Collection[str] = (), *, least: int = 0) -> str:
        self.needed(name)
        text = self.text(name, among)
        assert text is not None
        if len(text) < least:
            raise wrong(self.at(name), f"String should have at least {least} character{'s' * (least > 1)}")
        return text

    def matching(self, name: str, pattern: re.Pattern[str]) -> str:
        """A needed string of this form."""
        text = self.needed_text(name)
        if pattern.fullmatch(text) is None:
            raise wrong(self.at(name), f"String should match pattern '^{pattern.pattern}$'")
        return text

    def flag(self, name: str, *, nullable: bool = False) -> bool | None:
        value = self.value(name, nullable=nullable)
        if value is None or isinstance(value, bool):
            return value
        raise wrong(self.at(name), "Input should be a valid boolean")

    def integer(self, name: str, low: int | None = None) -> int | None:
        value = self.value(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            raise wrong(self.at(name), "Input should be a valid integer")
        self._check_range(name, value, low, None)
        return value

    def number(self, name: str, low: float, high: float) -> float | None:
        value = self.value(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise wrong(self.at(name), "Input should be a valid number")
        self._check_range(name, value, low, high)
        return float(value)

    def _check_range(self, name: str, value: float, low: float | None, high: float | None) -> None:
        if low is not None and not value >= low:
            raise wrong(self.at(name), f"Input should be greater than or equal to {low:g}")
        if high is not None and value > high:
            raise wrong(self.at(name), f"Input should be less than or equal to {high:g}")

    def array(self, name: str, *, nullable: bool = False) -> list[Json] | None:
        value = self.value(name, nullable=nullable)
        if value is None or isinstance(value, list):
            return value
        raise wrong(self.at(name), "Input should be a valid list")

    def record(self, name: str, *, nullable: bool = False) -> dict[str, Json] | None:
        """An object whose members are the caller's own affair, such as a schema or a tool's input."""
        value = self.value(name, nullable=nullable)
        if value is None or isinstance(value, dict):
            return value
        raise wrong(self.at(name), "Input should be a valid dictionary")

    def members(self, name: str, *, nullable: bool = False) -> "Members | None":
        value = self.value(name, nullable=nullable)
        return None if value is None else Members(value, self.at(name))

    def each(self, name: str) -> "list[Members]":
        """The objects of a list; none for an absent one."""
        return [Members(one, f"{self.at(name)}.{k}") for k, one in enumerate(self.array(name) or [])]

    def kind(self, among: Collection[str]) -> str:
        """The `type` that says which of several shapes the object has."""
        value = self.value("type", nullable=True)
        if value is None:
            raise wrong(self.at("type"), "Field required")
        if not isinstance(value, str) or value not in among:
            raise wrong(
                self.path,
                f"Input tag '{value}' found using 'type' does not match any of the expected tags: "
                + ", ".join(f"'{one}'" for one in among),
            )
        return value

    def open(self) -> None:
        """Lets the members pass that nobody asked for."""
        self._asked.update(self._members)

    def close(self) -> None:
        """Raises Refused for the first member that nobody asked for."""
        for name in self._members:
            if name not in self._asked:
                raise wrong(self.at(name), _EXTRA)


_EXTRA: Final = "Extra inputs are not permitted"


def _any_of(values: Collection[str]) -> str:
    *others, last = [f"'{value}'" for value in values]
    return f"{', '.join(others)} or {last}" if others else last
