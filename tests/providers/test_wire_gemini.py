"""Replays recorded Gemini and Vertex traffic, where SWITCH_WIRE_CORPUS names the folder that holds it.

What an answer says is read here from its plain JSON; that google-genai reads the same of it is
tests/real/test_gemini_types.py's to show.
"""

import collections
import json
import re
from typing import Any

import pytest

from switch_grpc.faults import Fault, Kind
from switch_grpc.openai_wire import decode_chat_request, encode_chat_response, fold_chat
from switch_grpc.providers.dialects.base import Binding, UpstreamFailure, WireReply
from switch_grpc.providers.dialects.gemini import Gemini
from switch_grpc.request import MessageBody, Operation
from switch_grpc.v1 import embedding_pb2
from tests.support.conformance import chunks, fault_of, head, whole
from tests.support.recorded_gemini import Heard, events_of, heard
from tests.support.wire_corpus import exchanges, recorded

BINDING = Binding(
    target="a",
    provider="gemini",
    model="gemini-2.5-flash",
    base_url="https://generativelanguage.googleapis.com/v1beta",
)

pytestmark = recorded


def test_every_recorded_answer_says_what_its_json_says() -> None:
    said = blocked = refused = 0
    for exchange in exchanges("gemini.jsonl"):
        data = exchange["response"].encode()
        if exchange["status"] != 200:
            answer = {"status": exchange["status"], "body": json.loads(data)}
            assert fault_of(Gemini(), "gemini", answer).kind is Kind.CLIENT_FAULT
            refused += 1
        elif not json.loads(data).get("candidates"):
            with pytest.raises(UpstreamFailure) as failure:
                whole(Gemini(), data, BINDING)
            assert failure.value.error.code == "content_filter"
            blocked += 1
        else:
            assert Heard.of(whole(Gemini(), data, BINDING)) == heard([json.loads(data)]), exchange["case"]
            said += 1
    assert (said, blocked, refused) == (155, 1, 1)


def test_every_recorded_stream_says_what_its_events_say_however_it_is_cut() -> None:
    count = 0
    for exchange in exchanges("gemini-stream.jsonl"):
        data = exchange["response"].encode()
        made = chunks(Gemini(), data, BINDING)
        for size in (1, 97, 4096):
            assert chunks(Gemini(), data, BINDING, range(size, len(data), size)) == made
        assert Heard.of(fold_chat(made)) == heard(events_of(data)), exchange["case"]
        count += 1
    assert count == 11


def test_every_recorded_embedding_is_read_in_full() -> None:
    count = 0
    for exchange in exchanges("gemini-embed.jsonl"):
        document = json.loads(exchange["response"])
        if exchange["status"] != 200:
            answer = {"status": exchange["status"], "body": document}
            assert fault_of(Gemini(), "gemini", answer).kind is Kind.UPSTREAM_MODEL_MISSING
            continue
        reply = WireReply(status=200, headers={}, body=exchange["response"].encode())
        vectors = document.get("embeddings") or [document["embedding"]]
        message = Gemini().decode(Operation.EMBED, [reply], BINDING)
        assert isinstance(message, embedding_pb2.EmbedResponse)
        assert [list(row.vector.values) for row in message.data] == [row["values"] for row in vectors]
        tokens = document.get("usageMetadata", {}).get("promptTokenCount", 0)
        assert message.usage.prompt_tokens == message.usage.total_tokens == tokens
        count += 1
    assert count == 9


def test_every_recorded_answer_goes_back_as_it_came() -> None:
    """As the assistant's turn of the next request: signatures, executed code and tools of Google included."""
    for exchange in exchanges("gemini.jsonl"):
        if exchange["status"] != 200 or not (
            candidates := json.loads(exchange["response"]).get("candidates")
        ):
            continue
        came = candidates[0].get("content", {}).get("parts", [])
        answer = json.loads(encode_chat_response(whole(Gemini(), exchange["response"].encode(), BINDING)))
        message = answer["choices"][0]["message"]
        calls = [call["id"] for call in message.get("tool_calls", ())]
        results = [{"role": "tool", "tool_call_id": made, "content": "ok"} for made in calls]
        conversation = [{"role": "user", "content": "a"}, message, *results, {"role": "user", "content": "b"}]
        request = decode_chat_request(json.dumps({"model": "lite", "messages": conversation}).encode())
        (wire,) = Gemini().encode(head(stream=False), MessageBody(request), BINDING)
        contents = json.loads(wire.body)["contents"]
        back = contents[1]["parts"] if contents[1:] and contents[1]["role"] == "model" else []
        assert _told(back) == _told(came), exchange["case"]


def _told(parts: list[dict[str, Any]]) -> list[Any]:
    """Texts that follow each other as one, without thoughts and the ids that we give."""
    told: list[Any] = []
    signed = ""
    for part in parts:
        if part.get("thought"):
            continue
        if "text" in part and part.keys() <= {"text", "thoughtSignature"}:
            signed = part.get("thoughtSignature", signed)
            if told and isinstance(told[-1], str):
                told[-1] += part["text"]
            elif part["text"]:
                told.append(part["text"])
        elif "functionCall" in part:
            call = {name: value for name, value in part["functionCall"].items() if name != "id"}
            told.append({**part, "functionCall": {"args": {}, **call}})
        else:
            told.append(part)
    return [*told, signed]


def test_every_recorded_openai_request_is_one_for_gemini_or_refused_by_name() -> None:
    sent, refused = 0, collections.Counter[tuple[Kind, str]]()
    for exchange in exchanges("openai-chat.jsonl"):
        if not exchange["request"]:
            continue
        request = decode_chat_request(exchange["request"].encode())
        try:
            (wire,) = Gemini().encode(head(stream=False), MessageBody(request), BINDING)
        except Fault as fault:
            refused[fault.kind, re.sub(r"\[\d+\]", "", fault.param or "")] += 1
        else:
            assert json.loads(wire.body)["contents"]
            sent += 1
    assert sent == 186
    assert {kind for kind, _ in refused} == {Kind.CAPABILITY}
    # Of OpenAI's own only a few; the others are parameters that other providers have added.
    ours = {"moderation", "web_search_options", "tools", "service_tier"}
    assert {name for _, name in refused} >= ours
