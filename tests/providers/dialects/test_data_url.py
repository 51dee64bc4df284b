"""Data URLs, and the schemes of URLs in any case."""

import pytest

from switch_grpc.faults import Fault, Kind
from switch_grpc.providers.dialects.data_url import has_scheme, read_data_url


@pytest.mark.parametrize(
    ("url", "media_type", "data"),
    [
        ("data:image/png;base64,AAAA", "image/png", "AAAA"),
        ("DATA:IMAGE/PNG;BASE64,aAaA", "image/png", "aAaA"),
        ("data:text/plain;charset=utf-8;base64,SGk=", "text/plain", "SGk="),
        ("data:,Hi%21", "text/plain", "SGkh"),
    ],
)
def test_the_type_and_the_data_as_base64(url: str, media_type: str, data: str) -> None:
    assert read_data_url(url, "here") == (media_type, data)


@pytest.mark.parametrize("url", ["data:image/png;base64", "data:image/png;base64,"])
def test_a_url_without_data_is_refused_by_its_place(url: str) -> None:
    with pytest.raises(Fault) as refused:
        read_data_url(url, "here")
    assert (refused.value.kind, refused.value.param) == (Kind.BAD_REQUEST, "here")


def test_the_case_of_a_scheme_says_nothing() -> None:
    assert all(has_scheme(url, "data") for url in ("data:,a", "DATA:,a", "Data:,a"))
    assert has_scheme("HTTPS://example.com/a.png", "https", "http")
    assert not any(has_scheme(url, "data") for url in ("", "data", "dataset:a", "https://data:1"))
