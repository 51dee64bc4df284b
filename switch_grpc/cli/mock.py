"""`switch mock`: the mock provider as a process, for demos, benchmarks and other people's tests."""

import argparse
import asyncio
import errno
import signal
import sys
from typing import Final

from switch_grpc.mock import MockServer

_KEEP: Final = 100  # requests that GET /mock/requests can show


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "mock",
        description="Serves a mock provider until SIGINT or SIGTERM, in the dialects of OpenAI, Anthropic, "
        "Amazon Bedrock and Google Gemini by the path of a request. The model name says how it behaves: "
        "'mock' answers, 'mock;status=503;times=2' fails twice, 'mock;fault=cut;after=3' cuts a stream. "
        "docs/mock.md lists all keys.",
    )
    parser.add_argument("--port", type=_port, required=True, help="port to listen on; 0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--key", help="the API key to insist on (default: any, or none)")
    parser.set_defaults(run=run)


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"'{text}' is no port: give a number from 0 to 65535")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Serves; 0 after a signal, 1 if the address cannot be bound."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_serve(args.host, args.port, args.key))


async def _serve(host: str, port: int, key: str | None) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    mock = MockServer(host, port, key, keep=_KEEP)
    try:
        await mock.start()
    except OSError as error:
        print(_why_not(host, port, error), file=sys.stderr)
        return 1
    print(f"mock provider on {mock.url}", flush=True)
    await stop.wait()
    await mock.close()
    return 0


def _why_not(host: str, port: int, error: OSError) -> str:
    where = f"switch mock: cannot listen on {host}:{port}"
    if error.errno == errno.EADDRINUSE:
        return f"{where}: the port is in use; stop what listens there, or take another with --port"
    return f"{where}: {error}; check --host and --port"


def _loop_factory() -> "type[asyncio.AbstractEventLoop] | None":
    try:
        import uvloop  # absent on platforms without it
    except ImportError:
        return None
    return uvloop.Loop
