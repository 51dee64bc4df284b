"""Google's Gemini: generateContent and its stream, and embeddings, of the Gemini API and of Vertex AI.

Here is what the wire needs around the translation: URLs and headers, and which of the two services it is.
Requests are in gemini_request, _contents and _parts, answers in gemini_reply, embeddings in gemini_embed,
errors in gemini_error. Text completions are chats of one message (see text_as_chat).

The Gemini API has models under its base. On Vertex the base ends in the project and location, and a model is
one of Google's unless its name says whose it is (`publishers/meta/models/...`, `endpoints/123`).
"""

from collections.abc import Sequence
from typing import Final

from google.protobuf.message import Message

from switch_grpc.faults import Fault, Kind
from switch_grpc.providers.dialects.base import (
    Binding,
    Framing,
    StreamDecoder,
    UpstreamError,
    WireReply,
    WireRequest,
)
from switch_grpc.providers.dialects.changes import Changes
from switch_grpc.providers.dialects.functions import as_tools, in_functions
from switch_grpc.providers.dialects.gemini_embed import decode_embed, encode_embed
from switch_grpc.providers.dialects.gemini_error import error_of
from switch_grpc.providers.dialects.gemini_reply import GeminiStream, decode_chat
from switch_grpc.providers.dialects.gemini_request import encode_chat, version_of
from switch_grpc.providers.dialects.headers import headers_of
from switch_grpc.providers.framing.sse import ServerSentEvents
from switch_grpc.request import Body, Head, Operation
from switch_grpc.v1 import chat_pb2, embedding_pb2

# The first whose API fetches other addresses than its own: https://ai.google.dev/gemini-api/docs/file-input-methods
_FETCHES: Final = (2, 5)


class Gemini:
    """The dialect; stateless."""

    __slots__ = ("_vertex",)

    def __init__(self, *, vertex: bool = False) -> None:
        """`vertex`: speaks to Vertex AI, not to the Gemini API."""
        self._vertex = vertex

    # -- request --

    def encode(self, head: Head, body: Body[Message], binding: Binding) -> Sequence[WireRequest]:
        request = body.message()
        model = model_path(binding.model, vertex=self._vertex)
        changes = Changes(binding)
        if isinstance(request, embedding_pb2.EmbedRequest):
            calls = encode_embed(request, binding, vertex=self._vertex)
        else:
            assert isinstance(request, chat_pb2.ChatRequest)
            fetches = self._vertex or version_of(binding.model) >= _FETCHES
            request = as_tools(request, changes.cannot, one=False)
            data = encode_chat(request, binding, stream=head.stream, fetches=fetches, changes=changes)
            calls = [("streamGenerateContent" if head.stream else "generateContent", data)]
        headers = headers_of(binding, stream=head.stream)
        query = "alt=sse" if head.stream else ""  # else a stream is one JSON list
        return [
            WireRequest(
                url=url_of(binding.base_url, f"{model}:{verb}", query),
                headers=headers,
                body=data,
                adaptations=changes.notes,
            )
            for verb, data in calls
        ]

    # -- reply --

    def decode(self, operation: Operation, replies: Sequence[WireReply], binding: Binding) -> Message:
        bodies = [reply.body for reply in replies]
        if operation is Operation.EMBED:
            return decode_embed(bodies, binding)
        (body,) = bodies
        return decode_chat(body, binding)

    # -- stream --

    def framing(self) -> Framing:
        return ServerSentEvents()

    def decoder(self, head: Head, body: Body[Message], binding: Binding) -> StreamDecoder:
        if head.operation is Operation.EMBED:
            raise Fault(Kind.UNSUPPORTED, f"{head.operation} calls have no stream; ask without `stream`")
        return in_functions(GeminiStream(binding), body)

    # -- faults --

    def error(self, reply: WireReply) -> UpstreamError:
        return error_of(reply.body)


def model_path(model: str, *, vertex: bool) -> str:
    """The model's place under the base."""
    if "/" in model:
        return model
    return f"publishers/google/models/{model}" if vertex else f"models/{model}"


def url_of(base: str, method: str, query: str = "") -> str:
    """The method's address; a query that the base carries stays."""
    root, _, given = base.partition("?")
    queries = "&".join(filter(None, (given, query)))
    return f"{root.rstrip('/')}/{method}" + (f"?{queries}" if queries else "")
