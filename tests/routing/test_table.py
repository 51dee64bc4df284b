"""Looking routes up by name."""

import difflib

import pytest

from switch_grpc.faults import Fault, Kind
from switch_grpc.routing.route import Pool, PoolSpec, Route, RouteSpec
from switch_grpc.routing.table import LONGEST_NAME, RouteTable
from switch_grpc.routing.target import Target, TargetSpec


def route(name: str, **settings: object) -> Route:
    target = Target(TargetSpec(route=name, name="a", identity="a", provider="custom", model="m"))
    return Route(RouteSpec(name=name, **settings), [Pool(PoolSpec(), [target])])  # type: ignore[arg-type]


TABLE = RouteTable([route("lite", aliases=("light",)), route("secret-route", aliases=("hidden-way",))])


def refusal(table: RouteTable, name: str, allowed: frozenset[str] | None = None) -> Fault:
    with pytest.raises(Fault) as raised:
        table.find(name, allowed)
    assert raised.value.kind is Kind.UNKNOWN_ROUTE
    assert raised.value.param == "model"
    return raised.value


def test_a_name_that_nobody_has_is_answered_with_near_ones():
    assert "did you mean 'lite'" in refusal(TABLE, "litte").message
    assert "GET /v1/models" in refusal(TABLE, "zzz").message


@pytest.mark.parametrize("near", ["secret-rout", "hidden-wya"])
def test_a_route_that_the_caller_may_not_use_is_never_suggested(near: str):
    said = refusal(TABLE, near, frozenset({"lite"})).message
    assert said == f"no route is called {near!r}; see GET /v1/models, by gRPC ListModels"
    assert "did you mean" in refusal(TABLE, near, frozenset({"secret-route"})).message


def test_a_default_route_that_the_caller_may_not_use_stands_in_for_nothing():
    table = RouteTable([route("lite"), route("everything-else", default=True)])
    assert table.find("nonsense", frozenset({"everything-else"})).spec.name == "everything-else"
    assert "everything" not in refusal(table, "nonsense", frozenset({"lite"})).message


def test_a_long_name_is_compared_with_none_and_cut_in_the_message(monkeypatch: pytest.MonkeyPatch):
    """A name of 20 MB once held the event loop for three seconds, and came back whole in the message."""
    monkeypatch.setattr(difflib, "get_close_matches", lambda *_, **__: pytest.fail("compared"))
    said = refusal(TABLE, "lite" * 5_000_000).message
    assert len(said) < LONGEST_NAME + 100
    assert "20000000 characters" in said


def test_only_so_many_names_are_compared(monkeypatch: pytest.MonkeyPatch):
    seen: list[int] = []
    monkeypatch.setattr(difflib, "get_close_matches", lambda name, known, n: seen.append(len(known)) or [])
    refusal(RouteTable(route(f"route-{number}") for number in range(500)), "nonsense")
    assert seen == [200]


def test_a_route_is_found_by_its_name_and_its_aliases():
    assert TABLE.find("lite") is TABLE.find("light") is TABLE.named("light") is TABLE.routes["lite"]
    assert set(TABLE.routes) == {"lite", "secret-route"}


def test_the_default_route_takes_every_other_name_but_not_for_operators():
    table = RouteTable([route("lite", default=True), route("heavy")])
    assert table.find("anything").spec.name == "lite"
    assert table.named("heavy").spec.name == "heavy"
    with pytest.raises(Fault) as raised:
        table.named("anything")
    assert raised.value.kind is Kind.UNKNOWN_ROUTE
