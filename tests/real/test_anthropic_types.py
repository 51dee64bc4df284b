"""The `anthropic` package judges what we send to its API and what we read of its answers.

Requests are validated by its typed parameters, recorded answers are parsed by its own types and accumulator
(its beta ones, since some recordings hold beta blocks). Needs the package: `pip install anthropic`.
"""

import collections
import json
from collections.abc import Iterable
from typing import Any

import httpx2
import pytest
from anthropic._models import construct_type
from anthropic._streaming import SSEDecoder
from anthropic.lib.streaming._beta_messages import accumulate_event
from anthropic.types import message_create_params
from anthropic.types.beta import BetaMessage, BetaRawMessageStreamEvent
from pydantic import TypeAdapter, ValidationError

from switch_grpc.faults import Fault, Kind
from switch_grpc.openai_wire import decode_chat_request
from switch_grpc.providers.dialects.anthropic import Anthropic
from switch_grpc.providers.dialects.base import Binding
from switch_grpc.request import MessageBody
from switch_grpc.v1 import chat_pb2
from tests.support.conformance import REQUESTS, head, streamed, whole
from tests.support.recorded import Heard, heard
from tests.support.wire_corpus import exchanges, recorded

PARAMS = TypeAdapter[Any](message_create_params.MessageCreateParams)
# Gone from the types since API version 2026-10-21; we speak 2023-06-01, which takes them at older models.
SAMPLING = {"temperature", "top_p", "top_k"}
MODELS = ("claude-sonnet-4-5", "claude-opus-4-8", "claude-opus-5-5")
# Their own tools, parts and `thinking` pass as they stand, and no other provider takes them.
OTHERS = {"api.z.ai", "openrouter.ai", "api.mistral.ai"}


def bound(model: str) -> Binding:
    return Binding(target="a", provider="anthropic", model=model, base_url="https://api.anthropic.com")


def forced(value: Any) -> Any:
    """`value` in full: pydantic validates an Iterable only as it is read."""
    if isinstance(value, dict):
        return {name: forced(member) for name, member in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return [forced(member) for member in value]
    return value


def accepted(body: dict[str, Any]) -> Any:
    """What the types make of `body`: the same, unless it has a member that they do not know."""
    return forced(PARAMS.validate_python(body))


def sent(request: chat_pb2.ChatRequest, model: str, *, stream: bool) -> dict[str, Any] | None:
    """The body without sampling; None where the dialect refuses the request by the name of a field."""
    try:
        (wire,) = Anthropic().encode(head(stream=stream), MessageBody(request), bound(model))
    except Fault as fault:
        if fault.kind is Kind.CAPABILITY and fault.param:
            return None
        raise
    body: dict[str, Any] = json.loads(wire.body)
    return {name: value for name, value in body.items() if name not in SAMPLING}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", REQUESTS)
def test_every_request_of_the_table_is_one_that_the_types_accept(name: str, model: str) -> None:
    request = decode_chat_request(json.dumps(REQUESTS[name]).encode())
    for stream in (False, True):
        body = sent(request, model, stream=stream)
        assert body is None or accepted(body) == body


@recorded
@pytest.mark.parametrize("model", MODELS)
def test_every_recorded_openai_request_is_one_that_the_types_accept_or_refused_by_name(model: str) -> None:
    counts: collections.Counter[str] = collections.Counter()
    for exchange in exchanges("openai-chat.jsonl"):
        if not exchange["request"]:
            continue
        request = decode_chat_request(exchange["request"].encode())
        body = sent(request, model, stream='"stream": true' in exchange["request"])
        if body is None:
            counts["refused"] += 1
            continue
        known = message_create_params.MessageCreateParamsStreaming.__annotations__.keys()
        known |= message_create_params.MessageCreateParamsBase.__annotations__.keys()
        ours = {name: value for name, value in body.items() if name in known}
        try:
            assert accepted(ours) == ours, exchange["case"]
        except ValidationError:
            assert exchange["host"] in OTHERS, exchange["case"]
            counts["another provider's own"] += 1
            continue
        counts["accepted"] += 1
    assert counts["accepted"] >= 189
    assert counts["another provider's own"] <= 10
    assert counts["refused"] <= 16


@recorded
def test_every_recorded_answer_says_what_the_types_parse() -> None:
    seen = 0
    for exchange in exchanges("anthropic.jsonl"):
        if exchange["status"] != 200:
            continue
        data = exchange["response"].encode()
        if "event-stream" in exchange["content_type"]:
            ours, theirs = streamed(Anthropic(), data, bound("m")), accumulated(data)
        else:
            ours = whole(Anthropic(), data, bound("m"))
            theirs = construct_type(type_=BetaMessage, value=json.loads(data))
        assert Heard.of(ours) == heard(theirs.to_dict()), exchange["case"]
        seen += 1
    assert seen == 149


def accumulated(data: bytes) -> Any:
    message, buffers = None, {}
    for event in SSEDecoder().iter_bytes(iter([data])):
        if event.event != "ping":
            message = accumulate_event(
                event=construct_type(type_=BetaRawMessageStreamEvent, value=event.json()),
                current_snapshot=message,
                json_bufs=buffers,
                request_headers=httpx2.Headers(),
            )
    return message
