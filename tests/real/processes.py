"""Starts the real programs: llama-server, `switch serve`, `switch mock`."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

CACHE = Path(
    os.environ.get("SWITCH_CACHE")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "switch-gateway"
)
LLAMA_SERVER = CACHE / "llama/build/bin/llama-server"
SWITCH = Path(sys.executable).parent / "switch"
_START_LIMIT = 30.0  # seconds
_STOP_LIMIT = 15.0


def free_port() -> int:
    """A port that nothing listens on now; programs that cannot report their port get one of these."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _wait(process: "subprocess.Popen[bytes]", port: int, path: str, log: Path) -> None:
    limit = time.monotonic() + _START_LIMIT
    while not _answers(port, path):
        if process.poll() is not None or time.monotonic() > limit:
            program = Path(str(process.args[0])).name if isinstance(process.args, list) else process.args
            raise RuntimeError(
                f"{program} does not answer {path} on {port}; its log: {log.read_text()[-4000:]}"
            )
        time.sleep(0.02)


@contextmanager
def running(
    command: Sequence[str | Path], port: int, ready: str, log: Path, env: Mapping[str, str] | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """The program, from its first 200 at path `ready` on; ended by SIGTERM.

    Raises RuntimeError with the end of its log if it does not start.
    """
    environment = {"PATH": os.environ["PATH"], "HOME": str(log.parent), **(env or {})}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(word) for word in command], stdout=out, stderr=out, env=environment, cwd=log.parent
        )
    try:
        _wait(process, port, ready, log)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_STOP_LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
