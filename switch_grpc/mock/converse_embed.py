"""InvokeModel for embeddings: Titan's, Cohere's and Nova's bodies, each in its maker's own form.

Which form it is follows from the model's name, or else from the body, so that an ARN or a script serves all.
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html,
…/model-parameters-embed.html (Cohere), …/userguide/nova-embed.html; default widths as recorded.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from switch_grpc.mock.answers import vector
from switch_grpc.mock.converse import WIRE
from switch_grpc.mock.converse_check import (
    FILLED,
    FLAG,
    TEXT,
    Items,
    Number,
    Structure,
    Text,
    findings,
    structure,
    validation,
)
from switch_grpc.mock.dialect import Context, Job
from switch_grpc.mock.failures import Refused
from switch_grpc.mock.fields import Json
from switch_grpc.mock.steps import Answer, Whole

_TITAN_1: Final = structure("inputText", inputText=Text(low=1, high=50_000))
_TITAN_2: Final = structure(
    "inputText",
    **_TITAN_1.members,
    dimensions=Number(),
    normalize=FLAG,
    embeddingTypes=Items(of=Text(among=("float", "binary")), low=1),
)
_PURPOSES: Final = ("search_document", "search_query", "classification", "clustering")
_COHERE_3: Final = structure(
    "texts input_type",
    texts=Items(of=FILLED, low=1, high=96),
    input_type=Text(among=_PURPOSES),
    truncate=Text(among=("NONE", "START", "END")),
    embedding_types=Items(of=Text(among=("float", "int8", "uint8", "binary", "ubinary")), low=1),
)
_COHERE_4: Final = structure(
    "texts input_type",
    **{**_COHERE_3.members, "truncate": Text(among=("NONE", "LEFT", "RIGHT", "START", "END"))},
    output_dimension=Number(),
    max_tokens=Number(low=1),
)
_NOVA: Final = structure(
    "taskType singleEmbeddingParams",
    schemaVersion=Text(among=("nova-multimodal-embed-v1",)),
    taskType=Text(among=("SINGLE_EMBEDDING",)),
    singleEmbeddingParams=structure(
        "embeddingPurpose text",
        embeddingPurpose=TEXT,
        embeddingDimension=Number(),
        text=structure(
            "truncationMode value", truncationMode=Text(among=("NONE", "START", "END")), value=FILLED
        ),
    ),
)


class _Made(NamedTuple):
    """An answer's body, and how many tokens went in."""

    body: Mapping[str, Json]
    tokens: int


def embed(body: Json, model: str) -> Job:
    """What answers InvokeModel. Raises Refused; of models that are not for embeddings, too."""
    made = _made(body, model)
    data = msgspec.json.encode(made.body)
    told = (
        ("x-amzn-bedrock-input-token-count", str(made.tokens)),
        ("x-amzn-bedrock-invocation-latency", "42"),
    )

    def answer(context: Context) -> Answer:
        return Whole(headers=context.headers + told, body=data, wire=WIRE, attempt=context.attempt)

    return answer


def _made(body: Json, model: str) -> _Made:
    match _form(body, model):
        case "titan 1":
            return _titan(_checked(body, _TITAN_1), model, (1536,))
        case "titan 2":
            return _titan(_checked(body, _TITAN_2), model, (1024, 512, 256))
        case "cohere 3":
            return _cohere(_checked(body, _COHERE_3), model, (1024,), listed=True)
        case "cohere 4":
            return _cohere(_checked(body, _COHERE_4), model, (1536, 1024, 512, 256), listed=False)
        case "nova":
            return _nova(_checked(body, _NOVA), model)
    raise validation(
        "The mock answers InvokeModel for embeddings only: a body with `inputText` (Titan), `texts` (Cohere) "
        "or `singleEmbeddingParams` (Nova). Use Converse for chat."
    )


# What stands in a model's id, or else what only one form's body has; the first row that fits.
_BY_NAME: Final[Mapping[str, str]] = {
    "titan-embed-text-v1": "titan 1",
    "titan-embed-g1-text": "titan 1",
    "titan-embed": "titan 2",
    "cohere.embed-english-v3": "cohere 3",
    "cohere.embed-multilingual-v3": "cohere 3",
    "cohere.embed": "cohere 4",
    "amazon.nova": "nova",
}
_BY_MEMBER: Final[Mapping[str, str]] = {
    "inputText": "titan 2",
    "texts": "cohere 4",
    "singleEmbeddingParams": "nova",
}


