"""Legacy text completion on a target that only chats: each prompt becomes one user message.

A list of prompts is one wire request each; choice `c` of prompt `p` gets index `p * n + c`, as a completions
endpoint numbers them. What a chat cannot do is refused by name, so that another target may. What a completion
has no place for (reasoning, roles) is left out of its answer; a refusal is the answer's text.
"""

from collections.abc import Iterable, Sequence
from typing import Final, cast

from google.protobuf.message import Message
from msgspec.structs import replace

from switch_grpc.faults import Fault, Kind, bad_request
from switch_grpc.providers.dialects.base import (
    Binding,
    Dialect,
    Event,
    Framing,
    StreamDecoder,
    UpstreamError,
    WireReply,
    WireRequest,
)
from switch_grpc.request import Body, Head, MessageBody, Operation
from switch_grpc.v1 import chat_pb2, completion_pb2

# Each prompt is a whole call to the provider: a bound on what one call may cost.
PROMPT_LIMIT: Final = 128

_SHARED: Final = (
    "temperature",
    "top_p",
    "frequency_penalty",
    "presence_penalty",
    "max_tokens",
    "n",
    "logit_bias_json",
    "seed",
    "stop",
    "stream_options",
    "user",
)


class TextAsChat:
    """A dialect around one that chats: serves COMPLETE by CHAT, and leaves the other operations to it."""

    __slots__ = ("_chat",)

    def __init__(self, chat: Dialect) -> None:
        self._chat = chat

    def encode(self, head: Head, body: Body[Message], binding: Binding) -> Sequence[WireRequest]:
        if head.operation is not Operation.COMPLETE:
            return self._chat.encode(head, body, binding)
        chat = replace(head, operation=Operation.CHAT)
        return [
            wire
            for request in _chat_requests(_completion(body), binding)
            for wire in self._chat.encode(chat, MessageBody[Message](request), binding)
        ]

    def decode(self, operation: Operation, replies: Sequence[WireReply], binding: Binding) -> Message:
        if operation is not Operation.COMPLETE:
            return self._chat.decode(operation, replies, binding)
        parts = [self._chat.decode(Operation.CHAT, [reply], binding) for reply in replies]
        return _completion_response([part for part in parts if isinstance(part, chat_pb2.ChatResponse)])

    def framing(self) -> Framing:
        return self._chat.framing()

    def decoder(self, head: Head, body: Body[Message], binding: Binding) -> StreamDecoder:
        if head.operation is not Operation.COMPLETE:
            return self._chat.decoder(head, body, binding)
        request = _completion(body)
        chat = replace(head, operation=Operation.CHAT)
        return _TextStream(
            [self._chat.decoder(chat, body, binding) for _ in _prompts(request, binding)], request.n or 1
        )

    def error(self, reply: WireReply) -> UpstreamError:
        return self._chat.error(reply)


class _TextStream:
    """Decodes the chat streams of the prompts, one after the other, as one completion.

    Usage is held back and comes once, summed, in a last chunk.
    """

    __slots__ = ("_decoders", "_first", "_part", "_stride", "_usages")

    def __init__(self, decoders: Sequence[StreamDecoder], stride: int) -> None:
        self._decoders = decoders
        self._stride = stride
        self._part = 0
        self._usages: dict[int, chat_pb2.Usage] = {}  # by part; the last that a part reports is its whole
        self._first: chat_pb2.ChatChunk | None = None

    def feed(self, event: Event) -> Sequence[Message]:
        # Asked with messages, the chat decoders answer with messages.
        return self._converted(cast("Sequence[Message]", self._decoders[self._part].feed(event)))

    def finish(self) -> Sequence[Message]:
        chunks = self._converted(self._decoders[self._part].finish())
        if self._part + 1 < len(self._decoders):
            self._part += 1
        elif self._usages:
            last = self._chunk()
            last.usage.CopyFrom(_sum(self._usages.values()))
            chunks.append(last)
        return chunks

    @property
    def finished(self) -> bool:
        """Of the wire request whose stream is being fed."""
        return self._decoders[self._part].finished

    def _converted(self, chunks: Sequence[Message]) -> list[Message]:
        converted: list[Message] = []
        for chunk in chunks:
            assert isinstance(chunk, chat_pb2.ChatChunk)
            self._first = self._first or chunk
            if chunk.HasField("usage"):
                self._usages[self._part] = chunk.usage
            choices = [choice for choice in chunk.choices if _says_something(choice)]
            if not choices:
                continue
            text = self._chunk()
            for choice in choices:
                text.choices.add(
                    index=self._part * self._stride + choice.index,
                    text=choice.delta.content or choice.delta.refusal,
                    finish_reason=choice.finish_reason,
                    finish_reason_text=choice.finish_reason_text,
                )
            converted.append(text)
        return converted

    def _chunk(self) -> completion_pb2.CompletionChunk:
        """An empty chunk; all parts carry the name and time of the first, for they are one completion."""
        first = self._first
        assert first is not None
        chunk = completion_pb2.CompletionChunk(id=first.id, created=first.created, model=first.model)
        if first.HasField("system_fingerprint"):
            chunk.system_fingerprint = first.system_fingerprint
        return chunk


