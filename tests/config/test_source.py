"""Files, variables and `.env`; the seed's own examples; and what a mutated configuration may do."""

import contextlib
import copy
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from switch_grpc.config.environment import Flags
from switch_grpc.config.problem import ConfigError, Problem
from switch_grpc.config.source import Loaded, load
from tests.support.configs import FIXTURES, TABLES, one_route

GOOD = json.dumps(one_route())
EXAMPLES = sorted((Path(__file__).parents[2] / "deploy" / "examples").glob("*.*"))


def loaded(cwd: Path, path: str | None = None, *, serving: bool = False, **environ: str) -> Loaded:
    return load(path, environ, cwd, tables=TABLES, serving=serving)


def errors(cwd: Path, path: str | None = None, **environ: str) -> list[Problem]:
    with pytest.raises(ConfigError) as caught:
        loaded(cwd, path, **environ)
    return [problem for problem in caught.value.problems if not problem.warning]


def named(name: str) -> str:
    return json.dumps({"models": {name: one_route()["models"]["r"]}})


def test_the_given_path_comes_first_then_switch_config_then_the_file_then_the_variable(tmp_path: Path):
    for name in ("flag", "variable", "definitions"):
        (tmp_path / f"{name}.json").write_text(named(name))
    environ = {"SWITCH_CONFIG": "variable.json", "MODEL_DEFINITIONS": named("text")}

    def found(path: str | None) -> tuple[str, str]:
        result = loaded(tmp_path, path, **environ)
        return result.source, result.config.routes[0].name

    assert found("flag.json") == ("flag.json", "flag")
    assert found(None) == ("variable.json", "variable")
    del environ["SWITCH_CONFIG"]
    assert found(None) == ("definitions.json", "definitions")
    (tmp_path / "definitions.json").unlink()
    assert found(None) == ("MODEL_DEFINITIONS", "text")


@pytest.mark.parametrize("broken", ["", "{", "[]", "{}", '{"models": {"r": {}}}'])
def test_a_broken_file_is_an_error_and_the_next_source_is_not_tried(tmp_path: Path, broken: str):
    (tmp_path / "definitions.json").write_text(broken)
    assert len(errors(tmp_path, MODEL_DEFINITIONS=GOOD)) == 1


def test_without_any_source_the_error_names_all_of_them(tmp_path: Path):
    (problem,) = errors(tmp_path)
    for name in ("--config", "SWITCH_CONFIG", "definitions.json", "MODEL_DEFINITIONS"):
        assert name in problem.expected


@pytest.mark.parametrize("path", ["nowhere.json", ".", "nul\x00.json"])
def test_a_file_that_cannot_be_read_is_an_error_at_what_names_it(tmp_path: Path, path: str):
    (problem,) = errors(tmp_path, path)
    assert problem.path == "--config"
    if "\x00" not in path:
        (problem,) = errors(tmp_path, SWITCH_CONFIG=path)
        assert problem.path == "$SWITCH_CONFIG"


@pytest.mark.parametrize("name", ["a.yaml", "a.yml", "a.conf", "a"])
def test_the_suffix_or_the_first_character_tells_the_format(tmp_path: Path, name: str):
    (tmp_path / name).write_text(
        "models:\n  r:\n    providers: [{name: t, provider: ollama, modelName: m}]\n"
    )
    assert loaded(tmp_path, name).config.routes[0].name == "r"


def test_json_in_a_yaml_file_is_yaml(tmp_path: Path):
    (tmp_path / "a.yaml").write_text(GOOD)
    assert loaded(tmp_path, "a.yaml").config == loaded(tmp_path, None, MODEL_DEFINITIONS=GOOD).config


def test_the_version_is_the_hash_of_the_text(tmp_path: Path):
    result = loaded(tmp_path, MODEL_DEFINITIONS=GOOD)
    assert result.version == hashlib.sha256(GOOD.encode()).hexdigest()[:12]


