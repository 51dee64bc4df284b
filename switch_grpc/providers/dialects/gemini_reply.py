"""Answers of generateContent: a whole one is what a stream of one event folds to.

- A function call comes whole. One without an id gets one that its content decides.
- Text parts with `thought` are reasoning. Signatures, and parts that OpenAI's message has no place for
  (executed code, generated media, Google's own tools), come as `extra_content.google` of the call or of the
  message, where Google's compatible endpoint puts them, with the message's on the last chunk. `parts` there
  is the whole content, for gemini_contents to send back.
- Members that have no place in OpenAI's vocabulary keep Gemini's name one level out: those of a candidate on
  the choice, of usageMetadata on the usage, of the answer on the answer.
- Usage is cumulative: what came last is told once, at the end.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec
from google.protobuf.message import Message

from switch_grpc.providers.dialects.base import Binding, Event
from switch_grpc.providers.dialects.broken import cut, unread
from switch_grpc.providers.dialects.gemini_error import raise_blocked, raise_error
from switch_grpc.providers.dialects.members import UNREADABLE, checked
from switch_grpc.v1 import chat_pb2 as pb

Document = Mapping[str, Any]  # of Gemini
Fields = dict[str, Any]  # of a message

_STOP: Final = "STOP"
_UNSPECIFIED: Final = "FINISH_REASON_UNSPECIFIED"
# Whatever a filter decided. Other reasons are told as Gemini spells them.
_FILTERED: Final = frozenset(
    {
        *("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "LANGUAGE", "MODEL_ARMOR"),
        *("IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "ESCALATION"),
    }
)
_TEXT_MEMBERS: Final = frozenset({"text", "thought", "thoughtSignature"})
_CALL_MEMBERS: Final = frozenset({"functionCall", "thought", "thoughtSignature"})
_CANDIDATE: Final = frozenset({"content", "finishReason", "index", "logprobsResult"})
_ANSWER: Final = frozenset(
    {"candidates", "usageMetadata", "modelVersion", "responseId", "createTime", "error"}
)
_COUNTS: Final = frozenset(
    {
        *("promptTokenCount", "candidatesTokenCount", "totalTokenCount"),
        *("thoughtsTokenCount", "cachedContentTokenCount"),
    }
)
_PROMPT_KINDS: Final = {"TEXT": "text_tokens", "IMAGE": "image_tokens", "AUDIO": "audio_tokens"}
_COMPLETION_KINDS: Final = {"TEXT": "text_tokens", "AUDIO": "audio_tokens"}
_COUNT_LIMIT: Final = 1 << 53  # so that the sum of a few is a count too
_INDEX_LIMIT: Final = 1 << 16


class _Function(msgspec.Struct):
    args: msgspec.Raw = msgspec.Raw(b"{}")


class _Part(msgspec.Struct):
    call: _Function | None = msgspec.field(default=None, name="functionCall")


class _Content(msgspec.Struct):
    parts: list[_Part] | None = None


class _Candidate(msgspec.Struct):
    content: _Content = msgspec.field(default_factory=_Content)


class _Answer(msgspec.Struct):
    candidates: list[_Candidate] = []


# Only the arguments, as Gemini wrote them: numbers keep their spelling.
_arguments_in: Final = msgspec.json.Decoder(_Answer).decode
_decode: Final = msgspec.json.Decoder().decode
_encode: Final = msgspec.json.Encoder().encode


def decode_chat(data: bytes, binding: Binding) -> pb.ChatResponse:
    """A whole answer. Raises as `GeminiStream` does."""
    stream = GeminiStream(binding)
    read = stream.read(data)
    usage = stream.end()
    choices = []
    for choice in read.choices:
        message = choice.pop("delta")
        for call in message.get("tool_calls", ()):
            del call["index"]
        choices.append(pb.Choice(message=message, **choice))
    reply = pb.ChatResponse(**read.header, choices=choices, usage=usage)
    if read.extra:
        reply.extra_json = _encode(read.extra).decode()
    return reply


class _Read(NamedTuple):
    """What one event says."""

    header: Fields
    choices: list[Fields]  # of a ChunkChoice each
    extra: Document  # of the answer: members that have no field


class GeminiStream:
    """Decodes one stream. It is complete at its clean end, once every candidate that began has finished.

    Nothing marks the end but the end: the last event may give grounding or usage after the finish reason.
    """

    __slots__ = ("_answers", "_binding", "_header", "_usage")

    def __init__(self, binding: Binding) -> None:
        self._binding = binding
        self._answers: dict[int, _Choice] = {}
        self._header: Fields = {}
        self._usage: Document | None = None

    def feed(self, event: Event) -> Sequence[Message]:
        if not event.data:
            return ()
        read = self.read(event.data)
        if not read.choices and not read.extra:
            return ()
        chunk = pb.ChatChunk(**read.header, choices=[pb.ChunkChoice(**choice) for choice in read.choices])
        if read.extra:
            chunk.extra_json = _encode(read.extra).decode()
        return (chunk,)

    def finish(self) -> Sequence[Message]:
        usage = self.end()
        return () if usage is None else (pb.ChatChunk(**self._header, usage=usage),)

    @property
    def finished(self) -> bool:
        return False

    def read(self, data: bytes) -> _Read:
        """What one event, or a whole answer, says.

        Raises Fault(UPSTREAM_PROTOCOL) on what it cannot read, UpstreamFailure on an error and on a prompt
        that was blocked.
        """
        try:
            return self._read(_document(data), data)
        except _Misfit as misfit:
            raise unread(self._binding, f"gave an answer that cannot be read: {misfit}") from misfit

    def end(self) -> pb.Usage | None:
        """The usage, if any came.

        Raises Fault(STREAM_INTERRUPTED) where an answer has not ended, Fault(UPSTREAM_PROTOCOL) where none
        began.
        """
        if not self._answers:
            raise unread(self._binding, "gave an answer without a candidate")
        if not all(choice.ended for choice in self._answers.values()):
            raise cut(self._binding)
        try:
            return None if self._usage is None else _usage(self._usage)
        except _Misfit as misfit:
            raise unread(self._binding, f"gave a usage that cannot be read: {misfit}") from misfit

    def _read(self, document: Document, data: bytes) -> _Read:
        if "error" in document:
            raise_error(document)
        candidates = _list(document, "candidates")
        if not candidates and not self._answers:
            raise_blocked(_object(document, "promptFeedback"))
        if not self._header:
            self._header = _header(document, self._binding)
        self._usage = _object(document, "usageMetadata") or self._usage
        texts = _texts_of_calls(data) if b'"functionCall"' in data else ()
        choices = []
        for position, candidate in enumerate(candidates):
            if not isinstance(candidate, dict):
                raise _Misfit(f"candidates[{position}] is no object")
            index = _count(candidate, "index", limit=_INDEX_LIMIT) or 0
            answer = self._answers.get(index)
            if answer is None:
                answer = self._answers[index] = _Choice(index, self._header["id"])
            choices.append(answer.add(candidate, texts[position] if texts else ()))
        extra = {name: value for name, value in document.items() if name not in _ANSWER}
        return _Read(self._header, choices, extra)


class _Choice:
    """One candidate, as far as it has come."""

    __slots__ = ("_calls", "_foreign", "_index", "_parts", "_seed", "_signature", "ended")

    def __init__(self, index: int, seed: str) -> None:
        self._index = index
        self._seed = seed  # the answer's id
        self._calls = 0
        self._parts: list[Document] = []
        self._foreign = False  # one of them has no place in OpenAI's message
        self._signature: str = ""
        self.ended = False

    def add(self, candidate: Document, arguments: Sequence[str]) -> Fields:
        """What one event adds: fields of a ChunkChoice. `arguments` are those of its calls, in order."""
        delta: Fields = {}
        if not self._parts and not self.ended:
            delta["role"] = pb.ROLE_ASSISTANT
        calls = iter(arguments)
        for part in _list(_object(candidate, "content"), "parts"):
            if not isinstance(part, dict):
                raise _Misfit("a part is no object")
            self._add_part(part, delta, calls)
        choice: Fields = {"index": self._index, "delta": delta}
        reason = _string(candidate, "finishReason")
        extra = {name: value for name, value in candidate.items() if name not in _CANDIDATE}
        if reason and reason != _UNSPECIFIED:
            choice |= self._finish(reason, delta, extra)
        if "logprobsResult" in candidate:
            choice["logprobs"] = {"content": list(_logprobs(_object(candidate, "logprobsResult")))}
        if extra:
            choice["extra_json"] = _encode(extra)
        return choice

    def _add_part(self, part: Document, delta: Fields, arguments: Iterator[str]) -> None:
        self._parts.append(part)
        members = part.keys()
        if "text" in members and members <= _TEXT_MEMBERS:
            name = "reasoning" if part.get("thought") is True else "content"
            text = _string(part, "text")
            # An empty text is an answer, but not after calls, which Gemini likes to end with one.
            if text or (name == "content" and not self._calls):
                delta[name] = delta.get(name, "") + text
            self._signature = _string(part, "thoughtSignature") or self._signature
        elif part.get("functionCall") is not None:
            delta.setdefault("tool_calls", []).append(self._call(part, next(arguments, "{}")))
            self._foreign = self._foreign or not members <= _CALL_MEMBERS
        elif members <= _TEXT_MEMBERS:
            self._signature = _string(part, "thoughtSignature") or self._signature
        else:
            self._foreign = True

    def _call(self, part: Document, arguments: str) -> Fields:
        called = _object(part, "functionCall")
        name = _string(called, "name")
        call: Fields = {
            "index": self._calls,
            "id": _string(called, "id") or self._id_of(name, arguments),
            "function": {"name": name, "arguments": arguments},
        }
        self._calls += 1
        if signature := _string(part, "thoughtSignature"):
            call["extra_json"] = _encode({"extra_content": {"google": {"thought_signature": signature}}})
        return call

    def _id_of(self, name: str, arguments: str) -> str:
        text = f"{self._seed}\0{self._index}\0{self._calls}\0{name}\0{arguments}"
        return f"call_{hashlib.sha256(text.encode()).hexdigest()[:24]}"

    def _finish(self, reason: str, delta: Fields, extra: Fields) -> Fields:
        self.ended = True
        google: Fields = {}
        if self._signature:
            google["thought_signature"] = self._signature
        if self._foreign:
            google["parts"] = self._parts
        if google:
            delta["extra_json"] = _encode({"extra_content": {"google": google}})
        if reason == _STOP:
            calls = pb.FINISH_REASON_TOOL_CALLS if self._calls else pb.FINISH_REASON_STOP
            return {"finish_reason": calls}
        if reason == "MAX_TOKENS":
            return {"finish_reason": pb.FINISH_REASON_LENGTH}
        if reason in _FILTERED:
            extra["native_finish_reason"] = reason
            return {"finish_reason": pb.FINISH_REASON_CONTENT_FILTER}
        return {"finish_reason_text": reason}


# -- parts of an answer --


def _header(document: Document, binding: Binding) -> Fields:
    header: Fields = {
        "id": _string(document, "responseId"),
        "model": _string(document, "modelVersion") or binding.model,
    }
    created = _string(document, "createTime")
    if created:
        try:
            header["created"] = max(0, int(datetime.fromisoformat(created).timestamp()))
        except (ValueError, OverflowError):
            pass  # the time that it came will do
    return header


def _usage(document: Document) -> pb.Usage:
    """Prompts of Google's own tools count as prompt, thoughts as completion: Google's total does so."""
    prompt = _count(document, "promptTokenCount") or 0
    tools = _count(document, "toolUsePromptTokenCount") or 0
    answer = _count(document, "candidatesTokenCount") or 0
    thoughts = _count(document, "thoughtsTokenCount")
    cached = _count(document, "cachedContentTokenCount")
    spent = prompt + tools
    said = answer + (thoughts or 0)
    total = _count(document, "totalTokenCount")
    extra = {name: value for name, value in document.items() if name not in _COUNTS}
    usage = pb.Usage(
        prompt_tokens=spent, completion_tokens=said, total_tokens=spent + said if total is None else total
    )
    details: Fields = _modalities(extra, "promptTokensDetails", _PROMPT_KINDS)
    if cached is not None:
        details["cached_tokens"] = cached
    if details:
        usage.prompt_tokens_details.CopyFrom(pb.Usage.PromptTokens(**details))
    details = _modalities(extra, "candidatesTokensDetails", _COMPLETION_KINDS)
    if thoughts is not None:
        details["reasoning_tokens"] = thoughts
    if details:
        usage.completion_tokens_details.CopyFrom(pb.Usage.CompletionTokens(**details))
    if extra:
        usage.extra_json = _encode(extra).decode()
    return usage


def _modalities(extra: Fields, name: str, kinds: Mapping[str, str]) -> Fields:
    """Token counts by kind; the list stays in `extra` where it tells more than that."""
    counts: Fields = {}
    whole = True
    for row in _list(extra, name):
        if not isinstance(row, dict):
            raise _Misfit(f"a row of {name} is no object")
        kind = kinds.get(_string(row, "modality"))
        if kind is None or kind in counts:
            whole = False
        else:
            counts[kind] = _count(row, "tokenCount") or 0
    if whole:
        extra.pop(name, None)
    return counts


def _logprobs(result: Document) -> Iterator[pb.TokenLogProb]:
    tops = _list(result, "topCandidates")
    for number, chosen in enumerate(_list(result, "chosenCandidates")):
        token = _token(chosen)
        top = tops[number] if number < len(tops) else None
        if isinstance(top, dict):
            token.top_logprobs.extend(map(_token, _list(top, "candidates")))
        yield token


def _token(value: object) -> pb.TokenLogProb:
    if not isinstance(value, dict):
        raise _Misfit("a token is no object")
    chance = value.get("logProbability", 0.0)
    if not isinstance(chance, int | float):
        raise _Misfit("a logProbability is no number")
    try:
        logprob = float(chance)
    except OverflowError as error:
        raise _Misfit("a logProbability is out of range") from error
    token = pb.TokenLogProb(token=_string(value, "token"), logprob=logprob)
    extra = {name: more for name, more in value.items() if name not in ("token", "logProbability")}
    if extra:
        token.extra_json = _encode(extra).decode()
    return token


# -- reading --


class _Misfit(ValueError):
    """An answer that is not of Gemini's shape; the text says where."""


