"""Chat in OpenAI's wire format: one JSON body, or server-sent events.

Shapes follow what api.openai.com sends: the role in a chunk of its own, `usage: null` in every chunk once a
usage chunk was asked for, names and ids of tool calls before their arguments.
"""

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Final

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
from switch_grpc.mock.failures import Failure
from switch_grpc.mock.fields import Json
from switch_grpc.mock.likelihood import alternatives, logprob_of
from switch_grpc.mock.openai_ask import ChatOptions, read_chat
from switch_grpc.mock.script import Script
from switch_grpc.mock.steps import Answer, Event, Headers, Kind, Stream, Whole
from switch_grpc.mock.tokens import in_pieces

CREATED: Final = 1_767_225_600  # a fixed time, so that equal requests have equal answers
FINGERPRINT: Final = "fp_switch_mock"
FINISHES: Final[Mapping[Finish, str]] = {
    Finish.STOP: "stop",
    Finish.LENGTH: "length",
    Finish.TOOL: "tool_calls",
    Finish.FILTER: "content_filter",
}

encode = msgspec.json.encode


class OpenAIWire:
    """OpenAI's errors and server-sent events, as faults need them."""

    stream_type = "text/event-stream; charset=utf-8"
    ping = b": keep-alive\n\n"
    broken = b'data: {"id":"chatcmpl-mock","object":"chat.completion.chunk","choices":[{"index":0,"del\n\n'
    # An event without its field name, and a data line that is not UTF-8.
    unframed = b'{"object":"chat.completion.chunk","choices":[]}\n\ndata: {"choices":"\xff\xfe\xc3"}\n\n'

    def error_body(self, failure: Failure, attempt: str) -> bytes:
        return encode(
            {
                "error": {
                    "message": failure.message,
                    "type": failure.type,
                    "param": failure.param,
                    "code": failure.code,
                }
            }
        )

    def error_headers(self, failure: Failure) -> Headers:
        return ()

    def error_event(self, failure: Failure, attempt: str) -> bytes:
        return event(self.error_body(failure, attempt))

    def huge_event(self, size: int) -> Iterator[bytes]:
        yield b'data: {"id":"chatcmpl-mock","object":"chat.completion.chunk","created":0,"model":"mock",'
        yield b'"choices":[{"index":0,"delta":{"content":"'
        for start in range(0, size, 65536):
            yield b"m" * min(65536, size - start)
        yield b'"},"finish_reason":null}]}\n\n'


WIRE: Final = OpenAIWire()


def event(data: bytes) -> bytes:
    return b"data: " + data + b"\n\n"


DONE: Final = Event(Kind.DONE, event(b"[DONE]"))


def chat(body: dict[str, Json], model: str, script: Script) -> Job:
    """What answers POST /v1/chat/completions. Raises Refused."""
    ask, options = read_chat(body, model)

    def fresh(context: Context) -> Answer:
        replies = [reply(ask, script, context.attempt, index) for index in range(options.n)]
        usage = _usage(prompt_tokens(ask), replies)
        if options.stream:
            events = _events(ask, options, replies, usage, context)
            return Stream(headers=context.headers, events=events, wire=WIRE)
        whole = _whole(ask, options, replies, usage)
        return Whole(headers=context.headers, body=with_id("chatcmpl-", context, whole), wire=WIRE)

    if options.stream or not script.steady:
        return fresh
    replies = [reply(ask, script, "", index) for index in range(options.n)]
    whole = _whole(ask, options, replies, _usage(prompt_tokens(ask), replies))
    return lambda context: Whole(
        headers=context.headers, body=with_id("chatcmpl-", context, whole), wire=WIRE
    )


def with_id(prefix: str, context: Context, whole: bytes) -> bytes:
    """An encoded object with the attempt's id as its first member."""
    return b'{"id":"%b",%b' % (f"{prefix}{context.attempt}".encode(), whole[1:])


def _whole(ask: Ask, options: ChatOptions, replies: list[Reply], usage: dict[str, Json]) -> bytes:
    return encode(
        {
            **_frame(ask, options, "chat.completion"),
            "choices": [_choice(index, one, options) for index, one in enumerate(replies)],
            "usage": usage,
        }
    )


def _usage(prompt: int, replies: list[Reply]) -> dict[str, Json]:
    completion = sum(one.tokens for one in replies)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached_tokens(prompt), "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": sum(len(one.reasoning) for one in replies),
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _frame(ask: Ask, options: ChatOptions, object: str) -> dict[str, Json]:
    return {
        "object": object,
        "created": CREATED,
        "model": ask.model,
        "service_tier": options.service_tier,
        "system_fingerprint": FINGERPRINT,
    }


def _finish(one: Reply, options: ChatOptions) -> str:
    if options.functions and one.finish is Finish.TOOL:
        return "function_call"
    return FINISHES[one.finish]