def test_the_real_environment_wins_over_dotenv(tmp_path: Path):
    (tmp_path / ".env").write_text(f"MODEL_DEFINITIONS='{GOOD}'\nSERVER_PORT=1111\nGRPC_PORT=2222\n")
    result = loaded(tmp_path, SERVER_PORT="3333")
    assert (result.config.server.http.port, result.config.server.grpc.port) == (3333, 2222)
    assert result.environ["GRPC_PORT"] == "2222"


@pytest.mark.parametrize(
    ("dotenv", "environ", "host"),
    [
        ("HOSTNAME=0.0.0.0", {}, "0.0.0.0"),
        ("", {"HOSTNAME": "pod-7f9c"}, "127.0.0.1"),
        ("HOSTNAME=10.0.0.1", {"HOSTNAME": "pod-7f9c"}, "10.0.0.1"),
        ("HOSTNAME=10.0.0.1\nSERVER_HOST=10.0.0.2", {}, "10.0.0.2"),
        ("HOSTNAME=10.0.0.1", {"SERVER_HOST": "10.0.0.3"}, "10.0.0.3"),
    ],
)
def test_hostname_is_a_listener_only_from_dotenv(
    tmp_path: Path, dotenv: str, environ: dict[str, str], host: str
):
    """Containers set HOSTNAME to the pod's name."""
    (tmp_path / ".env").write_text(dotenv)
    assert loaded(tmp_path, MODEL_DEFINITIONS=GOOD, **environ).config.server.http.host == host


def test_references_in_dotenv_are_left_to_the_configuration(tmp_path: Path):
    definitions = json.dumps(one_route(description="${NAME} $${NAME}"))
    (tmp_path / ".env").write_text(f"NAME=expanded\nMODEL_DEFINITIONS='{definitions}'\n")
    assert loaded(tmp_path).config.routes[0].description == "expanded ${NAME}"


def test_a_line_of_dotenv_that_is_not_understood_is_a_warning_that_does_not_show_it(tmp_path: Path):
    (tmp_path / ".env").write_text("A=1\nthis is 'hunter2\n")
    problems = loaded(tmp_path, MODEL_DEFINITIONS=GOOD, API_KEYS="k-number-1").problems
    assert [(p.path, p.warning) for p in problems] == [(".env", True)]
    assert "hunter2" not in repr(problems)


def test_a_dotenv_that_is_a_directory_is_none(tmp_path: Path):
    """Some call their virtual environment so."""
    (tmp_path / ".env").mkdir()
    assert loaded(tmp_path, MODEL_DEFINITIONS=GOOD).source == "MODEL_DEFINITIONS"


def test_files_that_are_named_and_not_there_are_errors(tmp_path: Path):
    (tmp_path / "here.pem").write_text("")
    definitions = one_route() | {
        "server": {"tls": {"certFile": "here.pem", "keyFile": "key.pem", "clientCaFile": "ca.pem"}},
        "egress": {"caFile": "."},
        "catalog": {"file": "catalog.json"},
    }
    found = errors(tmp_path, MODEL_DEFINITIONS=json.dumps(definitions), EGRESS_CA_FILE="nope")
    assert sorted(p.path for p in found) == [
        "$EGRESS_CA_FILE",
        "catalog.file",
        "egress.caFile",
        "server.tls.clientCaFile",
        "server.tls.keyFile",
    ]


def test_problems_of_file_variables_and_flags_come_at_once(tmp_path: Path):
    with pytest.raises(ConfigError) as caught:
        load(
            None,
            {"MODEL_DEFINITIONS": '{"models": {"r": {}}}', "PORT": "x"},
            tmp_path,
            tables=TABLES,
            flags=Flags(grpc="y"),
        )
    assert {p.path for p in caught.value.problems} == {"models.r", "auth.keys", "$PORT", "--grpc"}


# The seed's documentation: its examples as they stand, and what they must give.


