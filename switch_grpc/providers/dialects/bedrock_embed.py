"""Embeddings on Bedrock, by InvokeModel: each maker's models have a format of their own.

    amazon.titan-embed-*     one text a request: {"inputText", "dimensions", "normalize", "embeddingTypes"}
    amazon.nova-*-embed*     one text a request: {"taskType", "singleEmbeddingParams": {...}}
    cohere.embed-*           up to 96 texts: {"texts", "input_type", "truncate", "output_dimension"}

Cohere wants to know what a vector is for: `input_type`, which OpenAI has no name for, may come beside the
input, and is `search_document` without. Vectors come as numbers here; the engine gives them the encoding
that the caller asked for.

Shapes: docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html
"""

import re
from collections.abc import Sequence
from typing import Annotated, Any, Final

import msgspec
from google.protobuf.message import Message
from msgspec import Raw

from switch_grpc.faults import Fault, Kind, bad_request
from switch_grpc.providers.bedrock_models import maker
from switch_grpc.providers.dialects.base import (
    Binding,
    Framing,
    StreamDecoder,
    UpstreamError,
    WireReply,
    WireRequest,
)
from switch_grpc.providers.dialects.converse import model_of, unreadable, wire_request
from switch_grpc.providers.dialects.converse_error import error_of
from switch_grpc.providers.dialects.members import NULL, Members, encode, members_of
from switch_grpc.providers.dialects.parameters import merged
from switch_grpc.providers.dialects.refusal import cannot_of
from switch_grpc.providers.framing.eventstream import EventStream
from switch_grpc.request import Body, Head, Operation
from switch_grpc.v1 import embedding_pb2 as pb

TEXTS_LIMIT: Final = 128  # each is a whole call where a model takes one text
COHERE_LIMIT: Final = 96  # texts in one call

_NOT_OURS: Final = frozenset({"encoding_format", "user", "input", "model", "dimensions"})


class _Reply(msgspec.Struct):
    """Any of the makers' answers."""

    embedding: list[float] | None = None
    embeddings: Raw = NULL
    count: Annotated[int, msgspec.Meta(ge=0, lt=1 << 31)] = msgspec.field(
        default=0, name="inputTextTokenCount"
    )


class _ByType(msgspec.Struct):
    floats: list[list[float]] = msgspec.field(name="float")


class _Nova(msgspec.Struct):
    embedding: list[float]


# Titan before V2 and Cohere before v4, whose requests have no place for a width.
_OF_ONE_WIDTH: Final = re.compile(r"titan-embed-(text-v1|g1)|embed-(english|multilingual)-v3")

_reply: Final = msgspec.json.Decoder(_Reply).decode
_vectors: Final = msgspec.json.Decoder(list[list[float]]).decode
_by_type: Final = msgspec.json.Decoder(_ByType).decode
_novas: Final = msgspec.json.Decoder(list[_Nova]).decode


class BedrockEmbed:
    """The dialect; stateless. Serves embeddings only."""

    __slots__ = ()

    def encode(self, head: Head, body: Body[Message], binding: Binding) -> Sequence[WireRequest]:
        request = body.message()
        assert isinstance(request, pb.EmbedRequest)
        model = model_of(binding)
        if request.HasField("dimensions") and _OF_ONE_WIDTH.search(model):
            raise cannot_of(binding)("dimensions", f"another width than the model {model!r} has")
        texts = _texts(request, binding)
        extra = _extra(request, binding)
        match _kind(model, binding):
            case "cohere":
                batches = [texts[at : at + COHERE_LIMIT] for at in range(0, len(texts), COHERE_LIMIT)]
                bodies = [_cohere(batch, request, extra) for batch in batches]
            case "nova":
                bodies = [_nova(text, request, extra) for text in texts]
            case _:
                bodies = [_titan(text, request, extra) for text in texts]
        return [wire_request(binding, model, "invoke", encode(body)) for body in bodies]

    def decode(self, operation: Operation, replies: Sequence[WireReply], binding: Binding) -> Message:
        vectors: list[list[float]] = []
        counted = 0
        for reply in replies:
            try:
                found, count = _read(reply)
            except (msgspec.DecodeError, ValueError, RecursionError) as error:
                raise unreadable(binding) from error
            vectors += found
            counted += count
        response = pb.EmbedResponse(model=binding.model)
        for index, vector in enumerate(vectors):
            response.data.add(index=index, vector=pb.Vector(values=vector))
        if counted:
            response.usage.prompt_tokens = response.usage.total_tokens = counted
        return response

    def framing(self) -> Framing:
        return EventStream()

    def decoder(self, head: Head, body: Body[Message], binding: Binding) -> StreamDecoder:
        raise Fault(Kind.UNSUPPORTED, f"{head.operation} calls have no stream; ask without `stream`")

    def error(self, reply: WireReply) -> UpstreamError:
        return error_of(reply)


