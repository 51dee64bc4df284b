"""Answers that go back to another vendor than gave them: each gets what it takes, and no more of ours."""

import json
import re
from typing import Any

import pytest
from openai.types.chat import ChatCompletionMessageParam
from pydantic import TypeAdapter

from switch_grpc.openai_wire import decode_chat_request
from switch_grpc.providers.dialects.base import Binding
from switch_grpc.providers.dialects.history import ANYTHING, KNOWN, OPENAIS, Fitter
from switch_grpc.providers.vendors import VENDORS, Vendor, dialect_of
from switch_grpc.request import Head, MessageBody, Operation

COMPATIBLE = [row for row in VENDORS.values() if row.dialect == "openai"]
FITTED = [row for row in COMPATIBLE if row.history is not ANYTHING]
rows = pytest.mark.parametrize("row", FITTED, ids=[row.name for row in FITTED])

# What OpenAI's client makes of an answer of ours, whoever gave it: `message.model_dump()`.
SIGNED = [{"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}]
ANSWER: dict[str, Any] = {
    "role": "assistant",
    "content": "Both:",
    "refusal": None,
    "annotations": [{"type": "url_citation", "url_citation": {"url": "https://example.com", "title": "a"}}],
    "audio": None,
    "function_call": None,
    "reasoning_content": "Hm.",
    "thinking_blocks": SIGNED,
    "content_blocks": [*SIGNED, {"type": "text", "text": "Both:"}],
    "converse_blocks": [{"image": {}}],
    "extra_content": {"google": {"thought_signature": "c2ln"}},
    "reasoning_details": [{"type": "reasoning.text", "text": "Hm.", "signature": "c2ln"}],
    "provider_specific_fields": {"thinking_blocks": SIGNED},
    "executed_tools": [],
    "parsed": None,
    "tool_calls": [
        {
            "id": "functions.get_weather:0:0123456789012345678901234567890",
            "type": "function",
            "function": {"name": "get_weather", "arguments": '{"city": "Oslo"}', "parsed_arguments": None},
            "index": 0,
            "extra_content": {"google": {"thought_signature": "c2ln"}},
            "caller": {"type": "direct"},
        }
    ],
}
RESULT = {"role": "tool", "tool_call_id": ANSWER["tool_calls"][0]["id"], "content": "4", "is_error": False}
MARK = {"type": "ephemeral"}
CONVERSATION: list[dict[str, Any]] = [
    {"role": "system", "content": [{"type": "text", "text": "Be brief.", "cache_control": MARK}]},
    {"role": "user", "content": "How warm is it?"},
    ANSWER,
    RESULT,
    {"role": "assistant", "content": "4 °C", "refusal": None, "tool_calls": None, "audio": None},
    {"role": "user", "content": "Sure?", "cache_control": MARK},
]


def sent(
    row: Vendor, messages: list[dict[str, Any]] = CONVERSATION, **parameters: Any
) -> list[dict[str, Any]]:
    """The messages that the vendor gets."""
    body = {"model": "lite", "messages": messages, **parameters}
    request = decode_chat_request(json.dumps(body).encode())
    before = request.SerializeToString(deterministic=True)
    binding = Binding(target="a", provider=row.name, model="m", base_url=row.base_url or row.base_hint)
    head = Head(operation=Operation.CHAT, route="lite")
    (wire,) = dialect_of(row).encode(head, MessageBody(request), binding)
    assert request.SerializeToString(deterministic=True) == before, "a received message is never changed"
    made: list[dict[str, Any]] = json.loads(wire.body)["messages"]
    return made


def members(value: Any) -> set[str]:
    """The names of all members, wherever."""
    if isinstance(value, list):
        return {name for item in value for name in members(item)}
    if not isinstance(value, dict):
        return set()
    return value.keys() | {name for item in value.values() for name in members(item)}


@rows
def test_a_vendor_gets_of_the_known_members_only_those_that_it_takes(row: Vendor) -> None:
    made = sent(row, reasoning_effort="low")
    taken = row.history.takes or frozenset()
    found = members(made) & KNOWN
    foreign = found - {"name"}  # functions have names too
    assert foreign <= taken
    assert foreign >= (taken & members(CONVERSATION)) - {"name", "refusal", "audio", "function_call"}


@rows
def test_text_calls_and_results_are_the_same_for_everybody(row: Vendor) -> None:
    system, asked, answer, result, second, last = sent(row)
    assert [system["content"][0]["text"], asked["content"], result["content"], second["content"]] == [
        "Be brief.", "How warm is it?", "4", "4 °C",
    ]  # fmt: skip
    assert answer["content"] == "Both:"
    assert last["content"] == "Sure?"
    (call,) = answer["tool_calls"]
    assert call["function"] == {"name": "get_weather", "arguments": '{"city": "Oslo"}'}
    assert "index" not in call
    assert call["id"] == result["tool_call_id"]


@rows
def test_what_says_nothing_is_left_out(row: Vendor) -> None:
    """OpenAI refuses `"tool_calls": null`, Gemini `"refusal": null`, Groq members that it does not know."""
    for message in sent(row):
        assert None not in message.values()
        assert [] not in message.values()


REASONING: dict[str, list[str]] = {
    "deepseek": ["reasoning_content"], "alibaba": ["reasoning_content"], "fireworks": ["reasoning_content"],
    "sglang": ["reasoning_content"], "lmstudio": ["reasoning_content"], "llama.cpp": ["reasoning_content"],
    "vllm": ["reasoning", "reasoning_content"], "runpod": ["reasoning", "reasoning_content"],
    "openrouter": ["reasoning"], "cerebras": ["reasoning"], "ollama": ["reasoning"], "groq": ["reasoning"],
    "mistral": ["content"],
}  # fmt: skip


@rows
@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning_goes_back_under_the_names_that_the_vendor_reads(row: Vendor, name: str) -> None:
    answer = {"role": "assistant", "content": "4", name: "Hm."}
    (_, made) = sent(row, [CONVERSATION[1], answer], reasoning_effort="high")
    assert sorted(key for key, value in made.items() if "Hm." in json.dumps(value)) == REASONING.get(
        row.name, []
    )
    if row.name == "mistral":
        thought = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}
        assert made["content"] == [thought, {"type": "text", "text": "4"}]
    else:
        assert made["content"] == "4"


@pytest.mark.parametrize("name", ["groq", "mistral"])
def test_where_only_some_models_take_reasoning_it_goes_to_those_that_are_asked_for_some(name: str) -> None:
    row = VENDORS[name]
    answer = {"role": "assistant", "content": "4", "reasoning_content": "Hm."}
    assert sent(row, [CONVERSATION[1], answer])[1] == {"role": "assistant", "content": "4"}
    assert sent(row, [CONVERSATION[1], answer], reasoning_effort="none")[1]["content"] == "4"


def test_deepseek_gets_reasoning_beside_every_call() -> None:
    """It answers 400 where that is missing, as in the answers of others."""
    bare = {name: ANSWER[name] for name in ("role", "content", "tool_calls")}
    made = sent(VENDORS["deepseek"], [CONVERSATION[1], bare, RESULT])
    assert made[1]["reasoning_content"] == ""
    assert "reasoning_content" not in made[0] | made[2]


@rows
def test_ids_are_spelt_as_the_vendor_takes_them(row: Vendor) -> None:
    pattern = {"openai": r".{1,40}", "azure": r".{1,40}", "mistral": r"[a-zA-Z0-9]{9}"}.get(row.name)
    (call,) = sent(row)[2]["tool_calls"]
    if pattern:
        assert re.fullmatch(pattern, call["id"])
    else:
        assert call["id"] == RESULT["tool_call_id"]


def test_a_refusal_and_a_voice_are_text_where_there_is_no_place_for_them() -> None:
    said = [
        {"role": "assistant", "content": None, "refusal": "I cannot."},
        {
            "role": "assistant",
            "content": None,
            "audio": {"id": "a", "data": "AAAA", "expires_at": 1, "transcript": "Hi"},
        },
    ]
    asked = CONVERSATION[1]
    strict, own = sent(VENDORS["groq"], [asked, *said]), sent(VENDORS["openai"], [asked, *said])
    assert strict[1:] == [
        {"role": "assistant", "content": "I cannot."},
        {"role": "assistant", "content": "Hi"},
    ]
    assert own[1:] == [{**said[0]}, {"role": "assistant", "content": None, "audio": {"id": "a"}}]


@pytest.mark.parametrize("name", ["openai", "azure"])
def test_openais_own_types_accept_what_openai_gets(name: str) -> None:
    made = sent(VENDORS[name])
    TypeAdapter(list[ChatCompletionMessageParam]).validate_python(made)
    (answer,) = (message for message in made if message.get("tool_calls"))
    assert answer.keys() == {"role", "content", "tool_calls"}
    assert answer["tool_calls"][0].keys() == {"id", "type", "function"}
    own = {"role", "content", "type", "text", "tool_calls", "id", "function", "name", "arguments"}
    assert members(made) <= own | {"tool_call_id"}


@rows
def test_members_that_nobody_is_known_for_pass(row: Vendor) -> None:
    """What is new is the caller's word, and the vendor's to judge."""
    answer = {"role": "assistant", "content": "4", "phase": "final", "none": None, "thinking_blocks": SIGNED}
    made = sent(row, [CONVERSATION[1], answer])[1]
    assert (made["phase"], made["none"]) == ("final", None)


@pytest.mark.parametrize("name", ["custom", "mock"])
def test_a_server_that_nothing_is_known_of_gets_everything_as_it_came(name: str) -> None:
    """It may be another gateway, whose members these are."""
    assert sent(VENDORS[name]) == CONVERSATION


@rows
def test_a_conversation_without_such_members_is_not_even_copied(row: Vendor) -> None:
    messages = [
        CONVERSATION[1],
        {"role": "assistant", "content": "4"},
        {"role": "user", "content": [{"type": "text", "text": "a"}]},
    ]
    request = decode_chat_request(json.dumps({"model": "lite", "messages": messages}).encode())
    assert Fitter(row.history).fit(request, reasons=False) is request


@rows
def test_fitting_twice_changes_nothing_more(row: Vendor) -> None:
    once = sent(row, reasoning_effort="low")
    if row.name != "mistral":  # whose thoughts are parts by then
        assert sent(row, once, reasoning_effort="low") == once


def test_every_member_that_a_row_takes_is_a_known_one() -> None:
    for row in FITTED:
        assert (row.history.takes or frozenset()) <= KNOWN
    assert OPENAIS < KNOWN


def test_cache_markers_of_tools_go_to_those_who_take_them() -> None:
    tool = {"type": "function", "function": {"name": "f", "cache_control": MARK}, "cache_control": MARK}
    for row in FITTED:
        body = {"model": "lite", "messages": [CONVERSATION[1]], "tools": [tool]}
        fitted = Fitter(row.history).fit(decode_chat_request(json.dumps(body).encode()), reasons=False)
        marked = "cache_control" in (row.history.takes or ())
        assert bool(fitted.tools[0].extra_json) is bool(fitted.tools[0].function.extra_json) is marked
