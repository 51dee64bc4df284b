"""What recorded Anthropic answers say, read from their JSON alone, and what our messages say of the same."""

import json
from dataclasses import dataclass
from typing import Any, Self

from switch_grpc.v1 import chat_pb2

_FINISH = {
    "end_turn": chat_pb2.FINISH_REASON_STOP,
    "stop_sequence": chat_pb2.FINISH_REASON_STOP,
    "tool_use": chat_pb2.FINISH_REASON_TOOL_CALLS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """An answer: what was said, called and thought, why it ended, and what it cost."""

    text: str
    calls: list[tuple[str, str, Any]]
    thought: str
    kinds: list[str]  # of the blocks that travel beside the message; none where its text and calls say all
    cited: int
    finish: int
    tokens: tuple[int, int, int, int]  # prompt, completion, cached, written

    @classmethod
    def of(cls, answer: chat_pb2.ChatResponse) -> Self:
        message, usage = answer.choices[0].message, answer.usage
        extra = json.loads(message.extra_json or "{}")
        kept = extra.get("content_blocks", extra.get("thinking_blocks", []))
        details = usage.prompt_tokens_details
        return cls(
            text=message.content,
            calls=[
                (call.id, call.function.name, json.loads(call.function.arguments))
                for call in message.tool_calls
            ],
            thought=message.reasoning,
            kinds=[block["type"] for block in kept],
            cited=len(json.loads(message.annotations_json or "[]")),
            finish=answer.choices[0].finish_reason,
            tokens=(
                *(usage.prompt_tokens, usage.completion_tokens),
                *(details.cached_tokens, details.cache_write_tokens),
            ),
        )


def heard(message: dict[str, Any]) -> Heard:
    """What a whole message says."""
    blocks, usage = message["content"], message["usage"]
    read, written = usage.get("cache_read_input_tokens") or 0, usage.get("cache_creation_input_tokens") or 0
    return Heard(
        text="".join(block["text"] for block in blocks if block["type"] == "text"),
        calls=[(b["id"], b["name"], b["input"]) for b in blocks if b["type"] == "tool_use"],
        thought="".join(block["thinking"] for block in blocks if block["type"] == "thinking"),
        kinds=_kept(blocks),
        cited=sum(len(block.get("citations") or ()) for block in blocks),
        finish=_FINISH[message["stop_reason"]],
        tokens=(usage["input_tokens"] + read + written, usage["output_tokens"], read, written),
    )


def _kept(blocks: list[dict[str, Any]]) -> list[str]:
    kinds = [block["type"] for block in blocks]
    thinking = [kind for kind in kinds if "thinking" in kind]
    in_order = sorted(kinds, key=lambda kind: ("thinking" not in kind) + (kind == "tool_use"))
    simple = {"text", "tool_use", "thinking", "redacted_thinking"}
    if set(kinds) <= simple and in_order == kinds and not any(block.get("citations") for block in blocks):
        return thinking
    return kinds


def heard_in_stream(data: bytes) -> Heard:
    """What the events of a stream say, put together as the API's documentation says."""
    message: dict[str, Any] = {}
    for line in data.decode().splitlines():
        if line.startswith("data: "):
            _grow(message, json.loads(line[len("data: ") :]))
    for block in message["content"]:
        if pieces := block.pop("pieces", ""):
            block["input"] = json.loads(pieces)
    return heard(message)


def _grow(message: dict[str, Any], event: dict[str, Any]) -> None:
    match event["type"]:
        case "message_start":
            message.update(event["message"])
        case "content_block_start":
            message["content"].append(event["content_block"])
        case "content_block_delta":
            _grow_block(message["content"][event["index"]], event["delta"])
        case "message_delta":
            message.update(event["delta"])
            message["usage"] |= event["usage"]


def _grow_block(block: dict[str, Any], delta: dict[str, Any]) -> None:
    match delta["type"]:
        case "text_delta":
            block["text"] += delta["text"]
        case "thinking_delta":
            block["thinking"] += delta["thinking"]
        case "signature_delta":
            block["signature"] = delta["signature"]
        case "input_json_delta":
            block["pieces"] = block.get("pieces", "") + delta["partial_json"]
        case "citations_delta":
            block.setdefault("citations", []).append(delta["citation"])
