"""The `switch` command."""

import argparse
import sys
from collections.abc import Sequence

from switch_grpc import __version__
from switch_grpc.cli.commands import add_parsers
from switch_grpc.cli.missing import tell_missing


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one sub-command and gives its exit status."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    parser = argparse.ArgumentParser(
        prog="switch", description="LLM gateway: named routes over many providers, by gRPC and HTTP."
    )
    parser.add_argument("--version", action="version", version=f"switch {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    try:
        add_parsers(commands, words)
    except ModuleNotFoundError as error:
        return tell_missing(error)
    options = parser.parse_args(words)
    try:
        status: int = options.run(options)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 141
    return status


if __name__ == "__main__":
    sys.exit(main())
