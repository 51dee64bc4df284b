"""Embeddings: requests and answers. Vectors come as numbers, or as base64 of little-endian float32s."""

import binascii
import struct
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Raw

from switch_grpc.faults import Fault, Kind
from switch_grpc.openai_wire.body import read_reply, read_request, twins, write_request
from switch_grpc.openai_wire.chat_reply import reply_shape
from switch_grpc.openai_wire.completion import prompt
from switch_grpc.openai_wire.fields import KEEP, Field, Fields, Shape, encode
from switch_grpc.openai_wire.guard import Members
from switch_grpc.openai_wire.misfit import Misfit
from switch_grpc.openai_wire.values import integer, one, read_rows, rows_of, text, text_of
from switch_grpc.v1 import chat_pb2
from switch_grpc.v1 import embedding_pb2 as pb

_REQUEST: Final = Shape(
    pb.EmbedRequest,
    text("model", proto="route", required=True),
    prompt("input"),
    integer("dimensions", 32),
    text("encoding_format"),
    text("user"),
    nulls=True,
)
_SPELLINGS: Final = twins(_REQUEST.names)
KNOWN: Final = _REQUEST.names | {"stream"}


def decode_embed_request(data: bytes, opened: Members | None = None) -> pb.EmbedRequest:
    """The request in a caller's body. Raises Fault(BAD_REQUEST | INVALID_JSON) that names the field."""
    return read_request(pb.EmbedRequest, _REQUEST, _SPELLINGS, data, opened)


def encode_embed_request(
    request: pb.EmbedRequest,
    *,
    model: str,
    stream: bool,
    defaults: Mapping[str, bytes],
    params: Mapping[str, bytes],
) -> bytes:
    """The body for an OpenAI-compatible provider; `defaults` and `params` as in `encode_chat_request`."""
    written = _REQUEST.write(request)
    fixed = {"model": model, "input": written["input"]}
    return write_request(written, stream=stream, defaults=defaults, params=params, fixed=fixed)


_numbers_of: Final = msgspec.json.Decoder(list[float]).decode


def _read_base64(raw: Raw) -> Any:
    if bytes(raw)[0] != ord('"'):
        _numbers_of(raw)  # to say where it is none
    try:
        return {"float32": binascii.a2b_base64(text_of(raw), strict_mode=True)}
    except ValueError as error:
        raise Misfit("not base64") from error


def _write_float32(value: bytes) -> str:
    return binascii.b2a_base64(value, newline=False).decode()


_EMBEDDING: Final = Shape(
    pb.Embedding,
    integer("index", 32),
    Field(
        name="embedding",
        read=lambda raw: {"values": _numbers_of(raw)},
        write=lambda vector: list(vector.values),
        proto="vector",
        otherwise=_read_base64,
        also={"float32": _write_float32},
    ),
    nulls=False,
    always={"object": "embedding", "index": 0, "embedding": []},
)


def _read_embedding(members: Members) -> Fields:
    members.pop("object", None)
    return _EMBEDDING.read(members)


def _data() -> Field:
    return Field(
        name="data",
        read=lambda raw: read_rows(rows_of(raw), _read_embedding),
        write=lambda values: [_EMBEDDING.write(value) for value in values],
    )


def _completion_tokens() -> Field:
    """OpenAI's embeddings count none, so zero is not written unless a provider sent it."""
    count = integer("completion_tokens")
    return Field(name=count.name, read=lambda raw: count.read(raw) or KEEP)


_USAGE: Final = reply_shape(
    chat_pb2.Usage,
    integer("prompt_tokens", required=True),
    _completion_tokens(),
    integer("total_tokens", required=True),
)
_RESPONSE: Final = Shape(
    pb.EmbedResponse,
    text("model", required=True),
    _data(),
    one("usage", _USAGE),
    nulls=False,
    always={"object": "list", "data": [], "model": ""},
    skip=("route_info",),
)


def decode_embed_response(data: bytes) -> pb.EmbedResponse:
    """A provider's answer. Raises Fault(UPSTREAM_PROTOCOL)."""
    return read_reply(pb.EmbedResponse, _RESPONSE, data, required="data")


def encode_embed_response(reply: pb.EmbedResponse) -> bytes:
    return encode(_RESPONSE.write(reply))


def in_encoding(reply: pb.EmbedResponse, encoding_format: str) -> pb.EmbedResponse:
    """The answer with its vectors as the caller asked for them: `float` or `base64`, else as they came.

    Few providers but OpenAI know `encoding_format`, while OpenAI's own clients always ask for base64.
    Changes the message in place. Raises Fault(UPSTREAM_PROTOCOL) on numbers that no float32 holds, and on
    bytes that are no float32s.
    """
    for embedding in reply.data:
        kind = embedding.WhichOneof("kind")
        try:
            if encoding_format == "base64" and kind == "vector":
                values = embedding.vector.values
                embedding.float32 = struct.pack(f"<{len(values)}f", *values)
            elif encoding_format == "float" and kind == "float32":
                packed = embedding.float32
                embedding.vector.values.extend(struct.unpack(f"<{len(packed) // 4}f", packed))
        except (OverflowError, struct.error) as error:
            raise Fault(
                Kind.UPSTREAM_PROTOCOL, f"the provider's embedding {embedding.index} has no float32s: {error}"
            ) from error
    return reply
