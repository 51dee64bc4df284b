"""The fault matrix: every fault, by both doors, unary and streamed, with and without a healthy fallback.

    python -m tests.chaos.matrix [--requests 25] [--only WORD] [--keep DIRECTORY]

A real `switch serve` before a real `switch mock` and the fault proxies. Afterwards the three ledgers must
agree (`reconcile`), and the gateway must hold no more than it held before. CHAOS_SEED repeats a run.
"""

import argparse
import asyncio
import itertools
import json
import os
import secrets
import ssl
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme

from tests.chaos import figures
from tests.chaos.callers import Callers, Ending, callers
from tests.chaos.fault_proxy import REQUEST_ID, FaultProxy, refusing, unanswering
from tests.chaos.faults import FAULTS, Fault
from tests.chaos.reconcile import TOKENS, contradictions, read
from tests.chaos.subject import RETURNS, SETTLE, Mock, Subject, at_rest, mock_provider, serving

DEADLINE = 5.0  # seconds, of each call
_WHOLE = f"tag;chunks={TOKENS}"
_SHOWN = 20  # contradictions that are printed


@dataclass(frozen=True, slots=True)
class Cell:
    """One fault in one scenario; a route of its own."""

    fault: Fault
    door: str
    stream: bool
    fallback: bool

    @property
    def route(self) -> str:
        shape = "stream" if self.stream else "unary"
        behind = "fallback" if self.fallback else "alone"
        return f"{self.fault.name.replace(' ', '-')}.{self.door}.{shape}.{behind}"

    def config(self, base: str, mock: str) -> dict[str, Any]:
        """Alone, the breaker is off, so that every call meets the fault and hears its exact code."""
        faulty: dict[str, Any] = {
            "name": "faulty",
            "provider": "mock",
            "apiBase": base,
            "modelName": f"{self.route}.faulty;{_WHOLE};{self.fault.script}".rstrip(";"),
            "priority": 1,
            "maxRetries": 1,
            "retryDelay": 10,
            "timeouts": dict(self.fault.timeouts),
        }
        if self.fault.timeout is not None:
            faulty["timeout"] = self.fault.timeout
        route: dict[str, Any] = {"providers": [faulty], "circuitBreaker": {"enabled": self.fallback}}
        if self.fallback:
            model = f"{self.route}.healthy;{_WHOLE}"
            healthy = {
                "name": "healthy",
                "provider": "mock",
                "apiBase": mock,
                "modelName": model,
                "priority": 2,
            }
            route["providers"].append(healthy)
        return route


def cells(only: str) -> list[Cell]:
    scenarios = list(itertools.product(("grpc", "http"), (False, True), (False, True)))
    chosen = [fault for fault in FAULTS if only in fault.name]
    return [Cell(fault, *scenario) for fault in chosen for scenario in scenarios]


class Run:
    """Ledgers of a run, written as it goes."""

    def __init__(self, home: Path, seed: str, requests: int) -> None:
        self.home, self.seed, self.requests = home, seed, requests
        self.outcomes: Counter[str] = Counter()
        self.upstream = 0
        self.slowest = 0.0
        self._number = 0
        self._files = {name: (home / f"{name}.jsonl").open("w") for name in ("sent", "ended", "upstream")}

    def close(self) -> None:
        for file in self._files.values():
            file.close()

    async def cell(self, cell: Cell, calls: Callers) -> None:
        await asyncio.gather(*(self._call(cell, calls) for _ in range(self.requests)))

    async def _call(self, cell: Cell, calls: Callers) -> None:
        self._number += 1
        key = f"rq-{self.seed}-{self._number}"
        self._write("sent", {"id": key, "at": time.time()})
        ending = await calls.call(cell.door, stream=cell.stream, route=cell.route, id=key, deadline=DEADLINE)
        self._write("ended", _told(key, cell, ending))
        self.outcomes[ending.outcome] += 1
        self.slowest = max(self.slowest, ending.took)

    def saw(self, target: str, key: str, **more: object) -> None:
        """A request that reached a provider, or a proxy before it."""
        self._write("upstream", {"id": key, "target": target, **more})
        self.upstream += 1

    def _write(self, name: str, line: Mapping[str, object]) -> None:
        self._files[name].write(json.dumps(line) + "\n")


def _told(key: str, cell: Cell, ending: Ending) -> dict[str, object]:
    return {
        "id": key,
        "cell": cell.route,
        "fault": cell.fault.name,
        "door": cell.door,
        "stream": cell.stream,
        "fallback": cell.fallback,
        "deadline": DEADLINE,
        "took": round(ending.took, 4),
        "terminals": ending.terminals,
        "outcome": ending.outcome,
        "http": ending.http,
        "finished": ending.finished,
        "text": ending.text,
        "sha256": ending.digest.hexdigest(),
    }


def collect(run: Run, mock: Mock) -> None:
    """Takes over the mock's ledger; a model's name ends in its target's."""
    for request in mock.requests():
        found = REQUEST_ID.search(request["body"].encode())
        if request["method"] == "POST" and found is not None:
            target = request["model"].partition(";")[0].rpartition(".")[2]
            left = request["closed_at"] is not None
            run.saw(target, found[0].decode(), attempt=request["id"], status=request["status"], left=left)


