"""JSON Schemas of what crosses the HTTP door, for the OpenAPI document.

They describe what the door accepts and sends; the decoding itself is `openai_wire`. Objects are open: unknown
members of a request travel to OpenAI-compatible providers, and unknown members of their answers come back.
"""

from collections.abc import Mapping
from typing import Final

Schema = dict[str, object]


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _of(kind: str, says: str = "", **more: object) -> Schema:
    schema: Schema = {"type": kind, **more}
    if says:
        schema["description"] = says
    return schema


def _text(says: str = "", **more: object) -> Schema:
    return _of("string", says, **more)


def _whole(says: str = "", **more: object) -> Schema:
    return _of("integer", says, **more)


def _number(says: str = "", **more: object) -> Schema:
    return _of("number", says, **more)


def _flag(says: str = "") -> Schema:
    return _of("boolean", says)


def _list(items: Schema, says: str = "", **more: object) -> Schema:
    return _of("array", says, items=items, **more)


def _object(properties: Mapping[str, Schema], *required: str, says: str = "") -> Schema:
    schema = _of("object", says, properties=dict(properties), additionalProperties=True)
    if required:
        schema["required"] = list(required)
    return schema


def _any(*schemas: Schema, says: str = "") -> Schema:
    schema: Schema = {"anyOf": list(schemas)}
    if says:
        schema["description"] = says
    return schema


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


_ANY_OBJECT: Final = _object({})
_TEXT_OR_PARTS: Final = _any(_text(), _list(ref("ContentPart")), {"type": "null"})
_STOP: Final = _any(_text(), _list(_text()), says="Up to four sequences where the model stops.")
_MODEL: Final = _text("The route's name, as GET /v1/models lists it.", examples=["internal-lite"])
_STREAM: Final = _flag("Answer as server-sent events, ending with `data: [DONE]`.")
_USER: Final = _text("An end user's id; a sticky session's key where no x-session-id is sent.")
_SAMPLING: Final[dict[str, Schema]] = {
    "temperature": _number(minimum=0, maximum=2),
    "top_p": _number(minimum=0, maximum=1),
    "frequency_penalty": _number(minimum=-2, maximum=2),
    "presence_penalty": _number(minimum=-2, maximum=2),
    "logit_bias": _of("object", additionalProperties={"type": "number"}),
    "seed": _whole(),
    "stop": _STOP,
    "stream": _STREAM,
    "stream_options": ref("StreamOptions"),
    "user": _USER,
}
_PROMPT_FORMS: Final = (
    _text(),
    _list(_text()),
    _list(_whole()),
    _list(_list(_whole())),
)

_CHAT_REQUEST: Final = _object(
    {
        "model": _MODEL,
        "messages": _list(ref("Message"), minItems=1),
        **_SAMPLING,
        "max_completion_tokens": _whole("The most tokens to generate, hidden reasoning included.", minimum=1),
        "max_tokens": _whole("The older name of max_completion_tokens.", minimum=1),
        "n": _whole("How many choices to generate.", minimum=1),
        "logprobs": _flag(),
        "top_logprobs": _whole(minimum=0, maximum=20),
        "tools": _list(ref("Tool")),
        "tool_choice": _any(_text(enum=["none", "auto", "required"]), _ANY_OBJECT),
        "parallel_tool_calls": _flag(),
        "response_format": ref("ResponseFormat"),
        "reasoning_effort": _text(examples=["low"]),
        "verbosity": _text(examples=["medium"]),
        "modalities": _list(_text(), examples=[["text"]]),
        "audio": _object({"format": _text(), "voice": _any(_text(), _ANY_OBJECT)}, "format"),
        "prediction": _object({"type": _text(), "content": _TEXT_OR_PARTS}),
        "web_search_options": _ANY_OBJECT,
        "service_tier": _text(),
        "store": _flag(),
        "metadata": _of("object", additionalProperties={"type": "string"}),
        "safety_identifier": _text(),
        "prompt_cache_key": _text(),
        "prompt_cache_retention": _text(),
        "prompt_cache_options": _ANY_OBJECT,
        "moderation": _ANY_OBJECT,
        "functions": _list(_ANY_OBJECT, "The older form of tools.", deprecated=True),
        "function_call": _any(_text(), _ANY_OBJECT, says="The older form of tool_choice."),
    },
    "model",
    "messages",
    says="OpenAI's chat parameters. camelCase spellings (`maxTokens`) are accepted too.",
)

_COMPLETION_REQUEST: Final = _object(
    {
        "model": _MODEL,
        "prompt": _any(*_PROMPT_FORMS, says="Text, texts, tokens or token lists."),
        **_SAMPLING,
        "suffix": _text(),
        "max_tokens": _whole(minimum=0),
        "n": _whole(minimum=1),
        "best_of": _whole(minimum=1),
        "echo": _flag(),
        "logprobs": _whole(minimum=0, maximum=5),
    },
    "model",
    "prompt",
    says="OpenAI's parameters of the legacy completions endpoint.",
)

