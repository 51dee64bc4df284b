import pytest

from switch_client.messages import messages_of
from switch_grpc.v1.chat_pb2 import (
    ROLE_ASSISTANT,
    ROLE_SYSTEM,
    ROLE_TOOL,
    ROLE_USER,
    Audio,
    CustomCall,
    File,
    FunctionCall,
    ImageUrl,
    InputAudio,
    Message,
    Part,
    ToolCall,
)


def test_a_text_is_one_user_message():
    assert messages_of("Hello") == [Message(role=ROLE_USER, content="Hello")]


def test_one_message_or_dict_is_a_conversation_of_one():
    message = Message(role=ROLE_USER, content="Hello")
    assert messages_of(message) == messages_of({"role": "user", "content": "Hello"}) == [message]


def test_messages_and_dicts_mix():
    assert messages_of(
        [{"role": "system", "content": "Be brief."}, Message(role=ROLE_USER, content="Hello")]
    ) == [Message(role=ROLE_SYSTEM, content="Be brief."), Message(role=ROLE_USER, content="Hello")]


def one(**fields: object) -> Message:
    (message,) = messages_of({"role": "user", **fields})
    return message


def test_every_part_of_a_content_has_its_field():
    parts = [
        "plain",
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "data:,", "detail": "low"}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        {"type": "file", "file": {"file_id": "f1", "filename": "a.pdf"}},
        {"type": "refusal", "refusal": "no"},
        Part(text="ready"),
    ]
    assert list(one(content=parts).parts) == [
        Part(text="plain"),
        Part(text="What is this?"),
        Part(image_url=ImageUrl(url="data:,", detail="low")),
        Part(input_audio=InputAudio(data="AAAA", format="wav")),
        Part(file=File(file_id="f1", filename="a.pdf")),
        Part(refusal="no"),
        Part(text="ready"),
    ]


def test_what_has_no_field_is_kept_as_raw_json():
    message = one(content=[{"type": "video", "video": {"n": 2**53 + 1}}], cache=True)
    assert message.parts[0].raw_json == '{"type":"video","video":{"n":9007199254740993}}'
    assert message.extra_json == '{"cache":true}'
    part = one(content=[{"type": "text", "text": "x", "mark": 1, "none": None}]).parts[0]
    assert part == Part(text="x", extra_json='{"mark":1}')


def test_an_answer_with_tool_calls_goes_back_as_it_came():
    answer = {
        "role": "assistant",
        "content": None,
        "refusal": None,
        "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1'}},
            {"id": "2", "type": "custom", "custom": {"name": "sh", "input": "ls"}},
            {"id": "3", "type": "magic", "magic": {}},
        ],
        "audio": {"id": "a1"},
        "annotations": [{"type": "url_citation"}],
        "function_call": {"name": "old", "arguments": "{}"},
        "reasoning_content": "hm",
    }
    assert messages_of(answer) == [
        Message(
            role=ROLE_ASSISTANT,
            tool_calls=[
                ToolCall(id="1", function=FunctionCall(name="add", arguments='{"a": 1')),
                ToolCall(id="2", custom=CustomCall(name="sh", input="ls")),
                ToolCall(raw_json='{"id":"3","type":"magic","magic":{}}'),
            ],
            audio=Audio(id="a1"),
            annotations_json='[{"type":"url_citation"}]',
            function_call=FunctionCall(name="old", arguments="{}"),
            reasoning="hm",
        )
    ]


def test_a_tools_answer_names_its_call():
    message = one(role="tool", tool_call_id="1", content="3")
    assert message == Message(role=ROLE_TOOL, tool_call_id="1", content="3")


def test_a_role_outside_the_contract_keeps_its_text():
    assert one(role="critic").role_text == "critic"


@pytest.mark.parametrize(
    ("messages", "error"),
    [
        (7, "messages: expected a string, a Message, a dict, or a list of Messages and dicts, found int"),
        (b"x", r"messages\[0\]: expected a Message or a dict with role and content, found int"),
        (["x"], r"messages\[0\]: expected a Message or a dict with role and content, found str"),
        ([{"content": "x"}], r"messages\[0\]\.role: required, and missing"),
        ([{"role": 1}], r"messages\[0\]\.role: expected a string, found int"),
        ([{"role": "user", "content": 1}], r"messages\[0\]\.content: expected a string, or a list of parts"),
        ([{"role": "user", "content": {}}], r"messages\[0\]\.content: expected a string, or a list of parts"),
        ([{"role": "user", "content": [1]}], r"messages\[0\]\.content\[0\]: expected a dict, found int"),
        (
            [{"role": "user", "content": [{"type": "image_url"}]}],
            r"content\[0\]\.image_url: required, and missing",
        ),
        (
            [{"role": "user", "content": [{"type": "image_url", "image_url": "http://x"}]}],
            r"content\[0\]\.image_url: expected a dict, found str",
        ),
        (
            [
                {
                    "role": "assistant",
                    "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": {}}}],
                }
            ],
            r"tool_calls\[0\]\.function\.arguments: expected a string, found dict",
        ),
        ([{"role": "user", "x": float("nan")}], r"messages\[0\]: cannot be written as JSON"),
        ([{1: 2}], r"messages\[0\]: expected string keys"),
    ],
)
def test_a_mistake_is_a_type_error_that_names_its_place(messages: object, error: str):
    with pytest.raises(TypeError, match=error):
        messages_of(messages)  # type: ignore[arg-type]
