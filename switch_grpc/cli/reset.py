"""`switch reset`: closes a target's breaker in a running gateway, and ends its cooldown."""

import argparse

from switch_client import Switch
from switch_grpc.cli.operator import add_options, asked

Commands = argparse._SubParsersAction  # noqa: SLF001  # argparse has no public name for it


def add_parser(commands: "Commands[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "reset",
        description="Closes breakers, and forgets overrides, cooldowns and the steps of the permanent "
        "ladder. Needs a key with the scope admin:write.",
    )
    parser.add_argument("route", metavar="ROUTE")
    parser.add_argument("target", nargs="?", default="", metavar="TARGET", help="default: all of the route")
    add_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    def ask(client: Switch) -> None:
        for target in client.admin.reset(options.route, options.target):
            print(f"{target.route} {target.target}: closed")

    return asked("reset", options, ask)
