"""Waiting for a place at a gate: the one thing about a gate that needs the event loop."""

import asyncio
import math
import random
from collections.abc import Callable

from switch_grpc.faults import Fault, Kind
from switch_grpc.routing.gate import Gate, Place, Ticket


async def enter(gate: Gate, clock: Callable[[], float], until: float = math.inf) -> Ticket:
    """A ticket that is admitted or refused, after the gate's longest wait, or at `until` if that is sooner.

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
        async with asyncio.timeout_at(min(ticket.deadline, until)):
            await decided
    except TimeoutError:
        if ticket.place is Place.WAITING:  # nobody decided in time
            gate.leave(ticket, clock())
            ticket.place = Place.REFUSED
    except BaseException:
        gate.leave(ticket, clock())
        raise
    return ticket


def no_place(kind: Kind, what: str, limit: int | None, rng: random.Random) -> Fault:
    """The fault of who got no place. Callers are sent away for 1 to 5 s, not to return all at once."""
    message = f"{what} is at its limit of {limit} calls in flight"
    return Fault(kind, message, retry_after=rng.uniform(1.0, 5.0))
