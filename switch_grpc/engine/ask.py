"""One exchange with a provider: encode, sign, send, classify or decode."""

import asyncio
import re
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from google.protobuf.message import Message

from switch_grpc.call import Call
from switch_grpc.credentials.signer import Signer
from switch_grpc.engine.attempt import Attempt, deadline_fault
from switch_grpc.engine.deadline import TargetTimers
from switch_grpc.engine.regions import MOVES, Region, Regions
from switch_grpc.faults import Fault, Kind
from switch_grpc.openai_wire import Chunk, Reply, in_encoding, split_chat, split_completion
from switch_grpc.providers.adapt import Adapter
from switch_grpc.providers.catalog import Price
from switch_grpc.providers.classify import classify
from switch_grpc.providers.dialects.base import (
    Binding,
    Dialect,
    Framing,
    StreamDecoder,
    UpstreamError,
    UpstreamFailure,
    WireReply,
    WireRequest,
)
from switch_grpc.providers.dialects.functions import as_asked
from switch_grpc.providers.dialects.openai import OpenAI, stream_kind
from switch_grpc.request import Body, Head, MessageBody, Operation
from switch_grpc.routing.target import Target
from switch_grpc.upstream.base import Exchange, Timers, Upstream
from switch_grpc.v1 import chat_pb2, completion_pb2, embedding_pb2, route_info_pb2

ERROR_BODY_LIMIT: Final = 16 * 1024
ERROR_BODY_SECONDS: Final = 5.0


class Store(Protocol):
    """A credential store, as far as the engine needs it."""

    def on_fetched(self, listener: Callable[[str], None]) -> None: ...
    def cached(self, kind: str, now: float) -> Signer | None: ...
    async def signer(self, kind: str, now: float) -> Signer: ...
    async def renew(self, kind: str, refused: Signer, now: float) -> Signer | None: ...
    def redacted(self, text: str) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """All that an attempt at one target needs: made once per configuration."""

    target: Target
    binding: Binding
    dialects: Mapping[Operation, Dialect]  # an operation that is missing cannot be served
    store: Store
    upstream: Upstream
    signer: str  # the kind of signer: bearer, x-api-key, ...
    timers: TargetTimers
    exchange_timers: Timers
    patterns: Sequence[re.Pattern[str]]  # permanentFailureHandling.errorPatterns
    permanent: bool  # permanentFailureHandling.enabled
    price: Price | None = None  # of the model here; None: not known
    adapter: Adapter | None = None  # fits requests to the model; None: it takes all
    regions: Regions | None = None  # where it may be asked, if in more than one place
    info: route_info_pb2.RouteInfo = field(
        init=False, repr=False
    )  # what all answers of it say; copied, not changed

    def __post_init__(self) -> None:
        spec = self.target.spec
        info = route_info_pb2.RouteInfo(
            route=spec.route, target=spec.name, provider=spec.provider, model=spec.model
        )
        object.__setattr__(self, "info", info)  # the one assignment of a frozen field


