"""Bytes of a connection become answers: the same ones however the bytes are cut, and never by guessing."""

from itertools import pairwise
from typing import NamedTuple

import pytest
from httptools import HttpParserError, HttpResponseParser
from hypothesis import given, settings
from hypothesis import strategies as st

from switch_grpc.upstream.answer import EARLY, FIELDS, HEAD_LIMIT, AnswerParser, Garbled

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"

SAMPLES = {
    "by length": HEAD + b"Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{'a': 12}",
    "empty": HEAD + b"Content-Length: 0\r\n\r\n",
    "by chunks": CHUNKED + b"5\r\ndata:\r\nA;x=y\r\n 0123\r\n\r\n5\r\n0\r\nX-Sum: 1\r\nX-Sum: 2\r\n\r\n",
    "proper chunks": CHUNKED + b"5\r\ndata:\r\n6 \r\n 0123\n\r\n0\r\nX-Sum: 1\r\nX: 2\r\n\r\n",
    "until it closes": HEAD + b"X: y\r\n\r\n{'a': 12}",
    "interim answers": b"HTTP/1.1 100 Continue\r\n\r\n\r\nHTTP/1.1 103 Hints\r\nLink: a\r\n\r\n"
    b"HTTP/1.1 429 Slow down\r\nRetry-After: 3\r\nContent-Length: 2\r\n\r\n{}",
    "no content": b"HTTP/1.1 204 No Content\r\nX: y\r\n\r\n",
    "bare line feeds": b"HTTP/1.1 200 OK\nX: y\nX: z\nContent-Length: 6\n\na\r\n\r\nb",
    "mixed line ends": b"HTTP/1.1 200 OK\r\nX: y\nContent-Length: 6\n\r\na\r\n\r\nb",
    "line ends before": b"\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "surplus": HEAD + b"Content-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison",
    "surplus of chunks": CHUNKED + b"2\r\n{}\r\n0\r\n\r\nHTTP/1.1 2",
    "closing": HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\n{}",
    "two lengths": HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "interim end": b"HTTP/1.1 103 Hints\r\nConnection: close\r\nContent-Length: 7\r\n\r\n"
    b"HTTP/1.1 103 Hints\r\nTransfer-Encoding: chunked\r\n\r\n" + HEAD + b"Content-Length: 2\r\n\r\n{}",
    "old interim answer": b"HTTP/1.0 100 Continue\r\n\r\n" + HEAD + b"Content-Length: 2\r\n\r\n{}",
    "length behind chunks": CHUNKED + b"2\r\n{}\r\n0\r\nContent-Length: 7\r\n\r\n",
    "third length": HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"2\r\n{}\r\n0\r\nContent-Length: 2\r\n\r\n",
    "no length behind chunks": CHUNKED + b"2\r\n{}\r\n0\r\nContent-Length: x\r\n\r\n",
    "two lengths behind chunks": CHUNKED + b"2\r\n{}\r\n0\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
    "cut": HEAD + b"Content-Length: 20\r\n\r\n{}",
    "garbage": b"SSH-2.0-OpenSSH_9.2\r\n",
    "garbage within": CHUNKED + b"2\r\n{}\r\nxyz\r\n",
}


class Outcome(NamedTuple):
    """What became of a connection's bytes, up to its end."""

    status: int
    fields: dict[str, str]
    body: bytes
    complete: bool
    keep: bool
    garbled: bool


def outcome(*pieces: bytes) -> Outcome:
    parser, body, garbled = AnswerParser(), b"", False
    try:
        for piece in pieces:
            parser.feed(piece)
            body += parser.take()
    except Garbled:
        garbled = True
        body += parser.take()
    closed = parser.end()
    keep = parser.complete and parser.keep and not garbled
    assert closed is parser.complete
    return Outcome(parser.status, dict(parser.headers), body, closed and not garbled, keep, garbled)


@pytest.mark.parametrize("data", SAMPLES.values(), ids=SAMPLES)
def test_it_does_not_matter_where_the_bytes_are_cut(data: bytes):
    whole = outcome(data)
    for at in range(1, len(data)):
        assert outcome(data[:at], data[at:]) == whole, (data[:at], data[at:])
    assert outcome(*(data[at : at + 1] for at in range(len(data)))) == whole


@given(st.sampled_from(list(SAMPLES.values())), st.data())
def test_nor_into_how_many_pieces(data: bytes, draw: st.DataObject):
    cuts = sorted(draw.draw(st.sets(st.integers(1, len(data) - 1), max_size=8)))
    edges = [0, *cuts, len(data)]
    assert outcome(*(data[a:b] for a, b in pairwise(edges))) == outcome(data)


