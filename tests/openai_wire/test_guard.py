import contextlib
import json
import time

import pytest

from http_facade.openai_json import read_request
from switch_grpc.faults import Fault, Kind
from switch_grpc.openai_wire import decode_chat_request, decode_chat_response
from switch_grpc.openai_wire.guard import MAX_MEMBERS, Excess, check_members, check_raw, open_body, open_reply
from switch_grpc.request import Operation

pytestmark = pytest.mark.timing

START = b'{"model":"m","messages":[{"role":"user","content":"x"}],"z":'


def refusal(data: bytes) -> Fault:
    with pytest.raises(Fault) as caught:
        decode_chat_request(data)
    return caught.value


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"{", "not JSON"),
        (START, "truncated"),
        (START + b"NaN}", "not JSON"),
        (START + b"-Infinity}", "not JSON"),
        (START + b"01}", "not JSON"),
        (START + b'"\\ud800"}', "surrogate"),
        (START + b'"\\udc00\\ud800"}', "surrogate"),
        (START + b'{"\\ud800":1}}', "surrogate"),
        (START + b'"\xff"}', "UTF-8"),
        (b'{"\xff":1}', "UTF-8"),
        (b"\xef\xbb\xbf" + START + b"1}", "byte 0"),
        (START + b"1}}", "trailing"),
        ("{}".encode("utf-16"), "UTF-8"),
    ],
)
def test_what_is_not_json_is_refused_as_such(data, says):
    fault = refusal(data)
    assert (fault.kind, fault.http) == (Kind.INVALID_JSON, 400)
    assert says in fault.message


@pytest.mark.parametrize("data", [b"null", b"[]", b'"x"', b"5", b"[" * 100_000])
def test_a_body_is_an_object(data):
    assert refusal(data).kind is Kind.BAD_REQUEST
    assert "not a JSON object" in refusal(data).message


def test_an_object_may_nest_64_levels_and_no_more():
    deepest = START + b"[" * 63 + b"]" * 63 + b"}"
    assert decode_chat_request(deepest).extra_json
    fault = refusal(START + b"[" * 64 + b"]" * 64 + b"}")
    assert (fault.kind, fault.param) == (Kind.BAD_REQUEST, "z")
    assert "deeper than 64" in fault.message


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":'])
def test_depth_beyond_any_stack_is_refused_and_not_an_error(opening):
    fault = refusal(START + opening * 90_000)
    assert fault.kind is Kind.BAD_REQUEST
    assert "deeper than 64" in fault.message or "members" in fault.message


@pytest.mark.parametrize(
    "decode", [decode_chat_request, decode_chat_response, lambda data: read_request(Operation.CHAT, data)]
)
def test_depth_at_the_edge_of_the_stack_is_refused_and_not_an_error(decode):
    """What the first look still bears may be too deep for the second, a few calls further down."""
    for depth in range(800, 1000):
        deep = b"[" * depth + b"]" * depth
        for member in (b'"response_format"', b'"choices"', b'"messages"', b'"metadata"'):
            with contextlib.suppress(Fault):
                decode(b'{"model":"m",%s:{"type":%s},"z":[{"a":1}]}' % (member, deep))
                decode(b'{"model":"m",%s:[{"role":%s}]}' % (member, deep))


def test_a_long_name_is_not_echoed_whole():
    fault = refusal(b'{"model":"m","messages":[{"role":"user"}],"%s":%s}' % (b"n" * 9000, b"1" * 2000))
    assert len(fault.message) < 200


def test_brackets_inside_strings_are_not_depth():
    text = json.dumps("[" * 500 + '\\"' + "{" * 500).encode()
    assert decode_chat_request(START + text + b"}").extra_json


def test_mixed_brackets_count_one_level_each():
    with pytest.raises(Excess):
        check_raw(b'{"a":[' * 33 + b"]}" * 33)
    check_raw(b'{"a":[' * 32 + b"]}" * 32)


def test_a_number_has_at_most_1000_digits():
    assert decode_chat_request(START + b"1" * 1000 + b"}").extra_json
    assert decode_chat_request(START + b'"' + b"1" * 5000 + b'"}').extra_json
    fault = refusal(START + b"1" * 1001 + b"}")
    assert (fault.kind, fault.param) == (Kind.BAD_REQUEST, "z")
    assert "1000 digits" in fault.message


def test_a_5000_digit_number_in_a_known_field_names_the_field():
    fault = refusal(START + b'1,"max_tokens":' + b"7" * 5000 + b"}")
    assert (fault.kind, fault.param) == (Kind.BAD_REQUEST, "max_tokens")


def test_a_body_has_at_most_100000_members():
    within = START + b"[" + b"1," * (MAX_MEMBERS - 20) + b"1]}"
    assert decode_chat_request(within).extra_json
    assert "members" in refusal(START + b"[" + b"1," * MAX_MEMBERS + b"1]}").message
    assert "members" in refusal(START + b"[" + b'"",' * 2 * MAX_MEMBERS + b"1]}").message


def test_punctuation_inside_strings_is_no_member():
    check_members(b'{"a":"' + b'[{,\\",' * 50_000 + b'"}')


@pytest.mark.parametrize(
    "members",
    [
        '"model":"m","model":"m"',
        '"model":"m", "messages" : [], "model":"n"',
        '"model":"m","mod\\u0065l":"n"',
        '"\\u006Dodel":"m","model":"n"',
        '"x":"model","model":"m","y":{"model":1},"model":"n"',
    ],
)
def test_two_models_are_refused(members):
    """Two readers of one body must never see two routes."""
    fault = refusal(b"{" + members.encode() + b"}")
    assert (fault.kind, fault.param) == (Kind.BAD_REQUEST, "model")
    assert "twice" in fault.message


@pytest.mark.parametrize(
    "body",
    [
        '{"model":"m","x":{"model":1},"y":"model","z":["model","model"]}',
        '{  "model" : "m" ,\n\n "x":"\\u006dodel",   "y" : {"model" : {"model": "model"}}   }',
        '{"x":{"model":1},"x":{"model":2},"model":"m"}',
    ],
)
def test_other_mentions_of_model_are_fine(body):
    assert bytes(open_body(body.encode())["model"]) == b'"m"'


@pytest.mark.parametrize("data", [b"", b"[]", b"<html>", b'{"a":', b'{"a":"\xff"}', b'{"a":' * 100_000])
def test_a_reply_that_is_no_object_is_the_providers_fault(data):
    with pytest.raises(Fault) as caught:
        open_reply(data)
    assert caught.value.kind is Kind.UPSTREAM_PROTOCOL


@pytest.mark.parametrize(
    "unit", [b"[", b'{"a":', b'"",', b"1,", b"{},", b'\\"', b"\\\\", b'"', b"9", b" ", b"\x00"]
)
def test_cost_is_linear_in_the_length(unit):
    """Four times the input takes far less than sixteen times the time."""

    def seconds(length: int) -> float:
        data = START + b"[" + unit * (length // len(unit))
        took = []
        for _ in range(5):
            begun = time.perf_counter()
            with pytest.raises(Fault):
                decode_chat_request(data)
            took.append(time.perf_counter() - begun)
        return min(took)

    assert seconds(1 << 20) < 12 * seconds(1 << 18) + 0.005
