"""Laws of the Anthropic dialect beyond the shared table: turns, thinking, blocks that travel, and streams."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from google.protobuf.message import Message
from hypothesis import example, given
from hypothesis import strategies as st

from switch_grpc.faults import Fault, Kind
from switch_grpc.openai_wire import decode_chat_request, encode_chat_response, fold_chat
from switch_grpc.providers.dialects.anthropic import Anthropic
from switch_grpc.providers.dialects.base import Binding, UpstreamFailure, WireReply
from switch_grpc.providers.dialects.text_as_chat import TextAsChat
from switch_grpc.providers.vendors import VENDORS, dialect_of
from switch_grpc.request import Head, MessageBody, Operation
from switch_grpc.v1 import chat_pb2, completion_pb2
from tests.support.conformance import (
    CLOCK,
    FIXTURES,
    PDF,
    PNG,
    WEATHER,
    call,
    called,
    chunks,
    fault_of,
    fixture,
    head,
    result,
    streamed,
    text,
    user,
    whole,
)

FOLDER = FIXTURES / "anthropic"
STREAMS = sorted(path.stem for path in FOLDER.glob("streams/*.sse"))
REPLIES = sorted(path.stem for path in FOLDER.glob("replies/*.json"))
CACHED = {"type": "ephemeral"}
BOTH: tuple[Any, ...] = (WEATHER, CLOCK)


def bound(model: str = "claude-sonnet-4-5", **how: Any) -> Binding:
    base = {"target": "a", "provider": "anthropic", "base_url": "https://api.anthropic.com"}
    return Binding(**{**base, "model": model, **how})


def sent(
    *messages: object, model: str = "claude-sonnet-4-5", binding: Binding | None = None, **parameters: object
) -> dict[str, Any]:
    """The body on the wire."""
    request = {"model": "lite", "messages": list(messages) or [user()], **parameters}
    message = decode_chat_request(json.dumps(request).encode())
    stream = bool(parameters.get("stream"))
    (wire,) = Anthropic().encode(head(stream=stream), MessageBody(message), binding or bound(model))
    body: dict[str, Any] = json.loads(wire.body)
    return body


def refused(*messages: object, **how: Any) -> tuple[str | None, str]:
    with pytest.raises(Fault) as caught:
        sent(*messages, **how)
    assert caught.value.kind is Kind.CAPABILITY
    return caught.value.param, caught.value.message


def reply(name: str) -> bytes:
    return (FOLDER / f"replies/{name}.json").read_bytes()


def stream(name: str) -> bytes:
    return (FOLDER / f"streams/{name}.sse").read_bytes()


# -- the request around the body --


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://api.anthropic.com", "https://api.anthropic.com/v1/messages"),
        ("https://api.anthropic.com/v1", "https://api.anthropic.com/v1/messages"),
        ("https://api.anthropic.com/v1/", "https://api.anthropic.com/v1/messages"),
        ("https://gw.example.com/anthropic", "https://gw.example.com/anthropic/v1/messages"),
        ("https://gw.example.com/v1?beta=true", "https://gw.example.com/v1/messages?beta=true"),
    ],
)
def test_the_url_is_below_the_root_with_or_without_v1(base: str, url: str) -> None:
    (wire,) = Anthropic().encode(
        head(stream=False), MessageBody(chat_pb2.ChatRequest(messages=[USER])), bound(base_url=base)
    )
    assert wire.url == url


USER = chat_pb2.Message(role=chat_pb2.ROLE_USER, content="Hello")


def test_the_version_is_sent_and_a_targets_own_headers_win() -> None:
    request = MessageBody[Message](chat_pb2.ChatRequest(messages=[USER]))
    (wire,) = Anthropic().encode(head(stream=False), request, bound())
    assert wire.headers == {
        "anthropic-version": "2023-06-01",
        "content-type": "application/json",
        "accept": "application/json",
    }
    own = {"Anthropic-Version": "2026-10-21", "anthropic-beta": "files-api-2025-04-14"}
    (wire,) = Anthropic().encode(head(stream=True), request, bound(headers=own))
    assert wire.headers == {
        "anthropic-version": "2026-10-21",
        "anthropic-beta": "files-api-2025-04-14",
        "content-type": "application/json",
        "accept": "text/event-stream",
        "accept-encoding": "identity",
    }


def test_the_row_is_signed_with_its_own_header_and_has_no_embeddings() -> None:
    row = VENDORS["anthropic"]
    assert row.signer == "x-api-key"
    assert row.operations == {Operation.CHAT, Operation.COMPLETE}
    assert isinstance(dialect_of(row), TextAsChat)


def test_a_text_completion_is_a_chat() -> None:
    request = completion_pb2.CompletionRequest(prompt=completion_pb2.Prompt(text="Once"), max_tokens=9)
    complete = Head(operation=Operation.COMPLETE, route="lite")
    (wire,) = dialect_of(VENDORS["anthropic"]).encode(complete, MessageBody(request), bound())
    assert json.loads(wire.body) == {
        "model": "claude-sonnet-4-5",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "Once"}],
    }
    answer = WireReply(status=200, headers={}, body=reply("text"))
    text_reply = dialect_of(VENDORS["anthropic"]).decode(Operation.COMPLETE, [answer], bound())
    assert isinstance(text_reply, completion_pb2.CompletionResponse)
    assert text_reply.choices[0].text == "Hello there!"


@pytest.mark.parametrize("operation", [Operation.COMPLETE, Operation.EMBED])
def test_alone_it_only_chats(operation: Operation) -> None:
    other = Head(operation=operation, route="lite")
    body = MessageBody[Message](chat_pb2.ChatRequest(messages=[USER]))
    for ask in (
        lambda: Anthropic().encode(other, body, bound()),
        lambda: Anthropic().decode(operation, [], bound()),
        lambda: Anthropic().decoder(other, body, bound()),
    ):
        with pytest.raises(Fault) as caught:
            ask()  # type: ignore[no-untyped-call]
        assert caught.value.kind is Kind.UNSUPPORTED


# -- parameters --


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
        response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
        output_config={"task_budget": {"type": "tokens", "total": 20000}},
    )
    assert body["output_config"] == {
        "effort": "high",
        "format": {"type": "json_schema", "schema": {"type": "object"}},
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


# -- turns --


def turns(*messages: object, **how: Any) -> list[tuple[str, Any]]:
    return [(turn["role"], turn["content"]) for turn in sent(*messages, **how)["messages"]]


SAY = {"role": "assistant", "content": "Hello."}
LATER = {"role": "system", "content": "Now in French."}


def test_a_system_message_in_the_middle_stays_where_the_model_takes_it() -> None:
    """At the end of the user's turn: Anthropic takes it nowhere else."""
    expected = [("user", "Hi"), ("assistant", "Hello."), ("user", "Bye"), ("system", "Now in French.")]
    assert turns(user("Hi"), SAY, LATER, user("Bye"), model="claude-opus-4-8") == expected
    assert turns(user("Hi"), SAY, user("Bye"), LATER, model="claude-opus-4-8") == expected
    assert turns(user("Hi"), LATER, SAY, user("Bye"), model="claude-opus-5-5") == [
        ("user", "Hi"),
        ("system", "Now in French."),
        ("assistant", "Hello."),
        ("user", "Bye"),
    ]


