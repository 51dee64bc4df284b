"""The routes of one configuration, by name and alias."""

import difflib
from collections.abc import Collection, Iterable
from typing import Final

from switch_grpc.faults import Fault, Kind
from switch_grpc.routing.route import Route

LONGEST_NAME: Final = 200  # of a route that is compared with others, or repeated in a message
_COMPARED: Final = 200  # names at most: one takes up to 0.2 ms, and the event loop waits


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
            raise self._unknown(name, None)
        return route

    def find(self, name: str, allowed: Collection[str] | None = None) -> Route:
        """The route called `name`, or the default route.

        `allowed` are the routes that the caller may use, None for all: no other stands in, or is named by
        the Fault(UNKNOWN_ROUTE) that this raises. One that was asked for by its name is given all the same.
        """
        route = self._by_name.get(name)
        if route is None:
            route = self._default
            if route is None or not (allowed is None or route.spec.name in allowed):
                raise self._unknown(name, allowed)
        return route

    def _unknown(self, name: str, allowed: Collection[str] | None) -> Fault:
        if len(name) > LONGEST_NAME:
            shown = f"{name[:LONGEST_NAME]!r}… ({len(name)} characters)"
            return Fault(Kind.UNKNOWN_ROUTE, f"no route is called {shown}", param="model")
        known = [
            other for other, route in self._by_name.items() if allowed is None or route.spec.name in allowed
        ]
        near = difflib.get_close_matches(name, known[:_COMPARED], n=3)
        hint = (
            f"; did you mean {', '.join(map(repr, near))}?"
            if near
            else "; see GET /v1/models, by gRPC ListModels"
        )
        return Fault(Kind.UNKNOWN_ROUTE, f"no route is called {name!r}{hint}", param="model")
