"""What the mock says: answers as plain data, before any dialect gives them a wire format.

Everything follows from the request by a hash of what it means (model, turns, seed) and not of its bytes, so a
gateway that re-encodes the request gets the same answer as a client that asks the mock directly.
"""

import enum
import hashlib
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from switch_grpc.mock.fields import Json
from switch_grpc.mock.schema import instance
from switch_grpc.mock.script import Script
from switch_grpc.mock.tokens import Filler, filler, in_pieces, in_words

# fmt: off
_WORDS: Final = (
    "amber", "anchor", "autumn", "basalt", "beacon", "birch", "canyon", "cedar", "cinder", "cobalt",
    "comet", "coral", "dawn", "delta", "drift", "dune", "echo", "ember", "falcon", "fern", "fjord",
    "flint", "garnet", "glacier", "grove", "harbor", "haven", "hazel", "indigo", "iris", "island",
    "jade", "juniper", "kelp", "lagoon", "lantern", "larch", "linden", "maple", "meadow", "mesa",
    "mist", "moss", "nectar", "north", "oasis", "ochre", "onyx", "orchid", "pebble", "pine", "prairie",
    "quartz", "quill", "raven", "reef", "ripple", "river", "sable", "sage", "shore", "slate", "spruce",
    "thistle",
)
# fmt: on
_SPACED: Final = tuple(" " + word for word in _WORDS)
_JSON_OBJECT: Final[Json] = {
    "type": "object",
    "properties": {"answer": {"type": "string"}, "count": {"type": "integer"}},
    "required": ["answer", "count"],
}
_QUOTED: Final = 400  # characters of a tool's result in the answer
_ECHOED: Final = 12  # words of the user's message in the answer


@dataclass(frozen=True, slots=True)
class Turn:
    """One message: who, and its text parts joined by newlines."""

    role: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool that the model may call. A custom one takes plain text instead of JSON."""

    name: str
    schema: Json = None
    custom: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a chat request of any dialect comes down to."""

    model: str
    turns: tuple[Turn, ...]
    images: int = 0
    files: int = 0
    seed: int | None = None
    limit: int | None = None  # tokens
    stops: tuple[str, ...] = ()
    tools: tuple[Tool, ...] = ()
    choice: Literal["none", "auto", "required"] = "auto"
    named: str | None = None  # the one tool that must be called
    parallel: bool = True
    form: Json = None  # the answer is JSON of this schema


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a tool; `arguments` is JSON text, or plain text for a custom tool."""

    id: str
    name: str
    arguments: str
    custom: bool = False


class Finish(enum.Enum):
    """Why an answer ended."""

    STOP = enum.auto()
    LENGTH = enum.auto()
    TOOL = enum.auto()
    FILTER = enum.auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer. The concatenated pieces are its text; a piece is a token."""

    pieces: Sequence[str] = ()
    reasoning: Sequence[str] = ()
    refusal: Sequence[str] = ()
    calls: tuple[ToolCall, ...] = ()
    finish: Finish = Finish.STOP
    stop: str | None = None  # the stop sequence that ended the text

    @property
    def tokens(self) -> int:
        called = sum(len(in_pieces(call.arguments)) + 1 for call in self.calls)
        return len(self.pieces) + len(self.reasoning) + len(self.refusal) + called


