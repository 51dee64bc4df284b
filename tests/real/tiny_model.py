"""A llama model of 400 KB with random weights, written as GGUF: real inference in a millisecond, no meaning.

The file is the same on every machine: weights come from a seeded generator. Its text is random bytes, so
tests assert structure and equality, never sense. Format: github.com/ggml-org/ggml/blob/master/docs/gguf.md.
"""

import random
import struct
from array import array
from collections.abc import Iterator
from pathlib import Path

_UINT32, _FLOAT32, _BOOL, _STRING, _ARRAY, _INT32 = 4, 6, 7, 8, 9, 5
_NORMAL, _CONTROL = 1, 3  # token types
_ALIGNMENT = 32

_WIDTH, _FEED_FORWARD, _LAYERS, _HEADS, _KV_HEADS, _CONTEXT = 64, 128, 2, 4, 2, 4096
_SPECIAL = ("<s>", "<|im_start|>", "<|im_end|>")
_WORDS = ("the", "hello", "world", "quick", "brown")  # so that the merges of the tokenizer are exercised
_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

Typed = tuple[int, bytes]
Tensor = tuple[str, tuple[int, ...], "array[float]"]


def _string(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def _uint(value: int) -> Typed:
    return _UINT32, struct.pack("<I", value)


def _float(value: float) -> Typed:
    return _FLOAT32, struct.pack("<f", value)


def _text(value: str) -> Typed:
    return _STRING, _string(value)


def _strings(values: list[str]) -> Typed:
    return _ARRAY, struct.pack("<IQ", _STRING, len(values)) + b"".join(map(_string, values))


def _ints(values: list[int]) -> Typed:
    return _ARRAY, struct.pack(f"<IQ{len(values)}i", _INT32, len(values), *values)


def _byte_letters() -> list[str]:
    """GPT-2's printable letter for each byte, those that are printable themselves first."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in printable]
    letters = {b: chr(b) for b in printable} | {b: chr(256 + i) for i, b in enumerate(rest)}
    return [letters[b] for b in range(256)]


def _vocabulary() -> tuple[list[str], list[str]]:
    """Tokens and merges of a byte-level BPE."""
    tokens, merges = _byte_letters(), []
    for word in _WORDS:
        grown = word[0]
        for letter in word[1:]:
            if grown + letter not in tokens:
                merges.append(f"{grown} {letter}")
                tokens.append(grown + letter)
            grown += letter
    return [*tokens, *_SPECIAL], merges


def _metadata(tokens: list[str], merges: list[str]) -> dict[str, Typed]:
    kinds = [_CONTROL if t in _SPECIAL else _NORMAL for t in tokens]
    return {
        "general.architecture": _text("llama"),
        "general.name": _text("tiny-random"),
        "general.file_type": _uint(0),
        "llama.context_length": _uint(_CONTEXT),
        "llama.embedding_length": _uint(_WIDTH),
        "llama.block_count": _uint(_LAYERS),
        "llama.feed_forward_length": _uint(_FEED_FORWARD),
        "llama.attention.head_count": _uint(_HEADS),
        "llama.attention.head_count_kv": _uint(_KV_HEADS),
        "llama.attention.layer_norm_rms_epsilon": _float(1e-5),
        "llama.rope.dimension_count": _uint(_WIDTH // _HEADS),
        "llama.rope.freq_base": _float(10000.0),
        "llama.vocab_size": _uint(len(tokens)),
        "tokenizer.ggml.model": _text("gpt2"),
        "tokenizer.ggml.pre": _text("gpt-2"),
        "tokenizer.ggml.tokens": _strings(tokens),
        "tokenizer.ggml.token_type": _ints(kinds),
        "tokenizer.ggml.merges": _strings(merges),
        "tokenizer.ggml.bos_token_id": _uint(tokens.index("<s>")),
        "tokenizer.ggml.eos_token_id": _uint(tokens.index("<|im_end|>")),
        "tokenizer.ggml.add_bos_token": (_BOOL, b"\0"),
        "tokenizer.chat_template": _text(_TEMPLATE),
    }


def _tensors(vocabulary: int) -> Iterator[Tensor]:
    draw = random.Random(0)

    def matrix(name: str, rows: int, columns: int) -> Tensor:
        spread = 0.5 / columns**0.5
        return name, (rows, columns), array("f", (draw.gauss(0.0, spread) for _ in range(rows * columns)))

    def ones(name: str) -> Tensor:
        return name, (_WIDTH,), array("f", [1.0]) * _WIDTH

    kv_width = _WIDTH // _HEADS * _KV_HEADS
    yield matrix("token_embd.weight", vocabulary, _WIDTH)
    yield ones("output_norm.weight")
    yield matrix("output.weight", vocabulary, _WIDTH)
    for layer in range(_LAYERS):
        block = f"blk.{layer}."
        yield ones(block + "attn_norm.weight")
        yield ones(block + "ffn_norm.weight")
        yield matrix(block + "attn_q.weight", _WIDTH, _WIDTH)
        yield matrix(block + "attn_k.weight", kv_width, _WIDTH)
        yield matrix(block + "attn_v.weight", kv_width, _WIDTH)
        yield matrix(block + "attn_output.weight", _WIDTH, _WIDTH)
        yield matrix(block + "ffn_gate.weight", _FEED_FORWARD, _WIDTH)
        yield matrix(block + "ffn_up.weight", _FEED_FORWARD, _WIDTH)
        yield matrix(block + "ffn_down.weight", _WIDTH, _FEED_FORWARD)


def _padded(raw: bytes) -> bytes:
    return raw + bytes(-len(raw) % _ALIGNMENT)


def write_tiny_model(path: Path) -> None:
    tokens, merges = _vocabulary()
    metadata, tensors = _metadata(tokens, merges), list(_tensors(len(tokens)))
    head = [b"GGUF", struct.pack("<IQQ", 3, len(tensors), len(metadata))]
    head += [_string(key) + struct.pack("<I", kind) + raw for key, (kind, raw) in metadata.items()]
    data = b""
    for name, shape, weights in tensors:
        # GGUF counts dimensions from the innermost; 0 is float32
        sizes = struct.pack(f"<I{len(shape)}Q", len(shape), *reversed(shape))
        head.append(_string(name) + sizes + struct.pack("<IQ", 0, len(data)))
        data = _padded(data + weights.tobytes())
    path.write_bytes(_padded(b"".join(head)) + data)