def _form(body: Json, model: str) -> str | None:
    named = next((form for name, form in _BY_NAME.items() if name in model), None)
    members = body.keys() if isinstance(body, dict) else ()
    return named or next((form for name, form in _BY_MEMBER.items() if name in members), None)


def _checked(body: Json, shape: Structure) -> dict[str, Json]:
    lines = findings(body, shape)
    if lines:
        raise _malformed("; ".join(lines))
    assert isinstance(body, dict)
    return body


def _malformed(what: str) -> Refused:
    return validation(f"Malformed input request: {what}, please reformat your input and try again.")


def _width(value: Json, path: str, widths: Sequence[int]) -> int:
    """The dimensions asked for; the first of those that there are unless one is."""
    if value is None:
        return widths[0]
    if value not in widths:
        raise _malformed(f"#/{path}: {value} is not a valid enum value")
    assert isinstance(value, int)
    return value


def _titan(body: dict[str, Json], model: str, widths: Sequence[int]) -> _Made:
    text = str(body["inputText"])
    width = _width(body.get("dimensions"), "dimensions", widths)
    # Vectors of length 1; a longer one where no normal one is wanted.
    scale = 2.0 if body.get("normalize") is False else 1.0
    values = [scale * each for each in vector(model, text, width)]
    tokens = _tokens(text)
    answer: dict[str, Json] = {"embedding": [*values], "inputTextTokenCount": tokens}
    kinds = body.get("embeddingTypes")
    if isinstance(kinds, list):
        made: dict[str, Json] = {
            str(kind): [*_signs(values)] if kind == "binary" else [*values] for kind in kinds
        }
        answer = {"embeddingsByType": made, "inputTextTokenCount": tokens}
        if "float" in made:
            answer["embedding"] = made["float"]
    return _Made(answer, tokens)


def _cohere(body: dict[str, Json], model: str, widths: Sequence[int], *, listed: bool) -> _Made:
    """Version 3 answers with a list unless it is asked for types; version 4 always answers by type."""
    said = body["texts"]
    texts = [str(text) for text in said] if isinstance(said, list) else []
    width = _width(body.get("output_dimension"), "output_dimension", widths)
    vectors = [vector(model, text, width) for text in texts]
    kinds = body.get("embedding_types")
    embeddings: Json
    if kinds is None and listed:
        form, embeddings = "embeddings_floats", [[*values] for values in vectors]
    else:
        form = "embeddings_by_type"
        names = [str(kind) for kind in kinds] if isinstance(kinds, list) else ["float"]
        embeddings = {name: [_typed(name, values) for values in vectors] for name in names}
    answer: dict[str, Json] = {
        "embeddings": embeddings,
        "id": "7d2f2d3e-0000-4000-8000-000000000000",
        "response_type": form,
        "texts": [*texts],
    }
    return _Made(answer, sum(map(_tokens, texts)))


def _nova(body: dict[str, Json], model: str) -> _Made:
    params = body["singleEmbeddingParams"]
    assert isinstance(params, dict)
    said = params["text"]
    assert isinstance(said, dict)
    text = str(said["value"])
    width = _width(params.get("embeddingDimension"), "embeddingDimension", (3072, 1024, 384, 256))
    values = vector(model, text, width)
    return _Made({"embeddings": [{"embedding": [*values], "embeddingType": "TEXT"}]}, _tokens(text))


def _typed(kind: str, values: Sequence[float]) -> Json:
    """A vector in one of Cohere's types: a byte a value, or eight signs in a byte."""
    match kind:
        case "int8":
            return [round(127 * value) for value in values]
        case "uint8":
            return [round(127 * value) + 128 for value in values]
        case "binary":
            return [packed - 128 for packed in _packed(values)]
        case "ubinary":
            return [*_packed(values)]
        case _:
            return [*values]


def _packed(values: Sequence[float]) -> list[int]:
    signs = _signs(values)
    return [
        sum(sign << (7 - k) for k, sign in enumerate(signs[at : at + 8])) for at in range(0, len(signs), 8)
    ]


def _signs(values: Sequence[float]) -> list[int]:
    return [int(value > 0) for value in values]


def _tokens(text: str) -> int:
    return len(text.split()) + 1
