"""Azure: Entra ID tokens of a client, and of whatever the machine or pod runs as.

A client's secret is traded for a token by our own HTTP client, so that proxy and CA settings hold. Managed
and workload identities differ by host (VM, App Service, AKS, Arc), so there azure-identity does all, in a
thread.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final
from urllib.parse import quote

from switch_grpc.credentials.oauth import ClientCredentials, Post, Token
from switch_grpc.credentials.signer import Secret
from switch_grpc.credentials.sources import Source
from switch_grpc.faults import Fault, Kind

SCOPE: Final = "https://cognitiveservices.azure.com/.default"
AUTHORITY: Final = "https://login.microsoftonline.com"
AUTHORITY_VARIABLE: Final = "AZURE_AUTHORITY_HOST"  # of the other clouds, as in azure-identity
_INSTALL: Final = "azure-identity is not installed; run: pip install 'switch-gateway[azure]'"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSecret:
    """Tokens for an app registration."""

    tenant: Source
    client_id: Source
    client_secret: Source
    post: Post
    wall: Callable[[], float]  # Unix seconds
    authority: str = AUTHORITY

    async def fetch(self) -> Secret:
        """A token, by https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow."""
        tenant = quote((await self.tenant.fetch()).reveal(), safe="")
        client = ClientCredentials(
            token_url=f"{authority_url(self.authority)}/{tenant}/oauth2/v2.0/token",
            client_id=self.client_id,
            client_secret=self.client_secret,
            post=self.post,
            wall=self.wall,
            scope=SCOPE,
        )
        return await client.fetch()


@dataclass(frozen=True, slots=True)
class ManagedIdentity:
    """Tokens for the workload identity of a pod, where its environment has one, else the managed identity."""

    environ: Mapping[str, str]
    client_id: str | None  # of a user-assigned identity

    async def fetch(self) -> Secret:
        return await asyncio.to_thread(self._fetch)

    def _fetch(self) -> Token:
        try:
            identity, exceptions = import_module("azure.identity"), import_module("azure.core.exceptions")
        except ImportError as error:
            raise Fault(Kind.CREDENTIALS, _INSTALL) from error
        try:
            with self._credential(identity) as credential:
                found = credential.get_token(SCOPE)
        except (exceptions.AzureError, ValueError) as error:
            raise Fault(Kind.CREDENTIALS, f"no managed identity: {type(error).__name__}") from error
        return Token(found.token, float(found.expires_on))

    def _credential(self, identity: Any) -> Any:
        token_file = self.environ.get("AZURE_FEDERATED_TOKEN_FILE")
        if token_file:
            return identity.WorkloadIdentityCredential(
                tenant_id=self.environ.get("AZURE_TENANT_ID"),
                client_id=self.client_id or self.environ.get("AZURE_CLIENT_ID"),
                token_file_path=token_file,
            )
        return identity.ManagedIdentityCredential(client_id=self.client_id)


def authority_url(host: str) -> str:
    """The authority with its scheme: the variable may name a bare host."""
    return (host if "://" in host else f"https://{host}").rstrip("/")
