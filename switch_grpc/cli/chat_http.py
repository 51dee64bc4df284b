"""`switch chat --http`: the answer by HTTP, which needs the extra `server` for httpx."""

import argparse
import json
import ssl
from collections.abc import Iterator
from typing import Any

import httpx

from switch_grpc.cli import encryption
from switch_grpc.cli.chat import NoAnswer
from switch_grpc.cli.operator import GIVE_A_KEY


def pieces(options: argparse.Namespace, messages: list[dict[str, str]]) -> Iterator[str]:
    """The answer's text as it comes. Raises NoAnswer."""
    try:
        yield from _pieces(options, messages)
    except (httpx.HTTPError, ssl.SSLError) as error:
        raise NoAnswer(f"{options.http}: {error}") from error


def _pieces(options: argparse.Namespace, messages: list[dict[str, str]]) -> Iterator[str]:
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
