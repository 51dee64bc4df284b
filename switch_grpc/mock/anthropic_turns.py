"""Reads Anthropic's messages: their blocks, and whether each tool result answers a tool use.

Which block may stand where is from the `anthropic` package (ContentBlockParam, ToolResultBlockParam); the
rules between messages, and their wording, from https://docs.claude.com/en/api/messages and its guides on tool
use and extended thinking.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from switch_grpc.mock.answers import Turn
from switch_grpc.mock.anthropic_fields import Members, Terms, wrong
from switch_grpc.mock.anthropic_media import read_citations_config, read_document, read_image
from switch_grpc.mock.failures import Refused

TOOL_ID: Final = re.compile(r"[a-zA-Z0-9_-]+")
TOOL_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_USED_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,200}")
_SIGNED: Final = "EqMock"
_IN_RESULTS: Final = ("document", "image", "search_result", "text", "tool_reference")
# What Anthropic's own tools leave behind; the mock never runs one, so only their ids are looked at.
_SERVER_RESULTS: Final = (
    "bash_code_execution_tool_result",
    "code_execution_tool_result",
    "mcp_tool_result",
    "text_editor_code_execution_tool_result",
    "tool_search_tool_result",
    "web_fetch_tool_result",
    "web_search_tool_result",
)


@dataclass(slots=True)
class Conversation:
    """What the messages come down to; messages of one role that follow each other are one turn."""

    turns: list[Turn] = field(default_factory=list)
    images: int = 0
    files: int = 0
    markers: list[str] = field(default_factory=list)  # the ttl of each cache_control
    blocks: list[tuple[str, list[str]]] = field(default_factory=list)  # of each turn: role and block types


@dataclass(slots=True)
class _Turn:
    """Messages of one role in a row; the path is the first one's."""

    role: str
    path: str
    kinds: list[str] = field(default_factory=list)
    uses: list[str] = field(default_factory=list)
    results: list[tuple[str, str, str]] = field(default_factory=list)  # path, id, text
    texts: list[str] = field(default_factory=list)


def sign(thinking: str) -> str:
    """The signature that the mock gives a thinking block, and insists on when the block comes back."""
    return _SIGNED + base64.b64encode(hashlib.sha256(thinking.encode()).digest()).decode()


def read_conversation(body: Members, terms: Terms) -> Conversation:
    """All of `messages`. Raises Refused."""
    body.needed("messages")
    messages = body.each("messages")
    if not messages:
        raise wrong("messages", "at least one message is required")
    read = Conversation()
    turns: list[_Turn] = []
    for k, message in enumerate(messages):
        role = message.needed_text("role", ("user", "assistant", "system"))
        if role == "system" and k == 0:
            raise wrong(
                "messages",
                'Unexpected role "system". The Messages API accepts a top-level `system` parameter, not '
                '"system" as an input message role.',
            )
        if not turns or turns[-1].role != role:
            turns.append(_Turn(role, message.path))
        _read_message(message, role, turns[-1], read, terms, last=k == len(messages) - 1)
    _check_results(turns)
    for turn in turns:
        read.turns += [Turn("tool", text) for _, _, text in turn.results]
        if turn.texts or not turn.results:
            read.turns.append(Turn(turn.role, "\n".join(turn.texts)))
        read.blocks.append((turn.role, turn.kinds))
    return read


def read_texts(holder: Members, name: str, read: Conversation) -> str:
    """A text, or text blocks; None of either is no text. Raises Refused."""
    if isinstance(holder.value(name), str):
        return holder.needed_text(name)
    texts = []
    for block in holder.each(name):
        block.kind(("text",))
        block = block.tagged("text")
        texts.append(_read_text(block, name))
        read_marker(block, read)
        block.close()
    return "\n".join(texts)


def read_marker(block: Members, read: Conversation) -> None:
    """The block's cache_control, if it has one."""
    marker = block.members("cache_control", nullable=True)
    if marker is not None:
        marker.needed_text("type", ("ephemeral",))
        read.markers.append(marker.text("ttl", ("5m", "1h")) or "5m")
        marker.close()


