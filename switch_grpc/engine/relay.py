"""What a caller gets of an attempt's answer: stamped with the route's name, and with who answered."""

import time
from collections.abc import Sequence
from typing import Final

from google.protobuf.message import Message

from switch_grpc.answered import Answered, counted
from switch_grpc.engine.attempt import Attempt
from switch_grpc.engine.tries import Tries
from switch_grpc.openai_wire import Chunk, PlainChunk, PlainReply, Reply
from switch_grpc.providers.dialects.base import has_content
from switch_grpc.request import Operation
from switch_grpc.routing.states import State
from switch_grpc.v1 import chat_pb2, completion_pb2, route_info_pb2

PRELUDE_LIMIT: Final = 64 * 1024  # bytes held back before the first content; then the stream commits anyway
BREAKER_STATES: Final = {
    State.CLOSED: route_info_pb2.BREAKER_STATE_CLOSED,
    State.OPEN: route_info_pb2.BREAKER_STATE_OPEN,
    State.HALF_OPEN: route_info_pb2.BREAKER_STATE_HALF_OPEN,
}
CHUNKS: Final = {Operation.CHAT: chat_pb2.ChatChunk, Operation.COMPLETE: completion_pb2.CompletionChunk}


def reply(tries: Tries, attempt: Attempt, answer: Reply) -> Reply:
    """A whole reply, which is the end of the call."""
    attempt.finished = True
    tries.permit.chunks = 1
    if isinstance(answer, PlainReply):
        answer.name(tries.route.spec.name)
        attempt.usage = tries.permit.usage = answer.usage
        answer.info = tries.permit.info = _answered(tries, attempt)
    else:
        _whole(tries, attempt, answer)
    return answer


def _whole(tries: Tries, attempt: Attempt, message: Message) -> None:
    if message.HasField("usage"):
        attempt.usage = tries.permit.usage = counted(message.usage)  # type: ignore[attr-defined]
    message.model = tries.route.spec.name  # type: ignore[attr-defined]
    if tries.head.operation is not Operation.EMBED and not (message.id and message.created):  # type: ignore[attr-defined]
        Stamp(tries).mark(message)
    tries.permit.info = _put_info(message.route_info, tries, attempt)  # type: ignore[attr-defined]


class Stamp:
    """Names the route as the model, and gives an id and a time to messages whose provider gave none."""

    __slots__ = ("_created", "_id", "_tries")

    def __init__(self, tries: Tries) -> None:
        self._tries = tries
        self._id = ""
        self._created = 0

    def mark(self, message: Message) -> None:
        message.model = self._tries.route.spec.name  # type: ignore[attr-defined]
        if self._tries.head.operation is Operation.EMBED:
            return
        if not message.id:  # type: ignore[attr-defined]
            message.id = self._own_id()  # type: ignore[attr-defined]
        elif not self._id:
            self._id = message.id  # type: ignore[attr-defined]
        if not message.created:  # type: ignore[attr-defined]
            self._created = self._created or int(time.time())
            message.created = self._created  # type: ignore[attr-defined]
        elif not self._created:
            self._created = message.created  # type: ignore[attr-defined]

    def _own_id(self) -> str:
        if not self._id:
            prefix = "chatcmpl" if self._tries.head.operation is Operation.CHAT else "cmpl"
            self._id = f"{prefix}-{self._tries.permit.call.id}"
        return self._id


class Relay:
    """One attempt's stream, as the caller gets it: what precedes the first content is held back till then."""

    __slots__ = ("_attempt", "_held", "_held_bytes", "_stamp", "_tries")

    def __init__(self, tries: Tries, attempt: Attempt) -> None:
        self._tries = tries
        self._attempt = attempt
        self._stamp = Stamp(tries)
        self._held: list[Chunk] = []
        self._held_bytes = 0

    def take(self, batch: Sequence[Chunk]) -> Sequence[Chunk]:
        """What of it goes to the caller now: nothing while there was no content."""
        attempt, permit, mark = self._attempt, self._tries.permit, self._stamp.mark
        for message in batch:
            if isinstance(message, PlainChunk):  # it has an id and a time
                message.model = self._tries.route.spec.name
                continue
            mark(message)
            if message.HasField("usage"):
                attempt.usage = permit.usage = counted(message.usage)  # type: ignore[attr-defined]
        content = any(map(has_content, batch))
        if content:
            attempt.progress()
        if attempt.committed:
            permit.chunks += len(batch)
            return batch
        self._held.extend(batch)
        self._held_bytes += sum(map(_size, batch))
        if not content and self._held_bytes <= PRELUDE_LIMIT:
            return ()
        return self._open()

    def finish(self) -> Sequence[Chunk]:
        """The stream is complete: what is still held back, and a last chunk of nothing but route_info."""
        attempt, tries = self._attempt, self._tries
        attempt.finished = True
        last = CHUNKS[tries.head.operation]()
        self._stamp.mark(last)
        tries.permit.info = _put_info(last.route_info, tries, attempt)
        if self._held:  # an answer without content is an answer
            return [*self._open(), last]
        attempt.commit()
        return [last]

    def _open(self) -> Sequence[Chunk]:
        """The first that the caller sees; it says who answers."""
        held, self._held = self._held, []
        self._attempt.commit()
        permit = self._tries.permit
        permit.first_content_at = self._attempt.clock()
        permit.chunks = len(held)
        first = held[0]
        assert not isinstance(first, PlainChunk), "a decoder's first chunk is a message"
        _put_info(first.route_info, self._tries, self._attempt)  # type: ignore[attr-defined]
        return held


def _size(chunk: Chunk) -> int:
    return len(chunk.encode()) if isinstance(chunk, PlainChunk) else chunk.ByteSize()


def _answered(tries: Tries, attempt: Attempt) -> Answered:
    """Who answered, and how the call got there, as known now."""
    target, first_byte = attempt.target, attempt.first_byte_at
    until = attempt.clock() if attempt.finished or first_byte is None else first_byte
    return Answered(
        target=target.spec.name,
        breaker_state=BREAKER_STATES[attempt.entry.permit.state],
        provider_ms=(until - attempt.started) * 1e3,
        attempts=len(tries.records) + 1,
        fallback_used=tries.candidates.fallback(target),
        cost_usd=tries.cost(attempt),
        adaptations=attempt.adaptations,
    )


def _put_info(info: route_info_pb2.RouteInfo, tries: Tries, attempt: Attempt) -> Answered:
    """Writes the same into a message, with each of the attempts."""
    told, target = _answered(tries, attempt), attempt.target
    info.CopyFrom(tries.wiring(target).info)
    info.breaker_state = told.breaker_state
    info.provider_ms = told.provider_ms
    info.request_id = tries.permit.call.id
    if told.fallback_used:
        info.fallback_used = True
    if target.spec.model != tries.route.targets[0].spec.model:
        info.model_differs = True
    if tries.records:
        info.attempts.extend(tries.records)
    info.attempts.add(
        target=told.target,
        upstream_status=attempt.upstream_status,
        duration_ms=(attempt.clock() - attempt.started) * 1e3,
    )
    if told.adaptations:
        info.adaptations.extend(told.adaptations)
    if told.cost_usd is not None:
        info.cost_usd = told.cost_usd
    return told
