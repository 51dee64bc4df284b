"""A name that nothing has: what it probably was meant to be."""

import difflib
from collections.abc import Collection, Iterable

from switch_grpc.config.problem import Problem, Where, show_name


def dangling(where: Where, found: str, kind: str, known: Iterable[str], add: str) -> Problem:
    """`found` names no `kind` (plural) of those `known`; `add`: where one of that name would be added."""
    names = sorted(known)
    listed = ", ".join(map(show_name, names[:20])) or "there are none"
    remedy = did_you_mean(found, names) or f"add {add}, or correct the name"
    return Problem(where, show_name(found), f"one of the {kind}: {listed}", remedy)


def did_you_mean(found: str, known: Collection[str]) -> str:
    """A question, or "" where nothing is near."""
    near = difflib.get_close_matches(found, known, n=1, cutoff=0.8)
    return f"did you mean {show_name(near[0])}?" if near else ""
