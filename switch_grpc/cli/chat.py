"""`switch chat ROUTE TEXT`: asks a running gateway, and prints the answer as it comes."""

import argparse
import sys
from collections.abc import Callable, Iterator
from importlib import import_module

from switch_client import Switch, SwitchError
from switch_grpc.cli import encryption
from switch_grpc.cli.missing import tell_missing
from switch_grpc.cli.operator import add_key, seconds, told

Messages = list[dict[str, str]]
Commands = argparse._SubParsersAction  # noqa: SLF001  # argparse has no public name for it


class NoAnswer(Exception):
    """No answer came by HTTP, or not all of it: what came instead."""


def add_parser(commands: "Commands[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("chat")
    parser.add_argument("route", metavar="ROUTE", help="the route to ask")
    parser.add_argument("text", metavar="TEXT", help="what to say, or - to read it from standard input")
    door = parser.add_mutually_exclusive_group()
    door.add_argument(
        "--grpc",
        nargs="?",
        const="127.0.0.1:50051",
        metavar="HOST:PORT|unix:PATH",
        help="by gRPC (the default, at 127.0.0.1:50051)",
    )
    door.add_argument(
        "--http",
        nargs="?",
        const="http://127.0.0.1:3000",
        metavar="URL|HOST:PORT|unix:PATH",
        help="by HTTP (at http://127.0.0.1:3000)",
    )
    parser.add_argument("--system", help="a system message to go before")
    add_key(parser, "API key (or SWITCH_API_KEY)")
    parser.add_argument("--timeout", type=seconds, metavar="SECONDS", help="deadline of the whole call")
    encryption.add_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    text = sys.stdin.read() if options.text == "-" else options.text
    messages = [{"role": "user", "content": text}]
    if options.system:
        messages.insert(0, {"role": "system", "content": options.system})
    try:
        pieces = _by_http() if options.http else _by_grpc
    except ModuleNotFoundError as error:
        return tell_missing(error)
    try:
        for piece in pieces(options, messages):
            print(piece, end="", flush=True)
    except SwitchError as error:
        print(f"\nswitch chat: {told(error)}", file=sys.stderr)
        return 1
    except NoAnswer as error:
        print(f"\nswitch chat: {error}", file=sys.stderr)
        return 1
    print()
    return 0


def _by_http() -> Callable[[argparse.Namespace, Messages], Iterator[str]]:
    """`chat_http.pieces`. Raises ModuleNotFoundError where only the client was installed."""
    pieces: Callable[[argparse.Namespace, Messages], Iterator[str]]
    pieces = import_module("switch_grpc.cli.chat_http").pieces
    return pieces


def _by_grpc(options: argparse.Namespace, messages: Messages) -> Iterator[str]:
    with (
        Switch(
            options.grpc or "127.0.0.1:50051", api_key=options.key, tls=encryption.tls_of(options)
        ) as client,
        client.stream_chat(options.route, messages, timeout=options.timeout) as chunks,
    ):
        for chunk in chunks:
            for choice in chunk.choices:
                yield choice.delta.content or choice.delta.refusal
