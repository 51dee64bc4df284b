"""`switch chat ROUTE TEXT`: asks a running gateway, and prints the answer as it comes."""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from typing import Any

import httpx

from switch_client import Switch, SwitchError

Commands = argparse._SubParsersAction  # noqa: SLF001  # argparse has no public name for it


def add_parser(commands: "Commands[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("chat", help="ask a running gateway and print the answer as it comes")
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
    parser.add_argument("--key", default=os.environ.get("SWITCH_API_KEY"), help="API key (or SWITCH_API_KEY)")
    parser.add_argument("--timeout", type=float, metavar="SECONDS", help="deadline of the whole call")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    text = sys.stdin.read() if options.text == "-" else options.text
    messages = [{"role": "user", "content": text}]
    if options.system:
        messages.insert(0, {"role": "system", "content": options.system})
    pieces = _by_http if options.http else _by_grpc
    try:
        for piece in pieces(options, messages):
            print(piece, end="", flush=True)
    except SwitchError as error:
        print(f"\nswitch chat: {error.reason}: {error.message}", file=sys.stderr)
        return 1
    except httpx.HTTPError as error:
        print(f"\nswitch chat: {options.http}: {error}", file=sys.stderr)
        return 1
    print()
    return 0


def _by_grpc(options: argparse.Namespace, messages: list[dict[str, str]]) -> Iterator[str]:
    with (
        Switch(options.grpc or "127.0.0.1:50051", api_key=options.key) as client,
        client.stream_chat(options.route, messages, timeout=options.timeout) as chunks,
    ):
        for chunk in chunks:
            for choice in chunk.choices:
                yield choice.delta.content


def _by_http(options: argparse.Namespace, messages: list[dict[str, str]]) -> Iterator[str]:
    client, base = _client_at(options.http, options.timeout)
    headers = {"x-api-key": options.key} if options.key else {}
    if options.timeout:
        headers["x-request-timeout-ms"] = str(int(options.timeout * 1e3))
    request = {"model": options.route, "messages": messages, "stream": True}
    with (
        client,
        client.stream("POST", f"{base}/v1/chat/completions", json=request, headers=headers) as response,
    ):
        if response.status_code != httpx.codes.OK:
            response.read()
            raise httpx.HTTPError(_error_text(response))
        for line in response.iter_lines():
            if line.startswith("data: {"):
                event: dict[str, Any] = json.loads(line.removeprefix("data: "))
                if "error" in event:
                    raise httpx.HTTPError(event["error"]["message"])
                for choice in event["choices"]:
                    yield choice["delta"].get("content") or ""


def _client_at(where: str, timeout: float | None) -> tuple[httpx.Client, str]:
    """A client for the gateway at a URL, HOST:PORT or unix:PATH, past any proxy; and the URL's base."""
    path = where.removeprefix("unix:")
    if path != where:
        transport = httpx.HTTPTransport(uds=path)
        return httpx.Client(transport=transport, timeout=timeout, trust_env=False), "http://localhost"
    base = where if "://" in where else f"http://{where}"
    return httpx.Client(timeout=timeout, trust_env=False), base.rstrip("/").removesuffix("/v1")


def _error_text(response: httpx.Response) -> str:
    try:
        return f"{response.status_code}: {response.json()['error']['message']}"
    except (ValueError, KeyError, TypeError):
        return f"{response.status_code}: not an answer of this gateway"
