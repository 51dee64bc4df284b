"""Laws of AWS's event stream framing, with botocore's own reader as the reference."""

import json
import random
import struct
import zlib

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given, settings
from hypothesis import strategies as st

from switch_grpc.faults import Fault, Kind
from switch_grpc.providers.dialects.base import Event
from switch_grpc.providers.framing.eventstream import MESSAGE_LIMIT, EventStream
from tests.support.bedrock import event, frame


def parse(*reads: bytes) -> list[Event]:
    framing = EventStream()
    return [event for read in reads for event in framing.feed(read)]


def reference(stream: bytes) -> list[Event]:
    """What botocore reads from the same bytes."""
    buffer = EventStreamBuffer()
    buffer.add_data(stream)
    return [
        Event(str(m.headers.get(":event-type") or m.headers.get(":exception-type")), m.payload)
        for m in buffer
    ]


MESSAGES = st.lists(
    st.tuples(
        st.sampled_from(["messageStart", "contentBlockDelta", "metadata", "throttlingException"]),
        st.dictionaries(st.text(max_size=5), st.text(max_size=40) | st.integers(), max_size=3),
    ),
    max_size=6,
)


@settings(max_examples=200)
@given(messages=MESSAGES, seed=st.integers(0, 2**32))
def test_any_split_of_the_same_bytes_gives_the_same_events(
    messages: list[tuple[str, dict[str, object]]], seed: int
) -> None:
    stream = b"".join(event(name, payload) for name, payload in messages)
    expected = reference(stream)
    assert [e.type for e in expected] == [name for name, _ in messages]
    assert parse(stream) == expected
    assert parse(*(stream[i : i + 1] for i in range(len(stream)))) == expected
    rng, reads, at = random.Random(seed), [], 0
    while at < len(stream):
        size = rng.randint(0, 90)
        reads.append(stream[at : at + size])
        at += size
    assert parse(*reads) == expected


@settings(max_examples=300)
@given(data=st.binary(max_size=300), cut=st.integers(0, 300))
def test_garbage_raises_only_faults(data: bytes, cut: int) -> None:
    try:
        parse(data[:cut], data[cut:])
    except Fault as fault:
        assert fault.kind is Kind.UPSTREAM_PROTOCOL  # noqa: PT017  # it may also be read


@settings(max_examples=300)
@given(at=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_no_flipped_bit_goes_unnoticed(at: int, bit: int) -> None:
    whole = event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Hello"}})
    flipped = bytearray(whole)
    flipped[at % len(whole)] ^= 1 << bit
    with pytest.raises(Fault, match="broken"):
        parse(bytes(flipped))


def test_a_message_that_never_ends_gives_no_event() -> None:
    assert parse(event("metadata", {})[:-1]) == []


def test_an_unmodelled_error_is_an_event_of_its_own() -> None:
    headers = {":message-type": "error", ":error-code": "InternalError", ":error-message": "An error."}
    (told,) = parse(frame(headers, b""))
    assert told.type == "error"
    assert json.loads(told.data) == {"code": "InternalError", "message": "An error."}


@pytest.mark.parametrize("size", [MESSAGE_LIMIT + 1, 0xFFFFFFFF, 0, 15])
def test_a_size_out_of_bounds_is_refused_before_its_bytes_come(size: int) -> None:
    prelude = struct.pack(">II", size, 0)
    with pytest.raises(Fault, match="broken"):
        parse(prelude + struct.pack(">I", zlib.crc32(prelude)))


def test_headers_of_other_types_are_passed_over() -> None:
    """Booleans, numbers, bytes, a time and a UUID, as the specification has them."""
    more = b"".join(
        [
            *(
                b"\x01a\x00",
                b"\x01b\x01",
                b"\x01c\x02\x7f",
                b"\x01d\x03\x00\x01",
                b"\x01e\x04\x00\x00\x00\x01",
            ),
            *(
                b"\x01f\x05" + bytes(8),
                b"\x01g\x06\x00\x02hi",
                b"\x01h\x08" + bytes(8),
                b"\x01i\x09" + bytes(16),
            ),
            b"\x0b:event-type\x07\x00\x08metadata",
        ]
    )
    prelude = struct.pack(">II", 16 + len(more) + 2, len(more))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + more + b"{}"
    message += struct.pack(">I", zlib.crc32(message))
    assert parse(message) == reference(message) == [Event("metadata", b"{}")]
