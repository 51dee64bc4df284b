"""A Backend that does as it is told: replies, chunks, faults and waits, in order."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

from google.protobuf.message import Message

from switch_grpc.call import ADMIN_READ, ADMIN_WRITE, INFERENCE, Call, Principal
from switch_grpc.faults import Fault, Kind
from switch_grpc.permit import Permit
from switch_grpc.request import Body, Head
from switch_grpc.v1 import admin_pb2, chat_pb2, completion_pb2, embedding_pb2, route_info_pb2, switch_pb2

KEYS = {
    "inference-key": frozenset({INFERENCE}),
    "reader-key": frozenset({ADMIN_READ}),
    "admin-key": frozenset({INFERENCE, ADMIN_READ, ADMIN_WRITE}),
}
FOREVER = 3600.0

# What a call does next: answer, yield a batch, fail, wait for an event, or wait seconds (`FOREVER`).
Step = Message | Sequence[Message] | BaseException | asyncio.Event | float


class ScriptedBackend:
    """Plays `steps` for every inference call, after decoding the request as an engine's dialect would."""

    def __init__(self, *steps: Step) -> None:
        self.steps: tuple[Step, ...] = steps
        self.refuses: Fault | None = None  # by `open`
        self.is_ready = True
        self.in_flight = 0
        self.calls: list[Call] = []
        self.heads: list[Head] = []
        self.requests: list[Message] = []
        self.resets: list[tuple[str, str]] = []
        self.outcomes: list[Fault | None] = []  # how each permit was left
        self.waiting = asyncio.Event()  # a call has come to a wait
        self.stopped = asyncio.Event()  # a call's work has ended, by whatever way

    @property
    def outcome(self) -> Kind | None:
        """Of the only call so far."""
        (fault,) = self.outcomes
        return None if fault is None else fault.kind

    async def open(self, call: Call, scope: str) -> Permit:
        self.calls.append(call)
        if self.refuses is not None:
            raise self.refuses
        if len(set(call.keys)) > 1:
            raise Fault(Kind.BAD_KEY, "two different keys were sent; remove one")
        if not call.keys:
            raise Fault(Kind.NO_KEY, "send a key")
        scopes = KEYS.get(call.keys[0])
        if scopes is None:
            raise Fault(Kind.BAD_KEY, "the key is not known")
        if scope not in scopes:
            raise Fault(Kind.FORBIDDEN, f"the key lacks the scope {scope}")
        self.in_flight += 1
        return Permit(call, Principal(id="caller", scopes=scopes), self._leave)

    def _leave(self, permit: Permit, fault: Fault | None) -> None:
        self.in_flight -= 1
        self.outcomes.append(fault)

    async def unary(self, permit: Permit, head: Head, body: Body[Message]) -> Message:
        async for step in self._play(head, body):
            assert isinstance(step, Message)
            return step
        raise AssertionError("the script has no reply")

    async def stream(
        self, permit: Permit, head: Head, body: Body[Message]
    ) -> AsyncGenerator[Sequence[Message], None]:
        async for step in self._play(head, body):
            yield [step] if isinstance(step, Message) else step

    async def _play(
        self, head: Head, body: Body[Message]
    ) -> AsyncGenerator[Message | Sequence[Message], None]:
        self.heads.append(head)
        self.requests.append(body.message())
        try:
            for step in self.steps:
                match step:
                    case BaseException():
                        raise step
                    case asyncio.Event():
                        self.waiting.set()
                        await step.wait()
                    case float() | int():
                        self.waiting.set()
                        await asyncio.sleep(step)
                    case _:
                        yield step
        finally:
            self.stopped.set()

    async def models(self, permit: Permit) -> switch_pb2.ListModelsResponse:
        return switch_pb2.ListModelsResponse(models=[MODEL])

    async def status(
        self, permit: Permit, request: admin_pb2.GetStatusRequest
    ) -> admin_pb2.GetStatusResponse:
        return admin_pb2.GetStatusResponse(targets=[STATUS, TRIPPED])

    async def reset(
        self, permit: Permit, request: admin_pb2.ResetBreakerRequest
    ) -> admin_pb2.ResetBreakerResponse:
        if request.route == "missing":
            raise Fault(Kind.UNKNOWN_ROUTE, 'no route "missing"; known: lite')
        self.resets.append((request.route, request.target))
        return admin_pb2.ResetBreakerResponse(targets=[STATUS])

    def ready(self) -> bool:
        return self.is_ready


MODEL = switch_pb2.Model(
    id="team/lite",
    created=1_760_000_000,
    aliases=["lite"],
    strategy="priority-based",
    targets=[switch_pb2.ModelTarget(name="a", provider="openai", model="gpt-x", priority=1, weight=1.0)],
)

