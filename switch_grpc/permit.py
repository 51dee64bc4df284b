"""The permit that a door holds from before a call's body is read until its last byte is out."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

from switch_grpc.answered import Answered, Usage
from switch_grpc.call import Call, Principal
from switch_grpc.events import AttemptFinished
from switch_grpc.faults import Fault, Kind


class Permit:
    """The right to run one call, and the record of it. Leaving the `with` block reports the outcome."""

    __slots__ = (
        "_close",
        "_cut",
        "attempts",
        "call",
        "chunks",
        "first_content_at",
        "info",
        "operation",
        "principal",
        "route",
        "stream",
        "success",
        "target",
        "task",
        "usage",
    )

    def __init__(
        self,
        call: Call,
        principal: Principal,
        close: Callable[["Permit", Fault | None], None],
        task: asyncio.Task[object] | None = None,
    ) -> None:
        self.call = call
        self.principal = principal
        self.operation = ""
        self.route = ""
        self.stream = False
        self.target = ""  # that was asked last
        self.attempts = 0
        self.success: AttemptFinished | None = None  # told when the call ends: no answer waits for observers
        self.chunks = 0
        self.first_content_at: float | None = None
        self.usage: Usage | None = None
        self.info: Answered | None = None
        self._close: Callable[[Permit, Fault | None], None] | None = close
        self.task = task  # the call's own, by which it can be cut
        self._cut = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, asyncio.CancelledError) and (cut := self.cut_fault()) is not None:
            self.close(cut)
            raise cut from error
        self.close(None if error is None else fault_of(error))

    def cut(self) -> None:
        """Ends the call from outside: wherever its task waits, it is cancelled, and hears DRAINING."""
        if self.task is not None and not self._cut:
            self._cut = True
            self.task.cancel()

    def cut_fault(self) -> Fault | None:
        """What a CancelledError of the call's task stands for that `cut` sent; None for any other.

        Whoever gets it raises it in place of the CancelledError, which is thereby dealt with.
        """
        if not self._cut or self.task is None:
            return None
        self._cut = False
        self.task.uncancel()
        return Fault(Kind.DRAINING, "the gateway is shutting down; the answer ends here", retry_after=1.0)

    def close(self, fault: Fault | None) -> None:
        """Ends the call with its outcome; only the first time counts."""
        close, self._close = self._close, None
        if close is not None:
            close(self, fault)


def fault_of(error: BaseException | None) -> Fault | None:
    """The fault that an exception leaving a call stands for; None for none."""
    match error:
        case None:
            return None
        case Fault():
            return error
        case asyncio.CancelledError() | GeneratorExit():
            return Fault(Kind.CANCELLED, "the caller went away")
        case _:
            return Fault(Kind.BUG, f"unexpected {type(error).__name__}")
