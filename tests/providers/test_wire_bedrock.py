"""Replays Bedrock's recorded traffic, where SWITCH_WIRE_CORPUS names the folder that holds it.

What our messages say is compared with what botocore's own parsers read from the same bytes, and with the JSON
itself where the pinned botocore does not know a member yet.
"""

import base64
import json
from typing import Any

import msgspec
import pytest
from botocore.eventstream import EventStreamBuffer
from botocore.parsers import create_parser

from switch_grpc.faults import Fault, Kind
from switch_grpc.openai_wire import decode_chat_request, fold_chat
from switch_grpc.providers.dialects.base import Binding, WireReply
from switch_grpc.providers.dialects.bedrock_embed import BedrockEmbed
from switch_grpc.providers.dialects.changes import Changes
from switch_grpc.providers.dialects.converse import Converse
from switch_grpc.providers.dialects.converse_messages import Conversation
from switch_grpc.request import Head, MessageBody, Operation
from switch_grpc.v1 import chat_pb2, completion_pb2, embedding_pb2
from tests.support.bedrock import check_request, model, model_in
from tests.support.conformance import chunks, fault_of, head, whole
from tests.support.wire_corpus import exchanges, recorded

BINDING = Binding(
    target="a",
    provider="bedrock",
    model="us.anthropic.claude-sonnet-4-6",
    base_url="https://b",
    region="us-east-1",
)
FINISH = {
    "end_turn": chat_pb2.FINISH_REASON_STOP,
    "tool_use": chat_pb2.FINISH_REASON_TOOL_CALLS,
    "max_tokens": chat_pb2.FINISH_REASON_LENGTH,
}

pytestmark = recorded


def parsed(body: bytes) -> Any:
    """A whole answer as botocore reads it."""
    shape = model().operation_model("Converse").output_shape
    return create_parser("rest-json").parse({"status_code": 200, "headers": {}, "body": body}, shape)


def assert_same(
    response: chat_pb2.ChatResponse, blocks: list[dict[str, Any]], stop: str, usage: dict[str, int]
) -> None:
    (choice,) = response.choices
    message = choice.message
    own = [b["toolUse"] for b in blocks if "toolUse" in b and b["toolUse"].get("type") != "server_tool_use"]
    assert message.content == "".join(block.get("text", "") for block in blocks)
    assert [(c.id, c.function.name, json.loads(c.function.arguments)) for c in message.tool_calls] == [
        (use["toolUseId"], use["name"], use["input"]) for use in own
    ]
    thoughts = [block["reasoningContent"] for block in blocks if "reasoningContent" in block]
    assert message.reasoning == "".join(t["reasoningText"]["text"] for t in thoughts if "reasoningText" in t)
    assert choice.finish_reason == FINISH[stop]
    cached, written = usage.get("cacheReadInputTokens", 0), usage.get("cacheWriteInputTokens", 0)
    told = response.usage
    assert told.prompt_tokens == usage["inputTokens"] + cached + written
    assert (told.completion_tokens, told.total_tokens) == (usage["outputTokens"], usage["totalTokens"])
    details = told.prompt_tokens_details
    assert (details.cached_tokens, details.cache_write_tokens) == (cached, written)


def test_recorded_answers_say_what_botocore_reads_and_go_back_as_they_came() -> None:
    seen = 0
    for exchange in exchanges("bedrock-converse.jsonl"):
        if exchange["status"] != 200:
            continue
        body = exchange["response"].encode()
        response = whole(Converse(), body, BINDING)
        plain, known = json.loads(body)["output"]["message"]["content"], parsed(body)
        types = [block.get("toolUse", {}).get("type") for block in plain]
        blocks = [dict(block) for block in known["output"]["message"]["content"]]
        for block, kind in zip(blocks, types, strict=True):
            if kind:  # which the pinned botocore leaves out
                block["toolUse"]["type"] = kind
        assert_same(response, blocks, known["stopReason"], known["usage"])
        # Nothing vanishes: what the message says, sent back, is the same blocks.
        signed = [b for b in plain if "reasoningContent" not in b or _is_signed(b)]
        back = json.loads(json.dumps(_blocks(response.choices[0].message)))
        assert sorted(map(json.dumps, back)) == sorted(map(json.dumps, map(_untyped, signed)))
        seen += 1
    assert seen == 86


def _is_signed(block: dict[str, Any]) -> bool:
    thought = block["reasoningContent"]
    return "redactedContent" in thought or bool(thought["reasoningText"].get("signature"))


def _untyped(block: dict[str, Any]) -> dict[str, Any]:
    """A caller's call has no type of its own on the way back, and a signed thought text before signature."""
    if "toolUse" in block and block["toolUse"].get("type") != "server_tool_use":
        use = block["toolUse"]
        return {"toolUse": {name: use[name] for name in ("toolUseId", "name", "input")}}
    if "reasoningText" in block.get("reasoningContent", {}):
        said = block["reasoningContent"]["reasoningText"]
        return {"reasoningContent": {"reasoningText": {"text": said["text"], "signature": said["signature"]}}}
    return block


def _blocks(message: chat_pb2.Message) -> Any:
    said = Conversation(Changes(BINDING), signed=True).read([message])
    return json.loads(msgspec.json.encode(said.turns[-1]["content"]))


def test_recorded_streams_say_what_botocore_reads_at_every_split() -> None:
    seen = 0
    for exchange in exchanges("bedrock-converse-stream.jsonl"):
        if exchange["status"] != 200:
            continue
        data = base64.b64decode(exchange["response"]["base64"])
        blocks, stop, usage = _read(data)
        expected = chunks(Converse(), data, BINDING)
        assert_same(fold_chat(expected), blocks, stop, usage)
        for at in range(0, len(data), 7):
            assert chunks(Converse(), data, BINDING, [at]) == expected
        assert chunks(Converse(), data, BINDING, range(len(data))) == expected
        seen += 1
    assert seen == 5


