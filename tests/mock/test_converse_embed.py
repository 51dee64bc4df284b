"""InvokeModel's embeddings, in the forms of their makers."""

from math import sqrt
from typing import Any

import msgspec
import pytest

from switch_grpc.mock.converse_embed import embed
from switch_grpc.mock.dialect import Context
from switch_grpc.mock.failures import Refused

TITAN_1, TITAN_2 = "amazon.titan-embed-text-v1", "amazon.titan-embed-text-v2:0"
COHERE_3, COHERE_4 = "cohere.embed-english-v3", "us.cohere.embed-v4:0"
NOVA = "amazon.nova-2-multimodal-embeddings-v1:0"


def invoke(model: str, **body: Any) -> Any:
    answer: Any = embed(body, model)(Context(attempt="a-1", headers=()))
    return msgspec.json.decode(answer.body)


def length(vector: list[float]) -> float:
    return sqrt(sum(value * value for value in vector))


def test_titan_gives_one_vector_and_counts_its_tokens():
    answer = invoke(TITAN_2, inputText="Hello there")
    assert answer.keys() == {"embedding", "inputTextTokenCount"}
    assert (len(answer["embedding"]), answer["inputTextTokenCount"]) == (1024, 3)
    assert length(answer["embedding"]) == pytest.approx(1)
    assert len(invoke(TITAN_1, inputText="Hello")["embedding"]) == 1536


def test_titans_second_version_takes_dimensions_types_and_no_normalization():
    answer = invoke(TITAN_2, inputText="Hi", dimensions=256, embeddingTypes=["float", "binary"])
    assert answer["embedding"] == answer["embeddingsByType"]["float"]
    assert set(answer["embeddingsByType"]["binary"]) == {0, 1}
    assert len(answer["embedding"]) == 256
    assert "embedding" not in invoke(TITAN_2, inputText="Hi", embeddingTypes=["binary"])
    assert length(invoke(TITAN_2, inputText="Hi", normalize=False)["embedding"]) != pytest.approx(1)


def test_coheres_third_version_lists_and_its_fourth_answers_by_type():
    third = invoke(COHERE_3, texts=["a", "b"], input_type="search_document")
    assert (third["response_type"], len(third["embeddings"])) == ("embeddings_floats", 2)
    assert third["texts"] == ["a", "b"]
    fourth = invoke(COHERE_4, texts=["a", "b"], input_type="search_document", output_dimension=256)
    assert fourth["response_type"] == "embeddings_by_type"
    assert [len(vector) for vector in fourth["embeddings"]["float"]] == [256, 256]


def test_cohere_packs_vectors_into_the_types_that_are_asked_for():
    kinds = ["float", "int8", "uint8", "binary", "ubinary"]
    answer = invoke(COHERE_3, texts=["a"], input_type="clustering", embedding_types=kinds)["embeddings"]
    assert [len(answer[kind][0]) for kind in kinds] == [1024, 1024, 1024, 128, 128]
    floats, packed = answer["float"][0], answer["ubinary"][0]
    assert packed[0] == int("".join(str(int(value > 0)) for value in floats[:8]), 2)
    assert answer["binary"][0] == [byte - 128 for byte in packed]
    assert [value + 128 for value in answer["int8"][0]] == answer["uint8"][0]


def test_nova_has_a_form_of_its_own():
    params = {"embeddingPurpose": "GENERIC_INDEX", "text": {"value": "Hi", "truncationMode": "NONE"}}
    (one,) = invoke(NOVA, taskType="SINGLE_EMBEDDING", singleEmbeddingParams=params)["embeddings"]
    assert (one["embeddingType"], len(one["embedding"])) == ("TEXT", 3072)


def test_equal_texts_have_equal_vectors_and_others_others():
    first, again, other = (invoke("mock", inputText=text)["embedding"] for text in ("a", "a", "b"))
    assert first == again != other


@pytest.mark.parametrize(
    ("model", "body", "told"),
    [
        (TITAN_1, {"inputText": "a", "dimensions": 256}, "'dimensions'"),
        (TITAN_2, {"inputText": "a", "dimensions": 300}, "300 is not a valid enum value"),
        (TITAN_2, {"inputText": ""}, "length greater than or equal to 1"),
        (TITAN_2, {"texts": ["a"]}, "Value null at 'inputText'"),
        (COHERE_3, {"texts": ["a"]}, "Value null at 'input_type'"),
        (COHERE_3, {"texts": ["a"] * 97, "input_type": "search_query"}, "less than or equal to 96"),
        (COHERE_3, {"texts": ["a"], "input_type": "query"}, "'input_type'"),
        (COHERE_3, {"texts": ["a"], "input_type": "search_query", "output_dimension": 256}, "output_dim"),
        (NOVA, {"inputText": "a", "taskType": "SINGLE_EMBEDDING"}, "'inputText'"),
        ("anthropic.claude-v2", {"prompt": "Human: hi"}, "Use Converse for chat"),
    ],
)
def test_what_a_model_does_not_take_is_malformed(model: str, body: dict[str, Any], told: str):
    with pytest.raises(Refused, match=r"^Malformed input request|^The mock answers") as caught:
        embed(body, model)
    assert caught.value.failure.type == "ValidationException"
    assert told in caught.value.failure.message
