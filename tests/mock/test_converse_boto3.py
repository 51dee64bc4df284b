"""The unmodified boto3 of this environment before the mock; tests/real has the newest one."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import trustme
from botocore.exceptions import ClientError

from switch_grpc.mock import MockServer
from tests.support.boto3_scenarios import SCENARIOS, an_api_key, client, user, wrong_keys

ACCESS, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with MockServer(key=f"{ACCESS}:{SECRET}") as mock:
        yield mock.url.removesuffix("/v1")


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.__name__)
async def test_boto3_gets_what_bedrock_gives(url: str, scenario: Callable[[Any], None]):
    with client(url, ACCESS, SECRET) as bedrock:
        await asyncio.to_thread(scenario, bedrock)


async def test_boto3_is_refused_without_the_right_keys(url: str):
    await asyncio.to_thread(wrong_keys, url, ACCESS, SECRET)


async def test_boto3_may_bring_an_api_key_instead(tmp_path: Path):
    authority, bundle = trustme.CA(), tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    async with MockServer(key="bedrock-api-key-1", tls=context) as mock:
        url = mock.url.removesuffix("/v1")
        await asyncio.to_thread(an_api_key, url, "bedrock-api-key-1", str(bundle))


async def test_any_region_and_any_path_before_the_models_will_do(url: str):
    with client(f"{url}/eu-west-1", ACCESS, SECRET, region="eu-west-1") as bedrock:
        await asyncio.to_thread(ask, bedrock)


async def test_temporary_keys_come_with_their_session_token():
    async with MockServer(key=f"{ACCESS}:{SECRET}:session/1=") as mock:
        url = mock.url.removesuffix("/v1")
        with client(url, ACCESS, SECRET, aws_session_token="session/1=") as bedrock:
            await asyncio.to_thread(ask, bedrock)
        for token in (None, "session/2="):
            with client(url, ACCESS, SECRET, aws_session_token=token) as bedrock:
                refused = asyncio.to_thread(ask, bedrock)
                with pytest.raises(ClientError, match="UnrecognizedClientException"):
                    await refused


def ask(bedrock: Any) -> None:
    bedrock.converse(modelId="mock", messages=[user("Hi")])
