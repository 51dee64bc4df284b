"""The benchmark harness measures: its figures are for a quiet machine, that it works is for every day."""

import json
from pathlib import Path

import pytest

from tests.bench.peers.__main__ import main


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
