"""`switch validate`: says what is wrong with a configuration, all of it at once."""

import argparse
import json
import os
import sys
from pathlib import Path

from switch_grpc.assembly import TABLES
from switch_grpc.config.document import json_schema
from switch_grpc.config.problem import EX_CONFIG, ConfigError, Problem, counted, describe
from switch_grpc.config.source import Loaded, load


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "validate",
        description="Checks a configuration and names everything that is wrong with it. Exits with 0, or "
        "with 78 where it cannot be used; warnings do not count.",
    )
    parser.add_argument(
        "file",
        nargs="?",
        metavar="FILE",
        help="default: SWITCH_CONFIG, ./definitions.json, MODEL_DEFINITIONS, as for serve",
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--schema", action="store_true", help="print the JSON Schema instead")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    if args.schema:
        sys.stdout.write(json_schema())
        return 0
    loaded: Loaded | None = None
    try:
        loaded = load(args.file, os.environ, Path.cwd(), tables=TABLES, serving=False)
    except ConfigError as error:
        problems, source = error.problems, error.source
    else:
        problems, source = list(loaded.problems), loaded.source
    print(_as_json(problems, source, loaded) if args.json else _as_text(problems, source, loaded))
    return EX_CONFIG if loaded is None else 0


def _as_text(problems: list[Problem], source: str, loaded: Loaded | None) -> str:
    if loaded is None:
        return describe(problems, source)
    routes = loaded.config.routes
    targets = sum(len(route.targets) for route in routes)
    size = f"{counted(len(routes), 'route')}, {counted(targets, 'target')}"
    summary = f"{source} is valid: {size}, version {loaded.version}"
    return f"{describe(problems, source)}\n\n{summary}" if problems else summary


def _as_json(problems: list[Problem], source: str, loaded: Loaded | None) -> str:
    found = [
        {
            "path": problem.path,
            "found": problem.found,
            "expected": problem.expected,
            "remedy": problem.remedy,
            "warning": problem.warning,
            "line": problem.line,
        }
        for problem in problems
    ]
    version = None if loaded is None else loaded.version
    result = {"valid": loaded is not None, "source": source, "version": version, "problems": found}
    return json.dumps(result, indent=2, ensure_ascii=False)
