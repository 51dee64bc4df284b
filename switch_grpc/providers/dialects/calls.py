"""Tool calls that another provider may have made: their ids and arguments as this one takes them."""

import hashlib
import re
import string
import zlib
from functools import lru_cache
from typing import Final

from msgspec import Raw

from switch_grpc.providers.dialects.members import UNREADABLE, checked, members_of

# Anthropic: a `tool_use.id` matches ^[a-zA-Z0-9_-]+$. Bedrock: the same, and 1 to 64 of them
# (docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolUseBlock.html).
_LIMIT: Final = 64
_REMEMBERED: Final = 128  # characters of an id
_PLAIN: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_NOT_PLAIN: Final = re.compile(r"[^a-zA-Z0-9_-]")
_NINE: Final = re.compile(r"[a-zA-Z0-9]{9}")
_LETTERS: Final = string.ascii_letters + string.digits


class CallIds:
    """The ids of one conversation's calls, in the letters and the length that Anthropic and Bedrock take.

    A result gets the id of its call. No two calls get the same one, which Anthropic refuses and some servers
    give: there the results belong to the calls in their order.
    """

    __slots__ = ("_given", "_latest", "_number", "_waiting")

    def __init__(self) -> None:
        self._given: set[str] = set()
        self._number = 0
        self._waiting: dict[str, list[str]] = {}  # by the id as it came: those without a result
        self._latest: dict[str, str] = {}  # by the id as it came: the last that got a result

    def of_call(self, id: str) -> str:
        plain = clean = plain_id(id)
        while plain in self._given:  # a number is tried once in a conversation, so that no search is long
            self._number += 1
            plain = f"{clean[: _LIMIT - 9]}_{self._number}"
        self._given.add(plain)
        self._waiting.setdefault(id, []).append(plain)
        return plain

    def of_result(self, id: str) -> str:
        waiting = self._waiting.get(id)
        if waiting:
            self._latest[id] = waiting.pop(0)
        return self._latest.get(id) or plain_id(id)


def plain_id(id: str) -> str:
    """The id in letters, digits, `_` and `-`, 64 of them at most; other providers' have dots and colons."""
    return id if _PLAIN.fullmatch(id) else f"{_NOT_PLAIN.sub('_', id)[: _LIMIT - 9]}_{_mark(id)}"


def plain_name(name: str, longest: int) -> str:
    """The name of a tool that was called, in the same letters: one that is offered is refused instead."""
    if name and len(name) <= longest and not _NOT_PLAIN.search(name):
        return name
    return f"{_NOT_PLAIN.sub('_', name)[: longest - 9]}_{_mark(name)}"


def short_id(id: str) -> str:
    """The id in 40 characters at most, as OpenAI takes them: more are a 400 `string_above_max_length`."""
    return id if len(id) <= 40 else f"{id[:31]}_{_mark(id)}"


def nine_id(id: str) -> str:
    """The id in nine letters and digits, as Mistral takes them: its error 3280 says so."""
    if _NINE.fullmatch(id):
        return id
    # Callers write ids: none that is long is remembered.
    return _remembered_nine(id) if len(id) <= _REMEMBERED else _nine(id)


def _nine(id: str) -> str:
    number = int.from_bytes(hashlib.blake2b(id.encode(), digest_size=8).digest(), "big")
    letters = []
    for _ in range(9):
        number, letter = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[letter])
    return "".join(letters)


_remembered_nine: Final = lru_cache(maxsize=4096)(_nine)  # the same ids come with every turn


def _mark(id: str) -> str:
    """Keeps ids apart that are spelt alike once they are cut or cleaned."""
    return f"{zlib.crc32(id.encode()):08x}"


def input_of(arguments: str) -> Raw | dict[str, str]:
    """The arguments as they stand; what a model wrote and is no JSON object, under a name that says so.

    The name is Anthropic's: https://platform.claude.com/docs/en/agents-and-tools/tool-use/fine-grained-tool-streaming
    """
    if not arguments or arguments.isspace():
        return {}
    try:
        text = checked(arguments.encode())
        members_of(text)
    except UNREADABLE:
        return {"INVALID_JSON": arguments}
    return Raw(text)
