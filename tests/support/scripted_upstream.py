"""Providers on a script: bytes, delays and faults in place of the network, under the running loop's clock."""

import asyncio
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from switch_grpc.faults import Fault, Kind
from switch_grpc.providers.dialects.base import WireRequest
from switch_grpc.upstream.base import Exchange, Timers

JSON: Final = {"content-type": "application/json"}
SSE: Final = {"content-type": "text/event-stream"}
FOREVER: Final = math.inf

Piece = bytes | float | Fault  # bytes that come, seconds that pass, or how it ends


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: a head after `wait` seconds, then the body's pieces; it ends cleanly unless by a Fault."""

    pieces: Sequence[Piece] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)
    wait: float = 0.0


Step = Answer | Fault
Script = Callable[[WireRequest], Step] | Iterable[Step] | Step


def whole(text: str = "Hello", wait: float = 0.0, usage: bool = True) -> Answer:
    """A chat completion."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    reply: dict[str, object] = {"id": "up-1", "object": "chat.completion", "created": 1, "model": "m"}
    reply["choices"] = [choice]
    if usage:
        reply["usage"] = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    return Answer((msgspec.json.encode(reply),), wait=wait)


def event(text: str | None = None, finish: str | None = None, role: bool = False) -> bytes:
    """One SSE event of a chat stream."""
    delta: dict[str, object] = {"role": "assistant", "content": ""} if role else {}
    if text is not None:
        delta["content"] = text
    chunk = {"id": "up-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return sse({**chunk, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


def sse(data: object) -> bytes:
    return b"data: " + msgspec.json.encode(data) + b"\n\n"


DONE: Final = b"data: [DONE]\n\n"


def streamed(*pieces: Piece | str, wait: float = 0.0, complete: bool = True) -> Answer:
    """A chat stream: texts become events; with `complete` the usual beginning and end are put around them."""
    events: list[Piece] = [event(piece) if isinstance(piece, str) else piece for piece in pieces]
    if complete:
        events = [event(role=True), *events, event(finish="stop"), DONE]
    return Answer(tuple(events), headers=SSE, wait=wait)


def error(status: int, code: str = "", message: str = "no", **headers: str) -> Answer:
    """An error answer; headers are spelt with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = msgspec.json.encode({"error": {"message": message, "type": "", "param": None, "code": code}})
    return Answer((body,), status=status, headers={**JSON, **named})


class ScriptedUpstream:
    """Answers by the host of each request's URL: its script's next step, the last one for ever."""

    def __init__(self, scripts: Mapping[str, Script]) -> None:
        """`scripts`: by host, that is by target, a step, several, or a function of the request."""
        self._scripts = {
            host: iter(script) if isinstance(script, Iterable) else script for host, script in scripts.items()
        }
        self._last: dict[str, Step] = {}
        self.asked: list[str] = []  # hosts, in order
        self.requests: list[WireRequest] = []
        self.at: list[float] = []
        self.open = 0  # exchanges not closed yet

    def count(self, host: str) -> int:
        return self.asked.count(host)

    async def send(self, request: WireRequest, timers: Timers, deadline: float) -> Exchange:
        loop = asyncio.get_running_loop()
        host = request.url.split("/")[2]
        self.asked.append(host)
        self.requests.append(request)
        self.at.append(loop.time())
        match step := self._step(host, request):
            case Fault():
                raise _again(step)
            case Answer(wait=wait):
                await _pass(wait, min(deadline, loop.time() + timers.head))
                return ScriptedExchange(self, step, timers.idle)

    def _step(self, host: str, request: WireRequest) -> Step:
        script = self._scripts[host]
        if isinstance(script, Answer | Fault):
            return script
        if callable(script):
            return script(request)
        self._last[host] = next(script, self._last.get(host, Fault(Kind.BUG, "an empty script")))
        return self._last[host]


class ScriptedExchange:
    """An answer being read; see `upstream.base.Exchange`."""

    def __init__(self, upstream: ScriptedUpstream, answer: Answer, idle: float) -> None:
        self.status = answer.status
        self.headers = answer.headers
        self._pieces = iter(answer.pieces)
        self._idle = idle
        self._upstream = upstream
        self._closed = False
        upstream.open += 1

    async def read(self, deadline: float, limit: int = 0) -> bytes:
        parts = []
        while data := await self._next(deadline):
            parts.append(data)
        return b"".join(parts)

    async def read_some(self, deadline: float) -> bytes:
        return await self._next(min(deadline, asyncio.get_running_loop().time() + self._idle))

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._upstream.open -= 1

    def release(self) -> None:
        self.close()

    async def _next(self, deadline: float) -> bytes:
        for piece in self._pieces:
            match piece:
                case bytes():
                    return piece
                case Fault():
                    raise _again(piece)
                case seconds:
                    await _pass(seconds, deadline)
        return b""


async def _pass(seconds: float, deadline: float) -> None:
    """Waits, or times out as the network does."""
    if not seconds:
        return
    try:
        async with asyncio.timeout_at(deadline):
            await asyncio.get_running_loop().create_future() if math.isinf(seconds) else await asyncio.sleep(
                seconds
            )
    except TimeoutError:
        raise Fault(Kind.UPSTREAM_TIMEOUT, "the provider sent no answer in time") from None


def _again(fault: Fault) -> Fault:
    """A new one like it, since the engine writes into the faults that it gets."""
    return Fault(fault.kind, fault.message, retry_after=fault.retry_after, sent=fault.sent)
