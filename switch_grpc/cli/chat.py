"""`switch chat ROUTE TEXT`: asks a running gateway, and prints the answer as it comes."""

import argparse
import json
import ssl
import sys
from collections.abc import Iterator
from typing import Any

import httpx

from switch_client import Switch, SwitchError
from switch_grpc.cli import encryption
from switch_grpc.cli.operator import GIVE_A_KEY, add_key, seconds, told

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
    add_key(parser, "API key (or SWITCH_API_KEY)")
    parser.add_argument("--timeout", type=seconds, metavar="SECONDS", help="deadline of the whole call")
    encryption.add_options(parser)
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
        print(f"\nswitch chat: {told(error)}", file=sys.stderr)
        return 1
    except (httpx.HTTPError, ssl.SSLError) as error:
        print(f"\nswitch chat: {options.http}: {error}", file=sys.stderr)
        return 1
    print()
    return 0


def _by_grpc(options: argparse.Namespace, messages: list[dict[str, str]]) -> Iterator[str]:
    with (
        Switch(
            options.grpc or "127.0.0.1:50051", api_key=options.key, tls=encryption.tls_of(options)
        ) as client,
        client.stream_chat(options.route, messages, timeout=options.timeout) as chunks,
    ):
        for chunk in chunks:
            for choice in chunk.choices:
                yield choice.delta.content or choice.delta.refusal


def _by_http(options: argparse.Namespace, messages: list[dict[str, str]]) -> Iterator[str]:
    client, base = _client_at(options)
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
                    delta = choice["delta"]
                    yield delta.get("content") or delta.get("refusal") or ""
            elif line == "data: [DONE]":
                return
        raise httpx.HTTPError("the answer ended before it was complete")


def _client_at(options: argparse.Namespace) -> tuple[httpx.Client, str]:
    """A client for the gateway at a URL, HOST:PORT or unix:PATH, past any proxy; and the URL's base."""
    where, context = options.http, encryption.context_of(options)
    scheme = "https" if encryption.is_wanted(options) else "http"
    path = where.removeprefix("unix:")
    if path != where:
        transport = httpx.HTTPTransport(uds=path, verify=context)
        client = httpx.Client(transport=transport, timeout=options.timeout, trust_env=False)
        return client, f"{scheme}://localhost"
    base = where if "://" in where else f"{scheme}://{where}"
    client = httpx.Client(timeout=options.timeout, trust_env=False, verify=context)
    return client, base.rstrip("/").removesuffix("/v1")


def _error_text(response: httpx.Response) -> str:
    try:
        text = f"{response.status_code}: {response.json()['error']['message']}"
    except (ValueError, KeyError, TypeError):
        return f"{response.status_code}: not an answer of this gateway"
    keyless = "x-api-key" not in response.request.headers and response.status_code == httpx.codes.UNAUTHORIZED
    return f"{text}; {GIVE_A_KEY}" if keyless else text