def _read_message(
    message: Members, role: str, turn: _Turn, read: Conversation, terms: Terms, *, last: bool
) -> None:
    message.needed("content")
    content = message.value("content")
    if not content and not (last and role == "assistant"):
        raise wrong(
            message.path,
            "all messages must have non-empty content except for the optional final assistant message",
        )
    if isinstance(content, str):
        if content and not content.strip():
            raise wrong("messages", "text content blocks must contain non-whitespace text")
        turn.texts.append(content)
        turn.kinds.append("text")
    else:
        known = (*_BLOCKS, *_SERVER_RESULTS, *(("tool_addition", "tool_removal") if terms.beta else ()))
        for block in message.each("content"):
            kind = block.kind(known)
            _check_place(block, kind, role, terms)
            _read_block(block.tagged(kind), kind, turn, read)
    if last and role == "assistant" and turn.texts and turn.texts[-1] != turn.texts[-1].rstrip():
        raise wrong("messages", "final assistant content cannot end with trailing whitespace")
    message.close()


def _check_place(block: Members, kind: str, role: str, terms: Terms) -> None:
    """Some blocks are only the user's or only the assistant's."""
    owner = _OWNERS.get(kind)
    if terms.newest and kind == "document":
        owner = "user"
    if owner is not None and owner != role:
        raise wrong(block.path, f"`{kind}` blocks can only be in `{owner}` messages")
    if terms.newest and kind == "text" and role == "user" and block.array("citations", nullable=True):
        raise wrong(block.path, "`citations` of `text` blocks can only be in `assistant` messages")


def _read_block(block: Members, kind: str, turn: _Turn, read: Conversation) -> None:
    reader = _BLOCKS.get(kind)
    if reader is None:
        block.open()
        return
    turn.kinds.append(kind)
    reader(block, turn, read)
    block.close()


def _text(block: Members, turn: _Turn, read: Conversation) -> None:
    turn.texts.append(_read_text(block, "messages"))
    read_marker(block, read)


def _read_text(block: Members, place: str) -> str:
    text = block.needed_text("text")
    if not text:
        raise wrong(place, "text content blocks must be non-empty")
    if not text.strip():
        raise wrong(place, "text content blocks must contain non-whitespace text")
    block.array("citations", nullable=True)
    return text


def _image(block: Members, turn: _Turn, read: Conversation) -> None:
    read_image(block)
    read_marker(block, read)
    read.images += 1


def _document(block: Members, turn: _Turn, read: Conversation) -> None:
    read_document(block)
    read_marker(block, read)
    read.files += 1


def _search_result(block: Members, turn: _Turn, read: Conversation) -> None:
    _read_search_result(block, read)
    read.files += 1


def _read_search_result(block: Members, read: Conversation) -> str:
    block.needed_text("source")
    block.needed_text("title")
    block.needed("content")
    text = read_texts(block, "content", read)
    read_citations_config(block)
    read_marker(block, read)
    return text


def _thinking(block: Members, turn: _Turn, read: Conversation) -> None:
    thinking, signature = block.needed_text("thinking"), block.needed_text("signature")
    # A block whose text was left out has a signature all the same, and comes back without text.
    if signature != sign(thinking) and (thinking or not signature.startswith(_SIGNED)):
        where = block.path.removesuffix(".thinking")
        raise wrong(where, "Invalid `signature` in `thinking` block")


def _redacted_thinking(block: Members, turn: _Turn, read: Conversation) -> None:
    block.needed_text("data", least=1)


def _tool_use(block: Members, turn: _Turn, read: Conversation) -> None:
    use = block.matching("id", TOOL_ID)
    if use in turn.uses:
        raise wrong("messages", f"`tool_use` ids must be unique: {use}")
    turn.uses.append(use)
    block.matching("name", _USED_NAME)
    block.needed("input")
    block.record("input")
    _read_caller(block, read)


