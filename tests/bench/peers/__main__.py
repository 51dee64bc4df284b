"""Measures gateways side by side over one upstream.

    python -m tests.bench.peers all --home DIRECTORY        what docs/benchmarks.md shows
    python -m tests.bench.peers unary direct switch         one measurement, these peers

Raw figures go to bench/results/MEASUREMENT.json, tables to docs/benchmarks.md. Peers that are not installed
are left out. Keep the machine quiet meanwhile.
"""

import argparse
import datetime
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

from tests.bench.peers.gateways import PEERS
from tests.bench.peers.install import OTHERS, YARDSTICK
from tests.bench.peers.interpreter import loop_us
from tests.bench.peers.measure import MEASUREMENTS
from tests.bench.peers.process import ROOT, Unusable
from tests.bench.peers.report import render
from tests.bench.peers.rounds import Plan, upstreams
from tests.bench.peers.usage import Bench

USUAL = ("start", "unary", "latency", "stream", "grpc")
LIBRARIES = ("switch-gateway", "aiohttp", "grpcio", "httptools", "msgspec", "protobuf", "uvicorn", "uvloop")
_USUAL_PLAN = Plan(peers=("direct", "switch", "litellm"))
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "switch-gateway"


def machine() -> dict[str, Any]:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "unknown CPU")
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "loop_us": loop_us(),
    }


def versions(home: Path) -> dict[str, str]:
    """Of what ours runs on, and of the peers that are installed."""
    found = {name: metadata.version(name) for name in LIBRARIES}
    for peer, requirement in (YARDSTICK | OTHERS).items():
        package = re.split(r"[\[=]", requirement)[0]
        folders = [str(folder) for folder in home.glob(f"venv/{peer}/lib/python*/site-packages")]
        for distribution in metadata.distributions(name=package, path=folders):
            found[package] = distribution.version
    return found


def commit() -> str:
    """Of the working tree, with + where it differs."""
    git = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
    done = subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def options_of(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["all", *MEASUREMENTS])
    parser.add_argument("peers", nargs="*", default=_USUAL_PLAN.peers, help="of " + ", ".join(PEERS))
    parser.add_argument("--home", type=Path, default=CACHE / "peers", help="where install put the peers")
    parser.add_argument("--results", type=Path, default=ROOT / "bench" / "results")
    parser.add_argument("--report", type=Path, default=ROOT / "docs" / "benchmarks.md")
    parser.add_argument("--gateway-cpu", type=int, default=0)
    parser.add_argument("--load-cpu", type=int, default=min(1, (os.cpu_count() or 1) - 1))
    parser.add_argument("--rounds", type=int, default=_USUAL_PLAN.rounds)
    parser.add_argument("--secs", type=float, default=_USUAL_PLAN.secs, help="of each run")
    parser.add_argument("--conns", type=int, default=_USUAL_PLAN.conns)
    parser.add_argument("--chunks", type=int, default=_USUAL_PLAN.chunks)
    parser.add_argument("--gap-ms", type=float, default=_USUAL_PLAN.gap_ms)
    options = parser.parse_args(arguments)
    if unknown := set(options.peers) - PEERS.keys():
        parser.error(f"unknown peers: {', '.join(sorted(unknown))}; known: {', '.join(PEERS)}")
    return options


def run(options: argparse.Namespace) -> int:
    plan = Plan(
        peers=options.peers,
        rounds=options.rounds,
        secs=options.secs,
        conns=options.conns,
        chunks=options.chunks,
        gap_ms=options.gap_ms,
    )
    options.results.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="switch-bench-") as work:
        bench = Bench(
            home=options.home.resolve(),
            work=Path(work),
            gateway_cpu=options.gateway_cpu,
            load_cpu=options.load_cpu,
        )
        with upstreams(bench):
            for name in USUAL if options.what == "all" else [options.what]:
                rows = MEASUREMENTS[name](plan, bench)
                about = {"commit": commit(), "machine": machine(), "versions": versions(bench.home)}
                at = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
                result = {"what": name, "at": at, **about, "plan": asdict(plan), "rows": rows}
                (options.results / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
                for row in rows:
                    print(name, json.dumps({key: row[key] for key in row if key != "runs"}), flush=True)
    options.report.write_text(render(options.results))
    return 0


def main(arguments: list[str] | None = None) -> int:
    try:
        return run(options_of(arguments))
    except Unusable as reason:
        print(f"bench: {reason}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
