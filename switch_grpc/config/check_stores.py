"""`credentialStores`: ids, the keys that each type and source needs, and variables that are not set."""

from collections.abc import Mapping
from typing import Final

from switch_grpc.config.environment import Environment
from switch_grpc.config.problem import Problem, Where, show_name, unacted
from switch_grpc.config.schema import Definitions
from switch_grpc.config.stores import AnyStore, stores_in

# The keys of `config` that only some sources read.
_SOURCES: Final[Mapping[str, tuple[str, ...]]] = {
    "path": ("file", "vault"),
    "field": ("file", "vault", "aws-secrets"),
    "address": ("vault",),
    "namespace": ("vault",),
    "token_var": ("vault",),
    "role": ("vault",),
    "secret_id": ("aws-secrets",),
    "version_stage": ("aws-secrets",),
}
_NEEDED: Final = {"file": "path", "vault": "path", "aws-secrets": "secretId"}

# With source `env`: the sets of keys each of which makes a whole credential.
_WAYS: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "simple": (("apiKeyVar",),),
    "aws": (
        ("accessKeyIdVar", "secretAccessKeyVar"),
        ("useInstanceProfile",),
        ("useWebIdentity",),
        ("bedrockApiKeyVar",),
    ),
    "google": (("serviceAccountKeyVar",), ("apiKeyVar",), ("useApplicationDefault",)),
    "azure": (("apiKeyVar",), ("tenantIdVar", "clientIdVar", "clientSecretVar"), ("useManagedIdentity",)),
    "oauth": (("tokenUrl", "clientIdVar", "clientSecretVar"), ("tokenUrl", "clientIdVar", "refreshTokenVar")),
}


def store_problems(definitions: Definitions, environment: Environment) -> list[Problem]:
    problems: list[Problem] = []
    seen: set[str] = set()
    for where, name, store in stores_in(definitions.credential_stores):
        problems += _id_problems(where, name, store, seen)
        problems += _key_problems(where, store)
        problems += _unacted(where, store)
        problems += _unset(where, store, environment.variables)
    return problems


def _id_problems(where: Where, name: str, store: AnyStore, seen: set[str]) -> list[Problem]:
    if not name:
        return [Problem(where, "no id", "an id in each entry of the array", 'add "id"')]
    if store.id not in (None, name):
        return [Problem((*where, "id"), show_name(store.id), f"the key, {show_name(name)}", "remove it")]
    if name in seen:
        return [Problem((*where, "id"), f"{show_name(name)} a second time", "each id once", "rename one")]
    seen.add(name)
    return []


def _key_problems(where: Where, store: AnyStore) -> list[Problem]:
    given = store.config.model_dump(exclude_unset=True, exclude_none=True)
    keys = {store.config.key_of(name) for name, value in given.items() if value is not False}
    inside = (*where, "config")
    problems = [
        Problem(
            (*inside, store.config.key_of(name)),
            f'with the source "{store.source}"',
            f"it with {' or '.join(sources)} only",
            'remove it, or change "source"',
        )
        for name, sources in _SOURCES.items()
        if name in given and store.source not in sources
    ]
    needed = _NEEDED.get(store.source)
    if needed is not None and needed not in keys:
        expected = f'"{needed}" with the source "{store.source}"'
        problems.append(Problem(inside, "nothing that says where the secret is", expected, f'add "{needed}"'))
    ways = _WAYS[store.type]
    if store.source == "env" and not any(keys.issuperset(way) for way in ways):
        expected = " or ".join(" + ".join(way) for way in ways)
        best = max(ways, key=lambda way: len(keys.intersection(way)))
        missing = " and ".join(f'"{key}"' for key in best if key not in keys)
        found = f"only {', '.join(sorted(keys))}" if keys else "no keys"
        problems.append(Problem(inside, found, expected, f"add {missing}"))
    return problems


def _unacted(where: Where, store: AnyStore) -> list[Problem]:
    """What is accepted, and does nothing in this release."""
    problems = []
    if store.rotation.enabled:
        instead = 'a secret is fetched anew when "cacheTtl" has run out, or shortly before it expires'
        problems.append(unacted((*where, "rotation", "enabled"), "true", instead))
    if store.source in ("vault", "aws-secrets"):
        instead = "the targets with this credential are passed over"
        problems.append(unacted((*where, "source"), f'"{store.source}"', instead))
    return problems


def _unset(where: Where, store: AnyStore, variables: Mapping[str, str]) -> list[Problem]:
    """A variable that is not set makes its targets unusable for now, so it is a warning."""
    if store.source != "env":
        return []
    return [
        Problem(
            (*where, "config", store.config.key_of(name)),
            f"the environment variable {variable}, which is not set",
            "a variable that is set",
            f"set {variable}; until then the targets with this credential are passed over",
            warning=True,
        )
        for name, variable in store.config.model_dump(exclude_none=True).items()
        if name.endswith("_var") and not variables.get(variable, "").strip()
    ]
