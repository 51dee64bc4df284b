"""Calls by stub, and by name, as somebody without our client makes them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc

from switch_grpc.v1 import admin_pb2_grpc, chat_pb2, switch_pb2_grpc

KEY = (("x-api-key", "admin-key"),)
HELLO = chat_pb2.ChatRequest(
    route="lite", messages=[chat_pb2.Message(role=chat_pb2.ROLE_USER, content="Hello")]
)


@asynccontextmanager
async def channel_to(address: str, *options: tuple[str, int]) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(address, options) as channel:
        yield channel


def switch_of(channel: grpc.aio.Channel) -> "switch_pb2_grpc.SwitchServiceAsyncStub":
    return switch_pb2_grpc.SwitchServiceStub(channel)


def admin_of(channel: grpc.aio.Channel) -> "admin_pb2_grpc.AdminServiceAsyncStub":
    return admin_pb2_grpc.AdminServiceStub(channel)


async def failure(call: object) -> grpc.aio.AioRpcError:
    """The error that a call ends with, unary or stream, after reading whatever comes before."""
    try:
        if hasattr(call, "read"):
            while await call.read() is not grpc.aio.EOF:
                pass
        else:
            await call
    except grpc.aio.AioRpcError as error:
        return error
    raise AssertionError("the call ended well")


def trailers(error: grpc.aio.AioRpcError) -> dict[str, str | bytes]:
    return dict(tuple(error.trailing_metadata() or ()))
