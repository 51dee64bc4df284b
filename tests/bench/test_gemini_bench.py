"""What translating for Gemini costs. Run alone: `pytest tests/bench/test_gemini_bench.py`.

The limits are for the fastest round, since a shared machine makes the others slower at will.
"""

from typing import Any

from switch_grpc.openai_wire import decode_chat_request
from switch_grpc.providers.dialects.base import Binding, Event, WireReply
from switch_grpc.providers.dialects.gemini import Gemini
from switch_grpc.request import Head, MessageBody, Operation
from switch_grpc.v1 import chat_pb2
from tests.bench.test_openai_wire_bench import LARGE, MICROSECOND, SMALL, fastest
from tests.support.conformance import FIXTURES

BINDING = Binding(
    target="a",
    provider="gemini",
    model="gemini-2.5-flash",
    base_url="https://generativelanguage.googleapis.com/v1beta",
)
HEAD = Head(operation=Operation.CHAT, route="lite")
ANSWER = (FIXTURES / "gemini/replies/text.json").read_bytes()
PIECE = (FIXTURES / "gemini/streams/text.sse").read_bytes().split(b"\r\n")[0].removeprefix(b"data: ")


def there_and_back(request: chat_pb2.ChatRequest) -> None:
    dialect = Gemini()
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
    decoder = Gemini().decoder(HEAD, MessageBody(chat_pb2.ChatRequest()), BINDING)
    benchmark(decoder.feed, Event("", PIECE))
    assert fastest(benchmark) <= 15 * MICROSECOND
