"""The attempts of one call, and what its answer tells of them."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from typing import Final, Self

from google.protobuf.message import Message

from switch_grpc.engine.attempt import Attempt, deadline_fault
from switch_grpc.engine.deadline import MIN_ATTEMPT, TargetTimers, attempt_deadline
from switch_grpc.engine.plan import Plan
from switch_grpc.engine.waiting import enter
from switch_grpc.events import AttemptFinished, BreakerChanged, Event
from switch_grpc.faults import Fault, Kind
from switch_grpc.permit import Permit
from switch_grpc.request import Head, Operation
from switch_grpc.routing.budget import is_free
from switch_grpc.routing.gate import Place
from switch_grpc.routing.route import Route
from switch_grpc.routing.states import State, Transition
from switch_grpc.routing.target import Target, soonest
from switch_grpc.v1 import chat_pb2, completion_pb2, fault_pb2, route_info_pb2

BYTES_PER_TOKEN: Final = 4  # of a request, to reserve tokens by; corrected when the provider has counted
BREAKER_STATES: Final = {
    State.CLOSED: route_info_pb2.BREAKER_STATE_CLOSED,
    State.OPEN: route_info_pb2.BREAKER_STATE_OPEN,
    State.HALF_OPEN: route_info_pb2.BREAKER_STATE_HALF_OPEN,
}
CHUNKS: Final = {Operation.CHAT: chat_pb2.ChatChunk, Operation.COMPLETE: completion_pb2.CompletionChunk}


class Tries:
    """Iterates over a call's attempts: each waits its backoff, and none starts past the deadline.

    When it ends, nobody is left to ask, and `last_fault` says why.
    """

    def __init__(
        self,
        route: Route,
        permit: Permit,
        head: Head,
        *,
        ends: float,
        timers: Callable[[Target], TargetTimers],
        clock: Callable[[], float],
        rng: random.Random,
        emit: Callable[[Event], None],
    ) -> None:
        """`ends`: the call's deadline on `clock`."""
        self._route = route
        self._permit = permit
        self._head = head
        self._ends = ends
        self._timers = timers
        self._clock = clock
        self._rng = rng
        self._emit = emit
        self._tokens = head.size // BYTES_PER_TOKEN
        now = clock()
        self._candidates = route.candidates(
            fallback=permit.call.fallback,
            sticky_key=(permit.call.sticky_key or head.sticky_key) if route.spec.sticky else None,
            tokens=self._tokens,
            now=now,
            rng=rng,
        )
        self._plan = Plan(self._candidates.targets, on_content_filter=route.spec.fallback.on_content_filter)
        self._records: list[fault_pb2.AttemptInfo] = []
        self._id = ""
        self._created = 0
        self.last_fault = self._nobody(now)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Attempt:
        while (step := self._plan.next(self._clock(), self._rng)) is not None:
            if step.wait > 0:
                if self._clock() + step.wait + MIN_ATTEMPT > self._ends:
                    break  # no time to wait and ask again: the caller hears the last fault now
                await asyncio.sleep(step.wait)
            now = self._clock()
            if self._ends - now < MIN_ATTEMPT:
                self.last_fault = deadline_fault()
                break
            if step.target.refusal(now, self._tokens) is not None:
                self._plan.skip(step.target)
                continue
            if step.target.is_full and self._plan.defer(step.target):
                continue
            if not self._affordable(step.target, now):
                self.last_fault.retry = False
                break
            attempt = await self._admitted(step.target)
            if attempt is not None:
                return attempt
        self.last_fault.attempts = tuple(self._records)
        raise StopAsyncIteration

    def note(self, attempt: Attempt, batch: Sequence[Message]) -> None:
        """Remembers what a batch says of the whole answer: usage, id, time of creation."""
        for message in batch:
            if message.HasField("usage"):
                attempt.usage = self._permit.usage = message.usage  # type: ignore[attr-defined]
        if attempt.committed or self._head.operation is Operation.EMBED:
            return
        first = batch[0]
        self._id = self._id or first.id  # type: ignore[attr-defined]
        self._created = self._created or first.created  # type: ignore[attr-defined]

    def stamped(self, attempt: Attempt, batch: Sequence[Message]) -> Sequence[Message]:
        """The batch with the route's name as its model, and with id and time where the provider gave none."""
        name = self._route.spec.name
        self._permit.chunks += len(batch)
        for message in batch:
            message.model = name  # type: ignore[attr-defined]
        if self._head.operation is not Operation.EMBED:
            for message in batch:
                if not (message.id and message.created):  # type: ignore[attr-defined]
                    self._fill(message)
        return batch

    def replied(self, attempt: Attempt, reply: Message) -> Sequence[Message]:
        """A whole reply, stamped."""
        attempt.finished = True
        attempt.commit()
        info = self._permit.info = self.info(attempt)
        reply.route_info.CopyFrom(info)  # type: ignore[attr-defined]
        return self.stamped(attempt, [reply])

    def opened(self, attempt: Attempt, batch: Sequence[Message]) -> Sequence[Message]:
        """The first batch that the caller sees, stamped: its first message says who answers."""
        self._permit.first_content_at = attempt.content_at
        stamped = self.stamped(attempt, batch)
        stamped[0].route_info.CopyFrom(self.info(attempt))  # type: ignore[attr-defined]
        return stamped

    def closing(self, attempt: Attempt) -> Message:
        """A last chunk, which holds nothing but the complete route_info."""
        chunk: Message = CHUNKS[self._head.operation](model=self._route.spec.name)
        self._fill(chunk)
        info = self._permit.info = self.info(attempt)
        chunk.route_info.CopyFrom(info)  # type: ignore[attr-defined]
        return chunk

    def info(self, attempt: Attempt) -> route_info_pb2.RouteInfo:
        """Who answered and how the call got there, as known now."""
        spec = attempt.target.spec
        first_byte = attempt.first_byte_at or self._clock()
        return route_info_pb2.RouteInfo(
            route=self._route.spec.name,
            target=spec.name,
            provider=spec.provider,
            model=spec.model,
            fallback_used=self._candidates.fallback(attempt.target),
            breaker_state=BREAKER_STATES[attempt.entry.permit.state],
            provider_ms=((self._clock() if attempt.finished else first_byte) - attempt.started) * 1e3,
            attempts=[*self._records, attempt.record(None)],
            model_differs=spec.model != self._route.targets[0].spec.model,
            request_id=self._permit.call.id,
        )

    def _fill(self, message: Message) -> None:
        prefix = "chatcmpl" if self._head.operation is Operation.CHAT else "cmpl"
        self._id = self._id or f"{prefix}-{self._permit.call.id}"
        self._created = self._created or int(time.time())
        message.id = message.id or self._id  # type: ignore[attr-defined]
        message.created = message.created or self._created  # type: ignore[attr-defined]

    def _nobody(self, now: float) -> Fault:
        """What a call hears whose route has nobody to ask."""
        return Fault(
            Kind.NO_TARGET,
            f"no target of route {self._route.spec.name!r} can be asked at the moment",
            retry_after=soonest(self._route.targets, now, self._tokens),
        )

    def _affordable(self, target: Target, now: float) -> bool:
        """Whether the retry budget lets this call ask `target`; its first attempt pays in."""
        budget = self._route.budget
        if self._plan.asked == 0:
            budget.deposit(now)
            return True
        free = is_free(
            target.load,
            now,
            first_visit=not self._plan.visited(target),
            closed=target.breaker.state(now) is State.CLOSED,
            unsent=self.last_fault.unsent,
        )
        return free or budget.withdraw(now)

    async def _admitted(self, target: Target) -> Attempt | None:
        """An attempt at `target`, waiting for a place there if need be; None when it cannot be had."""
        ticket = None
        if target.spec.max_in_flight is not None:
            ticket = await enter(target.gate, self._clock)
            if ticket.place is not Place.ADMITTED:
                self._plan.skip(target)
                if not self._records:
                    self.last_fault = _full(target)
                return None
        now = self._clock()
        timers = self._timers(target)
        entry = target.admit(now, timers.timeout, self._tokens)
        if entry is None:
            self._plan.skip(target)
            if ticket is not None:
                target.gate.leave(ticket, now)
            return None
        entry.ticket = ticket
        self._moved(target, entry.permit.transition)
        return Attempt(
            target,
            entry,
            timers,
            ends=self._ends,
            share=self._share(now),
            clock=self._clock,
            confirm=self._confirm,
            settle=self._settle,
        )

    def _confirm(self, attempt: Attempt) -> None:
        self._moved(attempt.target, attempt.target.confirm(attempt.entry, attempt.content_at))

    def _moved(self, target: Target, transition: Transition | None) -> None:
        if transition is not None:
            self._emit(breaker_changed(target, transition))

    def _share(self, now: float) -> float:
        share = attempt_deadline(now, self._ends, self._plan.others)
        first_byte = self._permit.call.first_byte_deadline
        return share if first_byte is None or not self._head.stream else min(share, first_byte)

    def _remember(self, fault: Fault) -> None:
        """The last fault is what the caller hears; of several waits, it hears the shortest."""
        before = self.last_fault.retry_after if self._records else None
        if fault.retry_after is not None and before is not None:
            fault.retry_after = min(fault.retry_after, before)
        self.last_fault = fault

    def _settle(self, attempt: Attempt, fault: Fault | None) -> None:
        now = self._clock()
        spec = attempt.target.spec
        usage = attempt.usage
        tokens = None if usage is None else usage.total_tokens
        self._moved(attempt.target, attempt.target.settle(attempt.entry, fault, tokens, now, self._rng))
        if fault is not None:
            fault.target = fault.target or spec.name
            self._remember(fault)
            self._records.append(attempt.record(fault))
            self._plan.record(attempt.target, fault, now)
        first = attempt.first_byte_at
        self._emit(
            AttemptFinished(
                call_id=self._permit.call.id,
                route=spec.route,
                target=spec.name,
                provider=spec.provider,
                fault=fault.kind if fault else None,
                upstream_status=attempt.upstream_status,
                duration=now - attempt.started,
                ttfb=None if first is None else first - attempt.started,
                usage=usage,
            )
        )


def _full(target: Target) -> Fault:
    limit = target.spec.max_in_flight
    return Fault(
        Kind.LOCAL, f"target {target.key!r} is at its limit of {limit} calls in flight", retry_after=1.0
    )


def breaker_changed(target: Target, transition: Transition) -> BreakerChanged:
    """The event that tells of a breaker's move."""
    return BreakerChanged(
        route=target.spec.route,
        target=target.key,
        state=transition.after,
        cause=transition.cause,
        until=transition.until,
    )
