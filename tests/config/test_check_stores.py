"""Credential stores that are well formed and still wrong."""

from typing import Any

import pytest

from tests.support.configs import one_route, paths_of, problems_of


def store(type: str = "simple", source: str = "env", **config: Any) -> dict[str, Any]:
    return {"type": type, "source": source, "config": config}


def paths(stores: object) -> list[str]:
    return [p.removeprefix("credentialStores.") for p in paths_of(one_route() | {"credentialStores": stores})]


@pytest.mark.parametrize(
    "fine",
    [
        store(apiKeyVar="X"),
        store("simple", "file", path="/run/secrets/key"),
        store("simple", "vault", path="secret/data/openai", field="key", tokenVar="VAULT_TOKEN"),
        store("simple", "aws-secrets", secretId="openai", field="key"),
        store("aws", accessKeyIdVar="A", secretAccessKeyVar="B", regionVar="C"),
        store("aws", useInstanceProfile=True),
        store("aws", useWebIdentity=True, roleArn="arn:aws:iam::1:role/x"),
        store("aws", bedrockApiKeyVar="B"),
        store("google", serviceAccountKeyVar="G"),
        store("google", "file", path="sa.json"),
        store("google", useApplicationDefault=True),
        store("azure", apiKeyVar="A"),
        store("azure", tenantIdVar="A", clientIdVar="B", clientSecretVar="C"),
        store("azure", useManagedIdentity=True),
        store("oauth", tokenUrl="https://a.example/token", clientIdVar="A", clientSecretVar="B"),
        store("oauth", tokenUrl="https://a.example/token", clientIdVar="A", refreshTokenVar="B"),
    ],
)
def test_a_whole_credential_is_fine(fine: dict[str, Any]):
    assert paths({"s": fine}) == []


@pytest.mark.parametrize(
    ("partial", "remedy"),
    [
        (store(), 'add "apiKeyVar"'),
        (store("aws"), 'add "accessKeyIdVar" and "secretAccessKeyVar"'),
        (store("aws", accessKeyIdVar="A"), 'add "secretAccessKeyVar"'),
        (store("aws", useInstanceProfile=False), 'add "accessKeyIdVar" and "secretAccessKeyVar"'),
        (store("azure", tenantIdVar="A", clientIdVar="B"), 'add "clientSecretVar"'),
        (store("oauth", tokenUrl="x", clientIdVar="B"), 'add "clientSecretVar"'),
        (store("simple", "file"), 'add "path"'),
        (store("simple", "vault", field="x"), 'add "path"'),
        (store("simple", "aws-secrets"), 'add "secretId"'),
    ],
)
def test_a_partial_credential_says_what_to_add(partial: dict[str, Any], remedy: str):
    (problem,) = [p for p in problems_of(one_route() | {"credentialStores": {"s": partial}}) if not p.warning]
    assert (problem.path, problem.remedy) == ("credentialStores.s.config", remedy)


def test_a_key_of_another_source_is_an_error():
    assert paths({"s": store(apiKeyVar="X", path="/run/secrets/key")}) == ["s.config.path"]


def test_a_key_of_another_type_is_unknown():
    assert paths({"s": store(apiKeyVar="X", regionVar="Y")}) == ["s.config.regionVar"]


def test_the_id_inside_repeats_the_key():
    assert paths({"s": store(apiKeyVar="X") | {"id": "s", "name": "for people"}}) == []
    assert paths({"s": store(apiKeyVar="X") | {"id": "t"}}) == ["s.id"]


def test_in_an_array_every_store_has_an_id_of_its_own():
    entries = [store(apiKeyVar="X") | {"id": name} for name in ("a", "b", "a")] + [store(apiKeyVar="X")]
    found = paths_of(one_route() | {"credentialStores": entries})
    assert found == ["credentialStores[2].id", "credentialStores[3]"]


def test_a_variable_that_is_not_set_is_a_warning_that_names_it():
    definitions = one_route() | {"credentialStores": {"s": store(apiKeyVar="MY_KEY")}}
    (problem,) = problems_of(definitions)
    assert (problem.path, problem.warning) == ("credentialStores.s.config.apiKeyVar", True)
    assert "MY_KEY" in problem.found
    assert problems_of(definitions, {"MY_KEY": "x"}) == []
    assert len(problems_of(definitions, {"MY_KEY": "  "})) == 1


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({**store("simple", "file", path="k"), "rotation": {"enabled": True}}, "rotation.enabled"),
        (store("simple", "vault", path="secret/data/openai"), "source"),
        (store("simple", "aws-secrets", secretId="openai"), "source"),
    ],
)
def test_what_does_nothing_yet_is_accepted_with_a_notice(given: dict[str, Any], path: str):
    (problem,) = problems_of(one_route() | {"credentialStores": {"s": given}})
    assert (problem.path, problem.warning) == (f"credentialStores.s.{path}", True)
    assert "not acted on yet" in problem.found
