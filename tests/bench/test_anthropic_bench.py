"""What translating for Anthropic costs. Run alone: `pytest tests/bench/test_anthropic_bench.py`.

The limits are for the fastest round, since a shared machine makes the others slower at will.
"""

import json
from typing import Any

from switch_grpc.openai_wire import decode_chat_request
from switch_grpc.providers.dialects.anthropic import Anthropic
from switch_grpc.providers.dialects.base import Binding, Event, WireReply
from switch_grpc.request import Head, MessageBody, Operation
from switch_grpc.v1 import chat_pb2
from tests.bench.test_openai_wire_bench import LARGE, MICROSECOND, SMALL, fastest

BINDING = Binding(
    target="a", provider="anthropic", model="claude-sonnet-4-5", base_url="https://api.anthropic.com"
)
HEAD = Head(operation=Operation.CHAT, route="lite")
ANSWER = json.dumps(
    {
        "id": "msg_01XFDUDYJgAACzvnptvVoYEL",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5-20250929",
        "content": [{"type": "text", "text": "Hello! How can I help you today?"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 19,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
            "output_tokens": 12,
            "service_tier": "standard",
        },
    },
    separators=(",", ":"),
).encode()
START = (
    b'{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","content":[],'
    b'"model":"claude-sonnet-4-5-20250929","stop_reason":null,"usage":{"input_tokens":19,"output_tokens":1}}}'
)
BLOCK = b'{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}'
PIECE = b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}           }'


def there_and_back(request: chat_pb2.ChatRequest) -> None:
    dialect = Anthropic()
    dialect.encode(HEAD, MessageBody(request), BINDING)
    reply = WireReply(status=200, headers={"content-type": "application/json"}, body=ANSWER)
    dialect.decode(Operation.CHAT, [reply], BINDING)


def test_a_small_chat_there_and_back(benchmark: Any) -> None:
    benchmark(there_and_back, decode_chat_request(SMALL))
    assert fastest(benchmark) <= 60 * MICROSECOND


def test_a_large_chat_there_and_back(benchmark: Any) -> None:
    benchmark(there_and_back, decode_chat_request(LARGE))
    assert fastest(benchmark) <= 600 * MICROSECOND


def test_a_piece_of_a_stream(benchmark: Any) -> None:
    decoder = Anthropic().decoder(HEAD, MessageBody(chat_pb2.ChatRequest()), BINDING)
    for data in (START, BLOCK):
        decoder.feed(Event("", data))
    benchmark(decoder.feed, Event("content_block_delta", PIECE))
    assert fastest(benchmark) <= 15 * MICROSECOND
