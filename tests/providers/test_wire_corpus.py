"""Replays recorded provider traffic, where SWITCH_WIRE_CORPUS names the folder that holds it."""

from collections.abc import Iterator
from typing import Any

import pytest

from switch_grpc.faults import Fault, Kind
from switch_grpc.openai_wire import fold_chat
from switch_grpc.providers.classify import classify
from switch_grpc.providers.dialects.base import Binding, UpstreamFailure, WireReply, has_content
from switch_grpc.providers.dialects.openai import OpenAI, stream_kind
from switch_grpc.request import Head, MessageBody, Operation
from switch_grpc.v1 import chat_pb2, embedding_pb2
from tests.support.wire_corpus import exchanges, recorded

BINDING = Binding(target="a", provider="custom", model="m", base_url="http://x/v1")
HEAD = Head(operation=Operation.CHAT, route="lite", stream=True)
OPERATIONS = {"openai-chat.jsonl": Operation.CHAT, "openai-embeddings.jsonl": Operation.EMBED}

pytestmark = recorded


def in_text(name: str) -> Iterator[dict[str, Any]]:
    """Those whose answer is no binary stream."""
    return (exchange for exchange in exchanges(name) if isinstance(exchange["response"], str))


def chunks(data: bytes, size: int) -> list[chat_pb2.ChatChunk]:
    dialect = OpenAI()
    framing = dialect.framing()
    decoder = dialect.decoder(HEAD, MessageBody(chat_pb2.ChatRequest()), BINDING)
    out: list[Any] = []
    for at in range(0, len(data), size):
        for event in framing.feed(data[at : at + size]):
            out += decoder.feed(event)
    return [*out, *decoder.finish()]


def test_every_recorded_stream_is_complete_however_it_is_split() -> None:
    seen = 0
    for exchange in in_text("openai-chat.jsonl"):
        headers = {"content-type": exchange["content_type"] or ""}
        if exchange["status"] != 200 or "event-stream" not in headers["content-type"]:
            continue
        assert stream_kind(headers) == "sse"
        data = exchange["response"].encode()
        if "event: error" in exchange["response"]:
            with pytest.raises(UpstreamFailure) as caught:
                chunks(data, 100)
            assert caught.value.error.code == "tool_use_failed"
            continue
        whole = chunks(data, len(data))
        assert fold_chat(whole).choices, exchange["case"]
        assert all(chunks(data, size) == whole for size in (1, 17, 1000)), exchange["case"]
        seen += 1
    assert seen > 20


def test_the_first_thought_of_a_stream_of_mistrals_commits_it() -> None:
    """What it thinks comes as a list of parts where others have a text."""
    (exchange,) = (
        each
        for each in in_text("openai-chat.jsonl")
        if each["host"] == "api.mistral.ai" and '"thinking":[' in each["response"]
    )
    made = chunks(exchange["response"].encode(), 100)
    first = next(chunk for chunk in made if has_content(chunk))
    assert first.choices[0].delta.reasoning == "Okay"
    message = fold_chat(made).choices[0].message
    assert message.reasoning.startswith("Okay, the user is")
    assert "cross" in message.content
    assert (len(message.parts), message.extra_json) == (0, "")


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_recorded_answer_is_read_and_what_is_none_is_told_apart(name: str) -> None:
    kinds = {
        type(read(OPERATIONS[name], exchange))
        for exchange in in_text(name)
        if exchange["status"] == 200 and "json" in (exchange["content_type"] or "")
    }
    # One recording is of a server that only describes the request it got: no answer.
    assert kinds <= {chat_pb2.ChatResponse, embedding_pb2.EmbedResponse, Fault}


def read(operation: Operation, exchange: dict[str, Any]) -> object:
    headers = {"content-type": exchange["content_type"]}
    reply = WireReply(status=200, headers=headers, body=exchange["response"].encode())
    try:
        return OpenAI().decode(operation, [reply], BINDING)
    except Fault as fault:
        return None if '"choices"' in exchange["response"] else fault


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_recorded_error_is_one_that_is_known(name: str) -> None:
    for exchange in in_text(name):
        if exchange["status"] < 400:
            continue
        reply = WireReply(status=exchange["status"], headers={}, body=exchange["response"].encode())
        error = OpenAI().error(reply)
        assert error.message, exchange["case"]
        fault = classify(
            provider="custom", target="a", status=reply.status, headers={}, error=error,
            patterns=(), permanent=True, now_wall=0.0,
        ).fault  # fmt: skip
        expected = {404: Kind.UPSTREAM_MODEL_MISSING, 400: Kind.CAPABILITY, 429: Kind.UPSTREAM_RATE_LIMIT}
        assert fault.kind is expected[exchange["status"]], exchange["case"]
