"""The conversation: OpenAI's messages as Gemini's system instruction and contents.

- System and developer messages, wherever they stand, are parts of the one `systemInstruction`.
- Gemini wants the user to speak first: system messages alone are the user's content, and before an assistant
  who begins the user says a full stop, which is noted. So is the one for a last message of the user's that
  is empty, where the assistant would have the last word. Other empty texts are left out.
- Messages of one role that follow each other are one content: answers to parallel calls must come together.
- A tool's answer names its function by the call that it answers. An answer that is a JSON object goes as it
  stands, any other as `{"output": text}`; media in it ride beside it.
- An assistant message goes back part by part as it came, where it still carries `extra_content.google.parts`
  (see gemini_reply) and its text and calls have not been changed. Thought signatures go back where they
  belong. A call without one, such as another provider's, gets Google's stand-in where the model insists.
- Reasoning, names of participants, annotations, and members of earlier messages that only other providers
  know have no place in a content and are left out.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from google.protobuf.message import Message
from msgspec import Raw

from switch_grpc.faults import bad_request
from switch_grpc.providers.dialects.changes import NOTHING_SAID, Changes
from switch_grpc.providers.dialects.gemini_parts import Part, is_base64, part_of
from switch_grpc.providers.dialects.members import members_of
from switch_grpc.v1 import chat_pb2 as pb

Content = dict[str, Any]

# "skip_thought_signature_validator", for calls of other models: https://ai.google.dev/gemini-api/docs/thought-signatures
STAND_IN: Final = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="

_SYSTEM: Final = (pb.ROLE_SYSTEM, pb.ROLE_DEVELOPER)
_decode: Final = msgspec.json.decode


def conversation(
    messages: Iterable[pb.Message], *, signed: bool, fetches: bool, changes: Changes
) -> tuple[list[Part], list[Content]]:
    """The parts of the system instruction, and the contents; at least one content.

    `signed`: the model insists on a thought signature for calls. `fetches`: as in `part_of`. Raises
    Fault(CAPABILITY | BAD_REQUEST) naming what Gemini has no place for.
    """
    gathered = _Conversation(signed, fetches, changes)
    for index, message in enumerate(messages):
        gathered.add(message, index)
    contents = gathered.ended()
    if contents:
        return gathered.system, contents
    if not gathered.system:
        raise changes.cannot("messages", NOTHING_SAID)
    return [], [{"role": "user", "parts": gathered.system}]  # Gemini wants a content, whoever said it


def google_of(message: Message) -> Mapping[str, Any]:
    """What Google's `extra_content` holds on a message or call; {} where there is none, or it is garbled."""
    text: str = message.extra_json  # type: ignore[attr-defined]  # every message has it
    if '"extra_content"' not in text:
        return {}
    try:
        content = _decode(text).get("extra_content")
    except msgspec.DecodeError:  # of a number past all bounds
        return {}
    match content:
        case {"google": dict(google)}:
            return google
    return {}


