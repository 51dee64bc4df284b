"""One try at one target: its time limits, and its one settlement."""

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Final, Protocol, Self, cast

from switch_grpc.answered import Usage
from switch_grpc.engine.deadline import TargetTimers
from switch_grpc.faults import Fault, Kind
from switch_grpc.permit import fault_of
from switch_grpc.routing.target import Entry, Target
from switch_grpc.v1 import fault_pb2

CLOCK_GRAIN: Final = 0.005  # seconds by which a timer may fire early
_BROKEN: Final = "the stream broke off before it was complete; what came is all there is"


class Judge(Protocol):
    """Who is told what became of an attempt."""

    def proven(self, attempt: "Attempt") -> None:
        """The first content came."""

    def settled(self, attempt: "Attempt", fault: Fault | None) -> Sequence[fault_pb2.AttemptInfo]:
        """It is over. Returns the call's attempts so far, those that failed."""


class Attempt:
    """One try. As a context manager it settles once, with what happened at the target.

    The fault that leaves the `with` block is the caller's to see: none where nothing was committed, since
    another target may do better, and STREAM_INTERRUPTED where the caller has a part of the answer. Times are
    absolute seconds on the engine's clock.
    """

    __slots__ = (
        "_ends",
        "_judge",
        "_proven",
        "_share",
        "_timers",
        "adaptations",
        "clock",
        "committed",
        "content_at",
        "entry",
        "finished",
        "first_byte_at",
        "sent",
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
        now: float,
        ends: float,
        share: float,
        clock: Callable[[], float],
        judge: Judge,
    ) -> None:
        """`ends`: the call's deadline; `share`: until when this attempt may keep the caller waiting."""
        self.target = target
        self.entry = entry  # its place at the target
        self.clock = clock
        self.started = now
        self.adaptations: Sequence[str] = ()  # what was changed of the request to suit the target
        self.sent = False  # a request went out, or was about to
        self.committed = False  # the caller has a part of the answer
        self.finished = False  # the answer is complete
        self.first_byte_at: float | None = None
        self.content_at = now
        self.upstream_status = 0
        self.usage: Usage | None = None
        self._proven = False
        self._timers = timers
        self._ends = ends
        self._share = share
        self._judge: Judge | None = judge

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        judge, self._judge = self._judge, None
        assert judge is not None
        fault = None if error is None else fault_of(error)
        if fault is not None and fault.kind is Kind.CANCELLED and self.finished:
            fault = None  # the caller left with the whole answer
        records = judge.settled(self, fault)
        if not isinstance(error, Fault):
            return False
        if not self.committed:
            error.forget_frames()
            return True
        error.attempts = records
        if error.kind is Kind.DEADLINE:
            return False
        broken = Fault(Kind.STREAM_INTERRUPTED, _BROKEN)
        broken.name(self.target.spec.name, self.target.spec.provider)
        broken.attempts = records
        raise broken from error

    def commit(self) -> None:
        """A part of the answer goes to the caller: from here on, any fault is the caller's to see."""
        self.committed = True

    def progress(self) -> None:
        """Content came, which is what shows that the target works."""
        self.content_at = self.clock()
        if not self._proven and self._judge is not None:
            self._proven = True
            self._judge.proven(self)

    def answering(self) -> None:
        """The head of a good answer came."""
        if self.first_byte_at is None:
            self.first_byte_at = self.clock()
            self.entry.flight.first_byte(self.first_byte_at)

    def read_deadline(self, stream: bool) -> float:
        """Until when the next read may take."""
        if self.committed:
            return min(self._ends, self.content_at + self._timers.token_idle)
        own = self._timers.timeout
        if stream:
            own = min(own, self._timers.first_token)
        return min(self._share, self.started + own)

    def excuse(self, fault: Fault) -> None:
        """Raises DEADLINE in place of a timeout where the caller's time ran out: haste blames no target."""
        if fault.kind is Kind.UPSTREAM_TIMEOUT and self.is_over():
            raise deadline_fault(self.target.spec.name) from fault

    def is_over(self) -> bool:
        """Whether the caller's time for this attempt is up."""
        limit = self._ends if self.committed else self._share
        return self.clock() >= limit - CLOCK_GRAIN

    def record(self, fault: Fault) -> fault_pb2.AttemptInfo:
        """What callers are told of this attempt, which failed."""
        return fault_pb2.AttemptInfo(
            target=self.target.spec.name,
            reason=REASONS[fault.kind],
            upstream_status=self.upstream_status,
            duration_ms=(self.clock() - self.started) * 1e3,
        )


REASONS: Final[Mapping[Kind, fault_pb2.FaultReason]] = {
    kind: cast("fault_pb2.FaultReason", fault_pb2.FaultReason.Value(f"FAULT_REASON_{kind}")) for kind in Kind
}


def deadline_fault(target: str | None = None) -> Fault:
    """The call's time is over."""
    return Fault(Kind.DEADLINE, "the deadline passed before an answer was complete", target=target)
