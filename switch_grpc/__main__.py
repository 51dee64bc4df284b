"""The `switch` command."""

import argparse
import sys
from collections.abc import Sequence

from switch_grpc import __version__

OWN = ("switch_grpc", "http_facade", "switch_client")
MISSING = """\
switch: the package {name!r} is not installed.
The gateway and this command need the extra `server`; install it with

    pip install 'switch-gateway[server]'
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one sub-command and gives its exit status."""
    parser = argparse.ArgumentParser(
        prog="switch", description="LLM gateway: named routes over many providers, by gRPC and HTTP."
    )
    parser.add_argument("--version", action="version", version=f"switch {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    try:
        from switch_grpc.cli.commands import COMMANDS  # here, so that a missing extra is told and not a traceback
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in OWN:
            raise
        sys.stderr.write(MISSING.format(name=error.name))
        return 1
    for add_parser in COMMANDS:
        add_parser(commands)
    options = parser.parse_args(arguments)
    try:
        status: int = options.run(options)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 141
    return status


if __name__ == "__main__":
    sys.exit(main())