def test_the_readmes_example_has_one_error_the_store_it_forgot(tmp_path: Path):
    shutil.copy(FIXTURES / "readme.json", tmp_path / "definitions.json")
    (problem,) = errors(tmp_path)
    assert problem.path == "models.claude-3-5-sonnet.providers[0].credentialsRef"
    assert problem.found == '"anthropic-api"'
    assert problem.expected == 'one of the credential stores: "aws-bedrock", "openai-api"'
    assert problem.remedy == "add credentialStores.anthropic-api, or correct the name"


def test_the_readmes_example_works_once_the_store_is_added(tmp_path: Path):
    definitions = json.loads((FIXTURES / "readme.json").read_text())
    definitions["credentialStores"]["anthropic-api"] = {
        "type": "simple",
        "source": "env",
        "config": {"apiKeyVar": "ANTHROPIC_API_KEY"},
    }
    result = loaded(tmp_path, MODEL_DEFINITIONS=json.dumps(definitions))
    assert {p.remedy.partition(";")[0] for p in result.problems} == {
        "set OPENAI_API_KEY",
        "set ANTHROPIC_API_KEY",
        "set AWS_REGION",
        'add "regions", like ["us-east-1"]',
        "set AWS_ACCESS_KEY_ID",
        "set AWS_SECRET_ACCESS_KEY",
        "set ADMIN_API_KEY or API_KEYS, or add auth.keys",
    }
    (route,) = result.config.routes
    assert [(t.name, t.provider, t.priority) for t in route.targets] == [
        ("anthropic-primary", "anthropic", 1),
        ("bedrock-fallback", "bedrock", 2),
    ]
    assert route.targets[0].breaker.failure_threshold == 3
    assert len(route.targets[0].breaker.permanent.error_patterns) == 3


def test_the_readmes_dotenv_is_read_whole(tmp_path: Path):
    """Its definitions stand in quotes over 60 lines, beside the keys they name."""
    shutil.copy(FIXTURES / "readme.env", tmp_path / ".env")
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path)
    (problem,) = caught.value.problems
    assert problem.found == '"anthropic-api"'
    assert caught.value.source == "MODEL_DEFINITIONS"


def test_the_readmes_bedrock_example_needs_nothing_but_its_variables(tmp_path: Path):
    shutil.copy(FIXTURES / "readme-bedrock.json", tmp_path / "definitions.json")
    unset = errors(tmp_path)
    assert [p.path for p in unset] == [
        "models.claude-3-5-sonnet.providers[0].apiBase",
        "models.claude-3-5-sonnet.providers[1].apiBase",
    ]
    assert all("AWS_REGION is not set" in p.found for p in unset)
    (route,) = loaded(tmp_path, AWS_REGION="eu-west-1").config.routes
    assert [t.api_base for t in route.targets] == ["https://bedrock-runtime.eu-west-1.amazonaws.com"] * 2
    assert route.default_parameters == {"temperature": b"0.3", "max_tokens": b"8192"}
    assert (route.fallback.max_attempts, route.fallback.model_degradation) == (2, True)


# Whatever is done to a configuration, `load` gives one or raises ConfigError.

FULL: dict[str, Any] = {
    "credentialStores": {
        "s": {"type": "simple", "config": {"apiKeyVar": "K"}, "rotation": {"enabled": True}},
        "a": {"type": "aws", "config": {"useInstanceProfile": True, "regionVar": "AWS_REGION"}},
    },
    "models": {
        "r": {
            "providers": [
                {
                    "name": "x",
                    "provider": "openai",
                    "credentialsRef": "s",
                    "modelName": "m",
                    "apiBase": "https://${HOST}.example.com",
                    "costPerToken": {"input": 0.1},
                    "headers": {"x-a": "b"},
                    "egress": {"allowHosts": ["10.0.0.0/8"]},
                    "circuitBreaker": {"permanentFailureHandling": {"errorPatterns": ["a{1,2}"]}},
                },
                {"name": "y", "provider": "bedrock", "credentialsRef": "a", "modelName": "m"},
            ],
            "aliases": ["z"],
            "loadBalancing": {"strategy": "weighted", "stickyKey": ["user"]},
        },
        "q": {"primaryPoolId": "p", "defaultParameters": {"maxTokens": 1}, "timeouts": {"idleMs": 1}},
    },
    "pools": [
        {
            "id": "p",
            "providers": [{"name": "x", "provider": "ollama", "modelName": "m"}],
            "fallbackPoolIds": ["o"],
        },
        {"id": "o", "providers": [{"name": "w", "provider": "ollama", "modelName": "m"}]},
    ],
    "server": {"http": "127.0.0.1:1", "grpc": "unix:/x", "socketMode": "0600"},
    "auth": {"keys": [{"id": "a", "hash": "0" * 64, "expires": "2027-01-01T00:00:00Z", "routes": ["*"]}]},
    "catalog": {"models": {"m": {"cost": 1, "capabilities": ["tools"]}}},
}

