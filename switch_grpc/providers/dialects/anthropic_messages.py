"""The conversation: OpenAI's messages as Anthropic's system prompt and turns.

- System and developer messages before the first turn are the `system` prompt, in order. Later ones stay
  where they are, as turns of the role `system`, on a model that takes those: at the end of the user's turn
  they stand in or before, the only place Anthropic takes them. Otherwise they join the end of `system`.
- Messages of one role that follow each other are one turn; tool messages are `tool_result` blocks of the
  user's turn, before all else in it. Blank texts are left out: Anthropic refuses them. Where that leaves the
  assistant with the last word, which is to be gone on with, the user's last turn is a full stop, and noted.
- A conversation of system messages alone is the user's turn: Anthropic wants one.
- An assistant message goes back block by block as it came, where it still carries `thinking_blocks` or
  `content_blocks` (see anthropic_reply) and its text and calls have not been changed. Reasoning without a
  signature, which is another provider's, is left out: Anthropic accepts only its own.
- Ids of calls are spelt in the letters that Anthropic takes, the same for a call and its result.
- `cache_control` on a message marks its last block. Other members that only other providers know, names of
  participants and annotations have no place in a turn and are left out.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from msgspec import Raw

from switch_grpc.faults import bad_request
from switch_grpc.providers.dialects.anthropic_blocks import Block, blocks_of, text_block
from switch_grpc.providers.dialects.calls import CallIds, input_of, plain_name
from switch_grpc.providers.dialects.changes import NOTHING_SAID, Changes
from switch_grpc.providers.dialects.members import Members, extra_of, members_list, members_of, text_of
from switch_grpc.providers.dialects.refusal import Cannot
from switch_grpc.v1 import chat_pb2 as pb

Blocks = list[Block | Raw]

_CALL_EXTRAS: Final = ("cache_control", "caller", "toolset_name")
_flag: Final = msgspec.json.Decoder(bool).decode
_TEXT, _TOOL_USE = Raw(b'"text"'), Raw(b'"tool_use"')
_THINKING: Final = (Raw(b'"thinking"'), Raw(b'"redacted_thinking"'))


def conversation(
    messages: Iterable[pb.Message], *, system_turns: bool, changes: Changes
) -> tuple[Blocks, list[dict[str, Any]]]:
    """The blocks of the system prompt, and the turns.

    Raises Fault(CAPABILITY | BAD_REQUEST) naming what Anthropic has no place for.
    """
    gathered = _Conversation(system_turns, changes)
    for index, message in enumerate(messages):
        gathered.add(message, f"messages[{index}]")
    turns = gathered.turns()
    if turns:
        return gathered.system, turns
    if not gathered.system:
        raise changes.cannot("messages", NOTHING_SAID)
    return [], [{"role": "user", "content": _content("user", gathered.system)}]


def resumes_without_thinking(turns: Sequence[dict[str, Any]]) -> bool:
    """Whether the answer goes on with a turn that called tools and did not begin with thinking."""
    if len(turns) < 2 or isinstance(turns[-1]["content"], str):
        return False
    first = turns[-2]["content"][0]
    thought = isinstance(first, dict) and first.get("type") in _THINKING
    return not thought and any(_is_result(block) for block in turns[-1]["content"])


def trim_end(turns: Sequence[dict[str, Any]], changes: Changes) -> None:
    """Takes the white space off the end of an answer that the model is to go on with.

    "messages: final assistant content cannot end with trailing whitespace"
    """
    content = turns[-1]["content"]
    block = content[-1] if isinstance(content, list) else {"text": content}
    if turns[-1]["role"] != "assistant" or not isinstance(block, dict) or "text" not in block:
        return
    text = block["text"] if isinstance(block["text"], str) else text_of(block["text"])
    trimmed = text.rstrip()
    if trimmed == text:
        return
    turns[-1]["content"] = trimmed if content is text else [*content[:-1], {**block, "text": trimmed}]
    note = f"white space at the end of the last message left out: {changes.model} takes none"
    changes.make("messages", "white space at the end of the last, the assistant's", note)


class _Conversation:
    """The conversation, as far as it has been read."""

    def __init__(self, system_turns: bool, changes: Changes) -> None:
        self.system: Blocks = []
        self._system_turns = system_turns
        self._changes = changes
        self._cannot = changes.cannot
        self._blank = False  # the last message that is no system's is the user's and says nothing
        self._ids = CallIds()
        self._turns: list[tuple[str, Blocks]] = []
        self._pending: Blocks = []  # of system messages that wait for the end of the user's turn

    def add(self, message: pb.Message, at: str) -> None:
        extra = extra_of(message.extra_json)
        match message.role:
            case pb.ROLE_USER:
                said = blocks_of(message, at, self._cannot)
                self._turn("user", said, extra)
                self._blank = not said
            case pb.ROLE_ASSISTANT:
                blocks = _assistant(message, extra, at, self._ids, self._cannot)
                if blocks:
                    self._end_of_user()
                self._turn("assistant", blocks, extra)
            case pb.ROLE_TOOL:
                self._turn("user", [_tool_result(message, extra, at, self._ids, self._cannot)], extra)
            case pb.ROLE_SYSTEM | pb.ROLE_DEVELOPER:
                blocks = _marked(blocks_of(message, at, self._cannot), extra)
                (self._pending if self._turns and self._system_turns else self.system).extend(blocks)
            case _:
                raise self._cannot(f"{at}.role", f"the role {message.role_text!r}")

    def turns(self) -> list[dict[str, Any]]:
        if self._blank and self._turns and self._turns[-1][0] == "assistant":
            self._turn("user", text_block(self._changes.close()), Members())
        self._end_of_user()
        return [{"role": role, "content": _content(role, blocks)} for role, blocks in self._turns]

    def _turn(self, role: str, blocks: Blocks, extra: Members) -> None:
        if not blocks:
            return
        self._blank = False
        blocks = _marked(blocks, extra)
        if self._turns and self._turns[-1][0] == role:
            self._turns[-1][1].extend(blocks)
        else:
            self._turns.append((role, blocks))

    def _end_of_user(self) -> None:
        if self._pending:
            if self._turns[-1][0] == "user":
                self._turns.append(("system", self._pending))
            else:
                self.system += self._pending
            self._pending = []


def _marked(blocks: Blocks, extra: Members) -> Blocks:
    """With the message's cache marker on the last block."""
    if "cache_control" in extra and blocks:
        last = blocks[-1]
        if isinstance(last, Raw):
            last = dict(members_of(last))
        blocks = [*blocks[:-1], {"cache_control": extra["cache_control"], **last}]
    return blocks


