"""`switch serve`: runs the gateway, both doors in one process."""

import argparse
import os
import sys
from pathlib import Path

import uvloop

from switch_grpc.assembly import TABLES
from switch_grpc.config.environment import Flags
from switch_grpc.config.problem import EX_CONFIG, ConfigError, describe
from switch_grpc.config.source import Loaded, load
from switch_grpc.gateway import Gateway, Load
from switch_grpc.server.listen import ListenError
from switch_grpc.server.signals import Stop, handled

Commands = argparse._SubParsersAction  # noqa: SLF001  # argparse has no public name for it


def add_parser(commands: "Commands[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("serve")
    parser.add_argument(
        "--config",
        metavar="FILE",
        help="configuration (or SWITCH_CONFIG; else definitions.json here, else MODEL_DEFINITIONS)",
    )
    parser.add_argument(
        "--http", metavar="HOST:PORT|unix:PATH", help="where the HTTP door listens (127.0.0.1:3000)"
    )
    parser.add_argument(
        "--grpc", metavar="HOST:PORT|unix:PATH", help="where the gRPC door listens (127.0.0.1:50051)"
    )
    parser.add_argument(
        "--insecure", action="store_true", help="allow plaintext on addresses that are not loopback"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    flags = Flags(http=options.http, grpc=options.grpc, insecure=options.insecure)

    def read() -> Loaded:
        return load(options.config, os.environ, Path.cwd(), tables=TABLES, flags=flags)

    try:
        loaded = read()
    except ConfigError as error:
        print(error, file=sys.stderr)
        return EX_CONFIG
    if loaded.problems:
        print(describe(loaded.problems, loaded.source), file=sys.stderr)
    try:
        uvloop.run(_serve(loaded, read))
    except ListenError as error:
        print(f"switch serve: {error}", file=sys.stderr)
        return 1
    except ConfigError as error:
        print(error, file=sys.stderr)
        return EX_CONFIG
    _let_go_of_the_log()
    return 0


async def _serve(loaded: Loaded, read: Load) -> None:
    stop = Stop()
    gateway = Gateway(loaded, load=read, log=sys.stdout)
    with handled(stop, gateway.reload_later):
        async with gateway:
            admin = f", admin on {gateway.admin_address}" if gateway.admin_address else ""
            print(f"HTTP on {gateway.http_address}, gRPC on {gateway.grpc_address}{admin}", file=sys.stderr)
            await gateway.serve(stop)


def _let_go_of_the_log() -> None:
    """Where nobody reads the log any more, its last lines are lost; the gateway ended well all the same."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
