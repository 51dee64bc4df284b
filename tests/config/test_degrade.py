"""Laws of the targets that stand behind a route's own, for lesser models."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from switch_grpc.assembly import TABLES
from switch_grpc.config import effective
from switch_grpc.config.degrade import degraded
from switch_grpc.config.source import load
from switch_grpc.providers.catalog import built_in
from switch_grpc.providers.model_names import short

LESSER: Mapping[str, Sequence[str]] = {"big": ["mid", "small"], "mid": ["small"], "odd": ["ünï cödé"]}


def downgrades(provider: str, model: str) -> Sequence[str]:
    return LESSER.get(model, ())


def route(*targets: dict[str, Any], on: bool = True, **settings: Any) -> effective.Route:
    entries = [{"provider": "vllm", **target} for target in targets]
    fallback = {"enableModelDegradation": on}
    text = json.dumps({"models": {"r": {"providers": entries, "fallback": fallback, **settings}}})
    variables = {"MODEL_DEFINITIONS": text, "ADMIN_API_KEY": "0123456789"}
    return load(None, variables, Path("/nowhere"), tables=TABLES, serving=False).config.routes[0]


def lesser(*targets: dict[str, Any], **settings: Any) -> effective.Pool | None:
    return degraded(route(*targets, **settings), downgrades, lambda model: model)


def names(pool: effective.Pool | None) -> list[str]:
    assert pool is not None
    return [target.name for target in pool.targets]


def test_without_the_switch_there_are_none() -> None:
    assert lesser({"name": "a", "modelName": "big"}, on=False) is None


def test_without_a_downgrade_there_are_none() -> None:
    assert lesser({"name": "a", "modelName": "small"}) is None


def test_each_is_a_target_of_its_own_in_the_catalogues_order() -> None:
    pool = lesser({"name": "a", "modelName": "big", "priority": 3, "weight": 5, "costPerToken": 0.5})
    assert pool is not None
    assert (pool.strategy, pool.derived) == ("priority-based", True)
    assert [(t.name, t.model, t.priority) for t in pool.targets] == [
        ("a~mid", "mid", 1),
        ("a~small", "small", 2),
    ]
    first = pool.targets[0]
    assert (first.provider, first.weight, first.cost) == ("vllm", 5, None)
    assert first.identity != route({"name": "a", "modelName": "big"}).targets[0].identity


def test_a_model_that_the_route_lists_at_the_same_place_is_not_repeated() -> None:
    assert names(lesser({"name": "a", "modelName": "big"}, {"name": "b", "modelName": "small"})) == ["a~mid"]


def test_the_same_model_at_another_place_is_another_target() -> None:
    elsewhere = {"name": "b", "modelName": "small", "apiBase": "http://127.0.0.1:9/v1"}
    assert names(lesser({"name": "a", "modelName": "big"}, elsewhere)) == ["a~mid", "a~small"]


def test_two_targets_of_one_place_share_their_downgrades() -> None:
    assert names(lesser({"name": "a", "modelName": "big"}, {"name": "b", "modelName": "big"})) == [
        "a~mid",
        "a~small",
    ]


def test_a_name_fits_into_a_header() -> None:
    assert names(lesser({"name": "a", "modelName": "odd"})) == ["a~-n-c-d-"]


def test_the_seeds_sonnet_degrades_to_haiku() -> None:
    catalog = built_in()
    sonnet = {"name": "bedrock-primary", "provider": "bedrock", "modelName": "claude-3-5-sonnet-20241022"}
    found = degraded(route(sonnet), catalog.downgrades, short)
    assert found is not None
    assert [(t.name, t.model) for t in found.targets] == [
        ("bedrock-primary~claude-3-haiku", "claude-3-haiku")
    ]
