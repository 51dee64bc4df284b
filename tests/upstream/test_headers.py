"""Header fields, looked for in the head as it came."""

import pytest

from switch_grpc.upstream.headers import Headers

HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-A: 1\r\nx-a:\t2 \r\nX-Content-Type: no\r\nEmpty:\r\n"
)


def test_names_are_found_without_regard_to_case():
    headers = Headers(HEAD)
    assert headers["content-type"] == headers["Content-Type"] == "text/plain"
    assert headers.get("CONTENT-TYPE") == "text/plain"
    assert "empty" in headers
    assert headers["empty"] == ""


def test_a_field_that_repeats_is_joined():
    assert Headers(HEAD)["X-A"] == "1, 2"


def test_what_is_not_there_is_not_found():
    headers = Headers(HEAD)
    assert headers.get("type") is None
    assert headers.get("content", "none") == "none"
    assert "http/1.1 200 ok" not in headers
    assert "\u20ac" not in headers
    with pytest.raises(KeyError):
        headers["x-b"]


def test_all_names_are_told_once():
    headers = Headers(HEAD)
    assert list(headers) == ["content-type", "x-a", "x-content-type", "empty"]
    assert len(headers) == 4


def test_values_are_not_shown():
    """One may be a secret."""
    assert repr(Headers(HEAD)) == "Headers(content-type, x-a, x-content-type, empty)"


def test_no_head_has_no_fields():
    assert dict(Headers(b"")) == {}


def test_asking_gives_what_looking_up_gives():
    headers = Headers(HEAD)
    for name in (*headers, "X-A", "Content-Type"):
        assert headers.get(name) == headers[name]
    assert (headers.get("nobody"), headers.get("nobody", "")) == (None, "")
