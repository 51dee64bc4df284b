"""One table of requests, answers and errors that every dialect is held to.

`REQUESTS` are OpenAI requests by name; a dialect's `requests.json` has for each what it sends, or which field
it refuses. `REPLIES` are what an answer means; a dialect's `replies/NAME.json` and `streams/NAME.*`
(in its framing) are answers of its provider that mean that. `ERRORS` are kinds of fault by name; a dialect's
`errors.json` has status, headers and body, and its `stream_errors.json` the event that says the same in the
midst of a stream. What a provider cannot say is in `absent.json`, with the reason.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from switch_grpc.faults import Fault, Kind
from switch_grpc.openai_wire import decode_chat_request, fold_chat
from switch_grpc.providers.classify import classify
from switch_grpc.providers.dialects.base import (
    Binding,
    Dialect,
    Event,
    UpstreamError,
    UpstreamFailure,
    WireReply,
    has_content,
)
from switch_grpc.request import Head, MessageBody, Operation
from switch_grpc.v1 import chat_pb2

FIXTURES: Final = Path(__file__).parents[1] / "fixtures/dialects"

# A pixel and a page, as small as they get.
PNG: Final = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PDF: Final = base64.b64encode(
    b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF"
).decode()
TEXT: Final = base64.b64encode("Grüße".encode()).decode()

WEATHER: Final = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
            "required": ["city"],
        },
    },
}
CLOCK: Final = {"type": "function", "function": {"name": "now"}}
PERSON: Final = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}

TEAM: Final = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "description": "Of the team.", "maxLength": 20},
        "members": {"type": "array", "items": {"$ref": "#/$defs/person"}, "minItems": 2},
    },
    "required": ["name", "members"],
    "$defs": {
        "person": {
            "type": "object",
            "properties": {
                "name": {"type": "string", "pattern": "^[A-Z]"},
                "age": {"type": "integer", "minimum": 0},
            },
            "required": ["name"],
        }
    },
}
PLACE: Final = {
    "name": "go",
    "parameters": {
        "type": "object",
        "properties": {"fast": {"type": "boolean"}},
        "anyOf": [
            {"properties": {"city": {"type": "string"}}, "required": ["city"]},
            {"properties": {"place": {"type": "integer"}}, "required": ["place"]},
        ],
    },
}


def user(content: object = "Hello") -> dict[str, object]:
    return {"role": "user", "content": content}


def text(said: str) -> dict[str, object]:
    return {"type": "text", "text": said}


def image(url: str) -> dict[str, object]:
    return {"type": "image_url", "image_url": {"url": url}}


def call(id: str, name: str = "get_weather", arguments: str = '{"city": "Oslo"}') -> dict[str, object]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def called(*calls: dict[str, object], content: str | None = None) -> dict[str, object]:
    return {"role": "assistant", "content": content, "tool_calls": list(calls)}


def result(id: str, content: object = "4 °C") -> dict[str, object]:
    return {"role": "tool", "tool_call_id": id, "content": content}


def _chat(*messages: object, **parameters: object) -> dict[str, Any]:
    return {"model": "lite", "messages": list(messages) or [user()], **parameters}


def _schema(**more: object) -> dict[str, object]:
    return {"type": "json_schema", "json_schema": {"name": "person", "schema": PERSON, **more}}


REQUESTS: Final[Mapping[str, dict[str, Any]]] = {
    # conversation
    "text": _chat(),
    "system": _chat({"role": "system", "content": "Be brief."}, user()),
    "developer": _chat({"role": "developer", "content": "Be brief."}, user()),
    "two_systems": _chat(
        {"role": "system", "content": "Be brief."}, {"role": "developer", "content": "Be kind."}, user()
    ),
    "system_only": _chat({"role": "system", "content": "Say hi."}),
    "system_and_nothing_said": _chat({"role": "system", "content": "Say hi."}, user("")),
    "nothing_said": _chat(user("")),
    "assistant_first": _chat({"role": "assistant", "content": "How can I help?"}, user("Sing.")),
    "call_first": _chat(called(call("call_1")), result("call_1"), tools=[WEATHER]),
    "blank_turns": _chat(user([text("")]), user("a"), {"role": "assistant", "content": ""}, user("b")),
    "blank_last_turn": _chat(user("Count."), {"role": "assistant", "content": "1, 2"}, user("")),
    "system_in_the_middle": _chat(
        user("Hi"),
        {"role": "assistant", "content": "Hello."},
        {"role": "system", "content": "Now answer in French."},
        user("Bye"),
    ),
    "multi_turn": _chat(user("1"), {"role": "assistant", "content": "2"}, user("3")),
    "same_role_twice": _chat(user("one"), user("two")),
    "unicode": _chat(user('Grüße, 世界 🌍 \u202e\u0000 \\ " \n')),
    "text_parts": _chat(user([text("one"), text("two")])),
    "prefill": _chat(user("Count."), {"role": "assistant", "content": "1, 2,"}),
    "prefill_with_space_after": _chat(user("Count."), {"role": "assistant", "content": "1, 2, \n"}),
    "named_participants": _chat({"role": "user", "name": "ann", "content": "Hello"}),
    "refusal_in_history": _chat(
        user("a"), {"role": "assistant", "content": None, "refusal": "I cannot."}, user("b")
    ),
    "reasoning_in_history": _chat(
        user("a"), {"role": "assistant", "content": "b", "reasoning_content": "so be it"}, user("c")
    ),
    # what is seen and heard
    "image_url": _chat(user([text("What is this?"), image("https://example.com/cat.png")])),
    "image_base64": _chat(user([image(f"data:image/png;base64,{PNG}"), text("What is this?")])),
    "image_base64_in_capitals": _chat(user([image(f"DATA:IMAGE/PNG;BASE64,{PNG}"), text("What is this?")])),
    "image_detail": _chat(
        user([{"type": "image_url", "image_url": {"url": "https://example.com/cat.png", "detail": "low"}}])
    ),
    "pdf_base64": _chat(
        user(
            [
                {
                    "type": "file",
                    "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"},
                },
                text("Sum it up."),
            ]
        )
    ),
    "text_file": _chat(
        user([{"type": "file", "file": {"filename": "a.txt", "file_data": f"data:text/plain;base64,{TEXT}"}}])
    ),
    "file_id": _chat(user([{"type": "file", "file": {"file_id": "file_123"}}])),
    "audio_in": _chat(user([{"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}])),
    # tools
    "tool": _chat(tools=[WEATHER]),
    "tool_without_parameters": _chat(tools=[CLOCK]),
    "tool_strict": _chat(tools=[{**WEATHER, "function": {**WEATHER["function"], "strict": True}}]),  # type: ignore[dict-item]
    "tool_of_two_kinds": _chat(tools=[{"type": "function", "function": PLACE}]),
    "tool_with_a_dot": _chat(tools=[{"type": "function", "function": {"name": "clock.now"}}]),
    "tool_call_and_result": _chat(user(), called(call("call_1")), result("call_1"), tools=[WEATHER]),
    "parallel_calls_and_results": _chat(
        user(),
        called(call("call_1"), call("call_2", arguments='{"city":"Rome","days":2}'), content="Both:"),
        result("call_1"),
        result("call_2", [text("19 °C")]),
        user("And?"),
        tools=[WEATHER],
    ),
    "call_without_arguments": _chat(
        user(), called(call("call_1", "now", "")), result("call_1"), tools=[CLOCK]
    ),
    "broken_arguments": _chat(
        user(), called(call("call_1", arguments='{"city": "Os')), result("call_1", "no JSON"), tools=[WEATHER]
    ),
    "exact_numbers": _chat(
        user(),
        called(call("call_1", arguments='{"id":9007199254740993,"x":1.10}')),
        result("call_1"),
        tools=[WEATHER],
    ),
    "tool_choice_auto": _chat(tools=[WEATHER], tool_choice="auto"),
    "tool_choice_none": _chat(tools=[WEATHER], tool_choice="none"),
    "tool_choice_required": _chat(tools=[WEATHER], tool_choice="required"),
    "tool_choice_any": _chat(tools=[WEATHER], tool_choice="any"),
    "tool_choice_function": _chat(
        tools=[WEATHER, CLOCK], tool_choice={"type": "function", "function": {"name": "now"}}
    ),
    "tool_choice_allowed": _chat(
        tools=[WEATHER, CLOCK],
        tool_choice={
            "type": "allowed_tools",
            "allowed_tools": {
                "mode": "required",
                "tools": [{"type": "function", "function": {"name": "now"}}],
            },
        },
    ),
    "no_parallel_calls": _chat(tools=[WEATHER], parallel_tool_calls=False),
    "custom_tool": _chat(tools=[{"type": "custom", "custom": {"name": "sql"}}]),
    "old_functions": _chat(functions=[{"name": "now", "parameters": {}}]),
    "old_function_none": _chat(functions=[{"name": "now", "description": "The time."}], function_call="none"),
    "old_function_named": _chat(functions=[{"name": "now"}], function_call={"name": "now"}),
    "old_call_and_result": _chat(
        user(),
        {"role": "assistant", "content": None, "function_call": {"name": "now", "arguments": "{}"}},
        {"role": "function", "name": "now", "content": "12:00"},
        functions=[{"name": "now"}],
    ),
    "old_result_without_call": _chat(user(), {"role": "function", "name": "now", "content": "12:00"}),
    # the shape of the answer
    "json_object": _chat(response_format={"type": "json_object"}),
    "json_schema": _chat(response_format=_schema(strict=True)),
    "json_schema_with_bounds": _chat(
        response_format={"type": "json_schema", "json_schema": {"name": "team", "schema": TEAM}}
    ),
    "text_format": _chat(response_format={"type": "text"}),
    "verbosity": _chat(verbosity="low"),
    "audio_out": _chat(modalities=["text", "audio"], audio={"voice": "alloy", "format": "wav"}),
    # sampling and limits
    "max_tokens": _chat(max_tokens=100),
    "max_completion_tokens": _chat(max_completion_tokens=100),
    "stop_string": _chat(stop="END"),
    "stop_list": _chat(stop=["END", "\n\n"]),
    "stop_words": _chat(stop=["END", "STOP"]),
    "stop_of_six": _chat(stop=["a", "b", "c", "d", "e", "f"]),
    "stop_of_nothing": _chat(stop=""),
    "temperature": _chat(temperature=0.5, top_p=0.9),
    "temperature_above_one": _chat(temperature=1.5),
    "top_k": _chat(top_k=40),
    "n_one": _chat(n=1),
    "n_two": _chat(n=2),
    "seed": _chat(seed=7),
    "logprobs": _chat(logprobs=True, top_logprobs=2),
    "logit_bias": _chat(logit_bias={"50256": -100}),
    "penalties": _chat(frequency_penalty=0.5),
    "presence_penalty": _chat(presence_penalty=0.5),
    "what_asks_for_nothing": _chat(
        n=1,
        logprobs=False,
        frequency_penalty=0,
        presence_penalty=0,
        logit_bias={},
        stop=None,
        seed=None,
        tools=[],
    ),
    # reasoning
    "reasoning_none": _chat(reasoning_effort="none"),
    "reasoning_low": _chat(reasoning_effort="low"),
    "reasoning_high": _chat(reasoning_effort="high", max_completion_tokens=8000),
    "reasoning_and_a_required_tool": _chat(reasoning_effort="low", tools=[WEATHER], tool_choice="required"),
    # who asks, and how it is served
    "user": _chat(user="u-1"),
    "safety_identifier": _chat(safety_identifier="s-1"),
    "metadata": _chat(metadata={"team": "a"}),
    "service_tier": _chat(service_tier="auto"),
    "service_tier_flex": _chat(service_tier="flex"),
    "hints": _chat(
        store=True,
        prompt_cache_key="k",
        prompt_cache_retention="24h",
        prediction={"type": "content", "content": "Hello"},
    ),
    "web_search_options": _chat(web_search_options={}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What an answer means. `calls` are names and arguments; `usage` prompt, completion, cached, written."""

    text: str | None = None
    calls: Sequence[tuple[str, object]] = ()
    reasoning: str | None = None
    refusal: bool = False  # says in words that it refuses, or why
    citations: Sequence[str] = ()  # the texts or URLs that are cited
    finish: str = "stop"  # "" where only finish_reason_text says it
    usage: tuple[int, int, int, int] = (10, 5, 0, 0)
    tokens: Sequence[tuple[str, float, Sequence[str]]] = ()  # each with its logprob and its likeliest
    second: tuple[str, str] | None = None  # text and finish of another choice


