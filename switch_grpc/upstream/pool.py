"""Idle connections by origin: the one used last is used next, and what idles too long is let go.

Pure: `now` is an argument, and closing what falls out is the caller's business.
"""

from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

Origin = TypeVar("Origin", bound=Hashable)
Connection = TypeVar("Connection", bound=Hashable)


class Pool(Generic[Origin, Connection]):
    """Connections that nobody uses. One used last is warm, and the rest of a burst grows old and goes."""

    def __init__(self, limit: float) -> None:
        """`limit`: seconds that a connection may idle."""
        self._limit = limit
        self._idle: dict[Origin, dict[Connection, float]] = {}  # the oldest first, each with its last moment

    def take(self, origin: Origin, now: float) -> Connection | None:
        """The connection that was put last, if it has not idled too long."""
        idle = self._idle.get(origin)
        if not idle:
            return None
        connection, until = idle.popitem()
        if until > now:
            return connection
        idle[connection] = until  # all of them are too old; `expire` gives them
        return None

    def put(self, origin: Origin, connection: Connection, now: float) -> None:
        self._idle.setdefault(origin, {})[connection] = now + self._limit

    def drop(self, origin: Origin, connection: Connection) -> None:
        """Forgets one that has ended, if it is here."""
        idle = self._idle.get(origin)
        if idle is not None:
            idle.pop(connection, None)
            if not idle:
                del self._idle[origin]

    def expire(self, now: float) -> list[Connection]:
        """Takes out those that have idled too long."""
        old = [(origin, each) for origin, each, until in self._all() if until <= now]
        for origin, each in old:
            self.drop(origin, each)
        return [each for _, each in old]

    def next_expiry(self) -> float | None:
        """When the next one will have idled too long; None where there is none."""
        return min((until for _, _, until in self._all()), default=None)

    def __len__(self) -> int:
        return sum(map(len, self._idle.values()))

    def _all(self) -> Iterator[tuple[Origin, Connection, float]]:
        for origin, idle in self._idle.items():
            for each, until in idle.items():
                yield origin, each, until
