"""Converse requests as the mock reads them: what they come down to, and nothing but refusals otherwise."""

import copy
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switch_grpc.mock.answers import Ask, Tool, Turn
from switch_grpc.mock.anthropic_turns import sign
from switch_grpc.mock.converse_ask import Options, read_converse
from switch_grpc.mock.converse_embed import embed
from switch_grpc.mock.failures import Refused
from tests.support.conformance import FIXTURES
from tests.support.wire_corpus import exchanges, recorded

SCHEMA: dict[str, Any] = {"type": "object", "properties": {"zone": {"type": "string"}}}
FULL: dict[str, Any] = {
    "messages": [
        {
            "role": "user",
            "content": [
                {"text": "Look"},
                {"image": {"format": "png", "source": {"bytes": "aGk="}}},
                {"document": {"format": "pdf", "name": "Report", "source": {"bytes": "aGk="}}},
                {"guardContent": {"text": {"text": "guarded"}}},
                {"cachePoint": {"type": "default", "ttl": "1h"}},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"reasoningContent": {"reasoningText": {"text": "hm", "signature": sign("hm")}}},
                {"text": "One moment."},
                {"toolUse": {"toolUseId": "t-1", "name": "now", "input": {"zone": "UTC"}}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "toolResult": {
                        "toolUseId": "t-1",
                        "content": [
                            {"json": {"at": 12}},
                            {"text": "noon"},
                            {
                                "image": {
                                    "format": "png",
                                    "source": {"s3Location": {"uri": "s3://bucket/a.png"}},
                                }
                            },
                        ],
                        "status": "success",
                    }
                },
                {"text": "And?"},
            ],
        },
    ],
    "system": [{"text": "Be brief."}, {"cachePoint": {"type": "default"}}],
    "inferenceConfig": {"maxTokens": 4000, "topP": 0.5, "stopSequences": ["END"]},
    "toolConfig": {
        "tools": [
            {"toolSpec": {"name": "now", "description": "The time", "inputSchema": {"json": SCHEMA}}},
            {"cachePoint": {"type": "default"}},
        ],
        "toolChoice": {"auto": {}},
    },
    "additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 1024}, "top_k": 5},
    "additionalModelResponseFieldPaths": ["/stop_sequence"],
    "requestMetadata": {"team": "blue"},
    "performanceConfig": {"latency": "standard"},
    "serviceTier": {"type": "default"},
}


ENDS_OPEN = {"role": "assistant", "content": [{"text": "One, "}]}


def tool(schema: Any, **more: Any) -> Any:
    return {"toolSpec": {"name": "go", "inputSchema": {"json": schema}, **more}}


