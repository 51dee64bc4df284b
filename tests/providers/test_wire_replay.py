"""Replays all of the recorded traffic, and counts it by vendor as docs/providers.md tells it.

Every exchange is an answer that a dialect reads, an error that it knows, or of an API that no dialect speaks:
then it has to be refused, never taken for an answer. What answers say is compared, for OpenAI's dialect here
with what the `openai` package reads of the same bytes, for the others in `test_wire_*` of their own.
"""

import base64
import collections
import json
import re
from pathlib import Path
from typing import Any

from openai._models import construct_type
from openai._streaming import SSEDecoder
from openai.lib.streaming.chat._completions import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from switch_grpc.faults import Fault
from switch_grpc.openai_wire import encode_chat_response, fold_chat
from switch_grpc.providers.dialects.base import Binding, Dialect, UpstreamFailure, WireReply
from switch_grpc.providers.vendors import VENDORS, dialects_of
from switch_grpc.request import Operation
from switch_grpc.v1 import chat_pb2
from tests.support.conformance import chunks, whole
from tests.support.wire_corpus import exchanges, recorded

PAGE = Path(__file__).parents[2] / "docs/providers.md"
# Which row's dialect reads the files; those without an operation are of APIs that none speaks.
FILES: dict[str, tuple[str, Operation | None]] = {
    "openai-chat.jsonl": ("custom", Operation.CHAT),
    "openai-embeddings.jsonl": ("openai", Operation.EMBED),
    "openai-responses.jsonl": ("openai", None),
    "anthropic.jsonl": ("anthropic", Operation.CHAT),
    "anthropic-count.jsonl": ("anthropic", None),
    "bedrock-converse.jsonl": ("bedrock", Operation.CHAT),
    "bedrock-converse-stream.jsonl": ("bedrock", Operation.CHAT),
    "bedrock-invoke.jsonl": ("bedrock", Operation.EMBED),
    "gemini.jsonl": ("gemini", Operation.CHAT),
    "gemini-stream.jsonl": ("gemini", Operation.CHAT),
    "gemini-embed.jsonl": ("gemini", Operation.EMBED),
    "cohere-chat.jsonl": ("custom", None),
}
# By the end of the host's name.
NAMES = {
    "api.openai.com": "OpenAI",
    "openai.azure.com": "Azure OpenAI",
    "api.anthropic.com": "Anthropic",
    "bedrock-runtime.us-east-1.amazonaws.com": "Amazon Bedrock",
    "bedrock-mantle.us-east-1.api.aws": "Amazon Bedrock",
    "generativelanguage.googleapis.com": "Gemini API",
    "aiplatform.googleapis.com": "Vertex AI",
    "api.groq.com": "Groq",
    "openrouter.ai": "OpenRouter",
    "api.mistral.ai": "Mistral",
    "api.deepseek.com": "DeepSeek",
    "api.cerebras.ai": "Cerebras",
    "api.cohere.com": "Cohere",
    "ollama.com": "Ollama",
    "localhost:11434": "Ollama",
    "api.z.ai": "Z.ai",
    "snowflakecomputing.com": "Snowflake",
    "router.huggingface.co": "Hugging Face",
    "api.inference.crusoecloud.com": "Crusoe",
    "us.inference.heroku.com": "Heroku",
    "localhost:8787": "a gateway of others",
    "demo-endpoints.pydantic.workers.dev": "a server that answers otherwise",
}
COLUMNS = ("whole answers", "streams", "embeddings", "errors", "other APIs")

pytestmark = recorded


def vendor_of(host: str) -> str:
    (name,) = {name for end, name in NAMES.items() if host.endswith(end)}
    return name


def bound(provider: str) -> Binding:
    return Binding(target="a", provider=provider, model="m", base_url="https://x/v1", region="us-east-1")


def is_stream(exchange: dict[str, Any]) -> bool:
    kind = exchange["content_type"] or ""
    return "eventstream" in kind or "event-stream" in kind or '"alt=sse"' in exchange.get("query", "")


def bytes_of(exchange: dict[str, Any]) -> bytes:
    said = exchange["response"]
    return said.encode() if isinstance(said, str) else base64.b64decode(said["base64"])


