"""What a well-formed configuration may still have wrong: references, contradictions, unsafe addresses.

Pure: the tables of vendors and strategies, and the environment, are arguments.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from switch_grpc.config.check_aws import aws_problems
from switch_grpc.config.check_clouds import cloud_problems
from switch_grpc.config.check_routes import route_problems
from switch_grpc.config.check_service import service_problems
from switch_grpc.config.check_stores import store_problems
from switch_grpc.config.check_targets import VendorFacts, retired_problems, target_problems
from switch_grpc.config.check_timeouts import timeout_problems
from switch_grpc.config.environment import Environment
from switch_grpc.config.problem import Problem
from switch_grpc.config.schema import Definitions


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """What this build can do."""

    vendors: Mapping[str, VendorFacts]
    planned: Collection[
        str
    ] = ()  # vendors that are known, but have no row yet: their targets are passed over
    strategies: Collection[str]  # in the hyphen form
    retired: Callable[[str, str], str | None] = lambda provider, model: None  # the day, where it was
    extras: Collection[str] = ("aws", "vertex", "azure")  # the optional dependencies that are installed


def check(
    definitions: Definitions, environment: Environment, tables: Tables, *, serving: bool
) -> list[Problem]:
    """All problems. `serving` False: what only forbids to start, like a missing API key, is a warning."""
    return [
        *store_problems(definitions, environment),
        *target_problems(definitions, tables.vendors, tables.planned),
        *retired_problems(definitions, tables.retired),
        *aws_problems(definitions, environment, tables.vendors, tables.extras),
        *cloud_problems(definitions, environment, tables.extras),
        *route_problems(definitions, tables.strategies),
        *timeout_problems(definitions, environment),
        *service_problems(definitions, environment, serving=serving),
    ]
