"""OpenAI JSON with every member that the contract has a field for, and some that it has none for."""

from typing import Any, Final

EVERYTHING: Final[dict[str, Any]] = {
    "messages": [
        {"role": "developer", "content": "be brief", "name": "op"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "", "cache_control": {"type": "ephemeral"}},
                {
                    "type": "image_url",
                    "image_url": {"url": "data:image/png;base64,AA==", "detail": "low", "x": 1},
                },
                {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
                {"type": "file", "file": {"file_id": "f-1", "file_data": "AA==", "filename": "a.pdf"}},
                {"type": "video_url", "video_url": {"url": "http://h/v", "fps": 2.50}},
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "refusal": None,
            "reasoning_content": "thinking",
            "reasoning_details": [{"type": "x"}],
            "audio": {"id": "a-1"},
            "tool_calls": [
                {
                    "id": "1",
                    "type": "function",
                    "function": {"name": "f", "arguments": '{"a": 5.0'},
                    "index": 0,
                },
                {"id": "2", "type": "custom", "custom": {"name": "g", "input": "text"}},
                {"id": "3", "type": "mcp", "mcp": {"a": [1.0]}},
            ],
        },
        {"role": "tool", "tool_call_id": "1", "content": "5", "extra": {"z": 1, "a": 2}},
        {
            "role": "assistant",
            "content": [{"type": "refusal", "refusal": "no"}],
            "function_call": {"name": "f", "arguments": ""},
        },
        {"role": "function", "name": "f", "content": "x"},
        {"role": "critic", "content": "y"},
    ],
    "temperature": 0.1,
    "top_p": 1,
    "frequency_penalty": -2.0,
    "presence_penalty": 0,
    "max_tokens": 0,
    "max_completion_tokens": 9007199254740993,
    "n": 2,
    "seed": -9007199254740993,
    "stop": ["a", "b"],
    "logprobs": False,
    "top_logprobs": 0,
    "logit_bias": {"50256": -100},
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "f",
                "description": "",
                "parameters": {"z": 1, "a": 5.0},
                "strict": False,
                "k": 1,
            },
            "cache": 1,
        },
        {"type": "custom", "custom": {"name": "g", "format": {"type": "text"}}},
        {"type": "web_search_preview", "size": 5.0},
    ],
    "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}},
    "parallel_tool_calls": False,
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "n", "schema": {"b": {}, "a": 5.0}, "strict": True},
    },
    "reasoning_effort": "low",
    "verbosity": "high",
    "modalities": ["text", "audio"],
    "audio": {"format": "mp3", "voice": {"id": "v"}},
    "prediction": {"type": "content", "content": [{"type": "text", "text": "x"}]},
    "web_search_options": {},
    "stream_options": {"include_usage": True, "include_obfuscation": False, "x": 1},
    "service_tier": "flex",
    "store": True,
    "metadata": {"a": "b"},
    "user": "",
    "safety_identifier": "s",
    "prompt_cache_key": "k",
    "prompt_cache_retention": "24h",
    "prompt_cache_options": {"mode": "implicit"},
    "moderation": {"model": "m"},
    "functions": [{"name": "f"}],
    "function_call": {"name": "f"},
    "unknown": {"deep": [1, 5.0, None]},
    "top_k": 40,
}


TOKEN: Final[dict[str, Any]] = {
    "token": "a",
    "logprob": -0.5,
    "bytes": [97],
    "top_logprobs": [{"token": "b", "logprob": -9999.0, "bytes": None}],
}
RESPONSE: Final[dict[str, Any]] = {
    "id": "c-1",
    "object": "chat.completion",
    "created": 1700000000,
    "model": "gpt",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "hi",
                "refusal": None,
                "annotations": [],
                "reasoning_content": "hm",
                "tool_calls": [
                    {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{"}},
                    {"id": "2", "type": "custom", "custom": {"name": "g", "input": ""}},
                ],
                "audio": {"id": "a", "data": "AA==", "expires_at": 5, "transcript": "t"},
                "x": {"y": 5.0},
            },
            "logprobs": {"content": [TOKEN, TOKEN], "refusal": None, "k": 1},
            "finish_reason": "tool_calls",
            "x": 1,
        },
        {
            "index": 1,
            "message": {"role": "assistant", "content": None, "refusal": "no"},
            "logprobs": None,
            "finish_reason": "stop",
        },
    ],
    "usage": {
        "prompt_tokens": 0,
        "completion_tokens": 2,
        "total_tokens": 3,
        "cost": 0.5,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 1, "z": 1},
        "completion_tokens_details": {
            "reasoning_tokens": 1,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    },
    "system_fingerprint": "fp",
    "service_tier": "default",
    "x_groq": {"id": 9007199254740993},
}
CHUNK: Final[dict[str, Any]] = {
    "id": "c-1",
    "object": "chat.completion.chunk",
    "created": 1700000000,
    "model": "gpt",
    "system_fingerprint": "fp",
    "choices": [
        {
            "index": 0,
            "logprobs": None,
            "finish_reason": None,
            "x": 1,
            "delta": {
                "role": "assistant",
                "content": "",
                "x": 5.0,
                "tool_calls": [
                    {"index": 0, "id": "1", "type": "function", "function": {"name": "f", "arguments": ""}},
                    {"index": 1, "function": {"arguments": "{"}},
                    {"index": 2, "id": "3", "type": "mcp", "mcp": {"a": 1}},
                ],
            },
        }
    ],
    "obfuscation": "xyz",
}
