"""Laws of the event stream parser, against a slow reference written from the standard."""

import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from switch_grpc.faults import Fault, Kind
from switch_grpc.providers.dialects.base import STREAM_LIMIT, Event
from switch_grpc.providers.framing.sse import EVENT_LIMIT, LINE_LIMIT, ServerSentEvents


def reference(stream: bytes) -> list[Event]:
    """The whole stream at once, a byte at a time, in the standard's own words."""
    stream = stream.removeprefix(b"\xef\xbb\xbf")
    lines, line, i = [], bytearray(), 0
    while i < len(stream):
        if stream[i] in b"\r\n":
            lines.append(bytes(line))
            line.clear()
            i += 2 if stream[i : i + 2] == b"\r\n" else 1
        else:
            line.append(stream[i])
            i += 1
    events, data, kind = [], bytearray(), ""
    for whole in lines:
        if whole == b"":
            if data:
                events.append(Event(kind, bytes(data[:-1])))
            data.clear()
            kind = ""
        elif b":" in whole:
            name, value = whole.split(b":", 1)
            value = value[1:] if value.startswith(b" ") else value
            if name == b"data":
                data += value + b"\n"
            elif name == b"event":
                kind = value.decode("utf-8", "replace")
        elif whole == b"data":
            data += b"\n"
        elif whole == b"event":
            kind = ""
    return events


def parse(*reads: bytes) -> list[Event]:
    framing = ServerSentEvents()
    return [event for read in reads for event in framing.feed(read)]


LINES = st.sampled_from(
    [
        *(b"data: {}", b'data: {"a":1}', b"data:x", b"data", b"data: ", b"data:  two", b"data: :"),
        *(b"event: error", b"event:", b"event", b": comment", b":", b"id: 7", b"retry: 10"),
        *(b"datax: 1", b" data: 1", b"", b"", b"", b"data: \xff\x00", b"data: \xe2\x82\xac"),
        b"\xef\xbb\xbfdata: bom",
    ]
)
ENDS = st.sampled_from([b"\n", b"\n", b"\n\n", b"\r\n", b"\r\n\r\n", b"\r", b"\r\r", b"\n\r", b""])
STREAMS = st.lists(st.tuples(LINES, ENDS), max_size=12).map(
    lambda parts: b"".join(line + end for line, end in parts)
)


@settings(max_examples=600)
@given(stream=STREAMS, bom=st.booleans(), seed=st.integers(0, 2**32))
@example(stream=b"data: a\r\n\r\ndata: b\r\r\n\n", bom=True, seed=1)
def test_any_split_of_the_same_bytes_gives_the_same_events(stream: bytes, bom: bool, seed: int) -> None:
    stream = b"\xef\xbb\xbf" * bom + stream
    expected = reference(stream)
    assert parse(stream) == expected
    assert parse(*(stream[i : i + 1] for i in range(len(stream)))) == expected
    rng, reads, at = random.Random(seed), [], 0
    while at < len(stream):
        size = rng.randint(0, 9)
        reads.append(stream[at : at + size])
        at += size
    assert parse(*reads) == expected


@settings(max_examples=300)
@given(stream=st.binary(max_size=200), cut=st.integers(0, 200))
def test_arbitrary_bytes_parse_as_the_standard_says(stream: bytes, cut: int) -> None:
    assert parse(stream[:cut], stream[cut:]) == reference(stream)


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: {}\n\n", [Event("", b"{}")]),
        (b"data: 1\n\ndata: 2\n\n", [Event("", b"1"), Event("", b"2")]),
        (b"data: a\ndata: b\n\n", [Event("", b"a\nb")]),
        (b"event: error\ndata: x\n\ndata: y\n\n", [Event("error", b"x"), Event("", b"y")]),
        (b": OPENROUTER PROCESSING\n\n", []),
        (b"event: ping\n\ndata: x\n\n", [Event("", b"x")]),
        (b"data\n\n", [Event("", b"")]),
        (b"data:\n\n", [Event("", b"")]),
        (b"data:  two\n\n", [Event("", b" two")]),
        (b"data: a\r\n\r\n", [Event("", b"a")]),
        (b"data: a\r\r", [Event("", b"a")]),
        (b"\xef\xbb\xbfdata: a\n\n", [Event("", b"a")]),
        (b"data: a\n\n\xef\xbb\xbfdata: b\n\n", [Event("", b"a")]),
        (b"data: unfinished\n", []),
        (b"data: unfinished", []),
        (b"", []),
    ],
)
def test_the_standards_cases(stream: bytes, events: list[Event]) -> None:
    assert parse(stream) == events == reference(stream)


def test_events_of_one_read_come_together() -> None:
    """What arrived together leaves together: one write per read."""
    framing = ServerSentEvents()
    assert framing.feed(b"data: 1\n\ndata: 2\n\ndata: 3") == [Event("", b"1"), Event("", b"2")]
    assert framing.feed(b"\n\n") == [Event("", b"3")]


def test_an_event_is_given_as_soon_as_its_blank_line_is_there() -> None:
    """A CR ends a line at once: waiting for a LF that may follow would hold the event back."""
    framing = ServerSentEvents()
    assert framing.feed(b"data: a\r\n\r") == [Event("", b"a")]
    assert framing.feed(b"\n") == []
    assert framing.feed(b"data: b\n\n") == [Event("", b"b")]


def test_a_line_may_be_as_long_as_the_limit_and_no_longer() -> None:
    value = b"x" * (LINE_LIMIT - len(b"data: "))
    assert parse(b"data: " + value + b"\n\n") == [Event("", value)]
    assert parse(b"data: " + value, b"\n", b"\n") == [Event("", value)]
    for reads in ([b"data: " + value + b"x\n\n"], [b"data: ", value, b"x"]):
        with pytest.raises(Fault, match="a line of more than 1 MiB") as caught:
            parse(*reads)
        assert caught.value.kind is Kind.UPSTREAM_PROTOCOL


def test_a_read_of_many_short_lines_may_be_longer_than_a_line() -> None:
    assert len(parse(b"data: 0123456789\n\n" * 100_000)) == 100_000


def test_an_event_of_many_lines_is_bounded() -> None:
    line = b"data: " + b"x" * 1023 + b"\n"
    fits = EVENT_LIMIT // 1024
    assert len(parse(line * fits, b"\n")[0].data) == EVENT_LIMIT - 1
    with pytest.raises(Fault, match="event of more than 4 MiB"):
        parse(line * (fits + 1))


def test_a_stream_is_bounded_comments_included() -> None:
    framing = ServerSentEvents()
    read = b":" + b"x" * ((1 << 20) - 2) + b"\n"
    for _ in range(STREAM_LIMIT >> 20):
        assert framing.feed(read) == []
    with pytest.raises(Fault, match="a stream of more than 256 MiB"):
        framing.feed(b"\n")


def test_a_long_line_in_small_reads_is_joined_once() -> None:
    """Joining at each read would copy 1 MiB sixteen thousand times: minutes, not milliseconds."""
    framing = ServerSentEvents()
    framing.feed(b"data: ")
    for _ in range(16_000):
        framing.feed(b"x" * 64)
    assert framing.feed(b"\n\n") == [Event("", b"x" * 1_024_000)]
