"""The gateway under test, as a process of its own, and what /proc and its metrics say of it."""

import asyncio
import json
import re
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.real.processes import SWITCH, free_port, running

KEY = "a-key-for-chaos"
SETTLE = 10.0  # seconds in which what a run leaves behind must go
RETURNS = ("fds", "connections to providers", "threads", "tasks", "calls")  # what goes back to what it was
_ESTABLISHED = "01"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What a process holds at a moment. Connections to providers are counted apart from the other fds."""

    rss_mib: float
    fds: int
    pool: int  # connections to providers
    threads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A running gateway. `providers` are the ports of its upstreams."""

    pid: int
    http_port: int
    grpc_port: int
    log: Path
    providers: frozenset[int]

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def grpc(self) -> str:
        return f"127.0.0.1:{self.grpc_port}"

    def sample(self) -> Sample:
        process = Path(f"/proc/{self.pid}")
        status = (process / "status").read_text()
        sockets, others = set(), 0
        for fd in (process / "fd").iterdir():
            try:
                name = str(fd.readlink())
            except FileNotFoundError:  # closed meanwhile
                continue
            found = re.fullmatch(r"socket:\[(\d+)\]", name)
            if found:
                sockets.add(found[1])
            else:
                others += 1
        pool = len(sockets & self._to_providers(process))
        return Sample(
            rss_mib=_number(status, "VmRSS") / 1024,
            fds=others + len(sockets) - pool,
            pool=pool,
            threads=_number(status, "Threads"),
        )

    def _to_providers(self, process: Path) -> set[str]:
        """Inodes of this machine's sockets that are connected to a provider."""
        rows = (line.split() for line in (process / "net/tcp").read_text().splitlines()[1:])
        return {
            row[9]
            for row in rows
            if row[3] == _ESTABLISHED and int(row[2].rpartition(":")[2], 16) in self.providers
        }

    def metric(self, name: str) -> float:
        """A metric's sum over its labels."""
        request = urllib.request.Request(f"{self.http}/metrics", headers={"x-api-key": KEY})
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read().decode()
        values = re.findall(rf"^{name}(?:\{{.*\}})? (\S+)$", text, re.MULTILINE)
        return sum(map(float, values))


def _number(status: str, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+)", status, re.MULTILINE)
    assert found is not None, f"/proc/PID/status has no {name}"
    return int(found[1])


@contextmanager
def serving(
    models: Mapping[str, Any], home: Path, providers: frozenset[int], *, log_level: str = "debug"
) -> Iterator[Subject]:
    """A gateway with these routes; its access log is in `home`. Raises RuntimeError if it does not start."""
    config, log = home / "switch.json", home / "gateway.log"
    config.write_text(json.dumps({"models": models}, indent=1))
    http, rpc = free_port(), free_port()
    command = [SWITCH, "serve", "--config", config, "--http", f"127.0.0.1:{http}"]
    command += ["--grpc", f"127.0.0.1:{rpc}"]
    # A resolver that loses a packet may hold up one second of the run, not ten.
    resolver = "timeout:1 attempts:1"
    environment = {"ADMIN_API_KEY": KEY, "LOG_LEVEL": log_level, "RES_OPTIONS": resolver}
    environment["MIN_TIMEOUT_MS"] = "100"  # timers as short as faults.py wants them
    with running(command, http, "/readyz", log, environment) as process:
        yield Subject(pid=process.pid, http_port=http, grpc_port=rpc, log=log, providers=providers)


@dataclass(frozen=True, slots=True)
class Mock:
    """A running mock provider."""

    pid: int
    port: int

    def requests(self) -> list[dict[str, Any]]:
        """What came since the last call, oldest first; no more than a thousand."""
        seen: list[dict[str, Any]] = json.loads(self._get("/mock/requests?limit=1000"))
        self._get("/mock", "DELETE")
        return seen

    def stats(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._get("/mock/stats"))
        return found

    def _get(self, path: str, method: str = "GET") -> bytes:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            body: bytes = answer.read()
        return body


@contextmanager
def mock_provider(home: Path) -> Iterator[Mock]:
    port = free_port()
    with running([SWITCH, "mock", "--port", str(port)], port, "/v1/models", home / "mock.log") as process:
        yield Mock(process.pid, port)


async def at_rest(subject: Subject, like: Mapping[str, float] | None = None) -> dict[str, float]:
    """What the gateway holds without load: as soon as it is no more than `like`, else after a while."""
    limit = time.monotonic() + (2.0 if like is None else SETTLE)
    while True:
        sample = subject.sample()
        held = {
            "rss_mib": round(sample.rss_mib, 1),
            "fds": sample.fds,
            "connections to providers": sample.pool if like else 0,
            "threads": sample.threads,
            "tasks": await asyncio.to_thread(subject.metric, "switch_tasks"),
            "calls": await asyncio.to_thread(subject.metric, "switch_calls_in_flight"),
        }
        if like is not None and all(held[name] <= like[name] for name in RETURNS):
            return held
        if time.monotonic() > limit:
            return held
        await asyncio.sleep(0.1)