def test_elsewhere_it_joins_the_system_prompt_in_order() -> None:
    first = {"role": "system", "content": "Be brief."}
    for model, messages in (
        ("claude-sonnet-4-5", (first, user("Hi"), SAY, LATER, user("Bye"))),
        ("claude-sonnet-5", (first, user("Hi"), SAY, LATER, user("Bye"))),
        ("claude-opus-4-8", (first, user("Hi"), SAY, LATER)),
    ):
        assert sent(*messages, model=model)["system"] == [text("Be brief."), text("Now in French.")]


def test_results_stand_first_in_the_users_turn() -> None:
    conversation = (user(), called(call("a"), call("b")), result("a"), user("wait"), result("b"))
    role, content = turns(*conversation)[-1]
    assert role == "user"
    assert [block["type"] for block in content] == ["tool_result", "tool_result", "text"]


def test_a_result_may_be_an_error_and_hold_pictures() -> None:
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    answer = {**result("a", [text("see"), picture]), "is_error": True}
    (block,) = turns(user(), called(call("a")), answer)[-1][1]
    assert block["is_error"] is True
    assert [part["type"] for part in block["content"]] == ["text", "image"]
    assert turns(user(), called(call("a")), result("a", ""))[-1][1] == [
        {"type": "tool_result", "tool_use_id": "a"}
    ]


