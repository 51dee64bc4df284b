"""What targets and stores at AWS may still have wrong: no region, a retired model, a missing package."""

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from switch_grpc.config.check_targets import VendorFacts, targets_in
from switch_grpc.config.environment import Environment
from switch_grpc.config.problem import Problem, Where, show_name
from switch_grpc.config.schema import Definitions, TargetEntry
from switch_grpc.config.stores import AwsKeys, AwsStore, stores_in

# Ways to credentials that need the package's extra `aws`, by key.
_NEED_EXTRA: Final[Mapping[str, str]] = {
    "use_instance_profile": "useInstanceProfile",
    "use_web_identity": "useWebIdentity",
    "role_arn": "roleArn",
}


def aws_problems(
    definitions: Definitions,
    environment: Environment,
    vendors: Mapping[str, VendorFacts],
    extras: Collection[str],
) -> Iterator[Problem]:
    stores = {name: store for _, name, store in stores_in(definitions.credential_stores)}
    for where, name, store in stores_in(definitions.credential_stores):
        if isinstance(store, AwsStore) and "aws" not in extras:
            yield from _extra((*where, "config"), name, store.config)
    for where, target in targets_in(definitions):
        vendor = vendors.get(target.provider)
        if vendor is None:
            continue
        instead = vendor.instead_of(target.model_name)
        if instead is not None:
            yield Problem(
                (*where, "modelName"),
                f"{show_name(target.model_name)}, which {target.provider} has retired",
                "a model that it serves",
                f"use {instead}; until then the target is passed over",
                warning=True,
            )
        if vendor.regional:
            named = stores.get(target.credentials_ref or "")
            config = named.config if isinstance(named, AwsStore) else AwsKeys()
            yield from _region(where, target, config, environment.variables)


def _extra(where: Where, name: str, config: AwsKeys) -> Iterator[Problem]:
    for field, key in _NEED_EXTRA.items():
        if getattr(config, field):
            yield Problem(
                (*where, key),
                f"a way to credentials that needs botocore, for the store {show_name(name)}",
                "the package's extra aws installed",
                "run: pip install 'switch-gateway[aws]'",
            )


def _region(
    where: Where, target: TargetEntry, config: AwsKeys, variables: Mapping[str, str]
) -> Iterator[Problem]:
    given = config.region or variables.get(config.region_var or "AWS_REGION", "")
    if target.regions or given or (target.api_base and ".amazonaws.com" in target.api_base):
        return
    yield Problem(
        (*where, "regions"),
        "no region",
        "an AWS region: here, in the credential store, or in AWS_REGION",
        'add "regions", like ["us-east-1"]',
        warning=True,
    )
