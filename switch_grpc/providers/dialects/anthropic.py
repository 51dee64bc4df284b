"""Anthropic's Messages API: chat, whole and streamed.

What is a request, a conversation, an answer and a stream stands in the modules of those names (anthropic_*);
here is what the wire needs around them. There are no embeddings and no legacy completions: TextAsChat wraps
this for those.

A target's `headers` may set `anthropic-version` and `anthropic-beta`. Sent unasked is 2023-06-01: later
versions refuse temperature, top_p and top_k at the models that still take them, and every model speaks it
(https://platform.claude.com/docs/en/api/migration-2026-10-21).
"""

from collections.abc import Sequence
from typing import Final

from google.protobuf.message import Message

from switch_grpc.faults import Fault, Kind
from switch_grpc.providers.dialects.anthropic_error import error_of, failure_of
from switch_grpc.providers.dialects.anthropic_models import TraitsOf, traits_of
from switch_grpc.providers.dialects.anthropic_reply import response_of
from switch_grpc.providers.dialects.anthropic_request import encode_request
from switch_grpc.providers.dialects.anthropic_stream import AnthropicStream
from switch_grpc.providers.dialects.base import (
    Binding,
    Framing,
    StreamDecoder,
    UpstreamError,
    WireReply,
    WireRequest,
)
from switch_grpc.providers.dialects.broken import unread
from switch_grpc.providers.dialects.changes import Changes
from switch_grpc.providers.dialects.functions import as_tools, in_functions
from switch_grpc.providers.dialects.headers import content_type, headers_of
from switch_grpc.providers.dialects.members import UNREADABLE, checked, members_of
from switch_grpc.providers.framing.sse import ServerSentEvents
from switch_grpc.request import Body, Head, Operation
from switch_grpc.v1 import chat_pb2 as pb

VERSION: Final = "2023-06-01"


class Anthropic:
    """The dialect; stateless."""

    __slots__ = ("_traits_of",)

    def __init__(self, traits_of: TraitsOf = traits_of) -> None:
        """`traits_of` tells what the model of a name can do."""
        self._traits_of = traits_of

    # -- request --

    def encode(self, head: Head, body: Body[Message], binding: Binding) -> Sequence[WireRequest]:
        _require_chat(head.operation)
        request = body.message()
        assert isinstance(request, pb.ChatRequest)

        traits = self._traits_of(binding.model)
        changes = Changes(binding)
        request = as_tools(request, changes.cannot, one=True)
        data = encode_request(request, binding, stream=head.stream, traits=traits, changes=changes)
        url, headers = (
            _url(binding.base_url),
            {"anthropic-version": VERSION, **headers_of(binding, stream=head.stream)},
        )
        return [WireRequest(url=url, headers=headers, body=data, adaptations=changes.notes)]

    # -- reply --

    def decode(self, operation: Operation, replies: Sequence[WireReply], binding: Binding) -> Message:
        _require_chat(operation)
        (reply,) = replies
        kind = content_type(reply.headers)
        if kind in ("text/html", "text/event-stream"):
            raise unread(binding, f"answered with content type {kind!r} where JSON was expected")
        try:
            members = members_of(checked(reply.body))
            if "error" in members and "content" not in members:
                raise failure_of(reply.body)
            return response_of(members)
        except UNREADABLE as error:
            raise unread(
                binding, "answered with something else than a message; check the target's apiBase"
            ) from error

    # -- stream --

    def framing(self) -> Framing:
        return ServerSentEvents()

    def decoder(self, head: Head, body: Body[Message], binding: Binding) -> StreamDecoder:
        _require_chat(head.operation)
        return in_functions(AnthropicStream(binding), body)

    # -- faults --

    def error(self, reply: WireReply) -> UpstreamError:
        return error_of(reply.body)


def _url(base: str) -> str:
    """The endpoint under a root or a root with `/v1`; a query that the base carries stays at the end."""
    root, question, query = base.partition("?")
    return f"{root.rstrip('/').removesuffix('/v1')}/v1/messages{question}{query}"


def _require_chat(operation: Operation) -> None:
    if operation is not Operation.CHAT:
        raise Fault(Kind.UNSUPPORTED, f"the Messages API has no {operation} calls")