def _read(data: bytes) -> tuple[list[dict[str, Any]], str, dict[str, int]]:
    """Blocks, stop reason and usage, from botocore's frames."""
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    texts: dict[int, str] = {}
    thoughts: dict[int, str] = {}
    stop, usage = "", {}
    for message in buffer:
        payload = json.loads(message.payload)
        delta, index = payload.get("delta", {}), payload.get("contentBlockIndex", 0)
        texts[index] = texts.get(index, "") + delta.get("text", "")
        thoughts[index] = thoughts.get(index, "") + delta.get("reasoningContent", {}).get("text", "")
        stop, usage = payload.get("stopReason", stop), payload.get("usage", usage)
    said = [{"text": text} for text in texts.values() if text]
    thought = [{"reasoningContent": {"reasoningText": {"text": t}}} for t in thoughts.values() if t]
    return [*thought, *said], stop, usage


def test_recorded_errors_are_the_targets_or_name_what_it_cannot_do() -> None:
    kinds = [
        fault_of(Converse(), "bedrock", {"status": e["status"], "body": json.loads(e["response"])}).kind
        for e in exchanges("bedrock-converse.jsonl")
        if e["status"] != 200
    ]
    assert sorted(kinds) == [
        *(Kind.CAPABILITY, Kind.CAPABILITY, Kind.CLIENT_FAULT),
        *(Kind.UPSTREAM_MODEL_MISSING, Kind.UPSTREAM_MODEL_MISSING),
    ]


def test_recorded_paths_are_ours() -> None:
    """The model's id is escaped as botocore escapes it, whose path is signed."""
    for exchange in exchanges("bedrock-converse.jsonl"):
        name = model_in(exchange["path"])
        request = chat_pb2.ChatRequest(messages=[{"role": chat_pb2.ROLE_USER, "content": "x"}])
        bound = Binding(target="a", provider="bedrock", model=name, base_url="https://b", region="us-east-1")
        (wire,) = Converse().encode(head(stream=False), MessageBody(request), bound)
        assert wire.url == f"https://b{exchange['path']}"
        check_request("Converse", name, json.loads(wire.body))


def test_recorded_embeddings_are_asked_for_alike_and_keep_their_vectors() -> None:
    seen = 0
    for exchange in exchanges("bedrock-invoke.jsonl"):
        if exchange["status"] != 200:
            continue
        asked, answered = json.loads(exchange["request"]), json.loads(exchange["response"])
        texts, request = _request_of(asked)
        bound = Binding(
            target="a",
            provider="bedrock",
            model=model_in(exchange["path"]),
            base_url="https://b",
            region="us-east-1",
        )
        wires = BedrockEmbed().encode(
            Head(operation=Operation.EMBED, route="lite"), MessageBody(request), bound
        )
        assert [json.loads(wire.body) for wire in wires] == [asked]
        assert wires[0].url == f"https://b{exchange['path']}"
        reply = WireReply(status=200, headers={}, body=exchange["response"].encode())
        response = BedrockEmbed().decode(Operation.EMBED, [reply], bound)
        assert isinstance(response, embedding_pb2.EmbedResponse)
        assert [list(each.vector.values) for each in response.data] == _vectors(answered)
        assert len(response.data) == len(texts)
        assert response.usage.prompt_tokens == answered.get("inputTextTokenCount", 0)
        seen += 1
    assert seen == 18


def _request_of(asked: dict[str, Any]) -> tuple[list[str], embedding_pb2.EmbedRequest]:
    """The OpenAI request that says what was asked."""
    rest = dict(asked)
    texts = rest.pop("texts", None)
    dimensions = rest.pop("dimensions", None) or rest.pop("output_dimension", None)
    if "inputText" in rest:
        texts = [rest.pop("inputText")]
    if rest.pop("taskType", None):
        params = rest.pop("singleEmbeddingParams")
        texts = [params["text"]["value"]]
        dimensions = params.get("embeddingDimension")
        rest = {
            "embeddingPurpose": params["embeddingPurpose"],
            "truncationMode": params["text"]["truncationMode"],
        }
    prompt = completion_pb2.Prompt(texts=completion_pb2.TextList(texts=texts))
    return texts, embedding_pb2.EmbedRequest(
        route="lite", input=prompt, dimensions=dimensions, extra_json=json.dumps(rest)
    )


def _vectors(answered: dict[str, Any]) -> list[list[float]]:
    if "embedding" in answered:
        return [answered["embedding"]]
    found = answered["embeddings"]
    if isinstance(found, dict):
        found = found["float"]
    return [each["embedding"] if isinstance(each, dict) else each for each in found]


@pytest.mark.parametrize("model", ["claude-sonnet-4-5", "claude-opus-4-8", "nova-pro", "mistral-large-2407"])
def test_recorded_openai_requests_are_what_the_service_model_says_or_refused_by_name(model: str) -> None:
    bound = Binding(target="a", provider="bedrock", model=model, base_url="https://b", region="us-east-1")
    accepted, refused = 0, []
    for exchange in exchanges("openai-chat.jsonl"):
        if not exchange["request"]:
            continue
        request = decode_chat_request(exchange["request"].encode())
        try:
            (wire,) = Converse().encode(head(stream=False), MessageBody(request), bound)
        except Fault as fault:
            refused.append(fault)
        else:
            check_request("Converse", model_in(wire.url), json.loads(wire.body))
            accepted += 1
    assert accepted >= 180
    assert len(refused) <= 35
    assert {fault.kind for fault in refused} == {Kind.CAPABILITY}
    assert all(fault.param and fault.param in fault.message for fault in refused)