def _document(data: bytes) -> Document:
    try:
        document = _decode(checked(data))
    except UNREADABLE as error:
        raise _Misfit("it is not JSON, or past all bounds") from error
    if isinstance(document, list):  # an error may come as the one row of a list
        raise_error(document)
    if not isinstance(document, dict):
        raise _Misfit("it is no JSON object")
    return document


def _texts_of_calls(data: bytes) -> Sequence[Sequence[str]]:
    """By candidate, the arguments of its calls: JSON text in one line, as Gemini spelt it."""
    try:
        answer = _arguments_in(data)
        return [
            [
                msgspec.json.format(bytes(part.call.args), indent=-1).decode()
                for part in candidate.content.parts or ()
                if part.call is not None
            ]
            for candidate in answer.candidates
        ]
    except (msgspec.MsgspecError, RecursionError) as error:
        raise _Misfit("a function call is malformed") from error


def _object(document: Document, name: str) -> Document:
    value = document.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _Misfit(f"{name} is no object")
    return value


def _list(document: Document, name: str) -> Sequence[Any]:
    value = document.get(name)
    if value is None:
        return ()
    if not isinstance(value, list):
        raise _Misfit(f"{name} is no list")
    return value


def _string(document: Document, name: str) -> str:
    value = document.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _Misfit(f"{name} is no text")
    return value


def _count(document: Document, name: str, *, limit: int = _COUNT_LIMIT) -> int | None:
    value = document.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < limit:
        raise _Misfit(f"{name} is no count")
    return value
