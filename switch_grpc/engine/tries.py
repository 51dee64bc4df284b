"""The attempts of one call, and what its answer tells of them."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from typing import Final, Self

from google.protobuf.message import Message

from switch_grpc.engine.admission import Permit
from switch_grpc.engine.attempt import Attempt, deadline_fault
from switch_grpc.engine.deadline import MIN_ATTEMPT, TargetTimers, attempt_deadline
from switch_grpc.engine.plan import Plan
from switch_grpc.events import AttemptFinished, Event
from switch_grpc.faults import Fault, Kind
from switch_grpc.request import Head, Operation
from switch_grpc.routing.route import Route
from switch_grpc.routing.target import Target
from switch_grpc.v1 import chat_pb2, completion_pb2, fault_pb2, route_info_pb2

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
        self._candidates = route.candidates(fallback=permit.call.fallback)
        self._plan = Plan(self._candidates)
        self._records: list[fault_pb2.AttemptInfo] = []
        self._id = ""
        self._created = 0
        self.last_fault = Fault(
            Kind.NO_TARGET, f"route {route.spec.name!r} has no target that can be asked", retry_after=1.0
        )

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Attempt:
        step = self._plan.next(self._clock(), self._rng)
        if step is None:
            raise self._over()
        if step.wait > 0:
            if self._clock() + step.wait + MIN_ATTEMPT > self._ends:
                raise self._over()  # no time to wait and ask again: the caller hears the last fault now
            await asyncio.sleep(step.wait)
        now = self._clock()
        if self._ends - now < MIN_ATTEMPT:
            self.last_fault = deadline_fault()
            raise self._over()
        return Attempt(
            step.target,
            self._timers(step.target),
            ends=self._ends,
            share=self._share(now),
            clock=self._clock,
            settle=self._settle,
        )

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
        self._permit.first_content_at = attempt.content_at = self._clock()
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
            fallback_used=attempt.target is not self._candidates[0],
            breaker_state=route_info_pb2.BREAKER_STATE_CLOSED,
            provider_ms=((self._clock() if attempt.finished else first_byte) - attempt.started) * 1e3,
            attempts=[*self._records, attempt.record(None)],
            model_differs=spec.model != self._candidates[0].spec.model,
            request_id=self._permit.call.id,
        )

    def _fill(self, message: Message) -> None:
        prefix = "chatcmpl" if self._head.operation is Operation.CHAT else "cmpl"
        self._id = self._id or f"{prefix}-{self._permit.call.id}"
        self._created = self._created or int(time.time())
        message.id = message.id or self._id  # type: ignore[attr-defined]
        message.created = message.created or self._created  # type: ignore[attr-defined]

    def _over(self) -> StopAsyncIteration:
        self.last_fault.attempts = tuple(self._records)
        return StopAsyncIteration()

    def _share(self, now: float) -> float:
        share = attempt_deadline(now, self._ends, self._plan.others)
        first_byte = self._permit.call.first_byte_deadline
        return share if first_byte is None or not self._head.stream else min(share, first_byte)

    def _settle(self, attempt: Attempt, fault: Fault | None) -> None:
        now = self._clock()
        spec = attempt.target.spec
        if fault is not None:
            fault.target = fault.target or spec.name
            self.last_fault = fault
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
                usage=attempt.usage,
            )
        )
