"""`switch validate`: for people, for machines, and its exit status."""

import argparse
import json
import shutil
from pathlib import Path

import pytest

from switch_grpc.cli import validate
from tests.support.configs import FIXTURES, one_route


@pytest.fixture(autouse=True)
def in_an_empty_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("SWITCH_CONFIG", "MODEL_DEFINITIONS", "ADMIN_API_KEY", "API_KEYS"):
        monkeypatch.delenv(name, raising=False)


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    validate.add_parser(parser.add_subparsers())
    options = parser.parse_args(["validate", *arguments])
    status: int = options.run(options)
    return status


def test_a_good_file_exits_with_0_although_there_are_warnings(capsys: pytest.CaptureFixture[str]):
    Path("good.json").write_text(json.dumps(one_route()))
    assert run("good.json") == 0
    out = capsys.readouterr().out
    assert out.startswith("good.json: 1 warning\n")
    assert "good.json is valid: 1 route, 1 target, version " in out


def test_the_seeds_example_exits_with_78_and_says_what_it_forgot(capsys: pytest.CaptureFixture[str]):
    shutil.copy(FIXTURES / "readme.json", "definitions.json")
    assert run() == 78
    out = capsys.readouterr().out
    assert out.startswith("definitions.json: 1 error, ")
    assert (
        "error: models.claude-3-5-sonnet.providers[0].credentialsRef (line 27)\n"
        '  found:    "anthropic-api"\n'
        '  expected: one of the credential stores: "aws-bedrock", "openai-api"\n'
        "  remedy:   add credentialStores.anthropic-api, or correct the name\n"
    ) in out


def test_as_json_for_machines(capsys: pytest.CaptureFixture[str]):
    Path("bad.yaml").write_text("models:\n  r:\n    provders: []\n")
    assert run("bad.yaml", "--json") == 78
    result = json.loads(capsys.readouterr().out)
    assert result == {
        "valid": False,
        "source": "bad.yaml",
        "version": None,
        "problems": [
            {
                "path": "models.r.provders",
                "found": 'an unknown key "provders"',
                "expected": "a key that this object has",
                "remedy": 'did you mean "providers"?',
                "warning": False,
                "line": 3,
            },
            {
                "path": "auth.keys",
                "found": "no key for callers",
                "expected": "at least one",
                "remedy": "set ADMIN_API_KEY or API_KEYS, or add auth.keys; "
                "auth.mode none is for loopback only",
                "warning": True,
                "line": None,
            },
        ],
    }
    Path("good.json").write_text(json.dumps(one_route()))
    assert run("good.json", "--json") == 0
    assert json.loads(capsys.readouterr().out)["valid"] is True


def test_a_missing_file_exits_with_78(capsys: pytest.CaptureFixture[str]):
    assert run("nowhere.json") == 78
    assert "no such file" in capsys.readouterr().out


def test_the_schema_is_printed_as_it_is_published(capsys: pytest.CaptureFixture[str]):
    assert run("--schema") == 0
    published = Path(__file__).parents[2] / "docs" / "config.schema.json"
    assert capsys.readouterr().out == published.read_text(encoding="utf-8")
