"""Waiting for a place at a gate: the one thing about a gate that needs the event loop."""

import asyncio
from collections.abc import Callable

from switch_grpc.routing.gate import Gate, Place, Ticket


async def enter(gate: Gate, clock: Callable[[], float]) -> Ticket:
    """A ticket that is admitted or refused, after the gate's longest wait at most.

    Whoever gets one must `leave` with it. A caller that is cancelled while waiting has left.
    """
    decided: asyncio.Future[None] | None = None

    def wake() -> None:
        if decided is not None and not decided.done():
            decided.set_result(None)

    ticket = gate.enter(clock(), wake)
    if ticket.place is not Place.WAITING:
        return ticket
    decided = asyncio.get_running_loop().create_future()
    try:
        async with asyncio.timeout_at(ticket.deadline):
            await decided
    except TimeoutError:
        if ticket.place is Place.WAITING:  # nobody decided in time
            gate.leave(ticket, clock())
            ticket.place = Place.REFUSED
    except BaseException:
        gate.leave(ticket, clock())
        raise
    return ticket
