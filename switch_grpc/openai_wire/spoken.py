"""Answers that come as a list of parts where OpenAI's have one text: Mistral's, while its models reason.

    {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, {"type": "text", ...}]}

Nothing but texts and thoughts is read as `content` and `reasoning`, so that callers find them where every
other provider has them. A list with anything else in it, such as a reference, stays the list that it is.
Source: https://docs.mistral.ai/capabilities/reasoning, and recorded streams.
"""

from typing import Any, Final

import msgspec
from msgspec import Raw

Fields = dict[str, Any]


class _Text(msgspec.Struct, tag_field="type", tag="text", forbid_unknown_fields=True):
    text: str


class _Thought(msgspec.Struct, tag_field="type", tag="thinking", forbid_unknown_fields=True):
    thinking: list[_Text]
    closed: bool | None = None  # no more of it will come; the answer tells as much
    signature: None = None


_parts_of: Final = msgspec.json.Decoder(list[_Text | _Thought]).decode


def read_spoken(raw: Raw) -> Fields | None:
    """The fields `content` and `reasoning` of a list of parts; None for any other list.

    A thought without a text, which ends them in a stream, says nothing.
    """
    try:
        parts = _parts_of(raw)
    except (msgspec.ValidationError, RecursionError):
        return None
    if not parts:
        return None
    texts = [part.text for part in parts if isinstance(part, _Text)]
    thoughts = [said.text for part in parts if isinstance(part, _Thought) for said in part.thinking]
    fields: Fields = {}
    if texts:
        fields["content"] = "".join(texts)
    if any(thoughts):
        fields["reasoning"] = "".join(thoughts)
    return fields
