"""Vertex AI: whose dialect a model speaks, and what of Claude's differs there."""

import json
from typing import Any

import pytest

from switch_grpc.faults import Kind
from switch_grpc.openai_wire import decode_chat_request
from switch_grpc.providers.classify import classify
from switch_grpc.providers.dialects.base import Binding, WireReply, WireRequest
from switch_grpc.providers.dialects.vertex import Vertex
from switch_grpc.request import Head, MessageBody, Operation
from tests.support.conformance import FIXTURES, REPLIES, assert_says, streamed, whole

BASE = "https://europe-west1-aiplatform.googleapis.com/v1/projects/p/locations/europe-west1"


def bound(model: str) -> Binding:
    return Binding(target="a", provider="vertex", model=model, base_url=BASE)


CLAUDE = bound("claude-sonnet-4-5@20250929")


def wire(binding: Binding, *, stream: bool) -> WireRequest:
    request = decode_chat_request(b'{"model":"lite","messages":[{"role":"user","content":"Hello"}]}')
    head = Head(operation=Operation.CHAT, route="lite", stream=stream)
    (sent,) = Vertex().encode(head, MessageBody(request), binding)
    return sent


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("gemini-2.5-flash", "publishers/google/models/gemini-2.5-flash:generateContent"),
        (
            "publishers/google/models/gemini-2.5-pro",
            "publishers/google/models/gemini-2.5-pro:generateContent",
        ),
        ("endpoints/123", "endpoints/123:generateContent"),
        (
            "claude-sonnet-4-5@20250929",
            "publishers/anthropic/models/claude-sonnet-4-5@20250929:rawPredict",
        ),
        (
            "publishers/anthropic/models/claude-opus-4-1",
            "publishers/anthropic/models/claude-opus-4-1:rawPredict",
        ),
    ],
)
def test_a_models_name_decides_whose_it_is(model: str, path: str) -> None:
    assert wire(bound(model), stream=False).url == f"{BASE}/{path}"


def test_claude_has_its_version_in_the_body_in_place_of_the_model() -> None:
    whole_one, stream = wire(CLAUDE, stream=False), wire(CLAUDE, stream=True)
    body = json.loads(whole_one.body)
    assert body["anthropic_version"] == "vertex-2023-10-16"
    assert "model" not in body
    assert body["messages"] == [{"role": "user", "content": "Hello"}]
    assert "anthropic-version" not in whole_one.headers
    assert stream.url.endswith(":streamRawPredict")
    assert json.loads(stream.body)["stream"] is True


@pytest.mark.parametrize("name", ["text", "tool_call", "reasoning"])
def test_answers_are_read_in_the_models_own_dialect(name: str) -> None:
    for binding, folder in ((bound("gemini-2.5-flash"), "gemini"), (CLAUDE, "anthropic")):
        files = FIXTURES / folder
        body = (files / f"replies/{name}.json").read_bytes()
        assert_says(whole(Vertex(), body, binding), REPLIES[name])
        data = (files / f"streams/{name}.sse").read_bytes()
        assert_says(streamed(Vertex(), data, binding), REPLIES[name])


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (
            429,
            {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "Quota exceeded"}},
            Kind.UPSTREAM_RATE_LIMIT,
        ),
        (
            400,
            {"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long"}},
            Kind.CONTEXT_LENGTH,
        ),
        (
            404,
            [{"error": {"code": 404, "status": "NOT_FOUND", "message": "Publisher Model was not found"}}],
            Kind.UPSTREAM_MODEL_MISSING,
        ),
    ],
)
def test_an_error_is_googles_or_anthropics(status: int, body: Any, kind: Kind) -> None:
    error = Vertex().error(WireReply(status=status, headers={}, body=json.dumps(body).encode()))
    verdict = classify(
        provider="vertex", target="a", status=status, headers={}, error=error,
        patterns=(), permanent=True, now_wall=0.0,
    )  # fmt: skip
    assert verdict.fault.kind is kind
