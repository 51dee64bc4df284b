"""Listeners, TLS and callers' keys."""

from typing import Any

import pytest

from switch_grpc.config.environment import Flags
from tests.support.configs import one_route, problems_of

PUBLIC = {"server": {"http": "0.0.0.0:3000"}}


def found(
    keys: dict[str, Any], serving: bool = True, flags: Flags | None = None, **environ: str
) -> list[Any]:
    problems = problems_of(one_route() | keys, environ, serving=serving, flags=flags)
    return [(p.path, "warning" if p.warning else "error") for p in problems]


KEYS = {"API_KEYS": "caller-key-1"}


def test_plaintext_beyond_loopback_needs_a_word():
    assert found(PUBLIC, **KEYS) == [("server.http", "error")]
    assert found({"server": {"http": "0.0.0.0:3000", "insecure": True}}, **KEYS) == []
    assert found(PUBLIC, **KEYS, SERVER_INSECURE="true") == []
    assert found(PUBLIC, flags=Flags(insecure=True), **KEYS) == []
    tls = {"certFile": "a.pem", "keyFile": "b.pem"}
    assert found({"server": {"http": "0.0.0.0:3000", "tls": tls}}, **KEYS) == []


def test_the_place_of_a_listener_is_where_it_was_said():
    assert found({}, **KEYS, SERVER_HOST="0.0.0.0") == [("$SERVER_HOST", "error")]
    assert found({}, flags=Flags(grpc="0.0.0.0:1"), **KEYS) == [("--grpc", "error")]
    assert found({}, **KEYS, ADMIN_LISTEN="0.0.0.0:9") == [("$ADMIN_LISTEN", "error")]
    assert found({"admin": {"listen": "[::]:9"}}, **KEYS) == [("admin.listen", "error")]


def test_auth_none_is_for_loopback_and_unix_sockets_only():
    none = {"auth": {"mode": "none"}}
    assert found(none) == []
    assert found(none | {"server": {"http": "unix:/run/a", "grpc": "[::1]:5"}}) == []
    assert found(none | {"server": {"http": "10.0.0.1:80", "insecure": True}}) == [("auth.mode", "error")]


def test_the_gateway_does_not_start_without_a_key():
    assert found({}) == [("auth.keys", "error")]
    assert found({}, **KEYS) == []
    assert found({}, ADMIN_API_KEY="admin-key-1") == []
    assert found({"auth": {"keys": [{"id": "a", "hash": "0" * 64}]}}) == []
    assert found({"auth": {"keys": [{"id": "a", "keyVar": "A_KEY"}]}}, A_KEY="x" * 8) == []


def test_what_only_forbids_to_start_is_a_warning_when_a_file_is_validated():
    """A file that is right must validate on a machine that does not hold its keys."""
    assert found(PUBLIC | {"auth": {"mode": "none"}}, serving=False) == [
        ("server.http", "warning"),
        ("auth.mode", "warning"),
    ]


def test_listeners_do_not_share_an_address():
    same = {"server": {"http": "127.0.0.1:3000", "grpc": "127.0.0.1:3000"}}
    assert found(same, **KEYS) == [("server.grpc", "error")]
    assert found({"admin": {"listen": "127.0.0.1:3000"}}, **KEYS) == [("admin.listen", "error")]
    assert found({"server": {"http": "127.0.0.1:0", "grpc": "127.0.0.1:0"}}, **KEYS) == []
    assert found({"server": {"http": "unix:a", "grpc": "unix:a"}}, **KEYS) == [("server.grpc", "error")]


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ({"id": "a"}, "auth.keys[0]"),
        ({"id": "a", "hash": "0" * 64, "keyVar": "API_KEYS"}, "auth.keys[0]"),
        ({"id": "a b", "hash": "0" * 64}, "auth.keys[0].id"),
        ({"id": "a", "hash": "0" * 63}, "auth.keys[0].hash"),
        ({"id": "a", "hash": "0" * 64, "scopes": []}, "auth.keys[0].scopes"),
        ({"id": "a", "hash": "0" * 64, "scopes": ["admin"]}, "auth.keys[0].scopes[0]"),
        ({"id": "a", "hash": "0" * 64, "expires": "tomorrow"}, "auth.keys[0].expires"),
        ({"id": "a", "hash": "0" * 64, "expires": "2027-01-31T00:00:00"}, "auth.keys[0].expires"),
        ({"id": "a", "hash": "0" * 64, "expires": 5}, "auth.keys[0].expires"),
    ],
)
def test_a_callers_key_has_a_hash_or_a_variable_and_known_scopes(key: dict[str, Any], path: str):
    assert found({"auth": {"keys": [key]}}, **KEYS) == [(path, "error")]


def test_ids_of_callers_are_unique():
    key = {"id": "a", "hash": "0" * 64}
    assert found({"auth": {"keys": [key, key]}}) == [("auth.keys[1].id", "error")]


def test_a_pattern_that_matches_no_route_is_a_warning():
    key = {"id": "a", "hash": "0" * 64, "routes": ["r", "R*", "?"]}
    assert found({"auth": {"keys": [key]}}) == [("auth.keys[0].routes[1]", "warning")]


def test_a_key_whose_variable_is_not_set_is_a_warning():
    assert found({"auth": {"keys": [{"id": "a", "keyVar": "NOPE"}]}}, **KEYS) == [
        ("auth.keys[0].keyVar", "warning")
    ]


def test_a_key_for_everything_and_for_inference_is_a_warning():
    assert found({}, API_KEYS="one-two-3", ADMIN_API_KEY="one-two-3") == [("$API_KEYS", "warning")]
