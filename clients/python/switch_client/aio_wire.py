"""One asyncio channel to a gateway, and calls over it."""

from functools import cached_property
from typing import TypeVar, cast

import grpc
from google.protobuf.message import Message

from switch_client.caller import Caller, CallOptions
from switch_client.channel import Address
from switch_client.errors import error_from
from switch_grpc.v1 import admin_pb2_grpc, switch_pb2_grpc

Q = TypeVar("Q", bound=Message)
A = TypeVar("A", bound=Message)


class AsyncWire:
    """Connects on first use, and belongs to the event loop that runs then."""

    def __init__(self, address: Address, caller: Caller) -> None:
        self._address = address
        self._caller = caller
        self._channel: grpc.aio.Channel | None = None

    @cached_property
    def switch(self) -> "switch_pb2_grpc.SwitchServiceAsyncStub":
        stub: object = switch_pb2_grpc.SwitchServiceStub(self._connected())
        return cast("switch_pb2_grpc.SwitchServiceAsyncStub", stub)

    @cached_property
    def admin(self) -> "admin_pb2_grpc.AdminServiceAsyncStub":
        stub: object = admin_pb2_grpc.AdminServiceStub(self._connected())
        return cast("admin_pb2_grpc.AdminServiceAsyncStub", stub)

    def _connected(self) -> grpc.aio.Channel:
        if self._channel is None:
            self._channel = _channel(self._address)
        return self._channel

    async def ask(
        self, method: "grpc.aio.UnaryUnaryMultiCallable[Q, A]", request: Q, options: CallOptions
    ) -> A:
        """Calls a stub's method. Raises SwitchError."""
        metadata, timeout = self._caller.metadata_of(options), self._caller.timeout_of(options)
        try:
            return await method(request, timeout=timeout, metadata=metadata)
        except grpc.RpcError as error:
            raise error_from(error) from error

    def open(
        self, method: "grpc.aio.UnaryStreamMultiCallable[Q, A]", request: Q, options: CallOptions
    ) -> "grpc.aio.UnaryStreamCall[Q, A]":
        """Calls a stub's method that streams."""
        metadata, timeout = self._caller.metadata_of(options), self._caller.timeout_of(options)
        return method(request, timeout=timeout, metadata=metadata)

    async def close(self) -> None:
        if self._channel is not None:
            await self._channel.close(None)


def _channel(address: Address) -> grpc.aio.Channel:
    credentials = address.credentials()
    if credentials is None:
        return grpc.aio.insecure_channel(address.target, address.options, address.compression)
    return grpc.aio.secure_channel(address.target, credentials, address.options, address.compression)
