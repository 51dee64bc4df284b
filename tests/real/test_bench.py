"""The benchmark harness measures: its figures are for a quiet machine, that it works is for every day."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.bench.peers.__main__ import main
from tests.bench.peers.yardstick import LITELLM_MS, section


@pytest.mark.timeout(240)
def test_every_measurement_gives_figures_and_no_error(tmp_path: Path) -> None:
    report = tmp_path / "benchmarks.md"
    short = [
        "--secs",
        "0.5",
        "--rounds",
        "1",
        "--conns",
        "8",
        "--results",
        str(tmp_path),
        "--report",
        str(report),
    ]
    for what, figure in (("unary", "rps"), ("latency", "p50_ms"), ("stream", "chunks_s"), ("grpc", "rps")):
        assert main([what, "direct", "switch", *short]) == 0
        rows = json.loads((tmp_path / f"{what}.json").read_text())["rows"]
        assert "switch" in {row["peer"] for row in rows}
        assert [row for row in rows if "error" in row or row["bad"] or not row[figure]] == []
    assert report.read_text().count("| switch") >= 4


def test_the_targets_stand_beside_what_was_measured_at_the_speed_of_their_machine() -> None:
    rows: dict[str, list[dict[str, Any]]] = {
        "unary": [
            {"peer": "switch", "rps": 1000.0},
            {"peer": "litellm", "cpu_ms_per_request": 2 * LITELLM_MS},
        ],
        "grpc": [
            {"peer": "switch", "kind": "stream", "rps": 1},
            {"peer": "switch", "kind": "unary", "rps": 700.0},
        ],
        "stream": [{"peer": "switch", "chunks_s": 20_000.0}],
        "latency": [{"peer": "switch", "door": "http", "conns": 1, "added_p50_ms": 2.0}],
        "start": [{"peer": "switch", "startup_s": 1.0, "idle_mb": 70.0}],
    }
    found = {name: {"rows": each} for name, each in rows.items()}
    told = section(found)
    assert "2.00 times slower" in told
    assert "| requests/s over HTTP, at least | 2,000 | 1,000 | 2,000 |" in told
    assert "| calls/s over gRPC, at least | 1,200 | 700 | 1,400 |" in told
    assert "| added p50, ms, 1 connection, at most | 1.2 | 2.00 | 1.00 |" in told
    assert "| idle memory, MB, under | 120 | 70 | 70 |" in told
    rows["unary"].pop()
    assert section(found) == ""