def test_ids_of_other_providers_are_spelled_in_anthropics_letters() -> None:
    _, (_, (use,)), (_, (answer,)) = turns(user(), called(call("functions.f:0")), result("functions.f:0"))
    assert use["id"] == answer["tool_use_id"]
    assert use["id"].startswith("functions_f_0_")
    assert use["id"] != turns(user(), called(call("functions_f:0")))[1][1][0]["id"]


def test_blank_texts_are_left_out_and_a_conversation_of_nothing_is_refused() -> None:
    assert turns(user([text(""), text("a")]), called(call("a"), content=" "))[1][1][0]["type"] == "tool_use"
    assert refused(user("  "))[0] == "messages"
    assert refused({"role": "system", "content": "Only rules."})[0] == "messages"


def test_cache_markers_pass_on_parts_messages_and_the_system_prompt() -> None:
    body = sent(
        {"role": "system", "content": [{**text("Be brief."), "cache_control": CACHED}]},
        {"role": "user", "content": [{**text("long"), "cache_control": CACHED}, text("short")]},
        {**SAY, "cache_control": CACHED},
        {**user("last"), "cache_control": CACHED},
    )
    marked = {"cache_control": CACHED}
    assert body["system"] == [{**text("Be brief."), **marked}]
    assert [turn["content"] for turn in body["messages"]] == [
        [{**text("long"), **marked}, text("short")],
        [{**text("Hello."), **marked}],
        [{**text("last"), **marked}],
    ]


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ({"file_data": "https://example.com/a.pdf"}, {"type": "url", "url": "https://example.com/a.pdf"}),
        ({"file_url": "https://example.com/a.pdf"}, {"type": "url", "url": "https://example.com/a.pdf"}),
        ({"file_data": PDF}, {"type": "base64", "media_type": "application/pdf", "data": PDF}),
        (
            {"file_data": "data:text/plain,Gr%C3%BC%C3%9Fe"},
            {"type": "text", "media_type": "text/plain", "data": "Grüße"},
        ),
    ],
)
def test_documents_come_from_anywhere(file: dict[str, Any], source: dict[str, Any]) -> None:
    part = {"type": "file", "file": file, "citations": {"enabled": True}}
    assert turns(user([part]))[0][1] == [
        {"type": "document", "source": source, "citations": {"enabled": True}}
    ]


def test_a_file_that_is_a_picture_is_one() -> None:
    (block,) = turns(user([{"type": "file", "file": {"filename": "a.PNG", "file_data": PNG}}]))[0][1]
    assert block == {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}


@pytest.mark.parametrize(
    ("part", "param"),
    [
        ({"type": "image_url", "image_url": {"url": "data:image/bmp;base64,AAAA"}}, "image_url.url"),
        ({"type": "file", "file": {"file_data": "data:application/zip;base64,AAAA"}}, "file.file_data"),
    ],
)
def test_types_that_anthropic_cannot_read_are_refused(part: object, param: str) -> None:
    assert refused(user([part]))[0] == f"messages[0].content[0].{param}"


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "file:///etc/passwd"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,"}},
        {"type": "file", "file": {}},
        {"type": "file", "file": {"file_data": "data:text/plain;base64,/w=="}},
        {"type": "file", "file": {"file_url": 7}},
    ],
)
def test_a_part_that_is_malformed_is_the_callers_fault(part: object) -> None:
    with pytest.raises(Fault) as caught:
        sent(user([part]))
    assert caught.value.kind is Kind.BAD_REQUEST
    assert str(caught.value.param).startswith("messages[0].content[0]")


def test_blocks_that_only_anthropic_has_pass_as_they_stand() -> None:
    upload = {"type": "container_upload", "file_id": "file_1"}
    assert turns(user([upload, text("Go.")]))[0][1] == [upload, text("Go.")]
    marked = {**user([text("Go."), upload]), "cache_control": CACHED}
    assert turns(marked)[0][1] == [text("Go."), {**upload, "cache_control": CACHED}]


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"role": "function", "name": "f", "content": "x"}, "role"),
        ({"role": "critic", "content": "x"}, "role"),
        ({"role": "assistant", "content": None, "audio": {"id": "a"}}, "audio"),
        (
            {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
            "function_call",
        ),
        (
            called({"id": "a", "type": "custom", "custom": {"name": "sql", "input": "x"}}),
            "tool_calls[0]",
        ),
    ],
)
def test_what_has_no_place_in_a_turn_is_refused(message: object, param: str) -> None:
    assert refused(user(), message)[0] == f"messages[1].{param}"


