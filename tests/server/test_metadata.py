import pytest

from switch_grpc.call import Call
from switch_grpc.faults import Fault, Kind
from switch_grpc.server.metadata import call_of, request_id

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def read(*metadata: tuple[str, str | bytes], remaining: float | None = None) -> Call:
    return call_of("id", metadata, remaining=remaining, now=100.0)


def test_a_call_without_metadata_has_no_key_and_no_deadline():
    assert read() == Call(id="id", door="grpc", started=100.0)


def test_every_key_presented_is_kept_for_the_engine_to_judge():
    call = read(("x-api-key", "one"), ("authorization", "Bearer two"), ("x-api-key", "three"))
    assert call.keys == ("one", "two", "three")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_bearer_scheme_is_read_in_any_case(scheme: str):
    assert read(("authorization", f"{scheme}  key ")).keys == ("key",)


@pytest.mark.parametrize(
    "entry",
    [
        ("authorization", "Basic dXNlcg=="),
        ("authorization", "Bearer "),
        ("x-api-key", " "),
        ("k-bin", b"key"),
    ],
)
def test_what_is_no_key_is_none(entry: tuple[str, str | bytes]):
    assert read(entry).keys == ()


def test_the_remaining_time_becomes_a_moment_on_the_loops_clock():
    assert read(remaining=2.5).deadline == 102.5


def test_a_deadline_that_has_passed_is_now():
    assert read(remaining=-3.0).deadline == 100.0


@pytest.mark.parametrize("remaining", [None, 9.2e18, float("inf")])
def test_no_deadline_is_none_however_the_runtime_says_it(remaining: float | None):
    assert read(remaining=remaining).deadline is None


def test_a_well_formed_trace_is_kept():
    call = read(("traceparent", TRACE), ("tracestate", "vendor=1"))
    assert (call.traceparent, call.tracestate) == (TRACE, "vendor=1")


@pytest.mark.parametrize("value", ["", "00-zz", TRACE.upper(), TRACE + "\n", "x" * 9000])
def test_a_broken_trace_is_ignored(value: str):
    assert read(("traceparent", value)).traceparent is None


def test_a_session_is_the_sticky_key():
    assert read(("x-session-id", "s-1")).sticky_key == "s-1"


@pytest.mark.parametrize(("value", "fallback"), [("false", False), ("False", False), ("true", True)])
def test_a_caller_may_opt_out_of_fallback(value: str, fallback: bool):
    assert read(("x-switch-fallback", value)).fallback is fallback


def test_an_opt_out_that_is_neither_true_nor_false_is_refused_by_name():
    with pytest.raises(Fault) as caught:
        read(("x-switch-fallback", "no"))
    assert (caught.value.kind, caught.value.param) == (Kind.BAD_REQUEST, "x-switch-fallback")


def test_the_callers_request_id_is_used():
    assert request_id((("x-request-id", "abc-1"),)) == "abc-1"


@pytest.mark.parametrize("value", ["", "a b", "é", "x" * 129, "a\x7f"])
def test_an_id_that_cannot_stand_in_a_log_is_replaced(value: str):
    made = request_id((("x-request-id", value),))
    assert made.startswith("req_")
    assert len(made) == 36


def test_ids_that_are_made_differ():
    assert request_id(()) != request_id(())