def _content(role: str, blocks: Blocks) -> str | Blocks:
    """One plain text as a string; tool results before all else, as Anthropic wants them."""
    if len(blocks) == 1:
        (block,) = blocks
        if isinstance(block, dict) and len(block) == 2 and isinstance(block.get("text"), str):
            return str(block["text"])
    elif role == "user" and any(map(_is_result, blocks)):
        return sorted(blocks, key=lambda block: not _is_result(block))
    return blocks


def _is_result(block: Block | Raw) -> bool:
    return isinstance(block, dict) and "tool_use_id" in block


# -- tool results --


def _tool_result(message: pb.Message, extra: Members, at: str, ids: CallIds, cannot: Cannot) -> Block:
    if not message.tool_call_id:
        raise bad_request(f"{at}.tool_call_id", "is missing; name the call that this message answers")
    block: Block = {"type": "tool_result", "tool_use_id": ids.of_result(message.tool_call_id)}
    content = blocks_of(message, at, cannot)
    if content:
        block["content"] = _content("tool", content)
    if "is_error" in extra:
        try:
            block["is_error"] = _flag(extra["is_error"])
        except msgspec.ValidationError as error:
            raise bad_request(f"{at}.is_error", "expected true or false") from error
    return block


# -- the assistant's own messages --


def _assistant(message: pb.Message, extra: Members, at: str, ids: CallIds, cannot: Cannot) -> Blocks:
    if message.HasField("audio"):
        raise cannot(f"{at}.audio", "audio")
    calls = [
        _tool_use(call, f"{at}.tool_calls[{index}]", ids, cannot)
        for index, call in enumerate(message.tool_calls)
    ]
    kept = _kept(extra, "content_blocks", at)
    if kept and _unchanged(kept, message, calls):
        return [*kept]
    thinking = kept or _kept(extra, "thinking_blocks", at)
    blocks: Blocks = [block for block in thinking if block.get("type") in _THINKING]
    blocks += blocks_of(message, at, cannot) or text_block(message.refusal)
    return blocks + calls


def _kept(extra: Members, name: str, at: str) -> Sequence[Members]:
    raw = extra.get(name)
    if raw is None:
        return ()
    try:
        return members_list(raw)
    except msgspec.ValidationError as error:
        raise bad_request(f"{at}.{name}", "expected a list of content blocks") from error


def _unchanged(kept: Sequence[Members], message: pb.Message, written: Sequence[Block]) -> bool:
    """Whether the blocks say what the message and its calls, as they are written, say."""
    said = "".join(part.text for part in message.parts) if message.parts else message.content
    try:
        texts = "".join(text_of(block["text"]) for block in kept if block.get("type") == _TEXT)
        calls = [text_of(block["id"]) for block in kept if block.get("type") == _TOOL_USE]
    except (KeyError, msgspec.ValidationError):
        return False
    return texts == said and calls == [call["id"] for call in written]


def _tool_use(call: pb.ToolCall, at: str, ids: CallIds, cannot: Cannot) -> Block:
    if call.WhichOneof("kind") != "function":
        raise cannot(at, "calls of tools that are no functions")
    if not call.id:
        raise bad_request(f"{at}.id", "is missing")
    block: Block = {
        "type": "tool_use",
        "id": ids.of_call(call.id),
        "name": plain_name(call.function.name, 128),
        "input": input_of(call.function.arguments),
    }
    if call.extra_json:
        extra = extra_of(call.extra_json)
        block |= {name: extra[name] for name in _CALL_EXTRAS if name in extra}
    return block