REPLIES: Final[Mapping[str, Said]] = {
    "text": Said(text="Hello there!"),
    "unicode": Said(text="Grüße, 世界 🌍"),
    "length": Said(text="Once upon", finish="length"),
    "stop_sequence": Said(text="one, two, "),
    "tool_call": Said(calls=[("get_weather", {"city": "Oslo"})], finish="tool_calls"),
    "parallel_calls": Said(
        text="Both:",
        calls=[("get_weather", {"city": "Oslo"}), ("get_weather", {"city": "Rome", "days": 2})],
        finish="tool_calls",
    ),
    "call_without_arguments": Said(calls=[("now", {})], finish="tool_calls"),
    "json_schema": Said(text='{"name":"Ann","age":7}'),
    "content_filter": Said(text="Once upon", finish="content_filter"),
    "refusal": Said(text=None, refusal=True, finish="content_filter"),
    "reasoning": Said(text="42.", reasoning="6 times 7 is 42."),
    "cached_usage": Said(text="Hello there!", usage=(110, 5, 60, 40)),
    "citations": Said(text="Oslo is cold.", citations=["It is cold in Oslo."]),
    "empty": Said(text=""),
    "logprobs": Said(
        text="Hello there!",
        tokens=[("Hello", -0.1, ["Hello", "Hi"]), (" there!", -0.5, [" there!", " you!"])],
    ),
    "two_choices": Said(text="Heads", second=("Tails", "length")),
}

