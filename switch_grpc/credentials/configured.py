"""The source of a configured credential store."""

from collections.abc import Callable, Mapping
from pathlib import Path

from switch_grpc.config import effective
from switch_grpc.config.stores import AwsKeys, AzureKeys, GoogleKeys, OauthKeys, SimpleKeys
from switch_grpc.credentials import azure, google
from switch_grpc.credentials.aws_source import aws_source
from switch_grpc.credentials.oauth import ClientCredentials, Post, RefreshToken
from switch_grpc.credentials.sources import EnvSource, FileSource, Missing, Source


def source_of(
    store: effective.CredentialStore,
    environ: Mapping[str, str],
    post: Post,
    wall: Callable[[], float],
) -> Source:
    """Where the store's secret comes from. `post` reaches token endpoints; `wall` tells Unix seconds."""

    def env(variable: str) -> Source:
        return EnvSource(variable, environ)

    match store.source, store.config:
        case "env", SimpleKeys(api_key_var=str(variable)):
            return env(variable)
        case "env", GoogleKeys(service_account_key_var=str(variable)):
            return google.ServiceAccount(key=env(variable), post=post, wall=wall)
        case "env", GoogleKeys(api_key_var=str(variable)):
            return env(variable)
        case "env", GoogleKeys(use_application_default=True):
            return google.ApplicationDefault(wall)
        case "env", AzureKeys(api_key_var=str(variable)):
            return env(variable)
        case "env", AzureKeys(
            tenant_id_var=str(tenant), client_id_var=str(client), client_secret_var=str(secret)
        ):
            return azure.ClientSecret(
                tenant=env(tenant),
                client_id=env(client),
                client_secret=env(secret),
                post=post,
                wall=wall,
                authority=environ.get(azure.AUTHORITY_VARIABLE) or azure.AUTHORITY,
            )
        case "env", AzureKeys(use_managed_identity=True):
            named = environ.get(store.config.client_id_var or "") or None
            return azure.ManagedIdentity(environ, named)
        case "env", OauthKeys(token_url=str(url)):
            return _oauth(store.config, url, env, post, wall)
        case "file", GoogleKeys(path=str(path)):
            return google.ServiceAccount(key=FileSource(Path(path), store.config.field), post=post, wall=wall)
        case "file", (SimpleKeys(path=str(path)) | AzureKeys(path=str(path))):
            return FileSource(Path(path), store.config.field)
        case source, AwsKeys() as keys if aws := aws_source(source, keys, environ):
            return aws
    what = f"{store.type} credentials from {store.source}"
    return Missing(f"{what} cannot be resolved by this build, or its config names no place")


def _oauth(
    keys: OauthKeys, url: str, env: Callable[[str], Source], post: Post, wall: Callable[[], float]
) -> Source:
    client_id = env(keys.client_id_var) if keys.client_id_var else None
    secret = env(keys.client_secret_var) if keys.client_secret_var else None
    scope = keys.scope or ""
    if keys.refresh_token_var:
        return RefreshToken(
            token_url=url,
            refresh_token=env(keys.refresh_token_var),
            client_id=client_id,
            client_secret=secret,
            post=post,
            wall=wall,
            scope=scope,
        )
    if client_id is None or secret is None:
        return Missing("its config names neither a client's id and secret nor a refresh token")
    return ClientCredentials(
        token_url=url,
        client_id=client_id,
        client_secret=secret,
        post=post,
        wall=wall,
        scope=scope,
        audience=keys.audience or "",
    )
