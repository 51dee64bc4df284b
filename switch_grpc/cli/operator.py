"""What the commands for operators share: which gateway, which key, and what a failure looks like."""

import argparse
import math
import os
import sys
from collections.abc import Callable

from switch_client import Switch, SwitchError
from switch_grpc.cli import encryption

ADDRESS = "127.0.0.1:50051"
GIVE_A_KEY = "here by --key or SWITCH_API_KEY"


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--grpc", default=ADDRESS, metavar="HOST:PORT|unix:PATH", help=f"the gateway (default: {ADDRESS})"
    )
    add_key(parser, "a key with the scope (or SWITCH_API_KEY)")
    parser.add_argument(
        "--timeout", type=seconds, default=5.0, metavar="SECONDS", help="default: %(default)g"
    )
    encryption.add_options(parser)


def add_key(parser: argparse.ArgumentParser, says: str) -> None:
    parser.add_argument("--key", type=_key, default=os.environ.get("SWITCH_API_KEY"), help=says)


def seconds(text: str) -> float:
    """A time to wait. Raises ArgumentTypeError."""
    try:
        wait = float(text)
    except ValueError:
        wait = 0.0
    if not (wait > 0 and math.isfinite(wait)):
        raise argparse.ArgumentTypeError(f"{text!r} is no time to wait: give a number of seconds above 0")
    return wait


def _key(text: str) -> str | None:
    """None for an empty one, as unset variables often are; ArgumentTypeError where no header can carry it."""
    if not (text.isascii() and text.isprintable()):
        raise argparse.ArgumentTypeError("expected printable ASCII characters only")
    return text or None


def asked(command: str, options: argparse.Namespace, ask: Callable[[Switch], None]) -> int:
    """Asks the gateway; the exit status."""
    try:
        tls = encryption.tls_of(options)
        with Switch(options.grpc, api_key=options.key, timeout=options.timeout, tls=tls) as client:
            ask(client)
    except SwitchError as error:
        print(f"switch {command}: {options.grpc}: {told(error)}", file=sys.stderr)
        return 1
    return 0


def told(error: SwitchError) -> str:
    """What went wrong, with what a command can do about it."""
    here = f"; {GIVE_A_KEY}" if error.reason == "NO_KEY" else ""
    return f"{error.reason}: {error.message}{here}"
