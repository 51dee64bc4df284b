"""Messages in Anthropic's wire format: one JSON body, or named server-sent events.

Shapes follow what api.anthropic.com sends and the `anthropic` package's types: a message_start with an empty
message, each block between its start and stop, usage once at the start and once, cumulative, at the end.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

import msgspec
from msgspec import Raw

from switch_grpc.mock.answers import Ask, Finish, Reply, ToolCall, cached_tokens, prompt_tokens, reply
from switch_grpc.mock.anthropic_ask import Options
from switch_grpc.mock.anthropic_turns import sign
from switch_grpc.mock.dialect import Context, Job
from switch_grpc.mock.failures import Failure
from switch_grpc.mock.fields import Json
from switch_grpc.mock.script import Script
from switch_grpc.mock.steps import Answer, Event, Headers, Kind, Stream, Whole
from switch_grpc.mock.tokens import in_pieces

encode = msgspec.json.encode

# https://docs.claude.com/en/api/errors
_TYPES: Final[Mapping[int, str]] = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
# Messages that Anthropic really sends, by the names of failures.
_MESSAGES: Final[Mapping[str, str]] = {
    "context_length_exceeded": "prompt is too long: 9000 tokens > 8192 maximum",
    "content_filter": "Output blocked by content filtering policy",
    "billing_hard_limit_reached": "Your credit balance is too low to access the Anthropic API. "
    "Please go to Plans & Billing to upgrade or purchase credits.",
    "invalid_api_key": "invalid x-api-key",
    "permission_denied": "Your API key does not have permission to use the specified resource.",
    "request_too_large": "Request exceeds the maximum size",
    "rate_limit_exceeded": "This request would exceed your organization's rate limit of 3 "
    "requests per minute.",
    "server_error": "Internal server error",
    "gateway_timeout": "Request timed out",
}


class AnthropicWire:
    """Anthropic's errors and server-sent events, as faults need them."""

    stream_type = "text/event-stream; charset=utf-8"
    ping = b'event: ping\ndata: {"type": "ping"}\n\n'
    broken = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"del\n\n'
    # An event without its field name, and a data line that is not UTF-8.
    unframed = (
        b'{"type":"content_block_delta","index":0}\n\n'
        b'event: content_block_delta\ndata: {"type":"content_block_delta","text":"\xff\xfe\xc3"}\n\n'
    )

    def error_body(self, failure: Failure, attempt: str) -> bytes:
        return encode(
            {
                "type": "error",
                "error": {"type": _type(failure), "message": _message(failure)},
                "request_id": request_id(attempt),
            }
        )

    def error_headers(self, failure: Failure) -> Headers:
        return ()

    def error_event(self, failure: Failure, attempt: str) -> bytes:
        return b"event: error\ndata: " + self.error_body(failure, attempt) + b"\n\n"

    def huge_event(self, size: int) -> Iterator[bytes]:
        yield b"event: content_block_delta\n"
        yield b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"'
        for start in range(0, size, 65536):
            yield b"m" * min(65536, size - start)
        yield b'"}}\n\n'


WIRE: Final = AnthropicWire()


def request_id(attempt: str) -> str:
    return f"req_{attempt}"


def _type(failure: Failure) -> str | None:
    if failure.exact:
        return failure.type
    default = "invalid_request_error" if failure.status < 500 else "api_error"
    return _TYPES.get(failure.status, default)


def _message(failure: Failure) -> str:
    if failure.name == "model_not_found":
        return f"model: {failure.model}"
    return _MESSAGES.get(failure.name or "", failure.message)


def message(ask: Ask, options: Options, script: Script) -> Job:
    """What answers a Messages request."""
    if options.thinking != "off":
        script = replace(script, reasoning=True)
    prompt = prompt_tokens(ask)

    def streamed(context: Context) -> Answer:
        one = reply(ask, script, context.attempt)
        events = _events(ask, options, one, prompt, context)
        return Stream(headers=context.headers, events=events, wire=WIRE, attempt=context.attempt)

    def whole(context: Context) -> Answer:
        body = _whole(ask, options, reply(ask, script, context.attempt), prompt)
        return _answer(body, context)

    if options.stream:
        return streamed
    if not script.steady:
        return whole
    steady = _whole(ask, options, reply(ask, script, ""), prompt)
    return lambda context: _answer(steady, context)


def _answer(whole: bytes, context: Context) -> Whole:
    body = b'{"id":"%b",%b' % (_id(context).encode(), whole[1:])
    return Whole(headers=context.headers, body=body, wire=WIRE, attempt=context.attempt)


def _id(context: Context) -> str:
    return f"msg_{context.attempt}"


def _whole(ask: Ask, options: Options, one: Reply, prompt: int) -> bytes:
    """A message but for its id."""
    return encode(
        {
            "type": "message",
            "role": "assistant",
            "model": ask.model,
            "content": _blocks(one, options),
            "stop_reason": _stop_reason(one),
            "stop_sequence": one.stop,
            "stop_details": _stop_details(one),
            "usage": _usage(prompt, one, options),
        }
    )


