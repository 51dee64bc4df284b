"""Recorded traffic of real providers, where SWITCH_WIRE_CORPUS names the folder that holds it."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CORPUS = os.environ.get("SWITCH_WIRE_CORPUS", "")

# Marks a test, or a module by `pytestmark`, that replays it. The recordings are no part of this tree, so that
# elsewhere there is nothing to replay; `.ci/run` names their folder, and leaves nothing out.
recorded = pytest.mark.skipif(
    not CORPUS, reason="SWITCH_WIRE_CORPUS is not set; point it at recorded traffic to replay it"
)


def exchanges(name: str) -> Iterator[dict[str, Any]]:
    """The exchanges of one of its files, in order; none where there is no corpus."""
    if CORPUS:
        with (Path(CORPUS) / name).open() as lines:
            yield from map(json.loads, lines)
