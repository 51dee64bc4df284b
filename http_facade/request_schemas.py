"""JSON Schemas of requests, and of the messages that requests and replies share.

Objects are open: unknown members of a request travel to OpenAI-compatible providers. The decoding itself is
`openai_wire`; a test holds the two together.
"""

from collections.abc import Mapping
from typing import Final

from http_facade.schema import (
    ANY_OBJECT,
    TEXT_OR_PARTS,
    Schema,
    any_of,
    array,
    flag,
    mapping,
    number,
    or_null,
    record,
    ref,
    text,
    whole,
)

_STOP: Final = any_of(text(), array(text()), says="Up to four sequences where the model stops.")
_MODEL: Final = text("The route's name, as GET /v1/models lists it.", examples=["internal-lite"])
_STREAM: Final = flag("Answer as server-sent events, ending with `data: [DONE]`.")
_USER: Final = text("An end user's id; a sticky session's key where no x-session-id is sent.")
_SAMPLING: Final[dict[str, Schema]] = {
    "temperature": number(minimum=0, maximum=2),
    "top_p": number(minimum=0, maximum=1),
    "frequency_penalty": number(minimum=-2, maximum=2),
    "presence_penalty": number(minimum=-2, maximum=2),
    "logit_bias": mapping(number()),
    "seed": whole(),
    "stop": _STOP,
    "stream": _STREAM,
    "stream_options": ref("StreamOptions"),
    "user": _USER,
}
_PROMPT_FORMS: Final = (
    text(),
    array(text()),
    array(whole()),
    array(array(whole())),
)

_CHAT_REQUEST: Final = record(
    {
        "model": _MODEL,
        "messages": array(ref("Message"), minItems=1),
        **_SAMPLING,
        "max_completion_tokens": whole("The most tokens to generate, hidden reasoning included.", minimum=1),
        "max_tokens": whole("The older name of max_completion_tokens.", minimum=1),
        "n": whole("How many choices to generate.", minimum=1),
        "logprobs": flag(),
        "top_logprobs": whole(minimum=0, maximum=20),
        "tools": array(ref("Tool")),
        "tool_choice": any_of(text(enum=["none", "auto", "required"]), ANY_OBJECT),
        "parallel_tool_calls": flag(),
        "response_format": ref("ResponseFormat"),
        "reasoning_effort": text(examples=["low"]),
        "verbosity": text(examples=["medium"]),
        "modalities": array(text(), examples=[["text"]]),
        "audio": record({"format": text(), "voice": any_of(text(), ANY_OBJECT)}, "format"),
        "prediction": record({"type": text(), "content": TEXT_OR_PARTS}),
        "web_search_options": ANY_OBJECT,
        "service_tier": text(),
        "store": flag(),
        "metadata": mapping(text()),
        "safety_identifier": text(),
        "prompt_cache_key": text(),
        "prompt_cache_retention": text(),
        "prompt_cache_options": ANY_OBJECT,
        "moderation": ANY_OBJECT,
        "functions": array(ANY_OBJECT, "The older form of tools.", deprecated=True),
        "function_call": any_of(text(), ANY_OBJECT, says="The older form of tool_choice."),
    },
    "model",
    "messages",
    says="OpenAI's chat parameters. camelCase spellings (`maxTokens`) are accepted too.",
)

_COMPLETION_REQUEST: Final = record(
    {
        "model": _MODEL,
        "prompt": any_of(*_PROMPT_FORMS, says="Text, texts, tokens or token lists."),
        **_SAMPLING,
        "suffix": text(),
        "max_tokens": whole(minimum=0),
        "n": whole(minimum=1),
        "best_of": whole(minimum=1),
        "echo": flag(),
        "logprobs": whole(minimum=0, maximum=5),
    },
    "model",
    "prompt",
    says="OpenAI's parameters of the legacy completions endpoint.",
)

_EMBEDDING_REQUEST: Final = record(
    {
        "model": _MODEL,
        "input": any_of(*_PROMPT_FORMS, says="Text, texts, tokens or token lists."),
        "dimensions": whole("Length of the vectors, where the model can shorten them.", minimum=1),
        "encoding_format": text(enum=["float", "base64"]),
        "user": _USER,
    },
    "model",
    "input",
)

_MESSAGE: Final = record(
    {
        "role": text(
            "Other roles are passed on.",
            examples=["developer", "system", "user", "assistant", "tool", "function"],
        ),
        "content": TEXT_OR_PARTS,
        "name": text(),
        "tool_calls": array(ref("ToolCall")),
        "tool_call_id": text("Which call this message answers."),
        "refusal": or_null(text()),
        "reasoning_content": text("What the model thought, where the provider shows it."),
        "audio": or_null(ANY_OBJECT),
        "function_call": or_null(ANY_OBJECT),
        "annotations": array(ANY_OBJECT),
    },
    "role",
)

_TOOL_CALL: Final = record(
    {
        "id": text(),
        "type": text(examples=["function"]),
        "function": record({"name": text(), "arguments": text("JSON, as the model wrote it.")}),
        "custom": record({"name": text(), "input": text()}),
        "index": whole("In a stream: which call of the message this adds to."),
    }
)

_TOOL: Final = record(
    {
        "type": text(examples=["function"]),
        "function": record(
            {
                "name": text(),
                "description": text(),
                "parameters": record({}, says="JSON Schema, passed on as it stands."),
                "strict": flag(),
            },
            "name",
        ),
        "custom": record({"name": text(), "description": text(), "format": ANY_OBJECT}, "name"),
    },
    "type",
)

_CONTENT_PART: Final = record(
    {
        "type": text(examples=["text", "image_url", "input_audio", "file", "refusal"]),
        "text": text(),
        "image_url": record(
            {"url": text("http(s) or data URL; the gateway never fetches it."), "detail": text()}, "url"
        ),
        "input_audio": record({"data": text("base64"), "format": text()}, "data", "format"),
        "file": record({"file_id": text(), "file_data": text(), "filename": text()}),
        "refusal": text(),
    },
    "type",
)

_RESPONSE_FORMAT: Final = record(
    {
        "type": text(examples=["text", "json_object", "json_schema"]),
        "json_schema": record(
            {"name": text(), "description": text(), "schema": ANY_OBJECT, "strict": flag()}, "name"
        ),
    },
    "type",
)


REQUESTS: Final[Mapping[str, Schema]] = {
    "ChatRequest": _CHAT_REQUEST,
    "CompletionRequest": _COMPLETION_REQUEST,
    "EmbeddingRequest": _EMBEDDING_REQUEST,
    "Message": _MESSAGE,
    "ContentPart": _CONTENT_PART,
    "Tool": _TOOL,
    "ToolCall": _TOOL_CALL,
    "ResponseFormat": _RESPONSE_FORMAT,
    "StreamOptions": record({"include_usage": flag("Ends the stream with a chunk that has the usage.")}),
}
