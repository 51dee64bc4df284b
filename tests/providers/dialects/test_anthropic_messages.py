"""Laws of Anthropic's turns beyond the shared table: where messages go, and blocks that travel."""

from typing import Any

import pytest

from switch_grpc.faults import Fault, Kind
from tests.support.anthropic_dialect import CACHED, SAY, refused, sent, turns
from tests.support.conformance import (
    PDF,
    PNG,
    call,
    called,
    result,
    text,
    user,
)

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
    assert refused({"role": "system", "content": " "}, user(""))[0] == "messages"


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
        ({"role": "function", "name": "f", "content": "x"}, "name"),
        ({"role": "critic", "content": "x"}, "role"),
        ({"role": "assistant", "content": None, "audio": {"id": "a"}}, "audio"),
        (
            called({"id": "a", "type": "custom", "custom": {"name": "sql", "input": "x"}}),
            "tool_calls[0]",
        ),
    ],
)
def test_what_has_no_place_in_a_turn_is_refused(message: object, param: str) -> None:
    assert refused(user(), message)[0] == f"messages[1].{param}"


def test_calls_of_one_id_in_two_answers_get_two() -> None:
    """Some servers count the calls of each answer from 0; Anthropic refuses one id twice."""
    again = [called(call("call_0")), result("call_0")]
    told = turns(user(), *again, *again)
    uses = [block["id"] for _, content in told for block in content if "input" in block]
    results = [block["tool_use_id"] for _, content in told for block in content if "tool_use_id" in block]
    assert len(set(uses)) == 2
    assert uses == results