STATUS = admin_pb2.TargetStatus(
    route="qwen3-0.6b",
    target="runpod-primary",
    provider="runpod",
    model="Qwen/Qwen3-0.6B",
    state=route_info_pb2.BREAKER_STATE_CLOSED,
    total_requests=1247,
    successful_requests=1198,
    failed_requests=49,
    average_response_ms=850.0,
    error_rate=3.929,
    average_ttfb_ms=120.5,
)
TRIPPED = admin_pb2.TargetStatus(
    route="qwen3-0.6b",
    target="backup",
    provider="openai",
    state=route_info_pb2.BREAKER_STATE_HALF_OPEN,
    cause=admin_pb2.BREAKER_CAUSE_PERMANENT,
    next_attempt={"seconds": 1_760_000_000},
    permanent_trips=2,
    last_fault="FAULT_REASON_UPSTREAM_AUTH",
    last_fault_message="the gateway's credential was refused",
    last_fault_at={"seconds": 1_760_000_000},
    override=admin_pb2.BreakerOverride(mode=admin_pb2.BreakerOverride.MODE_FORCE_OPEN),
)


def route_info(**fields: object) -> route_info_pb2.RouteInfo:
    """Target `a` answered at the first try, after 12.4 ms."""
    told: dict[str, object] = {
        "route": "lite",
        "target": "a",
        "provider": "openai",
        "model": "gpt-x",
        "breaker_state": route_info_pb2.BREAKER_STATE_CLOSED,
        "provider_ms": 12.4,
        "attempts": [{"target": "a"}],
    }
    return route_info_pb2.RouteInfo(**(told | fields))


USAGE = chat_pb2.Usage(prompt_tokens=3, completion_tokens=2, total_tokens=5)


def chat_reply(text: str = "Hello", **info: object) -> chat_pb2.ChatResponse:
    return chat_pb2.ChatResponse(
        id="chatcmpl-1",
        created=1_760_000_000,
        model="lite",
        choices=[
            chat_pb2.Choice(
                message=chat_pb2.Message(role=chat_pb2.ROLE_ASSISTANT, content=text),
                finish_reason=chat_pb2.FINISH_REASON_STOP,
            )
        ],
        usage=USAGE,
        route_info=route_info(**info),
    )


def completion_reply(text: str = "Hello") -> completion_pb2.CompletionResponse:
    return completion_pb2.CompletionResponse(
        id="cmpl-1",
        created=1_760_000_000,
        model="lite",
        choices=[completion_pb2.CompletionChoice(text=text, finish_reason=chat_pb2.FINISH_REASON_STOP)],
        usage=USAGE,
        route_info=route_info(),
    )


def embed_reply(*vectors: Sequence[float]) -> embedding_pb2.EmbedResponse:
    return embedding_pb2.EmbedResponse(
        model="lite",
        data=[
            embedding_pb2.Embedding(index=index, vector=embedding_pb2.Vector(values=vector))
            for index, vector in enumerate(vectors or [(0.5, -0.25)])
        ],
        usage=chat_pb2.Usage(prompt_tokens=3, total_tokens=3),
        route_info=route_info(),
    )


def chat_chunk(text: str = "", *, finish: bool = False, **fields: object) -> chat_pb2.ChatChunk:
    """One piece of an answer's text, or its end."""
    choice = chat_pb2.ChunkChoice(delta=chat_pb2.Delta(content=text) if text else chat_pb2.Delta())
    if finish:
        choice.finish_reason = chat_pb2.FINISH_REASON_STOP
    return chat_pb2.ChatChunk(id="c1", created=7, model="lite", choices=[choice], **fields)


def usage_chunk(**fields: object) -> chat_pb2.ChatChunk:
    return chat_pb2.ChatChunk(id="c1", created=7, model="lite", usage=USAGE, **fields)


def completion_chunk(text: str, *, finish: bool = False, **fields: object) -> completion_pb2.CompletionChunk:
    choice = completion_pb2.CompletionChoice(text=text)
    if finish:
        choice.finish_reason = chat_pb2.FINISH_REASON_STOP
    return completion_pb2.CompletionChunk(id="c1", created=7, model="lite", choices=[choice], **fields)


def chat_stream() -> tuple[Step, ...]:
    """Two pieces that came together, an end, and the usage, as the engine gives them."""
    return (
        [chat_chunk("Hel", route_info=route_info()), chat_chunk("lo")],
        [chat_chunk(finish=True)],
        [usage_chunk(route_info=route_info())],
    )
