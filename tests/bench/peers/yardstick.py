"""The targets of the first release beside what was measured, with LiteLLM as the yardstick.

The targets were set on a machine where LiteLLM 1.106 spends 12.7 ms of CPU on a request, one process on one
core. What it spends in the same run as ours says how much slower this machine runs Python, at this hour:
machines are shared. Rates are multiplied by that and times divided; memory is memory.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

LITELLM_MS: Final = 12.7  # CPU of a request on the machine of the targets

Row = Mapping[str, Any]


class Target(NamedTuple):
    """One figure of one measurement's row for Switch; `power`: 1 for a rate, -1 for a time, 0 for neither."""

    name: str
    measurement: str
    where: Mapping[str, object]  # what else singles out the row
    figure: str
    bound: float
    power: int


TARGETS: Final[Sequence[Target]] = (
    Target("requests/s over HTTP, at least", "unary", {}, "rps", 2000, 1),
    Target("calls/s over gRPC, at least", "grpc", {"kind": "unary"}, "rps", 1200, 1),
    Target("burst chunks/s over HTTP, at least", "stream", {}, "chunks_s", 25_000, 1),
    Target(
        "added p50, ms, 1 connection, at most",
        "latency",
        {"door": "http", "conns": 1},
        "added_p50_ms",
        1.2,
        -1,
    ),
    Target("start to first answer, s, under", "start", {}, "startup_s", 2, -1),
    Target("idle memory, MB, under", "start", {}, "idle_mb", 120, 0),
)


def section(found: Mapping[str, Mapping[str, Any]]) -> str:
    """The chapter of docs/benchmarks.md; "" where a measurement, or LiteLLM, is missing."""
    spent = _figure(found, "unary", "litellm", {}, "cpu_ms_per_request")
    here = [_figure(found, each.measurement, "switch", each.where, each.figure) for each in TARGETS]
    if spent is None or None in here:
        return ""
    slower = spent / LITELLM_MS
    rows = [
        f"| {each.name} | {each.bound:,g} | {_told(value)} | {_told(value * slower**each.power)} |"
        for each, value in zip(TARGETS, here, strict=True)
        if value is not None
    ]
    text = (
        "## Against the targets\n\n"
        f"The targets are of a machine on which LiteLLM spends {LITELLM_MS} ms of CPU on a request.\n"
        f"In this run it spent {spent:.1f}: this machine ran Python {slower:.2f} times slower.\n"
        "The last column is what was measured, at the speed of the targets' machine.\n\n"
        "| figure | target | measured here | at the targets' speed |\n| --- | --- | --- | --- |\n"
    )
    return text + "\n".join(rows) + "\n"


def _told(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2f}"


def _figure(
    found: Mapping[str, Mapping[str, Any]], name: str, peer: str, where: Mapping[str, object], figure: str
) -> float | None:
    for row in found.get(name, {}).get("rows", ()):
        if row["peer"] == peer and all(row.get(key) == value for key, value in where.items()):
            return row.get(figure)
    return None