ERRORS: Final[Mapping[str, Kind]] = {
    "bad_request": Kind.CLIENT_FAULT,
    "unsupported_parameter": Kind.CAPABILITY,
    "context_length": Kind.CONTEXT_LENGTH,
    "too_large": Kind.CLIENT_FAULT,
    "wrong_key": Kind.UPSTREAM_AUTH,
    "forbidden": Kind.UPSTREAM_AUTH,
    "no_credit": Kind.UPSTREAM_QUOTA,
    "unknown_model": Kind.UPSTREAM_MODEL_MISSING,
    "rate_limit": Kind.UPSTREAM_RATE_LIMIT,
    "server_error": Kind.UPSTREAM_ERROR,
    "overloaded": Kind.UPSTREAM_SATURATED,
    "gateway_timeout": Kind.UPSTREAM_ERROR,
}

_FINISH: Final = {
    "stop": chat_pb2.FINISH_REASON_STOP,
    "length": chat_pb2.FINISH_REASON_LENGTH,
    "tool_calls": chat_pb2.FINISH_REASON_TOOL_CALLS,
    "content_filter": chat_pb2.FINISH_REASON_CONTENT_FILTER,
    "": chat_pb2.FINISH_REASON_UNSPECIFIED,
}


def fixture(dialect: str, name: str) -> Any:
    return json.loads((FIXTURES / dialect / f"{name}.json").read_text())


