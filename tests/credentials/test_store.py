"""How long a secret is kept, who fetches it, and what happens when it cannot be had or is refused."""

import asyncio

import pytest

from switch_grpc.credentials.oauth import Token
from switch_grpc.credentials.signer import NoAuth, Secret, Signer
from switch_grpc.credentials.sigv4 import AwsKeys
from switch_grpc.credentials.store import FORCED_INTERVAL, NEGATIVE_SECONDS, CredentialStore, NoCredentials
from switch_grpc.faults import Fault, Kind
from switch_grpc.providers.dialects.base import WireRequest
from tests.support.engines import ScriptedSource, store
from tests.support.virtual_time import now, virtual

SEALED = Fault(Kind.CREDENTIALS, "the vault is sealed")


async def key(of: CredentialStore, kind: str = "bearer") -> str:
    """The header that the store's signer adds."""
    signer = of.cached(kind, now()) or await of.signer(kind, now())
    return sent_by(signer)


def sent_by(signer: Signer | None) -> str:
    assert signer is not None
    headers = signer.sign(WireRequest(url="http://x", headers={}, body=b"")).headers
    return next(iter(headers.values()))


@virtual
async def test_a_secret_is_fetched_once_for_its_whole_time():
    source = ScriptedSource("k1")
    keys = store(source, ttl=100.0)
    assert keys.cached("bearer", now()) is None
    assert await key(keys) == "Bearer k1"
    source.value = "k2"
    await asyncio.sleep(99.0)
    assert (await key(keys), source.fetches) == ("Bearer k1", 1)
    await asyncio.sleep(1.0)
    assert (await key(keys), source.fetches) == ("Bearer k2", 2)


@virtual
async def test_a_secret_signs_as_each_vendor_wants():
    keys = store(ScriptedSource("k1"))
    assert [await key(keys, kind) for kind in ("bearer", "x-api-key", "api-key")] == ["Bearer k1", "k1", "k1"]


@virtual
async def test_all_who_need_it_at_once_share_one_fetch():
    source = ScriptedSource("k1", seconds=2.0)
    keys = store(source)
    assert await asyncio.gather(*(key(keys) for _ in range(50))) == ["Bearer k1"] * 50
    assert source.fetches == 1


@virtual
async def test_a_fetch_goes_on_when_who_asked_for_it_leaves():
    source = ScriptedSource("k1", seconds=2.0)
    keys = store(source)
    leaving, staying = asyncio.create_task(key(keys)), asyncio.create_task(key(keys))
    await asyncio.sleep(1.0)
    leaving.cancel()
    assert await staying == "Bearer k1"
    assert source.fetches == 1


@virtual
async def test_a_secret_that_cannot_be_fetched_again_is_used_on_for_a_day():
    source = ScriptedSource("k1")
    keys = store(source, ttl=100.0)
    await key(keys)
    source.value = SEALED
    await asyncio.sleep(3600.0)
    assert await key(keys) == "Bearer k1"
    await asyncio.sleep(86_400.0)
    with pytest.raises(Fault, match="credential store 'keys': the vault is sealed"):
        await key(keys)


@virtual
async def test_after_a_failure_a_store_is_left_alone_for_a_moment():
    source = ScriptedSource(SEALED)
    keys = store(source)
    for _ in range(3):
        with pytest.raises(Fault):
            await key(keys)
    assert source.fetches == 1
    source.value = "k1"
    await asyncio.sleep(NEGATIVE_SECONDS)
    assert (await key(keys), source.fetches) == ("Bearer k1", 2)


@virtual
async def test_a_fetch_takes_no_longer_than_it_may():
    keys = store(ScriptedSource("k1", seconds=60.0), timeout=10.0)
    started = now()
    with pytest.raises(Fault, match="fetching took longer than 10 s") as raised:
        await key(keys)
    assert raised.value.kind is Kind.CREDENTIALS
    assert now() - started == pytest.approx(10.0)


# Refused keys.


@virtual
async def test_a_refused_key_is_fetched_again_and_another_one_given():
    source = ScriptedSource("k1")
    keys = store(source)
    refused = await keys.signer("bearer", now())
    source.value = "k2"
    assert sent_by(await keys.renew("bearer", refused, now())) == "Bearer k2"
    assert await key(keys) == "Bearer k2"


