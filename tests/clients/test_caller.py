import math

import pytest

from switch_client.caller import Caller, unlimited
from switch_client.channel import TLS, Address


def test_a_calls_own_options_go_before_the_clients():
    caller = Caller(api_key="client", timeout=10.0, metadata={"X-Team": "a"})
    assert caller.metadata_of({}) == (("x-team", "a"), ("x-api-key", "client"))
    told = caller.metadata_of({"api_key": "own", "request_id": "r", "session": "s", "fallback": False})
    assert told == (
        ("x-team", "a"),
        ("x-api-key", "own"),
        ("x-request-id", "r"),
        ("x-session-id", "s"),
        ("x-switch-fallback", "false"),
    )


@pytest.mark.parametrize(
    ("client", "call", "limit"),
    [(None, None, None), (10.0, None, 10.0), (10.0, 2.0, 2.0), (10.0, math.inf, None), (None, 0.0, 0.0)],
)
def test_a_time_limit_is_the_calls_or_the_clients_or_none(
    client: float | None, call: float | None, limit: float | None
):
    assert Caller(timeout=client).timeout_of({"timeout": call}) == limit


def test_watching_has_only_a_limit_of_its_own():
    assert unlimited({}) == {"timeout": math.inf}
    assert unlimited({"timeout": 3.0, "api_key": "k"}) == {"timeout": 3.0, "api_key": "k"}


@pytest.mark.parametrize("key", ["sk-secret\n", "sk-secrét", ""])
def test_a_value_that_metadata_cannot_carry_is_named_but_not_shown(key: str):
    """The error of grpc itself prints the key."""
    with pytest.raises(ValueError, match=r"^x-api-key: expected") as caught:
        Caller(api_key=key).metadata_of({})
    assert "secr" not in str(caught.value)


def test_a_client_certificate_needs_its_key():
    with pytest.raises(ValueError, match="cert and key go together"):
        TLS(cert=b"pem")


def test_options_of_the_programs_own_win():
    options = dict(Address("x", extra=(("grpc.max_receive_message_length", 1), ("grpc.new", "n"))).options)
    assert (options["grpc.max_receive_message_length"], options["grpc.new"]) == (1, "n")
    assert options["grpc.service_config_disable_resolution"] == 1