def _blocks(one: Reply, options: Options) -> list[dict[str, object]]:
    blocks: list[dict[str, object]] = []
    if one.reasoning:
        thought = "".join(one.reasoning)
        shown = "" if options.thinking == "omitted" else thought
        blocks.append({"type": "thinking", "thinking": shown, "signature": sign(thought)})
    text = "".join(one.refusal or one.pieces)
    if text:
        blocks.append({"type": "text", "text": text})
    blocks += [{**_tool_use(call), "input": Raw(call.arguments.encode())} for call in one.calls]
    return blocks


def _tool_use(call: ToolCall) -> dict[str, Json]:
    return {
        "type": "tool_use",
        "id": "toolu_" + call.id.removeprefix("call_"),
        "name": call.name,
        "input": {},
        "caller": {"type": "direct"},
    }


def _stop_reason(one: Reply) -> str:
    if one.refusal:
        return "refusal"
    match one.finish:
        case Finish.LENGTH:
            return "max_tokens"
        case Finish.TOOL:
            return "tool_use"
        case Finish.FILTER:
            return "refusal"
        case Finish.STOP:
            return "end_turn" if one.stop is None else "stop_sequence"


def _stop_details(one: Reply) -> Json:
    if _stop_reason(one) != "refusal":
        return None
    return {"type": "refusal", "category": None, "explanation": None}


def _usage(prompt: int, one: Reply | None, options: Options) -> dict[str, Json]:
    """Of a whole message, or of one that has begun. Tokens of the cache are not among the input tokens."""
    read = cached_tokens(prompt) if options.caching is not None else 0
    written = read if options.caching is not None else 0
    usage: dict[str, Json] = {
        "input_tokens": prompt - read - written,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": written if options.caching == "5m" else 0,
            "ephemeral_1h_input_tokens": written if options.caching == "1h" else 0,
        },
        "output_tokens": 1 if one is None else max(one.tokens, 1),
        "service_tier": options.service_tier,
        "inference_geo": "not_available",
    }
    if one is not None and one.reasoning:
        usage["output_tokens_details"] = {"thinking_tokens": len(one.reasoning)}
    return usage


def _events(ask: Ask, options: Options, one: Reply, prompt: int, context: Context) -> Iterator[Event]:
    start: dict[str, Json] = {
        "id": _id(context),
        "type": "message",
        "role": "assistant",
        "model": ask.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "stop_details": None,
        "usage": _usage(prompt, None, options),
    }
    yield _event(Kind.OPENING, {"type": "message_start", "message": start})
    for index, (block, deltas) in enumerate(_streamed(one, options)):
        yield _event(Kind.OPENING, {"type": "content_block_start", "index": index, "content_block": block})
        if index == 0:
            yield Event(Kind.OPENING, WIRE.ping)
        before = (
            b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":' % index
        )
        for kind, delta in deltas:
            yield Event(kind, before + delta + b"}\n\n")
        yield _event(Kind.OPENING, {"type": "content_block_stop", "index": index})
    usage = _usage(prompt, one, options)
    for name in ("cache_creation", "service_tier", "inference_geo"):
        del usage[name]
    yield _event(
        Kind.TAIL,
        {
            "type": "message_delta",
            "delta": {
                "stop_reason": _stop_reason(one),
                "stop_sequence": one.stop,
                "stop_details": _stop_details(one),
            },
            "usage": usage,
        },
    )
    yield _event(Kind.DONE, {"type": "message_stop"})


def _event(kind: Kind, value: dict[str, Json]) -> Event:
    return Event(kind, b"event: %b\ndata: %b\n\n" % (str(value["type"]).encode(), encode(value)))


_Deltas = Iterator[tuple[Kind, bytes]]


def _streamed(one: Reply, options: Options) -> Iterator[tuple[dict[str, Json], _Deltas]]:
    """Each block as it starts, and what follows of it."""
    if one.reasoning:
        yield {"type": "thinking", "thinking": "", "signature": ""}, _thinking_deltas(one, options)
    pieces = one.refusal or one.pieces
    if len(pieces):
        yield {"type": "text", "text": ""}, _text_deltas(one)
    for call in one.calls:
        yield _tool_use(call), _call_deltas(call)


def _thinking_deltas(one: Reply, options: Options) -> _Deltas:
    for token in one.reasoning if options.thinking != "omitted" else ():
        yield Kind.TOKEN, b'{"type":"thinking_delta","thinking":%b}' % encode(token)
    signature = sign("".join(one.reasoning))
    yield Kind.OPENING, b'{"type":"signature_delta","signature":%b}' % encode(signature)


def _text_deltas(one: Reply) -> _Deltas:
    for token in one.refusal or one.pieces:
        yield Kind.TOKEN, b'{"type":"text_delta","text":%b}' % encode(token)


def _call_deltas(call: ToolCall) -> _Deltas:
    """An empty delta first, as Anthropic sends it, then the input bit by bit."""
    yield Kind.OPENING, b'{"type":"input_json_delta","partial_json":""}'
    for piece in in_pieces(call.arguments):
        yield Kind.TOKEN, b'{"type":"input_json_delta","partial_json":%b}' % encode(piece)
