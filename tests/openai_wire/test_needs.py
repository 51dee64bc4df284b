import pytest

from switch_grpc.openai_wire import head_of
from switch_grpc.request import Head, Need, Operation
from switch_grpc.v1 import chat_pb2, completion_pb2, embedding_pb2


def needs(**fields) -> Need:
    return head_of(chat_pb2.ChatRequest(route="m", **fields), stream=False).needs


def with_part(**part):
    return {"messages": [{"role": chat_pb2.ROLE_USER, "parts": [{"text": "x"}, part]}]}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, Need.NONE),
        (with_part(text="y"), Need.NONE),
        (with_part(image_url={"url": "u"}), Need.VISION),
        (with_part(input_audio={"data": "AA=="}), Need.AUDIO),
        (with_part(file={"file_id": "f"}), Need.DOCUMENTS),
        ({"audio": {"format": "mp3"}}, Need.AUDIO),
        ({"modalities": ["text", "audio"]}, Need.AUDIO),
        ({"tools": [{"function": {"name": "f"}}]}, Need.TOOLS),
        ({"functions_json": "[{}]"}, Need.TOOLS),
        ({"response_format": {"json_schema": {"name": "n"}}}, Need.JSON_SCHEMA),
        ({"response_format": {"json_object": {}}}, Need.NONE),
        ({"tools": [{"function": {}}], **with_part(image_url={})}, Need.TOOLS | Need.VISION),
    ],
)
def test_needs_follow_from_the_content(fields, expected):
    assert needs(**fields) == expected


def test_a_head_says_who_what_and_how_large():
    request = chat_pb2.ChatRequest(route="lite", user="u")
    assert head_of(request, stream=True) == Head(
        operation=Operation.CHAT, route="lite", stream=True, size=request.ByteSize(), user="u"
    )
    assert head_of(completion_pb2.CompletionRequest(route="m"), False).operation is Operation.COMPLETE
    assert head_of(embedding_pb2.EmbedRequest(route="m"), False).operation is Operation.EMBED


def test_a_session_may_be_named_by_the_user_or_in_the_metadata():
    head = head_of(chat_pb2.ChatRequest(metadata={"session_id": "s"}, user="u"), False)
    assert (head.user, head.session_id) == ("u", "s")
    head = head_of(chat_pb2.ChatRequest(metadata={"session_id": ""}), False)
    assert (head.user, head.session_id) == (None, None)
