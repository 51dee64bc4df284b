"""OpenAI's wire format, which most vendors speak: chat, legacy completions and embeddings, over SSE or whole.

The field maps are `openai_wire`'s. Here is what the wire needs around them: URL and headers, which parameters
win, when a stream is complete, and the many shapes in which servers say that something went wrong.

Which parameter wins is told in `parameters`. Streams always ask for usage, because metrics and budgets need
it; a caller who did not ask sees none: the decoder leaves it in `chunk.usage`, and the door drops it.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Final, Literal

import msgspec
from google.protobuf.message import Message

from switch_grpc import openai_wire
from switch_grpc.faults import Fault, Kind
from switch_grpc.providers.dialects.base import (
    Binding,
    Event,
    Framing,
    StreamDecoder,
    UpstreamError,
    WireReply,
    WireRequest,
)
from switch_grpc.providers.dialects.broken import cut, unread
from switch_grpc.providers.dialects.headers import content_type, headers_of
from switch_grpc.providers.dialects.history import ANYTHING, Fitter, History
from switch_grpc.providers.dialects.openai_error import error_of, raise_error
from switch_grpc.providers.dialects.parameters import own_of
from switch_grpc.providers.dialects.tool_choice import MISTRALS_ANY
from switch_grpc.providers.framing.sse import ServerSentEvents
from switch_grpc.request import Body, Head, Operation
from switch_grpc.v1 import chat_pb2, completion_pb2

Terminal = Literal["done", "eof"]
_Streamed = chat_pb2.ChatRequest | completion_pb2.CompletionRequest

_ASK_USAGE: Final = b'{"include_usage":true}'


@dataclass(frozen=True, slots=True)
class _Wire:
    """What differs between the operations."""

    path: str
    encode: Callable[..., bytes]
    decode: Callable[[bytes], Message]
    decode_chunk: Callable[[bytes], Message] | None = None


_WIRES: Final[Mapping[Operation, _Wire]] = {
    Operation.CHAT: _Wire(
        "/chat/completions",
        openai_wire.encode_chat_request,
        openai_wire.read_chat_response,
        openai_wire.decode_chat_chunk,
    ),
    Operation.COMPLETE: _Wire(
        "/completions",
        openai_wire.encode_completion_request,
        openai_wire.decode_completion_response,
        openai_wire.decode_completion_chunk,
    ),
    Operation.EMBED: _Wire(
        "/embeddings", openai_wire.encode_embed_request, openai_wire.decode_embed_response
    ),
}


class OpenAI:
    """The dialect; stateless."""

    __slots__ = ("_any_tool", "_fitter", "_stream_options", "_terminal")

    def __init__(
        self,
        *,
        stream_options: bool = True,
        terminal: Terminal = "done",
        history: History = ANYTHING,
        any_tool: bool = True,
    ) -> None:
        """`stream_options`: the vendor takes them. `terminal` "eof": a clean end completes a stream.

        `any_tool`: it knows Mistral's choice of any tool; else that goes out as `required`.
        """
        self._any_tool = any_tool
        self._fitter = Fitter(history)
        self._stream_options = stream_options
        self._terminal = terminal

    # -- request --

    def encode(self, head: Head, body: Body[Message], binding: Binding) -> Sequence[WireRequest]:
        """A plain request goes out as it came, without ever being a message."""
        wire, plain = _WIRES[head.operation], body.plain()
        defaults, params = dict(binding.defaults), own_of(binding, stream=head.stream)
        if plain is not None and not self._fitter.passes(plain):
            plain = None
        request = self._fitted(body.message(), binding, params) if plain is None else None
        if head.stream:
            given = _given(request) if plain is None else plain.stream_options
            if not self._ask_usage(given, defaults, params) and given is not None:
                plain, request = None, _without_options(request or body.message())
        encode = partial(wire.encode, request) if plain is None else plain.encode
        data = encode(model=binding.model, stream=head.stream, defaults=defaults, params=params)
        return [
            WireRequest(
                url=_url(binding.base_url, wire.path),
                headers=headers_of(binding, stream=head.stream),
                body=data,
            )
        ]

    def _fitted(self, request: Message, binding: Binding, params: Mapping[str, bytes]) -> Message:
        """The request with earlier answers as this vendor takes them."""
        if self._fitter.takes_all or not isinstance(request, chat_pb2.ChatRequest):
            return request
        fitted = self._fitter.fit(request, reasons=_reasons(request, binding, params))
        if self._any_tool or fitted.tool_choice.raw_json != MISTRALS_ANY:
            return fitted
        required = copy.deepcopy(fitted)  # a received message is never changed
        required.tool_choice.mode = chat_pb2.ToolChoice.MODE_REQUIRED
        return required

    def _ask_usage(
        self, given: Mapping[str, object] | None, defaults: dict[str, bytes], params: dict[str, bytes]
    ) -> bool:
        """Makes `params` ask for usage; False where the vendor takes no stream_options.

        `given`: the caller's own. `"stream_options": null` among the operator's parameters turns asking off
        for a target whose server refuses them too.
        """
        default, param = defaults.pop("stream_options", None), params.pop("stream_options", None)
        if not self._stream_options or param == b"null":
            return False
        if param is None and given is not None:
            params["stream_options"] = _asking(given)
        else:
            params["stream_options"] = _asking(_members(param or default or b"{}"))
        return True

    # -- reply --

    def decode(self, operation: Operation, replies: Sequence[WireReply], binding: Binding) -> Message:
        """Also the answer of a server that ignored `stream: true`; its reader splits it (`split_chat`)."""
        (reply,) = replies
        kind = content_type(reply.headers)
        if kind in ("text/html", "text/event-stream"):
            raise unread(binding, f"answered with content type {kind!r} where JSON was expected")
        if b'"error"' in reply.body:
            raise_error(reply.body)
        try:
            message = _WIRES[operation].decode(reply.body)
        except Fault:
            raise_error(reply.body)
            raise
        if not getattr(message, "data" if operation is Operation.EMBED else "choices"):
            raise_error(reply.body)
            raise unread(binding, "answered 200 with neither choices nor data; check the target's apiBase")
        return message

    def decode_plain(self, replies: Sequence[WireReply]) -> openai_wire.PlainReply | None:
        """The answer, where it is plain; what else it is, `decode` tells."""
        (reply,) = replies
        if b'"error"' in reply.body or content_type(reply.headers) != "application/json":
            return None
        return openai_wire.plain_reply(reply.body)

    # -- stream --

    def framing(self) -> Framing:
        return ServerSentEvents()

    def decoder(self, head: Head, body: Body[Message], binding: Binding) -> StreamDecoder:
        decode_chunk = _WIRES[head.operation].decode_chunk
        if decode_chunk is None:
            raise Fault(Kind.UNSUPPORTED, f"{head.operation} calls have no stream; ask without `stream`")
        plain = body.takes_json
        return OpenAIStream(decode_chunk, binding, self._terminal, _choices(body, binding), plain=plain)

    # -- faults --

    def error(self, reply: WireReply) -> UpstreamError:
        return error_of(reply.body)


class OpenAIStream:
    """Decodes one stream.

    It is complete on `[DONE]`, or, where a server leaves that out, at a clean end after every choice that
    was asked for has finished. Everything else is a cut, however orderly the connection closed.
    """

    __slots__ = ("_binding", "_choices", "_decode", "_done", "_ended", "_plain", "_seen", "_terminal")

    def __init__(
        self,
        decode: Callable[[bytes], Message],
        binding: Binding,
        terminal: Terminal,
        choices: int,
        *,
        plain: bool = False,
    ) -> None:
        """`choices`: how many were asked for. `plain`: after the first chunk, those that are so stay JSON."""
        self._plain = plain
        self._decode = decode
        self._choices = choices
        self._binding = binding
        self._terminal = terminal
        self._done = False
        self._seen: set[int] = set()  # choices that have appeared
        self._ended: set[int] = set()  # choices that have given a finish reason

    def feed(self, event: Event) -> Sequence[openai_wire.Chunk]:
        data = event.data
        if self._done or not data:
            return ()
        if data.startswith(b"[DONE]"):
            self._done = True
            return ()
        # Inside a JSON string the quotes are escaped, so this finds only a member or a value of that name.
        if b'"error"' in data or event.type == "error":
            raise_error(data, named_error=event.type == "error")
        if self._plain and self._seen and (short := openai_wire.plain_chunk(data)) is not None:
            for going in short.choices:
                self._seen.add(going.index)
            return (short,)
        chunk = self._decode(data)
        choices = chunk.choices  # type: ignore[attr-defined]  # both chunk types have choices
        if not choices:
            raise_error(data)
            return (chunk,)
        for choice in choices:
            self._seen.add(choice.index)
            if choice.finish_reason or choice.finish_reason_text:
                self._ended.add(choice.index)
        return (chunk,)

    def finish(self) -> Sequence[Message]:
        if self._done and not self._seen:
            raise unread(self._binding, "ended its stream without an answer in it")
        all_ended = self._seen == self._ended and len(self._ended) >= self._choices
        complete = self._seen and (self._terminal == "eof" or all_ended)
        if not self._done and not complete:
            raise cut(self._binding)
        return ()

    @property
    def finished(self) -> bool:
        return self._done


def stream_kind(headers: Mapping[str, str]) -> Literal["sse", "json"]:
    """How the 200 answer to a stream request is to be read.

    "json": the server ignored `stream`; the engine reads the whole body, hands it to the dialect's `decode`
    and gives the reply split into chunks. Raises Fault(UPSTREAM_PROTOCOL) on any other type, such as a
    login page. An answer that names no type is taken at its word that it streams.
    """
    match content_type(headers):
        case "text/event-stream" | "application/vnd.amazon.eventstream" | "":
            return "sse"
        case "application/json":
            return "json"
        case other:
            raise Fault(
                Kind.UPSTREAM_PROTOCOL,
                f"the provider answered with content type {other!r}, not a stream; check its apiBase",
            )


# -- requests, in parts --


@lru_cache(maxsize=1024)
def _url(base: str, path: str) -> str:
    """The endpoint; a query that the base carries (`?api-version=...`) stays at the end."""
    root, question, query = base.partition("?")
    return f"{root.rstrip('/')}{path}{question}{query}"


def _reasons(request: chat_pb2.ChatRequest, binding: Binding, params: Mapping[str, bytes]) -> bool:
    """Whether the model is asked to reason. Mistral's Magistral always does, and takes no effort."""
    asked = b'"%s"' % request.reasoning_effort.encode() if request.reasoning_effort else b""
    effort = params.get("reasoning_effort") or asked or binding.defaults.get("reasoning_effort", b"null")
    return effort not in (b'"none"', b"null") or "magistral" in binding.model


