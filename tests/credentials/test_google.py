"""Google's tokens, with google-auth as the judge of what we sign."""

import base64
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from google.auth import crypt, jwt

from switch_grpc.credentials.google import SCOPE, ApplicationDefault, ServiceAccount, signed
from switch_grpc.credentials.oauth import Post
from switch_grpc.credentials.sources import EnvSource
from switch_grpc.faults import Fault, Kind
from switch_grpc.providers.dialects.base import WireReply, WireRequest
from tests.support.cloud import Cloud, cloud, private_key

NOW = 1_700_000_000.0
KEY = private_key()
EMAIL = "gateway@p.iam.gserviceaccount.com"


def wall() -> float:
    return NOW


def account(**more: str) -> dict[str, str]:
    return {
        "type": "service_account",
        "client_email": EMAIL,
        "private_key": KEY,
        "private_key_id": "k1",
        "token_uri": "https://oauth2.example.com/token",
        **more,
    }


class Posts:
    """A token endpoint's answer, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[WireRequest] = []

    async def __call__(self, request: WireRequest) -> WireReply:
        self.asked.append(request)
        body = b'{"access_token":"ya29.tok","expires_in":3599,"token_type":"Bearer"}'
        return WireReply(status=200, headers={}, body=body)


def source(value: str, post: Post) -> ServiceAccount:
    return ServiceAccount(key=EnvSource("KEY", {"KEY": value}), post=post, wall=wall)


def claims(assertion: str) -> Mapping[str, Any]:
    """Verified with the public half, as Google would."""
    private = serialization.load_pem_private_key(KEY.encode(), None)
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    message, signature = assertion.rsplit(".", 1)
    raw = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    assert crypt.RSAVerifier.from_string(public).verify(message.encode(), raw)
    header, payload, _, _ = jwt._unverified_decode(assertion)
    assert header == {"typ": "JWT", "alg": "RS256", "kid": "k1"}
    return dict(payload)


async def test_a_service_accounts_key_is_traded_for_a_token() -> None:
    post = Posts()
    token = await source(json.dumps(account()), post).fetch()
    assert (token.reveal(), token.expires) == ("ya29.tok", NOW + 3599)
    (asked,) = post.asked
    assert asked.url == "https://oauth2.example.com/token"
    form = dict(pair.split("=") for pair in asked.body.decode().split("&"))
    assert form["grant_type"] == "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer"
    assert claims(form["assertion"]) == {
        "iss": EMAIL,
        "scope": SCOPE,
        "aud": "https://oauth2.example.com/token",
        "iat": int(NOW),
        "exp": int(NOW) + 3600,
    }


async def test_the_key_may_be_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    file.write_text(json.dumps(account()))
    file.chmod(0o600)
    assert (await source(str(file), Posts()).fetch()).reveal() == "ya29.tok"


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("{}", "needs client_email and private_key"),
        ("{", "needs client_email and private_key"),
        ("/nowhere/key.json", "cannot be read"),
        (json.dumps(account(private_key="-----BEGIN")), "not an RSA key"),
    ],
)
async def test_what_is_no_key_says_so(value: str, says: str) -> None:
    with pytest.raises(Fault, match=says) as fault:
        await source(value, Posts()).fetch()
    assert fault.value.kind is Kind.CREDENTIALS


def test_an_account_without_an_endpoint_asks_googles() -> None:
    assert claims(signed(account(token_uri=""), 0))["aud"] == "https://oauth2.googleapis.com/token"


@pytest.fixture
async def place() -> AsyncIterator[Cloud]:
    async with cloud() as made:
        yield made


async def test_application_default_credentials_are_what_google_auth_finds(
    place: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.answers["/token"] = (
        200,
        "application/json",
        b'{"access_token":"ya29.adc","expires_in":3599,"token_type":"Bearer"}',
    )
    file = tmp_path / "adc.json"
    file.write_text(json.dumps(account(token_uri=f"{place.url}/token")))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    token = await ApplicationDefault(wall).fetch()
    assert token.reveal() == "ya29.adc"
    assert token.expires is not None
    assert len(place.asked) == 1


async def test_no_application_default_credentials_is_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(Fault, match="no application default credentials") as fault:
        await ApplicationDefault(wall).fetch()
    assert fault.value.kind is Kind.CREDENTIALS
