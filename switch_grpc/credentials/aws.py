"""AWS credentials: access keys, the machine's or pod's own, a web identity's, and roles assumed with these.

Access keys and Bedrock API keys need nothing installed. For the rest botocore speaks to the metadata services
and to STS, in a thread, because it blocks; never while a call is served with a credential that still holds.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import msgspec

from switch_grpc.credentials.signer import Secret
from switch_grpc.credentials.sigv4 import AwsKeys
from switch_grpc.credentials.sources import FileSource, Source
from switch_grpc.faults import Fault, Kind

EXTRA: Final = "switch-gateway[aws]"
_CONNECT_SECONDS: Final = 2.0
_READ_SECONDS: Final = 4.0
_ATTEMPTS: Final = 2
_SESSION: Final = "switch"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvKeys:
    """Access keys in environment variables, read anew at each fetch."""

    access_key_id: str  # names of the variables
    secret_access_key: str
    session_token: str | None = None
    environ: Mapping[str, str]

    async def fetch(self) -> Secret:
        token = self.environ.get(self.session_token, "").strip() if self.session_token else ""
        return AwsKeys(
            self._value(self.access_key_id),
            self._value(self.secret_access_key),
            Secret(token) if token else None,
        )

    def _value(self, variable: str) -> str:
        value = self.environ.get(variable, "").strip()
        if not value:
            raise Fault(Kind.CREDENTIALS, f"the environment variable {variable} is not set")
        return value


class _Written(msgspec.Struct, rename="pascal"):
    """Keys as AWS writes them, in files and in answers."""

    access_key_id: str
    secret_access_key: str
    session_token: str = ""
    token: str = ""
    expiration: datetime | None = None


@dataclass(frozen=True, slots=True)
class FileKeys:
    """A file in the form of AWS's `credential_process`: {"AccessKeyId", "SecretAccessKey", ...}."""

    path: Path
    field: str | None = None  # of the file's JSON object, where the keys are a member of it

    async def fetch(self) -> Secret:
        text = (await FileSource(self.path, self.field).fetch()).reveal()
        try:
            return _keys(msgspec.json.decode(text, type=_Written))
        except msgspec.DecodeError as error:
            raise Fault(
                Kind.CREDENTIALS,
                f"the credential file {self.path} is not JSON with AccessKeyId and SecretAccessKey",
            ) from error


@dataclass(frozen=True, slots=True)
class MachineKeys:
    """The credentials of the ECS task, the EKS pod or the EC2 machine, whichever this is, in this order."""

    environ: Mapping[str, str]

    async def fetch(self) -> Secret:
        return await _in_thread(self._fetch, "the metadata service has no credentials for this machine")

    def _fetch(self) -> AwsKeys:
        return _container(self.environ) or _instance(self.environ)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebIdentity:
    """A web identity token (EKS, OIDC), exchanged for a role's credentials.

    The token's file is read anew at each fetch, as Kubernetes replaces it; it and the role are named by
    AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN.
    """

    environ: Mapping[str, str]
    region: str
    role_arn: str | None = None
    session_name: str | None = None

    async def fetch(self) -> Secret:
        role = self.role_arn or self.environ.get("AWS_ROLE_ARN", "")
        file = self.environ.get("AWS_WEB_IDENTITY_TOKEN_FILE", "")
        if not role or not file:
            missing = "AWS_WEB_IDENTITY_TOKEN_FILE" if role else "AWS_ROLE_ARN"
            raise Fault(Kind.CREDENTIALS, f"the environment variable {missing} is not set")
        return await _in_thread(lambda: self._exchange(role, file), f"the role {role} was not given")

    def _exchange(self, role: str, file: str) -> AwsKeys:
        try:
            token = Path(file).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise Fault(Kind.CREDENTIALS, f"the web identity token {file} cannot be read") from error
        name = self.session_name or self.environ.get("AWS_ROLE_SESSION_NAME") or _SESSION
        answer = _sts(self.region, self.environ, None).assume_role_with_web_identity(
            RoleArn=role, RoleSessionName=name, WebIdentityToken=token
        )
        return _assumed(answer)


@dataclass(frozen=True, slots=True, kw_only=True)
class AssumedRole:
    """A role, assumed with the credentials of another source."""

    base: Source
    environ: Mapping[str, str]
    region: str
    role_arn: str
    session_name: str | None = None
    external_id: str | None = None

    async def fetch(self) -> Secret:
        keys = await self.base.fetch()
        if not isinstance(keys, AwsKeys):
            raise Fault(Kind.CREDENTIALS, f"the role {self.role_arn} is assumed with access keys only")
        return await _in_thread(lambda: self._assume(keys), f"the role {self.role_arn} was not given")

    def _assume(self, keys: AwsKeys) -> AwsKeys:
        more = {"ExternalId": self.external_id} if self.external_id else {}
        answer = _sts(self.region, self.environ, keys).assume_role(
            RoleArn=self.role_arn, RoleSessionName=self.session_name or _SESSION, **more
        )
        return _assumed(answer)


