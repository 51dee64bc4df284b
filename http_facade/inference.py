"""The flow of every inference request: body, head, then one reply or a stream."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import cast

import msgspec
from google.protobuf.message import Message

from http_facade.backend import Backend
from http_facade.body import check_content, read_body
from http_facade.caller import Caller
from http_facade.headers import route_headers
from http_facade.openai_json import read_request
from http_facade.settings import HttpSettings
from http_facade.sse import Chunk, Encode, Transcript
from http_facade.stream import EventStream
from switch_grpc.answered import answered
from switch_grpc.faults import Fault, Kind, bad_request
from switch_grpc.openai_wire import PlainChunk, PlainReply, Reply
from switch_grpc.permit import Permit
from switch_grpc.request import Body, Head, Operation
from switch_grpc.v1 import route_info_pb2


@dataclass(frozen=True, slots=True)
class Wire:
    """How one operation's answers are written as OpenAI JSON."""

    operation: Operation
    reply: Callable[[Message], tuple[route_info_pb2.RouteInfo, bytes]]
    chunk: Encode | None = None  # None: this operation is never streamed


class Inference:
    """The handler of one operation's endpoint."""

    def __init__(self, backend: Backend, settings: HttpSettings, wire: Wire) -> None:
        self._backend = backend
        self._settings = settings
        self._wire = wire

    async def __call__(self, caller: Caller, permit: Permit) -> None:
        settings, operation = self._settings, self._wire.operation
        check_content(caller.fields, settings.max_body)
        data = await read_body(
            caller.receive,
            limit=settings.max_body,
            idle=settings.body_idle,
            whole=caller.body_is_whole(),
        )
        caller.watch(permit.task)  # servers tell of a disconnect, but cancel nothing themselves
        head, body = read_request(operation, data)
        if not head.stream:
            await self._reply(caller, permit, head, body)
        elif self._wire.chunk is None:
            raise bad_request("stream", f"this endpoint does not stream ({operation}); leave it out")
        else:
            transcript = Transcript(self._wire.chunk, include_usage=asks_usage(data))
            await self._stream(caller, permit, head, body, transcript)

    async def _reply(self, caller: Caller, permit: Permit, head: Head, body: Body[Message]) -> None:
        work, until = self._backend.unary(permit, head, body), permit.call.first_byte_deadline
        reply = await (work if until is None else _within(until, work))
        if isinstance(reply, PlainReply):
            info, data = reply.info, reply.encode()
        else:
            message, data = self._wire.reply(reply)
            info = answered(message)
        caller.unwatch()
        await caller.answer(200, [(b"content-type", b"application/json"), *route_headers(info)], data)

    async def _stream(
        self, caller: Caller, permit: Permit, head: Head, body: Body[Message], transcript: Transcript
    ) -> None:
        batches = cast(
            "AsyncGenerator[Sequence[Chunk | PlainChunk], None]", self._backend.stream(permit, head, body)
        )
        async with EventStream(caller, transcript, self._settings) as out, aclosing(batches):
            async for batch in batches:
                await out.send(batch)


async def _within(until: float, work: Awaitable[Reply]) -> Reply:
    """The reply, within the caller's patience: its SDK gives up reading then, so nobody would see it."""
    timer = asyncio.timeout_at(until)
    try:
        async with timer:
            return await work
    except TimeoutError:
        if not timer.expired():
            raise
        raise Fault(
            Kind.DEADLINE, "no answer within the read timeout that the client announced; raise it"
        ) from None


class _StreamOptions(msgspec.Struct):
    include_usage: bool | None = None
    includeUsage: bool | None = None  # noqa: N815 - the camelCase twin


class _Streamed(msgspec.Struct):
    stream_options: _StreamOptions | None = None
    streamOptions: _StreamOptions | None = None  # noqa: N815


def asks_usage(data: bytes) -> bool:
    """Whether the request has `stream_options.include_usage`, read without decoding the rest.

    A malformed value counts as no: decoding the request reports it.
    """
    if b"nclude" not in data and b"\\u" not in data:  # include_usage or includeUsage, plainly or escaped
        return False
    try:
        request = msgspec.json.decode(data, type=_Streamed)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return False
    options = request.stream_options or request.streamOptions
    return options is not None and bool(options.include_usage or options.includeUsage)
