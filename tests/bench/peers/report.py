"""docs/benchmarks.md, written from the raw figures in bench/results."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.bench.peers.yardstick import section

Row = Mapping[str, Any]

_HEAD = """\
# Benchmarks

Written by `make bench` from the raw figures in [bench/results](../bench/results); edit neither by hand.

The gateway has one core, the load and the upstream share another; all is on loopback without TLS, and
every figure is the median of {rounds} rounds that visit the peers in turn. `direct` is the upstream without
a gateway. Compare within a table, never across machines. Where the load's core was {saturated} % busy or
more the load may have set the pace, not the gateway: such rows bear a *.
"""
_SATURATED = 0.97

# file -> (heading, what it says, columns as (title, figure, digits))
_TABLES: Mapping[str, tuple[str, str, Sequence[tuple[str, str, int]]]] = {
    "start": (
        "Start and memory",
        "Seconds from the command to the first answer; proportional memory a second after it.",
        (("start s", "startup_s", 2), ("idle MB", "idle_mb", 0)),
    ),
    "unary": (
        "Requests over HTTP",
        "Closed loop of {conns} connections by wrk, a short chat.",
        (
            ("requests/s", "rps", 0),
            ("of direct", "of_direct", 3),
            ("p50 ms", "p50_ms", 2),
            ("p99 ms", "p99_ms", 2),
            ("CPU ms/request", "cpu_ms_per_request", 3),
            ("MB after", "after_mb", 0),
            ("bad", "bad", 0),
        ),
    ),
    "grpc": (
        "gRPC",
        "Closed loop of 64 calls over 8 connections by h2load: `Chat`, and `StreamChat` of {chunks} chunks.",
        (
            ("", "kind", 0),
            ("calls/s", "rps", 0),
            ("messages/s", "messages_s", 0),
            ("CPU ms/call", "cpu_ms_per_request", 3),
            ("bad", "bad", 0),
        ),
    ),
    "latency": (
        "Latency",
        "Paced unary requests at a rate that strains nobody.",
        (
            ("door", "door", 0),
            ("connections", "conns", 0),
            ("requests/s", "rate", 0),
            ("p50 ms", "p50_ms", 2),
            ("p99 ms", "p99_ms", 2),
            ("added p50 ms", "added_p50_ms", 2),
            ("added p99 ms", "added_p99_ms", 2),
            ("bad", "bad", 0),
        ),
    ),
    "stream": (
        "Streams over HTTP",
        "Streams of {chunks} chunks, each an event of its own, as fast as they go over 16 connections.",
        (
            ("chunks/s", "chunks_s", 0),
            ("of direct", "of_direct", 3),
            ("first byte p50 ms", "ttfb_p50_ms", 2),
            ("CPU µs/chunk", "cpu_us_per_chunk", 1),
            ("MB after", "after_mb", 0),
            ("bad", "bad", 0),
            ("incomplete", "incomplete", 0),
        ),
    ),
    "fault": (
        "Fail-over",
        "The first of two upstreams fails in the way named; requests that the caller saw succeed.",
        (("fault", "fault", 0), ("stream", "stream", 0), ("success", "success", 0), ("of", "count", 0)),
    ),
}


def _cell(value: object, digits: int) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,.{digits}f}" if isinstance(value, int | float) else str(value)


def _row(row: Row, columns: Sequence[tuple[str, str, int]]) -> str:
    if "error" in row:
        return f"| {row['peer']} | not measured: {' '.join(str(row['error']).split())[:120]} |"
    mark = "*" if row.get("load_core", 0) >= _SATURATED else ""
    cells = [_cell(row.get(figure), digits) for _, figure, digits in columns]
    return f"| {row['peer']}{mark} | {' | '.join(cells)} |"


def _table(name: str, result: Mapping[str, Any]) -> str:
    heading, text, columns = _TABLES[name]
    titles = " | ".join(title for title, _, _ in columns)
    rows = "\n".join(_row(row, columns) for row in result["rows"])
    rule = "| --- " * (len(columns) + 1) + "|"
    return f"## {heading}\n\n{text.format(**result['plan'])}\n\n| peer | {titles} |\n{rule}\n{rows}\n"


def _machine(result: Mapping[str, Any]) -> str:
    about = result["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    return (
        f"## Machine and versions\n\n{about['cpu']}, {about['cores']} cores, {about['system']}; "
        f"Python {about['python']}; commit {result['commit']}, {result['at']}.\n{versions}.\n\n"
        f"One turn of a small loop takes it {about['loop_us']:.2f} µs. A build without profile-guided\n"
        "optimisation takes about half as long again; Debian's and those of python.org's images have it.\n"
        "`make bench PYTHON=... VENV=...` measures with another one.\n"
    )


def render(results: Path) -> str:
    """The whole document. Measurements without a file are left out."""
    found = {
        name: json.loads((results / f"{name}.json").read_text())
        for name in _TABLES
        if (results / f"{name}.json").exists()
    }
    newest = max(found.values(), key=lambda result: str(result["at"]))
    head = _HEAD.format(rounds=newest["plan"]["rounds"], saturated=round(_SATURATED * 100))
    tables = [_table(name, result) for name, result in found.items()]
    return "\n".join(filter(None, [head, section(found), *tables, _machine(newest)]))
