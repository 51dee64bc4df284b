"""Laws of Bedrock's embeddings beyond what the recorded ones show: what a model has no place for."""

import json
from typing import Any

import pytest

from switch_grpc.faults import Fault, Kind
from switch_grpc.providers.dialects.base import Binding
from switch_grpc.providers.dialects.bedrock_embed import BedrockEmbed
from switch_grpc.request import Head, MessageBody, Operation
from switch_grpc.v1 import completion_pb2, embedding_pb2

HEAD = Head(operation=Operation.EMBED, route="lite")


def sent(model: str, **fields: Any) -> list[Any]:
    """The bodies of the calls that two texts make."""
    prompt = completion_pb2.Prompt(texts=completion_pb2.TextList(texts=["a", "b"]))
    request = embedding_pb2.EmbedRequest(route="lite", input=prompt, **fields)
    bound = Binding(target="a", provider="bedrock", model=model, base_url="https://b", region="us-east-1")
    wires = BedrockEmbed().encode(HEAD, MessageBody(request), bound)
    return [json.loads(wire.body) for wire in wires]


@pytest.mark.parametrize(
    ("model", "width"),
    [
        ("amazon.titan-embed-text-v2:0", {"dimensions": 256}),
        ("cohere.embed-v4:0", {"output_dimension": 256}),
    ],
)
def test_a_width_is_spelt_as_the_model_spells_it(model: str, width: dict[str, int]) -> None:
    assert all(body.items() >= width.items() for body in sent(model, dimensions=256))


@pytest.mark.parametrize(
    "model",
    [
        "amazon.titan-embed-text-v1",
        "amazon.titan-embed-g1-text-02",
        "cohere.embed-english-v3",
        "embed-multilingual-v3",
    ],
)
def test_a_width_is_refused_by_name_where_a_model_has_but_one(model: str) -> None:
    """Bedrock would say that the member is not one of its own, as if the caller had erred."""
    assert sent(model)
    with pytest.raises(Fault, match="dimensions: target 'a'") as caught:
        sent(model, dimensions=256)
    assert (caught.value.kind, caught.value.param) == (Kind.CAPABILITY, "dimensions")