def _kind(model: str, binding: Binding) -> str:
    made_by = maker(model)
    if made_by == "cohere" or "cohere" in model:
        return "cohere"
    if "nova" in model:
        return "nova"
    if made_by in ("amazon", ""):  # an ARN does not say; Titan's format is the plainest
        return "titan"
    raise cannot_of(binding)("model", f"{model!r} for embeddings; use one of Titan, Nova or Cohere")


# -- requests --


def _titan(text: str, request: pb.EmbedRequest, extra: Members) -> dict[str, Any]:
    body: dict[str, Any] = {"inputText": text, **extra}
    if request.HasField("dimensions"):
        body["dimensions"] = request.dimensions
    return body


def _nova(text: str, request: pb.EmbedRequest, extra: Members) -> dict[str, Any]:
    params: dict[str, Any] = {"embeddingPurpose": "GENERIC_INDEX"}
    more = dict(extra)
    if "singleEmbeddingParams" in more:
        try:
            params |= members_of(more.pop("singleEmbeddingParams"))
        except msgspec.DecodeError as error:
            raise bad_request("singleEmbeddingParams", "expected an object") from error
    if "embeddingPurpose" in more:
        params["embeddingPurpose"] = more.pop("embeddingPurpose")
    if request.HasField("dimensions"):
        params["embeddingDimension"] = request.dimensions
    params["text"] = {"value": text, "truncationMode": more.pop("truncationMode", "NONE")}
    return {"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": params, **more}


def _cohere(texts: Sequence[str], request: pb.EmbedRequest, extra: Members) -> dict[str, Any]:
    body: dict[str, Any] = {"texts": list(texts), "input_type": "search_document", **extra}
    if request.HasField("dimensions"):
        body["output_dimension"] = request.dimensions
    return body


def _texts(request: pb.EmbedRequest, binding: Binding) -> Sequence[str]:
    match request.input.WhichOneof("kind"):
        case "text":
            return [request.input.text]
        case "texts" if request.input.texts.texts:
            texts = request.input.texts.texts
            if len(texts) > TEXTS_LIMIT:
                raise cannot_of(binding)(
                    "input", f"{len(texts)} texts in one call; send at most {TEXTS_LIMIT}"
                )
            return texts
        case "tokens" | "token_lists":
            raise cannot_of(binding)("input", "token arrays; send text")
        case _:
            raise bad_request("input", "is missing; give a string or a list of strings")


def _extra(request: pb.EmbedRequest, binding: Binding) -> Members:
    """What OpenAI has no name for."""
    said = members_of(request.extra_json) if request.extra_json else {}
    return {name: raw for name, raw in merged(said, binding, {}).items() if name not in _NOT_OURS}


# -- replies --


def _read(reply: WireReply) -> tuple[list[list[float]], int]:
    """The vectors of one answer, and the tokens of its input as far as it tells."""
    read = _reply(reply.body)
    # Bedrock counts in a header what Cohere and Nova leave out of the body.
    told = reply.headers.get("x-amzn-bedrock-input-token-count", "")
    count = read.count or (int(told) if told.isdecimal() and len(told) < 10 else 0)
    if read.embedding is not None:
        return [read.embedding], count
    if bytes(read.embeddings)[:1] == b"{":
        return _by_type(read.embeddings).floats, count
    try:
        return _vectors(read.embeddings), count
    except msgspec.ValidationError:
        return [nova.embedding for nova in _novas(read.embeddings)], count
