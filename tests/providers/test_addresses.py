"""Where targets at Vertex AI and Azure OpenAI are asked."""

from typing import Any

import pytest

from switch_grpc.openai_wire import decode_chat_request
from switch_grpc.providers.addresses import base_of
from switch_grpc.providers.dialects.base import Binding
from switch_grpc.providers.vendors import VENDORS, dialect_of
from switch_grpc.request import Head, MessageBody, Operation

AZURE = "https://res.openai.azure.com"
DATED = "2024-10-21"


def base(provider: str, api_base: str | None = None, **options: Any) -> str:
    return base_of(VENDORS[provider], api_base, **{"model": "m", **options})


@pytest.mark.parametrize(
    ("location", "host"),
    [
        (None, "aiplatform.googleapis.com"),
        ("global", "aiplatform.googleapis.com"),
        ("europe-west4", "europe-west4-aiplatform.googleapis.com"),
        ("eu", "aiplatform.eu.rep.googleapis.com"),
    ],
)
def test_a_location_has_its_host_and_its_path(location: str | None, host: str) -> None:
    expected = f"https://{host}/v1/projects/p/locations/{location or 'global'}"
    assert base("vertex", project="p", location=location) == expected


def test_vertex_without_a_project_is_express_mode() -> None:
    assert base("vertex") == "https://aiplatform.googleapis.com/v1"


def test_a_base_of_the_operators_own_gets_project_and_location_once() -> None:
    assert base("vertex", "https://proxy.example.com/v1beta1", project="p") == (
        "https://proxy.example.com/v1beta1/projects/p/locations/global"
    )
    whole = "https://proxy.example.com/v1/projects/q/locations/l"
    assert base("vertex", whole, project="p") == whole


@pytest.mark.parametrize(
    ("api_base", "version", "expected"),
    [
        (AZURE, None, f"{AZURE}/openai/v1"),
        (f"{AZURE}/", "v1", f"{AZURE}/openai/v1"),
        (AZURE, "preview", f"{AZURE}/openai/v1?api-version=preview"),
        (f"{AZURE}/openai/v1", None, f"{AZURE}/openai/v1"),
        (AZURE, DATED, f"{AZURE}/openai/deployments/d%201?api-version={DATED}"),
        (f"{AZURE}/openai", DATED, f"{AZURE}/openai/deployments/d%201?api-version={DATED}"),
        (
            f"{AZURE}/openai/deployments/mine",
            DATED,
            f"{AZURE}/openai/deployments/mine?api-version={DATED}",
        ),
        (
            "https://apim.example.com/team",
            DATED,
            f"https://apim.example.com/team/openai/deployments/d%201?api-version={DATED}",
        ),
    ],
)
def test_azure_is_asked_at_v1_or_at_the_deployment(api_base: str, version: str | None, expected: str) -> None:
    assert base("azure", api_base, deployment="d 1", api_version=version) == expected


def test_azures_deployment_is_the_model_where_none_is_named() -> None:
    assert base("azure", AZURE, api_version=DATED) == f"{AZURE}/openai/deployments/m?api-version={DATED}"


def test_the_others_keep_their_bases() -> None:
    assert base("openai") == "https://api.openai.com/v1"
    assert base("gemini") == "https://generativelanguage.googleapis.com/v1beta"
    assert base("gemini", "https://proxy.example.com") == "https://proxy.example.com/v1beta"


@pytest.mark.parametrize("version", [None, DATED])
def test_the_openai_package_asks_azure_at_the_same_addresses(version: str | None) -> None:
    """The judge: the address that OpenAI's own clients would send the same request to."""
    import openai

    options: dict[str, Any] = {"api_key": "k"}
    if version is None:
        client: openai.OpenAI = openai.OpenAI(base_url=f"{AZURE}/openai/v1/", **options)
    else:
        client = openai.AzureOpenAI(azure_endpoint=AZURE, api_version=version, **options)
    seen: list[str] = []

    class Sent(Exception):
        pass

    def note(request: Any) -> None:
        seen.append(str(request.url))
        raise Sent

    client._client.event_hooks["request"] = [note]
    with pytest.raises((Sent, openai.APIConnectionError)), client:
        client.chat.completions.create(model="gpt-5-mini", messages=[{"role": "user", "content": "Hello"}])
    binding = Binding(
        target="a",
        provider="azure",
        model="gpt-5-mini",
        base_url=base("azure", AZURE, model="gpt-5-mini", api_version=version),
    )
    request = decode_chat_request(b'{"model":"lite","messages":[{"role":"user","content":"Hello"}]}')
    head = Head(operation=Operation.CHAT, route="lite")
    (wire,) = dialect_of(VENDORS["azure"]).encode(head, MessageBody(request), binding)
    assert seen[0] == wire.url