# -- answers, and back again --


def said(name: str) -> dict[str, Any]:
    """The message of a whole answer, as an OpenAI client sees it."""
    message: dict[str, Any] = json.loads(encode_chat_response(whole(Anthropic(), reply(name), bound())))[
        "choices"
    ][0]["message"]
    return message


@pytest.mark.parametrize("name", REPLIES)
def test_a_streams_fold_is_the_whole_answer(name: str) -> None:
    one, many = whole(Anthropic(), reply(name), bound()), streamed(Anthropic(), stream(name), bound())
    assert _comparable(many) == _comparable(one)


def _comparable(answer: chat_pb2.ChatResponse) -> Any:
    """As JSON values: the same arguments may be spelled with other spaces."""
    document = json.loads(encode_chat_response(answer))
    for made in document["choices"][0]["message"].get("tool_calls", ()):
        made["function"]["arguments"] = json.loads(made["function"]["arguments"])
    return document


@pytest.mark.parametrize("name", sorted(set(REPLIES) - {"empty", "refusal"}))
def test_an_answer_goes_back_as_it_came(name: str) -> None:
    message = said(name)
    answered = [result(made["id"], "ok") for made in message.get("tool_calls", ())]
    _, (_, content), *_ = turns(user("a"), message, *answered, user("b"))
    assert ([text(content)] if isinstance(content, str) else content) == json.loads(reply(name))["content"]


def test_an_answer_without_content_leaves_no_turn_and_a_refusal_leaves_its_reason() -> None:
    assert [role for role, _ in turns(user("a"), said("empty"), user("b"))] == ["user"]
    assert turns(user("a"), said("refusal"), user("b"))[1] == ("assistant", "This could do harm.")


def test_text_that_the_client_changed_counts_and_thinking_stays() -> None:
    message = {**said("server_tools"), "content": "Changed."}
    (_, content) = turns(user("a"), message, user("b"))[1]
    assert [block["type"] for block in content] == ["thinking", "text"]
    assert content[1]["text"] == "Changed."


@pytest.mark.parametrize("name", ["content_blocks", "thinking_blocks"])
def test_blocks_that_are_none_are_the_callers_fault(name: str) -> None:
    with pytest.raises(Fault) as caught:
        sent(user(), {**SAY, name: "x"})
    assert (caught.value.kind, caught.value.param) == (Kind.BAD_REQUEST, f"messages[1].{name}")


def test_citations_are_annotations_with_their_place_in_the_content() -> None:
    (annotation,) = said("server_tools")["annotations"]
    place = annotation["url_citation"]
    content = said("server_tools")["content"]
    assert annotation["type"] == "url_citation"
    assert content[place["start_index"] : place["end_index"]] == "It is 4 °C"
    assert place["url"] == "https://example.com/oslo"


@pytest.mark.parametrize(
    ("name", "reason", "extra"),
    [
        ("text", "stop", {}),
        ("stop_sequence", "stop", {"stop_reason": "stop_sequence", "stop_sequence": "three"}),
        ("context_window", "length", {"stop_reason": "model_context_window_exceeded"}),
        ("pause_turn", "pause_turn", {}),
    ],
)
def test_why_it_stopped_is_never_lost(name: str, reason: str, extra: dict[str, Any]) -> None:
    choice = json.loads(encode_chat_response(whole(Anthropic(), reply(name), bound())))["choices"][0]
    assert choice["finish_reason"] == reason
    assert {key: choice[key] for key in ("stop_reason", "stop_sequence") if key in choice} == extra


def test_a_refusal_says_why() -> None:
    answer = json.loads(encode_chat_response(whole(Anthropic(), reply("refusal"), bound())))
    choice = answer["choices"][0]
    assert choice["message"]["refusal"] == "This could do harm."
    assert choice["stop_details"]["category"] == "cyber"


def test_what_else_an_answer_says_of_itself_survives() -> None:
    answer = json.loads(encode_chat_response(whole(Anthropic(), reply("pause_turn"), bound())))
    assert answer["container"]["id"] == "container_1"
    assert answer["service_tier"] == "default"
    used = json.loads(encode_chat_response(whole(Anthropic(), reply("server_tools"), bound())))["usage"]
    assert used["server_tool_use"]["web_search_requests"] == 1


