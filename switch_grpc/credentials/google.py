"""Google: access tokens of a service account, and of whatever the machine or pod runs as.

A service account's key is traded for a token by our own HTTP client, so that proxy and CA settings hold;
google-auth only signs. Application default credentials have many forms (workload identity federation,
gcloud's own, the metadata server), so there google-auth does all, in a thread.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import msgspec

from switch_grpc.credentials.oauth import DEFAULT_LIFETIME, Post, Token, grant
from switch_grpc.credentials.signer import Secret
from switch_grpc.credentials.sources import FileSource, Source
from switch_grpc.faults import Fault, Kind

SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
LIFETIME: Final = 3600  # seconds; the longest that Google takes of an assertion
_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_TOKEN_URI: Final = "https://oauth2.googleapis.com/token"  # noqa: S105  # an address
_INSTALL: Final = "google-auth is not installed; run: pip install 'switch-gateway[vertex]'"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccount:
    """Tokens for a service account's JSON key, or for the path of a file that holds one."""

    key: Source
    post: Post
    wall: Callable[[], float]  # Unix seconds

    async def fetch(self) -> Secret:
        """A token, by https://developers.google.com/identity/protocols/oauth2/service-account#httprest."""
        account = _account(await self._key_text())
        assertion = await asyncio.to_thread(signed, account, int(self.wall()))
        uri = account.get("token_uri")
        form = {"grant_type": _GRANT, "assertion": assertion}
        url = uri if isinstance(uri, str) and uri else _TOKEN_URI
        return (await grant(url, form, self.post, self.wall)).token

    async def _key_text(self) -> str:
        value = (await self.key.fetch()).reveal()
        if value.lstrip().startswith("{"):
            return value
        return (await FileSource(Path(value)).fetch()).reveal()


@dataclass(frozen=True, slots=True)
class ApplicationDefault:
    """Tokens for the identity that google-auth finds in the environment, at gcloud or the metadata server."""

    wall: Callable[[], float]  # Unix seconds

    async def fetch(self) -> Secret:
        return await asyncio.to_thread(self._fetch)

    def _fetch(self) -> Token:
        auth, transport = _library("google.auth"), _library("google.auth.transport.requests")
        try:
            credentials, _ = auth.default(scopes=[SCOPE])
            credentials.refresh(transport.Request())
        except _library("google.auth.exceptions").GoogleAuthError as error:
            raise Fault(
                Kind.CREDENTIALS, f"no application default credentials: {type(error).__name__}"
            ) from error
        expiry = credentials.expiry  # UTC without a zone
        if expiry is None:
            return Token(credentials.token, self.wall() + DEFAULT_LIFETIME)
        return Token(credentials.token, expiry.replace(tzinfo=UTC).timestamp())


def signed(account: Mapping[str, Any], now: int) -> str:
    """The assertion that the account asks for a token with. Raises Fault(CREDENTIALS)."""
    crypt, jwt = _library("google.auth.crypt"), _library("google.auth.jwt")
    payload = {
        "iss": account["client_email"],
        "scope": SCOPE,
        "aud": account.get("token_uri") or _TOKEN_URI,
        "iat": now,
        "exp": now + LIFETIME,
    }
    try:
        signer = crypt.RSASigner.from_string(account["private_key"], account.get("private_key_id"))
        assertion: bytes = jwt.encode(signer, payload)
        return assertion.decode()
    except (ValueError, TypeError) as error:
        raise Fault(Kind.CREDENTIALS, "the service account's private_key is not an RSA key in PEM") from error


def _library(name: str) -> Any:
    """A module of an extra, whose types are not relied on."""
    try:
        return import_module(name)
    except ImportError as error:
        raise Fault(Kind.CREDENTIALS, _INSTALL) from error


def _account(text: str) -> Mapping[str, Any]:
    try:
        account = msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        account = None
    match account:
        case {"client_email": str(), "private_key": str()}:
            return dict(account)
    raise Fault(
        Kind.CREDENTIALS,
        "the service account key is not the JSON that Google gives: it needs client_email and private_key",
    )
