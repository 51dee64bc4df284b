"""What targets and stores at Google and Azure may still have wrong: no project, a missing package."""

from collections.abc import Collection, Iterator
from typing import Final

from switch_grpc.config.check_targets import targets_in
from switch_grpc.config.environment import Environment
from switch_grpc.config.problem import Problem, show_name
from switch_grpc.config.schema import Definitions
from switch_grpc.config.stores import AnyStore, AzureKeys, GoogleKeys, stores_in

_PROJECT: Final = "GOOGLE_PROJECT_ID"


def cloud_problems(
    definitions: Definitions, environment: Environment, extras: Collection[str]
) -> Iterator[Problem]:
    stores = {name: store for _, name, store in stores_in(definitions.credential_stores)}
    for where, name, store in stores_in(definitions.credential_stores):
        needed = _extra_of(store)
        if needed is not None and needed[0] not in extras:
            extra, key = needed
            yield Problem(
                (*where, "config", key),
                f"a way to credentials that needs the extra {extra}, for the store {show_name(name)}",
                f"the package's extra {extra} installed",
                f"run: pip install 'switch-gateway[{extra}]'",
            )
    for where, target in targets_in(definitions):
        if target.provider != "vertex" or target.project is not None:
            continue
        if "/projects/" in (target.api_base or ""):
            continue
        used = stores.get(target.credentials_ref or "")
        keys = used.config if used is not None else None
        variable = (keys.project_id_var if isinstance(keys, GoogleKeys) else None) or _PROJECT
        named = isinstance(keys, GoogleKeys) and environment.variables.get(variable)
        if named or used is None or _is_key(used):
            continue
        yield Problem(
            (*where, "project"),
            "nothing",
            "the Google Cloud project, which is part of every address at Vertex AI",
            f'add "project", or set {variable}',
        )


def _extra_of(store: AnyStore) -> tuple[str, str] | None:
    """The extra that the store's way to credentials needs, and the key that says so."""
    match store.config:
        case GoogleKeys(service_account_key_var=str()):
            return "vertex", "serviceAccountKeyVar"
        case GoogleKeys(path=str()):
            return "vertex", "path"
        case GoogleKeys(use_application_default=True):
            return "vertex", "useApplicationDefault"
        case AzureKeys(api_key_var=None, use_managed_identity=True):
            return "azure", "useManagedIdentity"
    return None


def _is_key(store: AnyStore) -> bool:
    """Whether it holds an API key, with which Vertex AI is also asked without a project (express mode)."""
    keys = store.config
    return store.type == "simple" or (
        isinstance(keys, GoogleKeys) and keys.api_key_var is not None and keys.service_account_key_var is None
    )
