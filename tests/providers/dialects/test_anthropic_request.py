"""Laws of Anthropic's requests beyond the shared table: parameters, thinking and tools."""

from collections.abc import Mapping
from typing import Any

import pytest

from switch_grpc.faults import Fault, Kind
from tests.support.anthropic_dialect import BOTH, CACHED, SAY, bound, refused, sent
from tests.support.conformance import (
    PERSON,
    WEATHER,
    call,
    called,
    result,
    user,
)


@pytest.mark.parametrize(
    ("model", "limit"),
    [
        ("claude-3-haiku-20240307", 4_096),
        ("claude-3-5-sonnet-20241022", 8_192),
        ("claude-3-7-sonnet-20250219", 64_000),
        ("claude-opus-4-20250514", 32_000),
        ("claude-opus-4@20250514", 32_000),
        ("anthropic.claude-opus-4-1-20250805-v1:0", 32_000),
        ("claude-sonnet-4-0", 64_000),
        ("claude-haiku-4-5-20251001", 64_000),
        ("us.anthropic.claude-sonnet-4-6", 64_000),
        ("claude-opus-4-6", 128_000),
        ("claude-opus-5-5", 128_000),
        ("claude-mythos-preview", 128_000),
        ("my-own-name", 128_000),
    ],
)
def test_the_models_limit_is_asked_for_where_the_caller_sets_none(model: str, limit: int) -> None:
    assert sent(model=model)["max_tokens"] == limit
    assert sent(model=model, max_tokens=5)["max_tokens"] == 5


def test_the_later_parameter_wins_by_either_vocabulary() -> None:
    layers: Mapping[str, Any] = {
        "defaults": {"temperature": b"0.1", "top_p": b"0.1", "max_tokens": b"1", "stop": b'"a"'},
        "params": {"top_p": b"0.3", "top_k": b"3", "max_tokens": b"30"},
        "streaming_params": {"top_k": b"4", "thinking": b'{"type":"disabled"}'},
    }
    binding = bound(**layers)
    one = sent(binding=binding, temperature=0.2, top_p=0.2, max_completion_tokens=20)
    two = sent(binding=binding, temperature=0.2, top_p=0.2, max_completion_tokens=20, stream=True)
    expected = {"temperature": 0.2, "top_p": 0.3, "top_k": 3, "max_tokens": 30, "stop_sequences": ["a"]}
    assert {name: one[name] for name in expected} == expected
    assert (two["top_k"], two["thinking"], two["stream"]) == (4, {"type": "disabled"}, True)
    assert sent(binding=bound(defaults={"max_tokens": b"7"}))["max_tokens"] == 7


def test_parameters_of_a_target_that_make_no_sense_are_its_own_fault() -> None:
    _, message = refused(binding=bound(params={"temperature": b'"hot"'}))
    assert "parameters set for target 'a'" in message


def test_models_without_sampling_take_only_its_default() -> None:
    assert "temperature" not in sent(model="claude-opus-5", temperature=1, top_p=1)
    assert refused(model="claude-opus-5", temperature=0.7)[0] == "temperature"
    assert refused(model="claude-opus-4-7", top_p=0.7)[0] == "top_p"
    assert sent(model="claude-opus-4-6", temperature=0.7)["temperature"] == 0.7


def test_a_routes_default_temperature_does_not_concern_a_model_without_one() -> None:
    assert "temperature" not in sent(binding=bound("claude-opus-5", defaults={"temperature": b"0.7"}))
    assert sent(binding=bound(defaults={"temperature": b"0.7"}))["temperature"] == 0.7


