"""Bedrock's Converse and ConverseStream: one wire format for the chat models of every maker on AWS."""

from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import quote

from google.protobuf.message import Message
from msgspec.structs import replace

from switch_grpc.faults import Fault, Kind
from switch_grpc.providers.bedrock_models import maker, resolve, retired
from switch_grpc.providers.dialects.base import (
    Binding,
    Framing,
    StreamDecoder,
    UpstreamError,
    UpstreamFailure,
    WireReply,
    WireRequest,
)
from switch_grpc.providers.dialects.broken import unread
from switch_grpc.providers.dialects.changes import Changes
from switch_grpc.providers.dialects.converse_error import error_of
from switch_grpc.providers.dialects.converse_reply import response_of
from switch_grpc.providers.dialects.converse_request import encode_request
from switch_grpc.providers.dialects.converse_stream import ConverseStream
from switch_grpc.providers.dialects.functions import as_tools, in_functions
from switch_grpc.providers.dialects.headers import headers_of
from switch_grpc.providers.dialects.members import UNREADABLE, checked, members_of
from switch_grpc.providers.framing.eventstream import EventStream
from switch_grpc.request import Body, Head, Operation
from switch_grpc.v1 import chat_pb2


class Converse:
    """The dialect; stateless. Serves chat only."""

    __slots__ = ()

    def encode(self, head: Head, body: Body[Message], binding: Binding) -> Sequence[WireRequest]:
        request = body.message()
        assert isinstance(request, chat_pb2.ChatRequest)
        model = model_of(binding)
        changes = Changes(binding)
        claude = maker(model) == "anthropic"  # which alone can be told to call one at a time
        request = as_tools(request, changes.cannot, one=claude)
        data = encode_request(request, binding, model, stream=head.stream, changes=changes)
        path = "converse-stream" if head.stream else "converse"
        wire = wire_request(binding, model, path, data, stream=head.stream)
        return [replace(wire, adaptations=changes.notes) if changes.notes else wire]

    def decode(self, operation: Operation, replies: Sequence[WireReply], binding: Binding) -> Message:
        (reply,) = replies
        try:
            members = members_of(checked(reply.body))
            if "output" not in members and (error := error_of(reply)).type:
                raise UpstreamFailure(500, error)
            return response_of(members, binding.model)
        except (*UNREADABLE, StopIteration) as error:
            raise unreadable(binding) from error

    def framing(self) -> Framing:
        return EventStream()

    def decoder(self, head: Head, body: Body[Message], binding: Binding) -> StreamDecoder:
        return in_functions(ConverseStream(binding), body)

    def error(self, reply: WireReply) -> UpstreamError:
        return error_of(reply)


# What all of Bedrock's operations share.


def model_of(binding: Binding) -> str:
    """The model's id. Raises Fault(UPSTREAM_MODEL_MISSING) where Bedrock has retired it."""
    instead = retired(binding.model)
    if instead is not None:
        raise Fault(
            Kind.UPSTREAM_MODEL_MISSING,
            f"target {binding.target!r}: Bedrock has retired the model {binding.model!r}; use {instead}",
            target=binding.target,
        )
    return resolve(binding.model, binding.region)


def wire_request(
    binding: Binding, model: str, operation: str, data: bytes, *, stream: bool = False
) -> WireRequest:
    headers = headers_of(binding, stream=stream, events="application/vnd.amazon.eventstream")
    url = f"{binding.base_url.rstrip('/')}/model/{_segment(model)}/{operation}"
    return WireRequest(url=url, headers=headers, body=data)


@lru_cache(maxsize=1024)
def _segment(model: str) -> str:
    """All of an id is one segment of the path: its colons and an ARN's slashes are escaped."""
    return quote(model, safe="")


def unreadable(binding: Binding) -> Fault:
    return unread(binding, "answered with something else than Bedrock's JSON; check its apiBase")
