"""Whole answers of Converse and their parts: content blocks, stop reasons and usage as OpenAI says them.

    text, citationsContent        content, one after the other; citations as annotations
    reasoningContent              reasoning; with its signature in the message's `thinking_blocks`
    toolUse                       tool_calls
    all else                      the message's `converse_blocks`, as it came: calls that Bedrock itself
                                  answered, with their results; images; what is new
    usage                         prompt_tokens counts cached tokens too, as OpenAI's does
    stopReason                    finish_reason; in the choice's `stop_reason` where ours says less
    metrics, trace, ...           the reply's extra_json, as they came

`thinking_blocks` are in Anthropic's form, so that a conversation may go on at either: Claude's signatures
hold on every cloud (platform.claude.com/docs, extended thinking).
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import msgspec
from msgspec import Raw

from switch_grpc.providers.dialects.members import NULL, Members, encode, members_of, raws_of, text_of
from switch_grpc.v1 import chat_pb2 as pb

_count: Final = msgspec.json.Decoder(Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]).decode
_whole: Final = msgspec.json.Decoder(Annotated[int, msgspec.Meta(ge=0, le=1 << 31)]).decode

FINISH: Final[Mapping[str, int]] = {
    "end_turn": pb.FINISH_REASON_STOP,
    "stop_sequence": pb.FINISH_REASON_STOP,
    "tool_use": pb.FINISH_REASON_TOOL_CALLS,
    "max_tokens": pb.FINISH_REASON_LENGTH,
    "model_context_window_exceeded": pb.FINISH_REASON_LENGTH,
    "content_filtered": pb.FINISH_REASON_CONTENT_FILTER,
    "guardrail_intervened": pb.FINISH_REASON_CONTENT_FILTER,
}  # what is new stays as it is, in finish_reason_text
_EXACT: Final = frozenset({"end_turn", "tool_use", "max_tokens"})
SERVERS: Final = Raw(b'"server_tool_use"')  # a call that Bedrock makes and answers itself

# `p` is padding against guessing texts from the lengths of events.
_KNOWN: Final = frozenset({"output", "stopReason", "usage", "p"})
# The two with "Count" repeat the two without.
_COUNTS: Final = frozenset(
    {
        "inputTokens",
        "outputTokens",
        "totalTokens",
        "cacheReadInputTokens",
        "cacheWriteInputTokens",
        "cacheReadInputTokenCount",
        "cacheWriteInputTokenCount",
    }
)
_NOTHING: Final = (NULL, Raw(b"{}"), Raw(b"[]"))


class _Message(msgspec.Struct):
    content: list[Members]


class _Output(msgspec.Struct):
    message: _Message


_output: Final = msgspec.json.Decoder(_Output).decode


class Kept:
    """What of an answer must travel beside the message, for the conversation to go on as it was."""

    __slots__ = ("blocks", "thinking")

    def __init__(self) -> None:
        self.thinking: list[dict[str, Any]] = []
        self.blocks: list[Raw] = []

    def thought(self, text: str, signature: str) -> None:
        if signature:
            self.thinking.append({"type": "thinking", "thinking": text, "signature": signature})

    def redacted(self, data: str) -> None:
        self.thinking.append({"type": "redacted_thinking", "data": data})

    def extra(self) -> str:
        """The text of the message's extra_json."""
        members: dict[str, Any] = {}
        if self.thinking:
            members["thinking_blocks"] = self.thinking
        if self.blocks:
            members["converse_blocks"] = self.blocks
        return encode(members).decode() if members else ""


def response_of(members: Members, model: str) -> pb.ChatResponse:
    """A whole answer. Raises one of UNREADABLE where it is none."""
    said: list[str] = []
    thought: list[str] = []
    calls: list[dict[str, Any]] = []
    annotations: list[Raw] = []
    kept = Kept()
    length = 0
    for block in _output(members["output"]).message.content:
        kind, value = next(iter(block.items()))
        if kind == "text":
            said.append(text_of(value))
            length += len(said[-1])
        elif kind == "toolUse" and (use := members_of(value)).get("type") != SERVERS:
            calls.append(_call(use))
        elif kind == "reasoningContent":
            thought.append(_reasoning(members_of(value), kept))
        elif kind == "citationsContent":
            cited = members_of(value)
            text = "".join(text_of(members_of(part)["text"]) for part in raws_of(cited.get("content", b"[]")))
            annotations += annotations_of(raws_of(cited.get("citations", b"[]")), length, length + len(text))
            length += len(text)
            said.append(text)
        else:
            kept.blocks.append(Raw(encode(block)))
    if "additionalModelResponseFields" in members:
        annotations += cited_documents(members)
    message: dict[str, Any] = {"role": pb.ROLE_ASSISTANT, "extra_json": kept.extra()}
    content = "".join(said)
    if content or not calls:
        message["content"] = content
    if any(thought):
        message["reasoning"] = "".join(thought)
    if calls:
        message["tool_calls"] = calls
    if annotations:
        message["annotations_json"] = encode(annotations)
    return pb.ChatResponse(
        model=model,
        choices=[{"message": message, **finish_of(members["stopReason"])}],
        usage=usage_of(members_of(members["usage"])),
        **rest_of(members),
    )