def test_what_the_samples_say():
    """So that the laws above are about something."""
    read = {name: outcome(data) for name, data in SAMPLES.items()}
    assert read["by length"] == Outcome(
        200, {"content-type": "application/json", "content-length": "9"}, b"{'a': 12}", True, True, False
    )
    assert read["proper chunks"].body == b"data: 0123\n"
    assert read["proper chunks"].fields == {"transfer-encoding": "chunked"}, "trailers are nobody's business"
    assert read["until it closes"][2:] == (b"{'a': 12}", True, False, False)
    assert read["interim answers"].fields == {"retry-after": "3", "content-length": "2"}
    assert read["bare line feeds"] == Outcome(
        200, {"x": "y, z", "content-length": "6"}, b"a\r\n\r\nb", True, True, False
    )
    assert read["mixed line ends"].body == b"a\r\n\r\nb"
    for name in ("surplus", "surplus of chunks", "closing", "two lengths"):
        assert read[name][2:] == (b"{}", True, False, False), name
    for name in ("interim end", "old interim answer", "third length", "no length behind chunks"):
        assert read[name][2:] == (b"{}", True, False, False), name
    assert read["two lengths behind chunks"][2:] == (b"{}", True, False, False)
    assert read["length behind chunks"][2:] == (b"{}", True, True, False), "it frames nothing"
    assert read["cut"][2:] == (b"{}", False, False, False)
    assert read["garbage within"].garbled


@given(st.binary(max_size=400))
def test_garbage_is_garbled_or_not_over_yet(data: bytes):
    found = outcome(data)
    assert found.garbled or not found.status


@given(st.sampled_from(list(SAMPLES.values())), st.data())
def test_a_broken_answer_raises_nothing_but_garbled(data: bytes, draw: st.DataObject):
    broken = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 4))):
        broken[draw.draw(st.integers(0, len(broken) - 1))] = draw.draw(st.integers(0, 255))
    outcome(bytes(broken))


class Fields:
    """The header fields as llhttp tells them."""

    def __init__(self) -> None:
        self.pairs: list[tuple[bytes, bytes]] = []
        self.over = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.over:
            self.pairs.append((name, value))

    def on_headers_complete(self) -> None:
        self.over = True


NAMES = st.text("abAB-x1_!", min_size=1, max_size=4).map(str.encode)
VALUES = st.text('abC \t:;,"\\=1\xe9', max_size=8).map(lambda value: value.encode("latin-1"))
LINE_ENDS = st.sampled_from([b"\r\n", b"\n"])


@settings(max_examples=400)
@given(st.lists(st.tuples(NAMES, VALUES, LINE_ENDS), max_size=6), LINE_ENDS)
def test_fields_are_found_as_the_parser_tells_them(lines: list[tuple[bytes, bytes, bytes]], last: bytes):
    """The head is cut by our own rule, so it must be llhttp's."""
    head = b"HTTP/1.1 200 OK" + last + b"".join(b"%s:%s%s" % line for line in lines) + last
    told = Fields()
    parser = HttpResponseParser(told)
    parser.set_dangerous_leniencies(lenient_optional_cr_before_lf=True)
    parser.feed_data(head)
    expected: dict[str, str] = {}
    for name, value in told.pairs:
        key, text = name.decode().lower(), value.strip(b" \t").decode("latin-1")
        expected[key] = f"{expected[key]}, {text}" if key in expected else text
    read = AnswerParser()
    read.feed(head + b"body: x\r\n\r\n")
    assert dict(read.headers) == expected
    assert {name: read.headers[name.upper()] for name in expected} == expected
    assert read.take() == b"body: x\r\n\r\n"


@pytest.mark.parametrize("size", [HEAD_LIMIT - 100, HEAD_LIMIT + 1])
@pytest.mark.parametrize("step", [1000, 1 << 20])
def test_a_heads_size_is_bounded_however_it_comes(size: int, step: int):
    data = HEAD + b"X: " + b"x" * size + b"\r\nContent-Length: 2\r\n\r\n{}"
    found = outcome(*(data[at : at + step] for at in range(0, len(data), step)))
    assert found.garbled is (size > HEAD_LIMIT)
    assert found.status == (200 if size < HEAD_LIMIT else 0)