def reply(ask: Ask, script: Script, attempt: str, index: int = 0) -> Reply:
    """The answer to a request; `index` numbers the choices where several are wanted."""
    digest = _digest(ask, index)
    tools = _called(ask, script)
    if tools:
        calls = tuple(_call(tool, digest, k) for k, tool in enumerate(tools))
        return Reply(calls=calls, finish=Finish.TOOL, reasoning=_reasoning(script, digest))
    if script.refusal:
        return Reply(refusal=in_words("I'm sorry, I can't help with that."))
    reasoning = _reasoning(script, digest)
    pieces, stop = _pieces(ask, script, attempt, digest)
    pieces, finish = _limited(pieces, ask.limit, len(reasoning))
    if script.filter:
        pieces, finish = pieces[: (len(pieces) + 1) // 2], Finish.FILTER
    return Reply(
        pieces=pieces,
        reasoning=reasoning[: ask.limit],
        finish=finish,
        stop=stop if finish is Finish.STOP else None,
    )


def prompt_tokens(ask: Ask) -> int:
    """How many tokens the mock says that the request has."""
    words = sum(4 + len(turn.text.split()) for turn in ask.turns)
    return 3 + words + 85 * ask.images + 120 * ask.files + 20 * len(ask.tools)


def cached_tokens(prompt: int) -> int:
    """How many of a prompt's tokens the mock says it had in its cache: a quarter."""
    return prompt // 4


def vector(model: str, text: str, dimensions: int) -> list[float]:
    """A deterministic vector of length 1; equal texts have equal vectors."""
    raw = hashlib.shake_128(f"{model}\0{text}".encode()).digest(2 * dimensions)
    values = memoryview(raw).cast("h").tolist()
    length = sum(value * value for value in values) ** 0.5 or 1.0
    return [value / length for value in values]


def _digest(ask: Ask, index: int) -> bytes:
    said = [ask.model, [[turn.role, turn.text] for turn in ask.turns], ask.images, ask.seed, index]
    return hashlib.sha256(msgspec.json.encode(said)).digest()


def _called(ask: Ask, script: Script) -> Sequence[Tool]:
    """The tools that this answer calls, in the order of the request; none for a text answer."""
    if not ask.tools or ask.choice == "none":
        return ()
    if ask.named is not None:
        return [tool for tool in ask.tools if tool.name == ask.named][:1]
    last = ask.turns[-1] if ask.turns else Turn("user", "")
    told = next((turn.text for turn in reversed(ask.turns) if turn.role == "user"), "")
    mentioned = [tool for tool in ask.tools if _names(told, tool.name)]
    if ask.choice == "required":
        chosen = mentioned or [ask.tools[0]]
    elif last.role in ("tool", "function"):
        return ()
    elif script.tool:
        chosen = mentioned or [ask.tools[0]]
    else:
        chosen = mentioned
    return chosen if ask.parallel else chosen[:1]


def _names(text: str, name: str) -> bool:
    """Whether the text has the name as a word: `get_time` is not in `get_timezone`."""
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text) is not None


def _call(tool: Tool, digest: bytes, index: int) -> ToolCall:
    mark = hashlib.sha256(digest + bytes([index])).hexdigest()
    rng = random.Random(mark)  # noqa: S311  # seeded, so that the same request gets the same arguments
    if tool.custom:
        arguments = " ".join(rng.choices(_WORDS, k=3))
    else:
        schema: Json = tool.schema if tool.schema is not None else {"type": "object"}
        arguments = _compact(instance(schema, rng))
    return ToolCall(f"call_{mark[:24]}", tool.name, arguments, tool.custom)


def _compact(value: Json) -> str:
    return msgspec.json.encode(value).decode()


def _reasoning(script: Script, digest: bytes) -> list[str]:
    if not script.reasoning:
        return []
    return in_words(f"The user asks; I think of {_words(digest, 5)}.")


def _pieces(ask: Ask, script: Script, attempt: str, digest: bytes) -> tuple[Sequence[str], str | None]:
    """The text as tokens, and the stop sequence that ended it."""
    if script.tag:
        count = script.chunks if script.chunks is not None else 8
        return [f"{attempt}:{k} " for k in range(count)], None
    if script.bytes is not None:
        return filler(script.bytes, script.chunks), None
    if script.chunks is not None:
        return Filler(_SPACED, range(digest[0], digest[0] + script.chunks)), None
    if ask.form is not None:
        schema = _JSON_OBJECT if ask.form is True else ask.form
        rng = random.Random(digest)  # noqa: S311  # as above
        return in_pieces(_compact(instance(schema, rng))), None
    text = _text(ask, digest)
    cut, stop = min(((text.find(stop), stop) for stop in ask.stops if stop in text), default=(None, None))
    return in_words(text[:cut]), stop


def _limited(pieces: Sequence[str], limit: int | None, thought: int) -> tuple[Sequence[str], Finish]:
    left = None if limit is None else max(limit - thought, 0)
    if left is None or len(pieces) <= left:
        return pieces, Finish.STOP
    return pieces[:left], Finish.LENGTH


def _text(ask: Ask, digest: bytes) -> str:
    sentences = [_heard(ask)]
    if ask.images:
        sentences.append(f"I see {ask.images} image{'s' * (ask.images > 1)}.")
    if ask.files:
        sentences.append(f"I got {ask.files} file{'s' * (ask.files > 1)}.")
    sentences.append(f"{_words(digest, 6 + digest[0] % 8).capitalize()}.")
    return " ".join(filter(None, sentences))


def _heard(ask: Ask) -> str:
    """What the last turn said, so that a test sees that it came through."""
    results = []
    for turn in reversed(ask.turns):
        if turn.role not in ("tool", "function"):
            break
        results.append(turn.text[:_QUOTED])
    if results:
        return "The tool says: " + "; ".join(reversed(results)) + "."
    told = next((turn.text for turn in reversed(ask.turns) if turn.role in ("user", "prompt")), "")
    words = told.split()[:_ECHOED]
    return f"You said: {' '.join(words)}." if words else ""


def _words(digest: bytes, count: int) -> str:
    return " ".join(_WORDS[byte % len(_WORDS)] for byte in digest[1 : 1 + count])
