"""Anthropic requests, plain and with all that may be in one, and what the mock answers to them."""

import base64
import json
from itertools import islice
from typing import Any

from switch_grpc.mock.anthropic_turns import sign
from switch_grpc.mock.endpoints import Endpoints
from switch_grpc.mock.ledger import Ledger, Request

OLD = {"anthropic-version": "2023-06-01"}
NEW = {"anthropic-version": "2026-10-21"}
GIF = base64.b64encode(b"GIF89a....").decode()
OBJECT: Any = {"type": "object"}
TOOL: Any = {"name": "f", "input_schema": OBJECT}
USE: Any = {"type": "tool_use", "id": "t1", "name": "f", "input": {}}
RESULT: Any = {"type": "tool_result", "tool_use_id": "t1", "content": "r"}
THOUGHT: Any = {"type": "thinking", "thinking": "hm", "signature": sign("hm")}
THINKING: Any = {"type": "enabled", "budget_tokens": 1024}
PLAIN: Any = {"model": "mock", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
FULL: Any = {
    "model": "mock",
    "max_tokens": 2000,
    "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "use f"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/gif", "data": GIF}},
                {
                    "type": "document",
                    "source": {"type": "content", "content": [{"type": "text", "text": "d"}]},
                },
            ],
        },
        {"role": "assistant", "content": [THOUGHT, USE]},
        {
            "role": "user",
            "content": [{**RESULT, "content": [{"type": "text", "text": "r"}], "is_error": True}],
        },
    ],
    "tools": [
        {**TOOL, "description": "d", "strict": False},
        {"type": "web_search_20250305", "name": "web_search"},
    ],
    "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
    "thinking": THINKING,
    "output_config": {
        "effort": "low",
        "format": {"type": "json_schema", "schema": {"type": "object", "additionalProperties": False}},
    },
    "stop_sequences": ["x"],
    "metadata": {"user_id": "u"},
    "service_tier": "auto",
    "stream": True,
}


def answer(body: Any, headers: dict[str, str] = OLD, path: str = "/v1/messages") -> tuple[int, str]:
    """The status, and the message of an error; the answer is walked through as far as 2000 steps."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = Request(
        id="mock-1-1", method="POST", path=path, headers=headers, body=data, at=0.0, connection=1
    )
    steps = islice(Endpoints(Ledger(), None, dict).respond(request), 2000)
    sent = b"".join(step for step in steps if isinstance(step, bytes))
    if request.status == 200:
        return 200, ""
    return request.status, json.loads(sent.partition(b"\r\n\r\n")[2])["error"]["message"]


def turns(*contents: Any) -> dict[str, Any]:
    """A request whose messages are the user's and the assistant's in turn."""
    roles = ("user", "assistant") * len(contents)
    messages = [{"role": role, "content": content} for role, content in zip(roles, contents, strict=False)]
    return {**PLAIN, "max_tokens": 2000, "messages": messages}