_EMBEDDING_REQUEST: Final = _object(
    {
        "model": _MODEL,
        "input": _any(*_PROMPT_FORMS, says="Text, texts, tokens or token lists."),
        "dimensions": _whole("Length of the vectors, where the model can shorten them.", minimum=1),
        "encoding_format": _text(enum=["float", "base64"]),
        "user": _USER,
    },
    "model",
    "input",
)

_MESSAGE: Final = _object(
    {
        "role": _text(
            "Other roles are passed on.",
            examples=["developer", "system", "user", "assistant", "tool", "function"],
        ),
        "content": _TEXT_OR_PARTS,
        "name": _text(),
        "tool_calls": _list(ref("ToolCall")),
        "tool_call_id": _text("Which call this message answers."),
        "refusal": _or_null(_text()),
        "reasoning_content": _text("What the model thought, where the provider shows it."),
        "audio": _or_null(_ANY_OBJECT),
        "function_call": _or_null(_ANY_OBJECT),
        "annotations": _list(_ANY_OBJECT),
    },
    "role",
)

_TOOL_CALL: Final = _object(
    {
        "id": _text(),
        "type": _text(examples=["function"]),
        "function": _object({"name": _text(), "arguments": _text("JSON, as the model wrote it.")}),
        "custom": _object({"name": _text(), "input": _text()}),
        "index": _whole("In a stream: which call of the message this adds to."),
    }
)

_TOOL: Final = _object(
    {
        "type": _text(examples=["function"]),
        "function": _object(
            {
                "name": _text(),
                "description": _text(),
                "parameters": _object({}, says="JSON Schema, passed on as it stands."),
                "strict": _flag(),
            },
            "name",
        ),
        "custom": _object({"name": _text(), "description": _text(), "format": _ANY_OBJECT}, "name"),
    },
    "type",
)

_CONTENT_PART: Final = _object(
    {
        "type": _text(examples=["text", "image_url", "input_audio", "file", "refusal"]),
        "text": _text(),
        "image_url": _object(
            {"url": _text("http(s) or data URL; the gateway never fetches it."), "detail": _text()}, "url"
        ),
        "input_audio": _object({"data": _text("base64"), "format": _text()}, "data", "format"),
        "file": _object({"file_id": _text(), "file_data": _text(), "filename": _text()}),
        "refusal": _text(),
    },
    "type",
)

_RESPONSE_FORMAT: Final = _object(
    {
        "type": _text(examples=["text", "json_object", "json_schema"]),
        "json_schema": _object(
            {"name": _text(), "description": _text(), "schema": _ANY_OBJECT, "strict": _flag()}, "name"
        ),
    },
    "type",
)

_USAGE: Final = _object(
    {
        "prompt_tokens": _whole(),
        "completion_tokens": _whole(),
        "total_tokens": _whole(),
        "prompt_tokens_details": _object({"cached_tokens": _whole(), "audio_tokens": _whole()}),
        "completion_tokens_details": _object({"reasoning_tokens": _whole(), "audio_tokens": _whole()}),
    },
    "prompt_tokens",
    "total_tokens",
    says="Tokens, as counted by the provider.",
)

_FINISH: Final = _or_null(_text(examples=["stop", "length", "tool_calls", "content_filter", "function_call"]))


def _reply(kind: str, choice: Schema, *required: str, chunk: bool = False) -> Schema:
    """A chat or text answer, or one event of it."""
    return _object(
        {
            "id": _text(),
            "object": _text(const=kind),
            "created": _whole("Unix seconds."),
            "model": _text("The route's name."),
            "choices": _list(choice),
            "usage": _or_null(ref("Usage")),
            "system_fingerprint": _or_null(_text()),
            "service_tier": _or_null(_text()),
            **({"switch": ref("RouteInfo")} if chunk else {}),
        },
        "id",
        "object",
        "created",
        "model",
        "choices",
        *required,
    )


_CHAT_CHOICE: Final = _object(
    {
        "index": _whole(),
        "message": ref("Message"),
        "finish_reason": _FINISH,
        "logprobs": _or_null(_ANY_OBJECT),
    },
    "index",
    "message",
    "finish_reason",
)

_CHUNK_CHOICE: Final = _object(
    {
        "index": _whole(),
        "delta": _object(
            {
                "role": _text(),
                "content": _or_null(_text("To append.")),
                "tool_calls": _list(ref("ToolCall")),
                "refusal": _or_null(_text()),
                "reasoning_content": _text("To append."),
            }
        ),
        "finish_reason": _FINISH,
        "logprobs": _or_null(_ANY_OBJECT),
    },
    "index",
    "delta",
)

