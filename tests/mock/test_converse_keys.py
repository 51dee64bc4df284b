"""Signatures that botocore makes, and what is wrong with them afterwards."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from switch_grpc.mock.converse_keys import check_key
from switch_grpc.mock.failures import Refused
from switch_grpc.mock.ledger import Request

ACCESS, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
KEY = f"{ACCESS}:{SECRET}"
PATH = "/eu-west-1/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A%3Afoundation-model%2Fa.b/converse"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def signed(
    path: str = PATH,
    *,
    body: bytes = b'{"messages":[]}',
    service: str = "bedrock",
    token: str | None = None,
    secret: str = SECRET,
    headers: dict[str, str] | None = None,
) -> Request:
    """A request as botocore signs it at NOW."""
    sent = {"content-type": "application/json", **(headers or {})}
    request = AWSRequest(method="POST", url=f"http://bedrock.test:8080{path}", headers=sent, data=body)
    with patch("botocore.auth.get_current_datetime", return_value=NOW.replace(tzinfo=None)):
        SigV4Auth(Credentials(ACCESS, secret, token), service, "eu-west-1").add_auth(request)
    got = {name.lower(): str(value) for name, value in request.headers.items()}
    return Request(
        id="a-1",
        method="POST",
        path=path,
        headers={"host": "bedrock.test:8080", "user-agent": "unsigned", **got},
        body=body,
        at=0.0,
        connection=1,
    )


def refused(request: Request, key: str = KEY, now: datetime = NOW) -> tuple[str, str]:
    with pytest.raises(Refused) as caught:
        check_key(request, key, now)
    assert caught.value.failure.status == 403
    return str(caught.value.failure.type), caught.value.failure.message


@pytest.mark.parametrize(
    "request_",
    [
        signed(),
        signed("/model/mock%3Bfault%3Dcut/converse-stream", body=b""),
        signed("/model/m/converse?b=2&a=1%2F&a=0&c="),
        signed("/model/m/invoke", headers={"x-amzn-bedrock-trace": "  ENABLED   twice  "}),
        signed("/model/caf%C3%A9~_-./converse"),
    ],
    ids=lambda one: one.path,
)
def test_what_botocore_signs_is_right(request_: Request):
    check_key(request_, KEY, NOW)


def test_a_token_of_temporary_keys_is_part_of_the_key():
    check_key(signed(token="session/1=="), f"{KEY}:session/1==", NOW)
    assert refused(signed(token="session/2=="), f"{KEY}:session/1==")[0] == "UnrecognizedClientException"
    assert refused(signed(), f"{KEY}:session/1==")[0] == "UnrecognizedClientException"
    assert refused(signed(token="session/1=="))[0] == "UnrecognizedClientException"


def with_header(name: str, value: str) -> Callable[[Request], Request]:
    return lambda request: replace(request, headers={**request.headers, name: value})


CHANGES: dict[str, Callable[[Request], Request]] = {
    "body": lambda request: replace(request, body=request.body + b" "),
    "path": lambda request: replace(request, path=request.path.replace("a.b", "a.c")),
    "decoded path": lambda request: replace(request, path=request.path.replace("%3A", ":")),
    "query": lambda request: replace(request, path=request.path + "?a=1"),
    "method": lambda request: replace(request, method="PUT"),
    "host": with_header("host", "elsewhere.test"),
    "content type": with_header("content-type", "text/plain"),
    "one digit": lambda request: with_header("authorization", request.headers["authorization"][:-1] + "g")(
        request
    ),
    "region": lambda request: with_header(
        "authorization", request.headers["authorization"].replace("eu-west-1", "eu-west-2")
    )(request),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_signature_is_for_every_part_of_the_request(change: Callable[[Request], Request]):
    kind, message = refused(change(signed()))
    assert kind == "InvalidSignatureException"
    assert message.startswith("The request signature we calculated does not match")


def test_a_wrong_secret_does_not_sign():
    assert refused(signed(secret="wrong"))[0] == "InvalidSignatureException"


def test_an_unknown_access_key_is_no_client():
    assert refused(signed(), "AKIDOTHER:" + SECRET)[0] == "UnrecognizedClientException"


def test_a_mock_with_an_api_key_knows_no_access_keys():
    assert refused(signed(), "api-key")[0] == "UnrecognizedClientException"


def test_a_signature_is_for_bedrock():
    assert refused(signed(service="bedrock-runtime")) == (
        "InvalidSignatureException",
        "Credential should be scoped to correct service: 'bedrock'.",
    )


@pytest.mark.parametrize(("age", "told"), [(301, "expired"), (-301, "not yet current")])
def test_a_signature_holds_for_five_minutes_around_its_time(age: int, told: str):
    kind, message = refused(signed(), now=NOW + timedelta(seconds=age))
    assert (kind, told in message) == ("InvalidSignatureException", True)
    for seconds in (-300, 300):
        check_key(signed(), KEY, NOW + timedelta(seconds=seconds))


def edited(name: str, old: str, new: str) -> Request:
    request = signed()
    return with_header(name, request.headers[name].replace(old, new))(request)


def without(name: str) -> Request:
    request = signed()
    return replace(request, headers={key: value for key, value in request.headers.items() if key != name})


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        (without("authorization"), "Missing Authentication Token"),
        (edited("authorization", "Signature=", "Sig="), "requires 'Signature' parameter"),
        (edited("authorization", "AWS4-HMAC-SHA256", "AWS4-X"), "Authorization=AWS4-X"),
        (edited("authorization", "/aws4_request", ""), "Credential should be scoped"),
        (edited("authorization", "host;", ""), "'host' must be a 'SignedHeader'"),
        (edited("authorization", ";x-amz-date", ""), "'x-amz-date' must be a 'SignedHeader'"),
        (without("x-amz-date"), "Date must be in ISO-8601"),
        (edited("x-amz-date", "20260102T", "20260103T"), "Date in Credential scope does not match"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_an_incomplete_signature_says_what_it_lacks(request_: Request, told: str):
    assert told in refused(request_)[1]


@pytest.mark.parametrize(("token", "key"), [("api-key", "api-key"), (KEY, KEY)])
def test_an_api_key_is_a_bearer_token(token: str, key: str):
    request = with_header("authorization", f"Bearer {token}")(signed())
    check_key(request, key, NOW)
    assert refused(request, key + "x")[0] == "AccessDeniedException"


def test_without_a_key_of_its_own_the_mock_asks_for_none():
    check_key(without("authorization"), None, NOW)