def _choice(index: int, one: Reply, options: ChatOptions) -> dict[str, Json]:
    message: dict[str, Json] = {
        "role": "assistant",
        "content": "".join(one.pieces) if not one.calls and not one.refusal else None,
        "refusal": "".join(one.refusal) or None,
        "annotations": [],
    }
    if one.reasoning:
        message["reasoning_content"] = "".join(one.reasoning)
    if one.calls and options.functions:
        message["function_call"] = {"name": one.calls[0].name, "arguments": one.calls[0].arguments}
    elif one.calls:
        message["tool_calls"] = [_tool_call(call) for call in one.calls]
    logprobs: Json = None
    if options.logprobs:
        logprobs = {
            "content": [_logprob(token, options.top_logprobs) for token in one.pieces] or None,
            "refusal": [_logprob(token, options.top_logprobs) for token in one.refusal] or None,
        }
    return {
        "index": index,
        "message": message,
        "logprobs": logprobs,
        "finish_reason": _finish(one, options),
    }


def _tool_call(call: ToolCall) -> dict[str, Json]:
    if call.custom:
        return {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": call.arguments}}
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    }


def _logprob(token: str, top: int) -> dict[str, Json]:
    return {
        **_token(token, logprob_of(token)),
        "top_logprobs": [_token(*one) for one in alternatives(token, top)],
    }


def _token(token: str, logprob: float) -> dict[str, Json]:
    return {"token": token, "logprob": logprob, "bytes": list(token.encode())}


def _events(
    ask: Ask, options: ChatOptions, replies: list[Reply], usage: dict[str, Json], context: Context
) -> Iterator[Event]:
    """All events of a stream; the choices of n > 1 take turns, as OpenAI's do."""
    frame = with_id("chatcmpl-", context, encode(_frame(ask, options, "chat.completion.chunk")))[:-1]
    before = b"data: " + frame + b',"choices":['
    after = b'],"usage":null}\n\n' if options.include_usage else b"]}\n\n"
    for index, one in enumerate(replies):
        role = b'{"role":"assistant","content":%b,"refusal":null}' % (
            b"null" if one.calls or one.refusal else b'""'
        )
        yield Event(Kind.OPENING, before + _piece(index, role, b"null") + after)
    streams = [_deltas(index, one, options) for index, one in enumerate(replies)]
    for pieces in zip_longest(*streams) if len(streams) > 1 else zip(*streams, strict=True):
        for piece in pieces:
            if piece is not None:
                yield Event(Kind.TOKEN, before + piece + after)
    for index, one in enumerate(replies):
        end = b'{"index":%d,"delta":{},"logprobs":null,"finish_reason":%b}' % (
            index,
            encode(_finish(one, options)),
        )
        yield Event(Kind.TAIL, before + end + after)
    if options.include_usage:
        yield Event(Kind.TAIL, before + b'],"usage":' + encode(usage) + b"}\n\n")
    yield DONE


def _piece(index: int, delta: bytes, logprobs: bytes) -> bytes:
    return b'{"index":%d,"delta":%b,"logprobs":%b,"finish_reason":null}' % (index, delta, logprobs)


def _deltas(index: int, one: Reply, options: ChatOptions) -> Iterator[bytes]:
    for token in one.reasoning:
        yield _piece(index, b'{"reasoning_content":%b}' % encode(token), b"null")
    if options.logprobs:
        for token in one.pieces:
            logprobs = {"content": [_logprob(token, options.top_logprobs)], "refusal": None}
            yield _piece(index, b'{"content":%b}' % encode(token), encode(logprobs))
    else:
        # The line that bursts of a million tokens spend their time in.
        start = b'{"index":%d,"delta":{"content":' % index
        for token in one.pieces:
            yield start + encode(token) + b'},"logprobs":null,"finish_reason":null}'
    for token in one.refusal:
        yield _piece(index, b'{"refusal":%b}' % encode(token), b"null")
    for k, call in enumerate(one.calls):
        for delta in _function_deltas(call) if options.functions else _call_deltas(k, call):
            yield _piece(index, encode(delta), b"null")


def _call_deltas(k: int, call: ToolCall) -> Iterator[dict[str, Json]]:
    """First the call's id and name, then its arguments bit by bit."""
    kind, text = ("custom", "input") if call.custom else ("function", "arguments")
    named: dict[str, Json] = {"name": call.name, text: ""}
    yield {"tool_calls": [{"index": k, "id": call.id, "type": kind, kind: named}]}
    for piece in in_pieces(call.arguments):
        yield {"tool_calls": [{"index": k, kind: {text: piece}}]}


def _function_deltas(call: ToolCall) -> Iterator[dict[str, Json]]:
    yield {"function_call": {"name": call.name, "arguments": ""}}
    for piece in in_pieces(call.arguments):
        yield {"function_call": {"arguments": piece}}
