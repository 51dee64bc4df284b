"""Laws of the Anthropic dialect around its bodies: addresses, headers, which operations it serves."""

import json

import pytest
from google.protobuf.message import Message

from switch_grpc.faults import Fault, Kind
from switch_grpc.providers.dialects.anthropic import Anthropic
from switch_grpc.providers.dialects.base import WireReply
from switch_grpc.providers.dialects.text_as_chat import TextAsChat
from switch_grpc.providers.vendors import VENDORS, dialect_of
from switch_grpc.request import Head, MessageBody, Operation
from switch_grpc.v1 import chat_pb2, completion_pb2
from tests.support.anthropic_dialect import (
    bound,
    reply,
)
from tests.support.conformance import (
    head,
)


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
