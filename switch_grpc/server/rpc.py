"""What every method of both services does: open the call, ask the engine, answer, and rescue.

Requests arrive as bytes and replies leave as bytes: a request is decoded only once its caller is known, and a
failure to decode or encode is worded here, not by the runtime, which would show the exception to the caller.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from types import TracebackType
from typing import NoReturn, Protocol, TypeVar, cast

import grpc
from google.protobuf.message import DecodeError, Message

from switch_grpc.call import Call
from switch_grpc.caller_fields import REQUEST_ID
from switch_grpc.faults import Fault, Kind
from switch_grpc.permit import Permit
from switch_grpc.server.metadata import Metadata, call_of, request_id
from switch_grpc.server.status import short, trailers_of

log = logging.getLogger(__name__)

M = TypeVar("M", bound=Message)

_TIMER_SLACK = 0.01  # seconds between grpc's clock and the loop's
Context = grpc.aio.ServicerContext[bytes, bytes]
Ask = Callable[[Permit, bytes], Awaitable[Message]]
AskMany = Callable[[Permit, bytes], AsyncGenerator[Sequence[Message], None]]


class Gate(Protocol):
    """Whoever lets calls in: the engine."""

    async def open(self, call: Call, scope: str) -> Permit: ...


@dataclass(frozen=True, slots=True)
class Door:
    """The two shapes of RPC. Bind `scope` and an ask to either, and it is a handler for grpc."""

    gate: Gate
    early_after: float  # seconds after which a stream's initial metadata goes out before its first chunk
    write_stall: float  # a reader that takes nothing for so many seconds is dropped

    async def unary(self, scope: str, ask: Ask, data: bytes, context: Context) -> bytes:
        metadata = _metadata(context)
        call_id = _begin(context, metadata)
        try:
            call = _call(call_id, context, metadata)
            with await self.gate.open(call, scope) as permit, _Deadline(call):
                reply = await ask(permit, data)
                return reply.SerializeToString()
        except Fault as fault:
            refusal = fault
        except Exception as error:  # noqa: BLE001 (the door's rescue; it logs)
            refusal = _bug(error, call_id)
        return await _refuse(context, refusal, call_id)

    async def stream(self, scope: str, ask: AskMany, data: bytes, context: Context) -> None:
        # A coroutine that writes, not a generator: grpc leaves a generator that it cancels to the garbage
        # collector, and the target's connection must close at once.
        metadata = _metadata(context)
        call_id = _begin(context, metadata)
        try:
            call = _call(call_id, context, metadata)
            with await self.gate.open(call, scope) as permit, _Deadline(call):
                async with (
                    _InitialMetadata(context, call_id, self.early_after) as initial,
                    aclosing(ask(permit, data)) as batches,
                ):
                    with _Reader(context, self.write_stall) as reader:
                        async for batch in batches:
                            if not initial.sent:
                                await initial.send()
                            for message in batch:
                                await reader.write(message)
            return
        except Fault as fault:
            refusal = fault
        except Exception as error:  # noqa: BLE001 (the door's rescue; it logs)
            refusal = _bug(error, call_id)
        await _refuse(context, refusal, call_id)


def decode(kind: type[M], data: bytes) -> M:
    """The request. Raises Fault(BAD_REQUEST) where the bytes are no such message."""
    try:
        return kind.FromString(data)
    except DecodeError:
        raise Fault(
            Kind.BAD_REQUEST,
            f"the request is not a {kind.DESCRIPTOR.full_name}: its bytes do not parse; "
            "generate the stubs from this gateway's .proto files",
        ) from None


class _InitialMetadata:
    """Sends a stream's initial metadata once: with the first chunk, or alone after `after` seconds."""

    def __init__(self, context: Context, request_id: str, after: float) -> None:
        self.sent = False
        self._context = context
        self._metadata = ((REQUEST_ID, request_id),)
        self._after = after
        self._sending: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "_InitialMetadata":
        self._timer = asyncio.get_running_loop().call_later(self._after, self._start)
        return self

    async def __aexit__(self, *_: object) -> None:
        # grpc allows one operation on the head at a time, so whoever writes a status waits for this one.
        self._timer.cancel()
        if self._sending is not None:
            await asyncio.wait((self._sending,))

    async def send(self) -> None:
        """Returns when it is sent, by this call or by the timer."""
        self._timer.cancel()
        if self._sending is None:
            self.sent = True
            await _send(self._context, self._metadata)
        else:
            await asyncio.shield(self._sending)

    def _start(self) -> None:
        self._sending = asyncio.get_running_loop().create_task(self._send_early())

    async def _send_early(self) -> None:
        try:
            await self._context.send_initial_metadata(self._metadata)
        except grpc.aio.BaseError:
            pass  # the caller is gone, which the stream itself will notice
        self.sent = True


