"""What every route of the door is: a policy, a handler, and the one rescue."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.types import Receive, Scope, Send

from http_facade.backend import Backend
from http_facade.caller import Caller
from http_facade.errors import as_fault, unknown_url, wrong_method
from switch_grpc.call import INFERENCE
from switch_grpc.faults import Fault, Kind
from switch_grpc.permit import Permit

Handler = Callable[[Caller, Permit], Awaitable[None]]
OpenHandler = Callable[[Caller], Awaitable[None]]

_log: Final = logging.getLogger("switch.http")


class Endpoint:
    """A route that needs a key with `scope`: opens the call, then checks the method, then handles it.

    The order matters: who has no key learns nothing, not even which methods a path takes.
    """

    def __init__(
        self,
        backend: Backend,
        scope: str,
        methods: tuple[str, ...],
        handle: Handler,
    ) -> None:
        self.scope = scope
        self.methods = methods
        self._backend = backend
        self._handle = handle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = Caller(scope, receive, send)
        try:
            with await self._backend.open(caller.call(time.monotonic()), self.scope) as permit:
                _check_method(caller, self.methods)
                await self._handle(caller, permit)
        except asyncio.CancelledError:
            if not caller.left:
                raise
            _absorb_cancel()
        except Exception as error:  # noqa: BLE001 - the door's one rescue
            await _rescue(caller, error, self.methods)
        finally:
            caller.unwatch()


class OpenEndpoint:
    """A route that needs no key. Its answers say nothing but a state, or what is public anyway."""

    scope = None

    def __init__(self, methods: tuple[str, ...], handle: OpenHandler) -> None:
        self.methods = methods
        self._handle = handle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = Caller(scope, receive, send)
        try:
            _check_method(caller, self.methods)
            await self._handle(caller)
        except Exception as error:  # noqa: BLE001 - the door's one rescue, for open routes
            await _rescue(caller, error, self.methods)


def _check_method(caller: Caller, methods: tuple[str, ...]) -> None:
    if caller.method not in methods:
        raise wrong_method(caller.method, caller.path, methods)


def _absorb_cancel() -> None:
    """The caller's leaving cancelled this task, and that has now had its effect."""
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()


async def _rescue(caller: Caller, error: Exception, methods: tuple[str, ...]) -> None:
    if not isinstance(error, Fault):
        _log.error("request %s: unexpected %s", caller.id, type(error).__name__, exc_info=error)
    await caller.refuse(as_fault(error), methods)


class UnknownPath:
    """Whatever no route takes: 404, but only for who has a key, whatever its scope."""

    scope = INFERENCE
    methods = ()

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = Caller(scope, receive, send)
        try:
            await self._serve(caller)
        except Exception as error:  # noqa: BLE001 - the door's one rescue, for no route
            await _rescue(caller, error, ())

    async def _serve(self, caller: Caller) -> None:
        missing = unknown_url(caller.method, caller.path)
        try:
            with await self._backend.open(caller.call(time.monotonic()), self.scope):
                raise missing
        except Fault as fault:
            raise (missing if fault.kind is Kind.FORBIDDEN else fault) from None
