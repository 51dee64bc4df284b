"""The linter keeps clocks, chance and tasks out of the pure levels, and says why."""

import subprocess
import sys

import pytest

from tests.test_layers import LAYERS, ROOT

BANNED = {
    "import asyncio\nasyncio.create_task(f())\n": "keep the task",
    "import time\ntime.time()\n": "take `now_wall`",
    "from time import time\ntime()\n": "take `now_wall`",
    "from datetime import datetime, UTC\ndatetime.now(UTC)\n": "take the time",
    "import random\nrandom.random()\n": "take `rng: random.Random`",
}
PURE = sorted(name for name, level in LAYERS.items() if level <= 1 and name != "switch_grpc.v1")


def found(module: str, code: str) -> str:
    """What the linter says of the code, were it in that module or package."""
    path = ROOT / module.replace(".", "/")
    file = path / "_x.py" if path.is_dir() else path.with_suffix(".py")
    words = ("check", "--select", "TID251", "--no-cache", "--stdin-filename", str(file), "-")
    command = (sys.executable, "-m", "ruff", *words)
    done = subprocess.run(command, input=code, cwd=ROOT, text=True, capture_output=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout if done.returncode else ""


@pytest.mark.parametrize("code", BANNED)
def test_a_pure_module_that_is_not_is_told_why(code: str):
    assert BANNED[code] in found("switch_grpc.routing", code)


@pytest.mark.parametrize("module", PURE)
def test_the_ban_holds_in_every_pure_module(module: str):
    assert "TID251" in found(module, "import time\ntime.time()\n")


@pytest.mark.parametrize("module", ["switch_grpc.upstream", "switch_grpc.engine", "switch_grpc.gateway"])
def test_the_levels_above_have_clocks(module: str):
    assert found(module, "import time\ntime.time()\n") == ""


def test_chance_that_is_passed_in_is_fine():
    assert found("switch_grpc.routing", "import random\nrandom.Random(7).random()\n") == ""