def _choices(body: Body[Message], binding: Binding) -> int:
    """How many choices a stream will have: `n` for each prompt."""
    plain = body.plain()
    request = body.message() if plain is None else None
    configured = own_of(binding, stream=True).get("n")
    asked = _n(request) if plain is None else plain.n
    raw = configured or (b"%d" % asked if asked is not None else binding.defaults.get("n", b"1"))
    each = int(raw) if raw.isdigit() and len(raw) < 6 else 1  # what else it is, the provider says
    if not isinstance(request, completion_pb2.CompletionRequest):
        return each
    prompt = request.prompt
    return each * max(1, len(prompt.texts.texts), len(prompt.token_lists.lists))


def _n(request: Message | None) -> int | None:
    assert isinstance(request, _Streamed)
    return request.n if request.HasField("n") else None


def _asking(options: Mapping[str, object]) -> bytes:
    """The given stream_options, and usage asked for."""
    return msgspec.json.encode({**options, "include_usage": True}) if options else _ASK_USAGE


def _given(request: Message | None) -> Mapping[str, object] | None:
    """The caller's stream_options."""
    assert isinstance(request, _Streamed)
    if not request.HasField("stream_options"):
        return None
    options = request.stream_options
    members: dict[str, object] = {**_members(options.extra_json.encode())}
    if options.HasField("include_obfuscation"):
        members["include_obfuscation"] = options.include_obfuscation
    return members


def _without_options(request: Message) -> Message:
    assert isinstance(request, _Streamed)
    bare = copy.deepcopy(request)  # a received message is never changed
    bare.ClearField("stream_options")
    return bare


def _members(raw: bytes) -> dict[str, msgspec.Raw]:
    """The members of a JSON object, their values as they stand; none for anything else."""
    try:
        return msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except msgspec.MsgspecError:
        return {}