@virtual
async def test_the_same_key_again_is_none():
    keys = store(ScriptedSource("k1"))
    assert await keys.renew("bearer", await keys.signer("bearer", now()), now()) is None


@virtual
async def test_a_refused_key_is_fetched_again_once_in_ten_seconds():
    source = ScriptedSource("k1")
    keys = store(source)
    refused = await keys.signer("bearer", now())
    for _ in range(5):
        assert await keys.renew("bearer", refused, now()) is None
    assert source.fetches == 2
    source.value = "k2"
    await asyncio.sleep(FORCED_INTERVAL - 0.1)
    assert await keys.renew("bearer", refused, now()) is None
    await asyncio.sleep(0.1)
    assert sent_by(await keys.renew("bearer", refused, now())) == "Bearer k2"
    assert source.fetches == 3


@virtual
async def test_who_is_refused_while_another_fetches_waits_for_that():
    source = ScriptedSource("k1")
    keys = store(source)
    refused = await keys.signer("bearer", now())
    source.value, source.seconds = "k2", 2.0
    renewed = await asyncio.gather(*(keys.renew("bearer", refused, now()) for _ in range(50)))
    assert {sent_by(signer) for signer in renewed} == {"Bearer k2"}
    assert source.fetches == 2


@virtual
async def test_who_was_refused_with_an_older_key_gets_the_present_one_without_a_fetch():
    source = ScriptedSource("k1")
    keys = store(source)
    old = await keys.signer("bearer", now())
    source.value = "k2"
    await keys.renew("bearer", old, now())
    assert sent_by(await keys.renew("bearer", old, now())) == "Bearer k2"
    assert source.fetches == 2


@virtual
async def test_a_store_that_cannot_be_reached_leaves_the_refused_key_in_use():
    source = ScriptedSource("k1")
    keys = store(source)
    refused = await keys.signer("bearer", now())
    source.value = SEALED
    assert await keys.renew("bearer", refused, now()) is None
    assert await key(keys) == "Bearer k1"


@virtual
async def test_an_access_key_id_that_was_put_right_signs_beside_the_same_secret():
    source = Keys(AwsKeys("AKIA-WRONG", "secret"))
    keys = CredentialStore("keys", source, ttl=100.0, timeout=1.0, wall=lambda: 1000.0)
    refused = await keys.signer("aws/us-east-1", now())
    source.keys = AwsKeys("AKIA-RIGHT", "secret")
    renewed = await keys.renew("aws/us-east-1", refused, now())
    assert renewed is not None
    signed = renewed.sign(WireRequest(url="http://x", headers={}, body=b""))
    assert "Credential=AKIA-RIGHT/" in signed.headers["authorization"]


class Keys:
    """A source of AWS keys."""

    def __init__(self, keys: AwsKeys) -> None:
        self.keys = keys

    async def fetch(self) -> Secret:
        return self.keys


# Who listens.


@virtual
async def test_listeners_are_told_of_each_lasting_secret_by_its_fingerprint():
    source = ScriptedSource("k1")
    keys = store(source, ttl=1.0)
    heard: list[str] = []
    keys.on_fetched(heard.append)
    for value in ("k1", "k1", "k2"):
        source.value = value
        await key(keys)
        await asyncio.sleep(1.0)
    assert len(heard) == 3
    assert heard[0] == heard[1] != heard[2]
    assert "k1" not in "".join(heard)


class Tokens:
    """A source whose token is another at each fetch."""

    def __init__(self) -> None:
        self.fetches = 0

    async def fetch(self) -> Secret:
        self.fetches += 1
        return Token(f"t{self.fetches}", expires=1000.0 + 100.0 * self.fetches)


@virtual
async def test_a_token_that_follows_another_is_no_new_credential():
    keys = CredentialStore("tokens", Tokens(), ttl=10.0, timeout=1.0, wall=lambda: 1000.0)
    heard: list[str] = []
    keys.on_fetched(heard.append)
    assert await key(keys) == "Bearer t1"
    await asyncio.sleep(10.0)
    assert await key(keys) == "Bearer t2"
    assert heard == []


@virtual
async def test_a_target_without_credentials_has_a_store_too():
    nobody = NoCredentials()
    nobody.on_fetched(lambda _: None)
    assert nobody.cached("none", now()) == NoAuth()
    assert await nobody.signer("none", now()) == NoAuth()
    assert await nobody.renew("none", NoAuth(), now()) is None
