"""What one chunk of a provider's stream costs: framing, and framing with decoding. Run by `make bench`."""

import json

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from switch_grpc.providers.dialects.base import Binding
from switch_grpc.providers.dialects.openai import OpenAI
from switch_grpc.providers.framing.sse import ServerSentEvents
from switch_grpc.request import Head, MessageBody, Operation
from switch_grpc.v1 import chat_pb2

CHUNKS = 1000
BINDING = Binding(target="a", provider="openai", model="m", base_url="http://x/v1")
HEAD = Head(operation=Operation.CHAT, route="lite", stream=True)


def chunk(end: str) -> bytes:
    body = {
        "id": "chatcmpl-bbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
        "object": "chat.completion.chunk",
        "created": 1790000000,
        "model": "a-model-2026-01-01",
        "service_tier": "default",
        "system_fingerprint": "fp_0123456789",
        "choices": [{"index": 0, "delta": {"content": " token"}, "logprobs": None, "finish_reason": None}],
        "usage": None,
        "obfuscation": "aaaaaaaaaaaaa",
    }
    return b"data: " + json.dumps(body, separators=(",", ":")).encode() + end.encode()


def reads(end: str, size: int) -> list[bytes]:
    data = chunk(end) * CHUNKS
    size = size or len(chunk(end))
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize(
    ("end", "size"),
    [("\n\n", 0), ("\n\n", 16384), ("\n\n", 100), ("\r\n\r\n", 16384)],
    ids=["one event a read", "16 KiB reads", "100 byte reads", "CRLF in 16 KiB reads"],
)
def test_framing_a_thousand_chunks(benchmark: BenchmarkFixture, end: str, size: int) -> None:
    pieces = reads(end, size)

    def run() -> int:
        framing = ServerSentEvents()
        return sum(len(framing.feed(piece)) for piece in pieces)

    assert benchmark(run) == CHUNKS


def test_framing_and_decoding_a_thousand_chunks(benchmark: BenchmarkFixture) -> None:
    pieces = reads("\n\n", 16384)

    def run() -> int:
        dialect = OpenAI()
        framing = dialect.framing()
        decoder = dialect.decoder(HEAD, MessageBody(chat_pb2.ChatRequest()), BINDING)
        return sum(len(decoder.feed(event)) for piece in pieces for event in framing.feed(piece))

    assert benchmark(run) == CHUNKS
