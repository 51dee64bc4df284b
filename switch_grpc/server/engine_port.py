"""What the gRPC door needs of the engine behind it."""

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from google.protobuf.message import Message

from switch_grpc.call import Call
from switch_grpc.openai_wire import Chunk, Reply
from switch_grpc.permit import Permit
from switch_grpc.request import Body, Head
from switch_grpc.v1 import admin_pb2, switch_pb2


class Inference(Protocol):
    """A routing engine, as callers of models see it. Every method may raise Fault."""

    async def open(self, call: Call, scope: str) -> Permit:
        """Authenticates and admits the call; before its request is decoded."""

    async def unary(self, permit: Permit, head: Head, body: Body[Message]) -> Reply:
        """The whole reply: ChatResponse, CompletionResponse or EmbedResponse, with route_info.

        A plain one only where the body is plain and takes JSON.
        """

    def stream(
        self, permit: Permit, head: Head, body: Body[Message]
    ) -> AsyncGenerator[Sequence[Chunk], None]:
        """Batches of ChatChunk or CompletionChunk. Close it (aclosing) to cancel the call."""

    async def models(self, permit: Permit) -> switch_pb2.ListModelsResponse: ...


class Administration(Protocol):
    """The engine, as its operator sees it. Every method may raise Fault."""

    async def status(
        self, permit: Permit, request: admin_pb2.GetStatusRequest
    ) -> admin_pb2.GetStatusResponse: ...

    def watch(
        self, permit: Permit, request: admin_pb2.WatchStatusRequest
    ) -> AsyncGenerator[admin_pb2.StatusEvent, None]:
        """A snapshot, then an event per change. Ends when the gateway drains."""

    async def reset(
        self, permit: Permit, request: admin_pb2.ResetBreakerRequest
    ) -> admin_pb2.ResetBreakerResponse: ...

    async def override(
        self, permit: Permit, request: admin_pb2.OverrideBreakerRequest
    ) -> admin_pb2.OverrideBreakerResponse: ...

    async def reload(
        self, permit: Permit, request: admin_pb2.ReloadConfigRequest
    ) -> admin_pb2.ReloadConfigResponse: ...

    async def explain(
        self, permit: Permit, request: admin_pb2.ExplainRouteRequest
    ) -> admin_pb2.ExplainRouteResponse: ...


class Engine(Inference, Administration, Protocol):
    """Both."""
