"""The variables of the seed and our own."""

from typing import Any

import pytest

from switch_grpc.config.environment import Flags, read_environment
from tests.support.configs import config_of, one_route

R = one_route()


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("SERVER_HOST", "0.0.0.0:80", "a host name or an address without a port"),
        ("SERVER_PORT", "http", "a whole number"),
        ("SERVER_PORT", "65536", "at most 65535"),
        ("PORT", "-1", "at least 0"),
        ("GRPC_PORT", "1_000", "a whole number"),
        ("SERVER_INSECURE", "maybe", "true or false"),
        ("LOG_LEVEL", "loud", "'debug', 'info', 'warning' or 'error'"),
        ("ADMIN_LISTEN", "9000", "HOST:PORT, [IPv6]:PORT or unix:PATH"),
        ("ENABLE_FALLBACK", "2", "true or false"),
        ("HEALTH_CHECK_INTERVAL", "0", "more than 0"),
        ("DEFAULT_TIMEOUT_MS", "1e3", "a whole number"),
        ("DEFAULT_TIMEOUT_MS", "400000", "at most MAX_TIMEOUT_MS, which is 300000"),
        ("MIN_TIMEOUT_MS", "70000", "at most DEFAULT_TIMEOUT_MS, which is 60000"),
        ("STREAMING_TIMEOUT_MS", "-5", "more than 0"),
        ("CREDENTIAL_RESOLUTION_TIMEOUT_MS", "x", "a whole number"),
        ("PERMANENT_FAILURE_ENABLED", "nope", "true or false"),
        ("PERMANENT_FAILURE_TIMEOUT_MULTIPLIER", "21", "at most 20"),
        ("PERMANENT_FAILURE_TIMEOUT_MULTIPLIER", "nan", "a number"),
        ("PERMANENT_FAILURE_BASE_TIMEOUT_MS", "5000", "at least 60000"),
        ("PERMANENT_FAILURE_MAX_BACKOFF_MULTIPLIER", "0", "at least 1"),
        ("PERMANENT_FAILURE_ERROR_PATTERNS", "ok,40[4", "a regular expression"),
        ("DRAIN_DELAY_MS", "-1", "at least 0"),
        ("DRAIN_TIMEOUT_MS", "soon", "a whole number"),
        ("API_KEYS", "short", "keys of at least 8 characters, comma-separated"),
        ("ADMIN_API_KEY", "long-enough,short", "keys of at least 8 characters, comma-separated"),
    ],
)
def test_a_bad_variable_is_a_problem_at_its_name(name: str, text: str, expected: str):
    _, problems = read_environment({name: text})
    assert [(p.where[0], p.expected, p.warning) for p in problems] == [(f"${name}", expected, False)]


def test_no_problem_repeats_a_key_or_a_proxys_password():
    _, problems = read_environment({"API_KEYS": "hunter2", "EGRESS_PROXY": "http://u:hunter2@p"})
    assert len(problems) == 1
    assert "hunter2" not in repr(problems)


def test_every_bad_variable_is_reported_at_once():
    _, problems = read_environment({"PORT": "x", "LOG_LEVEL": "y", "API_KEYS": "z", "DRAIN_DELAY_MS": "w"})
    assert sorted(p.path for p in problems) == ["$API_KEYS", "$DRAIN_DELAY_MS", "$LOG_LEVEL", "$PORT"]


def test_an_empty_variable_counts_as_unset():
    _, problems = read_environment({"PORT": "", "LOG_LEVEL": " ", "ADMIN_API_KEY": ",,", "ADMIN_LISTEN": ""})
    assert problems == []


@pytest.mark.parametrize(
    ("environ", "http", "grpc"),
    [
        ({}, "127.0.0.1:3000", "127.0.0.1:50051"),
        ({"SERVER_HOST": "0.0.0.0", "SERVER_PORT": "80", "GRPC_PORT": "81"}, "0.0.0.0:80", "0.0.0.0:81"),
        ({"PORT": "8080"}, "127.0.0.1:8080", "127.0.0.1:50051"),
        ({"PORT": "8080", "SERVER_PORT": "9090"}, "127.0.0.1:9090", "127.0.0.1:50051"),
        ({"SERVER_HOST": "::1"}, "[::1]:3000", "[::1]:50051"),
        ({"HOSTNAME": "pod-7f9c"}, "127.0.0.1:3000", "127.0.0.1:50051"),
    ],
)
def test_the_listeners_of_the_environment(environ: dict[str, str], http: str, grpc: str):
    server = config_of(R, environ).server
    assert (str(server.http), str(server.grpc)) == (http, grpc)


def test_a_flag_wins_over_the_file_and_the_file_over_the_environment():
    definitions = R | {"server": {"http": "127.0.0.1:1", "grpc": "127.0.0.1:2"}}
    server = config_of(definitions, {"SERVER_PORT": "3", "GRPC_PORT": "4"}, Flags(http="unix:/run/x")).server
    assert (str(server.http), str(server.grpc)) == ("unix:/run/x", "127.0.0.1:2")


def test_a_bad_flag_is_a_problem_at_its_name():
    _, problems = read_environment({}, Flags(http="3000", grpc="x"))
    assert [p.path for p in problems] == ["--http", "--grpc"]


@pytest.mark.parametrize("text", ["true", "1", "YES", "On"])
def test_yes_has_many_spellings(text: str):
    assert config_of(R, {"SERVER_INSECURE": text}).server.insecure is True


def seconds(config: Any) -> tuple[float, ...]:
    t = config.timeouts
    return (t.default, t.maximum, t.minimum, t.streaming, t.credentials)


def test_the_timeouts_of_calls():
    environ = {
        "DEFAULT_TIMEOUT_MS": "30000",
        "MAX_TIMEOUT_MS": "40000",
        "MIN_TIMEOUT_MS": "500",
        "STREAMING_TIMEOUT_MS": "50000",
        "CREDENTIAL_RESOLUTION_TIMEOUT_MS": "2500",
    }
    assert seconds(config_of(R)) == (60.0, 300.0, 1.0, 600.0, 10.0)
    assert seconds(config_of(R, environ)) == (30.0, 40.0, 0.5, 50.0, 2.5)


def test_keys_are_split_trimmed_and_kept_once():
    environment, _ = read_environment({"API_KEYS": " key-number-1 ,, key-number-2,key-number-1 "})
    assert [key.get_secret_value() for key in environment.api_keys] == ["key-number-1", "key-number-2"]
    assert "key-number" not in repr(environment)
