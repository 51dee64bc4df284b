"""Earlier answers on their way to another OpenAI-compatible vendor than gave them.

A client sends an answer back as it got it, with members that only its maker understands: signed thinking,
blocks that OpenAI has no form for, reasoning under one of three names. Some vendors refuse what they do not
know (400 "property 'reasoning_content' is unsupported", 422 `extra_forbidden`), and a signature means nothing
to anybody but its maker. So each vendor's row has a `History`, and its messages are fitted to that:

    members in KNOWN       left out where the vendor does not take them
    reasoning              under the name that the vendor reads, or left out
    ids of calls           spelt as the vendor takes them, alike for a call and its result
    a refusal, a voice     as text where the vendor has no place for it
    pictures in results    shown by the user where the vendor takes none (see result_media)
    null and []            left out: they say nothing, and OpenAI refuses `"tool_calls": null`

A member that is in no list passes as it is. The other dialects have no such list: what they do not know never
reaches their wire.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec
from msgspec import Raw

from switch_grpc.providers.dialects.calls import nine_id, short_id
from switch_grpc.providers.dialects.members import NULL, Members, encode, members_of, text_of
from switch_grpc.providers.dialects.result_media import shown_by_user
from switch_grpc.request import Plain
from switch_grpc.v1 import chat_pb2 as pb

# What OpenAI's own answers have beside text and calls.
OPENAIS: Final = frozenset({"name", "refusal", "audio", "function_call"})
KNOWN: Final = frozenset(
    {
        *OPENAIS,
        "annotations",
        *("thinking_blocks", "content_blocks"),  # Anthropic's, by our dialect or by LiteLLM
        *("caller", "toolset_name"),  # Anthropic's, on a call
        "converse_blocks",  # Bedrock's, by our dialect
        "extra_content",  # Google's thought signatures, on a message or a call
        "reasoning_details",  # OpenRouter's, signatures among them
        "provider_specific_fields",  # LiteLLM's
        "executed_tools",  # Groq's
        "is_error",  # Anthropic's, on a result
        "cache_control",  # Anthropic's, on anything
        *("parsed", "parsed_arguments"),  # of OpenAI's client, in what it read of a stream
    }
)
_NOTHING: Final = (NULL, Raw(b"[]"))
# Members of an answer that are no more than absent when they are null or empty.
_VAGUE: Final = KNOWN | {"tool_calls", "reasoning", "reasoning_content"}
_PLACES: Final = re.compile("|".join(f'"{name}"' for name in sorted(_VAGUE)))

Spell = Callable[[str], str]
_SPELLINGS: Final[dict[str, Spell]] = {"short": short_id, "nine": nine_id}


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What a vendor takes of earlier answers."""

    takes: frozenset[str] | None = OPENAIS  # of KNOWN; None: anything, all as it came
    # The names that it reads reasoning by; "thinking" is a part of the content, as Mistral has it.
    reasoning: tuple[Literal["reasoning_content", "reasoning", "thinking"], ...] = ()
    if_asked: bool = False  # reasoning only where the call asks for some: its other models refuse it
    owes_reasoning: bool = False  # refuses an answer with calls and without reasoning, be it empty
    result_media: bool = False  # takes pictures in a tool's result
    ids: Literal["any", "short", "nine"] = "any"  # of calls: 40 characters at most; nine letters and digits


ANYTHING: Final = History(takes=None)


