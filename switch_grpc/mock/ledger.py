"""What the mock saw: one record a request, counts, and waiting until something was seen."""

import asyncio
import base64
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from switch_grpc.mock.fields import Json

_MODELS: Final = 10_000  # model names that are counted at a time


@dataclass(slots=True, kw_only=True, eq=False)
class Request:
    """One request as it came. Times are `time.monotonic()` seconds."""

    id: str  # the attempt id, also sent as x-mock-request-id
    method: str
    path: str  # with its query
    headers: Mapping[str, str]  # names in lower case; repeated ones joined by ", "
    body: bytes
    at: float  # when its last byte had come
    connection: int  # which connection it came on, counted from 1
    keep_alive: bool = True
    model: str = ""  # empty until the body was read
    status: int = 0  # of the answer; 0 while there is none, or none that is HTTP
    finished_at: float | None = None  # when the answer's last byte was handed to the kernel or the transport
    closed_at: float | None = None  # when the peer closed the socket before that

    def as_json(self) -> dict[str, Json]:
        """For GET /mock/requests. A body that is not UTF-8 becomes {"base64": ...}."""
        try:
            body: Json = self.body.decode()
        except UnicodeDecodeError:
            body = {"base64": base64.b64encode(self.body).decode()}
        return {
            "id": self.id,
            "method": self.method,
            "path": self.path,
            "headers": dict(self.headers),
            "body": body,
            "at": self.at,
            "connection": self.connection,
            "model": self.model,
            "status": self.status,
            "finished_at": self.finished_at,
            "closed_at": self.closed_at,
        }


@dataclass(slots=True, kw_only=True)
class Ledger:
    """The last requests and the counts of all. Only the event loop touches it."""

    keep: int = 10_000  # requests
    keep_bytes: int = 64 * 2**20  # of their bodies
    requests: list[Request] = field(default_factory=list)
    _kept: int = 0
    _statuses: Counter[int] = field(default_factory=Counter)
    _models: Counter[str] = field(default_factory=Counter)
    _counts: Counter[str] = field(default_factory=Counter)
    _waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = field(default_factory=list)

    def arrived(self, request: Request) -> None:
        self.requests.append(request)
        self._kept += len(request.body)
        self._counts["requests"] += 1
        if len(self.requests) > self.keep or self._kept > self.keep_bytes:
            self._forget()
        self.changed()

    def answered(self, request: Request, now: float) -> None:
        """The whole answer is written, or the mock itself ended it as a fault wants."""
        request.finished_at = now
        self._statuses[request.status] += 1
        self.changed()

    def dropped(self, request: Request, now: float) -> None:
        """The peer closed before the answer was complete."""
        request.closed_at = now
        self._counts["closed_by_peer"] += 1
        self.changed()

    def connected(self) -> int:
        """The number of a new connection."""
        self._counts["connections"] += 1
        self.changed()
        return self._counts["connections"]

    def count(self, model: str) -> int:
        """How many requests named exactly this model, this one included."""
        if len(self._models) >= _MODELS and model not in self._models:
            del self._models[next(iter(self._models))]
        self._models[model] += 1
        return self._models[model]

    def stats(self) -> dict[str, Json]:
        """For GET /mock/stats, but for what only the server knows."""
        done = sum(self._statuses.values()) + self._counts["closed_by_peer"]
        return {
            "requests": self._counts["requests"],
            "in_flight": max(self._counts["requests"] - done, 0),  # a reset may come between
            "connections": self._counts["connections"],
            "closed_by_peer": self._counts["closed_by_peer"],
            "by_status": {str(status): n for status, n in sorted(self._statuses.items())},
            "by_model": dict(self._models),
        }

    def reset(self) -> None:
        """Forgets all requests and counts, so that `times` starts anew."""
        self.requests.clear()
        self._kept = 0
        self._statuses.clear()
        self._models.clear()
        self._counts.clear()

    def changed(self) -> None:
        if self._waiting:
            for condition, future in self._waiting:
                if not future.done() and condition():
                    future.set_result(None)

    async def until(self, condition: Callable[[], bool], within: float) -> None:
        """Returns once the condition holds; it is tried at every change. Raises TimeoutError."""
        if condition():
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (condition, future)
        self._waiting.append(entry)
        try:
            async with asyncio.timeout(within):
                await future
        finally:
            self._waiting.remove(entry)

    def _forget(self) -> None:
        """Drops the oldest eighth, so that the cost of it is spread over many requests."""
        count = max(len(self.requests) // 8, 1)
        self._kept -= sum(len(request.body) for request in self.requests[:count])
        del self.requests[:count]
