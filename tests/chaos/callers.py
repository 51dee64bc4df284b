"""Calls through both doors, unary and streamed, each with an account of how it ended."""

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import grpc.aio
from google.rpc import error_details_pb2, status_pb2

from switch_grpc.v1 import chat_pb2, switch_pb2_grpc
from tests.chaos.subject import KEY, Subject

_GRACE = 10.0  # seconds past the deadline after which the caller itself gives up
_OWN_POOL = (("grpc.use_local_subchannel_pool", 1),)


@dataclass(slots=True)
class Ending:
    """What a caller saw. `terminals` counts ends: 1 is right, 0 is a stream that just stopped."""

    terminals: int = 0
    outcome: str = "NONE"  # OK, or the reason of the fault
    http: int = 0  # status; 0 by gRPC
    text: str = ""
    finished: bool = False  # a finish reason came
    took: float = 0.0  # seconds
    digest: Any = field(default_factory=hashlib.sha256)  # of the bytes as they came

    def end(self, outcome: str) -> None:
        self.terminals += 1
        self.outcome = outcome


class Callers:
    """One HTTP session and one gRPC channel to a gateway."""

    def __init__(self, subject: Subject, session: aiohttp.ClientSession, channel: grpc.aio.Channel) -> None:
        self._url = f"{subject.http}/v1/chat/completions"
        self._session = session
        self._stub: Any = switch_pb2_grpc.SwitchServiceStub(channel)  # type: ignore[no-untyped-call]

    async def call(self, door: str, *, stream: bool, route: str, id: str, deadline: float) -> Ending:
        """One call, to its end. Cancelling it is a caller who leaves."""
        ending, began = Ending(), time.monotonic()
        send = self._by_grpc if door == "grpc" else self._by_http
        try:
            async with asyncio.timeout(deadline + _GRACE):
                await send(ending, stream, route, id, deadline)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            ending.outcome = f"NONE ({type(error).__name__})"
        ending.took = time.monotonic() - began
        return ending

    async def _by_http(self, ending: Ending, stream: bool, route: str, id: str, deadline: float) -> None:
        body = {"model": route, "stream": stream, "messages": [{"role": "user", "content": f"{id} please"}]}
        headers = {"x-request-id": id, "x-request-timeout-ms": str(round(deadline * 1000))}
        async with self._session.post(self._url, json=body, headers=headers) as answer:
            ending.http = answer.status
            if answer.status == 200 and stream:
                await _read_events(ending, answer.content)
                return
            data = await answer.read()
        ending.digest.update(data)
        reply = json.loads(data)
        if answer.status != 200:
            ending.end(_reason(reply["error"], answer.status))
            return
        choice = reply["choices"][0]
        ending.text, ending.finished = choice["message"]["content"], choice["finish_reason"] is not None
        ending.end("OK")

    async def _by_grpc(self, ending: Ending, stream: bool, route: str, id: str, deadline: float) -> None:
        user = chat_pb2.Message(role=chat_pb2.ROLE_USER, content=f"{id} please")
        request = chat_pb2.ChatRequest(route=route, messages=[user])
        options: dict[str, Any] = {
            "timeout": deadline,
            "metadata": (("x-api-key", KEY), ("x-request-id", id)),
        }
        try:
            if stream:
                async for chunk in self._stub.StreamChat(request, **options):
                    ending.digest.update(chunk.SerializeToString(deterministic=True))
                    for choice in chunk.choices:
                        ending.text += choice.delta.content
                        ending.finished |= bool(choice.finish_reason)
            else:
                reply = await self._stub.Chat(request, **options)
                ending.digest.update(reply.SerializeToString(deterministic=True))
                ending.text = reply.choices[0].message.content
                ending.finished = bool(reply.choices[0].finish_reason)
            ending.end("OK")
        except grpc.aio.AioRpcError as error:
            ending.end(_info(error))


async def _read_events(ending: Ending, content: aiohttp.StreamReader) -> None:
    """Server-sent events, to the end of the body: what comes after a terminal counts as another one."""
    rest = b""
    while data := await content.readany():
        ending.digest.update(data)
        *events, rest = (rest + data).split(b"\n\n")
        for event in events:
            if event.startswith(b":"):
                continue
            _take(ending, event.removeprefix(b"data: "))
    if rest:
        ending.end("NONE (half an event)")


def _take(ending: Ending, payload: bytes) -> None:
    if payload == b"[DONE]":
        ending.end("OK")
        return
    chunk = json.loads(payload)
    if "error" in chunk:
        ending.end(_reason(chunk["error"], 200))
        return
    if ending.terminals:
        ending.end("NONE (more after the end)")
    for choice in chunk["choices"]:
        ending.text += choice["delta"].get("content") or ""
        ending.finished |= choice["finish_reason"] is not None


def _reason(error: dict[str, Any], status: int) -> str:
    """OpenAI's error, as `CODE`, or `STATUS` where it has none."""
    return str(error["code"] or status)


def _info(error: grpc.aio.AioRpcError) -> str:
    """The reason in google.rpc.ErrorInfo, else the status code."""
    for name, value in error.trailing_metadata() or ():
        if name == "grpc-status-details-bin":
            info = error_details_pb2.ErrorInfo()
            for detail in status_pb2.Status.FromString(value).details:
                if detail.Unpack(info):
                    return info.reason
    return f"NONE ({error.code().name})"


@asynccontextmanager
async def callers(subject: Subject) -> AsyncIterator[Callers]:
    headers = {"Authorization": f"Bearer {KEY}"}
    connector = aiohttp.TCPConnector(limit=0)
    async with (
        aiohttp.ClientSession(connector=connector, headers=headers) as session,
        grpc.aio.insecure_channel(subject.grpc, _OWN_POOL) as channel,
    ):
        yield Callers(subject, session, channel)
