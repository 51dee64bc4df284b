"""Answers that a provider could give, generated, and ways to cut a stream's texts anywhere."""

import json
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from switch_grpc.openai_wire import decode_chat_response, decode_completion_response
from switch_grpc.v1 import chat_pb2, completion_pb2

# A whole answer takes a while to draw on a busy machine, which says nothing about the law.
LAW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NAME = st.sampled_from(["a", "b-1", "c_2", "é"])
COUNT = st.integers(0, 1 << 40)
JSON = st.sampled_from(
    [None, True, 5, 5.0, 1 << 60, -1e-7, "", 'é"\n', [], {}, [1, [2.0]], {"b": {"a": None}, "a": [{}]}]
)
# Names that OpenAI does not use.
UNKNOWN = st.dictionaries(st.sampled_from(["x_a", "x_b", "ä"]), JSON, max_size=2)


def with_unknown(required: dict[str, Any], optional: dict[str, Any] | None = None) -> st.SearchStrategy[Any]:
    known = st.fixed_dictionaries(required, optional=optional or {})
    return st.builds(lambda a, b: {**a, **b}, known, UNKNOWN)


TOKEN = with_unknown(
    {
        "token": TEXT,
        "logprob": st.floats(-1e4, 0),
        "bytes": st.none() | st.lists(st.integers(0, 255), max_size=3),
        "top_logprobs": st.lists(
            st.fixed_dictionaries({"token": TEXT, "logprob": st.floats(-1e4, 0), "bytes": st.none()}),
            max_size=2,
        ),
    }
)
LOGPROBS = with_unknown(
    {"content": st.none() | st.lists(TOKEN, max_size=4)}, {"refusal": st.lists(TOKEN, max_size=2)}
)
CALL = st.one_of(
    with_unknown(
        {"id": NAME, "type": st.just("function"), "function": with_unknown({"name": NAME, "arguments": TEXT})}
    ),
    with_unknown(
        {"id": NAME, "type": st.just("custom"), "custom": with_unknown({"name": NAME, "input": TEXT})}
    ),
    # Of a type that the contract does not know: its text is kept, so the order of its members counts.
    with_unknown({"id": NAME, "type": st.just("mcp"), "mcp": JSON}).map(
        lambda call: {"id": call["id"], "type": call["type"], **call}
    ),
)
AUDIO = with_unknown({}, {"id": NAME, "data": TEXT, "expires_at": COUNT, "transcript": TEXT})
PART = st.one_of(
    st.fixed_dictionaries({"type": st.just("text"), "text": TEXT}),
    st.fixed_dictionaries({"type": st.just("thinking"), "thinking": JSON}),
)
MESSAGE = with_unknown(
    {
        "role": st.sampled_from(["assistant", "critic"]),
        "content": st.none() | TEXT | st.lists(PART, min_size=1, max_size=3),
    },
    {
        "refusal": TEXT,
        "reasoning_content": TEXT,
        "name": NAME,
        "tool_call_id": NAME,
        "tool_calls": st.lists(CALL, max_size=3),
        "audio": AUDIO,
        "function_call": with_unknown({"name": NAME, "arguments": TEXT}),
        "annotations": st.lists(JSON, max_size=2),
    },
)
REASON = st.none() | st.sampled_from(["stop", "length", "tool_calls", "eos"])
USAGE = with_unknown(
    {"prompt_tokens": COUNT, "completion_tokens": COUNT, "total_tokens": COUNT},
    {"prompt_tokens_details": with_unknown({}, {"cached_tokens": COUNT})},
)
TAIL = {"usage": USAGE, "system_fingerprint": NAME}


def _numbered(choices: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"index": index, **choice} for index, choice in enumerate(choices)]


def _reply(choice: st.SearchStrategy[Any], **optional: Any) -> st.SearchStrategy[bytes]:
    body = with_unknown(
        {"id": NAME, "created": COUNT, "model": NAME, "choices": st.lists(choice, max_size=3).map(_numbered)},
        {**TAIL, **optional},
    )
    return body.map(lambda value: json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode())


def chat_replies() -> st.SearchStrategy[chat_pb2.ChatResponse]:
    choice = with_unknown({"message": MESSAGE, "finish_reason": REASON}, {"logprobs": st.none() | LOGPROBS})
    return _reply(choice, service_tier=NAME).map(decode_chat_response)


def completion_replies() -> st.SearchStrategy[completion_pb2.CompletionResponse]:
    lists = {"tokens": st.lists(TEXT, max_size=3), "top_logprobs": st.none() | st.lists(JSON, max_size=3)}
    choice = with_unknown(
        {"text": TEXT, "finish_reason": REASON}, {"logprobs": st.none() | st.fixed_dictionaries(lists)}
    )
    return _reply(choice).map(decode_completion_response)


def cut(text: str, draw: Callable[[Any], int]) -> list[str]:
    """`text` in one to three pieces; pieces may be empty."""
    first, second = sorted(draw(st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))))  # type: ignore[misc]
    return [text[:first], text[first:second], text[second:]]
