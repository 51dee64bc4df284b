"""One channel to a gateway, shared by threads, and calls over it."""

import threading
from functools import cached_property
from typing import TypeVar, cast

import grpc
from google.protobuf.message import Message

from switch_client.caller import Caller, CallOptions
from switch_client.channel import Address
from switch_client.errors import error_from
from switch_client.sync_stream import StreamCall
from switch_grpc.v1 import admin_pb2_grpc, switch_pb2_grpc

Q = TypeVar("Q", bound=Message)
A = TypeVar("A", bound=Message)


class Wire:
    """Connects on first use, so that a program may make its client before it forks."""

    def __init__(self, address: Address, caller: Caller) -> None:
        self._address = address
        self._caller = caller
        self._lock = threading.Lock()
        self._channel: grpc.Channel | None = None

    @cached_property
    def switch(self) -> switch_pb2_grpc.SwitchServiceStub:
        return switch_pb2_grpc.SwitchServiceStub(self._connected())

    @cached_property
    def admin(self) -> admin_pb2_grpc.AdminServiceStub:
        return admin_pb2_grpc.AdminServiceStub(self._connected())

    def _connected(self) -> grpc.Channel:
        with self._lock:
            if self._channel is None:
                self._channel = _channel(self._address)
            return self._channel

    def ask(self, method: "grpc.UnaryUnaryMultiCallable[Q, A]", request: Q, options: CallOptions) -> A:
        """Calls a stub's method. Raises SwitchError."""
        metadata, timeout = self._caller.metadata_of(options), self._caller.timeout_of(options)
        try:
            return method(request, timeout=timeout, metadata=metadata)
        except grpc.RpcError as error:
            raise error_from(error) from error

    def open(
        self, method: "grpc.UnaryStreamMultiCallable[Q, A]", request: Q, options: CallOptions
    ) -> StreamCall[A]:
        """Calls a stub's method that streams."""
        metadata, timeout = self._caller.metadata_of(options), self._caller.timeout_of(options)
        call: object = method(request, timeout=timeout, metadata=metadata)
        return cast("StreamCall[A]", call)  # an iterator too, which the stubs leave out

    def close(self) -> None:
        with self._lock:
            if self._channel is not None:
                self._channel.close()


def _channel(address: Address) -> grpc.Channel:
    credentials = address.credentials()
    if credentials is None:
        return grpc.insecure_channel(address.target, address.options, address.compression)
    return grpc.secure_channel(address.target, credentials, address.options, address.compression)
