"""Model degradation: the lesser models that stand behind a route's targets as targets of their own."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from switch_grpc.config import effective

# What may stand in for a model: its provider and name -> names at the same provider, best first.
Downgrades = Callable[[str, str], Sequence[str]]
Short = Callable[[str], str]  # a model's name as people call it

POOL_ID: Final = "~"
_NOT_IN_A_NAME: Final = re.compile(r"[^!-~]+")  # a target's name goes out in a header


def degraded(route: effective.Route, downgrades: Downgrades, short: Short) -> effective.Pool | None:
    """A last pool, with the downgrades of the route's models: same provider and credential, another model.

    None where the route does not ask for it, or the catalogue names none. The targets are called
    `TARGET~MODEL` and have breakers and limits of their own; a target that the route lists is not repeated.
    """
    if not route.fallback.model_degradation:
        return None
    targets = tuple(
        replace(target, priority=place) for place, target in enumerate(_lesser(route, downgrades, short), 1)
    )
    if not targets:
        return None
    return replace(
        route.pools[-1],
        id=POOL_ID,
        name=POOL_ID,
        strategy="priority-based",
        targets=targets,
        prioritize_cost=False,
        derived=True,
    )


def _lesser(route: effective.Route, downgrades: Downgrades, short: Short) -> Iterator[effective.Target]:
    names = {target.name for target in route.targets}
    taken = {_place(target, short(target.model)) for target in route.targets}
    for target in route.targets:
        for model in downgrades(target.provider, target.model):
            name = _NOT_IN_A_NAME.sub("-", f"{target.name}~{short(model)}")[:128]
            if name not in names and _place(target, short(model)) not in taken:
                names.add(name)
                taken.add(_place(target, short(model)))
                # What was said of the listed model's price and deployment does not hold for this one.
                yield replace(target, name=name, model=model, cost=None, deployment=None)


def _place(target: effective.Target, model: str) -> tuple[str, str, str, str, tuple[str, ...]]:
    """What makes a model at a provider the same one."""
    return target.provider, target.api_base or "", target.credentials or "", model, target.regions
