"""Converse in Bedrock's wire format: one JSON body, or events in AWS's binary framing.

Members stand in the order of the alphabet and events are padded by a member `p`, as in recorded traffic. Text
and reasoning have no contentBlockStart; a call has one. `metadata` comes behind `messageStop`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

import msgspec

from switch_grpc.mock.answers import Ask, Finish, Reply, ToolCall, cached_tokens, prompt_tokens, reply
from switch_grpc.mock.anthropic_turns import sign
from switch_grpc.mock.converse_ask import Options, read_converse
from switch_grpc.mock.converse_errors import error_body, error_frame, exception_of
from switch_grpc.mock.converse_frames import STREAM_TYPE, event_headers, frame, long_frame
from switch_grpc.mock.dialect import Context, Job
from switch_grpc.mock.failures import Failure
from switch_grpc.mock.fields import Json
from switch_grpc.mock.script import Script
from switch_grpc.mock.steps import Answer, Event, Headers, Kind, Stream, Whole
from switch_grpc.mock.tokens import in_pieces

_LATENCY: Final = 42  # milliseconds, so that equal requests have equal answers
_PADDING: Final = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_BLOCK: Final = 65536
_HEADERS: Final[Mapping[str, bytes]] = {
    name: event_headers(name)
    for name in (
        "messageStart",
        "contentBlockStart",
        "contentBlockDelta",
        "contentBlockStop",
        "messageStop",
        "metadata",
    )
}

encode = msgspec.json.encode


class ConverseWire:
    """Bedrock's exceptions and frames, as faults need them."""

    stream_type = STREAM_TYPE
    ping = b""  # Bedrock sends nothing while it waits
    broken = frame(_HEADERS["contentBlockDelta"], b'{"contentBlockIndex":0,"delta":{"text":"')
    # A message whose second checksum is wrong by one bit.
    unframed = frame(_HEADERS["contentBlockDelta"], b'{"contentBlockIndex":0,"delta":{"text":"?"}}')
    unframed = unframed[:-1] + bytes([unframed[-1] ^ 1])

    def error_body(self, failure: Failure, attempt: str) -> bytes:
        return error_body(failure)

    def error_headers(self, failure: Failure) -> Headers:
        return (("x-amzn-errortype", exception_of(failure)[0]),)

    def error_event(self, failure: Failure, attempt: str) -> bytes:
        return error_frame(failure)

    def huge_event(self, size: int) -> Iterator[bytes]:
        start, end = b'{"contentBlockIndex":0,"delta":{"text":"', b'"}}'
        filled = (b"m" * min(_BLOCK, size - done) for done in range(0, size, _BLOCK))
        parts = (part for group in ((start,), filled, (end,)) for part in group)
        return long_frame(_HEADERS["contentBlockDelta"], parts, len(start) + size + len(end))


WIRE: Final = ConverseWire()


def converse(body: Json, model: str, script: Script, *, stream: bool) -> Job:
    """What answers a Converse or ConverseStream request. Raises Refused."""
    ask, options = read_converse(body, model, stream=stream)
    if options.thinking:
        script = replace(script, reasoning=True)

    def fresh(context: Context) -> Answer:
        said = reply(ask, script, context.attempt)
        if stream:
            events = _events(said, ask, options)
            return Stream(headers=context.headers, events=events, wire=WIRE, attempt=context.attempt)
        return whole(context, _whole(said, ask, options))

    def whole(context: Context, data: bytes) -> Answer:
        return Whole(headers=context.headers, body=data, wire=WIRE, attempt=context.attempt)

    if stream or not script.steady:
        return fresh
    data = _whole(reply(ask, script, ""), ask, options)
    return lambda context: whole(context, data)


def _whole(said: Reply, ask: Ask, options: Options) -> bytes:
    ended = _ended(said, options)
    more = ended.pop("additionalModelResponseFields", None)
    answer: dict[str, Json] = {
        **({} if more is None else {"additionalModelResponseFields": more}),
        "metrics": {"latencyMs": _LATENCY},
        "output": {"message": {"content": _content(said), "role": "assistant"}},
        **ended,
        "usage": _usage(said, ask, options),
        **_echoed(said, options),
    }
    return encode(answer)


def _content(said: Reply) -> list[Json]:
    content: list[Json] = []
    if said.reasoning:
        thought = "".join(said.reasoning)
        content.append({"reasoningContent": {"reasoningText": {"signature": sign(thought), "text": thought}}})
    text = "".join((*said.pieces, *said.refusal))
    if text:
        content.append({"text": text})
    for call in said.calls:
        arguments: Json = msgspec.json.decode(call.arguments)
        content.append({"toolUse": {"input": arguments, "name": call.name, "toolUseId": _id(call)}})
    return content


