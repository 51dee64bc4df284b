"""Anthropic's messages: which blocks there are, and how turns have to fit each other."""

from typing import Any

import pytest

from tests.support.anthropic_requests import GIF, PLAIN, RESULT, THINKING, THOUGHT, USE, answer, turns

NOT_PNG = (
    "The image was specified using the image/png media type, but the image appears to be a image/gif image"
)


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"type": "text", "text": ""}, "messages: text content blocks must be non-empty"),
        ({"type": "text", "text": " "}, "messages: text content blocks must contain non-whitespace text"),
        ({"type": "text"}, "messages.0.content.0.text.text: Field required"),
        (
            {"type": "text", "text": "a", "x": 1},
            "messages.0.content.0.text.x: Extra inputs are not permitted",
        ),
        (
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": GIF}},
            "messages.0.content.0.image.source.base64: " + NOT_PNG,
        ),
        (
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGVsbG8="}},
            "Could not process image",
        ),
        (
            {"type": "image", "source": {"type": "url", "url": "http://example.com/a.png"}},
            "messages.0.content.0.image.source.url.url: Only HTTPS URLs are supported.",
        ),
        (
            {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": GIF}},
            "messages.0.content.0.document.source.base64: The PDF specified was not valid.",
        ),
        (USE, "messages.0.content.0: `tool_use` blocks can only be in `assistant` messages"),
        (THOUGHT, "messages.0.content.0: `thinking` blocks can only be in `assistant` messages"),
    ],
)
def test_a_wrong_block_is_refused_by_its_path(block: Any, message: str):
    assert answer(turns([block])) == (400, message)


def test_an_unknown_block_is_answered_with_those_that_are_known():
    status, message = answer(turns([{"type": "image_url", "image_url": {"url": "https://example.com/a"}}]))
    assert status == 400
    assert message.startswith("messages.0.content.0: Input tag 'image_url' found using 'type' does not match")


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        (["a", [USE], "b"], "`tool_use` ids were found without `tool_result` blocks immediately after: t1."),
        (["a", [USE]], "`tool_use` ids were found without `tool_result` blocks immediately after: t1."),
        (["a", "b", [RESULT]], "unexpected `tool_use_id` found in `tool_result` blocks: t1."),
        (["a", [USE], [RESULT, RESULT]], "each tool_use must have a single result."),
        (
            ["a", [USE], [{"type": "text", "text": "first"}, RESULT]],
            "`tool_use` ids were found without `tool_result` blocks immediately after: t1.",
        ),
        (["a", [USE, USE], [RESULT]], "`tool_use` ids must be unique: t1"),
        (["a", ""], None),
        (["a", "", "b"], "all messages must have non-empty content except for the optional final assistant"),
        (["a", "b "], "final assistant content cannot end with trailing whitespace"),
        (["a", [{**THOUGHT, "thinking": "no"}, USE], [RESULT]], "Invalid `signature` in `thinking` block"),
        (["a", [THOUGHT, USE], [RESULT, {"type": "text", "text": "and"}]], None),
    ],
)
def test_turns_have_to_fit_each_other(contents: Any, words: str | None):
    status, message = answer(turns(*contents))
    assert status == (200 if words is None else 400)
    assert (words or "") in message


def test_neighbours_of_one_role_are_one_turn():
    user: Any = {"role": "user", "content": "a"}
    assistant: Any = {"role": "assistant", "content": [USE]}
    results: Any = [{"role": "user", "content": [RESULT]}, {"role": "user", "content": "and"}]
    assert answer({**PLAIN, "messages": [user, user, assistant, *results]})[0] == 200
    assert answer({**PLAIN, "messages": [user, user, assistant, *reversed(results)]})[0] == 400


def test_the_system_speaks_at_the_top_or_after_a_turn():
    system: Any = {"role": "system", "content": "s"}
    assert answer({**PLAIN, "messages": [*PLAIN["messages"], system]})[0] == 200
    status, message = answer({**PLAIN, "messages": [system, *PLAIN["messages"]]})
    assert (status, message[:34]) == (400, 'messages: Unexpected role "system"')


def test_thinking_goes_on_only_from_its_block():
    assert answer({**turns("a", [THOUGHT, USE], [RESULT]), "thinking": THINKING})[0] == 200
    status, message = answer({**turns("a", [USE], [RESULT]), "thinking": THINKING})
    assert status == 400
    assert message.startswith(
        "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found"
    )
    assert answer({**turns("a", "b", "c"), "thinking": THINKING})[0] == 200
