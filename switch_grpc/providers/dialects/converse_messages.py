"""The conversation: OpenAI's messages as Converse's system blocks and turns.

- System and developer messages, wherever they stand, are the `system` blocks, in order: Converse has no
  other place for them. Messages of one role that follow each other are one turn; tool messages are
  `toolResult` blocks of the user's turn. Blank texts are left out: Bedrock refuses them, and documents
  without a text, which get one.
- Bedrock wants the user to speak first: system messages alone are the user's turn, and before an assistant
  who begins the user says a full stop, which is noted. So is the one for a last message of the user's that
  is blank, where the assistant would have the last word.
- `cache_control` on a message, a part or a tool becomes a `cachePoint` behind it. A part that is one of
  Converse's own blocks (`{"guardContent": ...}`, `{"cachePoint": ...}`) goes out as it stands.
- An assistant's `thinking_blocks` (Anthropic's form, see converse_reply) go back as `reasoningContent`, and
  so do its `converse_blocks`. Reasoning without a signature is another provider's, or is not wanted back.
- Names of participants, `detail` of images, annotations and what only other providers know are left out.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from msgspec import Raw

from switch_grpc.faults import bad_request
from switch_grpc.providers.dialects.calls import CallIds, input_of, plain_name
from switch_grpc.providers.dialects.changes import NOTHING_SAID, Changes
from switch_grpc.providers.dialects.converse_media import Block, Media
from switch_grpc.providers.dialects.members import (
    NULL,
    Members,
    extra_of,
    members_list,
    members_of,
    text_of,
)
from switch_grpc.v1 import chat_pb2 as pb

Blocks = list[Block | Raw]

# The members of Converse's union of content blocks that have no place in OpenAI's messages.
OWN_BLOCKS: Final = frozenset(
    {"guardContent", "cachePoint", "video", "audio", "document", "image", "searchResult", "citationsContent"}
)
_TRUE: Final = Raw(b"true")


def cache_point(control: Raw) -> Block:
    """`cache_control` as Converse has it; a `ttl` stays."""
    try:
        ttl = members_of(control).get("ttl", NULL)
    except msgspec.DecodeError:
        ttl = NULL
    point: Block = {"type": "default"}
    if ttl != NULL:
        point["ttl"] = ttl
    return {"cachePoint": point}


class Conversation:
    """The conversation, as far as it has been read."""

    __slots__ = ("_blank", "_cannot", "_changes", "_ids", "_media", "_signed", "system", "tools", "turns")

    def __init__(self, changes: Changes, *, signed: bool) -> None:
        """`signed`: the model takes back reasoning that Claude signed."""
        self.system: Blocks = []
        self.turns: list[dict[str, Any]] = []
        self.tools: dict[str, None] = {}  # names of the tools that were called, in order
        self._changes = changes
        self._cannot = changes.cannot
        self._blank = False  # the last message that is no system's is the user's and says nothing
        self._signed = signed
        self._ids = CallIds()
        self._media = Media(changes.cannot)

    def read(self, messages: Iterable[pb.Message]) -> "Conversation":
        """Raises Fault(CAPABILITY | BAD_REQUEST) naming what Converse has no place for."""
        for index, message in enumerate(messages):
            self._add(message, f"messages[{index}]")
        if not self.turns:
            if not self.system:
                raise self._cannot("messages", NOTHING_SAID)
            self.turns, self.system = [_said("user", self.system)], []
        if self._blank and self.turns[-1]["role"] == "assistant":
            self.turns.append(_said("user", [{"text": self._changes.close()}]))
        if self.turns[0]["role"] == "assistant":
            self.turns.insert(0, _said("user", [{"text": self._changes.open()}]))
        for turn in self.turns:
            turn["content"] = _with_text(turn["content"])
        return self

    def _add(self, message: pb.Message, at: str) -> None:
        extra = extra_of(message.extra_json)
        match message.role:
            case pb.ROLE_USER:
                role, blocks = "user", self._content(message, at)
            case pb.ROLE_ASSISTANT:
                role, blocks = "assistant", self._assistant(message, extra, at)
            case pb.ROLE_TOOL:
                role, blocks = "user", [self._tool_result(message, extra, at)]
            case pb.ROLE_SYSTEM | pb.ROLE_DEVELOPER:
                role, blocks = "system", self._content(message, at)
            case _:
                raise self._cannot(f"{at}.role", f"the role {message.role_text!r}")
        blocks = _without_blanks(blocks)
        if "cache_control" in extra and blocks:
            blocks.append(cache_point(extra["cache_control"]))
        if role == "system":
            self.system += blocks
            return
        if blocks or role == "user":
            self._blank = not blocks
        if self.turns and self.turns[-1]["role"] == role:
            self.turns[-1]["content"] += blocks
        elif blocks:
            self.turns.append(_said(role, blocks))

    @property
    def resumes_without_thinking(self) -> bool:
        """Whether the answer goes on with a turn that called tools and did not begin with reasoning."""
        if len(self.turns) < 2:
            return False
        *_, asked, answered = self.turns
        thought = _has(asked["content"][0], "reasoningContent")
        return not thought and any(_has(block, "toolResult") for block in answered["content"])

    # -- content --

    def _content(self, message: pb.Message, at: str) -> Blocks:
        if not message.parts:
            return [{"text": message.content}] if message.content else []
        blocks: Blocks = []
        for index, part in enumerate(message.parts):
            extra = extra_of(part.extra_json)
            blocks.append(self._part(part, extra, f"{at}.content[{index}]"))
            if "cache_control" in extra:
                blocks.append(cache_point(extra["cache_control"]))
        return blocks

    def _part(self, part: pb.Part, extra: Members, at: str) -> Block | Raw:
        match part.WhichOneof("kind"):
            case "text":
                return {"text": part.text}
            case "refusal":
                return {"text": part.refusal}
            case "image_url":
                return self._media.url(part.image_url.url, f"{at}.image_url.url")
            case "file":
                return self._media.file(part.file, extra_of(part.file.extra_json) | extra, f"{at}.file")
            case "input_audio":
                raise self._cannot(f"{at}.input_audio", "audio")
            case "raw_json":
                return self._raw_part(part.raw_json, at)
            case _:
                raise bad_request(at, "names no content")

    def _raw_part(self, text: str, at: str) -> Block | Raw:
        members = members_of(text)
        if len(members) == 1 and not OWN_BLOCKS.isdisjoint(members):
            return Raw(text.encode())
        named = members.get("type", NULL)
        if named == Raw(b'"video_url"') and "video_url" in members:
            where = f"{at}.video_url.url"
            try:
                return self._media.url(text_of(members_of(members["video_url"])["url"]), where)
            except (KeyError, msgspec.ValidationError) as error:
                raise bad_request(where, "expected a data URL or an s3:// URI") from error
        raise self._cannot(f"{at}.type", f"parts of the type {bytes(named).decode(errors='replace')[:60]}")

    # -- the assistant's own messages --

    def _assistant(self, message: pb.Message, extra: Members, at: str) -> Blocks:
        if message.HasField("audio"):
            raise self._cannot(f"{at}.audio", "audio")
        blocks: Blocks = []
        if self._signed and "thinking_blocks" in extra:
            blocks += _reasoning(extra["thinking_blocks"], f"{at}.thinking_blocks")
        if "converse_blocks" in extra:
            try:
                blocks += members_list(extra["converse_blocks"])
            except msgspec.ValidationError as error:
                raise bad_request(f"{at}.converse_blocks", "expected a list of content blocks") from error
        said = self._content(message, at)
        if not said and message.refusal:
            said = [{"text": message.refusal}]
        blocks += said
        for index, call in enumerate(message.tool_calls):
            blocks.append(self._tool_use(call, f"{at}.tool_calls[{index}]"))
        return blocks

    def _tool_use(self, call: pb.ToolCall, at: str) -> Block:
        if call.WhichOneof("kind") != "function":
            raise self._cannot(at, "calls of tools that are no functions")
        if not call.id:
            raise bad_request(f"{at}.id", "is missing")
        name = plain_name(call.function.name, 64)
        self.tools[name] = None
        return {
            "toolUse": {
                "toolUseId": self._ids.of_call(call.id),
                "name": name,
                "input": input_of(call.function.arguments),
            }
        }

    def _tool_result(self, message: pb.Message, extra: Members, at: str) -> Block:
        if not message.tool_call_id:
            raise bad_request(f"{at}.tool_call_id", "is missing; name the call that this message answers")
        result: Block = {
            "toolUseId": self._ids.of_result(message.tool_call_id),
            "content": _without_blanks(self._content(message, at)),
        }
        if extra.get("is_error") == _TRUE:
            result["status"] = "error"
        return {"toolResult": result}


def _said(role: str, blocks: Blocks) -> dict[str, Any]:
    return {"role": role, "content": blocks}


def _without_blanks(blocks: Blocks) -> Blocks:
    """Without blank texts, and without marks of a cache for nothing else."""
    said = [block for block in blocks if not _is_blank(block)]
    return said if any(not _has(block, "cachePoint") for block in said) else []


def _with_text(blocks: Blocks) -> Blocks:
    """With a text behind a turn's documents if it has none: Bedrock refuses the turn otherwise.

    "A text block must be included when using documents." Those of a tool's result need none.
    """
    places = [at for at, block in enumerate(blocks, 1) if _has(block, "document")]
    if not places or any(_has(block, "text") for block in blocks):
        return blocks
    return [*blocks[: places[-1]], {"text": "."}, *blocks[places[-1] :]]


def _has(block: Block | Raw, kind: str) -> bool:
    return kind in (block if isinstance(block, dict) else members_of(bytes(block)))


def _is_blank(block: Block | Raw) -> bool:
    return isinstance(block, dict) and isinstance(text := block.get("text"), str) and not text.strip()


def _reasoning(raw: Raw, at: str) -> Sequence[Block]:
    """Anthropic's thinking blocks as Converse's. Raises Fault(BAD_REQUEST)."""
    blocks: list[Block] = []
    try:
        for block in members_list(raw):
            if block.get("type") == Raw(b'"redacted_thinking"'):
                blocks.append({"reasoningContent": {"redactedContent": block["data"]}})
            elif block.get("signature", NULL) not in (NULL, Raw(b'""')):
                said = {"text": block["thinking"], "signature": block["signature"]}
                blocks.append({"reasoningContent": {"reasoningText": said}})
    except (KeyError, msgspec.ValidationError) as error:
        raise bad_request(at, "expected a list of thinking blocks") from error
    return blocks
