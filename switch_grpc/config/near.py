"""A name that nothing has: what it probably was meant to be."""

import difflib
from collections.abc import Collection, Iterable
from typing import Final

from switch_grpc.config.problem import Problem, Where, show_name

_LISTED: Final = 30  # names in one message; all providers are fewer
_TELLING: Final = 4  # letters by which a name's beginning is that name


def dangling(where: Where, found: str, kind: str, known: Iterable[str], add: str = "") -> Problem:
    """`found` names no `kind` (plural) of those `known`; `add`: where one of that name would be added.

    `add` is "" where none can be.
    """
    names = sorted(known)
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    listed = ", ".join(map(show_name, names[:_LISTED])) + more or "there are none"
    remedy = did_you_mean(found, names) or (f"add {add}, or correct the name" if add else "correct the name")
    return Problem(where, show_name(found), f"one of the {kind}: {listed}", remedy)


def did_you_mean(found: str, known: Collection[str]) -> str:
    """A question, or "" where nothing is near."""
    near = difflib.get_close_matches(found, known, n=1, cutoff=0.8)
    near = near or [name for name in known if len(found) >= _TELLING and name.startswith(found)][:1]
    return f"did you mean {show_name(near[0])}?" if near else ""
