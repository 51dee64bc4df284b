import json

import pytest

from http_facade.openai_json import read_request
from switch_grpc.faults import Fault, Kind
from switch_grpc.openai_wire import decode_chat_request, head_of
from switch_grpc.request import Head, Need, Operation
from switch_grpc.v1 import completion_pb2, embedding_pb2
from tests.support.openai_bodies import EVERYTHING

USER = {"role": "user", "content": "hi"}


def body(**members) -> bytes:
    return json.dumps({"model": "lite", "messages": [USER], **members}).encode()


def head(**members) -> Head:
    return read_request(Operation.CHAT, body(**members))[0]


def refusal(data: bytes) -> Fault:
    with pytest.raises(Fault) as caught:
        read_request(Operation.CHAT, data)[0]
    return caught.value


def parts(*kinds: str) -> list[object]:
    return [USER, {"role": "user", "content": [{"type": kind, kind: {}} for kind in kinds]}]


def test_a_head_says_who_what_and_how_large():
    data = body(stream=True, user="u")
    assert read_request(Operation.CHAT, data)[0] == Head(
        operation=Operation.CHAT, route="lite", stream=True, size=len(data), user="u"
    )
    for operation in (Operation.COMPLETE, Operation.EMBED):
        plain = b'{"model":"m","prompt":"x","input":"x"}'
        assert read_request(operation, plain)[0] == Head(operation=operation, route="m", size=len(plain))


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({}, Need.NONE),
        ({"tools": [], "functions": None, "modalities": ["text"]}, Need.NONE),
        ({"tools": [{}]}, Need.TOOLS),
        ({"functions": [{}]}, Need.TOOLS),
        ({"messages": parts("text", "image_url")}, Need.VISION),
        ({"messages": parts("input_audio")}, Need.AUDIO),
        ({"messages": parts("file")}, Need.DOCUMENTS),
        ({"messages": [{**USER, "content": '"image_url" and "file"'}]}, Need.NONE),
        ({"messages": [{**USER, "content": [{"type": "text", "text": "image_url"}]}]}, Need.NONE),
        ({"x": {"type": "image_url"}}, Need.NONE),
        ({"audio": {"format": "mp3"}}, Need.AUDIO),
        ({"modalities": ["audio"]}, Need.AUDIO),
        ({"response_format": {"type": "json_schema"}}, Need.JSON_SCHEMA),
        ({"responseFormat": {"type": "json_schema"}}, Need.JSON_SCHEMA),
        ({"response_format": {"type": "json_object"}}, Need.NONE),
        ({"tools": [{}], "messages": parts("image_url", "file")}, Need.TOOLS | Need.VISION | Need.DOCUMENTS),
    ],
)
def test_needs_follow_from_the_content(members, expected):
    assert head(**members).needs == expected


@pytest.mark.parametrize(
    "members",
    [
        *({}, EVERYTHING, {"messages": parts("image_url")}, {"messages": parts("file", "text")}),
        *({"modalities": ["audio"]}, {"metadata": {"session_id": "s"}}, {"user": "", "metadata": {}}),
    ],
)
def test_both_doors_see_one_head(members):
    """The head of JSON, but for its size, is that of the message which it becomes."""
    data = body(
        **json.loads(
            json.dumps(members)
            .replace('"image_url": {}', '"image_url": {"url": "u"}')
            .replace('"text": {}', '"text": ""')
        )
    )
    json_head, message_head = read_request(Operation.CHAT, data)[0], head_of(decode_chat_request(data), False)
    assert (json_head.route, json_head.needs) == (message_head.route, message_head.needs)
    assert (json_head.user, json_head.session_id) == (message_head.user, message_head.session_id)


def test_a_session_may_be_named_by_the_user_or_in_the_metadata():
    found = head(user="u", metadata={"session_id": "s", "x": "y"})
    assert (found.user, found.session_id) == ("u", "s")
    for members in ({}, {"user": 5}, {"user": ""}, {"metadata": {"session_id": 5}}, {"metadata": []}):
        found = head(**members)
        assert (found.user, found.session_id) == (None, None)


@pytest.mark.parametrize(
    ("value", "found"), [("true", "a string"), (1, "a number"), ([], "a list"), ({}, "an object")]
)
def test_stream_is_true_or_false(value, found):
    fault = refusal(body(stream=value))
    assert (fault.kind, fault.param) == (Kind.BAD_REQUEST, "stream")
    assert fault.message == f"stream: found {found}, expected true or false"
    assert head(stream=None).stream is False


@pytest.mark.parametrize("members", [{"model": ""}, {"model": 5}, {"model": None}, {"model": ["lite"]}])
def test_the_model_names_a_route(members):
    assert refusal(body(**members)).param == "model"
    assert refusal(b"{}").message == "model: missing; send the name of a route"


@pytest.mark.parametrize(
    ("value", "found"), [(5, "a number"), (None, "null"), (["lite"], "a list"), (False, "false")]
)
def test_a_model_that_is_no_text_is_told_as_what_it_is(value, found):
    assert refusal(body(model=value)).message == f"model: found {found}, expected a string"


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"\xff", b'{"a":NaN}', b"[" * 100_000, b'{"model":"a","model":"b"}']
)
def test_a_body_that_is_none_is_refused_before_anything_else(data):
    assert refusal(data).kind in (Kind.BAD_REQUEST, Kind.INVALID_JSON)


@pytest.mark.parametrize(
    "members",
    [
        {"messages": 5},
        {"messages": [5]},
        {"messages": [{"content": [5, "image_url"]}]},
        {"messages": [{"content": "image_url"}]},
        {"response_format": "json_schema"},
        {"modalities": "audio"},
        {"tools": 5},
        {"messages": None, "x": ["image_url"]},
    ],
)
def test_what_is_wrong_inside_is_left_to_the_body(members):
    assert head(**members).route == "lite"
    with pytest.raises(Fault):
        read_request(Operation.CHAT, body(**{"messages": [{}], **members}))[1].message()


def test_a_body_converts_once():
    content = read_request(Operation.CHAT, body())[1]
    assert content.message() is content.message()
    assert content.message() == decode_chat_request(body())


def test_what_is_wrong_with_a_body_is_said_each_time():
    content = read_request(Operation.CHAT, body(temperature="hot"))[1]
    for _ in range(2):
        with pytest.raises(Fault) as caught:
            content.message()
        assert caught.value.param == "temperature"


def test_the_operation_decides_what_a_body_is():
    assert isinstance(
        read_request(Operation.COMPLETE, b'{"model":"m","prompt":"x"}')[1].message(),
        completion_pb2.CompletionRequest,
    )
    assert isinstance(
        read_request(Operation.EMBED, b'{"model":"m","input":"x"}')[1].message(), embedding_pb2.EmbedRequest
    )