async def quiet(mock: Mock, problems: list[str], where: str) -> None:
    """Waits until the gateway has left every request that it gave up; how it should be within moments."""
    limit = time.monotonic() + SETTLE
    while (left := mock.stats()["in_flight"]) and time.monotonic() < limit:  # noqa: ASYNC110  # a process
        await asyncio.sleep(0.02)
    if left:
        problems.append(f"{where}: {left} requests still open at the provider after {SETTLE:.0f} s")


async def bases(stack: AsyncExitStack, mock: Mock, seed: str) -> tuple[dict[str, str], dict[str, FaultProxy]]:
    """For each fault the apiBase of its target, and the proxies among them."""
    places = {
        "refusing": f"http://127.0.0.1:{stack.enter_context(refusing())}/v1",
        "unanswering": f"http://127.0.0.1:{stack.enter_context(unanswering())}/v1",
        "unresolved": "https://nowhere.invalid/v1",  # RFC 6761: never resolves
    }
    found, proxies = {}, {}
    for fault in FAULTS:
        if fault.way is None:
            found[fault.name] = places.get(fault.place, f"http://127.0.0.1:{mock.port}/v1")
            continue
        tls = _untrusted() if fault.certificate else None
        proxy = FaultProxy(fault.name, fault.way, mock.port, seed=seed, tls=tls)
        proxies[fault.name] = await stack.enter_async_context(proxy)
        found[fault.name] = f"http{'s' if fault.https else ''}://127.0.0.1:{proxy.port}/v1"
    return found, proxies


def _untrusted() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


async def measure(run: Run, chosen: Sequence[Cell]) -> tuple[dict[str, object], list[str]]:
    """Runs all cells. Returns the figures, and what was wrong with the gateway as a process."""
    problems: list[str] = []
    async with AsyncExitStack() as stack:
        mock_stack = stack.enter_context(ExitStack())
        mock = mock_stack.enter_context(mock_provider(run.home))
        at, proxies = await bases(stack, mock, run.seed)
        healthy = f"http://127.0.0.1:{mock.port}/v1"
        models = {cell.route: cell.config(at[cell.fault.name], healthy) for cell in chosen}
        models["warm"] = {
            "providers": [{"name": "w", "provider": "mock", "apiBase": healthy, "modelName": "w"}]
        }
        ports = frozenset({mock.port, *(proxy.port for proxy in proxies.values())})
        subject = stack.enter_context(serving(models, run.home, ports))
        await warm(subject)
        before = await at_rest(subject)
        began = time.monotonic()
        async with callers(subject) as calls:
            for number, cell in enumerate(chosen, 1):
                await run.cell(cell, calls)
                await quiet(mock, problems, cell.route)
                collect(run, mock)
                if number % 40 == 0:
                    print(f"  {number} of {len(chosen)} cells, {time.monotonic() - began:.0f} s", flush=True)
        took = time.monotonic() - began
        for proxy in proxies.values():
            for swallowed in proxy.ledger:
                run.saw("faulty", swallowed.request)
            await proxy.__aexit__()
        mock_stack.close()  # the provider goes, and with it the pool's idle connections
        after = await at_rest(subject, like=before)
        problems += [
            f"the gateway holds {after[name]} {name} afterwards, {before[name]} before"
            for name in RETURNS
            if after[name] > before[name]
        ]
    return {"seconds": round(took, 1), "before": before, "after": after}, problems


async def warm(subject: Subject) -> None:
    """Has everything that is made once made: loggers, threads, pools, code."""
    async with callers(subject) as calls:
        for door, stream in itertools.product(("grpc", "http"), (False, True)):
            await calls.call(door, stream=stream, route="warm", id=f"warm-{door}-{stream}", deadline=DEADLINE)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=25, help="in each cell (default: %(default)s)")
    parser.add_argument("--only", default="", metavar="WORD", help="faults whose name contains it")
    parser.add_argument("--keep", type=Path, metavar="DIRECTORY", help="where the ledgers go")
    options = parser.parse_args()
    seed = os.environ.get("CHAOS_SEED") or secrets.token_hex(4)
    home = (options.keep or Path(tempfile.mkdtemp(prefix="switch-chaos-"))).absolute()
    home.mkdir(parents=True, exist_ok=True)
    chosen = cells(options.only)
    if not chosen:
        sys.exit(f"no fault is named like {options.only!r}; there are {', '.join(f.name for f in FAULTS)}")
    print(
        f"CHAOS_SEED={seed}, {len(chosen)} cells of {options.requests} requests, ledgers in {home}",
        flush=True,
    )
    run = Run(home, seed, options.requests)
    figures_of, problems = asyncio.run(measure(run, chosen))
    run.close()
    ledgers = read(home)
    problems += contradictions(ledgers)
    attempts = sum(line["event"] == "attempt" for line in ledgers.log)
    told = {
        "cells": len(chosen),
        "faults": len({cell.fault.name for cell in chosen}),
        "requests": len(ledgers.sent),
        "attempts": attempts,
        "upstream_requests": run.upstream,
        "slowest_call_s": round(run.slowest, 2),
        "outcomes": dict(run.outcomes.most_common()),
        **figures_of,
        "contradictions": len(problems),
    }
    print(json.dumps(told, indent=1))
    print("\n".join(problems[:_SHOWN]))
    if not options.only:
        print("figures:", figures.write("chaos", seed, told))
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
