"""Laws of Anthropic's whole answers, and of their way back to Anthropic."""

import json
from typing import Any

import pytest

from switch_grpc.faults import Fault, Kind
from switch_grpc.openai_wire import encode_chat_response
from switch_grpc.providers.dialects.anthropic import Anthropic
from switch_grpc.providers.dialects.base import UpstreamFailure, WireReply
from switch_grpc.request import Operation
from switch_grpc.v1 import chat_pb2
from tests.support.anthropic_dialect import (
    REPLIES,
    SAY,
    bound,
    reply,
    said,
    sent,
    stream,
    turns,
)
from tests.support.conformance import (
    fixture,
    result,
    streamed,
    text,
    user,
    whole,
)


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