@pytest.mark.parametrize(
    ("model", "effort", "expected"),
    [
        ("claude-opus-4-6", "low", {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}),
        ("claude-opus-4-6", "max", {"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}),
        ("claude-opus-4-6", "none", {"thinking": {"type": "disabled"}}),
        (
            "claude-opus-5",
            "minimal",
            {"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": "low"}},
        ),
        (
            "claude-opus-5-5",
            "xhigh",
            {"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": "xhigh"}},
        ),
        ("claude-sonnet-5-5", "none", {"thinking": {"type": "between_tools"}}),
        ("claude-haiku-5-5", "none", {"thinking": {"type": "disabled"}}),
        ("claude-sonnet-4-5", "none", {}),
        ("claude-sonnet-4-5", "medium", {"thinking": {"type": "enabled", "budget_tokens": 8_192}}),
        ("claude-3-5-haiku-20241022", "none", {}),
    ],
)
def test_effort_is_thinking_as_the_model_knows_it(model: str, effort: str, expected: dict[str, Any]) -> None:
    body = sent(model=model, reasoning_effort=effort)
    assert {name: body[name] for name in ("thinking", "output_config") if name in body} == expected


@pytest.mark.parametrize(
    ("model", "effort"),
    [
        ("claude-opus-4-6", "xhigh"),
        ("claude-opus-5-5", "none"),
        ("claude-fable-5-1", "none"),
        ("claude-3-5-haiku-20241022", "low"),
        ("claude-sonnet-4-5", "heroic"),
    ],
)
def test_an_effort_that_the_model_cannot_make_is_refused(model: str, effort: str) -> None:
    param, message = refused(model=model, reasoning_effort=effort)
    assert param == "reasoning_effort"
    assert model in message


def test_a_budget_leaves_room_for_the_answer() -> None:
    thinking = sent(reasoning_effort="high", max_tokens=3000)["thinking"]
    assert thinking == {"type": "enabled", "budget_tokens": 1500}
    assert sent(reasoning_effort="high", max_tokens=1100)["thinking"]["budget_tokens"] == 1024
    assert refused(reasoning_effort="low", max_tokens=1024)[0] == "reasoning_effort"


def test_a_callers_own_thinking_wins() -> None:
    own = {"type": "enabled", "budget_tokens": 2000}
    assert sent(reasoning_effort="high", thinking=own)["thinking"] == own
    body = sent(model="claude-opus-5", reasoning_effort="high", thinking={"type": "adaptive"})
    assert (body["thinking"], body["output_config"]) == ({"type": "adaptive"}, {"effort": "high"})


def test_effort_format_and_what_the_caller_adds_share_output_config() -> None:
    body = sent(
        model="claude-opus-5",
        reasoning_effort="high",
        response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": PERSON}},
        output_config={"task_budget": {"type": "tokens", "total": 20000}},
    )
    assert body["output_config"] == {
        "effort": "high",
        "format": {"type": "json_schema", "schema": PERSON},
        "task_budget": {"type": "tokens", "total": 20000},
    }


@pytest.mark.parametrize(
    ("parameters", "user_id"),
    [
        ({"user": "u", "safety_identifier": "s", "metadata": {"user_id": "m"}}, "u"),
        ({"safety_identifier": "s", "metadata": {"user_id": "m"}}, "s"),
        ({"metadata": {"user_id": "m", "team": "a"}}, "m"),
    ],
)
def test_the_first_name_of_the_user_is_the_user_id(parameters: dict[str, Any], user_id: str) -> None:
    assert sent(**parameters)["metadata"] == {"user_id": user_id}


@pytest.mark.parametrize(
    ("tier", "expected"),
    [
        ("auto", "auto"),
        ("priority", "auto"),
        ("default", "standard_only"),
        ("standard_only", "standard_only"),
    ],
)
def test_service_tiers(tier: str, expected: str) -> None:
    assert sent(service_tier=tier)["service_tier"] == expected


def test_anthropics_own_members_pass_as_they_stand() -> None:
    own = {
        "cache_control": CACHED,
        "container": "container_1",
        "mcp_servers": [{"type": "url", "name": "wiki", "url": "https://mcp.example.com"}],
        "inference_geo": "eu",
    }
    body = sent(**own)
    assert {name: body[name] for name in own} == own
    assert sent({"role": "user", "content": "a"}, system="s")["system"] == "s"
    with pytest.raises(Fault) as caught:
        sent({"role": "system", "content": "a"}, user(), system="s")
    assert (caught.value.kind, caught.value.param) == (Kind.BAD_REQUEST, "system")