def replayed(exchange: dict[str, Any], provider: str, operation: Operation | None) -> str:
    """The column it counts in. Raises what is neither an answer nor a fault that says why it is none."""
    dialects = dialects_of(VENDORS[provider])
    dialect = dialects[operation or Operation.CHAT]
    data = bytes_of(exchange)
    if operation is None:
        assert not reads(dialect, exchange, provider, data), exchange["case"]
        return "other APIs"
    if exchange["status"] != 200:
        error = dialect.error(WireReply(status=exchange["status"], headers={}, body=data))
        assert error.message, exchange["case"]
        return "errors"
    if operation is Operation.EMBED:
        reply = WireReply(status=200, headers={"content-type": exchange["content_type"]}, body=data)
        assert dialect.decode(operation, [reply], bound(provider)), exchange["case"]
        return "embeddings"
    try:
        says(dialect, exchange, provider, data)
    except UpstreamFailure:  # inside a 200: a tool that was called wrongly, a prompt that was blocked
        return "errors"
    except Fault:
        if b'"choices"' in data:
            raise
        return "other APIs"
    return "streams" if is_stream(exchange) else "whole answers"


def reads(dialect: Dialect, exchange: dict[str, Any], provider: str, data: bytes) -> bool:
    try:
        says(dialect, exchange, provider, data)
    except (Fault, UpstreamFailure):
        return False
    return True


def says(dialect: Dialect, exchange: dict[str, Any], provider: str, data: bytes) -> chat_pb2.ChatResponse:
    if is_stream(exchange):
        return fold_chat(chunks(dialect, data, bound(provider)))
    return whole(dialect, data, bound(provider))


def test_all_of_it_is_read_or_refused_as_the_page_tells() -> None:
    table: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for name, (provider, operation) in FILES.items():
        for exchange in exchanges(name):
            table[vendor_of(exchange["host"])][replayed(exchange, provider, operation)] += 1
    told = _table(PAGE.read_text())
    assert told == {name: {column: row[column] for column in COLUMNS} for name, row in table.items()}
    assert sum(row.total() for row in table.values()) == 802


def _table(page: str) -> dict[str, dict[str, int]]:
    """The rows of the page's table of recorded traffic, but for the sums."""
    rows = re.findall(r"^\| ([^|*]+) \|" + r" (\d+) \|" * len(COLUMNS) + "$", page, re.MULTILINE)
    return {name: dict(zip(COLUMNS, map(int, row), strict=True)) for name, *row in rows}


def heard(completion: Any) -> tuple[Any, ...]:
    """What the package's types say: per choice text, calls and reason, and the usage."""
    choices = []
    for choice in completion.choices:
        message = choice.message
        calls = [
            (call.id, call.function.name, call.function.arguments or "") for call in message.tool_calls or ()
        ]
        choices.append((_text(message.content), calls, choice.finish_reason or None))
    usage = completion.usage
    return choices, usage and (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens)


def _text(content: Any) -> str:
    """Mistral's list of texts and thoughts, which the package leaves as it is, by its texts."""
    if isinstance(content, list):
        return "".join(part["text"] for part in content if part["type"] == "text")
    return content or ""


def test_what_openais_package_reads_of_an_answer_it_reads_of_ours() -> None:
    """Text, calls, reasons and usage, of every whole answer and every stream in OpenAI's format."""
    dialect = dialects_of(VENDORS["custom"])[Operation.CHAT]
    seen: collections.Counter[str] = collections.Counter()
    for exchange in exchanges("openai-chat.jsonl"):
        data = bytes_of(exchange)
        if replayed(exchange, "custom", Operation.CHAT) not in ("whole answers", "streams"):
            continue
        if is_stream(exchange):
            theirs = _accumulated(data)
            seen["streams"] += 1
        else:
            theirs = construct_type(type_=ChatCompletion, value=json.loads(data))
            seen["whole answers"] += 1
        made = encode_chat_response(says(dialect, exchange, "custom", data))
        ours = construct_type(type_=ChatCompletion, value=json.loads(made))
        assert heard(ours) == heard(theirs), exchange["case"]
    assert seen == {"whole answers": 184, "streams": 24}


def _accumulated(data: bytes) -> Any:
    """A stream as the package adds it up, with the last usage that came."""
    state, usage = ChatCompletionStreamState(), None
    for event in SSEDecoder().iter_bytes(iter([data])):
        if event.data != "[DONE]":
            chunk: Any = construct_type(type_=ChatCompletionChunk, value=_texts(event.json()))
            state.handle_chunk(chunk)
            usage = chunk.usage or usage
    whole = state.current_completion_snapshot
    whole.usage = usage
    return whole


def _texts(chunk: Any) -> Any:
    """Mistral's lists by their texts: the package adds up only texts."""
    for choice in chunk.get("choices", ()):
        if isinstance(choice.get("delta", {}).get("content"), list):
            choice["delta"]["content"] = _text(choice["delta"]["content"])
    return chunk
