"""Laws of the vendor table."""

from urllib.parse import urlsplit

import pytest

from switch_grpc.providers.dialects.openai import OpenAI
from switch_grpc.providers.dialects.text_as_chat import TextAsChat
from switch_grpc.providers.vendors import PLANNED, VENDORS, Vendor, dialect_of, dialects_of, normalise_base
from switch_grpc.request import Operation

rows = pytest.mark.parametrize("row", VENDORS.values(), ids=VENDORS)


def test_the_names_that_configurations_use() -> None:
    assert set(VENDORS) == {
        "openai", "anthropic", "bedrock", "gemini", "vertex", "azure", "together", "runpod", "alibaba",
        "custom", "groq", "mistral", "deepseek", "fireworks", "openrouter", "xai", "cerebras", "nvidia",
        "perplexity", "cohere", "gemini-openai", "sglang", "tgi", "lmstudio", "ollama", "vllm",
        "llama.cpp", "mock",
    }  # fmt: skip
    assert not PLANNED
    assert not PLANNED & set(VENDORS)


@rows
def test_a_row_has_a_base_or_says_what_one_looks_like(row: Vendor) -> None:
    assert row.base_url or row.base_hint
    for base in filter(None, (row.base_url, row.base_hint.replace("ENDPOINT_ID", "abc"))):
        assert normalise_base(base, row.version) == base


@rows
def test_a_key_never_leaves_over_plain_http_by_default(row: Vendor) -> None:
    if row.base_url:
        url = urlsplit(row.base_url)
        assert url.scheme == "https" or url.hostname in ("localhost", "127.0.0.1")
        assert row.keyless == (url.scheme == "http")


@rows
def test_every_vendor_serves_chat_and_text(row: Vendor) -> None:
    dialects = dialects_of(row)
    assert set(dialects) == row.operations >= {Operation.CHAT, Operation.COMPLETE}
    assert (Operation.EMBED in dialects) is row.embeddings
    assert isinstance(dialect_of(row), OpenAI if row.text == "native" else TextAsChat)


@pytest.mark.parametrize(
    ("base", "normal"),
    [
        ("https://api.openai.com", "https://api.openai.com/v1"),
        ("https://api.openai.com/", "https://api.openai.com/v1"),
        ("https://api.openai.com/v1", "https://api.openai.com/v1"),
        ("https://api.openai.com/v1/", "https://api.openai.com/v1"),
        (
            "https://dashscope.aliyuncs.com/compatible-mode",
            "https://dashscope.aliyuncs.com/compatible-mode/v1",
        ),
        (
            "https://dashscope.aliyuncs.com/compatible-mode/",
            "https://dashscope.aliyuncs.com/compatible-mode/v1",
        ),
        (
            "https://api.runpod.ai/v2/abc123/openai/v1",
            "https://api.runpod.ai/v2/abc123/openai/v1",
        ),
        ("https://gw.example.com/team/llm", "https://gw.example.com/team/llm"),
        ("http://localhost:11434", "http://localhost:11434/v1"),
        ("http://[::1]:8080", "http://[::1]:8080/v1"),
        ("https://x.example.com?api-version=1", "https://x.example.com/v1?api-version=1"),
        (" https://api.openai.com ", "https://api.openai.com/v1"),
    ],
)
def test_a_base_without_a_path_gets_v1(base: str, normal: str) -> None:
    assert normalise_base(base) == normal
    assert normalise_base(normal) == normal
