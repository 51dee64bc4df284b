"""The sub-commands, in the order of `switch --help`."""

import argparse
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Final

# name -> what it does; the module of that name has `add_parser`
COMMANDS: Final[Mapping[str, str]] = {
    "serve": "run the gateway",
    "demo": "serve an embedded provider: no keys, no network",
    "validate": "check a configuration",
    "routes": "list the routes of a configuration and their targets",
    "key": "make a key for a caller",
    "chat": "ask a running gateway and print the answer as it comes",
    "status": "show how a running gateway's targets are doing",
    "reset": "close a target's breaker in a running gateway",
    "mock": "serve a deterministic upstream that speaks the vendors' APIs and fails on demand",
}


def add_parsers(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",  # it has no other name
    arguments: Sequence[str],
) -> None:
    """Adds the parser of the command that is named; where none is, all by their names, for the usage.

    A command's module is imported only if it is wanted: a client need not load the server, nor the server
    what asks it, and the usage is there where the packages of some are not.
    """
    named = next((word for word in arguments if not word.startswith("-")), None)
    if named in COMMANDS:
        import_module(f"switch_grpc.cli.{named}").add_parser(commands)
        return
    for name, does in COMMANDS.items():
        commands.add_parser(name, help=does)