def test_the_number_of_fields_is_bounded():
    def fields(number: int) -> Outcome:
        return outcome(HEAD + b"a: b\r\n" * (number - 1) + b"Content-Length: 0\r\n\r\n")

    assert fields(FIELDS - 1).complete
    assert fields(FIELDS + 1).garbled


def fed(parser: AnswerParser, data: bytes, times: int) -> None:
    for _ in range(times):
        parser.feed(data)


@pytest.mark.parametrize("endless", [b"HTTP/1.1 103 X\r\n\r\n", b"\r\n"])
def test_what_comes_before_a_head_is_bounded(endless: bytes):
    with pytest.raises(Garbled):
        fed(AnswerParser(), endless, HEAD_LIMIT)


def test_trailers_are_bounded():
    parser = AnswerParser()
    parser.feed(CHUNKED + b"2\r\n{}\r\n0\r\n")
    with pytest.raises(Garbled):
        fed(parser, b"X: y\r\n", HEAD_LIMIT)


@pytest.mark.parametrize("trailer", [b"connection: close", b"transfer-encoding: x"])
def test_a_connection_that_a_trailer_ends_carries_no_other_answer(trailer: bytes):
    parser = AnswerParser()
    parser.feed(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n" + trailer + b"\r\n\r\n"
    )
    assert (parser.take(), parser.complete, parser.keep) == (b"ok", True, False)


def test_interim_answers_are_few():
    early, answer = b"HTTP/1.1 103 X\r\nA: b\r\n\r\n", HEAD + b"Content-Length: 0\r\n\r\n"
    assert outcome(early * EARLY + answer).complete
    assert outcome(early * (EARLY + 1) + answer).garbled


def test_a_long_stream_of_small_pieces_is_not_taken_for_a_long_head():
    parser = AnswerParser()
    parser.feed(CHUNKED)
    for _ in range(HEAD_LIMIT // 4):
        parser.feed(b"1\r\n")
        parser.feed(b"x\r\n")
        assert parser.take() == b"x"
    parser.feed(b"0\r\n\r\n")
    assert parser.complete


def test_answers_come_one_after_the_other():
    parser = AnswerParser()
    for body in (b"{}", b"[]"):
        parser.begin()
        assert not parser.has_head
        parser.feed(HEAD + b"Content-Length: 2\r\n\r\n" + body)
        assert (parser.take(), parser.complete, parser.keep) == (body, True, True)


@pytest.mark.parametrize(
    "next_one",
    [HEAD + b"Content-Length: 2\r\n\r\n{}", CHUNKED + b"2\r\n{}\r\n0\r\n\r\n", HEAD + b"\r\n{}"],
    ids=["by length", "by chunks", "until it closes"],
)
@pytest.mark.parametrize(
    "trailer", [b"Content-Length: 7", b"Transfer-Encoding: chunked", b"Content-Length: 18446744073709551615"]
)
def test_a_trailer_frames_neither_its_answer_nor_the_next(trailer: bytes, next_one: bytes):
    """RFC 9110 §6.5.1."""
    parser = AnswerParser()
    parser.feed(CHUNKED + b"2\r\nok\r\n0\r\n" + trailer + b"\r\n\r\n")
    assert (parser.take(), parser.complete, parser.keep) == (b"ok", True, True)
    parser.begin()
    parser.feed(next_one)
    assert (parser.take(), parser.end()) == (b"{}", True)


def test_what_an_interim_answer_said_of_the_connection_is_not_said_of_the_next_answer():
    """Of its own answer it is: the connection ends behind it (RFC 9112 §9.6)."""
    parser, answer = AnswerParser(), HEAD + b"Content-Length: 2\r\n\r\n{}"
    early = b"HTTP/1.1 103 Hints\r\n%b\r\n"
    kept = []
    for interim in (
        early % b"Connection: close\r\n",
        b"",
        early % b"",
        early % b"Connection: close\r\n" + early % b"",
    ):
        parser.begin()
        parser.feed(interim + answer)
        assert (parser.take(), parser.complete) == (b"{}", True)
        kept.append(parser.keep)
    assert kept == [False, True, True, False]


def test_the_reference_parser_refuses_what_ours_does():
    """Names with blanks, folded lines: their places in a head would be a matter of taste."""
    for line in (b"X : y\r\n", b" X: y\r\n", b"X: y\r\n z\r\n", b"X\r\n", b"X: \x00\r\n"):
        with pytest.raises(HttpParserError):
            HttpResponseParser(Fields()).feed_data(HEAD + line + b"\r\n")
        assert outcome(HEAD + line + b"\r\n").garbled
