"""Vertex AI: Gemini's dialect for Google's models, Anthropic's for Claude; the model's name decides.

Claude is asked as at Anthropic but for the address (`rawPredict`), and the version stands in the body in
place of the model: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/use-claude
"""

from collections.abc import Sequence
from typing import Final

from google.protobuf.message import Message
from msgspec import Raw
from msgspec.structs import replace

from switch_grpc.providers.dialects.anthropic import Anthropic
from switch_grpc.providers.dialects.anthropic_error import error_of as anthropic_error_of
from switch_grpc.providers.dialects.base import (
    Binding,
    Dialect,
    Framing,
    StreamDecoder,
    UpstreamError,
    WireReply,
    WireRequest,
)
from switch_grpc.providers.dialects.gemini import Gemini, url_of
from switch_grpc.providers.dialects.gemini_error import error_of
from switch_grpc.providers.dialects.members import encode, members_of
from switch_grpc.request import Body, Head, Operation

ANTHROPIC_VERSION: Final = "vertex-2023-10-16"


class Vertex:
    """The dialect; stateless."""

    __slots__ = ("_claude", "_gemini")

    def __init__(self) -> None:
        self._gemini = Gemini(vertex=True)
        self._claude = _Claude()

    def encode(self, head: Head, body: Body[Message], binding: Binding) -> Sequence[WireRequest]:
        return self._of(binding).encode(head, body, binding)

    def decode(self, operation: Operation, replies: Sequence[WireReply], binding: Binding) -> Message:
        return self._of(binding).decode(operation, replies, binding)

    def framing(self) -> Framing:
        return self._gemini.framing()  # both speak server-sent events

    def decoder(self, head: Head, body: Body[Message], binding: Binding) -> StreamDecoder:
        return self._of(binding).decoder(head, body, binding)

    def error(self, reply: WireReply) -> UpstreamError:
        """Google's envelope, or Anthropic's, which names its types in lower case and has no status."""
        error = error_of(reply.body)
        return error if error.type else anthropic_error_of(reply.body)

    def _of(self, binding: Binding) -> Dialect:
        name = binding.model.rpartition("/")[2]
        return self._claude if name.startswith("claude") else self._gemini


class _Claude(Anthropic):
    """Anthropic's dialect at Vertex's addresses."""

    __slots__ = ()

    def encode(self, head: Head, body: Body[Message], binding: Binding) -> Sequence[WireRequest]:
        return [_for_vertex(wire, head, binding) for wire in super().encode(head, body, binding)]


def _for_vertex(wire: WireRequest, head: Head, binding: Binding) -> WireRequest:
    members = members_of(wire.body)
    del members["model"]
    members["anthropic_version"] = Raw(encode(ANTHROPIC_VERSION))
    name = binding.model
    model = name if "/" in name else f"publishers/anthropic/models/{name}"
    verb = "streamRawPredict" if head.stream else "rawPredict"
    return replace(
        wire,
        url=url_of(binding.base_url, f"{model}:{verb}"),
        headers={name: value for name, value in wire.headers.items() if name != "anthropic-version"},
        body=encode(members),
    )
