"""What Anthropic's models can do that changes how a request for them is written, told from their names.

Checked in November 2026 against stored copies of platform.claude.com/docs/en/models and, below
/docs/en/build-with-claude, of adaptive-thinking and mid-conversation-system-messages. A name that cannot be
placed counts as the newest generation.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

Version = tuple[int, int]

_NEWEST: Final[Version] = (5, 5)
# claude-opus-4-8, claude-sonnet-4-5-20250929, anthropic.claude-opus-4-6-v1, claude-opus-4@20250514
_FAMILY_FIRST: Final = re.compile(r"claude-([a-z]+)-(\d{1,2})(?!\d)(?:[-.](\d{1,2})(?!\d))?")
# claude-3-7-sonnet-20250219, claude-3-opus, claude-2.1
_VERSION_FIRST: Final = re.compile(r"claude-(\d)(?:[-.](\d)(?!\d))?(?:-([a-z]+))?")

_EFFORTS: Final = frozenset({"low", "medium", "high", "xhigh", "max"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """One model, as far as the wire depends on it."""

    max_tokens: int = 128_000  # the most it can write: what is asked for when the caller sets no limit
    thinking: Literal["none", "budget", "adaptive"] = "adaptive"
    efforts: frozenset[str] = _EFFORTS  # of adaptive thinking
    off: Literal["disabled", "between_tools", ""] = "disabled"  # how thinking is turned off; "": never
    shows_thinking: bool = False  # unasked; newer models show it only on request
    sampling: bool = False  # takes temperature and top_p
    system_turns: bool = True  # takes system messages among the others


TraitsOf = Callable[[str], Traits]


@lru_cache(maxsize=1024)
def traits_of(model: str) -> Traits:
    """The traits of a model by any cloud's name for it."""
    family, version = _parsed(model.lower())
    if version < (4, 6):
        return Traits(
            max_tokens=_old_limit(family, version),
            thinking="none" if version < (3, 7) else "budget",
            efforts=frozenset(),
            shows_thinking=True,
            sampling=True,
            system_turns=False,
        )
    if version == (4, 6):
        return Traits(
            max_tokens=128_000 if family == "opus" else 64_000,
            efforts=_EFFORTS - {"xhigh"},
            shows_thinking=True,
            sampling=True,
            system_turns=False,
        )
    return Traits(
        off=_off(family, version),
        system_turns=version >= (4, 8) and (family, version) != ("sonnet", (5, 0)),
    )


def _parsed(model: str) -> tuple[str, Version]:
    if found := _FAMILY_FIRST.search(model):
        family, major, minor = found.groups()
    elif found := _VERSION_FIRST.search(model):
        major, minor, family = found.groups()
    else:
        return ("mythos" if "mythos" in model else ""), _NEWEST
    return family or "", (int(major), int(minor or 0))


def _old_limit(family: str, version: Version) -> int:
    if version < (3, 5):
        return 4_096
    if version < (3, 7):
        return 8_192
    return 32_000 if family == "opus" and version < (4, 5) else 64_000


def _off(family: str, version: Version) -> Literal["disabled", "between_tools", ""]:
    if family in ("fable", "mythos") or (family == "opus" and version >= _NEWEST):
        return ""
    return "between_tools" if family == "sonnet" and version >= _NEWEST else "disabled"
