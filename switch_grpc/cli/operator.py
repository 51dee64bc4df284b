"""What the commands for operators share: which gateway, which key, and what a failure looks like."""

import argparse
import os
import sys
from collections.abc import Callable

from switch_client import Switch, SwitchError

ADDRESS = "127.0.0.1:50051"


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--grpc", default=ADDRESS, metavar="HOST:PORT|unix:PATH", help=f"the gateway (default: {ADDRESS})"
    )
    parser.add_argument(
        "--key", default=os.environ.get("SWITCH_API_KEY"), help="a key with the scope (or SWITCH_API_KEY)"
    )
    parser.add_argument("--timeout", type=float, default=5.0, metavar="SECONDS", help="default: %(default)g")


def asked(command: str, options: argparse.Namespace, ask: Callable[[Switch], None]) -> int:
    """Asks the gateway; the exit status."""
    try:
        with Switch(options.grpc, api_key=options.key, timeout=options.timeout) as client:
            ask(client)
    except SwitchError as error:
        print(f"switch {command}: {options.grpc}: {error.reason}: {error.message}", file=sys.stderr)
        return 1
    return 0
