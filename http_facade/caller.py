"""The other end of one HTTP request."""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from starlette.types import Receive, Scope, Send

from http_facade.errors import error_body, error_headers
from http_facade.headers import HeaderList, read_call, request_id
from switch_grpc.call import Call
from switch_grpc.faults import Fault

CONNECTION: Final = "switch.connection"  # the ASGI extension under which http_facade.protocol puts itself
LINGER: Final = 2.0  # seconds in which a refused body may still come


class Connection(Protocol):
    """What our own server protocol can do beyond ASGI; under another server the slower ways do."""

    def body_is_whole(self) -> bool:
        """Whether all of the request's body has arrived."""

    def on_lost(self, tell: Callable[[], None] | None) -> None:
        """Has `tell` called, once, when the connection is lost; None takes it back."""

    def answer(self, scope: Scope, status: int, headers: HeaderList, body: bytes) -> bool:
        """Writes a whole answer in one go; False, and nothing is out, where something stands against it."""

    def drop(self) -> None:
        """Closes the connection at once, whatever is unsent."""


class Caller:
    """Who sent the request: takes the answer, and may leave at any time. Lives as long as one request.

    Only the request's own task uses it, but for the watcher that `watch` starts.
    """

    __slots__ = (
        "_connection",
        "_send",
        "_task",
        "_watcher",
        "answered",
        "fields",
        "id",
        "left",
        "method",
        "path",
        "receive",
        "scope",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.receive = receive
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.fields: dict[bytes, bytes] = dict(scope["headers"])
        self.id = request_id(self.fields)
        self.answered = False  # the status line is out, or on its way
        self.left = False  # disconnected, or dropped
        self._send = send
        self._connection: Connection | None = scope.get("extensions", {}).get(CONNECTION)
        self._task: asyncio.Task[object] | None = None
        self._watcher: asyncio.Task[None] | None = None

    def call(self, now: float) -> Call:
        """Raises Fault(BAD_REQUEST) that names a header."""
        return read_call(self.id, self.scope["headers"], self.fields, now)

    async def answer(self, status: int, headers: HeaderList, body: bytes) -> None:
        """A whole answer; adds x-request-id and the length."""
        self.answered = True
        headers.append((b"content-length", b"%d" % len(body)))
        headers.append((b"x-request-id", self.id.encode("ascii")))
        if self._connection is not None and self._connection.answer(self.scope, status, headers, body):
            return
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})

    async def refuse(self, fault: Fault, methods: tuple[str, ...]) -> None:
        """The fault as an answer, where no answer has begun. `methods` are those that the path takes."""
        if self.answered or self.left:
            return
        headers = error_headers(fault)
        if fault.http == 405:
            headers.append((b"allow", ", ".join(methods).encode("ascii")))
        if fault.http == 413:
            await self._answer_and_linger(headers, error_body(fault))
        else:
            await self.answer(fault.http, headers, error_body(fault))

    async def _answer_and_linger(self, headers: HeaderList, body: bytes) -> None:
        """Answers 413, and reads on for a moment: closing on unread bytes would reset it."""
        self.answered = True
        headers += [(b"content-length", b"%d" % len(body)), (b"x-request-id", self.id.encode("ascii"))]
        await self._send({"type": "http.response.start", "status": 413, "headers": headers})
        await self._send({"type": "http.response.body", "body": body, "more_body": True})
        try:
            async with asyncio.timeout(LINGER):
                while (await self.receive()).get("more_body", False):
                    pass
        except TimeoutError:
            pass
        await self._send({"type": "http.response.body"})

    async def begin(self, headers: HeaderList) -> None:
        """The head of a stream, status 200."""
        self.answered = True
        headers.append((b"x-request-id", self.id.encode("ascii")))
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})

    async def write(self, data: bytes, *, more: bool = True) -> None:
        """The next bytes of a stream, in one write; waits while the reader lags behind."""
        await self._send({"type": "http.response.body", "body": data, "more_body": more})

    def body_is_whole(self) -> bool:
        """Whether reading the body needs no waiting; False where that is not known."""
        return self._connection is not None and self._connection.body_is_whole()

    def watch(self, task: asyncio.Task[object] | None) -> None:
        """From now on a disconnect cancels the request's `task`. Call when the body has been read."""
        self._task = task or asyncio.current_task()
        if self._connection is not None:
            self._connection.on_lost(self._leave)
        else:
            self._watcher = asyncio.create_task(self._wait_for_disconnect())

    def unwatch(self) -> None:
        """Before the answer's last bytes, since servers call the end of the answer a disconnect too."""
        if self._connection is not None:
            self._connection.on_lost(None)
        elif self._watcher is not None:
            self._watcher.cancel()
            self._watcher = None

    def drop(self) -> None:
        """Gives the caller up: ends the task, and the connection where the server lets us."""
        self._leave()
        if self._connection is not None:
            self._connection.drop()

    def _leave(self) -> None:
        self.left = True
        if self._task is not None:
            self._task.cancel()

    async def _wait_for_disconnect(self) -> None:
        while (await self.receive())["type"] != "http.disconnect":
            pass
        self._leave()
