"""Puts the gRPC server together: services, health, reflection, limits."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import grpc
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha._async import ReflectionServicer

from switch_grpc.call import ADMIN_READ, INFERENCE
from switch_grpc.faults import Fault, Kind
from switch_grpc.permit import Permit
from switch_grpc.server import admin, gateway
from switch_grpc.server.engine_port import Engine
from switch_grpc.server.health import Health
from switch_grpc.server.rpc import Door
from switch_grpc.server.threads import giving_way

HEALTH: Final = "grpc.health.v1.Health"
REFLECTION: Final = ("grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection")

# The limits are not set by maximum_concurrent_rpcs: it counts health checks, and its refusal carries no hint.


@dataclass(frozen=True, slots=True, kw_only=True)
class GrpcSettings:
    """Limits and options of the gRPC door. Sizes in bytes, durations in seconds."""

    max_message: int = 32 * 1024 * 1024  # received
    max_metadata: int = 16 * 1024  # received, per call
    max_streams: int = 1000  # calls at once on one connection
    max_connection_age: float = 30 * 60.0  # then GOAWAY, so that load spreads over replicas
    max_connection_age_grace: float = 10 * 60.0  # for the calls still open on it
    keepalive_time: float = 60.0  # of silence, after which the peer is asked for a sign of life
    keepalive_timeout: float = 20.0  # without one, the connection is closed
    min_ping_interval: float = 300.0  # a peer that pings an idle connection more often is cut off
    gzip: bool = False  # compress answers, for callers that accept it
    admin: bool = True  # serve AdminService
    reflection: bool = False  # answer which services and messages there are, to anyone who asks
    write_stall: float = 60.0  # a stream's reader that takes nothing for this long is dropped
    early_metadata_after: float = 10.0  # a stream's initial metadata goes out by then, chunk or no chunk


def services(settings: GrpcSettings) -> tuple[str, ...]:
    """The names of Switch's own services that are served."""
    return (gateway.SERVICE, admin.SERVICE) if settings.admin else (gateway.SERVICE,)


def health_of_services(settings: GrpcSettings | None = None) -> Health:
    """The health of each service; whoever stops the server calls `drain` on it first."""
    return Health(services(settings or GrpcSettings()))


def build_server(engine: Engine, *, settings: GrpcSettings | None = None, health: Health) -> grpc.aio.Server:
    """A server that is neither bound (`bind.bind`) nor started."""
    settings = settings or GrpcSettings()
    with giving_way():
        server = grpc.aio.server(
            options=_options(settings),
            compression=grpc.Compression.Gzip if settings.gzip else grpc.Compression.NoCompression,
        )
    door = Door(engine, settings.early_metadata_after, settings.write_stall)
    server.add_generic_rpc_handlers((gateway.service(engine, door),))
    if settings.admin:
        server.add_generic_rpc_handlers((admin.service(engine, door),))
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    if settings.reflection:
        server.add_generic_rpc_handlers(_reflection(services(settings)))
    server.add_generic_rpc_handlers(
        (_Unknown(door, services(settings)),)
    )  # last: it takes whatever none of the others has
    return server


def _options(settings: GrpcSettings) -> list[tuple[str, int]]:
    """Channel arguments: https://grpc.github.io/grpc/core/group__grpc__arg__keys.html."""
    return [
        ("grpc.so_reuseport", 0),  # on by default: a second gateway on the port would share its traffic
        ("grpc.max_receive_message_length", settings.max_message),
        # Soft and hard limit alike: between two that differ grpc refuses calls at random.
        ("grpc.max_metadata_size", settings.max_metadata),
        ("grpc.absolute_max_metadata_size", settings.max_metadata),
        ("grpc.max_concurrent_streams", settings.max_streams),
        ("grpc.max_connection_age_ms", _ms(settings.max_connection_age)),
        ("grpc.max_connection_age_grace_ms", _ms(settings.max_connection_age_grace)),
        ("grpc.keepalive_time_ms", _ms(settings.keepalive_time)),
        ("grpc.keepalive_timeout_ms", _ms(settings.keepalive_timeout)),
        ("grpc.http2.min_ping_interval_without_data_ms", _ms(settings.min_ping_interval)),
    ]


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _reflection(served: Sequence[str]) -> "list[grpc.GenericRpcHandler[bytes, bytes]]":
    """Reflection under both its names: v1 is v1alpha renamed, and grpcurl asks for v1 first."""
    servicer = ReflectionServicer((*served, HEALTH, *REFLECTION))
    method = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    return [
        grpc.method_handlers_generic_handler(name, {"ServerReflectionInfo": method}) for name in REFLECTION
    ]


class _Unknown(grpc.GenericRpcHandler):  # type: ignore[type-arg]  # generic in its stubs only
    """Answers every other method: UNIMPLEMENTED, but only to a caller with a key."""

    def __init__(self, door: Door, served: Sequence[str]) -> None:
        self._door = door
        self._served = " and ".join(served)

    def service(self, details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes]":
        scope = ADMIN_READ if details.method.startswith(f"/{admin.SERVICE}/") else INFERENCE
        return grpc.stream_stream_rpc_method_handler(
            partial(self._door.stream, scope, partial(_no_method, details.method[:200], self._served))
        )


def _no_method(
    method: str, served: str, permit: Permit, data: object
) -> AsyncGenerator[Sequence[Message], None]:
    elsewhere = ""
    if method.startswith(f"/{admin.SERVICE}/"):
        elsewhere = "; operators have a listener of their own, by HTTP (admin.listen)"
    raise Fault(Kind.UNSUPPORTED, f"there is no method {method}; here are the methods of {served}{elsewhere}")
