"""Embeddings and token counts as Google answers them.

embedContent          one content; on Vertex for gemini-embedding-2 and later
batchEmbedContents    many, of the Gemini API
predict               many, of Vertex's older models; gemini-embedding-001 takes one
countTokens           of contents, or on the Gemini API of a whole request
"""

import struct
from typing import Final

import msgspec

from switch_grpc.mock.answers import Ask, Turn, prompt_tokens, vector
from switch_grpc.mock.dialect import Job
from switch_grpc.mock.fields import Json
from switch_grpc.mock.gemini import prompt_details
from switch_grpc.mock.gemini_ask import ask_of, decode
from switch_grpc.mock.gemini_contents import members, modalities, read_contents, records, text_of
from switch_grpc.mock.gemini_fields import Members, refusal
from switch_grpc.mock.gemini_shapes import BATCH_EMBED, COUNT, EMBED, PREDICT
from switch_grpc.mock.gemini_wire import WIRE
from switch_grpc.mock.steps import Whole

_DIMENSIONS: Final = 3072
_BATCH: Final = 100  # contents in one batchEmbedContents
_INSTANCES: Final = 250  # texts in one predict
_TASKS: Final = frozenset(
    {
        *("RETRIEVAL_QUERY", "RETRIEVAL_DOCUMENT", "SEMANTIC_SIMILARITY", "CLASSIFICATION", "CLUSTERING"),
        *("QUESTION_ANSWERING", "FACT_VERIFICATION", "CODE_RETRIEVAL_QUERY"),
    }
)


def embed_content(data: bytes, model: str, *, vertex: bool) -> Job:
    """What answers embedContent. Raises Refused."""
    body = decode(data, EMBED, vertex)
    text, values = _embedded(body, model, "content")
    tokens = _tokens(text)
    answer: Members = {"embedding": {"values": values}}
    if vertex:
        answer |= {
            "usageMetadata": {
                "promptTokenCount": tokens,
                "promptTokensDetails": [{"modality": "TEXT", "tokenCount": tokens}],
                "totalTokenCount": tokens,
            },
            "truncated": False,
        }
    return shows(answer)


def batch_embed_contents(data: bytes, model: str) -> Job:
    """What answers batchEmbedContents. Raises Refused."""
    requests = records(decode(data, BATCH_EMBED, vertex=False).get("requests"))
    if not requests:
        raise _bad("BatchEmbedContentsRequest.requests", "requests must not be empty")
    if len(requests) > _BATCH:
        raise _bad("BatchEmbedContentsRequest.requests", f"at most {_BATCH} requests can be in one batch")
    for k, one in enumerate(requests):
        if one.get("model") != f"models/{model}":
            raise _bad(
                f"BatchEmbedContentsRequest.requests[{k}].model",
                "model does not match the one in the batch request",
            )
    found = [_embedded(one, model, f"requests[{k}].content") for k, one in enumerate(requests)]
    tokens = sum(_tokens(text) for text, _ in found)
    return shows(
        {
            "embeddings": [{"values": values} for _, values in found],
            "usageMetadata": {
                "promptTokenCount": tokens,
                "promptTokenDetails": [{"modality": "TEXT", "tokenCount": tokens}],  # so it is spelt here
            },
        }
    )


def predict(data: bytes, model: str) -> Job:
    """What answers predict, of a model that embeds. Raises Refused."""
    body = decode(data, PREDICT, vertex=True)
    instances = records(body.get("instances"))
    limit = 1 if "gemini-embedding" in model else _INSTANCES
    if not 0 < len(instances) <= limit:
        raise refusal(f"{len(instances)} instance(s) is out of the range [1, {limit}] of this model.")
    settings = members(body.get("parameters"))
    predictions: list[Json] = []
    for k, one in enumerate(instances):
        text = one.get("content")
        if not isinstance(text, str) or not text:
            raise refusal("The text content is empty.", field=f"instances[{k}].content")
        values = _values(model, text, {**settings, **one}, f"instances[{k}]")
        statistics: Json = {"truncated": False, "token_count": _tokens(text)}
        predictions.append({"embeddings": {"values": values, "statistics": statistics}})
    billed = sum(len(str(one["content"])) for one in instances)
    return shows({"predictions": predictions, "metadata": {"billableCharacterCount": billed}})


def count_tokens(data: bytes, model: str, *, vertex: bool) -> Job:
    """What answers countTokens: as many tokens as the usage of an answer says. Raises Refused."""
    body = decode(data, COUNT, vertex)
    whole = members(body.get("generateContentRequest"))
    if whole and "contents" in body:
        raise refusal("Only one of contents and generate_content_request can be set.")
    if whole and whole.get("model") != f"models/{model}":
        raise _bad("CountTokensRequest.generate_content_request.model", "model does not match the request's")
    if vertex or whole:
        ask, options = ask_of(whole or body, model, vertex=vertex)
        media = options.media
    else:
        said = read_contents(body, model, vertex)
        ask = Ask(model=model, turns=said.turns, images=said.images, files=said.files)
        media = tuple(modalities(body).items())
    answer: Members = {
        "totalTokens": prompt_tokens(ask),
        "promptTokensDetails": prompt_details(ask, media),
    }
    if vertex:
        answer["totalBillableCharacters"] = sum(len(turn.text) for turn in ask.turns)
    return shows(answer)


def shows(answer: Json) -> Job:
    """The same body for every attempt."""
    body = msgspec.json.encode(answer)
    return lambda context: Whole(headers=context.headers, body=body, wire=WIRE, attempt=context.attempt)


def _embedded(request: Members, model: str, path: str) -> tuple[str, list[Json]]:
    """A content's text and its vector."""
    text = text_of(members(request.get("content")), path)
    settings = {**request, **members(request.get("embedContentConfig"))}
    return text, _values(model, text, settings, path)


def _values(model: str, text: str, settings: Members, path: str) -> list[Json]:
    """Rounded to float32, which is what Google's vectors are. Raises Refused."""
    task, wanted = settings.get("taskType"), settings.get("outputDimensionality")
    if task is not None and task not in _TASKS:
        raise refusal(
            f"Invalid value at '{path}.task_type' (TaskType), \"{task}\"", field=f"{path}.task_type"
        )
    if "title" in settings and task not in (None, "RETRIEVAL_DOCUMENT"):
        raise refusal("Title is only applicable to the task type RETRIEVAL_DOCUMENT.", field=f"{path}.title")
    count = wanted if isinstance(wanted, int) else _DIMENSIONS
    if not 1 <= count <= _DIMENSIONS:
        raise _bad(f"{path}.output_dimensionality", f"must be in the range [1, {_DIMENSIONS}]")
    packed = struct.pack(f"<{count}f", *vector(model, text, count))
    return list(struct.unpack(f"<{count}f", packed))


def _tokens(text: str) -> int:
    return prompt_tokens(Ask(model="", turns=(Turn("user", text),)))


def _bad(field: str, why: str) -> Exception:
    return refusal(f"* {field}: {why}\n", field=field)