def head(*, stream: bool) -> Head:
    return Head(operation=Operation.CHAT, route="lite", stream=stream)


def outcome(dialect: Dialect, request: dict[str, Any], binding: Binding, *, stream: bool) -> dict[str, Any]:
    """`{"sent": body}`, or `{"refused": field}`, as a dialect's `requests.json` has it.

    What had to be changed of the request is beside `sent`: `{"adapted": [sentence]}`.
    """
    message = decode_chat_request(json.dumps(request).encode())
    before = message.SerializeToString(deterministic=True)
    try:
        (wire,) = dialect.encode(head(stream=stream), MessageBody(message), binding)
    except Fault as fault:
        return {"refused": _named(fault)}
    assert message.SerializeToString(deterministic=True) == before, "a received message is never changed"
    sent = {"sent": json.loads(wire.body)}
    return {**sent, "adapted": list(wire.adaptations)} if wire.adaptations else sent


def _named(fault: Fault) -> str:
    """The field that a refusal names."""
    assert fault.kind in (Kind.CAPABILITY, Kind.UNSUPPORTED), fault
    assert fault.param
    assert fault.param in fault.message
    return fault.param


def whole(dialect: Dialect, body: bytes, binding: Binding) -> chat_pb2.ChatResponse:
    reply = WireReply(status=200, headers={"content-type": "application/json"}, body=body)
    response = dialect.decode(Operation.CHAT, [reply], binding)
    assert isinstance(response, chat_pb2.ChatResponse)
    return response


