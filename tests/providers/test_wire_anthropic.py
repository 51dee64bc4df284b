"""Replays recorded Anthropic traffic, where SWITCH_WIRE_CORPUS names the folder that holds it.

What an answer says is read here from its plain JSON; that the `anthropic` package reads the same of it is
tests/real/test_anthropic_types.py's to show.
"""

import json
from typing import Any

from switch_grpc.faults import Kind
from switch_grpc.openai_wire import decode_chat_request, encode_chat_response, fold_chat
from switch_grpc.providers.dialects.anthropic import Anthropic
from switch_grpc.providers.dialects.base import Binding
from switch_grpc.request import MessageBody
from tests.support.conformance import chunks, fault_of, head, whole
from tests.support.recorded import Heard, heard, heard_in_stream
from tests.support.wire_corpus import exchanges, recorded

BINDING = Binding(
    target="a", provider="anthropic", model="claude-sonnet-4-5", base_url="https://api.anthropic.com"
)

pytestmark = recorded


def test_every_recorded_answer_says_what_its_json_says() -> None:
    whole_ones = streams = 0
    for exchange in exchanges("anthropic.jsonl"):
        data = exchange["response"].encode()
        if exchange["status"] != 200:
            answer = {"status": exchange["status"], "body": json.loads(data)}
            assert fault_of(Anthropic(), "anthropic", answer).kind is Kind.UPSTREAM_MODEL_MISSING
        elif "event-stream" in exchange["content_type"]:
            made = chunks(Anthropic(), data, BINDING)
            for size in (1, 97, 4096):
                assert chunks(Anthropic(), data, BINDING, range(size, len(data), size)) == made
            assert Heard.of(fold_chat(made)) == heard_in_stream(data), exchange["case"]
            streams += 1
        else:
            assert Heard.of(whole(Anthropic(), data, BINDING)) == heard(json.loads(data)), exchange["case"]
            whole_ones += 1
    assert (whole_ones, streams) == (140, 9)


def test_every_recorded_answer_goes_back_as_it_came() -> None:
    """As the assistant's turn of the next request: thinking, server tools and unknown blocks included."""
    for exchange in exchanges("anthropic.jsonl"):
        if exchange["status"] != 200 or "event-stream" in exchange["content_type"]:
            continue
        came = json.loads(exchange["response"])["content"]
        answer = json.loads(encode_chat_response(whole(Anthropic(), exchange["response"].encode(), BINDING)))
        message = answer["choices"][0]["message"]
        calls = [call["id"] for call in message.get("tool_calls", ())]
        results = [{"role": "tool", "tool_call_id": made, "content": "ok"} for made in calls]
        conversation = [{"role": "user", "content": "a"}, message, *results, {"role": "user", "content": "b"}]
        request = decode_chat_request(json.dumps({"model": "lite", "messages": conversation}).encode())
        (wire,) = Anthropic().encode(head(stream=False), MessageBody(request), BINDING)
        turn = json.loads(wire.body)["messages"][1]
        content = turn["content"]
        content = [{"type": "text", "text": content}] if isinstance(content, str) else content
        assert _said(content) == _said(came), exchange["case"]


def _said(blocks: list[dict[str, Any]]) -> list[Any]:
    """Texts that follow each other as one, without empty lists and nulls."""
    said: list[Any] = []
    for block in blocks:
        block = {name: value for name, value in block.items() if value not in (None, [])}
        if block.keys() == {"type", "text"}:
            if not block["text"].strip():
                continue
            if said and isinstance(said[-1], str):
                said[-1] += block["text"]
                continue
            said.append(block["text"])
        else:
            said.append(block)
    return said