def _call(use: Members) -> dict[str, Any]:
    arguments = bytes(use.get("input", b"{}"))
    return {
        "id": text_of(use["toolUseId"]),
        "function": {"name": text_of(use["name"]), "arguments": arguments},
    }


def _reasoning(content: Members, kept: Kept) -> str:
    """What it says; nothing where it is hidden."""
    if "redactedContent" in content:
        kept.redacted(text_of(content["redactedContent"]))
        return ""
    said = members_of(content["reasoningText"])
    text = text_of(said["text"])
    kept.thought(text, text_of(said.get("signature", b'""')))
    return text


# -- citations --


def annotations_of(citations: Sequence[Raw], start: int, end: int) -> list[Raw]:
    """Citations as OpenAI's annotations; `start` and `end` are their text's place in the content.

    Those of web pages are `url_citation`; those of documents keep Converse's members.
    """
    return [_annotation(members_of(citation), start, end) for citation in citations]


def _annotation(citation: Members, start: int, end: int) -> Raw:
    place: dict[str, Any] = {"start_index": start, "end_index": end}
    web = members_of(citation.get("location", b"{}")).get("web", NULL)
    if web != NULL:
        named = {"url": members_of(web)["url"], "title": citation.get("title", Raw(b'""'))}
        return Raw(encode({"type": "url_citation", "url_citation": {**place, **named}}))
    return Raw(encode({"type": "citation", "citation": {**place, **citation}}))


def cited_documents(members: Members) -> list[Raw]:
    """Cohere's citations of the documents that came with the request, where they were asked for."""
    fields = members.get("additionalModelResponseFields", NULL)
    if bytes(fields)[:1] != b"{":
        return []
    citations = members_of(fields).get("citations", NULL)
    if bytes(citations)[:1] != b"[":
        return []
    annotations = []
    for citation in map(members_of, raws_of(citations)):
        more = {name: raw for name, raw in citation.items() if name not in ("start", "end")}
        if "start" in citation and "end" in citation:
            annotations.append(_annotation(Members(more), _whole(citation["start"]), _whole(citation["end"])))
    return annotations


# -- stop reason, usage, and the rest --


def finish_of(raw: Raw) -> dict[str, Any]:
    """A choice's fields that say why it ended."""
    reason = text_of(raw)
    if reason not in FINISH:
        return {"finish_reason_text": reason}
    fields: dict[str, Any] = {"finish_reason": FINISH[reason]}
    if reason not in _EXACT:
        fields["extra_json"] = encode({"stop_reason": reason})
    return fields


def usage_of(members: Members) -> dict[str, Any]:
    """A Usage's fields. Bedrock's inputTokens are those that no cache held."""
    read, written = _number(members, "cacheReadInputTokens"), _number(members, "cacheWriteInputTokens")
    prompt = (_number(members, "inputTokens") or 0) + (read or 0) + (written or 0)
    output = _number(members, "outputTokens") or 0
    usage: dict[str, Any] = {"prompt_tokens": prompt, "completion_tokens": output}
    total = _number(members, "totalTokens")
    usage["total_tokens"] = prompt + output if total is None else total
    details = {"cached_tokens": read, "cache_write_tokens": written}
    if any(count is not None for count in details.values()):
        usage["prompt_tokens_details"] = {name: n for name, n in details.items() if n is not None}
    more = {name: raw for name, raw in members.items() if name not in _COUNTS and raw not in _NOTHING}
    if more:
        usage["extra_json"] = encode(more)
    return usage


def rest_of(members: Members) -> dict[str, Any]:
    """A reply's fields for what else Bedrock says of it: metrics, trace, serviceTier, ..."""
    more = {name: raw for name, raw in members.items() if name not in _KNOWN and raw != NULL}
    fields: dict[str, Any] = {"extra_json": encode(more)} if more else {}
    if "serviceTier" in more:
        fields["service_tier"] = text_of(members_of(more["serviceTier"])["type"])
    return fields


def _number(members: Members, name: str) -> int | None:
    raw = members.get(name, NULL)
    return None if raw == NULL else _count(raw)