def chunks(
    dialect: Dialect, data: bytes, binding: Binding, cuts: Sequence[int] = ()
) -> list[chat_pb2.ChatChunk]:
    """The chunks of a stream that comes in reads that end at `cuts`."""
    framing = dialect.framing()
    decoder = dialect.decoder(head(stream=True), MessageBody(chat_pb2.ChatRequest()), binding)
    made: list[Any] = []
    start = 0
    for end in (*cuts, len(data)):
        for event in framing.feed(data[start:end]):
            made += decoder.feed(event)
        start = end
    return [*made, *decoder.finish()]


def streamed(dialect: Dialect, data: bytes, binding: Binding) -> chat_pb2.ChatResponse:
    return fold_chat(chunks(dialect, data, binding))


def assert_says(response: chat_pb2.ChatResponse, said: Said) -> None:
    choice, *others = response.choices
    assert [(one.index, one.message.content, one.finish_reason) for one in others] == [
        (1, text, _FINISH[finish]) for text, finish in filter(None, [said.second])
    ]
    assert [
        (token.token, token.logprob, [top.token for top in token.top_logprobs])
        for token in choice.logprobs.content
    ] == list(said.tokens)
    message = choice.message
    assert message.role == chat_pb2.ROLE_ASSISTANT
    assert (message.content if message.HasField("content") else None) == said.text
    assert [(call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls] == list(
        said.calls
    )
    assert all(call.id for call in message.tool_calls)
    assert (message.reasoning or None) == said.reasoning
    assert bool(message.refusal) is said.refusal
    assert choice.finish_reason == _FINISH[said.finish]
    assert all(cited in message.annotations_json for cited in said.citations)
    usage = response.usage
    details = usage.prompt_tokens_details
    assert said.usage == (
        *(usage.prompt_tokens, usage.completion_tokens),
        *(details.cached_tokens, details.cache_write_tokens),
    )
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


def fault_of(dialect: Dialect, provider: str, answer: Mapping[str, Any]) -> Fault:
    """What an error answer of `errors.json` is: `{"status", "body", "headers"?}`."""
    headers = answer.get("headers", {})
    reply = WireReply(status=answer["status"], headers=headers, body=json.dumps(answer["body"]).encode())
    return _fault(provider, reply.status, headers, dialect.error(reply))


def fault_in_stream(
    dialect: Dialect, provider: str, binding: Binding, begun: bytes, event: Mapping[str, Any]
) -> Fault:
    """What an event of `stream_errors.json` is, `{"event", "data"}`, once the stream has `begun` to speak."""
    decoder = dialect.decoder(head(stream=True), MessageBody(chat_pb2.ChatRequest()), binding)
    said = [chunk for one in dialect.framing().feed(begun) for chunk in decoder.feed(one)]
    assert any(map(has_content, said))
    try:
        decoder.feed(Event(event["event"], json.dumps(event["data"]).encode()))
    except UpstreamFailure as failure:
        return _fault(provider, failure.status, {}, failure.error)
    raise AssertionError("an error that was read as a part of the answer")


def check_stream_errors(dialect: str) -> None:
    """Each error of the table has an event, or a reason why there is none."""
    events, absent = fixture(dialect, "stream_errors"), fixture(dialect, "absent")["stream_errors"]
    assert events.keys() | absent.keys() == ERRORS.keys()
    assert events.keys().isdisjoint(absent)


def _fault(provider: str, status: int, headers: Mapping[str, str], error: UpstreamError) -> Fault:
    verdict = classify(
        provider=provider,
        target="a",
        status=status,
        headers=headers,
        error=error,
        patterns=(),
        permanent=True,
        now_wall=0.0,
    )
    return verdict.fault
