"""`switch key new`: what it prints opens the gateway."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from switch_grpc import __main__ as command
from switch_grpc.assembly import _keys
from switch_grpc.auth import Keys
from switch_grpc.call import INFERENCE
from switch_grpc.faults import Fault
from tests.support.configs import config_of, one_route


@pytest.fixture(autouse=True)
def in_an_empty_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AUTH_PEPPER", raising=False)


def made(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[str, dict[str, Any], str]:
    """The key, the entry for the configuration, and all that was printed."""
    assert command.main(["key", "new", *words]) == 0
    out = capsys.readouterr().out
    (key,) = re.findall(r"^ +(sw_\S+)$", out, re.MULTILINE)
    (entry,) = re.findall(r"^ +(\{.*\})$", out, re.MULTILINE)
    return key, json.loads(entry), out


def keys_of(entry: dict[str, Any], pepper: str = "") -> Keys:
    """The keys of a configuration that holds the entry."""
    return _keys(config_of(one_route() | {"auth": {"keys": [entry]}}).auth, pepper)


@pytest.mark.parametrize("id", ["team-a", "team_b", "a.b_c-d"])
def test_the_key_opens_a_gateway_whose_configuration_holds_the_entry(
    capsys: pytest.CaptureFixture[str], id: str
):
    key, entry, _ = made(capsys, id)
    principal = keys_of(entry).authenticate([key], 0.0)
    assert (principal.id, principal.scopes, principal.routes) == (id, {INFERENCE}, None)
    with pytest.raises(Fault):
        keys_of(entry).authenticate([f"{key[:-1]}{'0' if key[-1] != '0' else '1'}"], 0.0)


def test_scopes_and_routes_are_in_the_entry(capsys: pytest.CaptureFixture[str]):
    key, entry, _ = made(capsys, "ops", "--scope", "admin:read", "--scope", "inference", "--route", "r")
    principal = keys_of(entry).authenticate([key], 0.0)
    assert (principal.scopes, principal.routes) == ({"admin:read", "inference"}, {"r"})
    assert (entry["scopes"], entry["routes"]) == (["admin:read", "inference"], ["r"])


def test_no_two_keys_are_alike_and_each_has_192_bits(capsys: pytest.CaptureFixture[str]):
    keys = {made(capsys, "a")[0] for _ in range(20)}
    assert len(keys) == 20
    assert all(re.fullmatch(r"sw_a_[0-9a-f]{48}", key) for key in keys)


@pytest.mark.parametrize("place", ["environment", ".env"])
def test_the_pepper_is_hashed_along(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, place: str
):
    if place == "environment":
        monkeypatch.setenv("AUTH_PEPPER", "salt-and-more")
    else:
        Path(".env").write_text("AUTH_PEPPER=salt-and-more\n")
    key, entry, out = made(capsys, "team")
    assert "AUTH_PEPPER" in out
    assert "salt-and-more" not in out
    assert keys_of(entry, "salt-and-more").authenticate([key], 0.0).id == "team"
    with pytest.raises(Fault):
        keys_of(entry).authenticate([key], 0.0)


def test_the_key_is_printed_once_and_is_not_in_the_entry(capsys: pytest.CaptureFixture[str]):
    key, entry, out = made(capsys, "team")
    assert out.count(key.rpartition("_")[2]) == 1
    assert key not in json.dumps(entry)


@pytest.mark.parametrize("id", ["", "-a", "a b", "ä", "x" * 129])
def test_an_id_that_the_configuration_would_refuse_is_refused_here(
    capsys: pytest.CaptureFixture[str], id: str
):
    with pytest.raises(SystemExit) as ended:
        command.main(["key", "new", "--", id])
    assert ended.value.code == 2
    assert "is no id" in capsys.readouterr().err
