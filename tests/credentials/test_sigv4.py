"""Laws of signatures: ours are botocore's, byte for byte."""

import random
from urllib.parse import quote

import pytest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from switch_grpc.credentials.signer import Secret
from switch_grpc.credentials.sigv4 import AwsKeys, SigV4
from switch_grpc.providers.dialects.base import WireRequest
from tests.support.bedrock import sign

NOON = 1_795_435_200.0  # Unix seconds
KEYS = AwsKeys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")


def signed(
    url: str, body: bytes = b"{}", *, keys: AwsKeys = KEYS, region: str = "us-east-1", now: float = NOON
) -> WireRequest:
    request = WireRequest(
        url=url, headers={"content-type": "application/json", "x-request-id": "r 1"}, body=body
    )
    return SigV4(keys, region, lambda: now).sign(request)


def botocores(request: WireRequest, host: str, keys: AwsKeys = KEYS, region: str = "us-east-1") -> str:
    names = _field(request, "SignedHeaders").split(";")
    headers = {name: request.headers.get(name, host) for name in names}
    token = keys.session_token.reveal() if keys.session_token else None
    credentials = Credentials(keys.access_key_id, keys.reveal(), token)
    return sign(request.method, request.url, headers, request.body, credentials, region)


def _field(request: WireRequest, name: str) -> str:
    return request.headers["authorization"].partition(f"{name}=")[2].partition(",")[0]


@pytest.mark.parametrize(
    ("url", "host"),
    [
        (
            "https://bedrock-runtime.us-east-1.amazonaws.com/model/us.amazon.nova-micro-v1%3A0/converse",
            "bedrock-runtime.us-east-1.amazonaws.com",
        ),
        ("http://127.0.0.1:8080/us-east-1/model/a.b-v9%3A0/invoke", "127.0.0.1:8080"),
        ("https://b.example.com:443/model/arn%3Aaws%3Abedrock%2Fx/converse", "b.example.com"),
        ("http://b.example.com:80", "b.example.com"),
        ("https://b.example.com/a~b/%C3%BC?z=1&a=%20x&a=", "b.example.com"),
    ],
)
def test_a_signature_is_botocores(url: str, host: str) -> None:
    request = signed(url, '{"text":"Grüße"}'.encode())
    assert _field(request, "Signature") == botocores(request, host)


@given(
    model=st.text(alphabet="abc:/.%é 0-_~", min_size=1, max_size=20).filter(lambda name: name.strip(".")),
    body=st.binary(max_size=60),
    token=st.none() | st.text(alphabet="ab+/=", min_size=1),
    now=st.floats(0, 4e9),
)
def test_any_request_is_signed_as_botocore_signs_it(
    model: str, body: bytes, token: str | None, now: float
) -> None:
    keys = AwsKeys("ASIA", "secret", Secret(token) if token else None)
    url = f"https://b.example.com/model/{quote(model, safe='')}/converse"
    request = signed(url, body, keys=keys, region="eu-west-1", now=now)
    assert _field(request, "Signature") == botocores(request, "b.example.com", keys, "eu-west-1")
    assert request.headers.get("x-amz-security-token") == token


def test_the_key_of_the_day_changes_with_the_day() -> None:
    """The signer keeps the day's key; days come in any order where the clock is set."""
    now = [NOON]
    signer = SigV4(KEYS, "us-east-1", lambda: now[0])
    rng = random.Random(7)
    for _ in range(20):
        now[0] = NOON + rng.randint(-3, 3) * 86_400
        request = signer.sign(WireRequest(url="https://b.example.com/x", headers={}, body=b""))
        assert _field(request, "Signature") == botocores(request, "b.example.com")


def test_keys_that_differ_in_their_id_or_token_are_two_credentials() -> None:
    """Else an id that was put right would sign as before for as long as its secret stays."""
    variants = [
        AwsKeys("AKIA-1", "secret"),
        AwsKeys("AKIA-2", "secret"),
        AwsKeys("AKIA-1", "secret", Secret("t1")),
        AwsKeys("AKIA-1", "secret", Secret("t2")),
    ]
    assert len(set(variants)) == 4
    assert len({SigV4(keys, "us-east-1", lambda: 0.0).fingerprint for keys in variants}) == 4
    assert AwsKeys("AKIA-1", "secret", expires=1.0) == AwsKeys("AKIA-1", "secret", expires=2.0)


def test_nothing_shows_the_secret() -> None:
    keys = AwsKeys("AKIDEXAMPLE", "very-secret", Secret("very-secret-token"))
    signer = SigV4(keys, "us-east-1", lambda: NOON)
    request = signer.sign(WireRequest(url="https://b.example.com/x", headers={}, body=b""))
    assert "very-secret" not in f"{keys!r} {signer!r} {keys:s} {signer.fingerprint}"
    assert "very-secret" not in request.headers["authorization"]


def test_the_request_that_was_given_is_not_changed() -> None:
    given_ = WireRequest(url="https://b.example.com/x", headers={"a": "b"}, body=b"")
    SigV4(KEYS, "us-east-1", lambda: NOON).sign(given_)
    assert given_.headers == {"a": "b"}
