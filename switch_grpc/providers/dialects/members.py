"""JSON objects whose members stay as they were written: those of an `extra_json`, blocks of content.

Also what is checked of a provider's JSON before parts of it travel on unread.
"""

from typing import Final

import msgspec
from msgspec import Raw

from switch_grpc.openai_wire.guard import Excess, check_raw

Members = dict[str, Raw]

NULL: Final = Raw(b"null")

encode: Final = msgspec.json.Encoder().encode
members_of: Final = msgspec.json.Decoder(Members).decode
members_list: Final = msgspec.json.Decoder(list[Members]).decode
raws_of: Final = msgspec.json.Decoder(list[Raw]).decode
text_of: Final = msgspec.json.Decoder(str).decode

# What goes wrong where an answer is not of its provider's shape.
UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, Excess, KeyError, RecursionError)


def checked(data: bytes) -> bytes:
    """`data`, whose parts may travel as they stand. Raises one of UNREADABLE past the bounds of `check_raw`.

    msgspec skips over what it need not read: a text that is not UTF-8, a nesting that would be too deep for
    those who read it later.
    """
    if not data.isascii():
        data.decode()
    return check_raw(data)


def extra_of(text: str) -> Members:
    """The members of an extra_json that are not null."""
    return {name: raw for name, raw in members_of(text).items() if raw != NULL} if text else {}
