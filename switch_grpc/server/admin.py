"""AdminService: operating the gateway."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from functools import partial
from typing import Final, TypeVar

import grpc
from google.protobuf.message import Message

from switch_grpc.call import ADMIN_READ, ADMIN_WRITE
from switch_grpc.permit import Permit
from switch_grpc.server.engine_port import Administration
from switch_grpc.server.rpc import Door, decode
from switch_grpc.v1 import admin_pb2

SERVICE: Final = "switch.v1.AdminService"

R = TypeVar("R", bound=Message)


def service(engine: Administration, door: Door) -> "grpc.GenericRpcHandler[bytes, bytes]":
    """The handlers of AdminService: reading needs scope `admin:read`, changing `admin:write`."""

    def one(
        scope: str, kind: type[R], ask: Callable[[Permit, R], Awaitable[Message]]
    ) -> "grpc.RpcMethodHandler[bytes, bytes]":
        return grpc.unary_unary_rpc_method_handler(partial(door.unary, scope, partial(_unary, kind, ask)))

    return grpc.method_handlers_generic_handler(
        SERVICE,
        {
            "GetStatus": one(ADMIN_READ, admin_pb2.GetStatusRequest, engine.status),
            "WatchStatus": grpc.unary_stream_rpc_method_handler(
                partial(door.stream, ADMIN_READ, partial(_watch, engine))
            ),
            "ResetBreaker": one(ADMIN_WRITE, admin_pb2.ResetBreakerRequest, engine.reset),
            "OverrideBreaker": one(ADMIN_WRITE, admin_pb2.OverrideBreakerRequest, engine.override),
            "ReloadConfig": one(ADMIN_WRITE, admin_pb2.ReloadConfigRequest, engine.reload),
            "ExplainRoute": one(ADMIN_READ, admin_pb2.ExplainRouteRequest, engine.explain),
        },
    )


async def _unary(
    kind: type[R], ask: Callable[[Permit, R], Awaitable[Message]], permit: Permit, data: bytes
) -> Message:
    return await ask(permit, decode(kind, data))


async def _watch(
    engine: Administration, permit: Permit, data: bytes
) -> AsyncGenerator[Sequence[Message], None]:
    request = decode(admin_pb2.WatchStatusRequest, data)
    async with aclosing(engine.watch(permit, request)) as events:
        async for event in events:
            yield (event,)
