"""Laws of AWS credentials: where they come from, and how long they are kept."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from switch_grpc.config import stores
from switch_grpc.credentials.aws import AssumedRole, EnvKeys, FileKeys, MachineKeys, WebIdentity
from switch_grpc.credentials.aws_source import aws_source
from switch_grpc.credentials.signer import HeaderKey, Secret
from switch_grpc.credentials.sigv4 import AwsKeys, SigV4
from switch_grpc.credentials.sources import EnvSource
from switch_grpc.credentials.store import CredentialStore
from switch_grpc.faults import Fault, Kind

ENVIRON = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret"}
EXPIRY = "2030-01-01T00:00:00Z"
EXPIRY_UNIX = datetime(2030, 1, 1, tzinfo=UTC).timestamp()
TEMPORARY = {"AccessKeyId": "ASIA", "SecretAccessKey": "s3", "Token": "tok", "Expiration": EXPIRY}


def env_keys(**environ: str) -> EnvKeys:
    return EnvKeys(
        access_key_id="AWS_ACCESS_KEY_ID",
        secret_access_key="AWS_SECRET_ACCESS_KEY",
        session_token="AWS_SESSION_TOKEN",
        environ={**ENVIRON, **environ},
    )


def told(keys: Secret) -> tuple[str, str, str | None, float | None]:
    assert isinstance(keys, AwsKeys)
    return (
        keys.access_key_id,
        keys.reveal(),
        keys.session_token.reveal() if keys.session_token else None,
        keys.expires,
    )


@asynccontextmanager
async def metadata(answers: Mapping[str, Any]) -> AsyncIterator[tuple[str, list[Mapping[str, str]]]]:
    """A metadata service on loopback: path -> text or JSON. Its URL, and the headers that came."""
    seen: list[Mapping[str, str]] = []

    async def handle(request: web.Request) -> web.Response:
        seen.append({"method": request.method, "path": request.path, **request.headers})
        answer = answers.get(request.path)
        if answer is None:
            return web.Response(status=404)
        return web.Response(text=answer) if isinstance(answer, str) else web.json_response(answer)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", seen
    finally:
        await runner.cleanup()


# -- sources --


async def test_access_keys_come_from_the_environment_with_their_token() -> None:
    assert told(await env_keys().fetch()) == ("AKID", "secret", None, None)
    assert told(await env_keys(AWS_SESSION_TOKEN="tok").fetch()) == ("AKID", "secret", "tok", None)


async def test_a_variable_that_is_not_set_is_named() -> None:
    with pytest.raises(Fault, match="AWS_SECRET_ACCESS_KEY is not set") as caught:
        await env_keys(AWS_SECRET_ACCESS_KEY=" ").fetch()
    assert caught.value.kind is Kind.CREDENTIALS


async def test_a_file_is_in_the_form_of_a_credential_process(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    written = {**TEMPORARY, "SessionToken": "tok", "Version": 1}
    path.write_text(json.dumps(written))
    path.chmod(0o600)
    assert told(await FileKeys(path).fetch()) == ("ASIA", "s3", "tok", EXPIRY_UNIX)
    path.write_text('{"AccessKeyId": "a"}')
    with pytest.raises(Fault, match="is not JSON with AccessKeyId"):
        await FileKeys(path).fetch()


async def test_a_container_asks_the_endpoint_that_its_environment_names(tmp_path: Path) -> None:
    """As EKS Pod Identity does: the token is in a file, which is replaced."""
    token = tmp_path / "token"
    token.write_text("pod-token\n")
    async with metadata({"/v1/credentials": TEMPORARY}) as (url, seen):
        source = MachineKeys(
            {
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{url}/v1/credentials",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token),
            }
        )
        assert told(await source.fetch()) == ("ASIA", "s3", "tok", EXPIRY_UNIX)
    assert [each["Authorization"] for each in seen] == ["pod-token"]


async def test_a_machine_asks_its_metadata_service_by_version_two() -> None:
    base = "/latest/meta-data/iam/security-credentials/"
    answers = {
        "/latest/api/token": "imds-token",
        base: "the-role",
        f"{base}the-role": {"Code": "Success", **TEMPORARY},
    }
    async with metadata(answers) as (url, seen):
        source = MachineKeys({"AWS_EC2_METADATA_SERVICE_ENDPOINT": url})
        assert told(await source.fetch()) == ("ASIA", "s3", "tok", EXPIRY_UNIX)
    assert [(each["method"], each.get("x-aws-ec2-metadata-token")) for each in seen] == [
        ("PUT", None),
        ("GET", "imds-token"),
        ("GET", "imds-token"),
    ]


async def test_a_time_that_cannot_be_read_is_a_fault_of_credentials() -> None:
    """Some stand-ins for the metadata service write times of their own."""
    base = "/latest/meta-data/iam/security-credentials/"
    answers = {
        "/latest/api/token": "imds-token",
        base: "the-role",
        f"{base}the-role": {"Code": "Success", **TEMPORARY, "Expiration": "soon"},
    }
    async with metadata(answers) as (url, _):
        with pytest.raises(Fault, match="ValueError") as caught:
            await MachineKeys({"AWS_EC2_METADATA_SERVICE_ENDPOINT": url}).fetch()
    assert caught.value.kind is Kind.CREDENTIALS


async def test_a_machine_without_a_role_says_so() -> None:
    async with metadata({}) as (url, _):
        with pytest.raises(Fault, match="metadata service") as caught:
            await MachineKeys({"AWS_EC2_METADATA_SERVICE_ENDPOINT": url}).fetch()
    assert caught.value.kind is Kind.CREDENTIALS


async def test_a_web_identity_needs_its_variables() -> None:
    with pytest.raises(Fault, match="AWS_ROLE_ARN is not set"):
        await WebIdentity(environ={}, region="us-east-1").fetch()
    with pytest.raises(Fault, match="AWS_WEB_IDENTITY_TOKEN_FILE is not set"):
        await WebIdentity(environ={"AWS_ROLE_ARN": "arn:r"}, region="us-east-1").fetch()
    environ = {"AWS_ROLE_ARN": "arn:r", "AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere"}
    with pytest.raises(Fault, match="/nowhere cannot be read"):
        await WebIdentity(environ=environ, region="us-east-1").fetch()


STS = """<{0}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{0}Result><Credentials>
<AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s3</SecretAccessKey><SessionToken>tok</SessionToken>
<Expiration>2030-01-01T00:00:00Z</Expiration></Credentials></{0}Result></{0}Response>"""


@asynccontextmanager
async def sts(status: int = 200) -> AsyncIterator[tuple[str, list[Mapping[str, str]]]]:
    """An STS that gives the role, or refuses it."""
    asked: list[Mapping[str, str]] = []

    async def handle(request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        asked.append({**form, "authorization": request.headers.get("authorization", "")})
        body = STS.format(form["Action"])
        if status != 200:
            told = "<Code>AccessDenied</Code><Message>key AKID</Message>"
            body = f"<ErrorResponse><Error>{told}</Error></ErrorResponse>"
        return web.Response(text=body, status=status, content_type="text/xml")

    app = web.Application()
    app.router.add_post("/", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", asked
    finally:
        await runner.cleanup()


async def test_a_web_identity_is_exchanged_for_the_role(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("a.web.token")
    async with sts() as (url, asked):
        environ = {
            "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/r",
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(token),
            "AWS_ENDPOINT_URL_STS": url,
        }
        assert told(await WebIdentity(environ=environ, region="us-east-1").fetch()) == (
            *("ASIA", "s3", "tok", EXPIRY_UNIX),
        )
    assert asked[0]["WebIdentityToken"] == "a.web.token"
    assert asked[0]["RoleArn"] == environ["AWS_ROLE_ARN"]
    assert asked[0]["authorization"] == ""


async def test_a_role_is_assumed_with_the_other_credentials_and_its_external_id() -> None:
    async with sts() as (url, asked):
        source = AssumedRole(
            base=env_keys(),
            environ={"AWS_ENDPOINT_URL_STS": url},
            region="eu-west-1",
            role_arn="arn:aws:iam::123456789012:role/r",
            external_id="ext-1",
        )
        assert told(await source.fetch()) == ("ASIA", "s3", "tok", EXPIRY_UNIX)
    assert asked[0]["ExternalId"] == "ext-1"
    assert "Credential=AKID/" in asked[0]["authorization"]
    assert "/eu-west-1/sts/" in asked[0]["authorization"]


async def test_a_role_that_is_refused_names_the_role_and_no_more_of_awss_words_than_the_code() -> None:
    async with sts(403) as (url, _):
        source = AssumedRole(
            base=env_keys(),
            environ={"AWS_ENDPOINT_URL_STS": url},
            region="us-east-1",
            role_arn="arn:aws:iam::123456789012:role/r",
        )
        with pytest.raises(Fault) as caught:
            await source.fetch()
    assert (
        caught.value.message
        == "the role arn:aws:iam::123456789012:role/r was not given: AWS answered AccessDenied"
    )


async def test_without_botocore_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "botocore.exceptions", None)
    with pytest.raises(Fault, match=r"pip install 'switch-gateway\[aws\]'"):
        await MachineKeys({}).fetch()
    assert told(await env_keys().fetch())[0] == "AKID"  # which needs nothing installed


def test_what_a_store_says_decides_the_source() -> None:
    keys = stores.AwsKeys.model_validate
    static = {"accessKeyIdVar": "A", "secretAccessKeyVar": "B"}
    role = {"roleArn": "arn:r", "externalId": "e", "roleSessionName": "n", "region": "eu-west-1"}
    plain = EnvKeys(access_key_id="A", secret_access_key="B", environ={})
    assert aws_source("env", keys(static), {}) == plain
    assert aws_source("env", keys({"bedrockApiKeyVar": "K"}), {}) == EnvSource("K", {})
    assert aws_source("env", keys({"useInstanceProfile": True}), {}) == MachineKeys({})
    assert aws_source("env", keys({"useWebIdentity": True, "roleArn": "arn:r"}), {}) == WebIdentity(
        environ={}, region="us-east-1", role_arn="arn:r"
    )
    assert aws_source("env", keys({**static, **role}), {}) == AssumedRole(
        base=plain, environ={}, region="eu-west-1", role_arn="arn:r", session_name="n", external_id="e"
    )
    assert aws_source("file", keys({"path": "/k"}), {}) == FileKeys(Path("/k"))
    assert aws_source("env", keys({}), {}) is None
    assert aws_source("vault", keys({"path": "p"}), {}) is None


# -- how long they are kept --


class Rotating:
    """Gives new keys at each fetch, which hold for an hour, or fails."""

    def __init__(self, wall: list[float], lifetime: float = 3600.0) -> None:
        self.wall, self.lifetime, self.fetched, self.fails = wall, lifetime, 0, False

    async def fetch(self) -> Secret:
        await asyncio.sleep(0)
        if self.fails:
            raise Fault(Kind.CREDENTIALS, "the metadata service is down")
        self.fetched += 1
        return AwsKeys("ASIA", f"secret-{self.fetched}", None, self.wall[0] + self.lifetime)


def store_of(source: Rotating, ttl: float = 86_400.0) -> CredentialStore:
    return CredentialStore("aws", source, ttl=ttl, timeout=5.0, wall=lambda: source.wall[0])


async def test_keys_are_fetched_anew_five_minutes_before_they_expire() -> None:
    wall = [1e9]
    source = Rotating(wall)
    store = store_of(source)
    first = await store.signer("aws/us-east-1", now=0.0)
    assert store.cached("aws/us-east-1", now=3299.0) is first
    assert store.cached("aws/us-east-1", now=3300.0) is None
    wall[0] += 3300.0
    second = await store.signer("aws/us-east-1", now=3300.0)
    assert second.fingerprint != first.fingerprint
    assert source.fetched == 2


async def test_a_shorter_cache_ttl_wins() -> None:
    store = store_of(Rotating([1e9]), ttl=60.0)
    await store.signer("aws/us-east-1", now=0.0)
    assert store.cached("aws/us-east-1", now=60.0) is None


async def test_keys_that_cannot_be_refreshed_serve_until_they_expire_and_no_longer() -> None:
    wall = [1e9]
    source = Rotating(wall)
    store = store_of(source)
    first = await store.signer("aws/us-east-1", now=0.0)
    source.fails = True
    wall[0] += 3400.0
    assert await store.signer("aws/us-east-1", now=3400.0) is first
    wall[0] += 201.0
    with pytest.raises(Fault, match="the metadata service is down"):
        await store.signer("aws/us-east-1", now=3601.0)


async def test_keys_that_had_expired_when_they_came_are_not_used() -> None:
    with pytest.raises(Fault, match="has expired"):
        await store_of(Rotating([1e9], lifetime=-1.0)).signer("aws/us-east-1", now=0.0)


async def test_calls_that_wait_share_one_fetch_and_each_region_has_its_signer() -> None:
    source = Rotating([1e9])
    store = store_of(source)
    regions = ["us-east-1", "eu-west-1", "us-east-1"]
    signers = await asyncio.gather(*(store.signer(f"aws/{region}", now=0.0) for region in regions))
    assert source.fetched == 1
    assert signers[0] is signers[2]
    assert signers[0] is not signers[1]
    assert all(isinstance(signer, SigV4) for signer in signers)


async def test_a_bedrock_api_key_is_a_bearers() -> None:
    store = CredentialStore("aws", EnvSource("K", {"K": "bedrock-api-key"}), ttl=60.0, timeout=5.0)
    assert await store.signer("aws/us-east-1", now=0.0) == HeaderKey(Secret("bedrock-api-key"))
