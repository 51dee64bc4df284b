"""generateContent and streamGenerateContent as Google answers them, of the Gemini API and of Vertex AI.

A chunk of a stream is a reply of its own, with the usage so far; the last one has a `finishReason`. Shapes
follow what both services send: https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse.
"""

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import zip_longest
from typing import Final
from zlib import crc32

import msgspec

from switch_grpc.mock.answers import (
    Ask,
    Finish,
    Reply,
    ToolCall,
    cached_tokens,
    prompt_tokens,
    reply,
)
from switch_grpc.mock.dialect import Context, Job
from switch_grpc.mock.fields import Json
from switch_grpc.mock.gemini_ask import Options
from switch_grpc.mock.gemini_wire import WIRE, GeminiWire, ListWire
from switch_grpc.mock.likelihood import alternatives, logprob_of
from switch_grpc.mock.script import Script
from switch_grpc.mock.steps import Answer, Event, Kind, Stream, Whole
from switch_grpc.mock.tokens import in_pieces, in_words

_CREATED: Final = b'"createTime":"2026-01-01T00:00:00.000000Z",'  # fixed: equal requests have equal answers
_FINISHES: Final[Mapping[Finish, str]] = {
    Finish.STOP: "STOP",
    Finish.LENGTH: "MAX_TOKENS",
    Finish.TOOL: "STOP",  # a call is no reason of its own
    Finish.FILTER: "SAFETY",
}
_HARMS: Final = ("HATE_SPEECH", "DANGEROUS_CONTENT", "HARASSMENT", "SEXUALLY_EXPLICIT")
_MEDIUM: Final = {"IMAGE": 85}  # tokens of one; others are files
_FILE: Final = 120
_THIRD: Final = re.compile(r"gemini-[3-9]")
_VOCABULARY: Final = 256_000

_encode: Final = msgspec.json.encode


def generate(ask: Ask, options: Options, script: Script) -> Job:
    """What answers generateContent."""

    def fresh(context: Context) -> Answer:
        replies = _replies(ask, options, script, context.attempt)
        return _answer(_whole(ask, options, replies), options, context)

    if not script.steady:
        return fresh
    whole = _whole(ask, options, _replies(ask, options, script, ""))
    return lambda context: _answer(whole, options, context)


def stream(ask: Ask, options: Options, script: Script, *, sse: bool) -> Job:
    """What answers streamGenerateContent."""

    def fresh(context: Context) -> Answer:
        wire = WIRE if sse else ListWire()
        replies = _replies(ask, options, script, context.attempt)
        events = _events(ask, options, replies, context, wire)
        return Stream(headers=context.headers, events=events, wire=wire, attempt=context.attempt)

    return fresh


def prompt_details(ask: Ask, media: tuple[tuple[str, int], ...]) -> list[Json]:
    """The prompt's tokens by modality."""
    counts = {name: count * _MEDIUM.get(name, _FILE) for name, count in media}
    text = prompt_tokens(ask) - sum(counts.values())
    return [{"modality": name, "tokenCount": count} for name, count in {"TEXT": text, **counts}.items()]


def _replies(ask: Ask, options: Options, script: Script, attempt: str) -> list[Reply]:
    """The candidates; where the request has the model think, they come with thoughts."""
    if options.thinking != "no":
        script = replace(script, reasoning=True)
    replies = [reply(ask, script, attempt, index) for index in range(options.n)]
    return [_bare(one) for one in replies] if options.bare else replies


def _bare(one: Reply) -> Reply:
    """The enum's name for the JSON string that it would be."""
    said = "".join(one.pieces)
    return replace(one, pieces=in_words(said.strip('"')))


def _answer(whole: bytes, options: Options, context: Context) -> Whole:
    body = b"%b,%b}" % (whole[:-1], _fresh(options, context))
    return Whole(headers=context.headers, body=body, wire=WIRE, attempt=context.attempt)


def _fresh(options: Options, context: Context) -> bytes:
    """The members of an answer that are new with each attempt."""
    created = _CREATED if options.vertex else b""
    return b'%b"responseId":"%b"' % (created, context.attempt.encode())


# -- usage --