def test_thinking_tokens_are_counted_apart() -> None:
    usage = whole(Anthropic(), reply("reasoning"), bound()).usage
    assert usage.completion_tokens_details.reasoning_tokens == 3
    assert usage.completion_tokens == 5


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"<html>please log in</html>", "text/html"),
        (b"<html>please log in</html>", "application/json"),
        (b"", "application/json"),
        (b"[]", "application/json"),
        (b"{}", "application/json"),
        (b"\xff\xfe", "application/json"),
        (b'{"content": [{"type": "text"}]}', "application/json"),
        (b'{"content": [{"type": "text", "text": "\xff"}]}', "application/json"),
        (b'{"content": [], "usage": {"input_tokens": 1e30}}', "application/json"),
        (b'{"content": [], "usage": {"input_tokens": 99999999999999999999}}', "application/json"),
        (b'{"content": ' + b"[" * 100_000, "application/json"),
    ],
)
def test_a_200_that_is_no_message_is_a_protocol_fault(body: bytes, content_type: str) -> None:
    answer = WireReply(status=200, headers={"content-type": content_type}, body=body)
    with pytest.raises(Fault) as caught:
        Anthropic().decode(Operation.CHAT, [answer], bound())
    assert caught.value.kind is Kind.UPSTREAM_PROTOCOL


def test_an_error_inside_a_200_is_that_error() -> None:
    for name in ("overloaded", "rate_limit", "bad_request"):
        answer = fixture("anthropic", "errors")[name]
        with pytest.raises(UpstreamFailure) as caught:
            whole(Anthropic(), json.dumps(answer["body"]).encode(), bound())
        assert caught.value.status == answer["status"]


# -- errors --


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("context_with_max_tokens", Kind.CONTEXT_LENGTH),
        ("no_temperature", Kind.CAPABILITY),
        ("unknown_block", Kind.CAPABILITY),
        ("no_system_turns", Kind.CAPABILITY),
        ("billing", Kind.UPSTREAM_QUOTA),
        ("spend_limit", Kind.UPSTREAM_QUOTA),
        ("ramp_limit", Kind.UPSTREAM_RATE_LIMIT),
        ("on_hold", Kind.UPSTREAM_QUOTA),
    ],
)
def test_errors_that_say_more_than_their_type(name: str, kind: Kind) -> None:
    assert fault_of(Anthropic(), "anthropic", fixture("anthropic", "errors")[name]).kind is kind


def test_a_callers_words_never_empty_an_account() -> None:
    """Only the provider's own words, at the start, say that there is no credit left."""
    message = "messages.0: 'Your credit balance is too low' is no role"
    body = {"type": "error", "error": {"type": "invalid_request_error", "message": message}}
    assert fault_of(Anthropic(), "anthropic", {"status": 400, "body": body}).kind is Kind.CLIENT_FAULT


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"error": 7}', b'{"error": {"details": []}}'])
def test_an_error_that_cannot_be_read_is_an_empty_one(body: bytes) -> None:
    error = Anthropic().error(WireReply(status=500, headers={}, body=body))
    assert (error.type, error.code) == ("", "")


# -- streams --


def told(run: Callable[[], Any]) -> object:
    try:
        return run()
    except Fault as fault:
        return (fault.kind, fault.message)
    except UpstreamFailure as failure:
        return (failure.status, failure.error)


@pytest.mark.parametrize("name", STREAMS)
def test_every_split_of_a_stream_gives_the_same_chunks(name: str) -> None:
    data = stream(name)
    expected = told(lambda: chunks(Anthropic(), data, bound()))
    framed = Anthropic().framing().feed(data)
    for cut in range(1, len(data)):
        framing = Anthropic().framing()
        assert [*framing.feed(data[:cut]), *framing.feed(data[cut:])] == framed
    for size in (1, 7, 64):
        cuts = range(size, len(data), size)
        assert told(lambda cuts=cuts: chunks(Anthropic(), data, bound(), cuts)) == expected  # type: ignore[misc]


def test_text_comes_piece_by_piece_and_usage_last() -> None:
    first, *pieces, end, usage = chunks(Anthropic(), stream("text"), bound())
    assert first.choices[0].delta.role == chat_pb2.ROLE_ASSISTANT
    assert [chunk.choices[0].delta.content for chunk in pieces] == ["Hello", " ther", "e!"]
    assert end.choices[0].finish_reason == chat_pb2.FINISH_REASON_STOP
    assert not usage.choices
    assert usage.usage.total_tokens == 15
    assert {chunk.id for chunk in (first, *pieces, end, usage)} == {"msg_1"}