class Ask:
    """One attempt's exchange: it gives a whole reply, or batches of chunks."""

    __slots__ = ("_attempt", "_body", "_call", "_head", "_wiring")

    def __init__(
        self,
        wiring: Wiring,
        attempt: Attempt,
        call: Call,
        head: Head,
        body: Body[Message],
    ) -> None:
        self._wiring = wiring
        self._attempt = attempt
        self._call = call
        self._head = head
        self._body = body

    async def reply(self) -> Reply:
        """The whole reply. Raises Fault."""
        dialect = self._dialect()
        wires, _, _ = self._encoded(dialect, self._wiring.binding)
        replies = []
        for number in range(len(wires)):
            exchange = await self._open(dialect, wires, number)
            try:
                replies.append(await self._read(exchange))
            finally:
                exchange.close()
        # A request that is plain asks for nothing that the answer would have to be changed for.
        if self._body.takes_json and self._body.plain() is not None and isinstance(dialect, OpenAI):
            short = dialect.decode_plain(replies)
            if short is not None:
                return short
        return self._as_asked(self._decoded(dialect, replies))

    async def chunks(self) -> AsyncGenerator[Sequence[Chunk], None]:
        """Batches of chunks that came together. Raises Fault; close it to close the provider's socket."""
        dialect = self._dialect()
        wires, body, binding = self._encoded(dialect, self._wiring.binding)
        decoder = dialect.decoder(self._head, body, binding)
        whole: list[WireReply] = []
        for number in range(len(wires)):
            exchange = await self._open(dialect, wires, number)
            try:
                if stream_kind(exchange.headers) == "json":
                    whole.append(await self._read(exchange))
                    continue
                framing = dialect.framing()
                while data := await self._read_some(exchange):
                    batch, fault = self._fed(framing, decoder, data)
                    if fault is None and decoder.finished:
                        exchange.release()
                        batch += decoder.finish()
                    if batch:
                        yield batch  # what came before a fault belongs to the caller
                    if fault is not None:
                        raise fault
                    if decoder.finished:
                        break
                else:
                    if tail := decoder.finish():
                        yield tail
            finally:
                exchange.close()
        if whole:
            yield self._as_chunks(dialect, whole, len(wires))

    def _dialect(self) -> Dialect:
        dialect = self._wiring.dialects.get(self._head.operation)
        if dialect is None:
            binding = self._wiring.binding
            raise Fault(
                Kind.CAPABILITY,
                f"target {binding.target!r} ({binding.provider}) does not serve {self._head.operation} calls",
            )
        return dialect

    def _encoded(
        self, dialect: Dialect, binding: Binding
    ) -> tuple[Sequence[WireRequest], Body[Message], Binding]:
        """The wire requests, and what they were made of. Raises Fault."""
        body, binding = self._fitted(binding)
        wires = dialect.encode(self._head, body, binding)
        if changes := [change for wire in wires for change in wire.adaptations]:
            told = dict.fromkeys((*self._attempt.adaptations, *changes))  # once, of many prompts or regions
            self._attempt.adaptations = list(told)
        return wires, body, binding

    def _fitted(self, binding: Binding) -> tuple[Body[Message], Binding]:
        """The request and what its dialect knows of the target, as the model takes them. Raises Fault."""
        body, adapter = self._body, self._wiring.adapter
        if adapter is None:
            return body, binding
        if (plain := body.plain()) is not None and adapter.leaves(plain.names(), binding.defaults):
            return body, binding
        fitted = adapter.fit(body.message(), binding.defaults)
        self._attempt.adaptations = fitted.notes
        if fitted.request is not body.message():
            body = MessageBody(fitted.request)
        if fitted.defaults is not binding.defaults:
            binding = replace(binding, defaults=fitted.defaults)
        return body, binding

    # What came, in messages.

    def _decoded(self, dialect: Dialect, replies: Sequence[WireReply]) -> Message:
        try:
            return dialect.decode(self._head.operation, replies, self._wiring.binding)
        except UpstreamFailure as failure:
            raise self._inside(failure) from failure

    def _as_asked(self, reply: Message) -> Message:
        """A reply in the encoding and by the names that the caller asked for, which few providers know."""
        if isinstance(reply, chat_pb2.ChatResponse) and self._body.plain() is None:
            asked = self._body.message()
            assert isinstance(asked, chat_pb2.ChatRequest)
            return as_asked(reply, asked)
        if isinstance(reply, embedding_pb2.EmbedResponse):
            request = self._body.message()
            assert isinstance(request, embedding_pb2.EmbedRequest)
            return in_encoding(reply, request.encoding_format)
        return reply

    def _as_chunks(self, dialect: Dialect, replies: Sequence[WireReply], expected: int) -> Sequence[Message]:
        """Whole replies where a stream was asked for, which some servers send: split as if streamed."""
        if len(replies) != expected:
            raise Fault(
                Kind.UPSTREAM_PROTOCOL, "the provider streamed some answers of one call and not others"
            )
        return _split(self._as_asked(self._decoded(dialect, replies)))

    def _fed(self, framing: Framing, decoder: StreamDecoder, data: bytes) -> tuple[list[Chunk], Fault | None]:
        """The chunks that `data` completes, and the fault that ended them, if one did."""
        chunks: list[Chunk] = []
        try:
            for event in framing.feed(data):
                chunks += decoder.feed(event)
        except Fault as fault:
            return chunks, fault
        except UpstreamFailure as failure:
            return chunks, self._inside(failure)
        return chunks, None

    def _inside(self, failure: UpstreamFailure) -> Fault:
        """What an error inside a 200 stands for."""
        self._attempt.upstream_status = failure.status
        return self._classify(failure.status, {}, failure.error)

    def _classify(self, status: int, headers: Mapping[str, str], error: UpstreamError) -> Fault:
        clean = self._wiring.store.redacted  # some of this is the caller's to read: it may hold our key
        verdict = classify(
            provider=self._wiring.binding.provider,
            target=self._wiring.binding.target,
            status=status,
            headers=headers,
            error=replace(
                error, message=clean(error.message), code=clean(error.code), param=clean(error.param)
            ),
            patterns=self._wiring.patterns,
            permanent=self._wiring.permanent,
            now_wall=time.time(),
        )
        verdict.fault.effect = verdict.effect
        return verdict.fault

    # The exchange.

    def _open(
        self, dialect: Dialect, wires: Sequence[WireRequest], number: int
    ) -> Coroutine[None, None, Exchange]:
        """The head of the answer to one of the call's wire requests, from the first region that gives one."""
        regions = self._wiring.regions
        if regions is None:
            return self._send(dialect, wires[number], self._wiring.signer)
        return self._open_somewhere(dialect, wires, number, regions)

    async def _open_somewhere(
        self, dialect: Dialect, wires: Sequence[WireRequest], number: int, regions: Regions
    ) -> Exchange:
        attempt = self._attempt
        *others, last = regions.order(attempt.clock())
        for region in others:
            try:
                return await self._send(dialect, self._wire_at(dialect, region, wires, number), region.signer)
            except Fault as fault:
                if fault.kind not in MOVES or attempt.is_over():
                    raise
                regions.rest(region, attempt.clock())
        try:
            return await self._send(dialect, self._wire_at(dialect, last, wires, number), last.signer)
        except Fault as fault:
            if fault.kind in MOVES:
                regions.rest(last, attempt.clock())
            raise

    def _wire_at(
        self, dialect: Dialect, region: Region, wires: Sequence[WireRequest], number: int
    ) -> WireRequest:
        """The wire request as that region wants it; the wiring's own binding is the first region's."""
        if region.binding is self._wiring.binding:
            return wires[number]
        return self._encoded(dialect, region.binding)[0][number]

    async def _send(self, dialect: Dialect, wire: WireRequest, kind: str) -> Exchange:
        """The answer's head, or the fault that its status stands for; a refused key is renewed once."""
        wiring, attempt, renewed = self._wiring, self._attempt, False
        signer = wiring.store.cached(kind, attempt.clock()) or await self._fetched(kind)
        wire = _with_context(wire, self._call)
        while True:
            attempt.sent = True
            deadline = attempt.read_deadline(self._head.stream)
            try:
                exchange = await wiring.upstream.send(signer.sign(wire), wiring.exchange_timers, deadline)
            except Fault as fault:
                attempt.excuse(fault)
                raise
            attempt.upstream_status = exchange.status
            if 200 <= exchange.status < 300:
                attempt.answering()
                return exchange
            refusal = await self._refusal(dialect, exchange)
            if refusal.kind is not Kind.UPSTREAM_AUTH or renewed:
                raise refusal
            other = await self._renewed(kind, signer)
            if other is None:
                raise refusal
            signer, renewed = other, True

    async def _fetched(self, kind: str) -> Signer:
        """The signer, once its credential has come. Raises Fault (CREDENTIALS, DEADLINE)."""
        attempt, wiring = self._attempt, self._wiring
        try:
            async with asyncio.timeout_at(attempt.read_deadline(self._head.stream)):
                return await wiring.store.signer(kind, attempt.clock())
        except TimeoutError:
            if attempt.is_over():
                raise deadline_fault(wiring.binding.target) from None
            raise Fault(Kind.CREDENTIALS, "the credential did not come within the attempt's time") from None

    async def _renewed(self, kind: str, refused: Signer) -> Signer | None:
        """Another credential than the one that was refused, if it comes in time."""
        attempt, wiring = self._attempt, self._wiring
        try:
            async with asyncio.timeout_at(attempt.read_deadline(self._head.stream)):
                return await wiring.store.renew(kind, refused, attempt.clock())
        except TimeoutError:
            return None

    async def _refusal(self, dialect: Dialect, exchange: Exchange) -> Fault:
        """What an answer stands for that is no success."""
        try:
            body = await self._error_body(exchange)
        finally:
            exchange.close()
        reply = WireReply(status=exchange.status, headers=exchange.headers, body=body)
        return self._classify(reply.status, reply.headers, dialect.error(reply))

    async def _error_body(self, exchange: Exchange) -> bytes:
        """As much of the error as came; an error whose body is cut or slow is still that error."""
        attempt = self._attempt
        deadline = min(attempt.read_deadline(self._head.stream), attempt.clock() + ERROR_BODY_SECONDS)
        try:
            return await exchange.read(deadline, ERROR_BODY_LIMIT)
        except Fault:
            return b""

    async def _read(self, exchange: Exchange) -> WireReply:
        try:
            body = await exchange.read(self._attempt.read_deadline(self._head.stream))
        except Fault as fault:
            self._attempt.excuse(fault)
            raise
        return WireReply(status=exchange.status, headers=exchange.headers, body=body)

    async def _read_some(self, exchange: Exchange) -> bytes:
        try:
            return await exchange.read_some(self._attempt.read_deadline(stream=True))
        except Fault as fault:
            self._attempt.excuse(fault)
            raise


def _with_context(wire: WireRequest, call: Call) -> WireRequest:
    """The request with what is forwarded of the caller's: its id and trace, and nothing else."""
    headers = {**wire.headers, "x-request-id": call.id}
    if call.traceparent:
        headers["traceparent"] = call.traceparent
        if call.tracestate:
            headers["tracestate"] = call.tracestate
    return WireRequest(url=wire.url, headers=headers, body=wire.body, method=wire.method)


def _split(reply: Message) -> Sequence[Message]:
    match reply:
        case chat_pb2.ChatResponse():
            return list[Message](split_chat(reply))
        case completion_pb2.CompletionResponse():
            return list[Message](split_completion(reply))
        case _:
            raise Fault(Kind.UPSTREAM_PROTOCOL, "the provider answered a stream request with another shape")
