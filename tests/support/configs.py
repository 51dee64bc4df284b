"""Configurations for tests: tables of a build that can do everything, and short ways through the stages."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from switch_grpc.config.check import Tables, check
from switch_grpc.config.effective import Config
from switch_grpc.config.environment import Flags, read_environment
from switch_grpc.config.parse import parse
from switch_grpc.config.problem import Problem
from switch_grpc.config.resolve import resolve

FIXTURES: Final = Path(__file__).parents[1] / "config" / "fixtures"


@dataclass(frozen=True)
class Row:
    """A vendor as far as the checks look."""

    base_url: str | None = "https://api.example.com/v1"
    base_hint: str = ""
    credentials: frozenset[str] = frozenset({"simple"})
    keyless: bool = False
    regional: bool = False

    def instead_of(self, model: str) -> str | None:
        return "a-newer-model" if model == "a-retired-model" else None


TABLES: Final = Tables(
    vendors={
        "openai": Row(),
        "anthropic": Row(),
        "bedrock": Row(
            base_url="https://bedrock-runtime.{region}.amazonaws.com",
            credentials=frozenset({"aws"}),
            regional=True,
        ),
        "together": Row(),
        "runpod": Row(base_url=None, base_hint="https://api.runpod.ai/v2/ENDPOINT_ID/openai/v1"),
        "alibaba": Row(base_hint="https://dashscope.aliyuncs.com/compatible-mode/v1"),
        "custom": Row(base_url=None, keyless=True),
        "ollama": Row(base_url="http://localhost:11434/v1", keyless=True),
    },
    planned={"vertex"},
    strategies={
        "round-robin",
        "weighted",
        "least-connections",
        "fastest-response",
        "priority-based",
        "cost-optimized",
    },
)


def target(name: str = "t", **keys: Any) -> dict[str, Any]:
    """A target that has nothing wrong with it, but for the `keys` given."""
    return {"name": name, "provider": "ollama", "modelName": "m", **keys}


def one_route(**keys: Any) -> dict[str, Any]:
    """Definitions of one route `r` with one target."""
    return {"models": {"r": {"providers": [target()], **keys}}}


def problems_of(
    definitions: Any,
    environ: Mapping[str, str] | None = None,
    *,
    serving: bool = False,
    flags: Flags | None = None,
) -> list[Problem]:
    """Every problem but the missing key of callers, which no test here is about unless it is `serving`."""
    variables = dict(environ or {})
    if not serving:
        variables.setdefault("API_KEYS", "only-for-tests")
    parsed = parse(_bytes(definitions), variables)
    environment, problems = read_environment(variables, flags)
    found = (
        [] if parsed.definitions is None else check(parsed.definitions, environment, TABLES, serving=serving)
    )
    return parsed.with_checks(found) + problems


def paths_of(
    definitions: Any, environ: Mapping[str, str] | None = None, *, serving: bool = False
) -> list[str]:
    """The paths of the errors."""
    return [p.path for p in problems_of(definitions, environ, serving=serving) if not p.warning]


def config_of(
    definitions: Any, environ: Mapping[str, str] | None = None, flags: Flags | None = None
) -> Config:
    """The effective configuration; there must be no error."""
    errors = [p for p in problems_of(definitions, environ, flags=flags) if not p.warning]
    assert errors == []
    parsed = parse(_bytes(definitions), environ or {})
    assert parsed.definitions is not None
    return resolve(parsed.definitions, read_environment(environ or {}, flags)[0])


def _bytes(definitions: Any) -> bytes:
    if isinstance(definitions, bytes):
        return definitions
    return (definitions if isinstance(definitions, str) else json.dumps(definitions)).encode()
