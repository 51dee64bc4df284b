"""What plain requests and plain answers have in common.

Plain JSON has only members that are known here, each with a value of its exact type: one typed decoding shows
it, at a fifth of what a message costs to read and to write again. `plain_request` and `plain_reply` are the
short way for it, between callers by HTTP and providers of OpenAI's dialect; tests hold both to what the way
by the message gives, and whatever is not plain takes that.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Int32 = Annotated[int, Meta(ge=-(1 << 31), le=(1 << 31) - 1)]
Int64 = Annotated[int, Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
Text = Annotated[str, Meta(min_length=1)]


class Plain(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """An object with no member but these."""


class Called(Plain):
    """The function of a call."""

    name: str
    arguments: str


class Call(Plain):
    """A call of a tool, in an answer or in the history of a request."""

    id: Text
    type: Literal["function"]
    function: Called
