"""`credentialStores`: where the secrets are. The file names variables, paths and ids, never a secret."""

from typing import Annotated, Final, Literal

from pydantic import Discriminator, Field, Tag

from switch_grpc.config.problem import Where
from switch_grpc.config.section import Hours, Path, Seconds, Section, Text, Variable

CREDENTIAL_TYPES: Final = ("simple", "aws", "google", "azure", "oauth")


class Rotation(Section):
    """When a credential is fetched anew although its cacheTtl has not run out. Not acted on yet."""

    enabled: bool = Field(default=False, description="Fetch the credential anew on a schedule.")
    interval_hours: Hours = Field(default=24, description="Hours between two fetches.")
    before_expiry_hours: Hours = Field(
        default=1, description="Fetch this many hours before the credential expires, where it says when."
    )


class Place(Section):
    """Where sources other than the environment keep the secret; each key belongs to one `source`."""

    path: Path | None = Field(
        default=None,
        description="`file`: the file that holds the secret. `vault`: the secret's path, "
        "`secret/data/openai`.",
    )
    field: Text | None = Field(
        default=None,
        description="`file`, `vault`, `aws-secrets`: the member to take where the secret is a JSON object.",
    )
    address: Text | None = Field(default=None, description="`vault`: its URL; `VAULT_ADDR` if absent.")
    namespace: Text | None = Field(default=None, description="`vault`: the namespace.")
    token_var: Variable | None = Field(
        default=None, description="`vault`: the variable with the token; `VAULT_TOKEN`."
    )
    role: Text | None = Field(default=None, description="`vault`: the Kubernetes auth role to log in with.")
    secret_id: Text | None = Field(default=None, description="`aws-secrets`: the secret's name or ARN.")
    version_stage: Text | None = Field(
        default=None, description="`aws-secrets`: the version's stage; `AWSCURRENT`."
    )


class SimpleKeys(Place):
    """An API key."""

    api_key_var: Variable | None = Field(
        default=None, description="`env`: the variable that holds the API key."
    )


class AwsKeys(Place):
    """AWS IAM."""

    region: Text | None = Field(default=None, description="The region.")
    region_var: Variable | None = Field(
        default=None, description="The variable that holds the region; `AWS_REGION`."
    )
    access_key_id_var: Variable | None = Field(
        default=None, description="`env`: the variable with the access key id."
    )
    secret_access_key_var: Variable | None = Field(
        default=None, description="`env`: the variable with the secret access key."
    )
    session_token_var: Variable | None = Field(
        default=None, description="`env`: the variable with the session token."
    )
    bedrock_api_key_var: Variable | None = Field(
        default=None, description="`env`: the variable with a Bedrock API key, instead of access keys."
    )
    use_instance_profile: bool = Field(
        default=False, description="Take the credentials of the machine or pod."
    )
    use_web_identity: bool = Field(
        default=False, description="Exchange the web identity token (EKS, OIDC) for credentials."
    )
    role_arn: Text | None = Field(default=None, description="The role to assume.")
    role_session_name: Text | None = Field(default=None, description="The assumed role's session name.")
    external_id: Text | None = Field(default=None, description="The external id to assume the role with.")


class GoogleKeys(Place):
    """A Google service account, or an API key."""

    project_id_var: Variable | None = Field(
        default=None, description="The variable that holds the project; `GOOGLE_PROJECT_ID`."
    )
    service_account_key_var: Variable | None = Field(
        default=None, description="`env`: the variable that holds the service account's JSON key."
    )
    api_key_var: Variable | None = Field(
        default=None, description="`env`: the variable with a Gemini API key."
    )
    use_application_default: bool = Field(
        default=False, description="Take the application default credentials of the machine or pod."
    )


class AzureKeys(Place):
    """Azure OpenAI: an API key, a client secret, or a managed identity."""

    api_key_var: Variable | None = Field(
        default=None, description="`env`: the variable that holds the API key."
    )
    tenant_id_var: Variable | None = Field(
        default=None, description="`env`: the variable with the tenant id."
    )
    client_id_var: Variable | None = Field(
        default=None, description="`env`: the variable with the client id."
    )
    client_secret_var: Variable | None = Field(
        default=None, description="`env`: the variable with the client secret."
    )
    use_managed_identity: bool = Field(default=False, description="Take the managed or workload identity.")


