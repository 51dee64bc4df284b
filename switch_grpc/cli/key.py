"""`switch key new ID`: a caller's key, shown once, and what the configuration keeps of it."""

import argparse
import json
import os
import re
import secrets
import sys
from pathlib import Path
from typing import Final

from switch_grpc.auth import PEPPER, digest
from switch_grpc.call import ALL_SCOPES, INFERENCE
from switch_grpc.config.problem import EX_CONFIG, ConfigError
from switch_grpc.config.source import with_dotenv

SECRET_BYTES: Final = 24
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")  # as auth.keys takes it


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("key")
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    new = actions.add_parser(
        "new",
        help="print a new key once, and its hash for auth.keys",
        description="Prints a new key, which is kept nowhere, and the entry for auth.keys that lets its "
        f"bearer in. The hash is of {PEPPER}, where that is set here or in ./.env, and the key.",
    )
    new.add_argument("id", metavar="ID", type=_id, help="names the caller in logs and metrics")
    new.add_argument(
        "--scope",
        action="append",
        dest="scopes",
        choices=sorted(ALL_SCOPES),
        help=f"what the key may do; may be repeated (default: {INFERENCE})",
    )
    new.add_argument(
        "--route",
        action="append",
        dest="routes",
        metavar="PATTERN",
        help="a route that the key may use, `*` and `?` are wildcards; may be repeated (default: all)",
    )
    new.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    try:
        variables, _ = with_dotenv(os.environ, Path.cwd())
    except ConfigError as error:
        print(error, file=sys.stderr)
        return EX_CONFIG
    pepper = variables.get(PEPPER, "")
    key = new_key(options.id)
    entry: dict[str, object] = {"id": options.id, "hash": f"sha256:{digest(key, pepper).hex()}"}
    entry["scopes"] = options.scopes or [INFERENCE]
    if options.routes:
        entry["routes"] = options.routes
    print(f"The key, which is shown this once:\n\n    {key}\n")
    print(f"What goes into auth.keys:\n\n    {json.dumps(entry)}")
    if pepper:
        print(f"\nIt holds where {PEPPER} has the value that it has here.")
    return 0


def new_key(id: str) -> str:
    """`sw_<id>_<secret>`. The secret has no underscore, so that an id may."""
    return f"sw_{id}_{secrets.token_hex(SECRET_BYTES)}"


def _id(text: str) -> str:
    if not _ID.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"{text[:128]!r} is no id: use letters, digits, '.', '_' and '-', a letter or digit first"
        )
    return text
