"""What a caller writes that no provider would is the caller's to mend, or passed over: never a bug of ours.

The messages are such as the door takes: valid JSON, with members that only one provider's answers have.
"""

import json
from typing import Any

import pytest

from switch_grpc.faults import Fault, Kind
from switch_grpc.openai_wire import decode_chat_request
from switch_grpc.providers.dialects.base import Binding
from switch_grpc.providers.vendors import VENDORS, dialects_of
from switch_grpc.request import Head, MessageBody, Operation
from tests.support.conformance import PDF, called, result, user
from tests.support.conformance import call as calling

CLAUDE = "anthropic.claude-sonnet-4-5-20250929-v1:0"


def sent(provider: str, model: str, messages: list[Any], **more: Any) -> dict[str, Any]:
    data = json.dumps({"model": "lite", "messages": messages, **more}).replace('"HUGE"', "1e400").encode()
    binding = Binding(target="a", provider=provider, model=model, base_url="https://x/v1", region="us-east-1")
    dialect = dialects_of(VENDORS[provider])[Operation.CHAT]
    head = Head(operation=Operation.CHAT, route="lite")
    (wire,) = dialect.encode(head, MessageBody(decode_chat_request(data)), binding)
    body: dict[str, Any] = json.loads(wire.body)
    return body


def test_blocks_of_converse_are_objects() -> None:
    message = {"role": "assistant", "content": "b", "converse_blocks": [1]}
    with pytest.raises(Fault, match=r"messages\[1\]\.converse_blocks") as caught:
        sent("bedrock", CLAUDE, [user(), message, user()])
    assert caught.value.kind is Kind.BAD_REQUEST


def test_an_answer_that_begins_with_blocks_of_converse_began_without_thinking() -> None:
    block = {"toolUse": {"toolUseId": "t", "name": "s", "type": "server_tool_use", "input": {}}}
    asked = {**called(calling("call_1")), "converse_blocks": [block]}
    body = sent(
        "bedrock",
        CLAUDE,
        [user(), asked, result("call_1")],
        reasoning_effort="low",
        max_completion_tokens=8000,
    )
    assert "thinking" not in body["additionalModelRequestFields"]
    assert body["messages"][1]["content"][0] == block


@pytest.mark.parametrize("part", [{"functionCall": None}, {"functionCall": 5}, {"text": None}])
def test_parts_of_gemini_that_call_nothing_go_back_as_they_came(part: dict[str, Any]) -> None:
    kept = {"role": "assistant", "content": "", "extra_content": {"google": {"parts": [part]}}}
    assert sent("gemini", "gemini-3-pro", [user(), kept, user()])["contents"][1]["parts"] == [part]


def test_a_number_past_all_bounds_beside_a_message_is_passed_over() -> None:
    kept = {"role": "assistant", "content": "b", "extra_content": {"google": {"parts": "HUGE"}}}
    assert sent("gemini", "gemini-3-pro", [user(), kept, user()])["contents"][1]["parts"] == [{"text": "b"}]


@pytest.mark.parametrize(("provider", "model"), [("anthropic", "claude-opus-4-8"), ("bedrock", CLAUDE)])
def test_a_number_past_all_bounds_in_a_schema_that_binds_is_refused(provider: str, model: str) -> None:
    schema = {"type": "object", "properties": {"age": {"type": "integer", "minimum": "HUGE"}}}
    form = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema, "strict": True}}
    with pytest.raises(Fault, match="a number that is out of range") as caught:
        sent(provider, model, [user()], response_format=form)
    assert caught.value.kind is Kind.CAPABILITY


def test_documents_of_one_name_are_told_apart_however_many_they_are() -> None:
    data = f"data:application/pdf;base64,{PDF}"
    files = [{"type": "file", "file": {"filename": "a.pdf", "file_data": data}} for _ in range(50)]
    files.insert(1, {"type": "file", "file": {"filename": "a 2.pdf", "file_data": data}})
    blocks = sent("bedrock", CLAUDE, [user(files)])["messages"][0]["content"]
    names = [block["document"]["name"] for block in blocks if "document" in block]
    assert names[:4] == ["a", "a 2", "a 3", "a 4"]
    assert len(set(names)) == 51
