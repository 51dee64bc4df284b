"""What reading and writing OpenAI JSON costs. Run alone: `pytest tests/bench/test_openai_wire_bench.py`.

The limits are for the fastest round, since a shared machine makes the others slower at will.
"""

import json
import random
from typing import Any

from http_facade.openai_json import read_request
from switch_grpc.openai_wire import (
    check_chat_request,
    decode_chat_chunk,
    decode_chat_request,
    encode_chat_chunk,
    encode_chat_request,
)
from switch_grpc.request import Operation

MICROSECOND = 1e-6

SMALL = json.dumps(
    {
        "model": "lite",
        "messages": [
            {"role": "system", "content": "You are helpful."},
            {"role": "user", "content": "Hello, world!"},
        ],
        "max_tokens": 100,
        "temperature": 0.7,
        "stream": False,
    },
    separators=(",", ":"),
).encode()
CHUNK = (
    b'{"id":"chatcmpl-123","object":"chat.completion.chunk","created":1694268190,"model":"gpt-4o-mini",'
    b'"system_fingerprint":"fp_44709d6fcb","choices":[{"index":0,"delta":{"content":"Hello"},"logprobs":null,'
    b'"finish_reason":null}]}'
)


def large() -> bytes:
    """50 KB: 60 messages and 5 tools."""
    rng = random.Random(7)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 9))) for _ in range(500)]

    def text(length: int) -> str:
        said = ""
        while len(said) < length:
            said += rng.choice(words) + rng.choice([" "] * 10 + [", ", ". ", ".\n", ' "'])
        return said

    properties = {word: {"type": "string", "description": text(60)} for word in words[:8]}
    schema = {"type": "object", "properties": properties, "required": words[:3]}
    tools = [
        {"type": "function", "function": {"name": f"f{n}", "description": text(200), "parameters": schema}}
        for n in range(5)
    ]
    messages = [{"role": ("user", "assistant")[n % 2], "content": text(720)} for n in range(60)]
    return json.dumps({"model": "lite", "messages": messages, "tools": tools}, separators=(",", ":")).encode()


LARGE = large()


def there_and_back(data: bytes) -> None:
    encode_chat_request(decode_chat_request(data), model="gpt", stream=False, defaults={}, params={})


def fastest(benchmark: Any) -> float:
    return float(benchmark.stats.stats.min)


def test_a_small_request_there_and_back(benchmark: Any) -> None:
    benchmark(there_and_back, SMALL)
    assert fastest(benchmark) <= 25 * MICROSECOND


def test_a_large_request_there_and_back(benchmark: Any) -> None:
    assert 48_000 < len(LARGE) < 56_000
    benchmark(there_and_back, LARGE)
    assert fastest(benchmark) <= 500 * MICROSECOND


def test_a_chunk_is_read(benchmark: Any) -> None:
    benchmark(decode_chat_chunk, CHUNK)
    assert fastest(benchmark) <= 8 * MICROSECOND


def test_a_chunk_is_written(benchmark: Any) -> None:
    benchmark(encode_chat_chunk, decode_chat_chunk(CHUNK))
    assert fastest(benchmark) <= 6 * MICROSECOND


def test_the_head_of_a_small_request(benchmark: Any) -> None:
    benchmark(read_request, Operation.CHAT, SMALL)
    assert fastest(benchmark) <= 10 * MICROSECOND


def test_the_head_of_a_large_request(benchmark: Any) -> None:
    benchmark(read_request, Operation.CHAT, LARGE)
    assert fastest(benchmark) <= 150 * MICROSECOND


def test_a_small_message_is_checked(benchmark: Any) -> None:
    benchmark(check_chat_request, decode_chat_request(SMALL))
    assert fastest(benchmark) <= 25 * MICROSECOND