class OauthKeys(Place):
    """OAuth 2 client credentials, or a refresh token."""

    token_url: Text | None = Field(default=None, description="The token endpoint.")
    client_id_var: Variable | None = Field(
        default=None, description="`env`: the variable with the client id."
    )
    client_secret_var: Variable | None = Field(
        default=None, description="`env`: the variable with the client secret."
    )
    refresh_token_var: Variable | None = Field(
        default=None, description="`env`: the variable with a refresh token."
    )
    scope: Text | None = Field(default=None, description="The scopes to ask for, separated by spaces.")
    audience: Text | None = Field(default=None, description="The audience to ask for.")


class _Store(Section):
    id: Text | None = Field(
        default=None, description="The store's id; needed in the array form, else the key repeated."
    )
    name: Text | None = Field(default=None, description="A name for people.")
    description: str | None = Field(default=None, description="A note for people.")
    source: Literal["env", "file", "vault", "aws-secrets"] = Field(
        default="env", description="Where the secret is kept."
    )
    cache_ttl: Seconds = Field(
        default=3600, description="Seconds for which a fetched secret is used; 0 fetches each time."
    )
    rotation: Rotation = Field(default=Rotation(), description="Fetching anew on a schedule.")


class SimpleStore(_Store):
    """An API key: OpenAI, Anthropic, Together AI and most others."""

    type: Literal["simple"] = Field(description="The kind of credential.")
    config: SimpleKeys = Field(default=SimpleKeys(), description="Where the parts of the credential are.")


class AwsStore(_Store):
    """AWS IAM: Bedrock."""

    type: Literal["aws"] = Field(description="The kind of credential.")
    config: AwsKeys = Field(default=AwsKeys(), description="Where the parts of the credential are.")


class GoogleStore(_Store):
    """A Google service account: Vertex AI."""

    type: Literal["google"] = Field(description="The kind of credential.")
    config: GoogleKeys = Field(default=GoogleKeys(), description="Where the parts of the credential are.")


class AzureStore(_Store):
    """Azure credentials: Azure OpenAI."""

    type: Literal["azure"] = Field(description="The kind of credential.")
    config: AzureKeys = Field(default=AzureKeys(), description="Where the parts of the credential are.")


class OauthStore(_Store):
    """OAuth 2."""

    type: Literal["oauth"] = Field(description="The kind of credential.")
    config: OauthKeys = Field(default=OauthKeys(), description="Where the parts of the credential are.")


def _type_of(value: object) -> str:
    return f"<{value.get('type')}>" if isinstance(value, dict) else "<simple>"


AnyStore = SimpleStore | AwsStore | GoogleStore | AzureStore | OauthStore

# Tags stand in angle brackets so that they can be told from keys in pydantic's error places.
Store = Annotated[
    Annotated[SimpleStore, Tag("<simple>")]
    | Annotated[AwsStore, Tag("<aws>")]
    | Annotated[GoogleStore, Tag("<google>")]
    | Annotated[AzureStore, Tag("<azure>")]
    | Annotated[OauthStore, Tag("<oauth>")],
    Discriminator(_type_of),
]


def _form_of(value: object) -> str:
    return "<array>" if isinstance(value, list) else "<object>"


Stores = Annotated[
    Annotated[dict[str, Store], Tag("<object>")] | Annotated[list[Store], Tag("<array>")],
    Discriminator(_form_of),
]


def stores_in(stores: Stores) -> list[tuple[Where, str, AnyStore]]:
    """Each store with its place and its id, "" where an array's entry names none."""
    if isinstance(stores, list):
        return [(("credentialStores", i), store.id or "", store) for i, store in enumerate(stores)]
    return [(("credentialStores", key), key, store) for key, store in stores.items()]
