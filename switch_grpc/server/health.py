"""grpc.health.v1: whether this process takes calls. Open to all, and says nothing but that.

Not grpcio-health-checking's own servicer: that one writes to a watcher while it holds the lock that a
change of state needs, so one watcher that does not read would hold up draining; and its watches never end.
"""

import asyncio
from collections.abc import Iterable

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

Reply = health_pb2.HealthCheckResponse
Context = grpc.aio.ServicerContext[health_pb2.HealthCheckRequest, health_pb2.HealthCheckResponse]


class Health(health_pb2_grpc.HealthServicer):  # type: ignore[misc]  # has no stubs
    """SERVING, for the process ("") and for each service by name, until `drain`."""

    def __init__(self, services: Iterable[str]) -> None:
        self._services = frozenset(("", *services))
        self._draining = asyncio.Event()

    def drain(self) -> None:
        """NOT_SERVING from here on. Watches are told, and end, so that they do not hold the server open."""
        self._draining.set()

    async def Check(  # noqa: N802 (grpc's name)
        self, request: health_pb2.HealthCheckRequest, context: Context
    ) -> health_pb2.HealthCheckResponse:
        if request.service not in self._services:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such service; ask for the empty name")
        return self._now(request.service)

    async def Watch(  # noqa: N802
        self, request: health_pb2.HealthCheckRequest, context: Context
    ) -> None:
        told = self._now(request.service)
        await context.write(told)
        await self._draining.wait()
        if self._now(request.service) != told:
            await context.write(self._now(request.service))

    def _now(self, service: str) -> health_pb2.HealthCheckResponse:
        if service not in self._services:
            return Reply(status=Reply.SERVICE_UNKNOWN)
        return Reply(status=Reply.NOT_SERVING if self._draining.is_set() else Reply.SERVING)
