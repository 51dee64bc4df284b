"""The whole reply that a stream's chunks add up to, and the text in a chunk.

The gateway's own fold (switch_grpc.openai_wire) merges raw JSON as well, with a parser that a client need not
have; here the last raw JSON of a field stands. All that has a field of its own comes out the same.
"""

from collections.abc import Iterable

from google.protobuf.message import Message as ProtoMessage

from switch_grpc.v1.chat_pb2 import (
    FINISH_REASON_UNSPECIFIED,
    ROLE_UNSPECIFIED,
    ChatChunk,
    ChatResponse,
    Choice,
    ChunkChoice,
    Delta,
    FunctionCall,
    Message,
    ToolCall,
    ToolCallDelta,
)
from switch_grpc.v1.completion_pb2 import CompletionChoice, CompletionChunk, CompletionResponse


def text_in(chunk: ChatChunk | CompletionChunk, index: int) -> str:
    """What a chunk adds to the text of one choice; "" for nothing."""
    if isinstance(chunk, ChatChunk):
        return "".join(choice.delta.content for choice in chunk.choices if choice.index == index)
    return "".join(choice.text for choice in chunk.choices if choice.index == index)


def fold_chat(chunks: Iterable[ChatChunk]) -> ChatResponse:
    """The reply of a complete stream: texts appended, facts from the last chunk that has them."""
    reply, texts = ChatResponse(), _Texts()
    choices: dict[int, Choice] = {}
    calls: dict[tuple[int, int], ToolCall] = {}  # by index of choice and of call
    for chunk in chunks:
        _add_envelope(reply, chunk)
        if chunk.HasField("service_tier"):
            reply.service_tier = chunk.service_tier
        for piece in chunk.choices:
            choice = choices.setdefault(piece.index, Choice(index=piece.index))
            _add_delta(choice.message, piece.delta, texts)
            _add_finish(choice, piece)
            if piece.HasField("logprobs"):
                choice.logprobs.MergeFrom(piece.logprobs)  # lists are appended
            for call in piece.delta.tool_calls:
                _add_call(calls.setdefault((piece.index, call.index), ToolCall()), call, texts)
    texts.write()
    for index, choice in sorted(choices.items()):
        choice.message.tool_calls.extend(calls[key] for key in sorted(calls) if key[0] == index)
        reply.choices.append(choice)
    return reply


def fold_completion(chunks: Iterable[CompletionChunk]) -> CompletionResponse:
    """The same for text completion; the legacy log probabilities are the last chunk's that has them."""
    reply, texts = CompletionResponse(), _Texts()
    choices: dict[int, CompletionChoice] = {}
    for chunk in chunks:
        _add_envelope(reply, chunk)
        for piece in chunk.choices:
            choice = choices.setdefault(piece.index, CompletionChoice(index=piece.index))
            texts.add(choice, "text", piece.text)
            _add_finish(choice, piece)
            if piece.HasField("logprobs_json"):
                choice.logprobs_json = piece.logprobs_json
    texts.write()
    reply.choices.extend(choice for _, choice in sorted(choices.items()))
    return reply


class _Texts:
    """Text fields under construction, joined once: protobuf keeps every stage of one that grows by `+=`."""

    def __init__(self) -> None:
        self._pieces: dict[tuple[int, str], tuple[ProtoMessage, list[str]]] = {}

    def add(self, message: ProtoMessage, field: str, text: str) -> None:
        self._pieces.setdefault((id(message), field), (message, []))[1].append(text)

    def add_set(self, message: ProtoMessage, piece: ProtoMessage, *fields: str) -> None:
        """Those of the optional fields that `piece` has."""
        for field in fields:
            if piece.HasField(field):
                self.add(message, field, getattr(piece, field))

    def write(self) -> None:
        for (_, field), (message, pieces) in self._pieces.items():
            setattr(message, field, "".join(pieces))


def _add_envelope(reply: ChatResponse | CompletionResponse, chunk: ChatChunk | CompletionChunk) -> None:
    reply.id = reply.id or chunk.id
    reply.created = reply.created or chunk.created
    reply.model = reply.model or chunk.model
    reply.extra_json = chunk.extra_json or reply.extra_json
    if chunk.HasField("usage"):
        reply.usage.CopyFrom(chunk.usage)
    if chunk.HasField("system_fingerprint"):
        reply.system_fingerprint = chunk.system_fingerprint
    if chunk.HasField("route_info"):
        reply.route_info.CopyFrom(chunk.route_info)


def _add_finish(choice: Choice | CompletionChoice, piece: ChunkChoice | CompletionChoice) -> None:
    if piece.finish_reason != FINISH_REASON_UNSPECIFIED:
        choice.finish_reason = piece.finish_reason
    choice.finish_reason_text = piece.finish_reason_text or choice.finish_reason_text
    choice.extra_json = piece.extra_json or choice.extra_json


def _add_delta(message: Message, delta: Delta, texts: _Texts) -> None:
    if message.role == ROLE_UNSPECIFIED:
        message.role = delta.role
    message.role_text = message.role_text or delta.role_text
    message.extra_json = delta.extra_json or message.extra_json
    texts.add_set(message, delta, "content", "refusal", "reasoning")
    if delta.HasField("audio"):
        texts.add_set(message.audio, delta.audio, "data", "transcript")
        if delta.audio.HasField("id"):
            message.audio.id = delta.audio.id
        if delta.audio.HasField("expires_at"):
            message.audio.expires_at = delta.audio.expires_at
    if delta.HasField("function_call"):
        _add_function(message.function_call, delta.function_call, texts)
    if delta.HasField("annotations_json"):
        message.annotations_json = delta.annotations_json


def _add_function(call: FunctionCall, piece: FunctionCall, texts: _Texts) -> None:
    call.name = call.name or piece.name
    call.extra_json = piece.extra_json or call.extra_json
    texts.add(call, "arguments", piece.arguments)


def _add_call(call: ToolCall, piece: ToolCallDelta, texts: _Texts) -> None:
    call.id = call.id or piece.id
    call.extra_json = piece.extra_json or call.extra_json
    if piece.HasField("function"):
        _add_function(call.function, piece.function, texts)
    if piece.HasField("custom"):
        call.custom.name = call.custom.name or piece.custom.name
        call.custom.extra_json = piece.custom.extra_json or call.custom.extra_json
        texts.add(call.custom, "input", piece.custom.input)
