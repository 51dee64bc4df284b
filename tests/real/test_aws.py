"""AWS's own software, in an environment of its own: moto's STS and metadata service, botocore, boto3."""

import asyncio
import gzip
import hashlib
import json
import ssl
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from botocore.model import ServiceModel

from switch_grpc.credentials.aws import AssumedRole, EnvKeys, MachineKeys, WebIdentity
from switch_grpc.credentials.sigv4 import AwsKeys
from switch_grpc.credentials.sources import Source
from switch_grpc.mock import MockServer
from switch_grpc.mock.converse_shapes import CONVERSE, CONVERSE_STREAM
from tests.real.processes import CACHE, free_port, running
from tests.support.boto3_scenarios import SCENARIOS
from tests.support.conformance import FIXTURES
from tests.support.service_model import differences

REQUIREMENTS = ["moto[server]==5.2.5", "boto3==1.44.5"]
pytestmark = pytest.mark.timeout(600)  # the first run installs them

ROLE = "arn:aws:iam::123456789012:role/switch"


@pytest.fixture(scope="module")
def tools() -> Path:
    """The directory of the environment's programs."""
    name = hashlib.sha256(" ".join([sys.version, *REQUIREMENTS]).encode()).hexdigest()[:12]
    place = CACHE / f"aws-{name}"
    if not (place / "done").exists():
        venv.create(place, with_pip=True, clear=True)
        subprocess.run([place / "bin/python", "-m", "pip", "install", "-q", *REQUIREMENTS], check=True)
        (place / "done").touch()
    return place / "bin"


@pytest.fixture(scope="module")
def moto(tools: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    command = [tools / "moto_server", "-H", "127.0.0.1", "-p", str(port)]
    with running(command, port, "/moto-api/", tmp_path_factory.mktemp("moto") / "log"):
        yield f"http://127.0.0.1:{port}"


def sources(url: str, token: Path) -> dict[str, Source]:
    environ = {
        "AWS_ROLE_ARN": ROLE,
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(token),
        "AWS_ENDPOINT_URL_STS": url,
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": url,
        "ID": "AKIDEXAMPLE",
        "KEY": "secret",
    }
    keys = EnvKeys(access_key_id="ID", secret_access_key="KEY", environ=environ)
    return {
        "web identity": WebIdentity(environ=environ, region="us-east-1"),
        "role": AssumedRole(base=keys, environ=environ, region="us-east-1", role_arn=ROLE, external_id="e-1"),
        "machine": MachineKeys(environ),
    }


@pytest.mark.parametrize("name", ["web identity", "role", "machine"])
async def test_credentials_come_with_their_token_and_their_end(moto: str, tmp_path: Path, name: str) -> None:
    token = tmp_path / "token"
    token.write_text("a.web.token")
    keys = await sources(moto, token)[name].fetch()
    assert isinstance(keys, AwsKeys)
    assert keys.access_key_id
    assert keys.session_token is not None
    assert keys.expires is not None


def test_the_newest_service_model_takes_every_request_of_the_table(tools: Path) -> None:
    """What the pinned botocore does not know yet is in it: outputConfig, serviceTier, strict."""
    script = Path(__file__).parent / "newest_botocore.py"
    requests = FIXTURES / "converse/requests.json"
    done = subprocess.run([tools / "python", script, requests], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout) > 40


def test_the_mocks_shapes_are_the_newest_service_models(tools: Path) -> None:
    """Name by name: members, what is required, unions, enums, bounds and patterns."""
    (path,) = tools.parent.glob("lib/python*/site-packages/botocore/data/bedrock-runtime/*/service-2.json*")
    data = path.read_bytes()
    model = ServiceModel(
        json.loads(gzip.decompress(data) if path.suffix == ".gz" else data), "bedrock-runtime"
    )
    for shape, operation in ((CONVERSE, "Converse"), (CONVERSE_STREAM, "ConverseStream")):
        theirs = model.operation_model(operation).input_shape
        assert list(differences(shape, theirs)) == [], operation


async def test_the_newest_boto3_takes_the_mock_for_bedrock(tools: Path, tmp_path: Path) -> None:
    """Chat, streams, tools, media, reasoning, its own exception classes, embeddings, right and wrong keys."""
    authority, bundle = trustme.CA(), tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    script = Path(__file__).parent.parent / "support/boto3_scenarios.py"
    access, secret = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
    key = f"{access}:{secret}"
    async with MockServer(key=key) as mock, MockServer(key=key, tls=context) as secure:
        plain, encrypted = (one.url.removesuffix("/v1") for one in (mock, secure))
        done = await asyncio.create_subprocess_exec(
            *(tools / "python", script, plain, access, secret, encrypted, bundle),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        told, errors = await done.communicate()
    assert done.returncode == 0, errors.decode()
    assert told.decode().split() == [*(one.__name__ for one in SCENARIOS), "wrong_keys", "an_api_key"]
