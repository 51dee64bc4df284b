"""How many attempts or calls may run at once, and who waits for a place. Pure; the caller waits."""

import enum
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass


class Place(enum.Enum):
    """Where a ticket stands."""

    ADMITTED = enum.auto()
    WAITING = enum.auto()
    REFUSED = enum.auto()  # the queue was full, or the wait too long
    LEFT = enum.auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class GatePolicy:
    """A concurrency limit with a bounded queue. Durations in seconds."""

    limit: int | None = None  # at once; None: counts only
    queue: int = 64  # waiting at most
    max_wait: float = 0.2


class Ticket:
    """One entrant. Whoever enters must `leave`, on every path, whatever became of the ticket."""

    __slots__ = ("_wake", "deadline", "place")

    def __init__(self, place: Place, deadline: float, wake: Callable[[], None]) -> None:
        self.place = place
        self.deadline = deadline  # of its wait
        self._wake = wake

    def move(self, place: Place) -> None:
        """Called by the gate: a waiting ticket is decided, and who waits is told so."""
        self.place = place
        self._wake()


def _nobody() -> None:
    """The waker of an entrant that does not wait."""


class Gate:
    """Counts who is inside; beyond the limit lets newcomers wait, beyond the queue refuses them.

    Places go to the longest waiting, but to the newest while the queue is more than half full: under
    overload some calls then are quick and the rest fail in time, where first-come would make all of them
    late (Facebook's adaptive LIFO).
    """

    __slots__ = ("_waiting", "inside", "policy")

    def __init__(self, policy: GatePolicy) -> None:
        self.policy = policy
        self.inside = 0
        self._waiting: OrderedDict[Ticket, None] = OrderedDict()  # oldest first

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def enter(self, now: float, wake: Callable[[], None] = _nobody) -> Ticket:
        """A ticket: admitted, refused, or waiting.

        `wake` is called, from within another call of this gate, when a waiting ticket becomes ADMITTED or
        REFUSED; it must not call the gate itself. The caller also gives up at `ticket.deadline`, by `leave`.
        """
        self._refuse_late(now)
        if self._has_room():
            self.inside += 1
            return Ticket(Place.ADMITTED, now, wake)
        if len(self._waiting) >= self.policy.queue:
            return Ticket(Place.REFUSED, now, wake)
        ticket = Ticket(Place.WAITING, now + self.policy.max_wait, wake)
        self._waiting[ticket] = None
        return ticket

    def pass_through(self, now: float) -> Ticket | None:
        """A ticket that is admitted, or None where an entrant would have to wait."""
        if not self._has_room():
            return None
        self.inside += 1
        return Ticket(Place.ADMITTED, now, _nobody)

    def leave(self, ticket: Ticket, now: float) -> None:
        """Gives up the ticket's place, inside or in the queue; a second time does nothing."""
        before, ticket.place = ticket.place, Place.LEFT
        if before is Place.ADMITTED:
            self.inside -= 1
            self._fill(now)
        elif before is Place.WAITING:
            del self._waiting[ticket]

    def adopt(self, policy: GatePolicy, now: float) -> None:
        """Takes over a reloaded policy. Who is inside stays, though the limit be lower now."""
        self.policy = policy
        self._fill(now)

    def _has_room(self) -> bool:
        return self.policy.limit is None or self.inside < self.policy.limit

    def _fill(self, now: float) -> None:
        self._refuse_late(now)
        while self._waiting and self._has_room():
            newest_first = 2 * len(self._waiting) > self.policy.queue
            ticket, _ = self._waiting.popitem(last=newest_first)
            self.inside += 1
            ticket.move(Place.ADMITTED)

    def _refuse_late(self, now: float) -> None:
        while self._waiting:
            oldest = next(iter(self._waiting))
            if oldest.deadline > now:
                return
            del self._waiting[oldest]
            oldest.move(Place.REFUSED)
