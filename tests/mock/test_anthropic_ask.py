"""Anthropic requests are read strictly: what Anthropic refuses is refused, and what it took is taken."""

from itertools import chain
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.anthropic_requests import FULL, NEW, OBJECT, OLD, PLAIN, THINKING, TOOL, answer, turns
from tests.support.wire_corpus import exchanges, recorded

OPEN = "For 'object' type, 'additionalProperties' must be explicitly set to false"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def replaced(value: Any, path: list[int], new: Any) -> Any:
    """The value with the member that `path` leads to (each step modulo the size) replaced."""
    if not path or not isinstance(value, dict | list) or not value:
        return new
    keys = list(value) if isinstance(value, dict) else range(len(value))
    at = keys[path[0] % len(keys)]
    copy: Any = dict(value) if isinstance(value, dict) else list(value)
    copy[at] = replaced(value[at], path[1:], new)
    return copy


def test_a_request_with_everything_is_taken():
    assert answer(FULL) == answer(PLAIN) == (200, "")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"messages": PLAIN["messages"], "max_tokens": 9}, "model: Field required"),
        ({"model": "mock", "messages": PLAIN["messages"]}, "max_tokens: Field required"),
        ({"model": "mock", "max_tokens": 9}, "messages: Field required"),
        ({**PLAIN, "messages": []}, "messages: at least one message is required"),
        ({**PLAIN, "max_tokens": "9"}, "max_tokens: Input should be a valid integer"),
        ({**PLAIN, "max_tokens": -1}, "max_tokens: Input should be greater than or equal to 0"),
        ({**PLAIN, "max_completion_tokens": 9}, "max_completion_tokens: Extra inputs are not permitted"),
        ({**PLAIN, "stop": ["x"]}, "stop: Extra inputs are not permitted"),
        ({**PLAIN, "stream_options": {}}, "stream_options: Extra inputs are not permitted"),
        ({**PLAIN, "temperature": 1.5}, "temperature: Input should be less than or equal to 1"),
        ({**PLAIN, "top_k": 1.5}, "top_k: Input should be a valid integer"),
        (
            {**PLAIN, "stop_sequences": [" "]},
            "stop_sequences: each stop sequence must contain non-whitespace",
        ),
        ({**PLAIN, "stop_sequences": "x"}, "stop_sequences: Input should be a valid list"),
        ({**PLAIN, "system": 7}, "system: Input should be a valid list"),
        ({**PLAIN, "metadata": {"key": "v"}}, "metadata.key: Extra inputs are not permitted"),
        ({**PLAIN, "service_tier": "flex"}, "service_tier: Input should be 'auto' or 'standard_only'"),
        ({**PLAIN, "mcp_servers": []}, "mcp_servers: Extra inputs are not permitted"),
        ({**PLAIN, "tools": [{"name": "f"}]}, "tools.0.custom.input_schema: Field required"),
        (
            {**PLAIN, "tools": [{**TOOL, "parameters": {}}]},
            "tools.0.custom.parameters: Extra inputs are not permitted",
        ),
        (
            {**PLAIN, "tools": [{"name": "f", "input_schema": {}}]},
            "tools.0.custom.input_schema.type: Field required",
        ),
        ({**PLAIN, "tools": [TOOL, TOOL]}, "tools: Tool names must be unique."),
        (
            {**PLAIN, "tool_choice": {"type": "any"}},
            "tool_choice may only be specified while providing tools",
        ),
        (
            {**PLAIN, "tools": [TOOL], "tool_choice": {"type": "tool", "name": "g"}},
            "Tool 'g' not found in provided tools",
        ),
        (
            {**PLAIN, "tools": [TOOL], "tool_choice": {"type": "none", "disable_parallel_tool_use": True}},
            "tool_choice.none.disable_parallel_tool_use: Extra inputs are not permitted",
        ),
        (
            {**PLAIN, "thinking": {"type": "enabled", "budget_tokens": 100}},
            "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024",
        ),
        (
            {**FULL, "tool_choice": {"type": "any"}},
            "Thinking may not be enabled when tool_choice forces tool use.",
        ),
        ({**FULL, "temperature": 0.5}, "`temperature` may only be set to 1 when thinking is enabled."),
        (
            {**PLAIN, "output_config": {"format": {"type": "json_schema", "schema": OBJECT}}},
            "output_config.format.schema: " + OPEN,
        ),
    ],
)
def test_a_wrong_member_is_refused_by_its_path(body: Any, message: str):
    assert answer(body) == (400, message)