def _usage(ask: Ask, options: Options, thoughts: int, said: int) -> dict[str, Json]:
    prompt = prompt_tokens(ask)
    usage: dict[str, Json] = {
        "promptTokenCount": prompt,
        "candidatesTokenCount": said,
        "totalTokenCount": prompt + thoughts + said,
        "cachedContentTokenCount": cached_tokens(prompt),
        "promptTokensDetails": prompt_details(ask, options.media),
        "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": cached_tokens(prompt)}],
    }
    if thoughts:
        usage["thoughtsTokenCount"] = thoughts
    return usage | ({"trafficType": "ON_DEMAND"} if options.vertex else {"serviceTier": options.tier})


def _blocked(ask: Ask, options: Options) -> dict[str, Json]:
    """An answer that has no candidate, since the prompt is not to be answered."""
    feedback: dict[str, Json] = {"blockReason": "PROHIBITED_CONTENT"}
    if options.vertex:
        feedback["blockReasonMessage"] = "The prompt is blocked due to prohibited contents."
    usage = _usage(ask, options, 0, 0)
    del usage["candidatesTokenCount"]
    return {"promptFeedback": feedback, "usageMetadata": usage, "modelVersion": ask.model}


# -- whole --


def _whole(ask: Ask, options: Options, replies: list[Reply]) -> bytes:
    if replies[0].refusal:
        return _encode(_blocked(ask, options))
    thoughts = sum(len(one.reasoning) for one in replies)
    said = sum(one.tokens for one in replies) - thoughts
    candidates: list[Json] = [_candidate(k, one, ask, options) for k, one in enumerate(replies)]
    usage = _usage(ask, options, thoughts, said)
    return _encode({"candidates": candidates, "usageMetadata": usage, "modelVersion": ask.model})


def _candidate(index: int, one: Reply, ask: Ask, options: Options) -> dict[str, Json]:
    parts: list[Json] = []
    if one.reasoning and options.thinking == "shown":
        parts.append({"text": "".join(one.reasoning), "thought": True})
    if one.pieces:
        parts.append({"text": "".join(one.pieces), **_signed(one, ask, "text")})
    parts += [_call(k, call, one, ask, options) for k, call in enumerate(one.calls)]
    # Where thoughts took all tokens, Google leaves the parts out.
    content: dict[str, Json] = {"parts": parts, "role": "model"} if parts else {"role": "model"}
    logprobs = _logprobs(list(one.pieces), options) if options.logprobs else {}
    return {"content": content, **_ending(index, one, options), **logprobs}


def _ending(index: int, one: Reply, options: Options) -> dict[str, Json]:
    ending: dict[str, Json] = {"finishReason": _FINISHES[one.finish], **_numbered(index, options)}
    if one.finish is Finish.FILTER or options.rated:
        ending["safetyRatings"] = _ratings(one.finish is Finish.FILTER)
    if one.finish is Finish.TOOL:
        ending["finishMessage"] = "Model generated function call(s)."
    return ending


def _numbered(index: int, options: Options) -> dict[str, Json]:
    """Vertex leaves out a zero."""
    return {} if options.vertex and index == 0 else {"index": index}


def _ratings(blocked: bool) -> list[Json]:
    ratings: list[Json] = [
        {"category": f"HARM_CATEGORY_{harm}", "probability": "NEGLIGIBLE"} for harm in _HARMS
    ]
    if blocked:
        ratings[0] = {"category": f"HARM_CATEGORY_{_HARMS[0]}", "probability": "HIGH", "blocked": True}
    return ratings


def _signed(one: Reply, ask: Ask, what: str) -> dict[str, Json]:
    """The thought signature, of a model that thought; those of the third generation always do."""
    if not one.reasoning and not _THIRD.match(ask.model):
        return {}
    return {"thoughtSignature": base64.b64encode(f"switch-mock:{what}".encode()).decode()}


def _call(k: int, call: ToolCall, one: Reply, ask: Ask, options: Options) -> dict[str, Json]:
    """A call. Only the first of several is signed, and Vertex gives no ids."""
    arguments: Json = msgspec.json.decode(call.arguments)
    made: dict[str, Json] = {"name": call.name, "args": arguments}
    if not options.vertex:
        made["id"] = call.id
    return {"functionCall": made, **(_signed(one, ask, call.id) if k == 0 else {})}


