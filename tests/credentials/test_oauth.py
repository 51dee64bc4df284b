"""OAuth 2 over real sockets: what is posted, what is kept, and what a refusal says."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from switch_grpc.credentials.oauth import (
    DEFAULT_LIFETIME,
    ClientCredentials,
    Post,
    RefreshToken,
    Token,
    grant,
)
from switch_grpc.credentials.signer import Secret
from switch_grpc.credentials.sources import EnvSource, Source
from switch_grpc.credentials.store import CredentialStore
from switch_grpc.faults import Fault, Kind
from switch_grpc.providers.dialects.base import WireReply, WireRequest
from switch_grpc.upstream.base import Timers
from switch_grpc.upstream.direct import DirectUpstream
from tests.support.cloud import Asked, Cloud, cloud

NOW = 1_700_000_000.0
ENVIRON = {"ID": "client", "SECRET": "s3cr3t&=", "REFRESH": "first"}


def env(name: str) -> Source:
    return EnvSource(name, ENVIRON)


def wall() -> float:
    return NOW


@pytest.fixture
async def place() -> AsyncIterator[Cloud]:
    async with cloud() as made:
        yield made


@pytest.fixture
async def post() -> AsyncIterator[Post]:
    upstream = DirectUpstream()

    async def asks(request: WireRequest) -> WireReply:
        deadline = asyncio.get_running_loop().time() + 5.0
        exchange = await upstream.send(request, Timers(), deadline)
        body = await exchange.read(deadline)
        exchange.close()
        return WireReply(status=exchange.status, headers=exchange.headers, body=body)

    yield asks
    await upstream.close()


def gives(**members: object) -> tuple[int, str, bytes]:
    return 200, "application/json", json.dumps({"token_type": "Bearer", **members}).encode()


def client(place: Cloud, post: Post) -> ClientCredentials:
    return ClientCredentials(
        token_url=f"{place.url}/token",
        client_id=env("ID"),
        client_secret=env("SECRET"),
        post=post,
        wall=wall,
        scope="a b",
    )


async def test_a_client_trades_its_secret_for_a_token_that_expires(place: Cloud, post: Post) -> None:
    place.answers["/token"] = gives(access_token="tok", expires_in=3599)
    token = await client(place, post).fetch()
    assert (token.reveal(), token.expires) == ("tok", NOW + 3599)
    (asked,) = place.asked
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
    assert asked.form == {
        "grant_type": "client_credentials",
        "client_id": "client",
        "client_secret": "s3cr3t&=",
        "scope": "a b",
    }


async def test_a_refresh_token_that_was_replaced_is_not_used_again(place: Cloud, post: Post) -> None:
    def answer(asked: Asked) -> tuple[int, str, bytes]:
        return gives(access_token="tok", refresh_token=asked.form["refresh_token"] + "+")

    place.answers["/token"] = answer
    source = RefreshToken(
        token_url=f"{place.url}/token",
        refresh_token=env("REFRESH"),
        client_id=env("ID"),
        client_secret=None,
        post=post,
        wall=wall,
    )
    for _ in range(3):
        await source.fetch()
    assert [asked.form["refresh_token"] for asked in place.asked] == ["first", "first+", "first++"]
    assert "client_secret" not in place.asked[0].form


async def test_an_operators_new_refresh_token_wins(place: Cloud, post: Post) -> None:
    place.answers["/token"] = gives(access_token="tok", refresh_token="theirs")
    environ = {"R": "old"}
    source = RefreshToken(
        token_url=f"{place.url}/token",
        refresh_token=EnvSource("R", environ),
        client_id=None,
        client_secret=None,
        post=post,
        wall=wall,
    )
    await source.fetch()
    environ["R"] = "new"
    await source.fetch()
    assert [asked.form["refresh_token"] for asked in place.asked] == ["old", "new"]


@pytest.mark.parametrize(
    ("said", "lifetime"),
    [
        (3599, 3599.0),
        ("3599", 3599.0),
        (None, DEFAULT_LIFETIME),
        (-1, DEFAULT_LIFETIME),
        (True, DEFAULT_LIFETIME),
    ],
)
async def test_how_long_a_token_lives(said: object, lifetime: float, place: Cloud, post: Post) -> None:
    place.answers["/token"] = gives(access_token="tok", expires_in=said)
    assert (await client(place, post).fetch()).expires == NOW + lifetime


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (
            (401, "application/json", b'{"error":"invalid_client","error_description":"bad\\nsecret"}'),
            r"refused with status 401 \(invalid_client: bad secret\)",
        ),
        ((500, "text/html", b"<html>"), "refused with status 500"),
        ((200, "application/json", b"[]"), "gave no access_token"),
        ((200, "application/json", b'{"access_token":"a\\r\\nx-evil: 1"}'), "gave no access_token"),
        ((200, "application/json", b"\xff"), "gave no access_token"),
    ],
)
async def test_a_refusal_names_the_endpoint_and_no_secret(
    answer: tuple[int, str, bytes], says: str, place: Cloud, post: Post
) -> None:
    place.answers["/token"] = answer
    with pytest.raises(Fault, match=says) as fault:
        await client(place, post).fetch()
    assert fault.value.kind is Kind.CREDENTIALS
    assert f"127.0.0.1:{place.port}" in fault.value.message
    assert "s3cr3t" not in fault.value.message


async def test_an_endpoint_that_is_not_there_is_a_fault_of_credentials(post: Post) -> None:
    with pytest.raises(Fault, match="cannot be asked") as fault:
        await grant("http://127.0.0.1:1/token", {}, post, wall)
    assert fault.value.kind is Kind.CREDENTIALS


async def test_calls_that_need_a_token_at_once_share_one_fetch_until_shortly_before_it_expires(
    place: Cloud, post: Post
) -> None:
    place.answers["/token"] = gives(access_token="tok", expires_in=3600)
    store = CredentialStore("s", client(place, post), ttl=86_400.0, timeout=5.0, wall=wall)
    signers = await asyncio.gather(*(store.signer("api-key", 0.0) for _ in range(8)))
    assert len(place.asked) == 1
    signed = signers[0].sign(WireRequest(url="https://x.example.com", headers={}, body=b""))
    assert signed.headers == {"authorization": "Bearer tok"}
    assert store.cached("api-key", 3299.0) is not None
    assert store.cached("api-key", 3301.0) is None


def test_a_token_is_as_secret_as_any_secret() -> None:
    assert repr(Token("tok", 1.0)) == f"{Token('tok', 1.0)}" == "***"
    assert Token("tok", 1.0) == Secret("tok")