def _id(call: ToolCall) -> str:
    return "tooluse_" + call.id.removeprefix("call_")


def _ended(said: Reply, options: Options) -> dict[str, Json]:
    """Why the answer ended, and what of that only the model's own fields say."""
    match said.finish:
        case Finish.STOP if said.refusal:
            reason = "content_filtered"
        case Finish.STOP:
            reason = "end_turn" if said.stop is None else "stop_sequence"
        case Finish.LENGTH:
            reason = "max_tokens"
        case Finish.TOOL:
            reason = "tool_use"
        case Finish.FILTER:
            reason = "content_filtered" if options.guardrail is None else "guardrail_intervened"
    ended: dict[str, Json] = {"stopReason": reason}
    # A path to what the model does not say is ignored, as the API reference has it.
    if "/stop_sequence" in options.paths:
        ended["additionalModelResponseFields"] = {"stop_sequence": said.stop}
    return ended


def _usage(said: Reply, ask: Ask, options: Options) -> dict[str, Json]:
    """Tokens that the cache gave or took are not among the input tokens, but in the total."""
    prompt = prompt_tokens(ask)
    read = written = cached_tokens(prompt) if options.cache is not None else 0
    usage: dict[str, Json] = {
        "cacheReadInputTokens": read,
        "cacheWriteInputTokens": written,
        "inputTokens": prompt - read - written,
        "outputTokens": said.tokens,
        "serverToolUsage": {},
        "totalTokens": prompt + said.tokens,
    }
    if written:
        usage["cacheDetails"] = [{"inputTokens": written, "ttl": options.cache}]
    return usage


def _echoed(said: Reply, options: Options) -> dict[str, Json]:
    """What a request gets back: how it was served, and the guardrail's trace if it wants one."""
    echoed: dict[str, Json] = {}
    if options.performance is not None:
        echoed["performanceConfig"] = options.performance
    if options.tier is not None:
        echoed["serviceTier"] = options.tier
    if options.traced and options.guardrail is not None:
        found: list[Json] = []
        if said.finish is Finish.FILTER:
            found = [{"action": "BLOCKED", "confidence": "HIGH", "type": "MISCONDUCT"}]
        policy: dict[str, Json] = {"contentPolicy": {"filters": found}}
        echoed["trace"] = {"guardrail": {"outputAssessments": {options.guardrail: [policy]}}}
    return echoed


# -- the stream --


def _events(said: Reply, ask: Ask, options: Options) -> Iterator[Event]:
    yield _event(Kind.OPENING, "messageStart", {"role": "assistant"})
    for index, deltas in enumerate(_blocks(said)):
        for name, delta in deltas:
            yield _event(Kind.TOKEN, name, {"contentBlockIndex": index, **delta})
        yield _event(Kind.OPENING, "contentBlockStop", {"contentBlockIndex": index})
    yield _event(Kind.DONE, "messageStop", _ended(said, options))
    about: dict[str, Json] = {
        "metrics": {"latencyMs": _LATENCY},
        "usage": _usage(said, ask, options),
        **_echoed(said, options),
    }
    yield _event(Kind.TAIL, "metadata", about)


_Delta = tuple[str, dict[str, Json]]


def _blocks(said: Reply) -> Iterator[Iterator[_Delta]]:
    if said.reasoning:
        yield _reasoning(said)
    if said.pieces or said.refusal:
        yield (("contentBlockDelta", {"delta": {"text": token}}) for token in (*said.refusal, *said.pieces))
    for call in said.calls:
        yield _call(call)


def _reasoning(said: Reply) -> Iterator[_Delta]:
    """Text bit by bit, and then its signature."""
    for token in said.reasoning:
        yield "contentBlockDelta", {"delta": {"reasoningContent": {"text": token}}}
    signed = sign("".join(said.reasoning))
    yield "contentBlockDelta", {"delta": {"reasoningContent": {"signature": signed}}}


def _call(call: ToolCall) -> Iterator[_Delta]:
    """Its name, an empty piece as Claude sends it, and its arguments: none at all for a call without any."""
    yield "contentBlockStart", {"start": {"toolUse": {"name": call.name, "toolUseId": _id(call)}}}
    pieces = [] if call.arguments == "{}" else in_pieces(call.arguments)
    for piece in ("", *pieces):
        yield "contentBlockDelta", {"delta": {"toolUse": {"input": piece}}}


def _event(kind: Kind, name: str, members: dict[str, Json]) -> Event:
    payload = encode(members)
    padded = b'%b,"p":"%b"}' % (payload[:-1], _PADDING[: len(payload) % len(_PADDING) + 1])
    return Event(kind, frame(_HEADERS[name], padded))