async def _send(context: Context, metadata: tuple[tuple[str, str], ...]) -> None:
    try:
        await context.send_initial_metadata(metadata)
    except grpc.aio.InternalError:
        raise asyncio.CancelledError from None


class _Reader:
    """Takes a stream's messages. One that takes nothing for `stall` seconds or little more is given up.

    One timer per stream looks after its writes, which only note the time. What is given up is the call: its
    permit and the target's connection are free. grpc cannot reset a stream from here, so the status waits in
    the transport behind what the reader left lying, until it reads or the connection ends.
    """

    def __init__(self, context: Context, stall: float) -> None:
        self._context = context
        self._stall = stall
        self._loop = asyncio.get_running_loop()
        self._waits_since: float | None = None
        self._given_up = False

    def __enter__(self) -> "_Reader":
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._timer = self._loop.call_later(self._stall, self._tick)
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    async def write(self, message: Message) -> None:
        """Returns when there is room for more. Raises Fault(CANCELLED) for a reader that is given up."""
        self._waits_since = self._loop.time()
        try:
            await self._context.write(message.SerializeToString())
        except grpc.aio.InternalError:
            # The connection is gone, and grpc has not yet come to cancelling this handler.
            raise asyncio.CancelledError from None
        except asyncio.CancelledError:
            if not self._given_up or self._task.uncancel() > 0:
                raise
            raise Fault(Kind.CANCELLED, f"nothing was read of the stream for {self._stall:g} s") from None
        self._waits_since = None

    def _tick(self) -> None:
        now, since = self._loop.time(), self._waits_since
        if since is not None and now - since >= self._stall:
            self._given_up = True
            self._task.cancel()
            return
        due = now + self._stall / 4 if since is None else since + self._stall
        self._timer = self._loop.call_at(due, self._tick)


def _begin(context: Context, metadata: Metadata) -> str:
    """The call's id, which goes back in the trailing metadata whatever becomes of the call."""
    call_id = request_id(metadata)
    context.set_trailing_metadata(((REQUEST_ID, call_id),))
    return call_id


def _call(call_id: str, context: Context, metadata: Metadata) -> Call:
    return call_of(call_id, metadata, remaining=context.time_remaining(), now=time.monotonic())


class _Deadline:
    """Tells apart why grpc cancelled a handler: the caller left, or the call ran out of time."""

    __slots__ = ("_call",)

    def __init__(self, call: Call) -> None:
        self._call = call

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not asyncio.CancelledError:
            return
        remaining = self._call.remaining(time.monotonic())
        if remaining is not None and remaining <= _TIMER_SLACK:
            raise Fault(Kind.DEADLINE, "the call's deadline passed") from None


def _metadata(context: Context) -> Metadata:
    return cast("Metadata", context.invocation_metadata() or ())  # pairs, whatever the stubs say


def _bug(error: Exception, call_id: str) -> Fault:
    log.error("call %s failed by a bug", call_id, exc_info=error)
    return Fault(Kind.BUG, f"the gateway failed on its own; quote request id {call_id} to its operator")


async def _refuse(context: Context, fault: Fault, call_id: str) -> NoReturn:
    fault.forget_frames()  # those of the handlers above, which hold the fault
    await context.abort(fault.rule.code, short(fault.message), trailers_of(fault, call_id))