junk = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(
        [
            "${X}",
            "${",
            "$${",
            "unix:",
            "[::1",
            "http://[",
            "(?P<",
            "a{99999999999}",
            "(" * 200,
            "<object>",
            "[key]",
        ]
    ),
    # a copy each time: put into a value and added to, a shared one could come to hold itself
    st.sampled_from([[], {}, [[]], [{}], {"": ""}, {"type": {}}, {"<simple>": 1}]).map(copy.deepcopy),
)


def _places(value: Any, where: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [where, *(place for key, item in inside for place in _places(item, (*where, key)))]


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """FULL with one to four places replaced, removed, added to, or moved elsewhere."""
    value: Any = json.loads(json.dumps(FULL))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.sampled_from(_places(value)[1:] or [()]))
        if not place:
            return draw(junk)
        holder = value
        for part in place[:-1]:
            holder = holder[part]
        action = draw(st.sampled_from(["replace", "remove", "add", "copy"]))
        if action == "remove":
            del holder[place[-1]]
        elif action == "add" and isinstance(holder, dict):
            holder[draw(st.text(max_size=6) | st.sampled_from(["name", "id", "type", "$schema"]))] = draw(
                junk
            )
        elif action == "copy":
            holder[place[-1]] = json.loads(
                json.dumps(draw(st.sampled_from([holder, FULL["models"], FULL["pools"]])))
            )
        else:
            holder[place[-1]] = draw(junk)
    return value


def _loads_or_says_why(text: str | bytes, name: str, cwd: Path) -> None:
    (cwd / name).write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    with contextlib.suppress(ConfigError):
        load(name, {"HOST": "h", "K": "k"}, cwd, tables=TABLES, serving=False)


SETTINGS = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def test_the_configuration_that_the_mutations_start_from_is_fine(tmp_path: Path):
    (tmp_path / "a.json").write_text(json.dumps(FULL))
    assert len(loaded(tmp_path, "a.json", HOST="h", K="k", AWS_REGION="r").config.routes) == 2


@SETTINGS
@given(mutated(), st.sampled_from(["a.json", "a.yaml"]))
def test_a_mutated_configuration_raises_nothing_but_config_error(tmp_path: Path, value: Any, name: str):
    _loads_or_says_why(json.dumps(value), name, tmp_path)


@SETTINGS
@given(st.data())
def test_a_truncated_or_flipped_text_raises_nothing_but_config_error(tmp_path: Path, data: st.DataObject):
    text = bytearray(json.dumps(FULL, indent=1).encode())
    if data.draw(st.booleans()):
        del text[data.draw(st.integers(0, len(text))) :]
    else:
        at = data.draw(st.integers(0, len(text) - 1))
        text[at] ^= 1 << data.draw(st.integers(0, 7))
    _loads_or_says_why(bytes(text), data.draw(st.sampled_from(["a.json", "a.yaml"])), tmp_path)


@SETTINGS
@given(st.binary(max_size=60))
def test_any_bytes_raise_nothing_but_config_error(tmp_path: Path, text: bytes):
    _loads_or_says_why(text, "a.conf", tmp_path)
