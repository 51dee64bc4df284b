"""What the HTTP door needs of whatever answers it: the engine beside it, or one across gRPC."""

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from google.protobuf.message import Message

from switch_grpc.call import Call
from switch_grpc.openai_wire import Chunk, Reply
from switch_grpc.permit import Permit
from switch_grpc.request import Body, Head
from switch_grpc.v1 import admin_pb2, switch_pb2


class Backend(Protocol):
    """A routing engine. Every method may raise Fault."""

    async def open(self, call: Call, scope: str) -> Permit:
        """Authenticates and admits the call; before its body is read."""

    async def unary(self, permit: Permit, head: Head, body: Body[Message]) -> Reply:
        """The whole reply: ChatResponse, CompletionResponse or EmbedResponse, with route_info.

        A plain one only where the body is plain and takes JSON.
        """

    def stream(
        self, permit: Permit, head: Head, body: Body[Message]
    ) -> AsyncGenerator[Sequence[Chunk], None]:
        """Batches of ChatChunk or CompletionChunk: chunks that arrived together leave together.

        The first chunk carries route_info; so does the last. Neither is plain.
        Close it (aclosing) to cancel the call.
        """

    async def models(self, permit: Permit) -> switch_pb2.ListModelsResponse:
        """The routes that the caller may use."""

    async def status(
        self, permit: Permit, request: admin_pb2.GetStatusRequest
    ) -> admin_pb2.GetStatusResponse: ...

    async def reset(
        self, permit: Permit, request: admin_pb2.ResetBreakerRequest
    ) -> admin_pb2.ResetBreakerResponse: ...

    def ready(self) -> bool:
        """Configured and not draining."""
