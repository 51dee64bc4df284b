"""The scripted backend with an operator's side, behind a real gRPC server on loopback."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

from switch_grpc.faults import Fault, Kind
from switch_grpc.permit import Permit
from switch_grpc.server.bind import TlsFiles, bind
from switch_grpc.server.build import GrpcSettings, build_server, health_of_services
from switch_grpc.server.health import Health
from switch_grpc.v1 import admin_pb2
from tests.support.scripted_backend import STATUS, ScriptedBackend, Step

SNAPSHOT = admin_pb2.StatusEvent(snapshot=admin_pb2.GetStatusResponse(targets=[STATUS]))


class ScriptedEngine(ScriptedBackend):
    """Answers an operator too: events as told, everything else with what was asked for."""

    def __init__(self, *steps: Step, events: tuple[admin_pb2.StatusEvent, ...] = (SNAPSHOT,)) -> None:
        super().__init__(*steps)
        self.events = events

    async def watch(
        self, permit: Permit, request: admin_pb2.WatchStatusRequest
    ) -> AsyncGenerator[admin_pb2.StatusEvent, None]:
        """The events, then silence until somebody closes it."""
        try:
            for event in self.events:
                yield event
            self.waiting.set()
            await asyncio.Event().wait()
        finally:
            self.stopped.set()

    async def override(
        self, permit: Permit, request: admin_pb2.OverrideBreakerRequest
    ) -> admin_pb2.OverrideBreakerResponse:
        held = admin_pb2.TargetStatus(route=request.route, target=request.target)
        held.override.mode = request.mode
        held.override.until.FromSeconds(int(request.ttl))
        return admin_pb2.OverrideBreakerResponse(target=held)

    async def reload(
        self, permit: Permit, request: admin_pb2.ReloadConfigRequest
    ) -> admin_pb2.ReloadConfigResponse:
        problems = [admin_pb2.ConfigProblem(path="models.lite", warning=request.dry_run)]
        return admin_pb2.ReloadConfigResponse(problems=problems)

    async def explain(
        self, permit: Permit, request: admin_pb2.ExplainRouteRequest
    ) -> admin_pb2.ExplainRouteResponse:
        if request.route == "missing":
            raise Fault(Kind.UNKNOWN_ROUTE, 'no route "missing"; known: lite')
        return admin_pb2.ExplainRouteResponse(route=request.route, strategy=request.sticky_key)


@asynccontextmanager
async def serving(
    engine: ScriptedEngine,
    listener: str = "127.0.0.1:0",
    *,
    settings: GrpcSettings | None = None,
    health: Health | None = None,
    tls: TlsFiles | None = None,
) -> AsyncIterator[str]:
    """A started server; its address."""
    server = build_server(engine, settings=settings, health=health or health_of_services())
    address = bind(server, listener, tls=tls)
    await server.start()
    try:
        yield address
    finally:
        await server.stop(None)
