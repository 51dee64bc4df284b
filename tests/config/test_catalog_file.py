"""Laws of `catalog.file`: the form of a configuration, with nothing in it but models."""

import json
from pathlib import Path
from typing import Any

import pytest

from switch_grpc.assembly import TABLES
from switch_grpc.config.problem import ConfigError
from switch_grpc.config.source import Loaded, load

ROUTES = {"r": {"providers": [{"name": "a", "provider": "vllm", "modelName": "m"}]}}


def loaded(folder: Path, text: str | None, **catalog: Any) -> Loaded:
    if text is not None:
        (folder / "models.yaml").write_text(text)
    whole = {"models": ROUTES, "catalog": {"file": "models.yaml", **catalog}}
    (folder / "definitions.json").write_text(json.dumps(whole))
    return load(None, {"ADMIN_API_KEY": "0123456789", "PRICE": "x"}, folder, tables=TABLES)


def test_its_models_are_taken(tmp_path: Path) -> None:
    found = loaded(tmp_path, "catalog: {models: {m: {contextWindow: 5}}}").config.catalog
    assert found.models["m"].context_window == 5


def test_the_configurations_own_models_win_key_by_key(tmp_path: Path) -> None:
    text = "catalog: {models: {m: {contextWindow: 5, family: f}, n: {family: g}}}"
    models = loaded(
        tmp_path, text, models={"m": {"contextWindow": 7}, "o": {"family": "h"}}
    ).config.catalog.models
    assert {name: (entry.context_window, entry.family) for name, entry in models.items()} == {
        "m": (7, "f"),
        "n": (None, "g"),
        "o": (None, "h"),
    }


def test_the_version_changes_with_it(tmp_path: Path) -> None:
    one = loaded(tmp_path, "catalog: {models: {m: {contextWindow: 5}}}").version
    other = loaded(tmp_path, "catalog: {models: {m: {contextWindow: 6}}}").version
    assert one != other


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, ["catalog.file", "no file is"]),
        ("catalog: {models: {m: {contextWindow: -1}}}", ["models.yaml", "contextWindow"]),
        ("catalog: {models: {m: {window: 1}}}", ["models.yaml", "window"]),
        ("server: {insecure: true}", ["models.yaml", '"server"', "remove it"]),
        ("catalog: {file: other.yaml}", ["models.yaml", '"file"', "remove it"]),
        ("catalog: [", ["models.yaml"]),
    ],
)
def test_what_is_wrong_with_it_is_told_with_its_name(
    tmp_path: Path, text: str | None, words: list[str]
) -> None:
    with pytest.raises(ConfigError) as refused:
        loaded(tmp_path, text)
    for word in words:
        assert word in str(refused.value)
