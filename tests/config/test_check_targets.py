"""Targets that are well formed and still wrong."""

from typing import Any

import pytest

from switch_grpc.config.check_targets import retired_problems
from switch_grpc.config.near import dangling
from switch_grpc.config.schema import Definitions
from tests.support.configs import one_route, problems_of, target

KEY = {"k": {"type": "simple", "config": {"apiKeyVar": "KEY"}}}
AWS = {"k": {"type": "aws", "config": {"useInstanceProfile": True}}}


def errors(stores: dict[str, Any] | None = None, **keys: Any) -> list[tuple[str, str]]:
    """(path inside the target, remedy) of each error of one target."""
    definitions = one_route(providers=[target(**keys)]) | {"credentialStores": stores or {}}
    found = [p for p in problems_of(definitions, {"KEY": "x"}) if not p.warning]
    return [(p.path.removeprefix("models.r.providers[0]."), p.remedy) for p in found]


def paths(stores: dict[str, Any] | None = None, **keys: Any) -> list[str]:
    return [path for path, _ in errors(stores, **keys)]


def test_an_unknown_provider_names_the_nearest():
    assert errors(provider="antropic") == [("provider", 'did you mean "anthropic"?')]


def test_of_many_names_some_are_listed_and_the_others_counted():
    problem = dangling(("here",), "zzz", "things", [f"n{number:02}" for number in range(33)], "one")
    assert problem.expected.startswith('one of the things: "n00", "n01", ')
    assert problem.expected.endswith('"n29" and 3 more')


def test_a_provider_that_is_planned_is_a_warning():
    (problem,) = problems_of(one_route(providers=[target(provider="vertex")]))
    assert (problem.path, problem.warning) == ("models.r.providers[0].provider", True)


def test_a_dangling_store_names_those_that_exist():
    (problem,) = problems_of(
        one_route(providers=[target(credentialsRef="anthropic-api")]) | {"credentialStores": AWS}
    )
    assert problem.found == '"anthropic-api"'
    assert problem.expected == 'one of the credential stores: "k"'
    assert problem.remedy == "add credentialStores.anthropic-api, or correct the name"


def test_a_store_has_a_type_that_the_provider_takes():
    assert paths(KEY, provider="openai", credentialsRef="k") == []
    assert paths(AWS, provider="openai", credentialsRef="k") == ["credentialsRef"]
    assert paths(AWS, provider="bedrock", credentialsRef="k") == []
    assert paths(KEY, provider="bedrock", credentialsRef="k") == ["credentialsRef"]


def test_a_public_provider_needs_a_credential_and_a_private_or_keyless_one_does_not():
    assert paths(provider="openai") == ["credentialsRef"]
    assert paths(provider="openai", apiBase="http://127.0.0.1:9000/v1") == []
    assert paths(provider="custom", apiBase="https://llm.example.com/v1") == []
    assert paths(provider="ollama") == []


def test_a_provider_without_a_base_of_its_own_needs_an_api_base():
    assert paths(provider="custom") == ["apiBase"]
    ((path, remedy),) = errors(KEY, provider="runpod", credentialsRef="k")
    assert path == "apiBase"
    assert "https://api.runpod.ai/v2/ENDPOINT_ID/openai/v1" in remedy


@pytest.mark.parametrize(
    ("base", "fine"),
    [
        ("https://dashscope.aliyuncs.com/compatible-mode/v1", True),
        ("https://dashscope.aliyuncs.com/compatible-mode", True),
        ("https://dashscope.aliyuncs.com/api/v1", False),
        ("https://dashscope.aliyuncs.com", False),
        ("https://proxy.example.com/v1", False),
    ],
)
def test_dashscope_needs_its_compatible_mode(base: str, fine: bool):
    found = errors(KEY, provider="alibaba", credentialsRef="k", apiBase=base)
    assert found == (
        [] if fine else [("apiBase", "write it like https://dashscope.aliyuncs.com/compatible-mode/v1")]
    )


