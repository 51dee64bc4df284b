"""Laws of what validation says of targets and stores at Google and Azure."""

import json
from typing import Any

import pytest

from switch_grpc.config.check_clouds import cloud_problems
from switch_grpc.config.environment import read_environment
from switch_grpc.config.parse import parse
from switch_grpc.config.problem import Problem

ACCOUNT = {"serviceAccountKeyVar": "GOOGLE_SERVICE_ACCOUNT_KEY"}
KEY = {"apiKeyVar": "GEMINI_API_KEY"}
EXTRAS = ("vertex", "azure")


def problems(
    store: dict[str, Any],
    environ: dict[str, str] | None = None,
    *,
    kind: str = "google",
    extras: tuple[str, ...] = EXTRAS,
    **target: Any,
) -> list[Problem]:
    entry = {"name": "v", "provider": "vertex", "modelName": "gemini-2.5-flash", "credentialsRef": "s"}
    document = {
        "models": {"lite": {"providers": [entry | target]}},
        "credentialStores": {"s": {"type": kind, "config": store}},
    }
    parsed = parse(json.dumps(document).encode(), environ or {})
    assert parsed.definitions is not None
    environment, _ = read_environment(environ or {})
    return list(cloud_problems(parsed.definitions, environment, extras))


@pytest.mark.parametrize(
    ("store", "environ", "target"),
    [
        (ACCOUNT, {}, {"project": "p"}),
        (ACCOUNT, {"GOOGLE_PROJECT_ID": "p"}, {}),
        ({**ACCOUNT, "projectIdVar": "MINE"}, {"MINE": "p"}, {}),
        (ACCOUNT, {}, {"apiBase": "https://proxy.example.com/v1/projects/p/locations/l"}),
        (KEY, {}, {}),  # express mode
        (ACCOUNT, {}, {"provider": "gemini"}),
    ],
)
def test_a_project_may_stand_in_any_of_its_places(
    store: dict[str, Any], environ: dict[str, str], target: dict[str, Any]
) -> None:
    assert problems(store, environ, **target) == []


def test_a_vertex_target_without_a_project_is_told_where_to_write_it() -> None:
    (problem,) = problems({**ACCOUNT, "projectIdVar": "MINE"})
    assert problem.path == "models.lite.providers[0].project"
    assert not problem.warning
    assert problem.remedy == 'add "project", or set MINE'


@pytest.mark.parametrize(
    ("kind", "store", "extra", "key"),
    [
        ("google", ACCOUNT, "vertex", "serviceAccountKeyVar"),
        ("google", {"useApplicationDefault": True}, "vertex", "useApplicationDefault"),
        ("azure", {"useManagedIdentity": True}, "azure", "useManagedIdentity"),
    ],
)
def test_a_way_to_credentials_that_needs_a_package_names_it(
    kind: str, store: dict[str, Any], extra: str, key: str
) -> None:
    (problem,) = problems(store, kind=kind, extras=(), project="p")
    assert problem.path == f"credentialStores.s.config.{key}"
    assert problem.remedy == f"run: pip install 'switch-gateway[{extra}]'"


@pytest.mark.parametrize(
    ("kind", "store"),
    [
        ("google", KEY),
        ("azure", {"apiKeyVar": "K"}),
        ("azure", {"tenantIdVar": "T", "clientIdVar": "C", "clientSecretVar": "S"}),
    ],
)
def test_what_needs_no_package_is_not_told_of_one(kind: str, store: dict[str, Any]) -> None:
    assert problems(store, kind=kind, extras=(), project="p") == []
