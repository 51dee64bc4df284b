"""The attempts of one call: who is asked, when, and what is learnt from each."""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Self

from switch_grpc.engine.ask import Wiring
from switch_grpc.engine.attempt import Attempt, deadline_fault
from switch_grpc.engine.deadline import MIN_ATTEMPT, attempt_deadline
from switch_grpc.engine.plan import Plan
from switch_grpc.engine.waiting import enter, no_place
from switch_grpc.events import AttemptFinished, BreakerChanged, Event
from switch_grpc.faults import Fault, Kind
from switch_grpc.permit import Permit
from switch_grpc.request import Head
from switch_grpc.routing.budget import is_free
from switch_grpc.routing.gate import Place, Ticket
from switch_grpc.routing.needs import words
from switch_grpc.routing.route import Route
from switch_grpc.routing.states import State, Transition
from switch_grpc.routing.target import Target
from switch_grpc.v1 import fault_pb2

BYTES_PER_TOKEN: Final = 4  # of a request, to reserve tokens by; corrected when the provider has counted
REASONS_TOLD: Final = 3  # of targets that cannot be asked, by an error


class Tries:
    """Iterates over a call's attempts: each waits its backoff, and none starts past the deadline.

    When it ends, nobody is left to ask, and `failure` says why.
    """

    __slots__ = (
        "_clock",
        "_cool_at",
        "_emit",
        "_ends",
        "_last",
        "_paid_in",
        "_plan",
        "_rng",
        "_spent",
        "_tokens",
        "_unsent",
        "_until",
        "_wirings",
        "candidates",
        "head",
        "permit",
        "records",
        "route",
    )

    def __init__(
        self,
        route: Route,
        permit: Permit,
        head: Head,
        *,
        ends: float,
        wirings: Mapping[Target, Wiring],
        clock: Callable[[], float],
        rng: random.Random,
        emit: Callable[[Event], None],
    ) -> None:
        """`ends`: the call's deadline on `clock`."""
        self.route = route
        self.permit = permit
        self.head = head
        self.records: list[fault_pb2.AttemptInfo] = []  # of the attempts that failed
        self._ends = ends
        self._wirings = wirings
        self._clock = clock
        self._rng = rng
        self._emit = emit
        self._tokens = head.size // BYTES_PER_TOKEN
        call = permit.call
        # Until when the caller waits to hear something: all the time, or less where it told its patience.
        patience = call.first_byte_deadline
        self._until = ends if patience is None or not head.stream else min(ends, patience)
        self.candidates = route.candidates(
            fallback=call.fallback,
            sticky_key=route.spec.session(call, head) if route.spec.sticky else None,
            tokens=self._tokens,
            now=clock(),
            rng=rng,
            needs=head.needs,
        )
        self._plan = Plan(self.candidates.targets, on_content_filter=route.spec.fallback.on_content_filter)
        self._paid_in = False
        self._spent = False  # the retry budget kept somebody from being asked
        self._unsent = True  # nothing left the gateway by the attempt before
        self._last: Fault | None = None
        self._cool_at: float | None = None  # when the first of the targets that refused by rate takes calls

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Attempt:
        plan, now = self._plan, self._clock()
        while (step := plan.next(now, self._rng)) is not None:
            target = step.target
            if self._until - now < MIN_ATTEMPT:
                self._last = deadline_fault()
                break
            if self._until - now < step.wait + MIN_ATTEMPT:
                plan.skip(target)  # no time left for its wait; another may need none
                continue
            limited = target.spec.max_in_flight is not None
            if limited and target.is_full and plan.defer(target):
                continue
            if not self._affordable(target, now):
                self._spent = True
                plan.skip(target)
                continue
            if step.wait > 0:
                await asyncio.sleep(step.wait)
                now = self._clock()
            ticket = None
            if limited:
                ticket = await self._place(target)
                now = self._clock()
            if (attempt := self._admitted(target, ticket, now)) is not None:
                return attempt
            plan.skip(target)
        raise StopAsyncIteration

    def failure(self) -> Fault:
        """What the caller hears when the tries have ended: the last fault; of several waits, the shortest."""
        now = self._clock()
        fault, self._last = self._last or self._nobody(now), None
        if fault.kind is Kind.UPSTREAM_RATE_LIMIT and self._cool_at is not None:
            fault.retry_after = max(0.0, self._cool_at - now)
        if self._spent:
            fault.retry = False
        fault.attempts = tuple(self.records)
        return fault

    def wiring(self, target: Target) -> Wiring:
        return self._wirings[target]

    def cost(self, attempt: Attempt) -> float | None:
        """What the attempt costs, in US dollars; None where usage or price is not known."""
        price = self._wirings[attempt.target].price
        return None if price is None or attempt.usage is None else price.of(attempt.usage)

    # What an attempt tells its judge.

    def proven(self, attempt: Attempt) -> None:
        self._moved(attempt.target, attempt.target.confirm(attempt.entry, attempt.content_at))

    def settled(self, attempt: Attempt, fault: Fault | None) -> Sequence[fault_pb2.AttemptInfo]:
        now, target = self._clock(), attempt.target
        spec, usage = target.spec, attempt.usage
        transition = target.settle(
            attempt.entry,
            fault,
            now=now,
            rng=self._rng,
            tokens=None if usage is None else usage.total,
            sent=attempt.sent,
        )
        if transition is not None:
            self._moved(target, transition)
        if fault is not None:
            fault.name(spec.name, spec.provider)
            self._learn(attempt, fault, now)
        first = attempt.first_byte_at
        finished = AttemptFinished(
            call_id=self.permit.call.id,
            route=spec.route,
            target=spec.name,
            provider=spec.provider,
            fault=fault.kind if fault else None,
            upstream_status=attempt.upstream_status,
            duration=now - attempt.started,
            ttfb=None if first is None else first - attempt.started,
            usage=usage,
            cost=self.cost(attempt),
        )
        if fault is None:
            self.permit.success = finished
        else:
            self._emit(finished)
        return self.records

    def _learn(self, attempt: Attempt, fault: Fault, now: float) -> None:
        if not attempt.committed:
            self._last = fault
        self._unsent = fault.unsent or not attempt.sent
        self.records.append(attempt.record(fault))
        self._plan.record(attempt.target, fault, now)
        if fault.kind is Kind.UPSTREAM_RATE_LIMIT:
            until = attempt.target.cooldown.until
            self._cool_at = until if self._cool_at is None else min(self._cool_at, until)

    # How the next one is found.

    def _affordable(self, target: Target, now: float) -> bool:
        """Whether the retry budget lets this call ask `target`; its first attempt pays in."""
        budget = self.route.budget
        if not self._paid_in:
            self._paid_in = True
            budget.deposit(now)
            return True
        free = is_free(
            target.load,
            now,
            first_visit=not self._plan.visited(target),
            closed=target.breaker.state(now) is State.CLOSED,
            unsent=self._unsent,
        )
        return free or budget.withdraw(now)

    async def _place(self, target: Target) -> Ticket:
        """A place at a target that limits its attempts in flight, or a refusal."""
        ticket = await enter(target.gate, self._clock, self._until)
        if ticket.place is not Place.ADMITTED and self._last is None:
            what = f"target {target.key!r}"
            self._last = no_place(Kind.LOCAL, what, target.spec.max_in_flight, self._rng)
        return ticket

    def _admitted(self, target: Target, ticket: Ticket | None, now: float) -> Attempt | None:
        """An attempt at `target`; None when it cannot be had."""
        timers, entry = self._wirings[target].timers, None
        if ticket is None or ticket.place is Place.ADMITTED:
            entry = target.admit(now, timers.timeout, self._tokens)
        if entry is None:
            if ticket is not None:
                target.gate.leave(ticket, now)
            return None
        entry.ticket = ticket
        self.permit.target = target.spec.name
        self.permit.attempts += 1
        if entry.permit.transition is not None:
            self._moved(target, entry.permit.transition)
        return Attempt(
            target,
            entry,
            timers,
            now=now,
            ends=self._ends,
            share=attempt_deadline(now, self._until, self._others(now)),
            clock=self._clock,
            judge=self,
        )

    def _others(self, now: float) -> bool:
        """Whether somebody else is left who may be asked."""
        for other in self._plan.left:  # noqa: SIM110  # a generator costs half a microsecond of each call
            if other.refusal(now, self._tokens) is None:
                return True
        return False

    def _moved(self, target: Target, transition: Transition | None) -> None:
        if transition is not None:
            self._emit(breaker_changed(target, transition))

    def _nobody(self, now: float) -> Fault:
        """What a call hears whose route has nobody to ask."""
        name, needs = self.route.spec.name, self.head.needs
        if lacking := self.route.lacking(needs):
            return Fault(
                Kind.CAPABILITY, f"no target of route {name!r} has a model that can {words(lacking)}"
            )
        return Fault(
            Kind.NO_TARGET,
            f"no target of route {name!r} can be asked at the moment{self._why(now)}",
            retry_after=self.route.soonest(now, self._tokens, needs),
        )

    def _why(self, now: float) -> str:
        """What stands against each of the first few."""
        refusals = ((target, target.refusal(now, self._tokens)) for target in self.route.targets)
        reasons = [f"{target.key!r}: {refusal}" for target, refusal in refusals if refusal is not None]
        return f" ({'; '.join(reasons[:REASONS_TOLD])})" if reasons else ""


def breaker_changed(target: Target, transition: Transition) -> BreakerChanged:
    """The event that tells of a breaker's move."""
    return BreakerChanged(
        route=target.spec.route,
        target=target.key,
        state=transition.after,
        cause=transition.cause,
        until=transition.until,
    )