def _logprobs(tokens: list[str], options: Options) -> dict[str, Json]:
    chosen: list[Json] = [_token(token, logprob_of(token)) for token in tokens]
    result: dict[str, Json] = {"chosenCandidates": chosen}
    if options.top_logprobs:
        result["topCandidates"] = [
            {"candidates": [_token(*other) for other in alternatives(token, options.top_logprobs)]}
            for token in tokens
        ]
    mean = sum(map(logprob_of, tokens)) / len(tokens) if tokens else 0.0
    return {"avgLogprobs": mean, "logprobsResult": result}


def _token(token: str, logprob: float) -> dict[str, Json]:
    return {"token": token, "tokenId": crc32(token.encode()) % _VOCABULARY, "logProbability": logprob}


# -- stream --


def _events(
    ask: Ask, options: Options, replies: list[Reply], context: Context, wire: GeminiWire
) -> Iterator[Event]:
    """All events of a stream; several candidates take turns."""
    opening = wire.opening()
    if opening:
        yield Event(Kind.OPENING, opening)
    if replies[0].refusal:
        blocked = _encode(_blocked(ask, options))
        yield Event(Kind.DONE, wire.last(b"%b,%b}" % (blocked[:-1], _fresh(options, context))))
        return
    chunks = _Chunks(ask, options, replies, context)
    streams = [_parts(k, one, ask, options) for k, one in enumerate(replies)]
    for parts in zip_longest(*streams):
        for part in parts:
            if part is not None:
                yield Event(Kind.TOKEN, wire.event(chunks.next(*part)))
    for k, one in enumerate(replies[:-1]):
        yield Event(Kind.TAIL, wire.event(chunks.ending(k, one)))
    # The end of the last one is what says that the stream is complete.
    yield Event(Kind.DONE, wire.last(chunks.ending(len(replies) - 1, replies[-1])))


class _Chunks:
    """The frame around each chunk, with the usage so far."""

    def __init__(self, ask: Ask, options: Options, replies: list[Reply], context: Context) -> None:
        thoughts = sum(len(one.reasoning) for one in replies)
        usage = _usage(ask, options, thoughts, 0)
        del usage["candidatesTokenCount"], usage["totalTokenCount"]
        self._ask, self._options = ask, options
        self._rest = _encode(usage)[1:]
        self._base = prompt_tokens(ask) + thoughts
        self._said = 0
        version = _encode(ask.model)
        self._end = b',"modelVersion":%b,%b}' % (version, _fresh(options, context))

    def next(self, candidate: bytes, tokens: int) -> bytes:
        """A chunk with a candidate that has so many tokens."""
        self._said += tokens
        return b'{"candidates":[%b],"usageMetadata":{"candidatesTokenCount":%d,"totalTokenCount":%d,%b%b' % (
            candidate,
            self._said,
            self._base + self._said,
            self._rest,
            self._end,
        )

    def ending(self, index: int, one: Reply) -> bytes:
        signed = _signed(one, self._ask, "text") if not one.calls else {}
        content: Json = {"parts": [{"text": "", **signed}], "role": "model"}
        return self.next(_encode({"content": content, **_ending(index, one, self._options)}), 0)


def _parts(index: int, one: Reply, ask: Ask, options: Options) -> Iterator[tuple[bytes, int]]:
    """A candidate for each token, and how many tokens of the answer it has: thoughts have none."""
    after = b'],"role":"model"}%b}' % (b"" if options.vertex and index == 0 else b',"index":%d' % index)
    before = b'{"content":{"parts":['
    if options.thinking == "shown":
        for token in one.reasoning:
            yield b'%b{"text":%b,"thought":true}%b' % (before, _encode(token), after), 0
    for token in one.pieces:
        if options.logprobs:
            more = _encode(_logprobs([token], options))[1:-1]
            yield b'%b{"text":%b}%b,%b}' % (before, _encode(token), after[:-1], more), 1
        else:
            yield b'%b{"text":%b}%b' % (before, _encode(token), after), 1
    for k, call in enumerate(one.calls):
        part = _encode(_call(k, call, one, ask, options))
        yield before + part + after, len(in_pieces(call.arguments)) + 1
