"""The npm package `openai` meets the gateway; its assertions are in openai-node/openai.test.js."""

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.real.conftest import KEY, Gateway
from tests.real.processes import CACHE

SOURCES = Path(__file__).parent / "openai-node"
TESTS = 9


@pytest.fixture(scope="session")
def package() -> Path:
    """A copy of openai-node with its node_modules, installed once per lock file."""
    for program in ("node", "npm"):
        assert shutil.which(program), f"{program} is not installed: apt-get install nodejs npm"
    lock = (SOURCES / "package-lock.json").read_bytes()
    home = CACHE / f"openai-node-{hashlib.sha256(lock).hexdigest()[:12]}"
    home.mkdir(parents=True, exist_ok=True)
    for source in SOURCES.iterdir():
        if source.is_file():
            shutil.copy(source, home)
    if not (home / ".installed").exists():
        subprocess.run(["npm", "ci", "--silent", "--ignore-scripts"], cwd=home, check=True)
        (home / ".installed").touch()
    return home


@pytest.mark.timeout(180)
def test_the_npm_package_works_unmodified(package: Path, gateway: Gateway) -> None:
    env = {**os.environ, "SWITCH_URL": f"{gateway.http}/v1", "SWITCH_KEY": KEY}
    run = subprocess.run(["npm", "test", "--silent"], cwd=package, env=env, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert re.search(r"^# pass (\d+)$", run.stdout, re.MULTILINE).group(1) == str(TESTS)  # type: ignore[union-attr]
