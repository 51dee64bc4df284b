"""No input may raise anything but Fault, and the kind says whose fault it is."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from switch_grpc import openai_wire
from switch_grpc.faults import Fault, Kind
from switch_grpc.openai_wire.chat_request import KNOWN
from tests.support.json_values import exact
from tests.support.openai_bodies import CHUNK, EVERYTHING, RESPONSE

CALLERS = [
    openai_wire.decode_chat_request,
    openai_wire.decode_completion_request,
    openai_wire.decode_embed_request,
]
PROVIDERS = [
    openai_wire.decode_chat_response,
    openai_wire.decode_chat_chunk,
    openai_wire.decode_completion_response,
    openai_wire.decode_completion_chunk,
    openai_wire.decode_embed_response,
]
FUZZ = settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])

# Every type of value, and those at the edge of what a field can hold.
VALUES = st.sampled_from(
    [
        *(None, True, 0, -1, 5.0, 0.5, 1 << 31, 1 << 63, 10**30, 1e300, "", "x", "auto", "é\n\x00"),
        *([], [None], [1], ["a"], [[1]], [{}], {}, {"": 1}),
        *({"type": "text"}, {"type": "function"}, {"type": None}),
    ]
)


def read(decoders, data: bytes) -> None:
    kinds = (Kind.BAD_REQUEST, Kind.INVALID_JSON) if decoders is CALLERS else (Kind.UPSTREAM_PROTOCOL,)
    for decode in decoders:
        fault = fault_of(decode, data)
        assert fault is None or (fault.kind in kinds and fault.message)


def fault_of(decode, data: bytes) -> Fault | None:
    try:
        decode(data)
    except Fault as fault:
        return fault
    return None


def read_all(data: bytes) -> None:
    read(CALLERS, data)
    read(PROVIDERS, data)


@FUZZ
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes(data):
    read_all(data)


@FUZZ
@given(st.data())
def test_a_good_body_with_bytes_changed(data):
    body = bytearray(json.dumps(data.draw(st.sampled_from([EVERYTHING, RESPONSE, CHUNK]))).encode())
    for at in data.draw(st.lists(st.integers(0, len(body) - 1), min_size=1, max_size=3)):
        body[at] = data.draw(st.sampled_from(list(b'{}[]",:0\\x\xff\x00')))
    read_all(bytes(body))


@pytest.mark.parametrize("body", [EVERYTHING, RESPONSE, CHUNK])
def test_a_good_body_cut_short(body):
    text = json.dumps(body).encode()
    for end in range(0, len(text), 7):
        read_all(text[:end])


@FUZZ
@given(st.dictionaries(st.sampled_from(sorted(KNOWN)), VALUES, max_size=6))
def test_any_value_in_any_parameter(members):
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "prompt": "x", "input": "x"}
    read_all(json.dumps(body | members).encode())


def places(value, path=()):
    """The path of every value inside `value`."""
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield (*path, key)
            yield from places(value[key], (*path, key))


@FUZZ
@given(st.data())
def test_any_value_in_any_place(data):
    """Also: whatever is read can be written, and what was written is read as the same."""
    source, decode, encode = data.draw(
        st.sampled_from(
            [
                ({"model": "m", **EVERYTHING}, openai_wire.decode_chat_request, encode_request),
                (RESPONSE, openai_wire.decode_chat_response, openai_wire.encode_chat_response),
                (CHUNK, openai_wire.decode_chat_chunk, openai_wire.encode_chat_chunk),
            ]
        )
    )
    body = json.loads(json.dumps(source))
    *path, last = data.draw(st.sampled_from(list(places(body))))
    inside = body
    for key in path:
        inside = inside[key]
    inside[last] = data.draw(VALUES)
    text = json.dumps(body).encode()
    read_all(text)
    try:
        written = encode(decode(text))
    except Fault:
        return
    assert exact(encode(decode(written))) == exact(written)


def encode_request(request):
    return openai_wire.encode_chat_request(request, model=request.route, stream=False, defaults={}, params={})