def test_dashscope_is_known_by_its_host_too():
    assert errors(KEY, provider="custom", apiBase="https://dashscope-intl.aliyuncs.com/v1") == [
        ("apiBase", "write it like https://dashscope-intl.aliyuncs.com/compatible-mode/v1")
    ]


@pytest.mark.parametrize(
    ("base", "fine"),
    [
        ("https://api.runpod.ai/v2/abc123/openai/v1", True),
        ("https://api.runpod.ai/v2/abc123/openai/v1/", True),
        ("https://api.runpod.ai/v2/abc123", False),
        ("https://api.runpod.ai/v2/abc123/run", False),
        ("https://api.runpod.ai/v2/abc123/openai", False),
        ("https://podid-8000.proxy.runpod.net/v1", True),
        ("http://127.0.0.1:9000/v1", True),
        ("https://api.runpod.ai", False),
        ("https://api.runpod.ai/v2", False),
        ("https://api.runpod.ai/v2/openai/v1", False),
        ("https://api.runpod.ai/v2/ENDPOINT_ID/openai/v1", False),
        ("https://api.runpod.ai/v2/your-endpoint-id/openai/v1", False),
        ("https://api.runpod.ai/v2/{endpoint}/openai/v1", False),
    ],
)
def test_runpod_needs_the_id_of_an_endpoint_and_the_part_that_speaks_openai(base: str, fine: bool):
    assert paths(KEY, provider="runpod", credentialsRef="k", apiBase=base) == ([] if fine else ["apiBase"])


def test_the_remedy_has_the_endpoints_own_id():
    assert errors(KEY, provider="custom", apiBase="https://api.runpod.ai/v2/abc123") == [
        ("apiBase", "write it like https://api.runpod.ai/v2/abc123/openai/v1")
    ]


@pytest.mark.parametrize(
    ("name", "value", "fine"),
    [
        ("x-team", "search", True),
        ("X-Title", "caf\xe9", True),
        ("x team", "a", False),
        ("", "a", False),
        ("x-team", "a\r\nx-evil: b", False),
        ("x-team", "日本", False),
        ("Host", "example.com", False),
        ("content-length", "1", False),
        ("Transfer-Encoding", "chunked", False),
    ],
)
def test_headers_are_ones_that_can_be_sent(name: str, value: str, fine: bool):
    assert bool(paths(headers={name: value})) is not fine


def test_a_key_among_the_headers_is_a_warning_that_does_not_show_it():
    (problem,) = problems_of(one_route(providers=[target(headers={"Authorization": "Bearer hunter2"})]))
    assert problem.warning
    assert "hunter2" not in repr(problem)


def test_egress_is_checked_at_the_target_and_at_the_top():
    egress = {
        "proxy": "socks5://p:1",
        "allowHosts": ["10.0.0.0/8", "a.example", "*.example", "a b", "10.0.0.0/99"],
    }
    assert paths(egress=egress) == ["egress.proxy", "egress.allowHosts[3]", "egress.allowHosts[4]"]
    top = problems_of(one_route() | {"egress": egress})
    assert [p.path for p in top] == ["egress.proxy", "egress.allowHosts[3]", "egress.allowHosts[4]"]
    assert [p.path for p in problems_of(one_route(), {"EGRESS_PROXY": "proxy:3128"})] == ["$EGRESS_PROXY"]


def test_a_retired_model_is_a_warning():
    definitions = Definitions.model_validate(one_route(providers=[target(modelName="old"), target("new")]))
    days = {("ollama", "old"): "2026-01-05"}
    (problem,) = retired_problems(definitions, lambda provider, model: days.get((provider, model)))
    assert (problem.path, problem.warning) == ("models.r.providers[0].modelName", True)
    assert problem.found == '"old", which ollama stopped serving on 2026-01-05'
