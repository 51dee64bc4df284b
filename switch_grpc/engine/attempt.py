"""One try at one target: its time limits, and its one settlement."""

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Final, Self, cast

from switch_grpc.engine.deadline import TargetTimers
from switch_grpc.faults import Fault, Kind
from switch_grpc.permit import fault_of
from switch_grpc.routing.target import Entry, Target
from switch_grpc.v1 import chat_pb2, fault_pb2

CLOCK_GRAIN: Final = 0.005  # seconds by which a timer may fire early


class Attempt:
    """One try. As a context manager it settles once, and hides a fault that came before the commit.

    Times are absolute seconds on the engine's clock.
    """

    __slots__ = (
        "_confirm",
        "_ends",
        "_settle",
        "_share",
        "_timers",
        "clock",
        "committed",
        "content_at",
        "entry",
        "finished",
        "first_byte_at",
        "started",
        "target",
        "upstream_status",
        "usage",
    )

    def __init__(
        self,
        target: Target,
        entry: Entry,
        timers: TargetTimers,
        *,
        ends: float,
        share: float,
        clock: Callable[[], float],
        confirm: Callable[["Attempt"], None],
        settle: Callable[["Attempt", Fault | None], None],
    ) -> None:
        """`ends`: the call's deadline; `share`: until when this attempt may keep the caller waiting."""
        self.target = target
        self.entry = entry  # its place at the target
        self.clock = clock
        self.started = clock()
        self.committed = False
        self.finished = False  # the answer is complete
        self.first_byte_at: float | None = None
        self.content_at = self.started
        self.upstream_status = 0
        self.usage: chat_pb2.Usage | None = None
        self._timers = timers
        self._ends = ends
        self._share = share
        self._confirm = confirm
        self._settle: Callable[[Attempt, Fault | None], None] | None = settle

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        settle, self._settle = self._settle, None
        assert settle is not None
        settle(self, fault_of(error))
        return isinstance(error, Fault) and not self.committed

    def commit(self) -> None:
        """The first content goes to the caller: from here on, any fault is the caller's to see."""
        self.committed = True
        self.content_at = self.clock()
        self._confirm(self)

    def answering(self) -> None:
        """The head of a good answer came."""
        if self.first_byte_at is None:
            self.first_byte_at = self.clock()
            self.target.answering(self.entry, self.first_byte_at)

    def read_deadline(self, stream: bool) -> float:
        """Until when the next read may take."""
        if self.committed:
            return min(self._ends, self.content_at + self._timers.token_idle)
        own = self._timers.timeout
        if stream:
            own = min(own, self._timers.first_token)
        return min(self._share, self.started + own)

    def blamed(self, fault: Fault) -> Fault:
        """The fault, or DEADLINE if the caller's time ran out: a hasty caller blames no target."""
        limit = self._ends if self.committed else self._share
        if fault.kind is Kind.UPSTREAM_TIMEOUT and self.clock() >= limit - CLOCK_GRAIN:
            return deadline_fault(self.target.spec.name)
        return fault

    def record(self, fault: Fault | None) -> fault_pb2.AttemptInfo:
        """What callers are told of this attempt."""
        return fault_pb2.AttemptInfo(
            target=self.target.spec.name,
            reason=REASONS[fault.kind] if fault else fault_pb2.FAULT_REASON_UNSPECIFIED,
            upstream_status=self.upstream_status,
            duration_ms=(self.clock() - self.started) * 1e3,
        )


REASONS: Final[Mapping[Kind, fault_pb2.FaultReason]] = {
    kind: cast("fault_pb2.FaultReason", fault_pb2.FaultReason.Value(f"FAULT_REASON_{kind}")) for kind in Kind
}


def deadline_fault(target: str | None = None) -> Fault:
    """The call's time is over."""
    return Fault(Kind.DEADLINE, "the deadline passed before an answer was complete", target=target)