# -- tools --


def test_anthropics_own_tools_and_choices_pass_as_they_stand() -> None:
    search = {"type": "web_search_20250305", "name": "web_search", "max_uses": 3}
    choice = {"type": "tool", "name": "web_search", "disable_parallel_tool_use": True}
    body = sent(tools=[search, WEATHER], tool_choice=choice)
    assert body["tools"][0] == search
    assert body["tool_choice"] == choice


def test_members_of_a_tool_that_only_anthropic_knows_join_it() -> None:
    tool = {**WEATHER, "cache_control": CACHED, "defer_loading": True}
    (written,) = sent(tools=[tool])["tools"]
    assert (written["name"], written["cache_control"], written["defer_loading"]) == (
        "get_weather",
        CACHED,
        True,
    )


def test_parameters_without_a_type_are_an_objects() -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": {"properties": {}}}}
    assert sent(tools=[tool])["tools"][0]["input_schema"] == {"type": "object", "properties": {}}


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("required", {"type": "any", "disable_parallel_tool_use": True}),
        ("none", {"type": "none"}),
        (None, {"type": "auto", "disable_parallel_tool_use": True}),
        ("any", {"type": "any", "disable_parallel_tool_use": True}),
        (
            {"type": "function", "function": {"name": "now"}},
            {"type": "tool", "name": "now", "disable_parallel_tool_use": True},
        ),
    ],
)
def test_one_call_at_a_time_is_part_of_the_choice(choice: object, expected: dict[str, Any]) -> None:
    body = sent(tools=BOTH, tool_choice=choice, parallel_tool_calls=False)
    assert body["tool_choice"] == expected


def test_without_tools_there_is_nothing_to_choose() -> None:
    body = sent(tool_choice="auto", parallel_tool_calls=False)
    assert not {"tools", "tool_choice"} & body.keys()


@pytest.mark.parametrize("choice", [{"type": "odd"}, "sometimes", {"type": "allowed_tools", "mode": "never"}])
def test_a_choice_that_is_not_known_is_refused(choice: object) -> None:
    assert refused(tools=BOTH, tool_choice=choice)[0] == "tool_choice"


# -- thinking beside calls that another provider's model made --

THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
CALLED = called(call("call_1"))
LIMIT = {"reasoning_effort": "low", "max_completion_tokens": 8_000, "tools": [WEATHER]}


def test_a_budget_is_not_given_while_the_answer_goes_on_with_such_calls() -> None:
    """It would be refused: "Expected `thinking` or `redacted_thinking`, but found `tool_use`"."""
    assert "thinking" not in sent(user(), CALLED, result("call_1"), **LIMIT)


def test_it_is_given_where_claude_had_thought_or_the_user_asks_anew() -> None:
    own = {**CALLED, "thinking_blocks": [THOUGHT]}
    for messages in ([user(), own, result("call_1")], [user(), CALLED, result("call_1"), SAY, user()]):
        assert sent(*messages, **LIMIT)["thinking"] == {"type": "enabled", "budget_tokens": 2_048}


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "get_weather"}}])
def test_a_budget_is_not_given_where_a_tool_must_be_called(choice: object) -> None:
    """It would be refused: "Thinking may not be enabled when tool_choice forces tool use"."""
    assert "thinking" not in sent(user(), tool_choice=choice, **LIMIT)
    assert "thinking" in sent(user(), tool_choice="auto", **LIMIT)


def test_a_model_that_thinks_as_it_likes_takes_any_turn() -> None:
    body = sent(user(), CALLED, result("call_1"), model="claude-opus-4-8", **LIMIT)
    assert body["thinking"]["type"] == "adaptive"
