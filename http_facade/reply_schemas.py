"""JSON Schemas of what the door sends: replies, chunks, models, errors, status."""

from collections.abc import Mapping
from typing import Final

from http_facade.schema import (
    ANY_OBJECT,
    Schema,
    any_of,
    array,
    mapping,
    number,
    or_null,
    record,
    ref,
    text,
    whole,
)

_USAGE: Final = record(
    {
        "prompt_tokens": whole(),
        "completion_tokens": whole(),
        "total_tokens": whole(),
        "prompt_tokens_details": record({"cached_tokens": whole(), "audio_tokens": whole()}),
        "completion_tokens_details": record({"reasoning_tokens": whole(), "audio_tokens": whole()}),
    },
    "prompt_tokens",
    "total_tokens",
    says="Tokens, as counted by the provider.",
)

_FINISH: Final = or_null(text(examples=["stop", "length", "tool_calls", "content_filter", "function_call"]))


def _reply(kind: str, choice: Schema, *required: str, chunk: bool = False) -> Schema:
    """A chat or text answer, or one event of it."""
    return record(
        {
            "id": text(),
            "object": text(const=kind),
            "created": whole("Unix seconds."),
            "model": text("The route's name."),
            "choices": array(choice),
            "usage": or_null(ref("Usage")),
            "system_fingerprint": or_null(text()),
            "service_tier": or_null(text()),
            **({"switch": ref("RouteInfo")} if chunk else {}),
        },
        "id",
        "object",
        "created",
        "model",
        "choices",
        *required,
    )


_CHAT_CHOICE: Final = record(
    {
        "index": whole(),
        "message": ref("Message"),
        "finish_reason": _FINISH,
        "logprobs": or_null(ANY_OBJECT),
    },
    "index",
    "message",
    "finish_reason",
)

_CHUNK_CHOICE: Final = record(
    {
        "index": whole(),
        "delta": record(
            {
                "role": text(),
                "content": or_null(text("To append.")),
                "tool_calls": array(ref("ToolCall")),
                "refusal": or_null(text()),
                "reasoning_content": text("To append."),
            }
        ),
        "finish_reason": _FINISH,
        "logprobs": or_null(ANY_OBJECT),
    },
    "index",
    "delta",
)

_TEXT_CHOICE: Final = record(
    {"index": whole(), "text": text(), "finish_reason": _FINISH, "logprobs": or_null(ANY_OBJECT)},
    "index",
    "text",
)

_EMBEDDINGS: Final = record(
    {
        "object": text(const="list"),
        "model": text("The route's name."),
        "data": array(
            record(
                {
                    "object": text(const="embedding"),
                    "index": whole(),
                    "embedding": any_of(
                        array(number()), text("base64 of little-endian float32s, if asked for.")
                    ),
                },
                "object",
                "index",
                "embedding",
            )
        ),
        "usage": ref("Usage"),
    },
    "object",
    "model",
    "data",
)

_MODEL_OBJECT: Final = record(
    {
        "id": text("The route's name."),
        "object": text(const="model"),
        "created": whole("Unix seconds: when this configuration was loaded."),
        "owned_by": text(),
        "switch": record(
            {
                "strategy": text(examples=["priority-based"]),
                "aliases": array(text()),
                "targets": array(
                    record(
                        {
                            "name": text(),
                            "provider": text(),
                            "model": text("The provider's name for the model."),
                            "priority": whole(),
                            "weight": number(),
                        },
                        "name",
                        "provider",
                        "model",
                        "priority",
                        "weight",
                    )
                ),
            },
            "strategy",
            "aliases",
            "targets",
        ),
    },
    "id",
    "object",
    "created",
    "owned_by",
    "switch",
)

_ERROR: Final = record(
    {
        "error": record(
            {
                "message": text("What is wrong, and the remedy."),
                "type": text(
                    examples=["invalid_request_error", "permission_error", "rate_limit_error", "server_error"]
                ),
                "param": or_null(text("The field or header that is wrong, as a JSON path.")),
                "code": or_null(text(examples=["model_not_found"])),
            },
            "message",
            "type",
            "param",
            "code",
        ),
        "usage": any_of(ref("Usage"), says="In a stream's error event: what was counted so far."),
    },
    "error",
)

_ROUTE_INFO: Final = record(
    {"target": text(), "provider": text(), "model": text()},
    says="Who answered: on a stream's last chunk, where its headers went out before that was known.",
)

_TARGET_STATUS: Final = record(
    {
        "state": text(enum=["closed", "open", "half_open", "unknown"]),
        "metrics": record(
            {
                "totalRequests": whole(),
                "successfulRequests": whole(),
                "failedRequests": whole(),
                "averageResponseTime": number("Milliseconds, a moving average."),
                "errorRate": number("Per cent over the monitoring window."),
                "averageTimeToFirstByte": number("Milliseconds, a moving average."),
            },
            "totalRequests",
            "successfulRequests",
            "failedRequests",
            "averageResponseTime",
            "errorRate",
            "averageTimeToFirstByte",
        ),
        "model": text("The route's name."),
        "providerName": text("The target's name."),
        "provider": text("The vendor."),
        "modelName": text("The provider's name for the model."),
        "inFlight": whole(),
        "consecutiveFailures": whole(),
        "permanentTrips": whole("The step of the ladder of extended timeouts."),
        "health": text(enum=["healthy", "unhealthy", "unknown"]),
        "cause": text(examples=["consecutive", "rate", "permanent", "tls", "forced", "probe"]),
        "nextAttempt": text(format="date-time"),
        "coolingUntil": text(format="date-time"),
        "lastFault": record({"reason": text(), "message": text(), "at": text(format="date-time")}),
        "override": record({"mode": text(), "until": or_null(text(format="date-time"))}),
    },
    "state",
    "metrics",
    "model",
    "providerName",
    "provider",
    "modelName",
    "inFlight",
    "consecutiveFailures",
    "permanentTrips",
    "health",
)

REPLIES: Final[Mapping[str, Schema]] = {
    "ChatCompletion": _reply("chat.completion", _CHAT_CHOICE),
    "ChatCompletionChunk": _reply("chat.completion.chunk", _CHUNK_CHOICE, chunk=True),
    "Completion": _reply("text_completion", _TEXT_CHOICE),
    "CompletionChunk": _reply("text_completion", _TEXT_CHOICE, chunk=True),
    "EmbeddingList": _EMBEDDINGS,
    "Usage": _USAGE,
    "RouteInfo": _ROUTE_INFO,
    "Model": _MODEL_OBJECT,
    "ModelList": record({"object": text(const="list"), "data": array(ref("Model"))}, "object", "data"),
    "TargetStatus": _TARGET_STATUS,
    "TargetStatuses": mapping(ref("TargetStatus"), "By `{model}-{provider}`."),
    "State": record({"status": text(enum=["ok", "unavailable"])}, "status"),
    "Error": _ERROR,
}
