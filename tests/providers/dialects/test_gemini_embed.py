"""Embeddings at Google: which method, in how many requests, and what comes back."""

import json
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch_grpc.faults import Fault, Kind
from switch_grpc.openai_wire import decode_embed_request
from switch_grpc.providers.dialects.base import Binding, UpstreamFailure, WireReply
from switch_grpc.providers.dialects.gemini import Gemini
from switch_grpc.request import Head, MessageBody, Operation
from switch_grpc.v1 import embedding_pb2

HEAD = Head(operation=Operation.EMBED, route="lite")
BINDING = Binding(
    target="a", provider="gemini", model="gemini-embedding-001", base_url="https://g.example.com/v1beta"
)
VERTEX = replace(BINDING, provider="vertex", base_url="https://v.example.com/v1/projects/p/locations/l")


def sent(binding: Binding, *, vertex: bool = False, **request: Any) -> list[tuple[str, Any]]:
    message = decode_embed_request(json.dumps({"model": "lite", **request}).encode())
    wires = Gemini(vertex=vertex).encode(HEAD, MessageBody(message), binding)
    return [(wire.url.removeprefix(binding.base_url), json.loads(wire.body)) for wire in wires]


def read(*bodies: object) -> embedding_pb2.EmbedResponse:
    replies = [WireReply(status=200, headers={}, body=json.dumps(body).encode()) for body in bodies]
    message = Gemini().decode(Operation.EMBED, replies, BINDING)
    assert isinstance(message, embedding_pb2.EmbedResponse)
    return message


def test_the_gemini_api_takes_all_texts_at_once() -> None:
    model = "models/gemini-embedding-001"
    ((path, body),) = sent(BINDING, input=["a", "b"], dimensions=8, task_type="RETRIEVAL_QUERY", user="u")
    assert path == f"/{model}:batchEmbedContents"
    options = {"taskType": "RETRIEVAL_QUERY", "outputDimensionality": 8}
    assert body == {
        "requests": [
            {"model": model, "content": {"parts": [{"text": text}]}, **options} for text in ("a", "b")
        ]
    }


def test_vertex_predicts_one_text_at_a_time_for_gemini_and_all_at_once_for_older_models() -> None:
    calls = sent(VERTEX, vertex=True, input=["a", "b"], dimensions=8, title="t")
    path = "/publishers/google/models/gemini-embedding-001:predict"
    assert calls == [
        (
            path,
            {"instances": [{"content": text, "title": "t"}], "parameters": {"outputDimensionality": 8}},
        )
        for text in ("a", "b")
    ]
    older = replace(VERTEX, model="text-embedding-005")
    assert sent(older, vertex=True, input=["a", "b"]) == [
        (
            "/publishers/google/models/text-embedding-005:predict",
            {"instances": [{"content": "a"}, {"content": "b"}]},
        )
    ]


def test_many_texts_go_in_as_many_requests_as_the_service_takes() -> None:
    """100 at the Gemini API, 250 at Vertex, in the order of the texts."""
    texts = [str(number) for number in range(501)]
    batches = [body["requests"] for _, body in sent(BINDING, input=texts)]
    assert [len(batch) for batch in batches] == [100] * 5 + [1]
    assert [row["content"]["parts"][0]["text"] for batch in batches for row in batch] == texts
    older = replace(VERTEX, model="text-embedding-005")
    predicted = [body["instances"] for _, body in sent(older, vertex=True, input=texts)]
    assert [len(instances) for instances in predicted] == [250, 250, 1]


def test_vertex_embeds_content_for_the_newest_models() -> None:
    newest = replace(VERTEX, model="gemini-embedding-2", params={"taskType": b'"CLUSTERING"'})
    assert sent(newest, vertex=True, input=["a", "b"]) == [
        (
            "/publishers/google/models/gemini-embedding-2:embedContent",
            {"content": {"parts": [{"text": text}]}, "embedContentConfig": {"taskType": "CLUSTERING"}},
        )
        for text in ("a", "b")
    ]


def test_a_routes_defaults_for_chats_do_not_reach_embeddings() -> None:
    ((_, body),) = sent(replace(BINDING, defaults={"temperature": b"0.5"}), input="a")
    assert "temperature" not in json.dumps(body)


@pytest.mark.parametrize(
    ("request_", "param"),
    [({"input": [1, 2]}, "input"), ({"input": "a", "late_chunking": True}, "late_chunking")],
)
def test_what_gemini_cannot_embed_is_refused_by_name(request_: dict[str, Any], param: str) -> None:
    with pytest.raises(Fault, match=param) as refused:
        sent(BINDING, **request_)
    assert (refused.value.kind, refused.value.param) == (Kind.CAPABILITY, param)


def test_all_three_answers_are_vectors_in_the_order_of_the_texts() -> None:
    batch = {
        "embeddings": [{"values": [1, 0.5]}, {"values": [0.25]}],
        "usageMetadata": {"promptTokenCount": 7},
    }
    single = {"embedding": {"values": [1]}, "usageMetadata": {"promptTokenCount": 3}}
    predicted = {
        "predictions": [{"embeddings": {"values": [2], "statistics": {"token_count": 4, "truncated": False}}}]
    }
    assert [list(row.vector.values) for row in read(batch).data] == [[1, 0.5], [0.25]]
    both = read(single, predicted)
    assert [(row.index, list(row.vector.values)) for row in both.data] == [(0, [1]), (1, [2])]
    assert (both.usage.prompt_tokens, both.usage.total_tokens) == (7, 7)
    assert not read({"embeddings": [{"values": [1]}]}).HasField("usage")


def test_no_vector_is_no_answer() -> None:
    with pytest.raises(Fault) as fault:
        read({"embeddings": []})
    assert fault.value.kind is Kind.UPSTREAM_PROTOCOL
    with pytest.raises(UpstreamFailure) as failure:
        read({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}})
    assert failure.value.status == 429


names = st.sampled_from(
    [
        *("embedding", "embeddings", "values", "predictions", "statistics", "token_count"),
        "usageMetadata",
        "error",
    ]
)
shapes = st.recursive(
    st.none() | st.floats(allow_nan=False) | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=8,
)


@given(st.binary(max_size=40) | shapes.map(msgspec.json.encode))
def test_what_is_no_answer_raises_only_faults(data: bytes) -> None:
    try:
        Gemini().decode(Operation.EMBED, [WireReply(status=200, headers={}, body=data)], BINDING)
    except (Fault, UpstreamFailure):
        pass
