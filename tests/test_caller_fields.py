"""Fields of headers and metadata are read by one set of rules, whichever door they came through."""

import pytest

from http_facade.headers import read_call, request_id
from switch_grpc.call import Call
from switch_grpc.faults import Fault, Kind
from switch_grpc.server import metadata

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def by_http(*fields: tuple[str, str]) -> Call:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in fields]
    return read_call("id", raw, dict(raw), 100.0)


def by_grpc(*fields: tuple[str, str]) -> Call:
    return metadata.call_of("id", fields, remaining=None, now=100.0)


def seen(call: Call) -> tuple[object, ...]:
    return call.keys, call.traceparent, call.tracestate, call.sticky_key, call.fallback


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [("x-api-key", " one "), ("authorization", "bearer  two ")],
        [("authorization", "Basic dXNlcg=="), ("x-api-key", "")],
        [("traceparent", TRACE), ("tracestate", "vendor=1")],
        [("traceparent", TRACE.upper()), ("tracestate", "\x7f")],
        [("x-session-id", "s-1"), ("x-switch-fallback", "False")],
        [("x-session-id", "")],
    ],
)
def test_both_doors_read_the_same(fields: list[tuple[str, str]]):
    assert seen(by_http(*fields)) == seen(by_grpc(*fields))


@pytest.mark.parametrize("given", ["abc-1", "", "a b", "x" * 128, "x" * 129, "a\x7f", "\xe9"])
def test_both_doors_take_the_same_ids(given: str):
    ids = (
        request_id({b"x-request-id": given.encode("latin-1")}),
        metadata.request_id([("x-request-id", given)]),
    )
    assert [one == given for one in ids] in ([True, True], [False, False])


def test_an_opt_out_that_is_no_word_is_refused_by_both_with_its_place():
    for read, place in ((by_http, "header"), (by_grpc, "metadata")):
        with pytest.raises(Fault, match=f"{place} x-switch-fallback: 'no' is neither") as raised:
            read(("x-switch-fallback", "no"))
        assert (raised.value.kind, raised.value.param) == (Kind.BAD_REQUEST, "x-switch-fallback")


@pytest.mark.parametrize("sent", ["schlüssel-für-uns".encode(), "schlüssel-für-uns".encode("latin-1")])
def test_a_key_beyond_ascii_is_read_as_clients_send_it(sent: bytes):
    """curl sends a header as UTF-8, Python's http.client as Latin-1."""
    for raw in ([(b"x-api-key", sent)], [(b"authorization", b"Bearer " + sent)]):
        assert read_call("id", raw, dict(raw), 0.0).keys == ("schlüssel-für-uns",)
    raw = [(b"x-session-id", sent)]
    assert read_call("id", raw, dict(raw), 0.0).sticky_key == "schlüssel-für-uns"
