"""Legacy completions, embeddings and the model list in OpenAI's wire format."""

import base64
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Final

from switch_grpc.mock.answers import (
    Ask,
    Reply,
    Turn,
    cached_tokens,
    prompt_tokens,
    reply,
    vector,
)
from switch_grpc.mock.dialect import Context, Job
from switch_grpc.mock.failures import invalid
from switch_grpc.mock.fields import Json, flag, integer, missing, number, string, wrong_type
from switch_grpc.mock.likelihood import alternatives, logprob_of
from switch_grpc.mock.openai import (
    CREATED,
    DONE,
    FINGERPRINT,
    FINISHES,
    WIRE,
    encode,
    with_id,
)
from switch_grpc.mock.openai_ask import read_stops, read_stream
from switch_grpc.mock.script import Script
from switch_grpc.mock.steps import Answer, Event, Kind, Stream, Whole
from switch_grpc.mock.tokens import in_words

MODELS: Final = ("mock", "mock-fallback", "mock-embedding")
_LIMIT: Final = 16  # max_tokens, where the caller does not say: OpenAI's legacy default
_DIMENSIONS: Final = 1536


@dataclass(frozen=True, slots=True, kw_only=True)
class _TextChoice:
    """One choice of a completion; its pieces begin with the prompt's where it is echoed."""

    index: int
    pieces: Sequence[str]
    reply: Reply
    logprobs: int | None

    @property
    def finish(self) -> str:
        return FINISHES[self.reply.finish]


def complete(body: dict[str, Json], model: str, script: Script) -> Job:
    """What answers POST /v1/completions. Raises Refused."""
    prompts = _texts(body, "prompt", empty_is=["<|endoftext|>"])
    stream, with_usage = read_stream(body)
    make = _chooser(body, model, prompts, script)
    prompt = sum(prompt_tokens(Ask(model=model, turns=(Turn("prompt", text),))) for text in prompts)
    frame: dict[str, Json] = {
        "object": "text_completion",
        "created": CREATED,
        "model": model,
        "system_fingerprint": FINGERPRINT,
    }

    def answer(context: Context) -> Answer:
        choices = make(context.attempt)
        usage = _usage(prompt, choices)
        if stream:
            head = with_id("cmpl-", context, encode(frame))[:-1]
            events = _events(head, choices, usage if with_usage else None)
            return Stream(headers=context.headers, events=events, wire=WIRE)
        whole = encode({**frame, "choices": [_choice(one) for one in choices], "usage": usage})
        return Whole(headers=context.headers, body=with_id("cmpl-", context, whole), wire=WIRE)

    return answer


def _usage(prompt: int, choices: list[_TextChoice]) -> dict[str, Json]:
    completion = sum(choice.reply.tokens for choice in choices)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached_tokens(prompt), "audio_tokens": 0},
    }


def _chooser(
    body: dict[str, Json], model: str, prompts: list[str], script: Script
) -> Callable[[str], list[_TextChoice]]:
    """What makes the choices for an attempt: n for each prompt, in the order of the prompts."""
    n = integer(body.get("n"), "n", 1, 128) or 1
    best_of = integer(body.get("best_of"), "best_of", 1, 20)
    if best_of is not None and best_of < n:
        raise invalid("Invalid 'best_of': it must be greater than or equal to 'n'.", param="best_of")
    number(body.get("temperature"), "temperature", 0, 2)
    number(body.get("top_p"), "top_p", 0, 1)
    string(body.get("suffix"), "suffix")
    logprobs = integer(body.get("logprobs"), "logprobs", 0, 5)
    echo = flag(body.get("echo"), "echo") is True
    limit = integer(body.get("max_tokens"), "max_tokens", 0)
    ask = Ask(
        model=model,
        turns=(),
        seed=integer(body.get("seed"), "seed"),
        limit=_LIMIT if limit is None else limit,
        stops=read_stops(body),
    )

    def make(attempt: str) -> list[_TextChoice]:
        choices: list[_TextChoice] = []
        for prompt in prompts:
            for k in range(n):
                one = reply(replace(ask, turns=(Turn("prompt", prompt),)), script, attempt, k)
                said = one.pieces or one.refusal
                pieces = [*in_words(prompt), *said] if echo else said
                choices.append(_TextChoice(index=len(choices), pieces=pieces, reply=one, logprobs=logprobs))
        return choices

    return make