def _server_tool_use(block: Members, turn: _Turn, read: Conversation) -> None:
    block.matching("id", TOOL_ID)
    block.needed_text("name")
    block.needed("input")
    block.record("input")
    block.text("server_name")  # of an MCP server's tool
    _read_caller(block, read)


def _read_caller(block: Members, read: Conversation) -> None:
    block.record("caller")
    block.text("toolset_name", nullable=True)
    read_marker(block, read)


def _tool_result(block: Members, turn: _Turn, read: Conversation) -> None:
    use = block.matching("tool_use_id", TOOL_ID)
    block.flag("is_error")
    block.text("toolset_name", nullable=True)
    read_marker(block, read)
    texts = []
    if isinstance(block.value("content"), str):
        texts.append(block.needed_text("content"))
    else:
        texts += [_read_part(part, read) for part in block.each("content")]
    turn.results.append((block.path.removesuffix(".tool_result"), use, "\n".join(filter(None, texts))))


def _read_part(part: Members, read: Conversation) -> str:
    """One block of a tool's result, as text where it is text."""
    kind = part.kind(_IN_RESULTS)
    part = part.tagged(kind)
    text = ""
    match kind:
        case "text":
            text = _read_text(part, "messages")
        case "image":
            read_image(part)
            read.images += 1
        case "document":
            text = read_document(part)
            read.files += 1
        case "search_result":
            text = _read_search_result(part, read)
        case _:
            part.needed_text("tool_name")
    read_marker(part, read)
    part.close()
    return text


def _container_upload(block: Members, turn: _Turn, read: Conversation) -> None:
    block.needed_text("file_id", least=1)
    read_marker(block, read)
    read.files += 1


def _check_results(turns: list[_Turn]) -> None:
    """Each tool use is answered at the start of the next user turn, and nothing else is answered."""
    open_uses: list[str] = []
    asked = ""
    for turn in turns:
        if turn.role == "system":
            continue  # stands between the turns without being one
        answered = [use for _, use, _ in turn.results]
        for path, use, _ in turn.results:
            _check_answer(path, use, open_uses, answered)
        left = [use for use in open_uses if use not in answered]
        late = any(kind != "tool_result" for kind in turn.kinds[: len(answered)])
        if left or (answered and late):
            raise _unanswered(asked, left or open_uses)
        open_uses, asked = turn.uses, turn.path
    if open_uses:
        raise _unanswered(asked, open_uses)


def _check_answer(path: str, use: str, open_uses: list[str], answered: list[str]) -> None:
    if use not in open_uses:
        raise wrong(
            path,
            f"unexpected `tool_use_id` found in `tool_result` blocks: {use}. Each `tool_result` block must "
            "have a corresponding `tool_use` block in the previous message.",
        )
    if answered.count(use) > 1:
        raise wrong(
            path,
            "each tool_use must have a single result. Found multiple `tool_result` blocks with id: " + use,
        )


def _unanswered(path: str, uses: list[str]) -> Refused:
    return wrong(
        path,
        f"`tool_use` ids were found without `tool_result` blocks immediately after: {', '.join(uses)}. Each "
        "`tool_use` block must have a corresponding `tool_result` block in the next message.",
    )


_BLOCKS: Final[Mapping[str, Callable[[Members, _Turn, Conversation], None]]] = {
    "container_upload": _container_upload,
    "document": _document,
    "image": _image,
    "mcp_tool_use": _server_tool_use,
    "redacted_thinking": _redacted_thinking,
    "search_result": _search_result,
    "server_tool_use": _server_tool_use,
    "text": _text,
    "thinking": _thinking,
    "tool_result": _tool_result,
    "tool_use": _tool_use,
}
_OWNERS: Final[Mapping[str, str]] = {
    "container_upload": "user",
    "redacted_thinking": "assistant",
    "server_tool_use": "assistant",
    "thinking": "assistant",
    "tool_result": "user",
    "tool_use": "assistant",
}
