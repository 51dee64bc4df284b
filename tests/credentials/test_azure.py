"""Entra ID's tokens: a client's, and the machine's by azure-identity."""

from collections.abc import AsyncIterator, Mapping

import pytest

from switch_grpc.credentials.azure import SCOPE, ClientSecret, ManagedIdentity, authority_url
from switch_grpc.credentials.sources import EnvSource, Source
from switch_grpc.faults import Fault, Kind
from switch_grpc.providers.dialects.base import WireReply, WireRequest
from tests.support.cloud import Cloud, cloud

NOW = 1_700_000_000.0
ENVIRON: Mapping[str, str] = {"TENANT": "ten ant", "ID": "client", "SECRET": "secret"}


def env(name: str) -> Source:
    return EnvSource(name, ENVIRON)


async def test_a_client_asks_its_tenants_endpoint() -> None:
    asked: list[WireRequest] = []

    async def post(request: WireRequest) -> WireReply:
        asked.append(request)
        return WireReply(status=200, headers={}, body=b'{"access_token":"eyJ.tok","expires_in":3599}')

    source = ClientSecret(
        tenant=env("TENANT"),
        client_id=env("ID"),
        client_secret=env("SECRET"),
        post=post,
        wall=lambda: NOW,
        authority="login.microsoftonline.us",
    )
    token = await source.fetch()
    assert (token.reveal(), token.expires) == ("eyJ.tok", NOW + 3599)
    assert asked[0].url == "https://login.microsoftonline.us/ten%20ant/oauth2/v2.0/token"
    assert b"scope=https%3A%2F%2Fcognitiveservices.azure.com%2F.default" in asked[0].body


@pytest.mark.parametrize(
    "host", ["login.example.com", "https://login.example.com", "https://login.example.com/"]
)
def test_an_authority_may_be_a_bare_host(host: str) -> None:
    assert authority_url(host) == "https://login.example.com"


@pytest.fixture
async def place() -> AsyncIterator[Cloud]:
    async with cloud() as made:
        yield made


async def test_a_managed_identity_is_asked_where_the_host_says(
    place: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in App Service, whose endpoint is in the environment."""
    place.answers["/msi"] = (
        200,
        "application/json",
        b'{"access_token":"eyJ.msi","expires_on":"1893456000","resource":"x","token_type":"Bearer"}',
    )
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{place.url}/msi")
    monkeypatch.setenv("IDENTITY_HEADER", "header")
    token = await ManagedIdentity({}, "mine").fetch()
    assert token.reveal() == "eyJ.msi"
    assert token.expires == pytest.approx(1893456000.0, abs=5)
    (asked,) = place.asked
    assert asked.headers["x-identity-header"] == "header"
    assert SCOPE.removesuffix("/.default") in asked.path.replace("%3A", ":").replace("%2F", "/")
    assert "client_id=mine" in asked.path


async def test_a_host_without_an_identity_is_a_fault(place: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    place.answers["/msi"] = (400, "application/json", b'{"error":"invalid_request"}')
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{place.url}/msi")
    monkeypatch.setenv("IDENTITY_HEADER", "header")
    with pytest.raises(Fault, match="no managed identity") as fault:
        await ManagedIdentity({}, None).fetch()
    assert fault.value.kind is Kind.CREDENTIALS
