"""What every measurement does: start upstreams and peers, visit all in turn, sum up.

Each round visits every peer once, so that a noisy minute hits all alike.
"""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.bench.peers.gateways import nginx_command
from tests.bench.peers.percentiles import median
from tests.bench.peers.process import Running, Unusable, pinned, start_background, stop, tool
from tests.bench.peers.upstream import ANSWER, MODELS
from tests.bench.peers.usage import Bench

UNARY_PORT, STREAM_PORT = 9000, 9001
UNARY_URL = f"http://127.0.0.1:{UNARY_PORT}"
STREAM_URL = f"http://127.0.0.1:{STREAM_PORT}"

Figures = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long and how hard. Rates are requests per second."""

    peers: Sequence[str]
    rounds: int = 5
    secs: float = 4.0
    conns: int = 64
    rate_one: float = 40.0  # over one connection
    rate: float = 80.0  # over eight
    chunks: int = 50
    gap_ms: float = -1.0  # between events of a stream; -1: a write each, 0: one burst


@contextmanager
def upstreams(bench: Bench) -> Iterator[None]:
    """nginx for unary answers, which no gateway here outruns, and our own for streams and faults."""
    locations = (
        f"location /v1/models {{ return 200 '{MODELS.decode()}'; }}"
        f"location ~ completions$ {{ return 200 '{ANSWER.decode()}'; }}"
    )
    tool("nginx", "nginx-light")
    commands = {
        "upstream-nginx": nginx_command(bench.work, "upstream", UNARY_PORT, locations),
        "upstream": [sys.executable, "-m", "tests.bench.peers.upstream", "--port", str(STREAM_PORT)],
    }
    started = [
        start_background(pinned(bench.load_cpu, command), bench.work / f"{name}.log")
        for name, command in commands.items()
    ]
    try:
        time.sleep(1)
        yield
    finally:
        for process in started:
            stop(process)


@contextmanager
def launched(plan: Plan, urls: Sequence[str], bench: Bench, failed: list[Figures]) -> Iterator[list[Running]]:
    """Every peer that starts; the others go to `failed` with the reason."""
    live: list[Running] = []
    try:
        for name in plan.peers:
            try:
                live.append(Running(name, urls, bench))
            except Unusable as reason:
                failed.append({"peer": name, "error": str(reason)})
        yield live
    finally:
        for running in live:
            running.stop()


def rounds(
    plan: Plan, live: Sequence[Running], measure: Callable[[Running], Figures]
) -> dict[str, list[Figures]]:
    """Runs by peer."""
    runs: dict[str, list[Figures]] = {running.name: [] for running in live}
    for _ in range(plan.rounds):
        for running in live:
            runs[running.name].append(measure(running))
    return runs


def medians(runs: Sequence[Mapping[str, Any]]) -> Figures:
    """Of every number; sums of what must be zero."""
    names = [name for name, value in runs[0].items() if isinstance(value, int | float)]
    middle: Figures = {name: median(run.get(name) for run in runs) for name in names}
    must_be_zero = [name for name in ("bad", "incomplete") if name in runs[0]]
    return {**middle, **{name: sum(run[name] for run in runs) for name in must_be_zero}}


def compared(summary: list[Figures], figure: str) -> None:
    """Adds each peer's share of `direct`."""
    base = next((row[figure] for row in summary if row["peer"] == "direct" and row.get(figure)), None)
    for row in summary:
        if base and row.get(figure) is not None:
            row["of_direct"] = round(row[figure] / base, 4)
