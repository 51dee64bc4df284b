"""Files that a configuration names, checked before anything is served with them."""

import json
from pathlib import Path
from typing import Any

import pytest
import trustme

from switch_grpc.config.problem import ConfigError, Problem
from switch_grpc.config.source import load
from tests.support.configs import TABLES, one_route, target

JUNK = "-----BEGIN CERTIFICATE-----\nno certificate\n-----END CERTIFICATE-----\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of each sort: a chain with its key, a key of another, an authority, junk and nothing."""
    made, authority = tmp_path_factory.mktemp("pem"), trustme.CA()
    authority.cert_pem.write_to_path(made / "ca.pem")
    own, other = authority.issue_cert("localhost"), authority.issue_cert("localhost")
    own.private_key_and_cert_chain_pem.write_to_path(made / "cert.pem")
    own.private_key_pem.write_to_path(made / "key.pem")
    other.private_key_pem.write_to_path(made / "other-key.pem")
    (made / "junk.pem").write_text(JUNK)
    (made / "empty.pem").write_text("")
    return made


def problems(folder: Path, definitions: dict[str, Any], **environ: str) -> list[Problem]:
    """The errors."""
    variables = {"MODEL_DEFINITIONS": json.dumps(definitions), "API_KEYS": "only-for-tests", **environ}
    try:
        load(None, variables, folder, tables=TABLES)
    except ConfigError as error:
        return [problem for problem in error.problems if not problem.warning]
    return []


def served(cert: str, key: str, **tls: str) -> dict[str, Any]:
    return one_route() | {"server": {"tls": {"certFile": cert, "keyFile": key, **tls}}}


def test_files_that_can_be_used_are_no_problem(folder: Path):
    definitions = served("cert.pem", "key.pem", clientCaFile="ca.pem") | {"egress": {"caFile": "ca.pem"}}
    definitions["models"]["r"]["providers"] = [target(egress={"caFile": "ca.pem"})]
    assert problems(folder, definitions, EGRESS_CA_FILE="ca.pem") == []


@pytest.mark.parametrize(
    ("cert", "key"),
    [
        ("junk.pem", "key.pem"),
        ("empty.pem", "key.pem"),
        ("cert.pem", "junk.pem"),
        ("cert.pem", "other-key.pem"),
    ],
)
def test_a_certificate_and_a_key_must_be_a_pair(folder: Path, cert: str, key: str):
    (problem,) = problems(folder, served(cert, key))
    assert problem.path == "server.tls.certFile"
    assert "private key" in problem.expected


@pytest.mark.parametrize("name", ["junk.pem", "empty.pem", "key.pem", "nowhere.pem"])
def test_a_file_of_authorities_must_hold_some(folder: Path, name: str):
    definitions = served("cert.pem", "key.pem", clientCaFile=name) | {"egress": {"caFile": name}}
    definitions["models"]["r"]["providers"] = [target("a"), target("b", egress={"caFile": name})]
    definitions["pools"] = [{"id": "p", "providers": [target("c", egress={"caFile": name})]}]
    definitions["models"]["s"] = {"primaryPoolId": "p"}
    found = problems(folder, definitions, EGRESS_CA_FILE=name)
    assert sorted(problem.path for problem in found) == [
        "$EGRESS_CA_FILE",
        "egress.caFile",
        "models.r.providers[1].egress.caFile",
        "pools[0].providers[0].egress.caFile",
        "server.tls.clientCaFile",
    ]


def test_no_problem_shows_what_a_file_holds(folder: Path):
    assert "no certificate" not in repr(problems(folder, served("junk.pem", "junk.pem")))
