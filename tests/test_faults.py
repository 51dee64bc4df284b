"""The fault table is total, and says the same in code and contract."""

import pytest

from switch_grpc.faults import RULES, Effect, Fault, Kind, Same
from switch_grpc.v1 import fault_pb2


def test_every_kind_has_a_rule():
    assert set(RULES) == set(Kind)


def test_kinds_are_the_contracts_reasons():
    names = {name.removeprefix("FAULT_REASON_") for name in fault_pb2.FaultReason.keys()}  # noqa: SIM118  # no mapping
    assert names - {"UNSPECIFIED"} == {kind.value for kind in Kind}


@pytest.mark.parametrize("kind", [kind for kind in Kind if 400 <= RULES[kind].http < 500])
def test_a_callers_own_fault_never_counts_against_a_target(kind: Kind):
    """409 and 429 come from the provider's state, not from the request: they weigh on the window."""
    expected = (Effect.WINDOW,) if kind in (Kind.CONFLICT, Kind.UPSTREAM_RATE_LIMIT) else (Effect.EXCLUDED,)
    assert RULES[kind].effect in expected


@pytest.mark.parametrize("kind", list(Kind))
def test_what_is_repeated_at_the_same_target_may_also_go_elsewhere(kind: Kind):
    assert RULES[kind].next or RULES[kind].same is Same.NO


def test_a_fault_overrides_its_rule_for_itself_alone():
    fault = Fault(Kind.CLIENT_FAULT, "no", code="string_above_max_length", http=422, retry=True)
    assert (fault.http, fault.code, fault.retry) == (422, "string_above_max_length", True)
    assert (RULES[Kind.CLIENT_FAULT].http, RULES[Kind.CLIENT_FAULT].retry) == (400, False)


def test_an_answer_that_never_came_may_still_have_been_paid_for():
    """A refused connection is free to repeat; one that closed after the request went is not."""
    assert Fault(Kind.UPSTREAM_UNREACHABLE, "refused").unsent
    assert not Fault(Kind.UPSTREAM_UNREACHABLE, "closed", sent=True).unsent
