"""Choices of tools that are more than a mode or a name: OpenAI's `allowed_tools`, and Mistral's "any"."""

from typing import Final, NamedTuple

import msgspec

MISTRALS_ANY: Final = '"any"'  # `required`, as Mistral's clients write it


class Allowed(NamedTuple):
    """The tools that may be called, and whether one must be."""

    names: frozenset[str]
    required: bool


class _Named(msgspec.Struct):
    name: str = ""


class _Tool(msgspec.Struct):
    """`{"type": "function", "function": {"name"}}`, or with the name in it."""

    name: str = ""
    function: _Named = msgspec.field(default_factory=_Named)


class _Tools(msgspec.Struct):
    mode: str = "auto"
    tools: list[_Tool] = []


class _Choice(_Tools):
    type: str = ""
    allowed_tools: _Tools | None = None


def allowed_tools(raw: str) -> Allowed | None:
    """The functions that a raw choice allows; None for any other choice, and where one of them is none."""
    try:
        choice = msgspec.json.decode(raw, type=_Choice)
    except msgspec.DecodeError:
        return None
    allowed = choice.allowed_tools or choice
    names = frozenset(tool.function.name or tool.name for tool in allowed.tools)
    if choice.type != "allowed_tools" or allowed.mode not in ("auto", "required") or "" in names:
        return None
    return Allowed(names, allowed.mode == "required")
