"""Routes and pools: names, references, cycles, and what their targets add up to."""

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from switch_grpc.config.layers import PARAMETERS, pool_order
from switch_grpc.config.near import dangling
from switch_grpc.config.problem import Problem, Where, path_of, show_name, unacted
from switch_grpc.config.schema import Definitions, PoolEntry, RouteEntry, TargetEntry

# What a request is about cannot be defaulted.
_NO_DEFAULTS: Final = frozenset({"model", "route", "messages", "prompt", "input", "stream"})


def route_problems(definitions: Definitions, strategies: Collection[str]) -> list[Problem]:
    pools = {pool.id: pool for pool in definitions.pools}
    problems: list[Problem] = []
    if not definitions.models:
        problems.append(Problem(("models",), "no route", "at least one route", 'add a route under "models"'))
    for name, route in definitions.models.items():
        problems += _route(("models", name), name, route, pools, strategies)
    return [
        *problems,
        *_pools(definitions, pools, strategies),
        *_names(definitions),
        *_status_keys(definitions, pools),
    ]


def _route(
    where: Where, name: str, route: RouteEntry, pools: Mapping[str, PoolEntry], strategies: Collection[str]
) -> Iterator[Problem]:
    if route.name not in (None, name):
        yield Problem((*where, "name"), show_name(route.name), f"the key, {show_name(name)}", "remove it")
    if route.providers is not None and route.primary_pool_id is not None:
        yield Problem(where, "both providers and primaryPoolId", "one of them", "remove one")
    elif route.primary_pool_id is not None and route.primary_pool_id not in pools:
        place = (*where, "primaryPoolId")
        yield dangling(
            place,
            route.primary_pool_id,
            "pools",
            pools,
            f'a pool with "id": {show_name(route.primary_pool_id)}',
        )
    elif route.primary_pool_id is None and not route.providers:
        yield Problem(where, "neither providers nor primaryPoolId", "targets, or a pool", 'add "providers"')
    yield from _strategy((*where, "loadBalancing", "strategy"), route.load_balancing.strategy, strategies)
    pool = pools.get(route.primary_pool_id or "")
    both = "strategy" in route.load_balancing.model_fields_set
    if pool is not None and both and "routing_strategy" in pool.model_fields_set:
        found = f"a strategy beside that of the pool {show_name(pool.id)}, which wins"
        yield Problem((*where, "loadBalancing", "strategy"), found, "one of them", "remove one", warning=True)
    yield from _parameters((*where, "defaultParameters"), route.default_parameters)
    if route.fallback.last_resort == "try":
        yield unacted((*where, "fallback", "lastResort"), '"try"', "a call fails when every breaker is open")
    yield from _together(where, _targets(where, route, pools))


def _strategy(where: Where, strategy: str, strategies: Collection[str]) -> Iterator[Problem]:
    if strategy not in strategies:
        yield dangling(where, strategy, "strategies", strategies)


def _parameters(where: Where, values: Mapping[str, object]) -> Iterator[Problem]:
    for name in values:
        meant = PARAMETERS.get(name, name)
        if meant in _NO_DEFAULTS:
            yield Problem(
                (*where, name), show_name(name), "parameters that a default makes sense for", "remove it"
            )
        elif meant != name and meant in values:
            found = f"{show_name(name)} beside {show_name(meant)}"
            yield Problem((*where, name), found, "one spelling of a parameter", "remove one")


def _targets(
    where: Where, route: RouteEntry, pools: Mapping[str, PoolEntry]
) -> list[tuple[Where, TargetEntry]]:
    """All targets of a route with the places they are written at."""
    if route.primary_pool_id is None:
        return [((*where, "providers", i), target) for i, target in enumerate(route.providers or ())]
    numbers = {pool_id: number for number, pool_id in enumerate(pools)}
    return [
        (("pools", numbers[pool_id], "providers", i), target)
        for pool_id in pool_order(pools, route.primary_pool_id)
        for i, target in enumerate(pools[pool_id].providers)
    ]


def _together(where: Where, targets: list[tuple[Where, TargetEntry]]) -> Iterator[Problem]:
    """What only shows when a route's targets are seen as one list."""
    first: dict[str, Where] = {}
    for place, target in targets:
        if target.name in first:
            found = f"{show_name(target.name)}, as {path_of(first[target.name])} is named already"
            expected = f"names that are unique among the targets of {path_of(where)}"
            yield Problem((*place, "name"), found, expected, "rename one")
        first.setdefault(target.name, place)
    if targets and all(target.weight == 0 for _, target in targets):
        yield Problem(
            where, "the weight 0 at every target", "a target with a weight", "0 drains a target: raise one"
        )


