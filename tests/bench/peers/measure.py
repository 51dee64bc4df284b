"""The measurements, by name: each gives a row of figures per peer."""

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Mapping

from tests.bench.peers.measure_grpc import grpc
from tests.bench.peers.process import BODY, HERE, Running, Unusable, pinned, tool
from tests.bench.peers.rounds import (
    STREAM_URL,
    UNARY_URL,
    Figures,
    Plan,
    compared,
    launched,
    medians,
    rounds,
)
from tests.bench.peers.usage import Bench, Usage

FAULTS = ("500", "429", "reset", "hang", "cut")


def start(plan: Plan, bench: Bench) -> list[Figures]:
    """Seconds from the command to the first answer, and memory a second later."""

    def once(name: str) -> Figures:
        running = Running(name, [UNARY_URL], bench)
        try:
            time.sleep(1)
            return {"startup_s": round(running.startup_s, 3), "idle_mb": running.memory_mb}
        finally:
            running.stop()

    rows: list[Figures] = []
    for name in plan.peers:
        if name == "direct":
            continue
        try:
            runs = [once(name) for _ in range(plan.rounds)]
        except Unusable as reason:
            rows.append({"peer": name, "error": str(reason)})
            continue
        rows.append({"peer": name, **medians(runs), "runs": runs})
    return rows


def unary(plan: Plan, bench: Bench) -> list[Figures]:
    """Requests per second over HTTP, by wrk."""
    wrk = tool("wrk", "wrk")

    def once(running: Running, secs: float = plan.secs) -> Figures:
        headers = "\n".join(f"{name}={value}" for name, value in running.peer.headers.items())
        words = [wrk, "-t1", f"-c{plan.conns}", f"-d{max(1, round(secs))}s", "--timeout", "10s"]
        usage = Usage(bench, running.pid)
        done = subprocess.run(
            pinned(bench.load_cpu, [*words, "-s", str(HERE / "unary.lua"), running.url]),
            env={**os.environ, "BODY": BODY, "HEADERS": headers},
            capture_output=True,
            text=True,
            check=False,
        )
        used = usage.read()
        seen = re.search(r"^JSON (.*)$", done.stdout, re.MULTILINE)
        if seen is None:
            raise Unusable(f"wrk against {running.name}: {done.stdout[-300:]}{done.stderr[-300:]}")
        running.settle()
        return _wrk_figures(seen[1], used)

    rows: list[Figures] = []
    with launched(plan, [UNARY_URL], bench, rows) as live:
        idle = {running.name: running.memory_mb for running in live}
        for running in live:
            once(running, 1.0)
        runs = rounds(plan, live, once)
        for running in live:
            memory = {"idle_mb": idle[running.name], "after_mb": running.memory_mb}
            rows.append(
                {"peer": running.name, **medians(runs[running.name]), **memory, "runs": runs[running.name]}
            )
    compared(rows, "rps")
    return rows


def _wrk_figures(line: str, used: Mapping[str, float]) -> Figures:
    seen = json.loads(line)
    good = seen["requests"] - seen["bad_status"]
    return {
        "rps": round(good / (seen["us"] / 1e6), 1),
        "p50_ms": seen["p50_us"] / 1e3,
        "p99_ms": seen["p99_us"] / 1e3,
        "cpu_ms_per_request": round(used["gateway_cpu_s"] * 1e3 / max(1, seen["requests"]), 4),
        "bad": seen["bad_status"] + seen["socket_errors"],
        **used,
    }


def added(row: Figures, base: Figures) -> Figures:
    """What a gateway adds to `direct`, where both were measured."""
    return {
        f"added_{figure}": round(row[figure] - base[figure], 4)
        for figure in ("p50_ms", "p99_ms")
        if row.get(figure) is not None and base.get(figure) is not None
    }


def latency(plan: Plan, bench: Bench) -> list[Figures]:
    """Latency at a rate that strains nobody, HTTP for all and gRPC where there is that door."""
    shapes = ((1, plan.rate_one), (8, plan.rate))
    rows: list[Figures] = []
    with launched(plan, [UNARY_URL], bench, rows) as live:
        for running in live:
            running.load("load_http", "rate", "--conns", "8", "--rate", str(plan.rate), "--secs", "1")
        for conns, rate in shapes:
            words = ("--conns", str(conns), "--rate", str(rate), "--secs", str(plan.secs))
            base: Figures = {}
            for module, able in (
                ("load_http", live),
                ("load_grpc", [running for running in live if running.peer.grpc]),
            ):
                runs = rounds(plan, able, lambda r, m=module, w=words: r.load(m, "rate", *w))  # type: ignore[misc]
                for name, seen in runs.items():
                    row = {"peer": name, "door": module.removeprefix("load_"), "conns": conns, "rate": rate}
                    row |= medians(seen)
                    base = row if name == "direct" else base
                    if row is not base:
                        row |= added(row, base)
                    rows.append({**row, "runs": seen})
    return rows


def stream(plan: Plan, bench: Bench) -> list[Figures]:
    """Streamed chunks per second over HTTP, and time to the first byte of the body."""
    url = f"{STREAM_URL}/s/{plan.chunks}/{plan.gap_ms:g}"
    conns = str(min(plan.conns, 16))

    def once(running: Running) -> Figures:
        seen = running.load("load_http", "stream", "--conns", conns, "--secs", str(plan.secs))
        per_chunk = round(seen["gateway_cpu_s"] * 1e6 / max(1, seen["events"]), 2)
        first = {"ttfb_p50_ms": seen["ttfb"]["p50_ms"], "ttfb_p99_ms": seen["ttfb"]["p99_ms"]}
        return {**seen, **first, "cpu_us_per_chunk": per_chunk}

    rows: list[Figures] = []
    with launched(plan, [url], bench, rows) as live:
        for running in live:
            running.load("load_http", "stream", "--conns", "4", "--secs", "1")
        runs = rounds(plan, live, once)
        for running in live:
            memory = {"after_mb": running.memory_mb}
            rows.append(
                {"peer": running.name, **medians(runs[running.name]), **memory, "runs": runs[running.name]}
            )
    compared(rows, "chunks_s")
    return rows


def fault(plan: Plan, bench: Bench) -> list[Figures]:
    """What callers see when the first of two upstreams fails, for each way to fail."""
    rows: list[Figures] = []
    for kind in FAULTS:
        for name in plan.peers:
            if name == "direct":
                continue
            urls = [f"{STREAM_URL}/f/{kind}", STREAM_URL]
            try:
                running = Running(name, urls, bench, accept_errors=True)
            except Unusable as reason:
                rows.append({"peer": name, "fault": kind, "error": str(reason)})
                continue
            count = "20" if kind == "hang" else "200"
            for words in [["--stream"]] if kind == "cut" else [[], ["--stream"]]:
                seen = running.load("load_http", "fault", "--conns", "4", "--count", count, *words)
                rows.append({"peer": name, "fault": kind, "stream": bool(words), **seen})
            running.stop()
    return rows


MEASUREMENTS: Mapping[str, Callable[[Plan, Bench], list[Figures]]] = {
    measure.__name__: measure for measure in (start, unary, latency, stream, grpc, fault)
}
