"""The routes of one configuration, by name and alias."""

import difflib
from collections.abc import Iterable

from switch_grpc.faults import Fault, Kind
from switch_grpc.routing.route import Route


class RouteTable:
    """Looks routes up. Immutable: a reload makes another."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes: dict[str, Route] = {}
        self._by_name: dict[str, Route] = {}
        self._default: Route | None = None
        for route in routes:
            self.routes[route.spec.name] = route
            for name in (route.spec.name, *route.spec.aliases):
                self._by_name[name] = route
            if route.spec.default:
                self._default = route

    def named(self, name: str) -> Route:
        """The route called `name`, for operators: no default stands in. Raises Fault(UNKNOWN_ROUTE)."""
        route = self._by_name.get(name)
        if route is None:
            raise self._unknown(name)
        return route

    def find(self, name: str) -> Route:
        """The route called `name`, or the default route. Raises Fault(UNKNOWN_ROUTE) that names near ones."""
        route = self._by_name.get(name, self._default)
        if route is None:
            raise self._unknown(name)
        return route

    def _unknown(self, name: str) -> Fault:
        near = difflib.get_close_matches(name, self._by_name, n=3)
        hint = f"; did you mean {', '.join(map(repr, near))}?" if near else "; see GET /v1/models"
        return Fault(Kind.UNKNOWN_ROUTE, f"no route is called {name!r}{hint}", param="model")
