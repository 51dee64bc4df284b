import base64
import json
import struct

import pytest
from openai.types import CreateEmbeddingResponse

from switch_grpc.faults import Fault, Kind
from switch_grpc.openai_wire import (
    decode_embed_request,
    decode_embed_response,
    encode_embed_request,
    encode_embed_response,
    in_encoding,
)
from switch_grpc.v1 import embedding_pb2 as pb
from tests.support.json_values import differences, exact

REQUEST = {
    "model": "lite",
    "input": ["a", "b"],
    "dimensions": 256,
    "encoding_format": "float",
    "user": "u",
    "input_type": "query",
    "truncate": None,
}
REPLY = {
    "object": "list",
    "model": "m",
    "id": "e-1",
    "data": [
        {"object": "embedding", "index": 0, "embedding": [0.1, -1.0, 5e-7]},
        {"object": "embedding", "index": 1, "embedding": [], "x": 1},
    ],
    "usage": {"prompt_tokens": 2, "total_tokens": 2},
}


def test_a_request_survives():
    request = decode_embed_request(json.dumps(REQUEST).encode())
    written = encode_embed_request(request, model="lite", stream=False, defaults={}, params={})
    assert list(differences(exact(json.dumps(REQUEST)), exact(written))) == []


@pytest.mark.parametrize("given", ["x", ["x"], [1, 2], [[1], [2]]])
def test_input_keeps_its_form(given):
    request = decode_embed_request(json.dumps({"model": "m", "input": given}).encode())
    written = encode_embed_request(request, model="m", stream=False, defaults={}, params={})
    assert exact(written)["input"] == given


@pytest.mark.parametrize("members", [{}, {"input": []}, {"input": None}, {"input": {}}])
def test_an_input_is_required(members):
    with pytest.raises(Fault) as caught:
        decode_embed_request(json.dumps({"model": "m", **members}).encode())
    assert (caught.value.kind, caught.value.param) == (Kind.BAD_REQUEST, "input")


def test_an_answer_survives():
    data = json.dumps(REPLY).encode()
    written = encode_embed_response(decode_embed_response(data))
    assert list(differences(exact(data), exact(written))) == []
    CreateEmbeddingResponse.model_validate_json(written)


def test_base64_becomes_the_bytes_of_the_floats():
    packed = struct.pack("<3f", 0.5, -2.0, 1e-3)
    text = base64.b64encode(packed).decode()
    data = json.dumps({"data": [{"index": 0, "embedding": text}], "model": "m"}).encode()
    reply = decode_embed_response(data)
    assert reply.data[0].float32 == packed
    assert exact(encode_embed_response(reply))["data"][0]["embedding"] == text


def test_an_answer_with_its_own_count_of_completion_tokens_keeps_it():
    for count in (0, 3):
        body = {**REPLY, "usage": {"prompt_tokens": 1, "completion_tokens": count, "total_tokens": 4}}
        written = encode_embed_response(decode_embed_response(json.dumps(body).encode()))
        assert exact(written)["usage"] == body["usage"]


def test_the_smallest_answer_has_every_member_that_openai_writes():
    assert exact(encode_embed_response(pb.EmbedResponse(data=[{}]))) == {
        "object": "list",
        "model": "",
        "data": [{"object": "embedding", "index": 0, "embedding": []}],
    }


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        "x",
        [5],
        [{"embedding": "not base64!"}],
        [{"embedding": [1, "x"]}],
        [{"embedding": {}}],
        [{"embedding": 5}],
    ],
)
def test_a_malformed_answer_is_the_providers_fault(data):
    with pytest.raises(Fault) as caught:
        decode_embed_response(json.dumps({"data": data}).encode())
    assert caught.value.kind is Kind.UPSTREAM_PROTOCOL


def test_vectors_become_what_was_asked_for_and_stay_otherwise():
    """Little-endian float32s, as OpenAI's base64 holds them."""
    vector = pb.Embedding(index=1, vector=pb.Vector(values=[0.1, -2.0]))
    packed = pb.Embedding(index=1, float32=struct.pack("<2f", 0.1, -2.0))
    table = {
        "base64": (packed, packed),
        "float": (vector, None),
        "": (vector, packed),
        "int8": (vector, packed),
    }
    for encoding, (of_vector, of_packed) in table.items():
        reply = in_encoding(pb.EmbedResponse(data=[vector, packed]), encoding)
        assert reply.data[0] == of_vector
        if of_packed is not None:
            assert reply.data[1] == of_packed
        else:
            assert list(reply.data[1].vector.values) == list(struct.unpack("<2f", packed.float32))


@pytest.mark.parametrize(
    ("encoding", "kind"),
    [("base64", {"vector": pb.Vector(values=[1e300])}), ("float", {"float32": b"abc"})],
)
def test_what_is_no_float32_is_the_providers_fault(encoding, kind):
    with pytest.raises(Fault) as caught:
        in_encoding(pb.EmbedResponse(data=[pb.Embedding(**kind)]), encoding)
    assert caught.value.kind is Kind.UPSTREAM_PROTOCOL
