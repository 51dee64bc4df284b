"""A long run of everyday traffic with some faults and some callers who leave: does anything grow?

    python -m tests.chaos.soak [--minutes 10] [--rate 100] [--keep DIRECTORY]

70 % streams, both doors, 2 % of the calls on routes whose first target fails, 2 % cancelled. After a fifth of
the time the gateway is at rest for a moment; what it holds then it may hold at the end, and its memory may
rise by 5 MiB in 100,000 requests (judged from the 40,000th on). CHAOS_SEED repeats the order of calls.
"""

import argparse
import asyncio
import json
import os
import random
import secrets
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from tests.bench.peers.usage import cpu_seconds
from tests.chaos import figures
from tests.chaos.callers import Callers, Ending, callers
from tests.chaos.subject import Sample, Subject, at_rest, mock_provider, serving

STREAMS, CANCELS, FAULTS = 0.7, 0.02, 0.02
WARM_UP = 0.2  # of the time
SLOPE_LIMIT = 5.0  # MiB in 100,000 requests
# A call by gRPC leaves seven objects of grpcio's in a cycle, and the gateway collects each 50,000 objects
# (gateway.py). So the heap finds its size over rounds of some 15,000 requests: measured by gRPC it rose by
# 3 MiB until request 35,000, and by nothing from there to 60,000. By HTTP it is flat from request 5,000 on.
SETTLED = 40_000  # requests, after which memory is judged
JUDGED_OVER = 15_000  # requests at least; over fewer the slope is written down and not judged
FD_LIMIT, TASK_LIMIT = 2, 2
DEADLINE = 15.0  # seconds, of each call
SCRIPTS = (
    "status=500",
    "status=429",
    "fault=reset",
    "fault=garbage",
    "fault=malformed-json",
    "fault=cut;after=3",
    "fault=eof;after=3",
    "fault=error-event",
)
_TOKENS = 20
_CALM = f"tag;chunks={_TOKENS};gap=2"
_WORKERS = 24
_LEAVES_WITHIN = 0.06  # seconds; a stream takes 40 ms and what the gateway adds
_BLOCKS = 20  # averages of samples that the regression is made over


class Fit(NamedTuple):
    """MiB in 100,000 requests, and half the width of its 95 % confidence interval."""

    slope: float
    half_width: float


