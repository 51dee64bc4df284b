"""Recorded traffic of real providers goes in and comes out with nothing lost."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from switch_grpc import openai_wire
from tests.support.json_values import differences, exact
from tests.support.wire_corpus import exchanges, recorded

pytestmark = recorded


def recordings(name: str, path: str) -> list[dict[str, Any]]:
    return [row for row in exchanges(name) if row["path"].endswith(path) and is_json(row["request"])]


def is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


CHAT = recordings("openai-chat.jsonl", "/chat/completions")
ANSWERED = [row for row in CHAT if row["status"] == 200 and isinstance(row["response"], str)]
STREAMED = [row for row in ANSWERED if "event-stream" in row["content_type"]]
WHOLE = [row for row in ANSWERED if row not in STREAMED and '"choices"' in row["response"]]
EMBEDDINGS = recordings("openai-embeddings.jsonl", "/embeddings")


def case(row: dict[str, Any]) -> str:
    return str(row["case"])


def events(row: dict[str, Any]) -> Iterator[bytes]:
    """The data of each event that is a chunk."""
    for line in row["response"].splitlines():
        data = line.removeprefix("data:").strip()
        if line.startswith("data:") and data != "[DONE]" and '"choices"' in data:
            yield data.encode()


def canonical(value: Any) -> Any:
    """What decoding changes on purpose: where the reasoning is, and members that OpenAI always writes."""
    if isinstance(value, list):
        return [canonical(item) for item in value]
    if not isinstance(value, dict):
        return value
    changed = {name: canonical(item) for name, item in value.items()}
    match changed.get("content"):
        case [{"type": "thinking", "thinking": [{"type": "text", "text": thought}]}]:
            changed["content"], changed["reasoning_content"] = None, thought
        case [{"type": "thinking", "thinking": []}]:  # the end of them
            changed["content"] = None
        case [{"type": "text", "text": said}]:
            changed["content"] = said
    if isinstance(changed.get("reasoning"), str):
        changed["reasoning_content"] = changed.pop("reasoning")
    if "function" in changed and changed.get("type") is None:
        changed["type"] = "function"
    if "name" in changed and changed.keys() == {"name"}:
        changed["arguments"] = ""
    if changed.get("finish_reason") == "":
        changed["finish_reason"] = None
    return changed


def lost(before: str | bytes, after: bytes) -> list[Any]:
    """What differs, but for a null that came or went."""
    found = differences(canonical(exact(before)), canonical(exact(after)))
    return [(path, old, new) for path, old, new in found if (old, new) not in ((None, ...), (..., None))]


@pytest.mark.parametrize("row", CHAT, ids=case)
def test_a_request_keeps_its_value(row):
    body = exact(row["request"])
    stream = bool(body.get("stream"))
    request = openai_wire.decode_chat_request(row["request"].encode())
    openai_wire.check_chat_request(request)
    sent = openai_wire.encode_chat_request(
        request, model=body["model"], stream=stream, defaults={}, params={}
    )
    if not stream:
        body.pop("stream", None)  # OpenAI's default, and left out
    for tool in body.get("tools", ()):
        tool.setdefault("type", "function")  # Mistral's client leaves it out
    assert list(differences(body, exact(sent))) == []


@pytest.mark.parametrize("row", WHOLE, ids=case)
def test_an_answer_keeps_its_members(row):
    reply = openai_wire.decode_chat_response(row["response"].encode())
    assert lost(row["response"], openai_wire.encode_chat_response(reply)) == []


@pytest.mark.parametrize("row", STREAMED, ids=case)
def test_every_chunk_keeps_its_members(row):
    for data in events(row):
        assert lost(data, openai_wire.encode_chat_chunk(openai_wire.decode_chat_chunk(data))) == []


@pytest.mark.parametrize("row", STREAMED, ids=case)
def test_a_recorded_stream_folds_and_splits_to_the_same_answer(row):
    reply = openai_wire.fold_chat(map(openai_wire.decode_chat_chunk, events(row)))
    assert openai_wire.fold_chat(openai_wire.split_chat(reply)) == reply


@pytest.mark.parametrize("row", EMBEDDINGS, ids=case)
def test_embeddings_keep_their_value(row):
    body = exact(row["request"])
    request = openai_wire.decode_embed_request(row["request"].encode())
    sent = openai_wire.encode_embed_request(
        request, model=body["model"], stream=False, defaults={}, params={}
    )
    assert list(differences(body, exact(sent))) == []
    if row["status"] == 200:
        reply = openai_wire.decode_embed_response(row["response"].encode())
        assert lost(row["response"], openai_wire.encode_embed_response(reply)) == []
