"""`switch routes`: the routes of a configuration, and what stands behind each."""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from switch_grpc.assembly import TABLES
from switch_grpc.config import effective
from switch_grpc.config.problem import EX_CONFIG, ConfigError
from switch_grpc.config.source import load

Commands = argparse._SubParsersAction  # noqa: SLF001  # argparse has no public name for it


def add_parser(commands: "Commands[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("routes")
    parser.add_argument(
        "--config",
        metavar="FILE",
        help="configuration (or SWITCH_CONFIG; else definitions.json here, else MODEL_DEFINITIONS)",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    try:
        loaded = load(options.config, os.environ, Path.cwd(), tables=TABLES, serving=False)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return EX_CONFIG
    for route in sorted(loaded.config.routes, key=lambda route: route.name):
        print("\n".join(_lines(route)))
    return 0


def _lines(route: effective.Route) -> Iterator[str]:
    names = ", ".join((route.name, *route.aliases))
    yield f"{names}{'  (default)' if route.default else ''}"
    for pool in route.pools:
        if len(route.pools) > 1:
            yield f"  pool {pool.id}: {pool.strategy}"
        else:
            yield f"  {pool.strategy}"
        width = max(len(target.name) for target in pool.targets)
        for target in sorted(pool.targets, key=lambda target: target.priority):
            where = f"{target.provider} {target.model}"
            yield f"    {target.name:<{width}}  {where}  priority {target.priority}, weight {target.weight:g}"