def test_an_error_in_the_middle_of_a_stream_is_that_error() -> None:
    with pytest.raises(UpstreamFailure) as caught:
        chunks(Anthropic(), stream("overloaded_stream"), bound())
    assert (caught.value.status, caught.value.error.type) == (529, "overloaded_error")


def test_a_stream_without_its_last_event_is_a_cut() -> None:
    with pytest.raises(Fault) as caught:
        chunks(Anthropic(), stream("cut"), bound())
    assert caught.value.kind is Kind.STREAM_INTERRUPTED


def test_events_and_blocks_that_are_new_harm_nothing() -> None:
    assert streamed(Anthropic(), stream("unknown_event"), bound()) == streamed(
        Anthropic(), stream("text"), bound()
    )
    kept = json.loads(streamed(Anthropic(), stream("unknown_block"), bound()).choices[0].message.extra_json)
    assert kept["content_blocks"][1] == {"type": "sketch", "strokes": [[0, 0], [1, 1]], "caption": "a line"}


def test_arguments_that_were_cut_stay_as_they_came_and_what_is_kept_is_json() -> None:
    message = streamed(Anthropic(), stream("broken_arguments"), bound()).choices[0].message
    assert message.tool_calls[0].function.arguments == '{"city": "Os'
    kept = json.loads(message.extra_json)["content_blocks"]
    assert [block.get("input") for block in kept] == [
        None,
        {"INVALID_JSON": '{"query": "Os'},
        {"INVALID_JSON": '{"city": "Os'},
    ]


@pytest.mark.parametrize(
    "data",
    [
        b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"x"}}',
        b'{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}',
        b'{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}',
        b'{"type":"message_stop"}',
        b'{"type":7}',
        b"[]",
        b"\xff",
    ],
)
def test_events_out_of_order_are_a_protocol_fault(data: bytes) -> None:
    with pytest.raises(Fault) as caught:
        chunks(Anthropic(), b"data: " + data + b"\n\n", bound())
    assert caught.value.kind is Kind.UPSTREAM_PROTOCOL


def test_a_message_that_ends_before_it_says_anything_is_no_answer() -> None:
    start, stop = stream("empty").split(b"\n\n")[0], stream("empty").split(b"\n\n")[-2]
    with pytest.raises(Fault) as caught:
        chunks(Anthropic(), b"\n\n".join([start, stop, b""]), bound())
    assert caught.value.kind is Kind.UPSTREAM_PROTOCOL


# -- garbage --

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "text", "index", "delta", "usage", "content", "id", "input", "citations", "message"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
_TYPES = [
    *("message_start", "message_delta", "message_stop", "error", "ping", "other"),
    *("content_block_start", "content_block_delta", "content_block_stop"),
]
_EVENTS = st.lists(
    st.builds(
        lambda kind, more: {**(more if isinstance(more, dict) else {}), "type": kind},
        st.sampled_from(_TYPES),
        _JSON,
    )
    | st.sampled_from(
        [json.loads(line[6:]) for line in stream("server_tools").splitlines() if line.startswith(b"data: ")]
    ),
    max_size=12,
)


@given(events=_EVENTS)
def test_a_stream_of_garbage_raises_only_faults(events: list[dict[str, Any]]) -> None:
    data = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)
    made = told(lambda: fold_chat(chunks(Anthropic(), data, bound())))
    if isinstance(made, chat_pb2.ChatResponse):
        encode_chat_response(made)


@given(body=_JSON)
@example(body={"content": [{"type": "text", "text": "a", "citations": [1]}]})
@example(body={"content": [{"type": "tool_use", "id": "a", "name": "b"}]})
@example(body={"content": [{"type": "tool_use", "id": 1, "name": "b", "input": {}}]})
@example(body={"content": [{"type": 1}], "usage": []})
def test_an_answer_of_garbage_raises_only_faults(body: object) -> None:
    told(lambda: encode_chat_response(whole(Anthropic(), json.dumps(body).encode(), bound())))


@given(data=st.binary(max_size=64))
def test_bytes_of_garbage_raise_only_faults(data: bytes) -> None:
    told(lambda: whole(Anthropic(), data, bound()))
    told(lambda: chunks(Anthropic(), data, bound()))
