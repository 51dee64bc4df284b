"""Embeddings at Google: three methods, by service and model.

    Gemini API                    batchEmbedContents   100 texts a request
    Vertex, gemini-embedding-2 on embedContent         one text a request
    Vertex, the older ones        predict              250 texts a request; gemini-embedding-001 takes one

Vectors come as numbers here; the engine gives them the encoding that the caller asked for. `taskType`,
`title` and `autoTruncate` may be given beside OpenAI's parameters, in either spelling.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Raw

from switch_grpc.faults import bad_request
from switch_grpc.providers.dialects.base import Binding
from switch_grpc.providers.dialects.broken import unread
from switch_grpc.providers.dialects.gemini_error import raise_error
from switch_grpc.providers.dialects.members import NULL, encode, members_of
from switch_grpc.providers.dialects.parameters import merged
from switch_grpc.providers.dialects.refusal import cannot_of
from switch_grpc.v1 import embedding_pb2 as pb

_Row = TypeVar("_Row")

_OWN: Final = {
    "taskType": "taskType",
    "task_type": "taskType",
    "title": "title",
    "autoTruncate": "autoTruncate",
    "auto_truncate": "autoTruncate",
    "outputDimensionality": "outputDimensionality",
    "output_dimensionality": "outputDimensionality",
    "dimensions": "outputDimensionality",
}
_HINTS: Final = frozenset({"user", "encoding_format"})
# "at most 100 requests can be in one batch", as the Gemini API answers to more.
_BATCH: Final = 100
# https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api
_INSTANCES: Final = 250


class _Vector(msgspec.Struct):
    values: list[float]
    statistics: dict[str, Any] = {}


class _Prediction(msgspec.Struct):
    embeddings: _Vector


class _Answer(msgspec.Struct):
    embedding: _Vector | None = None
    embeddings: list[_Vector] = []
    predictions: list[_Prediction] = []
    usage: dict[str, Any] = msgspec.field(default_factory=dict, name="usageMetadata")


_answer_of: Final = msgspec.json.Decoder(_Answer).decode


def encode_embed(request: pb.EmbedRequest, binding: Binding, *, vertex: bool) -> list[tuple[str, bytes]]:
    """The requests' methods and bodies, in the order of the texts.

    Raises Fault(CAPABILITY | BAD_REQUEST) naming what Gemini has no place for.
    """
    texts, options = _texts(request, binding), _options(request, binding)
    if not vertex:
        model = binding.model if "/" in binding.model else f"models/{binding.model}"
        rows = [{"model": model, "content": _content(text), **options} for text in texts]
        return [("batchEmbedContents", encode({"requests": few})) for few in _by(rows, _BATCH)]
    if _embeds_content(binding.model):
        config = {"embedContentConfig": options} if options else {}
        return [("embedContent", encode({"content": _content(text), **config})) for text in texts]
    step = 1 if "gemini-embedding" in binding.model else _INSTANCES
    return [("predict", encode(_predict(few, options))) for few in _by(texts, step)]


def decode_embed(bodies: Sequence[bytes], binding: Binding) -> pb.EmbedResponse:
    """The answer. Raises Fault(UPSTREAM_PROTOCOL) on what it cannot read, UpstreamFailure on an error."""
    reply = pb.EmbedResponse(model=binding.model)
    tokens: int | None = None
    for body in bodies:
        answer = _read(body, binding)
        vectors = [
            *([answer.embedding] if answer.embedding else []),
            *answer.embeddings,
            *(prediction.embeddings for prediction in answer.predictions),
        ]
        if not vectors:
            raise unread(binding, "answered 200 without an embedding")
        for vector in vectors:
            reply.data.add(index=len(reply.data), vector={"values": vector.values})
            tokens = _more(tokens, vector.statistics.get("token_count"))
        tokens = _more(tokens, answer.usage.get("promptTokenCount"))
    if tokens is not None:
        reply.usage.prompt_tokens = reply.usage.total_tokens = tokens
    return reply


def _by(rows: Sequence[_Row], step: int) -> Iterator[Sequence[_Row]]:
    return (rows[start : start + step] for start in range(0, len(rows), step))


def _embeds_content(model: str) -> bool:
    """As google-genai tells the two apart on Vertex."""
    name = model.rpartition("/")[2]
    return ("gemini" in name and name != "gemini-embedding-001") or "maas" in name


def _content(text: str) -> Mapping[str, Any]:
    return {"parts": [{"text": text}]}


def _predict(texts: Sequence[str], options: Mapping[str, Any]) -> Mapping[str, Any]:
    of_text = {"taskType": "task_type", "title": "title"}
    row = {of_text[name]: value for name, value in options.items() if name in of_text}
    settings = {name: value for name, value in options.items() if name not in of_text}
    body: dict[str, Any] = {"instances": [{"content": text, **row} for text in texts]}
    if settings:
        body["parameters"] = settings
    return body


def _texts(request: pb.EmbedRequest, binding: Binding) -> Sequence[str]:
    match request.input.WhichOneof("kind"):
        case "text":
            return [request.input.text]
        case "texts" if request.input.texts.texts:
            return request.input.texts.texts
        case "tokens" | "token_lists":
            raise cannot_of(binding)("input", "token arrays; send text")
        case _:
            raise bad_request("input", "is missing; give a string or a list of strings")


def _options(request: pb.EmbedRequest, binding: Binding) -> dict[str, Any]:
    """The parameters by Gemini's names."""
    said = members_of(request.extra_json) if request.extra_json else {}
    if request.HasField("dimensions"):
        said["dimensions"] = Raw(b"%d" % request.dimensions)
    known = _OWN.keys() | _HINTS
    unknown = next((name for name, raw in said.items() if name not in known and raw != NULL), "")
    if unknown:
        raise cannot_of(binding)(unknown, "it")
    return {name: raw for name, raw in merged(said, binding, _OWN).items() if name not in _HINTS}


def _read(body: bytes, binding: Binding) -> _Answer:
    try:
        if b'"error"' in body:
            raise_error(msgspec.json.decode(body))
        return _answer_of(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise unread(binding, "gave embeddings that cannot be read") from error


def _more(tokens: int | None, count: object) -> int | None:
    """The sum so far; some services write the count as 7.0."""
    if not isinstance(count, int | float) or isinstance(count, bool) or not 0 <= count < 1 << 31:
        return tokens
    return (tokens or 0) + int(count)
