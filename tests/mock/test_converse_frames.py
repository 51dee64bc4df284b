"""Frames that the mock writes, as botocore reads them."""

from itertools import pairwise

import pytest
from botocore.eventstream import ChecksumMismatch, EventStreamBuffer

from switch_grpc.mock.converse import WIRE
from switch_grpc.mock.converse_frames import event_headers, frame, long_frame


def read(data: bytes) -> list[tuple[dict[str, str], bytes]]:
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    return [(message.headers, message.payload) for message in buffer]


def test_botocore_reads_a_frame_back():
    headers = {
        ":event-type": "messageStart",
        ":content-type": "application/json",
        ":message-type": "event",
    }
    payload = '{"ä":"✓"}'.encode()
    assert read(frame(event_headers("messageStart"), payload) * 2) == [(headers, payload)] * 2


def test_an_exception_has_its_own_kind_of_header():
    ((headers, _),) = read(frame(event_headers("throttlingException"), b"{}"))
    assert (headers[":message-type"], headers[":exception-type"]) == ("exception", "throttlingException")


def test_a_frame_in_parts_is_the_same_frame():
    headers = event_headers("metadata")
    parts = [b'{"a":"', b"m" * 1000, b'"}']
    assert b"".join(long_frame(headers, parts, 1008)) == frame(headers, b"".join(parts))


def test_a_huge_event_is_one_valid_frame_held_in_parts():
    parts = list(WIRE.huge_event(2**20))
    assert max(map(len, parts)) == 65536
    ((_, payload),) = read(b"".join(parts))
    assert len(payload) > 2**20


def test_a_broken_event_is_a_good_frame_and_an_unframed_one_is_not():
    ((_, payload),) = read(WIRE.broken)
    assert not payload.endswith(b"}")
    with pytest.raises(ChecksumMismatch):
        read(WIRE.unframed)


def test_no_part_of_a_frame_is_a_frame():
    """A stream that is cut anywhere inside shows it."""
    whole = frame(event_headers("messageStop"), b'{"stopReason":"end_turn"}')
    for start, end in pairwise(range(0, len(whole), 7)):
        assert read(whole[:end]) == [], start
