"""JSON objects whose members stay as they were written: those of an `extra_json`, blocks of content."""

from typing import Final

import msgspec
from msgspec import Raw

Members = dict[str, Raw]

NULL: Final = Raw(b"null")

encode: Final = msgspec.json.Encoder().encode
members_of: Final = msgspec.json.Decoder(Members).decode
members_list: Final = msgspec.json.Decoder(list[Members]).decode
raws_of: Final = msgspec.json.Decoder(list[Raw]).decode
text_of: Final = msgspec.json.Decoder(str).decode


def extra_of(text: str) -> Members:
    """The members of an extra_json that are not null."""
    return {name: raw for name, raw in members_of(text).items() if raw != NULL} if text else {}