def test_the_limit_must_exceed_the_budget_of_thinking():
    status, message = answer({**PLAIN, "max_tokens": 1024, "thinking": THINKING})
    assert (status, message[:60]) == (400, "`max_tokens` must be greater than `thinking.budget_tokens`. ")


def test_strict_schemas_have_no_bounds():
    """As the package's own `transform_schema` knows, which takes them out."""

    def strict(**schema: Any) -> tuple[int, str]:
        closed = {"type": "object", "additionalProperties": False, "properties": {"a": schema}}
        return answer({**PLAIN, "tools": [{**TOOL, "input_schema": closed, "strict": True}]})

    assert strict(type="integer") == (200, "")
    assert "properties minimum are not supported" in strict(type="integer", minimum=1)[1]
    assert "properties maxLength are not supported" in strict(type=["string", "null"], maxLength=5)[1]
    assert "'minItems' values other than 0 or 1" in strict(type="array", minItems=2)[1]
    assert "'oneOf' is not supported" in strict(oneOf=[{"type": "integer"}])[1]


def test_no_more_than_four_blocks_are_marked():
    block = {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}
    assert answer(turns([block] * 4)) == (200, "")
    assert answer(turns([block] * 5))[1] == (
        "A maximum of 4 blocks with cache_control may be provided. Found 5."
    )


def test_the_newest_version_takes_no_sampling_and_no_odd_blocks():
    document: Any = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "d"}}
    cited: Any = {"type": "text", "text": "a", "citations": [{"type": "char_location"}]}
    for body in ({**PLAIN, "temperature": 1.0}, turns("a", [document]), turns([cited])):
        assert (answer(body, OLD)[0], answer(body, NEW)[0]) == (200, 400)
    assert answer({**PLAIN, "top_k": 1}, NEW)[1] == "top_k: Extra inputs are not permitted"


def test_members_of_betas_need_a_beta_header():
    body = {**PLAIN, "mcp_servers": [], "context_management": {}}
    assert answer(body, {**OLD, "anthropic-beta": "mcp-client-2025-11-20"}) == (200, "")


def test_counting_tokens_takes_no_limit():
    counted = {"model": "mock", "messages": PLAIN["messages"], "tools": [TOOL]}
    path = "/v1/messages/count_tokens"
    assert answer(counted, path=path) == (200, "")
    assert answer(PLAIN, path=path) == (400, "max_tokens: Extra inputs are not permitted")


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=7), JSON)
def test_a_request_with_anything_anywhere_is_answered_or_refused(where: list[int], new: Any):
    assert answer(replaced(FULL, where, new))[0] in (200, 400, 404)


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[" * 100_000, b"[]", b'{"model":"\\ud800"}'])
def test_hostile_json_is_a_400(body: bytes):
    assert answer(body)[0] == 400


@recorded
def test_what_anthropic_took_is_taken():
    """Only signatures of thinking are refused, because Anthropic's are not the mock's."""
    taken, signed = 0, 0
    for exchange in chain(exchanges("anthropic.jsonl"), exchanges("anthropic-count.jsonl")):
        headers = {**OLD, "anthropic-beta": "any"}
        status, message = answer(exchange["request"].encode(), headers, exchange["path"])
        if status != 200:
            assert message.endswith("Invalid `signature` in `thinking` block")
            signed += 1
        taken += status == 200
    assert (taken, signed) == (146, 8)
