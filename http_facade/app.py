"""The HTTP door as one ASGI application."""

import enum
from collections.abc import Collection, Mapping
from typing import Any

from fastapi import FastAPI
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from http_facade.admin import Admin, Metrics, Scrape
from http_facade.backend import Backend
from http_facade.caller import Caller
from http_facade.chat import CHAT
from http_facade.completions import COMPLETIONS
from http_facade.docs import Docs
from http_facade.embeddings import EMBEDDINGS
from http_facade.endpoint import Endpoint, OpenEndpoint, UnknownPath
from http_facade.health import Health
from http_facade.host import Hosts
from http_facade.inference import Inference, Wire
from http_facade.models import Models
from http_facade.openapi import document
from http_facade.settings import HttpSettings
from switch_grpc import __version__
from switch_grpc.call import ADMIN_READ, ADMIN_WRITE, INFERENCE
from switch_grpc.faults import Fault

_GET = ("GET", "HEAD")
_POST = ("POST",)


class Group(enum.Enum):
    """Routes that are served together, or on listeners apart. Health is in both."""

    INFERENCE = enum.auto()
    ADMIN = enum.auto()  # /metrics too


def create_app(
    backend: Backend,
    *,
    settings: HttpSettings | None = None,
    metrics: Metrics | None = None,
    groups: Collection[Group] = tuple(Group),
) -> FastAPI:
    """The door in front of `backend`, with the routes of these groups.

    `metrics` gives the text of /metrics and its content type, and is called in a thread; without it there is
    no such path.
    """
    settings = settings or HttpSettings()
    routes: dict[str, Endpoint | OpenEndpoint] = {}
    if Group.INFERENCE in groups:
        routes |= _inference(backend, settings)
    routes |= _health(backend)
    if Group.ADMIN in groups:
        routes |= _admin(backend, metrics)
    app = Facade(document([_spelled(path) for path in routes]), settings)
    if settings.docs:
        docs = Docs(app.document)
        routes |= {
            "/docs": OpenEndpoint(_GET, docs.page),
            "/openapi.json": OpenEndpoint(_GET, docs.openapi),
        }
    for path, endpoint in routes.items():
        # without methods: the endpoint checks them, after the key
        app.router.routes.append(Route(path, endpoint, name=path))
    app.router.default = UnknownPath(backend)
    return app


def _inference(backend: Backend, settings: HttpSettings) -> dict[str, Endpoint | OpenEndpoint]:
    """The busiest first, because they are matched in order."""

    def inference(wire: Wire) -> Endpoint:
        return Endpoint(backend, INFERENCE, _POST, Inference(backend, settings, wire))

    models = Models(backend)
    return {
        "/v1/chat/completions": inference(CHAT),
        "/v1/completions": inference(COMPLETIONS),
        "/v1/embeddings": inference(EMBEDDINGS),
        "/v1/models": Endpoint(backend, INFERENCE, _GET, models.all),
        "/v1/models/{id:path}": Endpoint(backend, INFERENCE, _GET, models.one),
    }


def _health(backend: Backend) -> dict[str, Endpoint | OpenEndpoint]:
    health = Health(backend)
    return {
        "/health": OpenEndpoint(_GET, health.ready),
        "/livez": OpenEndpoint(_GET, health.live),
        "/readyz": OpenEndpoint(_GET, health.ready),
    }


def _admin(backend: Backend, metrics: Metrics | None) -> dict[str, Endpoint | OpenEndpoint]:
    admin = Admin(backend)
    routes: dict[str, Endpoint | OpenEndpoint] = {
        "/admin/providers/status": Endpoint(backend, ADMIN_READ, _GET, admin.status),
        "/admin/providers/{model:path}/{provider}/reset": Endpoint(backend, ADMIN_WRITE, _POST, admin.reset),
    }
    if metrics is not None:
        routes["/metrics"] = Endpoint(backend, ADMIN_READ, _GET, Scrape(metrics))
    return routes


def _spelled(path: str) -> str:
    """A route's path in OpenAPI's spelling: without Starlette's convertors."""
    return path.replace(":path}", "}")


class Facade(FastAPI):
    """FastAPI without what this door does itself: error pages, redirects, generated documentation."""

    def __init__(self, document: dict[str, Any], settings: HttpSettings) -> None:
        super().__init__(
            title="Switch",
            version=__version__,
            docs_url=None,
            redoc_url=None,
            openapi_url=None,
            redirect_slashes=False,
        )
        self.document = document
        self._allowed_hosts = settings.allowed_hosts

    def openapi(self) -> dict[str, Any]:
        return self.document

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As Starlette's own: FastAPI's first asks OpenTelemetry's globals, at 15 µs a request."""
        if self.middleware_stack is None:
            self.middleware_stack = self.build_middleware_stack()
        scope["app"] = self
        await self.middleware_stack(scope, receive, send)

    def build_middleware_stack(self) -> ASGIApp:
        """The Host check before everything, and what was added by `add_middleware`.

        Every endpoint answers its own errors, so the stock middlewares would only cost time.
        """
        fixed = {
            route.path: route.app
            for route in self.router.routes
            if isinstance(route, Route) and not route.param_convertors
        }
        app: ASGIApp = Entrance(self.router, fixed, self._allowed_hosts)
        for factory, args, kwargs in reversed(self.user_middleware):
            app = factory(app, *args, **kwargs)
        return app


class Entrance:
    """Refuses a wrong Host, then routes: by a table where the path is a fixed one, else by the router."""

    def __init__(self, router: ASGIApp, fixed: Mapping[str, ASGIApp], allowed: frozenset[str]) -> None:
        self._router = router
        self._fixed = fixed
        self._hosts = Hosts(allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            hosts = [value for name, value in scope["headers"] if name == b"host"]
            try:
                self._hosts.check(hosts, scope["http_version"])
            except Fault as fault:
                await Caller(scope, receive, send).refuse(fault, ())
                return
            app = self._fixed.get(scope["path"], self._router)
            await app(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._router(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})