class Fitter:
    """Fits the messages of requests to one vendor; stateless."""

    __slots__ = ("_drops", "_history", "_spell", "takes_all")

    def __init__(self, history: History) -> None:
        self._history = history
        self.takes_all = history.takes is None  # every request goes as it is
        self._drops = frozenset() if history.takes is None else KNOWN - history.takes
        self._spell = _SPELLINGS.get(history.ids)

    def passes(self, request: Plain) -> bool:
        """Whether the request goes as it is: there is little in a plain one that a vendor could mind."""
        return self.takes_all or not request.has_calls

    def fit(self, request: pb.ChatRequest, *, reasons: bool) -> pb.ChatRequest:
        """The request with its messages as the vendor takes them; itself where they are so.

        `reasons`: the call asks its model to reason.
        """
        if self.takes_all:
            return request
        if not self._history.result_media:
            request = shown_by_user(request)
        thinks = reasons or not self._history.if_asked
        messages = {
            index: self._message(message, thinks)
            for index, message in enumerate(request.messages)
            if not self._is_plain(message)
        }
        marked = any(tool.extra_json or tool.function.extra_json for tool in request.tools)
        if not messages and not marked:
            return request
        fitted = pb.ChatRequest()  # a received message is never changed
        fitted.CopyFrom(request)
        for index, message in messages.items():
            fitted.messages[index].CopyFrom(message)
        for tool in fitted.tools:
            self._bare(tool)
            if tool.HasField("function"):
                self._bare(tool.function)
        return fitted

    def _is_plain(self, message: pb.Message) -> bool:
        """Whether the message may go as it is. Most may, so this looks before anything is copied."""
        if message.extra_json:
            return False
        for part in message.parts:
            if part.extra_json:
                return False
        role, spell = message.role, self._spell
        if role == pb.ROLE_TOOL:
            return spell is None or spell(message.tool_call_id) == message.tool_call_id
        if role != pb.ROLE_ASSISTANT:
            return True
        for call in message.tool_calls:
            if call.extra_json or call.function.extra_json:
                return False
            if self._history.owes_reasoning or (spell and spell(call.id) != call.id):
                return False
        plain = not (message.reasoning or message.refusal or message.name or message.annotations_json)
        return plain and not message.HasField("audio")

    def _message(self, message: pb.Message, thinks: bool) -> pb.Message:
        """The message as it goes out."""
        fitted = pb.Message()
        fitted.CopyFrom(message)
        if fitted.role == pb.ROLE_ASSISTANT:
            self._answer(fitted, thinks)
        else:
            self._bare(fitted)
        if self._spell and fitted.tool_call_id:
            fitted.tool_call_id = self._spell(fitted.tool_call_id)
        for part in fitted.parts:
            self._bare(part)
        return fitted

    def _answer(self, message: pb.Message, thinks: bool) -> None:
        thought = self._take_reasoning(message)
        self._bare(message)
        for call in message.tool_calls:
            self._bare_call(call)
            if self._spell and call.id:
                call.id = self._spell(call.id)
        if "annotations" in self._drops:
            message.ClearField("annotations_json")
        if "name" in self._drops:
            message.ClearField("name")
        self._say(message)
        if thinks:
            self._put_reasoning(message, thought)

    def _say(self, message: pb.Message) -> None:
        """What was refused or spoken, as text where the vendor has no other place for it."""
        silent = not message.content and not message.parts
        if "refusal" in self._drops and message.refusal:
            if silent:
                message.content = message.refusal
            message.ClearField("refusal")
        if not message.HasField("audio"):
            return
        if "audio" in self._drops:
            if silent:
                message.content = message.audio.transcript
            message.ClearField("audio")
        elif message.audio.id:  # of one's own answer OpenAI wants the id alone
            message.audio.CopyFrom(pb.Audio(id=message.audio.id))

    # -- reasoning --

    def _take_reasoning(self, message: pb.Message) -> str:
        """Removes the reasoning, by whichever name it came."""
        thought = message.reasoning
        message.ClearField("reasoning")
        if '"reasoning' not in message.extra_json:
            return thought
        members = members_of(message.extra_json)
        for name in ("reasoning_content", "reasoning"):
            thought = thought or _text(members.pop(name, NULL))
        _put_extra(message, members)
        return thought

    def _put_reasoning(self, message: pb.Message, thought: str) -> None:
        if not thought and not (self._history.owes_reasoning and message.tool_calls):
            return
        for name in self._history.reasoning:
            if name == "reasoning_content":
                message.reasoning = thought
            elif name == "reasoning":
                members = members_of(message.extra_json) if message.extra_json else {}
                _put_extra(message, {**members, name: Raw(encode(thought))})
            else:
                part = {"type": "thinking", "thinking": [{"type": "text", "text": thought}]}
                said = list(message.parts) or ([pb.Part(text=message.content)] if message.content else [])
                message.ClearField("content")
                del message.parts[:]
                message.parts.extend([pb.Part(raw_json=encode(part).decode()), *said])

    # -- members --

    def _bare_call(self, call: pb.ToolCall) -> None:
        self._bare(call)
        if call.HasField("function"):
            self._bare(call.function)
        if '"index"' in call.extra_json:  # its place in a stream, which clients leave on it
            members = members_of(call.extra_json)
            members.pop("index", None)
            _put_extra(call, members)

    def _bare(self, message: Any) -> None:
        """Leaves out the members that the vendor does not take, and those that say nothing."""
        text: str = message.extra_json
        if not text or not _PLACES.search(text):
            return
        members = members_of(text)
        kept = {
            name: raw
            for name, raw in members.items()
            if name not in self._drops and not (name in _VAGUE and raw in _NOTHING)
        }
        if len(kept) < len(members):
            _put_extra(message, kept)


def _put_extra(message: Any, members: Members) -> None:
    message.extra_json = encode(members).decode() if members else ""


def _text(raw: Raw) -> str:
    try:
        return text_of(raw)
    except msgspec.ValidationError:
        return ""
