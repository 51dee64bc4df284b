"""Requests in, steps out: nothing that a peer sends gets past the endpoints as an exception."""

import json
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switch_grpc.mock.endpoints import Endpoints, is_own
from switch_grpc.mock.failures import FAILURES
from switch_grpc.mock.ledger import Ledger, Request
from switch_grpc.mock.script import _KEYS, _TOGGLES, Fault

REFERENCE = Path(__file__).parents[2] / "docs" / "mock.md"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FULL: dict[str, Any] = {
    "model": "mock",
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "use f"}]},
        {"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f"}}]},
        {"role": "tool", "tool_call_id": "a", "content": "r"},
        {"role": "user", "content": "use f"},
    ],
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "f",
                "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}},
            },
        }
    ],
    "tool_choice": "required",
    "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}},
    "stream_options": {"include_usage": True},
    "prompt": ["a", "b"],
    "input": ["a"],
    "stream": True,
    "n": 2,
    "logprobs": True,
    "top_logprobs": 2,
    "stop": ["x"],
    "seed": 1,
    "max_tokens": 9,
}


def answer(path: str, body: bytes) -> Request:
    """The request after its answer was walked through, as far as 2000 steps."""
    ledger = Ledger()
    request = Request(id="mock-1-1", method="POST", path=path, headers={}, body=body, at=0.0, connection=1)
    list(islice(Endpoints(ledger, None, dict).respond(request), 2000))
    return request


def replaced(value: Any, path: list[int], new: Any) -> Any:
    """The value with the member that `path` leads to (each step modulo the size) replaced."""
    if not path or not isinstance(value, dict | list) or not value:
        return new
    keys = list(value) if isinstance(value, dict) else range(len(value))
    at = keys[path[0] % len(keys)]
    copy: Any = dict(value) if isinstance(value, dict) else list(value)
    copy[at] = replaced(value[at], path[1:], new)
    return copy


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(["/v1/chat/completions", "/v1/completions", "/v1/embeddings"]),
    st.lists(st.integers(0, 30), min_size=1, max_size=6),
    JSON,
)
def test_a_request_with_anything_anywhere_is_answered_or_refused(path: str, where: list[int], new: Any):
    body = json.dumps(replaced(FULL, where, new)).encode()
    assert answer(path, body).status in (200, 400, 404)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"model":"mock","n":' + b"9" * 5000 + b"}",
        b'{"model":"mock","seed":NaN}',
        b'{"model":"\\ud800"}',
    ],
)
def test_hostile_json_is_a_400(body: bytes):
    assert answer("/v1/chat/completions", body).status == 400


def test_a_script_decides_only_about_requests_that_are_valid():
    ledger = Ledger()
    endpoints = Endpoints(ledger, None, dict)

    def status(body: dict[str, Any]) -> int:
        data = json.dumps(body).encode()
        request = Request(
            id="1", method="POST", path="/completions", headers={}, body=data, at=0, connection=1
        )
        list(endpoints.respond(request))
        return request.status

    model = "mock;status=503;times=1"
    assert status({"model": model, "prompt": 7}) == 400
    assert [status({"model": model, "prompt": "x"}) for _ in range(2)] == [503, 200]


def test_only_paths_under_mock_are_the_mocks_own():
    assert [is_own(path) for path in ("/mock", "/mock/stats", "/mock?x=1")] == [True] * 3
    assert [is_own(path) for path in ("/mockery/v1/models", "/v1/mock", "/")] == [False] * 3


def test_the_reference_names_every_key_fault_and_error():
    reference = REFERENCE.read_text(encoding="utf-8")
    words = [*(f"`{key}=" for key in _KEYS), *(f"`{name}`" for name in (*_TOGGLES, *Fault, *FAILURES))]
    assert [word for word in words if word not in reference] == []
