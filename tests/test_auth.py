"""Inbound keys."""

import pytest

from switch_grpc.auth import KeyRecord, Keys, digest, require, require_route
from switch_grpc.call import ALL_SCOPES, INFERENCE, Principal
from switch_grpc.faults import Fault, Kind

TEAM = Principal(id="team", scopes=frozenset({INFERENCE}), routes=frozenset({"lite"}))
SEED = Principal(id="admin-1", scopes=ALL_SCOPES)
LOOKALIKE = Principal(id="api-key-2", scopes=frozenset({INFERENCE}))
KEYS = Keys(
    [
        KeyRecord(principal=TEAM, digest=digest("sw_team_s3cret", "pepper"), not_before=100.0, expires=200.0),
        KeyRecord(principal=SEED, digest=digest("any string", "pepper")),
        KeyRecord(principal=LOOKALIKE, digest=digest("sw_other_secret", "pepper")),
    ],
    pepper="pepper",
)


def test_a_key_with_an_id_is_found_by_it():
    assert KEYS.authenticate(["sw_team_s3cret"], 150.0) is TEAM


def test_any_string_serves_as_a_key_of_the_seed():
    assert KEYS.authenticate(["any string"], 0.0) is SEED


def test_a_key_from_the_environment_may_look_like_one_of_ours():
    assert KEYS.authenticate(["sw_other_secret"], 0.0) is LOOKALIKE


def test_the_same_key_sent_twice_is_one_key():
    assert KEYS.authenticate(["any string", "any string"], 0.0) is SEED


@pytest.mark.parametrize(
    ("presented", "wall", "kind", "says"),
    [
        ([], 150.0, Kind.NO_KEY, "x-api-key"),
        (["sw_team_s3cret", "any string"], 150.0, Kind.BAD_KEY, "two different keys were sent; remove one"),
        (["sw_team_s3cre"], 150.0, Kind.BAD_KEY, "not valid"),
        (["sw_team_s3crets"], 150.0, Kind.BAD_KEY, "not valid"),
        (["sw_nobody_s3cret"], 150.0, Kind.BAD_KEY, "not valid"),
        (["sw_admin-1_any string"], 150.0, Kind.BAD_KEY, "not valid"),
        (["sw_team_s3cret"], 99.0, Kind.BAD_KEY, "not valid yet"),
        (["sw_team_s3cret"], 200.0, Kind.BAD_KEY, "expired"),
    ],
)
def test_other_keys_are_refused(presented: list[str], wall: float, kind: Kind, says: str):
    with pytest.raises(Fault) as refused:
        KEYS.authenticate(presented, wall)
    assert refused.value.kind is kind
    assert says in refused.value.message


@pytest.mark.parametrize(
    "hostile", ["", "\0", "' OR 1=1 --", "é" * 1000, "\ud800", "sw_", "sw__", "sw___", "x" * 65536]
)
def test_a_hostile_key_is_a_bad_key_and_is_never_repeated(hostile: str):
    with pytest.raises(Fault) as refused:
        KEYS.authenticate([hostile], 150.0)
    assert refused.value.kind is Kind.BAD_KEY
    assert len(hostile) < 3 or hostile not in refused.value.message


def test_without_required_keys_anyone_may_do_anything():
    assert Keys([], required=False).authenticate([], 0.0).scopes == ALL_SCOPES


def test_a_scope_that_the_key_lacks_is_named():
    with pytest.raises(Fault, match="admin:write"):
        require(TEAM, "admin:write")


def test_a_key_may_be_bound_to_routes():
    require_route(TEAM, "lite", asked="lite")
    require_route(SEED, "anything", asked="anything")
    with pytest.raises(Fault, match="'pro'") as refused:
        require_route(TEAM, "pro", asked="pro")
    assert refused.value.kind is Kind.FORBIDDEN


def test_a_refused_route_is_called_as_the_caller_called_it():
    with pytest.raises(Fault) as refused:
        require_route(TEAM, "internal-name", asked="an-alias")
    assert "internal-name" not in refused.value.message