def _says_something(choice: chat_pb2.ChunkChoice) -> bool:
    return bool(
        choice.delta.content or choice.delta.refusal or choice.finish_reason or choice.finish_reason_text
    )


def _completion(body: Body[Message]) -> completion_pb2.CompletionRequest:
    request = body.message()
    assert isinstance(request, completion_pb2.CompletionRequest)
    return request


def _chat_requests(
    request: completion_pb2.CompletionRequest, binding: Binding
) -> Iterable[chat_pb2.ChatRequest]:
    _refuse_what_chat_cannot(request, binding)
    shared = chat_pb2.ChatRequest(route=request.route, extra_json=request.extra_json)
    for name in _SHARED:
        if request.HasField(name):
            value = getattr(request, name)
            if isinstance(value, Message):
                getattr(shared, name).CopyFrom(value)
            else:
                setattr(shared, name, value)
    for prompt in _prompts(request, binding):
        chat = chat_pb2.ChatRequest()
        chat.CopyFrom(shared)
        chat.messages.add(role=chat_pb2.ROLE_USER, content=prompt)
        yield chat


def _prompts(request: completion_pb2.CompletionRequest, binding: Binding) -> Sequence[str]:
    """At least one. Raises Fault(BAD_REQUEST) without any, Fault(CAPABILITY) on tokens and on too many."""
    match request.prompt.WhichOneof("kind"):
        case "text":
            return [request.prompt.text]
        case "texts" if request.prompt.texts.texts:
            texts = request.prompt.texts.texts
            if len(texts) > PROMPT_LIMIT:
                raise _cannot(
                    "prompt", binding, f"{len(texts)} prompts in one call; send at most {PROMPT_LIMIT}"
                )
            return texts
        case "tokens" | "token_lists":
            raise _cannot("prompt", binding, "token arrays; send text")
        case _:
            raise bad_request("prompt", "is missing; give a string or a list of strings")


def _refuse_what_chat_cannot(request: completion_pb2.CompletionRequest, binding: Binding) -> None:
    if request.echo:
        raise _cannot("echo", binding, "`echo`")
    if request.best_of > 1:
        raise _cannot("best_of", binding, "`best_of`")
    if request.suffix:
        raise _cannot("suffix", binding, "`suffix`")
    if request.HasField("logprobs"):
        raise _cannot("logprobs", binding, "the `logprobs` of text completions")


def _cannot(param: str, binding: Binding, what: str) -> Fault:
    return Fault(
        Kind.CAPABILITY,
        f"{param}: target {binding.target!r} ({binding.provider}) only chats, which cannot do {what}",
        param=param,
        code="unsupported_parameter",
        target=binding.target,
    )


def _completion_response(parts: Sequence[chat_pb2.ChatResponse]) -> completion_pb2.CompletionResponse:
    first = parts[0]
    reply = completion_pb2.CompletionResponse(
        id=first.id, created=first.created, model=first.model, extra_json=first.extra_json
    )
    if first.HasField("system_fingerprint"):
        reply.system_fingerprint = first.system_fingerprint
    stride = max(len(part.choices) for part in parts)  # n, where the provider gave what was asked
    for number, part in enumerate(parts):
        for choice in part.choices:
            reply.choices.add(
                index=number * stride + choice.index,
                text=_text_of(choice.message),
                finish_reason=choice.finish_reason,
                finish_reason_text=choice.finish_reason_text,
            )
    usages = [part.usage for part in parts if part.HasField("usage")]
    if usages:
        reply.usage.CopyFrom(_sum(usages))
    return reply


def _text_of(message: chat_pb2.Message) -> str:
    if message.parts:
        return "".join(part.text for part in message.parts)
    return message.content or message.refusal


def _sum(usages: Iterable[chat_pb2.Usage]) -> chat_pb2.Usage:
    """Of the counts; what else a provider reports is kept from the first."""
    total: chat_pb2.Usage | None = None
    for usage in usages:
        if total is None:
            total = chat_pb2.Usage()
            total.CopyFrom(usage)
        else:
            _add(total, usage)
    return total or chat_pb2.Usage()


def _add(total: Message, more: Message) -> None:
    for field, value in more.ListFields():
        if isinstance(value, Message):
            _add(getattr(total, field.name), value)
        elif isinstance(value, int):
            setattr(total, field.name, getattr(total, field.name) + value)
