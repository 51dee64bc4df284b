"""Runs a gateway on one core and load on another."""

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.bench.peers.gateways import MODEL, PEERS, PORTS, Setting
from tests.bench.peers.usage import Bench, Usage, cpu_seconds, memory_mb

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
_START_LIMIT = 90.0  # seconds; LiteLLM needs eight
BODY = json.dumps(
    {
        "model": MODEL,
        "messages": [
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": "Hello! Say something nice, please."},
        ],
    },
    separators=(",", ":"),
)


class Unusable(Exception):
    """A peer or tool that cannot be measured; says why."""


def pinned(cpu: int, command: Sequence[str]) -> list[str]:
    return ["taskset", "-c", str(cpu), *command]


def tool(name: str, package: str) -> str:
    """The path of a program. Raises Unusable that names its Debian package."""
    path = shutil.which(name)
    if path is None:
        raise Unusable(f"{name} is not installed: apt-get install {package}")
    return path


def stop(process: "subprocess.Popen[bytes]") -> None:
    """Ends a process and its group."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        os.killpg(process.pid, number)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            continue


def start_background(command: Sequence[str], log: Path, env: Mapping[str, str] | None = None) -> Any:
    with log.open("wb") as out:
        return subprocess.Popen(
            command,
            stdout=out,
            stderr=out,
            env={**os.environ, **(env or {})},
            cwd=ROOT,
            start_new_session=True,
        )


class Running:
    """One started gateway, or the upstream itself for `direct`. Raises Unusable if it does not come up."""

    def __init__(self, name: str, urls: Sequence[str], bench: Bench, *, accept_errors: bool = False) -> None:
        """`accept_errors`: an answer that is not 200 counts as started, for fault tests."""
        self.name, self._bench, self.last = name, bench, ""
        self.port = PORTS[name]
        self.peer = PEERS[name](Setting(port=self.port, urls=urls, work=bench.work, home=bench.home))
        self.process: subprocess.Popen[bytes] | None = None
        path = "/v1/chat/completions"
        if not self.peer.command:
            self.port, path = urlsplit(urls[0]).port or 80, urlsplit(urls[0]).path + path
        self.url = f"http://127.0.0.1:{self.port}{path}"
        self.startup_s = 0.0
        if self.peer.command:
            self._start(accept_errors)

    def _start(self, accept_errors: bool) -> None:
        if shutil.which(self.peer.command[0]) is None:
            raise Unusable(f"{self.name} is not installed: run `make bench-peers`")
        log = self._bench.work / f"{self.name}-{self.port}.log"
        began = time.perf_counter()
        command = pinned(self._bench.gateway_cpu, self.peer.command)
        self.process = start_background(command, log, self.peer.environment)
        while not self.answers():
            waited = time.perf_counter() - began
            if accept_errors and self.last and waited > 5:
                break
            if self.process.poll() is not None or waited > _START_LIMIT:
                self.stop()
                raise Unusable(f"{self.name} did not start: {log.read_text(errors='replace')[-600:]}")
            time.sleep(0.01)
        self.startup_s = time.perf_counter() - began

    def answers(self) -> bool:
        """Asks once; `last` tells what came back."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            headers = {"Content-Type": "application/json", **self.peer.headers}
            connection.request("POST", urlsplit(self.url).path, BODY, headers)
            answer = connection.getresponse()
            self.last = f"{answer.status} {answer.read(300)!r}"
        except TimeoutError:
            self.last = "timeout"
            return False
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
        return answer.status == 200

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process else None

    @property
    def memory_mb(self) -> float:
        return memory_mb(self.pid) if self.pid else 0.0

    def headers(self) -> list[str]:
        return [part for name, value in self.peer.headers.items() for part in ("--header", f"{name}={value}")]

    def load(self, module: str, what: str, *words: str) -> dict[str, Any]:
        """Runs a load client on the load core; its figures, with what was used meanwhile."""
        where = ["--target", self.peer.grpc or ""] if module == "load_grpc" else ["--url", self.url]
        command = [sys.executable, "-m", f"tests.bench.peers.{module}", what, *where, *self.headers(), *words]
        usage = Usage(self._bench, self.pid)
        done = subprocess.run(
            pinned(self._bench.load_cpu, command), capture_output=True, text=True, cwd=ROOT, check=False
        )
        if done.returncode:
            raise Unusable(f"{self.name}: {done.stderr[-500:]}")
        figures: dict[str, Any] = json.loads(done.stdout)
        return {**figures, **usage.read()}

    def settle(self) -> None:
        """Waits until it is idle: a slow gateway would finish dropped requests on the next peer's core."""
        if self.pid is None:
            return
        for _ in range(40):
            before = cpu_seconds(self.pid)
            time.sleep(0.2)
            if cpu_seconds(self.pid) - before < 0.03:
                return

    def stop(self) -> None:
        if self.process is not None:
            stop(self.process)
