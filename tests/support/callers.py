"""A caller of either door, who hears the same of a call whichever it took."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import product
from typing import Any

import grpc
import httpx
import msgspec
from google.rpc import error_details_pb2

from switch_grpc.v1 import (
    admin_pb2,
    admin_pb2_grpc,
    chat_pb2,
    fault_pb2,
    route_info_pb2,
    switch_pb2_grpc,
)
from tests.support.faulted import details
from tests.support.gateway import KEY, Running

TEXT = "Hello there"
METADATA = (("x-api-key", KEY),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a call is made: by which door, streamed or not."""

    door: str
    stream: bool

    def __str__(self) -> str:
        return f"{self.door}-{'stream' if self.stream else 'unary'}"


WAYS = [Way(door=door, stream=stream) for door, stream in product(("http", "grpc"), (False, True))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What became of a call. Of a failed one by HTTP `grpc` is "", by gRPC `http` is what its detail says."""

    text: str = ""
    target: str = ""
    fallback: bool = False
    ok: bool = False
    grpc: str = ""
    http: int = 0
    code: str | None = None
    reason: str = ""
    retry: bool | None = None
    retry_after: float | None = None
    info: route_info_pb2.RouteInfo | None = None


class Caller:
    """Asks one gateway, by both doors, over connections that stay."""

    def __init__(self, client: httpx.AsyncClient, channel: grpc.aio.Channel) -> None:
        self._client = client
        self._switch: Any = switch_pb2_grpc.SwitchServiceStub(channel)
        self._admin: Any = admin_pb2_grpc.AdminServiceStub(channel)

    async def ask(
        self,
        way: Way,
        route: str = "lite",
        *,
        text: str = TEXT,
        seconds: float | None = None,
        fallback: bool = True,
        session: str | None = None,
        **members: Any,
    ) -> Heard:
        """One call. `session` goes in x-session-id; `members` are of the request, `user` and the like."""
        given = {"x-session-id": session} if session else {}
        if not fallback:
            given["x-switch-fallback"] = "false"
        if way.door == "http":
            return await self._by_http(way.stream, route, text, seconds, given, members)
        return await self._by_grpc(way.stream, route, text, seconds, given, members)

    async def status(self, route: str = "", target: str = "") -> list[admin_pb2.TargetStatus]:
        request = admin_pb2.GetStatusRequest(route=route, target=target)
        return list((await self._admin.GetStatus(request, metadata=METADATA)).targets)

    async def in_flight(self) -> int:
        answer = await self._admin.GetStatus(admin_pb2.GetStatusRequest(), metadata=METADATA)
        return int(answer.gateway.in_flight)

    async def reset(self, route: str = "", target: str = "") -> None:
        request = admin_pb2.ResetBreakerRequest(route=route, target=target)
        await self._admin.ResetBreaker(request, metadata=METADATA)

    async def override(self, route: str, target: str, mode: int, ttl: float = 0.0) -> None:
        request = admin_pb2.OverrideBreakerRequest(route=route, target=target, mode=mode, ttl=ttl)  # type: ignore[arg-type]
        await self._admin.OverrideBreaker(request, metadata=METADATA)

    async def reload(self) -> None:
        await self._admin.ReloadConfig(admin_pb2.ReloadConfigRequest(), metadata=METADATA)

    async def _by_http(
        self,
        stream: bool,
        route: str,
        text: str,
        seconds: float | None,
        headers: dict[str, str],
        members: dict[str, Any],
    ) -> Heard:
        if seconds is not None:
            headers["x-request-timeout-ms"] = str(round(seconds * 1e3))
        request = {"model": route, "messages": [{"role": "user", "content": text}], **members}
        if stream:
            request |= {"stream": True}
        answer = await self._client.post("/v1/chat/completions", json=request, headers=headers)
        if answer.status_code != 200:
            return _refused(answer)
        heard = {
            "target": answer.headers.get("x-used-provider", ""),
            "fallback": answer.headers.get("x-used-fallback") == "true",
        }
        if not stream:
            said = answer.json()["choices"][0]["message"]["content"]
            return Heard(text=said, ok=True, http=200, **heard)
        said, error = _read_events(answer.text)
        if error is None:
            return Heard(text=said, ok=True, http=200, **heard)
        return Heard(text=said, http=200, code=error["code"], reason=(error["code"] or "").upper(), **heard)

    async def _by_grpc(
        self,
        stream: bool,
        route: str,
        text: str,
        seconds: float | None,
        metadata: dict[str, str],
        members: dict[str, Any],
    ) -> Heard:
        request = chat_pb2.ChatRequest(
            route=route, messages=[chat_pb2.Message(role=chat_pb2.ROLE_USER, content=text)], **members
        )
        given = {"metadata": (*METADATA, *metadata.items()), "timeout": seconds}
        if not stream:
            try:
                reply = await self._switch.Chat(request, **given)
            except grpc.aio.AioRpcError as error:
                return _failed("", error)
            return _answered(reply.choices[0].message.content, reply.route_info)
        said, info = "", route_info_pb2.RouteInfo()
        try:
            async for chunk in self._switch.StreamChat(request, **given):
                if chunk.HasField("route_info"):
                    info = chunk.route_info
                said += "".join(choice.delta.content for choice in chunk.choices)
        except grpc.aio.AioRpcError as error:
            return _failed(said, error)
        return _answered(said, info)


def _answered(text: str, info: route_info_pb2.RouteInfo) -> Heard:
    return Heard(text=text, target=info.target, fallback=info.fallback_used, ok=True, http=200, info=info)


def _refused(answer: httpx.Response) -> Heard:
    retry = answer.headers.get("x-should-retry")
    after = answer.headers.get("retry-after-ms")
    return Heard(
        target=answer.headers.get("x-used-provider", ""),
        http=answer.status_code,
        code=answer.json()["error"]["code"],
        retry=None if retry is None else retry == "true",
        retry_after=None if after is None else int(after) / 1e3,
    )


def _failed(text: str, error: grpc.aio.AioRpcError) -> Heard:
    said = dict(error.trailing_metadata() or ())
    if "grpc-status-details-bin" not in said:  # grpc's own: the caller's side ended the call
        return Heard(text=text, grpc=error.code().name, reason="OWN")
    found = details(error)
    detail = found[fault_pb2.FaultDetail]
    wait = found.get(error_details_pb2.RetryInfo)
    return Heard(
        text=text,
        target=detail.target,
        grpc=error.code().name,
        http=detail.http_status,
        code=detail.openai_code if detail.HasField("openai_code") else None,
        reason=found[error_details_pb2.ErrorInfo].reason,
        retry=detail.should_retry if detail.HasField("should_retry") else None,
        retry_after=None if wait is None else wait.retry_delay.ToTimedelta().total_seconds(),
    )


def _read_events(text: str) -> tuple[str, dict[str, Any] | None]:
    """The text of a stream, and the error at its end."""
    said, complete = "", False
    for line in _data(text):
        if line == "[DONE]":
            complete = True
            continue
        event = msgspec.json.decode(line)
        if "error" in event:
            return said, event["error"]
        said += "".join(choice["delta"].get("content") or "" for choice in event["choices"])
    assert complete, "a stream ends with [DONE] or an error"
    return said, None


def _data(text: str) -> Iterator[str]:
    return (line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: "))


@asynccontextmanager
async def calling(gateway: Running) -> AsyncIterator[Caller]:
    """A caller of this gateway."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=100)
    async with (
        httpx.AsyncClient(
            base_url=gateway.http, headers={"x-api-key": KEY}, timeout=30.0, limits=limits, trust_env=False
        ) as client,
        grpc.aio.insecure_channel(gateway.grpc) as channel,
    ):
        yield Caller(client, channel)


async def all_ways(caller: Caller, route: str, **options: Any) -> dict[str, Heard]:
    """The same call by every way, at the same time."""
    heard = await asyncio.gather(*(caller.ask(way, route, **options) for way in WAYS))
    return {str(way): each for way, each in zip(WAYS, heard, strict=True)}
