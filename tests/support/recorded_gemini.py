"""What recorded Gemini answers say, read from their JSON alone, and what our messages say of the same."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from switch_grpc.v1 import chat_pb2

_FINISH = {"STOP": "stop", "MAX_TOKENS": "length", "SAFETY": "content_filter"}
_FINISH_NAMES = {
    chat_pb2.FINISH_REASON_STOP: "stop",
    chat_pb2.FINISH_REASON_LENGTH: "length",
    chat_pb2.FINISH_REASON_TOOL_CALLS: "tool_calls",
    chat_pb2.FINISH_REASON_CONTENT_FILTER: "content_filter",
}
_SIMPLE = {"text", "thought", "thoughtSignature", "functionCall"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """An answer: what was said, called and thought, why it ended, what it cost, what else came with it."""

    text: str
    calls: list[tuple[str, Any, str]]  # name, arguments, thought signature
    thought: str
    parts: int  # of a content that travels whole beside the message; 0 where text and calls say all
    finish: str
    tokens: tuple[int, int, int, int, int]  # prompt, completion, total, cached, thoughts
    beside: dict[str, Any]  # grounding, safety ratings and the like

    @classmethod
    def of(cls, answer: chat_pb2.ChatResponse) -> Self:
        (choice,) = answer.choices
        message, usage = choice.message, answer.usage
        google = _google(message.extra_json)
        beside = json.loads(choice.extra_json or "{}")
        beside.pop("native_finish_reason", None)
        return cls(
            text=message.content,
            calls=[
                (
                    call.function.name,
                    json.loads(call.function.arguments),
                    _google(call.extra_json).get("thought_signature", ""),
                )
                for call in message.tool_calls
            ],
            thought=message.reasoning,
            parts=len(google.get("parts", ())),
            finish=_FINISH_NAMES[choice.finish_reason],
            tokens=(
                usage.prompt_tokens,
                usage.completion_tokens,
                usage.total_tokens,
                usage.prompt_tokens_details.cached_tokens,
                usage.completion_tokens_details.reasoning_tokens,
            ),
            beside=beside,
        )


def _google(extra_json: str) -> dict[str, Any]:
    google: dict[str, Any] = json.loads(extra_json or "{}").get("extra_content", {}).get("google", {})
    return google


def heard(documents: Iterable[dict[str, Any]]) -> Heard:
    """What the documents of one answer say, one after the other."""
    parts: list[dict[str, Any]] = []
    beside: dict[str, Any] = {}
    usage: dict[str, Any] = {}
    finish = ""
    for document in documents:
        (candidate,) = document["candidates"]
        parts += candidate.get("content", {}).get("parts", [])
        finish = candidate.get("finishReason", finish)
        usage = document.get("usageMetadata", usage)
        known = ("content", "finishReason", "index", "logprobsResult")
        beside |= {name: value for name, value in candidate.items() if name not in known}
    texts = [part for part in parts if "text" in part]
    calls = [part for part in parts if "functionCall" in part]
    spent = usage.get("promptTokenCount", 0) + usage.get("toolUsePromptTokenCount", 0)
    thoughts = usage.get("thoughtsTokenCount", 0)
    return Heard(
        text="".join(part["text"] for part in texts if not part.get("thought")),
        calls=[
            (p["functionCall"]["name"], p["functionCall"].get("args", {}), p.get("thoughtSignature", ""))
            for p in calls
        ],
        thought="".join(part["text"] for part in texts if part.get("thought")),
        parts=0 if all(part.keys() <= _SIMPLE for part in parts) else len(parts),
        finish="tool_calls" if calls and finish == "STOP" else _FINISH[finish],
        tokens=(
            spent,
            usage.get("candidatesTokenCount", 0) + thoughts,
            usage["totalTokenCount"],
            usage.get("cachedContentTokenCount", 0),
            thoughts,
        ),
        beside=beside,
    )


def events_of(data: bytes) -> list[dict[str, Any]]:
    """The documents of a recorded stream."""
    return [json.loads(line[5:]) for line in data.decode().splitlines() if line.startswith("data:")]
