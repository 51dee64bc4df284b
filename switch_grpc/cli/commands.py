"""The sub-commands, in the order of `switch --help`."""

import argparse
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Final

NAMES: Final = ("serve", "demo", "validate", "routes", "key", "chat", "status", "reset", "mock")

AddParser = Callable[["argparse._SubParsersAction[argparse.ArgumentParser]"], None]  # noqa: SLF001  # it has no other name


def parsers(arguments: Sequence[str]) -> list[AddParser]:
    """What adds the parser of the command that is named, or of every command where none is.

    A command's module is imported only if it is wanted: a client need not load the server, nor the server
    what asks it.
    """
    if arguments[:1] == ["--version"]:
        return []
    named = next((word for word in arguments if not word.startswith("-")), None)
    wanted = (named,) if named in NAMES else NAMES
    return [import_module(f"switch_grpc.cli.{name}").add_parser for name in wanted]