class _Conversation:
    """The contents, as far as the messages have been read."""

    def __init__(self, signed: bool, fetches: bool, changes: Changes) -> None:
        self._signed = signed
        self._fetches = fetches
        self._changes = changes
        self._cannot = changes.cannot
        self._empty = False  # the last message that is no system's is the user's and says nothing
        self._names: dict[str, str] = {}  # of the function that a call of that id called, the latest
        self._spelt: dict[str, str] = {}  # ids of calls that go back under another, as they came
        self.system: list[Part] = []
        self.contents: list[Content] = []

    def add(self, message: pb.Message, index: int) -> None:
        where = f"messages[{index}]"
        role = message.role
        if role == pb.ROLE_USER:
            said = self._content(message, where)
            self._say("user", said)
            self._empty = not said
        elif role == pb.ROLE_ASSISTANT:
            self._say("model", self._answer(message, where))
        elif role == pb.ROLE_TOOL:
            self._say("user", [self._result(message, where)])
        elif role in _SYSTEM:
            for part in self._content(message, where):
                if isinstance(part, Raw) or "text" not in part:
                    raise self._cannot(f"{where}.content", "anything but text in a system message")
                self.system.append(part)
        else:
            raise self._cannot(f"{where}.role", f"the role {message.role_text!r}")

    def _say(self, role: str, parts: list[Part]) -> None:
        if not parts:
            return
        self._empty = False
        if self.contents and self.contents[-1]["role"] == role:
            self.contents[-1]["parts"] += parts
        else:
            self.contents.append({"role": role, "parts": parts})

    def ended(self) -> list[Content]:
        """The contents, once all messages are read, with the user's words where there must be some."""
        if self.contents and self._empty and self.contents[-1]["role"] == "model":
            self._say("user", [{"text": self._changes.close()}])
        # 400 for a call that nobody asked for: https://github.com/diegosouzapw/OmniRoute/pull/13573
        if self.contents and self.contents[0]["role"] == "model":
            self.contents.insert(0, {"role": "user", "parts": [{"text": self._changes.open()}]})
        return self.contents

    def _content(self, message: pb.Message, where: str) -> list[Part]:
        if not message.parts:
            # Gemini refuses a content whose only part is an empty text.
            return [{"text": message.content}] if message.content else []
        fetches, cannot = self._fetches, self._cannot
        return [
            part_of(part, f"{where}.content[{number}]", fetches=fetches, cannot=cannot)
            for number, part in enumerate(message.parts)
            if part.WhichOneof("kind") != "text" or part.text
        ]

    # -- the model's side --

    def _answer(self, message: pb.Message, where: str) -> list[Part]:
        google = google_of(message) if message.extra_json else {}
        for call in message.tool_calls:
            self._names[call.id] = call.function.name
        kept = google.get("parts")
        if isinstance(kept, list) and _is_unchanged(kept, message):
            self._spelt.update(_ids(kept, message))
            return kept
        parts = self._content(message, where)
        if not parts and message.refusal:
            parts.append({"text": message.refusal})
        calls = [
            self._call(call, f"{where}.tool_calls[{number}]")
            for number, call in enumerate(message.tool_calls)
        ]
        if calls and self._signed:
            calls[0].setdefault("thoughtSignature", STAND_IN)
        self._sign(parts, google.get("thought_signature"))
        return [*parts, *calls]

    def _sign(self, parts: list[Part], signature: object) -> None:
        """Puts the signature of the text on its last part, or on an empty one."""
        if not isinstance(signature, str) or not is_base64(signature):
            return
        last = parts[-1] if parts else None
        if isinstance(last, dict):
            last["thoughtSignature"] = signature
        else:
            parts.append({"text": "", "thoughtSignature": signature})

    def _call(self, call: pb.ToolCall, where: str) -> dict[str, Any]:
        if call.WhichOneof("kind") != "function":
            raise self._cannot(where, "calls of anything but functions")
        called = call.function
        written: dict[str, Any] = {"name": called.name, "args": self._arguments(called, f"{where}.function")}
        if call.id:
            written["id"] = call.id
        part: dict[str, Any] = {"functionCall": written}
        if call.extra_json:
            signature = google_of(call).get("thought_signature")
            if isinstance(signature, str) and is_base64(signature):
                part["thoughtSignature"] = signature
        return part

    def _arguments(self, called: pb.FunctionCall, where: str) -> Raw:
        arguments = _json_object(called.arguments)
        if arguments is None:
            if called.arguments.strip():
                raise self._cannot(f"{where}.arguments", "arguments that are not a JSON object")
            return Raw(b"{}")
        return arguments

    # -- the tools' side --

    def _result(self, message: pb.Message, where: str) -> Part:
        name = self._names.get(message.tool_call_id) or message.name
        if not name:
            raise bad_request(f"{where}.tool_call_id", "names no call of an earlier assistant message")
        text, media = message.content, []
        if message.parts:
            parts = self._content(message, where)
            text = "".join(part.get("text", "") for part in parts if isinstance(part, dict))
            media = [part for part in parts if isinstance(part, Raw) or "text" not in part]
        response = _json_object(text)
        written: dict[str, Any] = {
            "name": name,
            "response": {"output": text} if response is None else response,
        }
        if spelt := self._spelt.get(message.tool_call_id, message.tool_call_id):
            written["id"] = spelt
        if media:
            written["parts"] = media
        return {"functionResponse": written}


def _json_object(text: str) -> Raw | None:
    """The text itself, if it is a JSON object."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        members_of(text)
    except (msgspec.MsgspecError, RecursionError):
        return None
    return Raw(text.encode())


def _ids(kept: Sequence[Any], message: pb.Message) -> Mapping[str, str]:
    """The ids of the message's calls, and those that the kept parts have for them; "" for none."""
    pairs = zip(message.tool_calls, _calls_in(kept), strict=True)
    return {ours.id: str(theirs.get("id", "")) for ours, theirs in pairs}


def _calls_in(parts: Sequence[object]) -> list[Mapping[str, Any]]:
    return [
        call
        for part in parts
        if isinstance(part, dict) and isinstance(call := part.get("functionCall"), dict)
    ]


def _is_unchanged(kept: Sequence[object], message: pb.Message) -> bool:
    """Whether the kept parts still say what the message says."""
    parts = [part for part in kept if isinstance(part, dict)]
    said = "".join(
        text for part in parts if isinstance(text := part.get("text"), str) and not part.get("thought")
    )
    names = [call.function.name for call in message.tool_calls]
    return (
        len(parts) == len(kept)
        and not message.parts
        and said == message.content
        and [call.get("name") for call in _calls_in(kept)] == names
    )
