"""Laws of what validation says of targets and stores at AWS."""

import json
from typing import Any

import pytest

from switch_grpc.config.check_aws import aws_problems
from switch_grpc.config.environment import read_environment
from switch_grpc.config.parse import parse
from tests.support.configs import TABLES, config_of, problems_of

KEYS = {"accessKeyIdVar": "AWS_ACCESS_KEY_ID", "secretAccessKeyVar": "AWS_SECRET_ACCESS_KEY"}
SET = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "s"}


def definitions(store: dict[str, Any] = KEYS, **target: Any) -> dict[str, Any]:
    entry = {"name": "b", "provider": "bedrock", "modelName": "claude-sonnet-4-5", "credentialsRef": "aws"}
    return {
        "models": {"lite": {"providers": [entry | target]}},
        "credentialStores": {"aws": {"type": "aws", "config": store}},
    }


@pytest.mark.parametrize(
    ("made", "environ"),
    [
        (definitions(regions=["us-east-1"]), {}),
        (definitions({**KEYS, "region": "us-east-1"}), {}),
        (definitions(), {"AWS_REGION": "us-east-1"}),
        (definitions({**KEYS, "regionVar": "MY_REGION"}), {"MY_REGION": "us-east-1"}),
        (definitions(apiBase="https://bedrock-runtime.us-east-1.amazonaws.com"), {}),
    ],
)
def test_a_region_may_stand_in_any_of_its_places(made: dict[str, Any], environ: dict[str, str]) -> None:
    assert problems_of(made, SET | environ) == []


def test_a_target_without_a_region_is_told_where_to_write_it() -> None:
    (problem,) = problems_of(definitions(), SET)
    assert problem.path == "models.lite.providers[0].regions"
    assert problem.warning
    assert "AWS_REGION" in problem.expected


def test_a_retired_model_is_a_warning_that_names_what_to_use() -> None:
    (problem,) = problems_of(definitions(modelName="a-retired-model", regions=["us-east-1"]), SET)
    assert problem.path == "models.lite.providers[0].modelName"
    assert problem.warning
    assert "use a-newer-model" in problem.remedy


@pytest.mark.parametrize("key", ["useInstanceProfile", "useWebIdentity", "roleArn"])
def test_what_needs_botocore_says_how_to_install_it(key: str) -> None:
    store: dict[str, Any] = {**KEYS, key: "arn:r" if key == "roleArn" else True}
    parsed = parse(json.dumps(definitions(store, regions=["us-east-1"])).encode(), SET)
    assert parsed.definitions is not None
    environment, _ = read_environment(SET)
    (problem,) = aws_problems(parsed.definitions, environment, TABLES.vendors, extras=())
    assert problem.path == f"credentialStores.aws.config.{key}"
    assert "pip install 'switch-gateway[aws]'" in problem.remedy
    assert not list(aws_problems(parsed.definitions, environment, TABLES.vendors, extras=("aws",)))


def test_regions_of_a_target_come_before_the_stores() -> None:
    region = {"AWS_REGION": "eu-west-1"}
    for target, expected in (
        ({"regions": ["us-east-1", "us-west-2"]}, ("us-east-1", "us-west-2")),
        ({}, ("eu-west-1",)),
    ):
        (route,) = config_of(definitions(**target), SET | region).routes
        assert route.targets[0].regions == expected