def fit(points: Sequence[tuple[int, float]]) -> Fit:
    """The line through (requests, MiB), over averages of blocks: neighbouring samples tell much the same."""
    size = max(1, len(points) // _BLOCKS)
    blocks = [points[at : at + size] for at in range(0, len(points) - size + 1, size)]
    x = [statistics.fmean(done for done, _ in block) / 1e5 for block in blocks]
    y = [statistics.fmean(rss for _, rss in block) for block in blocks]
    slope, intercept = statistics.linear_regression(x, y)
    errors = sum((b - intercept - slope * a) ** 2 for a, b in zip(x, y, strict=True))
    mean = statistics.fmean(x)
    spread = sum((a - mean) ** 2 for a in x)
    return Fit(slope, 2.1 * (errors / (len(x) - 2) / spread) ** 0.5)  # Student's t for 18 degrees of freedom


@dataclass(slots=True)
class Traffic:
    """The load: what was asked, and how it ended."""

    calls: Callers
    rng: random.Random
    rate: float
    done: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    async def run(self, seconds: float) -> None:
        ends = time.monotonic() + seconds
        await asyncio.gather(*(self._work(number, ends) for number in range(_WORKERS)))

    async def _work(self, number: int, ends: float) -> None:
        due = time.monotonic() + number / self.rate
        while due < ends:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            due = max(due + _WORKERS / self.rate, time.monotonic())
            await self._ask()

    async def _ask(self) -> None:
        rng = self.rng
        stream, door = rng.random() < STREAMS, rng.choice(("grpc", "http"))
        fault = rng.randrange(len(SCRIPTS)) if rng.random() < FAULTS else None
        leaves = rng.uniform(0.0, _LEAVES_WITHIN) if rng.random() < CANCELS else None
        route = "calm" if fault is None else f"fault-{fault}"
        self.done += 1
        key = f"rq-soak-{self.done}"
        call = self.calls.call(door, stream=stream, route=route, id=key, deadline=DEADLINE)
        try:
            async with asyncio.timeout(leaves):
                ending = await call
        except TimeoutError:
            self.outcomes["left"] += 1
            return
        self.outcomes[ending.outcome] += 1
        if not _is_right(ending, stream, fault is not None):
            self.wrong.append(f"{key} {door} {route}: {ending.outcome}, {ending.text[:200]!r}")


def _is_right(ending: Ending, stream: bool, faulty: bool) -> bool:
    """Whole and of one source; or, where the target was to fail, a stream that says that it broke."""
    if ending.terminals != 1:
        return False
    if ending.outcome == "OK":
        tokens = [token.rpartition(":") for token in ending.text.split()]
        whole = [int(number) for *_, number in tokens] == list(range(_TOKENS))
        return whole and len({source for source, *_ in tokens}) == 1
    return faulty and stream and ending.outcome.upper() == "STREAM_INTERRUPTED" and bool(ending.text)


def routes(base: str) -> dict[str, Any]:
    """One that is well, and one for each fault, whose second target is; breakers off, so that they go on."""

    def target(name: str, script: str, priority: int) -> dict[str, Any]:
        return {
            "name": name,
            "provider": "mock",
            "apiBase": base,
            "modelName": f"mock;{_CALM};{script}".rstrip(";"),
            "priority": priority,
        }

    made: dict[str, Any] = {"calm": {"providers": [target("one", "", 1)]}}
    for number, script in enumerate(SCRIPTS):
        two = [target("faulty", script, 1), target("healthy", "", 2)]
        made[f"fault-{number}"] = {"providers": two, "circuitBreaker": {"enabled": False}}
    return made


async def watch(subject: Subject, traffic: Traffic, samples: list[tuple[int, Sample]]) -> None:
    while True:
        samples.append((traffic.done, subject.sample()))
        await asyncio.sleep(1.0)


async def measure(home: Path, seed: str, seconds: float, rate: float) -> tuple[dict[str, Any], list[str]]:
    """Returns the figures, and what was wrong."""
    async with AsyncExitStack() as stack:
        mock = stack.enter_context(mock_provider(home))
        models = routes(f"http://127.0.0.1:{mock.port}/v1")
        subject = stack.enter_context(serving(models, home, frozenset({mock.port}), log_level="info"))
        rng = random.Random(seed)
        samples: list[tuple[int, Sample]] = []
        async with callers(subject) as calls:
            traffic = Traffic(calls, rng, rate)
            await traffic.run(seconds * WARM_UP)
        before = await at_rest(subject)
        began, used = time.monotonic(), cpu_seconds(subject.pid)
        async with callers(subject) as calls:
            traffic.calls = calls
            watcher = asyncio.get_running_loop().create_task(watch(subject, traffic, samples))
            await traffic.run(seconds * (1 - WARM_UP))
            watcher.cancel()
        used = (cpu_seconds(subject.pid) - used) / (time.monotonic() - began)
        after = await at_rest(subject)
        judged = traffic.done >= SETTLED + JUDGED_OVER
        settled = [(done, one.rss_mib) for done, one in samples if done >= SETTLED or not judged]
        line = fit(settled)
        told = {
            "minutes": seconds / 60,
            "requests": traffic.done,
            "requests_per_second": round(traffic.done / seconds, 1),
            "gateway_core": round(used, 3),
            "outcomes": dict(traffic.outcomes.most_common()),
            "attempts": round(subject.metric("switch_attempts_total")),
            "upstream_requests": sum(mock.stats()["by_model"].values()),
            "rss_mib_per_100k_requests": round(line.slope, 2),
            "rss_slope_is_judged": judged,
            "rss_slope_95_percent": [
                round(line.slope - line.half_width, 2),
                round(line.slope + line.half_width, 2),
            ],
            "rss_mib_over_time": [
                round(sample.rss_mib, 1) for _, sample in samples[:: len(samples) // 30 or 1]
            ],
            "peak_fds_under_load": max(sample.fds + sample.pool for _, sample in samples),
            "after_warm_up": before,
            "at_the_end": after,
            "wrong": len(traffic.wrong),
        }
        return told, [*traffic.wrong, *grown(line if judged else None, before, after)]


def grown(line: Fit | None, before: Mapping[str, float], after: Mapping[str, float]) -> list[str]:
    """What grew by more than it may; memory by `line`, where the run was long enough for one."""
    limits = {"fds": FD_LIMIT, "tasks": TASK_LIMIT, "threads": 0, "calls": 0}
    problems = [
        f"{name}: {before[name]} after the warm-up, {after[name]} at the end"
        for name, limit in limits.items()
        if abs(after[name] - before[name]) > limit
    ]
    if line is not None and line.slope > SLOPE_LIMIT:
        problems.append(f"memory grows by {line.slope:.1f} ± {line.half_width:.1f} MiB in 100,000 requests")
    return problems


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10.0, help="(default: %(default)s)")
    parser.add_argument("--rate", type=float, default=100.0, help="calls a second (default: %(default)s)")
    parser.add_argument("--keep", type=Path, metavar="DIRECTORY", help="where the gateway's log goes")
    options = parser.parse_args()
    seed = os.environ.get("CHAOS_SEED") or secrets.token_hex(4)
    home = (options.keep or Path(tempfile.mkdtemp(prefix="switch-soak-"))).absolute()
    home.mkdir(parents=True, exist_ok=True)
    print(f"CHAOS_SEED={seed}, {options.minutes:g} minutes, log in {home}", flush=True)
    told, problems = asyncio.run(measure(home, seed, options.minutes * 60, options.rate))
    print(json.dumps(told, indent=1))
    print("\n".join(problems[:20]))
    print("figures:", figures.write("soak", seed, told))
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