def _pools(
    definitions: Definitions, pools: Mapping[str, PoolEntry], strategies: Collection[str]
) -> Iterator[Problem]:
    seen: set[str] = set()
    primary = {route.primary_pool_id for route in definitions.models.values() if route.primary_pool_id}
    used = {pool_id for first in primary for pool_id in pool_order(pools, first)}
    cycles: set[frozenset[str]] = set()
    for number, pool in enumerate(definitions.pools):
        where: Where = ("pools", number)
        if pool.id in seen:
            yield Problem((*where, "id"), f"{show_name(pool.id)} a second time", "each id once", "rename one")
        seen.add(pool.id)
        for index, next_id in enumerate(pool.fallback_pool_ids):
            place = (*where, "fallbackPoolIds", index)
            if next_id not in pools:
                yield dangling(place, next_id, "pools", pools, f'a pool with "id": {show_name(next_id)}')
                continue
            way = _way(pools, next_id, pool.id)
            if way and frozenset(way) not in cycles:
                cycles.add(frozenset(way))
                found = f"the cycle {' -> '.join([pool.id, *way])}"
                yield Problem(place, found, "pools that do not lead back", "remove one of its steps")
        yield from _strategy((*where, "routingStrategy"), pool.routing_strategy, strategies)
        if pool.weighted_routing.min_weight > pool.weighted_routing.max_weight:
            found = f"{pool.weighted_routing.min_weight:g}"
            expected = f"at most maxWeight, {pool.weighted_routing.max_weight:g}"
            yield Problem((*where, "weightedRouting", "minWeight"), found, expected, "lower it")
        if pool.weighted_routing.auto_adjust:
            found = "true, which is not acted on yet"
            yield Problem(
                (*where, "weightedRouting", "autoAdjust"), found, "", "weights stay as written", warning=True
            )
        if pool.id not in used:
            found = f"the pool {show_name(pool.id)}, which no route leads to"
            yield Problem(where, found, "pools in use", "refer to it, or remove it", warning=True)


def _way(pools: Mapping[str, PoolEntry], start: str, goal: str) -> list[str]:
    """The ids from `start` to `goal` along fallbackPoolIds, shortest first; empty where none leads there."""
    came_from: dict[str, str | None] = {start: None}
    queue = [start]
    for pool_id in queue:  # grows while it is walked
        if pool_id == goal:
            way: list[str] = []
            step: str | None = pool_id
            while step is not None:
                way.append(step)
                step = came_from[step]
            return way[::-1]
        for next_id in pools[pool_id].fallback_pool_ids:
            if next_id in pools and next_id not in came_from:
                came_from[next_id] = pool_id
                queue.append(next_id)
    return []


def _names(definitions: Definitions) -> Iterator[Problem]:
    """Each name that callers may ask for stands for one route."""
    owner = {name: ("models", name) for name in definitions.models}
    defaults = [name for name, route in definitions.models.items() if route.default]
    for name in defaults[1:]:
        found = f"true, as at {show_name(defaults[0])}"
        yield Problem(("models", name, "default"), found, "at most one default route", "remove one")
    for name, route in definitions.models.items():
        for index, alias in enumerate(route.aliases):
            place: Where = ("models", name, "aliases", index)
            if alias in owner:
                found = f"{show_name(alias)}, which {path_of(owner[alias])} has"
                yield Problem(place, found, "names that are unique among routes and aliases", "remove one")
            owner.setdefault(alias, place)  # type: ignore[arg-type]  # places of other lengths


def _status_keys(definitions: Definitions, pools: Mapping[str, PoolEntry]) -> Iterator[Problem]:
    """`{model}-{provider}` in the admin status must tell targets apart: `a-b` + `c` is `a` + `b-c`."""
    seen: dict[str, tuple[str, Where]] = {}
    for name, route in definitions.models.items():
        for place, target in _targets(("models", name), route, pools):
            key = f"{name}-{target.name}"
            other, other_place = seen.setdefault(key, (name, place))
            if other != name:
                found = (
                    f"the status key {show_name(key)}, which {path_of(other_place)} of {show_name(other)} has"
                )
                yield Problem(
                    (*place, "name"), found, "keys {model}-{provider} that are unique", "rename one"
                )