_TEXT_CHOICE: Final = _object(
    {"index": _whole(), "text": _text(), "finish_reason": _FINISH, "logprobs": _or_null(_ANY_OBJECT)},
    "index",
    "text",
)

_EMBEDDINGS: Final = _object(
    {
        "object": _text(const="list"),
        "model": _text("The route's name."),
        "data": _list(
            _object(
                {
                    "object": _text(const="embedding"),
                    "index": _whole(),
                    "embedding": _any(
                        _list(_number()), _text("base64 of little-endian float32s, if asked for.")
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

_MODEL_OBJECT: Final = _object(
    {
        "id": _text("The route's name."),
        "object": _text(const="model"),
        "created": _whole("Unix seconds: when this configuration was loaded."),
        "owned_by": _text(),
        "switch": _object(
            {
                "strategy": _text(examples=["priority-based"]),
                "aliases": _list(_text()),
                "targets": _list(
                    _object(
                        {
                            "name": _text(),
                            "provider": _text(),
                            "model": _text("The provider's name for the model."),
                            "priority": _whole(),
                            "weight": _number(),
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

_ERROR: Final = _object(
    {
        "error": _object(
            {
                "message": _text("What is wrong, and the remedy."),
                "type": _text(
                    examples=["invalid_request_error", "permission_error", "rate_limit_error", "server_error"]
                ),
                "param": _or_null(_text("The field or header that is wrong, as a JSON path.")),
                "code": _or_null(_text(examples=["model_not_found"])),
            },
            "message",
            "type",
            "param",
            "code",
        ),
        "usage": _any(ref("Usage"), says="In a stream's error event: what was counted so far."),
    },
    "error",
)

_ROUTE_INFO: Final = _object(
    {"target": _text(), "provider": _text(), "model": _text()},
    says="Who answered: on a stream's last chunk, where its headers went out before that was known.",
)

_TARGET_STATUS: Final = _object(
    {
        "state": _text(enum=["closed", "open", "half_open", "unknown"]),
        "metrics": _object(
            {
                "totalRequests": _whole(),
                "successfulRequests": _whole(),
                "failedRequests": _whole(),
                "averageResponseTime": _number("Milliseconds, a moving average."),
                "errorRate": _number("Per cent over the monitoring window."),
                "averageTimeToFirstByte": _number("Milliseconds, a moving average."),
            },
            "totalRequests",
            "successfulRequests",
            "failedRequests",
            "averageResponseTime",
            "errorRate",
            "averageTimeToFirstByte",
        ),
        "model": _text("The route's name."),
        "providerName": _text("The target's name."),
        "provider": _text("The vendor."),
        "modelName": _text("The provider's name for the model."),
        "inFlight": _whole(),
        "consecutiveFailures": _whole(),
        "permanentTrips": _whole("The step of the ladder of extended timeouts."),
        "health": _text(enum=["healthy", "unhealthy", "unknown"]),
        "cause": _text(examples=["consecutive", "rate", "permanent", "tls", "forced", "probe"]),
        "nextAttempt": _text(format="date-time"),
        "coolingUntil": _text(format="date-time"),
        "lastFault": _object({"reason": _text(), "message": _text(), "at": _text(format="date-time")}),
        "override": _object({"mode": _text(), "until": _or_null(_text(format="date-time"))}),
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

SCHEMAS: Final[Mapping[str, Schema]] = {
    "ChatRequest": _CHAT_REQUEST,
    "CompletionRequest": _COMPLETION_REQUEST,
    "EmbeddingRequest": _EMBEDDING_REQUEST,
    "Message": _MESSAGE,
    "ContentPart": _CONTENT_PART,
    "Tool": _TOOL,
    "ToolCall": _TOOL_CALL,
    "ResponseFormat": _RESPONSE_FORMAT,
    "StreamOptions": _object({"include_usage": _flag("Ends the stream with a chunk that has the usage.")}),
    "ChatCompletion": _reply("chat.completion", _CHAT_CHOICE),
    "ChatCompletionChunk": _reply("chat.completion.chunk", _CHUNK_CHOICE, chunk=True),
    "Completion": _reply("text_completion", _TEXT_CHOICE),
    "CompletionChunk": _reply("text_completion", _TEXT_CHOICE, chunk=True),
    "EmbeddingList": _EMBEDDINGS,
    "Usage": _USAGE,
    "RouteInfo": _ROUTE_INFO,
    "Model": _MODEL_OBJECT,
    "ModelList": _object({"object": _text(const="list"), "data": _list(ref("Model"))}, "object", "data"),
    "TargetStatus": _TARGET_STATUS,
    "TargetStatuses": {
        "type": "object",
        "description": "By `{model}-{provider}`.",
        "additionalProperties": ref("TargetStatus"),
    },
    "State": _object({"status": _text(enum=["ok", "unavailable"])}, "status"),
    "Error": _ERROR,
}
