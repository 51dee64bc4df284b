"""Letting calls in, and reporting what became of them."""

import asyncio
import math
import random
from collections.abc import Callable
from functools import partial

from switch_grpc.call import Call, Principal
from switch_grpc.engine.attempt import deadline_fault
from switch_grpc.engine.waiting import enter, no_place
from switch_grpc.events import CallFinished, Event
from switch_grpc.faults import Fault, Kind
from switch_grpc.permit import Permit
from switch_grpc.routing.gate import Gate, GatePolicy, Place, Ticket


class Admission:
    """Who is in: at most so many calls at once, a few more waiting briefly, the rest turned away."""

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        rng: random.Random,
        emit: Callable[[Event], None],
        policy: GatePolicy,
    ) -> None:
        self.draining = False
        self._rng = rng
        self.gate = Gate(policy)
        self._clock = clock
        self._emit = emit
        self._open: set[Permit] = set()
        self._loop: asyncio.AbstractEventLoop | None = None  # asking for it costs each call a system call
        self._emptied: asyncio.Future[None] | None = None  # where somebody waits for that

    @property
    def in_flight(self) -> int:
        """Calls admitted and not yet finished."""
        return self.gate.inside

    def admit(self, call: Call, principal: Principal) -> Permit | None:
        """A permit, where the call need not `wait` for one. Raises Fault(DRAINING)."""
        if self.draining:
            raise Fault(Kind.DRAINING, "the gateway is shutting down; try again", retry_after=1.0)
        ticket = self.gate.pass_through(self._clock())
        return None if ticket is None else self._permit(call, principal, ticket)

    async def wait(self, call: Call, principal: Principal) -> Permit:
        """A permit, within the call's own deadline. Raises Fault(OVERLOADED | DEADLINE)."""
        return self._permit(call, principal, await self._waited(call))

    def _permit(self, call: Call, principal: Principal, ticket: Ticket) -> Permit:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        task = asyncio.current_task(self._loop)
        permit = Permit(call, principal, partial(self._leave, ticket), task)
        self._open.add(permit)
        return permit

    async def _waited(self, call: Call) -> Ticket:
        until = math.inf if call.deadline is None else call.deadline
        ticket = await enter(self.gate, self._clock, until)
        if ticket.place is Place.ADMITTED:
            return ticket
        if self._clock() >= until:
            raise deadline_fault()
        raise no_place(Kind.OVERLOADED, "the gateway", self.gate.policy.limit, self._rng)

    def wave_through(self, call: Call, principal: Principal) -> Permit:
        """A permit for an operator's call: not counted, not queued, and given while draining too."""
        return Permit(call, principal, self._report)

    def refuse(self, call: Call, principal: Principal | None, fault: Fault | None) -> None:
        """Reports a call that was not let in."""
        self._report(Permit(call, principal or Principal(id="", scopes=frozenset()), _ignore), fault)

    def cut(self) -> None:
        """Ends every call in flight: it hears DRAINING."""
        for permit in tuple(self._open):
            permit.cut()

    async def idle(self) -> None:
        """Returns once nothing is in flight."""
        while self.gate.inside:
            if self._emptied is None:
                self._emptied = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._emptied)

    def _leave(self, ticket: Ticket, permit: Permit, fault: Fault | None) -> None:
        self._open.discard(permit)
        self.gate.leave(ticket, self._clock())
        if self._emptied is not None and self.gate.inside == 0:
            self._emptied.set_result(None)
            self._emptied = None
        self._report(permit, fault)

    def _report(self, permit: Permit, fault: Fault | None) -> None:
        if permit.success is not None:
            self._emit(permit.success)
        started, first = permit.call.started, permit.first_content_at
        self._emit(
            CallFinished(
                call_id=permit.call.id,
                door=permit.call.door,
                operation=permit.operation,
                principal=permit.principal.id,
                route=permit.route,
                stream=permit.stream,
                fault=fault.kind if fault else None,
                message=fault.message if fault else "",
                http=fault.http if fault else None,
                duration=self._clock() - started,
                first_content=None if first is None else first - started,
                chunks=permit.chunks,
                usage=permit.usage,
                info=permit.info,
                target=permit.target,
                attempts=permit.attempts,
            )
        )


def _ignore(permit: Permit, fault: Fault | None) -> None:
    pass
