"""Packed bodies: read in pieces of bounded size, whole or not at all."""

import gzip
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch_grpc.faults import Fault, Kind
from switch_grpc.upstream.content import PIECE, unpacked

TEXT = b"".join(b"data: %d\n\n" % n for n in range(2000))


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


FORMS = {
    "gzip": ("gzip", gzip.compress(TEXT)),
    "x-gzip": ("X-GZIP", gzip.compress(TEXT)),
    "gzip in members": ("gzip", gzip.compress(TEXT[:100]) + gzip.compress(TEXT[100:])),
    "deflate": ("deflate", zlib.compress(TEXT)),
    "deflate without its wrapper": ("deflate", raw_deflate(TEXT)),
}
forms = pytest.mark.parametrize(("coding", "packed"), FORMS.values(), ids=FORMS)


def streamed(coding: str, *pieces: bytes) -> bytes:
    reader, got = unpacked(coding), b""
    assert reader is not None
    for each in pieces:
        reader.feed(each)
        while piece := reader.piece():
            got += piece
    reader.finish()
    return got


@forms
def test_a_whole_body_is_unpacked(coding: str, packed: bytes):
    reader = unpacked(coding)
    assert reader is not None
    assert reader.whole(packed, len(TEXT)) == TEXT


@forms
def test_a_stream_is_unpacked_however_it_is_cut(coding: str, packed: bytes):
    assert streamed(coding, *(packed[at : at + 7] for at in range(0, len(packed), 7))) == TEXT
    for at in (1, 2, 9, 10, 11, len(packed) - 8, len(packed) - 1):
        assert streamed(coding, packed[:at], packed[at:]) == TEXT


@forms
def test_a_body_without_its_end_is_never_whole(coding: str, packed: bytes):
    reader = unpacked(coding)
    assert reader is not None
    with pytest.raises(Fault) as raised:
        reader.whole(packed[:-1], len(TEXT))
    assert raised.value.kind is Kind.UPSTREAM_PROTOCOL


def test_what_is_given_at_once_is_bounded_however_well_it_was_packed():
    reader = unpacked("gzip")
    assert reader is not None
    reader.feed(gzip.compress(bytes(10_000_000), 9))
    sizes = []
    while piece := reader.piece():
        sizes.append(len(piece))
    assert sum(sizes) == 10_000_000
    assert max(sizes) <= PIECE


def test_a_body_larger_than_its_limit_is_not_unpacked_to_the_end():
    reader = unpacked("gzip")
    assert reader is not None
    with pytest.raises(Fault, match="larger than 1000 bytes"):
        reader.whole(gzip.compress(bytes(100_000_000), 9), 1000)


def test_an_empty_body_is_whole_in_any_coding():
    reader = unpacked("gzip")
    assert reader is not None
    assert reader.whole(b"", 10) == b""


@pytest.mark.parametrize("coding", ["", "identity", "Identity"])
def test_what_is_not_packed_needs_no_reader(coding: str):
    assert unpacked(coding) is None


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "x" * 1000])
def test_another_coding_is_refused_by_its_name(coding: str):
    with pytest.raises(Fault) as raised:
        unpacked(coding)
    assert coding[:40] in raised.value.message
    assert len(raised.value.message) < 120


@given(st.sampled_from(["gzip", "deflate"]), st.lists(st.binary(min_size=1, max_size=40), max_size=5))
def test_garbage_raises_nothing_but_faults(coding: str, pieces: list[bytes]):
    with suppress(Fault):
        streamed(coding, *pieces)