# -- botocore, which has no types and may be missing --


async def _in_thread(fetch: Callable[[], AwsKeys], what: str) -> AwsKeys:
    """What `fetch` returns; botocore's errors as Fault(CREDENTIALS), without its words but for the code.

    ValueError: what it says of an address that is none, and what a time is that cannot be read.
    """
    try:
        exceptions = import_module("botocore.exceptions")
    except ImportError as error:
        raise Fault(
            Kind.CREDENTIALS, f"botocore, which is not installed, has to fetch it: pip install '{EXTRA}'"
        ) from error
    try:
        return await asyncio.to_thread(fetch)
    except exceptions.ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        raise Fault(Kind.CREDENTIALS, f"{what}: AWS answered {code or 'with an error'}") from error
    except (exceptions.BotoCoreError, ValueError) as error:
        raise Fault(Kind.CREDENTIALS, f"{what}: {type(error).__name__}") from error


def _container(environ: Mapping[str, str]) -> AwsKeys | None:
    """From the endpoint that ECS and EKS Pod Identity name in the environment; None outside of these."""
    fetcher = import_module("botocore.utils").ContainerMetadataFetcher()
    if relative := environ.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", ""):
        uri = fetcher.full_url(relative)
    elif not (uri := environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI", "")):
        return None
    token = environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")
    if file := environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", ""):
        try:
            token = Path(file).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise Fault(Kind.CREDENTIALS, f"the pod's token {file} cannot be read") from error
    try:
        answer = fetcher.retrieve_full_uri(uri, headers={"Authorization": token} if token else None)
        return _keys(msgspec.convert(answer, _Written))
    except (ValueError, msgspec.ValidationError) as error:
        raise Fault(Kind.CREDENTIALS, "the container's credentials cannot be read") from error


def _instance(environ: Mapping[str, str]) -> AwsKeys:
    """From EC2's metadata service, by IMDSv2."""
    fetcher = import_module("botocore.utils").InstanceMetadataFetcher(
        timeout=_CONNECT_SECONDS,
        num_attempts=_ATTEMPTS,
        env=environ,
        base_url=environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT"),
        config={"ec2_metadata_v1_disabled": True},
    )
    found: Mapping[str, str] = fetcher.retrieve_iam_role_credentials()
    if not found:
        raise Fault(
            Kind.CREDENTIALS,
            "no metadata service gave credentials: this machine has no role, or is not at AWS",
        )
    return AwsKeys(
        found["access_key"], found["secret_key"], Secret(found["token"]), _unix(found["expiry_time"])
    )


def _sts(region: str, environ: Mapping[str, str], keys: AwsKeys | None) -> Any:
    """A client for STS; unsigned without keys."""
    config = import_module("botocore.config").Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        retries={"total_max_attempts": _ATTEMPTS},
        **({} if keys else {"signature_version": import_module("botocore").UNSIGNED}),
    )
    signed = (
        {}
        if keys is None
        else {
            "aws_access_key_id": keys.access_key_id,
            "aws_secret_access_key": keys.reveal(),
            "aws_session_token": keys.session_token.reveal() if keys.session_token else None,
        }
    )
    return (
        import_module("botocore.session")
        .Session()
        .create_client(
            "sts",
            region_name=region,
            endpoint_url=environ.get("AWS_ENDPOINT_URL_STS"),
            config=config,
            **signed,
        )
    )


def _assumed(answer: Mapping[str, Any]) -> AwsKeys:
    given = answer["Credentials"]
    return AwsKeys(
        given["AccessKeyId"],
        given["SecretAccessKey"],
        Secret(given["SessionToken"]),
        given["Expiration"].timestamp(),
    )


def _keys(written: _Written) -> AwsKeys:
    token = written.session_token or written.token
    expires = written.expiration
    return AwsKeys(
        written.access_key_id,
        written.secret_access_key,
        Secret(token) if token else None,
        None if expires is None else _as_utc(expires).timestamp(),
    )


def _unix(text: str) -> float:
    return _as_utc(datetime.fromisoformat(text)).timestamp()


def _as_utc(time: datetime) -> datetime:
    return time if time.tzinfo else time.replace(tzinfo=UTC)
