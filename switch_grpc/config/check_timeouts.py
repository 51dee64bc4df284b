"""The bounds of whole answers and whole calls, against the shortest time that may be configured."""

from collections.abc import Iterator

from switch_grpc.config.environment import Environment
from switch_grpc.config.problem import Problem, Where
from switch_grpc.config.schema import Definitions, TargetEntry
from switch_grpc.config.service import Timeouts


def timeout_problems(definitions: Definitions, environment: Environment) -> list[Problem]:
    """Each `timeout` and `maxTotalMs` below MIN_TIMEOUT_MS; timers of parts of an answer may be shorter."""
    shortest = environment.calls.min_ms
    return [
        Problem(
            where,
            f"{value} ms",
            f"at least MIN_TIMEOUT_MS, which is {shortest}",
            "raise it, or lower MIN_TIMEOUT_MS",
        )
        for where, value in _bounds(definitions)
        if value < shortest
    ]


def _bounds(definitions: Definitions) -> Iterator[tuple[Where, int]]:
    yield from _total(("timeouts",), definitions.timeouts)
    for name, route in definitions.models.items():
        yield from _total(("models", name, "timeouts"), route.timeouts)
        for index, target in enumerate(route.providers or ()):
            yield from _of_target(("models", name, "providers", index), target)
    for number, pool in enumerate(definitions.pools):
        for index, target in enumerate(pool.providers):
            yield from _of_target(("pools", number, "providers", index), target)


def _of_target(where: Where, target: TargetEntry) -> Iterator[tuple[Where, int]]:
    if "timeout" in target.model_fields_set:
        yield (*where, "timeout"), target.timeout
    yield from _total((*where, "timeouts"), target.timeouts)


def _total(where: Where, timeouts: Timeouts) -> Iterator[tuple[Where, int]]:
    if timeouts.max_total_ms is not None:
        yield (*where, "maxTotalMs"), timeouts.max_total_ms
