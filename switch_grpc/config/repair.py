"""A malformed value made well formed, so that its references can be checked in the same run.

What it puts in place of the malformed parts means nothing: findings at those places are dropped.
"""

import copy
from collections.abc import Iterable
from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from switch_grpc.config.explain import place
from switch_grpc.config.problem import Problem, Where
from switch_grpc.config.schema import Definitions
from switch_grpc.config.tree import member

_ROUNDS: Final = 6  # a repair may show what it hid: a missing object, then its missing members
_STAND_INS: Final[dict[str, object]] = {"model_type": {}, "dict_type": {}, "list_type": []}


def repair(error: ValidationError, value: object) -> Definitions | None:
    """Definitions that are like `value` wherever it is well formed; None where too little of it is."""
    patched = copy.deepcopy(value)
    for _ in range(_ROUNDS):
        for details in error.errors(include_url=False):
            if not _patch(patched, details):
                return None
        try:
            return Definitions.model_validate(patched)
        except ValidationError as next_error:
            error = next_error
    return None


def untouched(problems: Iterable[Problem], malformed: Iterable[Where]) -> list[Problem]:
    """The problems that are neither inside a malformed part nor about the object or list that holds one."""
    parts = list(malformed)
    return [p for p in problems if not any(_concerns(p.where, part) for part in parts)]


def _concerns(where: Where, part: Where) -> bool:
    return where[: len(part)] == part or where == part[:-1]


def _patch(value: object, details: ErrorDetails) -> bool:
    """Changes `value` in place; False where there is nothing to change."""
    where, kind = place(details["loc"]), details["type"]
    if kind.startswith("union_tag"):
        where, kind = (*where, "type"), "missing"
    if not where:
        return False
    holder: object = value
    for part in where[:-1]:
        inside = member(holder, part)
        if inside is None:
            return True  # an earlier patch took it away
        holder = inside
    last = where[-1]
    if isinstance(holder, dict) and isinstance(last, str):
        if kind == "missing":
            holder[last] = "simple" if last == "type" else f"(missing {len(where)}.{hash(where)})"
        else:
            holder.pop(last, None)
    elif isinstance(holder, list) and isinstance(last, int) and last < len(holder):
        # Items are replaced, not removed: the indices of the others are places in the text.
        holder[last] = copy.deepcopy(_STAND_INS.get(kind, f"(malformed {last})"))
    else:
        return False
    return True
