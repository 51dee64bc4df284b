"""What translating costs, per dialect. Run alone: `pytest tests/bench/test_dialect_bench.py`.

The limits are for the fastest round, since a shared machine makes the others slower at will.
"""

from dataclasses import dataclass
from typing import Any

import pytest

from switch_grpc.openai_wire import decode_chat_request
from switch_grpc.providers.dialects.anthropic import Anthropic
from switch_grpc.providers.dialects.base import Binding, Dialect, Event, WireReply
from switch_grpc.providers.dialects.converse import Converse
from switch_grpc.providers.dialects.gemini import Gemini
from switch_grpc.request import Head, MessageBody, Operation
from switch_grpc.v1 import chat_pb2
from tests.bench.test_openai_wire_bench import LARGE, MICROSECOND, SMALL, fastest
from tests.support.conformance import FIXTURES

HEAD = Head(operation=Operation.CHAT, route="lite")


@dataclass(frozen=True, slots=True)
class Subject:
    """A dialect, an answer in its fixtures' folder, and of a stream its beginning and one piece."""

    dialect: Dialect
    binding: Binding
    folder: str
    begin: tuple[Event, ...]
    piece: Event

    def there_and_back(self, request: chat_pb2.ChatRequest, answer: bytes) -> None:
        self.dialect.encode(HEAD, MessageBody(request), self.binding)
        reply = WireReply(status=200, headers={"content-type": "application/json"}, body=answer)
        self.dialect.decode(Operation.CHAT, [reply], self.binding)


SUBJECTS = {
    "anthropic": Subject(
        Anthropic(),
        Binding(
            target="a", provider="anthropic", model="claude-sonnet-4-5", base_url="https://api.anthropic.com"
        ),
        "anthropic",
        (
            Event(
                "",
                b'{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant",'
                b'"content":[],"model":"claude-sonnet-4-5-20250929","stop_reason":null,'
                b'"usage":{"input_tokens":19,"output_tokens":1}}}',
            ),
            Event("", b'{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}'),
        ),
        Event(
            "content_block_delta",
            b'{"type":"content_block_delta","index":0,'
            b'"delta":{"type":"text_delta","text":"Hello"}           }',
        ),
    ),
    "converse": Subject(
        Converse(),
        Binding(
            target="a", provider="bedrock", model="claude-haiku-4-5", base_url="https://b", region="us-east-1"
        ),
        "converse",
        (Event("messageStart", b'{"role":"assistant"}'),),
        Event(
            "contentBlockDelta",
            b'{"contentBlockIndex":0,"delta":{"text":"Hello"},"p":"abcdefghijklmnopqrstuvwxyzABCDEFGH"}',
        ),
    ),
    "gemini": Subject(
        Gemini(),
        Binding(
            target="a",
            provider="gemini",
            model="gemini-2.5-flash",
            base_url="https://generativelanguage.googleapis.com/v1beta",
        ),
        "gemini",
        (),
        Event(
            "",
            (FIXTURES / "gemini/streams/text.sse").read_bytes().split(b"\r\n")[0].removeprefix(b"data: "),
        ),
    ),
}


@pytest.fixture(params=SUBJECTS)
def subject(request: pytest.FixtureRequest) -> Subject:
    return SUBJECTS[request.param]


@pytest.mark.parametrize(("chat", "limit"), [(SMALL, 60), (LARGE, 600)], ids=["small", "large"])
def test_a_chat_there_and_back(benchmark: Any, subject: Subject, chat: bytes, limit: int) -> None:
    answer = (FIXTURES / subject.folder / "replies/text.json").read_bytes()
    benchmark(subject.there_and_back, decode_chat_request(chat), answer)
    assert fastest(benchmark) <= limit * MICROSECOND


def test_a_piece_of_a_stream(benchmark: Any, subject: Subject) -> None:
    decoder = subject.dialect.decoder(HEAD, MessageBody(chat_pb2.ChatRequest()), subject.binding)
    for event in subject.begin:
        decoder.feed(event)
    benchmark(decoder.feed, subject.piece)
    assert fastest(benchmark) <= 15 * MICROSECOND
