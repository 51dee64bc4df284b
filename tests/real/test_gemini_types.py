"""The `google-genai` package judges what we send to Gemini and what we read of its answers.

Requests are validated member by member by its types, which forbid what they do not know; recorded answers are
parsed by its types, and our reading is compared. Needs the package: `pip install google-genai`.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from switch_grpc.faults import Fault, Kind
from switch_grpc.openai_wire import decode_chat_request, fold_chat
from switch_grpc.providers.dialects.base import Binding
from switch_grpc.providers.dialects.gemini import Gemini
from switch_grpc.request import MessageBody
from switch_grpc.v1 import chat_pb2
from tests.support.conformance import FIXTURES, REQUESTS, chunks, head, whole
from tests.support.google_sdk import types
from tests.support.recorded_gemini import events_of
from tests.support.wire_corpus import exchanges, recorded

MODELS = ("gemini-2.0-flash", "gemini-2.5-flash", "gemini-3-pro-preview")
MEMBERS: dict[str, TypeAdapter[Any]] = {
    "contents": TypeAdapter(list[types.Content]),
    "systemInstruction": TypeAdapter(types.Content),
    "tools": TypeAdapter(list[types.Tool]),
    "toolConfig": TypeAdapter(types.ToolConfig),
    "generationConfig": TypeAdapter(types.GenerationConfig),
    "serviceTier": TypeAdapter(types.ServiceTier),
}


def sent(request: chat_pb2.ChatRequest, model: str) -> dict[str, Any] | None:
    """The body; None where the dialect refuses the request by the name of a field."""
    binding = Binding(target="a", provider="gemini", model=model, base_url="https://example.com/v1beta")
    try:
        (wire,) = Gemini().encode(head(stream=False), MessageBody(request), binding)
    except Fault as fault:
        if fault.kind is Kind.CAPABILITY and fault.param:
            return None
        raise
    body: dict[str, Any] = json.loads(wire.body)
    return body


def parsed(document: dict[str, Any]) -> types.GenerateContentResponse:
    document.get("usageMetadata", {}).pop("serviceTier", None)  # which these types do not know yet
    return types.GenerateContentResponse.model_validate(document)


def assert_accepted(body: dict[str, Any]) -> None:
    assert body.keys() <= MEMBERS.keys()
    for name, value in body.items():
        adapter = MEMBERS[name]
        known = adapter.validate_json(json.dumps(value))  # as JSON: bytes are base64 there
        written = adapter.dump_python(known, mode="json", by_alias=True, exclude_unset=True)
        assert same(written, value)


def same(ours: Any, theirs: Any) -> bool:
    """Equal but for base64's two alphabets."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(same(ours[name], theirs[name]) for name in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(ours, str) and isinstance(theirs, str):
        return ours.translate(str.maketrans("-_", "+/")) == theirs.translate(str.maketrans("-_", "+/"))
    return bool(ours == theirs)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", REQUESTS)
def test_every_request_of_the_table_is_one_that_the_types_accept(name: str, model: str) -> None:
    body = sent(decode_chat_request(json.dumps(REQUESTS[name]).encode()), model)
    if body is not None:
        assert_accepted(body)


@recorded
@pytest.mark.parametrize("model", MODELS)
def test_every_recorded_openai_request_is_one_that_the_types_accept(model: str) -> None:
    accepted = 0
    for exchange in exchanges("openai-chat.jsonl"):
        if exchange["request"]:
            body = sent(decode_chat_request(exchange["request"].encode()), model)
            if body is not None:
                assert_accepted(body)
                accepted += 1
    assert accepted >= 150


@pytest.mark.parametrize("path", sorted((FIXTURES / "gemini/replies").glob("*.json")), ids=lambda p: p.name)
def test_our_fixtures_are_answers_to_the_types(path: Path) -> None:
    assert parsed(json.loads(path.read_text())).model_version


@recorded
def test_the_types_read_what_we_read_of_recorded_answers() -> None:
    binding = Binding(target="a", provider="gemini", model="m", base_url="https://example.com/v1beta")
    count = 0
    for exchange in exchanges("gemini.jsonl"):
        document = json.loads(exchange["response"])
        if document.get("candidates"):
            ours = whole(Gemini(), exchange["response"].encode(), binding)
            assert_reads(ours, [parsed(document)])
            count += 1
    for exchange in exchanges("gemini-stream.jsonl"):
        data = exchange["response"].encode()
        ours = fold_chat(chunks(Gemini(), data, binding))
        assert_reads(ours, list(map(parsed, events_of(data))))
        count += 1
    assert count == 166


def assert_reads(ours: chat_pb2.ChatResponse, theirs: list[types.GenerateContentResponse]) -> None:
    (choice,) = ours.choices
    parts = [
        part
        for answer in theirs
        for candidate in answer.candidates or ()
        for part in (candidate.content.parts if candidate.content else None) or ()
    ]
    texts = [part for part in parts if part.text is not None]
    assert choice.message.content == "".join(part.text or "" for part in texts if not part.thought)
    assert choice.message.reasoning == "".join(part.text or "" for part in texts if part.thought)
    calls = [call for answer in theirs for call in answer.function_calls or ()]
    assert [
        (call.function.name, json.loads(call.function.arguments)) for call in choice.message.tool_calls
    ] == [(call.name, call.args or {}) for call in calls]
    usage = theirs[-1].usage_metadata
    assert usage is not None
    assert ours.usage.total_tokens == usage.total_token_count
    spent = (usage.prompt_token_count or 0) + (usage.tool_use_prompt_token_count or 0)
    said = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
    assert (ours.usage.prompt_tokens, ours.usage.completion_tokens) == (spent, said)
    details = ours.usage.prompt_tokens_details
    assert details.cached_tokens == (usage.cached_content_token_count or 0)
    candidates = theirs[-1].candidates
    assert candidates is not None
    reason = candidates[0].finish_reason
    assert reason is not None
    expected = "TOOL_CALLS" if calls else {"STOP": "STOP", "SAFETY": "CONTENT_FILTER"}[reason.value]
    assert chat_pb2.FinishReason.Name(choice.finish_reason) == f"FINISH_REASON_{expected}"