def form(schema: Any) -> Any:
    definition = {"schema": json.dumps(schema)}
    return {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": definition}}}


def read(body: Any, model: str = "m", *, stream: bool = False) -> tuple[Ask, Options]:
    return read_converse(copy.deepcopy(body), model, stream=stream)


def test_a_request_comes_down_to_its_turns_and_limits():
    ask, options = read(FULL)
    assert ask == Ask(
        model="m",
        turns=(
            Turn("system", "Be brief."),
            Turn("user", "Look\nguarded"),
            Turn("assistant", "One moment."),
            Turn("tool", '{"at":12}\nnoon'),
            Turn("user", "And?"),
        ),
        images=2,
        files=1,
        limit=4000,
        stops=("END",),
        tools=(Tool(name="now", schema=SCHEMA),),
    )
    assert options == Options(
        thinking=True,
        performance={"latency": "standard"},
        tier={"type": "default"},
        paths=("/stop_sequence",),
        cache="5m",
    )


def test_a_turn_of_results_alone_says_nothing_else():
    body = copy.deepcopy(FULL)
    body["messages"][2]["content"].pop()
    assert [turn.role for turn in read(body)[0].turns] == ["system", "user", "assistant", "tool"]


def test_a_cache_point_of_an_hour_counts_where_there_is_no_shorter_one():
    body = {"messages": FULL["messages"][:1]}
    assert read(body)[1].cache == "1h"
    assert read({"messages": [{"role": "user", "content": [{"text": "Hi"}]}]})[1].cache is None


def test_a_stream_may_have_its_guardrail_run_beside_it():
    guardrail = {"guardrailIdentifier": "abc", "guardrailVersion": "1", "streamProcessingMode": "async"}
    body = {"messages": FULL["messages"][:1], "guardrailConfig": guardrail}
    assert read(body, stream=True)[1].guardrail == "abc"
    with pytest.raises(Refused, match="streamProcessingMode"):
        read(body)


def test_a_prompt_of_prompt_management_needs_no_messages():
    arn = "arn:aws:bedrock:us-east-1:123456789012:prompt/ABCDEFGHIJ:1"
    assert read({"promptVariables": {"name": {"text": "Ada"}}}, arn)[0].turns == ()


def test_a_tool_that_bedrock_runs_is_answered_in_the_turn_that_calls_it():
    use = {"toolUseId": "t-9", "name": "nova_code_interpreter", "input": {}, "type": "server_tool_use"}
    result = {"toolUseId": "t-9", "content": [{"json": {"stdOut": "1"}}], "type": "nova_code_result"}
    said = [{"toolUse": use}, {"toolResult": result}, {"text": "1"}]
    body = {
        "messages": [
            {"role": "user", "content": [{"text": "Run"}]},
            {"role": "assistant", "content": said},
            {"role": "user", "content": [{"text": "Thanks"}]},
        ],
        "toolConfig": {"tools": [{"systemTool": {"name": "nova_code_interpreter"}}]},
    }
    assert read(body)[0].tools == ()


# -- nothing else than a refusal --

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def replaced(value: Any, where: list[int], new: Any) -> Any:
    """`value` with `new` at a place inside that the numbers lead to."""
    if not where or not isinstance(value, dict | list) or not value:
        return new
    first, *rest = where
    if isinstance(value, list):
        at = first % len(value)
        return [replaced(item, rest, new) if k == at else item for k, item in enumerate(value)]
    key = sorted(value)[first % len(value)]
    return {name: replaced(item, rest, new) if name == key else item for name, item in value.items()}


def refusal(call: Callable[..., Any], *given: Any, **named: Any) -> str | None:
    """The exception that a request gets; None if it is read."""
    try:
        call(*given, **named)
    except Refused as refused:
        return refused.failure.type
    return None


@settings(max_examples=400)
@given(st.lists(st.integers(0, 30), max_size=9), JSON, st.booleans())
def test_a_request_with_anything_anywhere_is_read_or_refused(where: list[int], new: Any, stream: bool):
    assert refusal(read, replaced(FULL, where, new), stream=stream) in (None, "ValidationException")


@settings(max_examples=200)
@given(JSON)
def test_any_embedding_request_is_read_or_refused(body: Any):
    for model in ("amazon.titan-embed-text-v2:0", "cohere.embed-v4:0", "amazon.nova-2-multimodal", "mock"):
        assert refusal(embed, body, model) in (None, "ValidationException")


# -- what really went over the wire --


def test_the_requests_that_the_gateway_sends_are_taken():
    """All of the conformance table; its bodies stand in the fixtures, so no code is shared."""
    sent = json.loads((FIXTURES / "converse/requests.json").read_text())
    bodies = [case["sent"] for case in sent.values() if "sent" in case]
    for body in bodies:
        read(body, "claude-sonnet-4-5", stream=True)
    assert len(bodies) > 40


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"inferenceConfig": {"stopSequences": ["\n"]}}, "must contain non-whitespace"),
        ({"messages": [*FULL["messages"][:1], ENDS_OPEN]}, "trailing whitespace"),
        ({"toolConfig": {"tools": [tool({"type": "object", "anyOf": []})]}}, "at the top level"),
        ({"toolConfig": {"tools": [tool({"type": "object"}, strict=True)]}}, "explicitly set to false"),
        ({"outputConfig": form({"type": "integer", "minimum": 1})}, "minimum are not supported"),
    ],
)
def test_claude_refuses_behind_bedrock_what_it_refuses_at_anthropic(change: Any, why: str):
    body = {"messages": FULL["messages"][:1], **change}
    read(body, "amazon.nova-pro-v1:0")
    with pytest.raises(Refused, match="The model returned the following errors: .*" + why):
        read(body, "anthropic.claude-opus-4-8")


@recorded
def test_what_bedrock_took_is_taken():
    """But for its own signature of thinking, and a format that is none and that it let pass."""
    taken, refused = 0, []
    for name in ("bedrock-converse", "bedrock-converse-stream"):
        for exchange in exchanges(f"{name}.jsonl"):
            if exchange["status"] != 200:
                continue
            try:
                model = unquote(exchange["path"].split("/")[2])
                read(json.loads(exchange["request"]), model, stream=name.endswith("stream"))
                taken += 1
            except Refused as error:
                refused.append(error.failure.message.rpartition(": ")[2][:40])
    assert taken == 89
    assert refused == ["Invalid `signature` in `thinking` block", "[mkv, mov, mp4, webm, flv, mpeg, mpg, wm"]


@recorded
def test_embeddings_that_bedrock_made_are_made():
    for exchange in exchanges("bedrock-invoke.jsonl"):
        embed(json.loads(exchange["request"]), unquote(exchange["path"].split("/")[2]))