def _choice(one: _TextChoice) -> dict[str, Json]:
    return {
        "text": "".join(one.pieces),
        "index": one.index,
        "logprobs": _logprobs(one.pieces, 0, one.logprobs),
        "finish_reason": one.finish,
    }


def _logprobs(pieces: Sequence[str], offset: int, top: int | None) -> Json:
    """The older shape: parallel lists, `offset` characters into the text."""
    if top is None:
        return None
    offsets: list[Json] = []
    for piece in pieces:
        offsets.append(offset)
        offset += len(piece)
    return {
        "tokens": list(pieces),
        "token_logprobs": [logprob_of(piece) for piece in pieces],
        "top_logprobs": [dict(alternatives(piece, top)) for piece in pieces] if top else None,
        "text_offset": offsets,
    }


def _events(head: bytes, choices: list[_TextChoice], usage: dict[str, Json] | None) -> Iterator[Event]:
    before = b"data: " + head + b',"choices":['
    after = b"]}\n\n" if usage is None else b'],"usage":null}\n\n'
    for pieces in zip_longest(*(_deltas(one) for one in choices)):
        for piece in pieces:
            if piece is not None:
                yield Event(Kind.TOKEN, before + piece + after)
    for one in choices:
        end = {"text": "", "index": one.index, "logprobs": None, "finish_reason": one.finish}
        yield Event(Kind.TAIL, before + encode(end) + after)
    if usage is not None:
        yield Event(Kind.TAIL, before + b'],"usage":' + encode(usage) + b"}\n\n")
    yield DONE


def _deltas(one: _TextChoice) -> Iterator[bytes]:
    offset = 0
    for piece in one.pieces:
        logprobs = _logprobs([piece], offset, one.logprobs)
        offset += len(piece)
        yield encode({"text": piece, "index": one.index, "logprobs": logprobs, "finish_reason": None})


def embed(body: dict[str, Json], model: str, script: Script) -> Job:
    """What answers POST /v1/embeddings. Raises Refused."""
    texts = _texts(body, "input")
    dimensions = integer(body.get("dimensions"), "dimensions", 1, 65536) or _DIMENSIONS
    form = string(body.get("encoding_format"), "encoding_format", ("float", "base64")) or "float"
    data: list[Json] = [
        {"object": "embedding", "index": k, "embedding": _vector(model, text, dimensions, form)}
        for k, text in enumerate(texts)
    ]
    prompt = sum(max(len(text.split()), 1) for text in texts)
    whole = encode(
        {
            "object": "list",
            "data": data,
            "model": model,
            "usage": {"prompt_tokens": prompt, "total_tokens": prompt},
        }
    )
    return lambda context: Whole(headers=context.headers, body=whole, wire=WIRE)


def _vector(model: str, text: str, dimensions: int, form: str) -> Json:
    """Rounded to float32 in both forms, so that they say the same; base64 is little-endian, as OpenAI's."""
    packed = struct.pack(f"<{dimensions}f", *vector(model, text, dimensions))
    if form == "base64":
        return base64.b64encode(packed).decode()
    return list(struct.unpack(f"<{dimensions}f", packed))


def _texts(body: dict[str, Json], name: str, empty_is: list[str] | None = None) -> list[str]:
    """A string, several, or tokens (`[1, 2]` or `[[1, 2], [3]]`), as texts."""
    value = body.get(name)
    if value is None:
        if empty_is is None:
            raise missing(name)
        return empty_is
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list):
        raise wrong_type(value, name, "one of a string or array")
    if not value:
        raise invalid(f"Invalid '{name}': empty array.", param=name, code="empty_array")
    if all(isinstance(one, int) and not isinstance(one, bool) for one in value):
        return [_tokens(value)]
    return [_text(one, f"{name}[{k}]") for k, one in enumerate(value)]


def _text(value: Json, path: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(one, int) for one in value):
        return _tokens(value)
    raise wrong_type(value, path, "one of a string or array of integers")


def _tokens(numbers: list[Json]) -> str:
    return " ".join(f"<{number}>" for number in numbers)


def model_entry(model: str) -> dict[str, Json]:
    return {"id": model, "object": "model", "created": CREATED, "owned_by": "switch-mock"}


def model_list() -> dict[str, Json]:
    return {"object": "list", "data": [model_entry(model) for model in MODELS]}
