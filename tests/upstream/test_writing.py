"""Requests as bytes: exactly what was meant, or nothing."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch_grpc.faults import Fault, Kind
from switch_grpc.providers.dialects.base import WireRequest
from switch_grpc.upstream.writing import FORMS, Origin, Writer, located


def written(
    url: str = "https://api.example.com/v1/x", body: bytes = b"{}", method: str = "POST", **headers: str
):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Writer().head(WireRequest(url=url, headers=named, body=body, method=method))


def lines(*args: object, **named: str) -> list[str]:
    text = written(*args, **named)[1].decode("latin-1")  # type: ignore[arg-type]
    assert text.endswith("\r\n\r\n")
    return text.removesuffix("\r\n\r\n").split("\r\n")


def test_a_head_says_who_asks_whom_for_what():
    assert lines(authorization="Bearer x", accept="text/event-stream") == [
        "POST /v1/x HTTP/1.1",
        "Host: api.example.com",
        "user-agent: switch/0.1.0",
        "accept-encoding: identity",
        "authorization: Bearer x",
        "accept: text/event-stream",
        "content-length: 2",
    ]


def test_what_the_request_says_itself_counts():
    found = lines(host="other.example", user_agent="me", accept_encoding="gzip")
    assert found[1:-1] == ["accept: */*", "host: other.example", "user-agent: me", "accept-encoding: gzip"]


def test_what_is_the_connections_is_ours_to_say():
    found = lines(
        connection="close", x="1", content_length="7", transfer_encoding="chunked", y="2", te="trailers"
    )
    assert found[5:] == ["x: 1", "y: 2", "content-length: 2"]


@pytest.mark.parametrize(
    ("method", "body", "told"),
    [
        ("GET", b"", None),
        ("DELETE", b"", None),
        ("POST", b"", "content-length: 0"),
        ("GET", b"{}", "content-length: 2"),
    ],
)
def test_a_length_is_told_where_a_body_is_to_be_expected(method: str, body: bytes, told: str | None):
    found = lines(method=method, body=body, x="1")
    assert [line for line in found if "length" in line] == ([] if told is None else [told])


URLS = {
    "http://a": (False, "a", 80, "a", "/"),
    "https://a:443/": (True, "a", 443, "a", "/"),
    "https://a:80/": (True, "a", 80, "a:80", "/"),
    "http://a:/x": (False, "a", 80, "a", "/x"),
    "http://A.Example./x": (False, "a.example.", 80, "A.Example.", "/x"),
    "http://[::1]:8000/x?y": (False, "::1", 8000, "[::1]:8000", "/x?y"),
    "http://a?x=1&y=a+b": (False, "a", 80, "a", "/?x=1&y=a+b"),
    "http://a/v1%3A0/%2f%zz?%41": (False, "a", 80, "a", "/v1%3A0/%2f%zz?%41"),
    "http://a/\u00e4 <b>?q=\u20ac": (False, "a", 80, "a", "/%C3%A4%20%3Cb%3E?q=%E2%82%AC"),
    "http://a/x#part": (False, "a", 80, "a", "/x"),
    "http://a/a/../b//c": (False, "a", 80, "a", "/a/../b//c"),
}


@pytest.mark.parametrize(("url", "expected"), URLS.items(), ids=URLS)
def test_a_url_goes_out_as_it_is_written_with_the_rest_escaped(url: str, expected: tuple[object, ...]):
    tls, host, port, named, path = expected
    assert located(url) == (Origin(tls, host, port), named, path)  # type: ignore[arg-type]


NO_URLS = """
a //a ftp://a http:// http:///x http://a:x/ http://a:65536/ http://u@a/ http://[::1/ http://\u00fc.example/
"""
BROKEN = ["", "http://a b/", "http://a/\r\nx", "http://a/\t", "http://a\0/", "\nhttp://a/"]


@pytest.mark.parametrize("url", [*NO_URLS.split(), *BROKEN])
def test_what_is_no_url_is_refused(url: str):
    with pytest.raises(Fault, match="apiBase is not a URL"):
        located(url)


@pytest.mark.parametrize("value", ["a\r\nb: c", "a\nb", "a\rb", "\0", "\u20ac", "\ud800", "a\r\n"])
def test_a_value_that_breaks_the_framing_is_refused_by_its_name(value: str):
    with pytest.raises(Fault) as raised:
        written(authorization="x", x_key=value)
    assert raised.value.kind is Kind.UPSTREAM_UNREACHABLE
    assert raised.value.unsent
    assert "'x-key'" in raised.value.message
    assert value not in raised.value.message


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\r\nb", "\u00e4", "a\0"])
def test_a_name_that_is_no_name_is_refused(name: str):
    with pytest.raises(Fault, match="header"):
        Writer().head(WireRequest(url="http://a/", headers={name: "x"}, body=b""))


def test_what_a_name_or_path_holds_is_no_template():
    found = lines("http://a/%s%d%%?%(x)s", **{"x%s": "%d", "y": "%s"})
    assert found[0] == "POST /%s%d%%?%(x)s HTTP/1.1"
    assert found[-3:-1] == ["x%s: %d", "y: %s"]


def test_requests_of_one_form_differ_in_values_and_length_alone():
    writer = Writer()
    heads = [
        writer.head(WireRequest(url="http://a/x", headers={"k": str(n)}, body=b"x" * n))[1]
        for n in (1, 2, 10)
    ]
    assert [head.rpartition(b"k: ")[2] for head in heads] == [
        b"1\r\ncontent-length: 1\r\n\r\n",
        b"2\r\ncontent-length: 2\r\n\r\n",
        b"10\r\ncontent-length: 10\r\n\r\n",
    ]


def test_forms_are_remembered_up_to_a_number():
    writer = Writer()
    for number in range(FORMS + 10):
        writer.head(WireRequest(url=f"http://a/{number}", headers={}, body=b""))
    assert len(writer._forms) <= FORMS


@pytest.mark.parametrize("method", ["HEAD", "CONNECT", "get", "POST /x"])
def test_methods_whose_answers_are_read_otherwise_are_refused(method: str):
    with pytest.raises(ValueError, match="method"):
        written(method=method)


VALUE = st.text(st.characters(codec="utf-8"), max_size=6)


def head_of(request: WireRequest) -> bytes | None:
    """None where it is refused."""
    try:
        return Writer().head(request)[1]
    except Fault:
        return None


@given(st.dictionaries(VALUE, VALUE, max_size=4), VALUE, st.binary(max_size=3))
def test_whatever_is_asked_is_one_request_or_a_fault(headers: dict[str, str], path: str, body: bytes):
    """Read back by the rules of RFC 9112, a head holds the fields that were given, and no other line."""
    head = head_of(WireRequest(url=f"http://a/{path}", headers=headers, body=body))
    if head is None:
        return
    assert head.count(b"\r\n\r\n") == 1
    assert head.endswith(b"\r\n\r\n")
    first, *rest = head[:-4].split(b"\r\n")
    assert re.fullmatch(rb"POST /[!-~]* HTTP/1\.1", first)
    assert all(re.fullmatch(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+: [^\r\n\0]*", line) for line in rest)
    assert rest[-1] == b"content-length: %d" % len(body)
