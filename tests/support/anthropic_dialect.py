"""The Anthropic dialect under test: what it sends, and its fixtures."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from switch_grpc.faults import Fault, Kind
from switch_grpc.openai_wire import decode_chat_request, encode_chat_response
from switch_grpc.providers.dialects.anthropic import Anthropic
from switch_grpc.providers.dialects.base import Binding, UpstreamFailure
from switch_grpc.request import MessageBody
from tests.support.conformance import (
    CLOCK,
    FIXTURES,
    WEATHER,
    head,
    user,
    whole,
)

FOLDER = FIXTURES / "anthropic"
STREAMS = sorted(path.stem for path in FOLDER.glob("streams/*.sse"))
REPLIES = sorted(path.stem for path in FOLDER.glob("replies/*.json"))
SAY = {"role": "assistant", "content": "Hello."}
CACHED = {"type": "ephemeral"}
BOTH: tuple[Any, ...] = (WEATHER, CLOCK)


def bound(model: str = "claude-sonnet-4-5", **how: Any) -> Binding:
    base = {"target": "a", "provider": "anthropic", "base_url": "https://api.anthropic.com"}
    return Binding(**{**base, "model": model, **how})


def sent(
    *messages: object, model: str = "claude-sonnet-4-5", binding: Binding | None = None, **parameters: object
) -> dict[str, Any]:
    """The body on the wire."""
    request = {"model": "lite", "messages": list(messages) or [user()], **parameters}
    message = decode_chat_request(json.dumps(request).encode())
    stream = bool(parameters.get("stream"))
    (wire,) = Anthropic().encode(head(stream=stream), MessageBody(message), binding or bound(model))
    body: dict[str, Any] = json.loads(wire.body)
    return body


def adapted(*messages: object, binding: Binding | None = None, **parameters: object) -> list[str]:
    """What had to be changed of a request, a sentence each."""
    request = {"model": "lite", "messages": list(messages) or [user()], **parameters}
    message = decode_chat_request(json.dumps(request).encode())
    (wire,) = Anthropic().encode(head(stream=False), MessageBody(message), binding or bound())
    return list(wire.adaptations)


def refused(*messages: object, **how: Any) -> tuple[str | None, str]:
    with pytest.raises(Fault) as caught:
        sent(*messages, **how)
    assert caught.value.kind is Kind.CAPABILITY
    return caught.value.param, caught.value.message


def reply(name: str) -> bytes:
    return (FOLDER / f"replies/{name}.json").read_bytes()


def stream(name: str) -> bytes:
    return (FOLDER / f"streams/{name}.sse").read_bytes()


def turns(*messages: object, **how: Any) -> list[tuple[str, Any]]:
    return [(turn["role"], turn["content"]) for turn in sent(*messages, **how)["messages"]]


def said(name: str) -> dict[str, Any]:
    """The message of a whole answer, as an OpenAI client sees it."""
    message: dict[str, Any] = json.loads(encode_chat_response(whole(Anthropic(), reply(name), bound())))[
        "choices"
    ][0]["message"]
    return message


def told(run: Callable[[], Any]) -> object:
    try:
        return run()
    except Fault as fault:
        return (fault.kind, fault.message)
    except UpstreamFailure as failure:
        return (failure.status, failure.error)
