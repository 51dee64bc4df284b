"""`switch demo`: the gateway with an embedded provider. No keys, no network, nothing to configure."""

import argparse
import asyncio
import json
import os
import shlex
import sys
from pathlib import Path
from typing import Any

import httpx
import uvloop

from switch_grpc.assembly import TABLES
from switch_grpc.config.environment import Flags
from switch_grpc.config.problem import EX_CONFIG, ConfigError
from switch_grpc.config.source import Loaded, load
from switch_grpc.gateway import Gateway
from switch_grpc.mock.server import MockServer
from switch_grpc.server.listen import ListenError
from switch_grpc.server.signals import Stop, handled

Commands = argparse._SubParsersAction  # noqa: SLF001  # argparse has no public name for it

KEEP = 10  # requests that the embedded provider remembers
QUESTION = "What is a gateway for?"
TRY = """
Switch is serving two routes, `demo` and `demo-fallback` (whose first target always fails).
Try, in another terminal:

  curl

    curl {socket}-N {http}/v1/chat/completions -H 'content-type: application/json' \\
      -d '{{"model": "demo", "stream": true, "messages": [{{"role": "user", "content": "Hello!"}}]}}'
{by_openai}
  a gRPC stub

    {python} -c "from switch_client import Switch; print(Switch('{grpc}').chat('demo', 'Hello!'))"
"""
BY_OPENAI = """
  the openai package ({python} -m pip install openai)

    {python} -c "from openai import OpenAI; print(OpenAI(base_url='{http}/v1', api_key='none')\\
      .chat.completions.create(model='demo-fallback', messages=[dict(role='user', content='Hello!')]))"
"""


def add_parser(commands: "Commands[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("demo")
    parser.add_argument("--once", action="store_true", help="show one answer and end")
    parser.add_argument("--http", metavar="HOST:PORT|unix:PATH", default="127.0.0.1:3000")
    parser.add_argument("--grpc", metavar="HOST:PORT|unix:PATH", default="127.0.0.1:50051")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    try:
        uvloop.run(_demo(options))
    except ListenError as error:
        print(f"switch demo: {error}\nChoose others with --http and --grpc.", file=sys.stderr)
        return 1
    except ConfigError as error:  # an address that is none
        print(error, file=sys.stderr)
        return EX_CONFIG
    return 0


def definitions(mock_url: str) -> dict[str, Any]:
    """A configuration of two routes to the mock provider at `mock_url`."""

    def target(name: str, model: str, priority: int) -> dict[str, Any]:
        row = {"name": name, "provider": "mock", "apiBase": mock_url, "modelName": model}
        return {**row, "priority": priority}

    return {
        "auth": {"mode": "none"},
        "models": {
            "demo": {"providers": [target("embedded", "mock", 1)]},
            "demo-fallback": {
                "providers": [target("broken", "mock;status=503", 1), target("embedded", "mock", 2)]
            },
        },
    }


async def _demo(options: argparse.Namespace) -> None:
    flags = Flags(http=options.http, grpc=options.grpc)
    async with MockServer(keep=KEEP) as mock:

        def read() -> Loaded:
            environ = {"MODEL_DEFINITIONS": json.dumps(definitions(mock.url)), "LOG_LEVEL": "warning"}
            return load(None, environ, Path(os.devnull).parent, tables=TABLES, flags=flags)

        gateway, stop = Gateway(read(), load=read, log=sys.stderr), Stop()
        with handled(stop, gateway.reload_later):
            async with gateway:
                print(to_try(gateway.http_address, gateway.grpc_address))
                await asyncio.to_thread(_show, gateway.http_address)
                if not options.once:
                    print("\nCtrl-C ends it.", flush=True)
                    await gateway.serve(stop)


def to_try(http: str, grpc: str) -> str:
    """Commands for another terminal, given where the doors listen (`HOST:PORT` or `unix:PATH`).

    How the openai package is led to a socket differs between its versions, so that has no command.
    """
    python, path = _python(), http.removeprefix("unix:")
    if path != http:
        socket = f"--unix-socket {shlex.quote(path)} "
        return TRY.format(http="http://localhost", grpc=grpc, python=python, socket=socket, by_openai="")
    url = f"http://{http}"
    by_openai = BY_OPENAI.format(http=url, python=python)
    return TRY.format(http=url, grpc=grpc, python=python, socket="", by_openai=by_openai)


def _python() -> str:
    """The interpreter, as a newcomer in the project's folder would type it."""
    path = Path(sys.executable)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _show(address: str) -> None:
    """One question to the route whose first target fails, and who answered it."""
    path = address.removeprefix("unix:")
    transport = httpx.HTTPTransport(uds=path) if path != address else None
    request = {"model": "demo-fallback", "messages": [{"role": "user", "content": QUESTION}]}
    with httpx.Client(transport=transport, trust_env=False) as client:
        host = "localhost" if transport else address
        response = client.post(f"http://{host}/v1/chat/completions", json=request)
    response.raise_for_status()
    print(f"One answer, from the route `demo-fallback`:\n\n    {QUESTION}")
    print(f"    {response.json()['choices'][0]['message']['content']}\n")
    for name in ("x-used-provider", "x-used-fallback", "x-circuit-breaker-state", "x-provider-response-time"):
        print(f"    {name}: {response.headers.get(name)}")
