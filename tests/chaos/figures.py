"""Writes what a run measured, with what is needed to repeat and to judge it."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "bench/results"
_PACKAGES = ("switch-gateway", "grpcio", "aiohttp", "uvloop", "uvicorn", "httptools", "protobuf", "msgspec")


def write(name: str, seed: str, measured: Mapping[str, object], directory: Path = RESULTS) -> Path:
    """`bench/results/NAME-DATE.json`; a second run of a day replaces the first."""
    today = datetime.now(UTC).date().isoformat()
    told = {"test": name, "date": today, "seed": seed, **_conditions(), **measured}
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{name}-{today}.json"
    path.write_text(json.dumps(told, indent=2) + "\n")
    return path


def _conditions() -> dict[str, object]:
    return {
        "commit": _git("rev-parse", "HEAD"),
        "uncommitted": bool(_git("status", "--porcelain", "--", "switch_grpc", "http_facade", "tests/chaos")),
        "cores": os.cpu_count(),
        "load_average": [round(load, 1) for load in os.getloadavg()],
        "python": platform.python_version(),
        "kernel": platform.release(),
        "versions": {package: version(package) for package in _PACKAGES},
    }


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()
