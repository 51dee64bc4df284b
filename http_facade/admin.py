"""Operating the gateway over HTTP: status of targets, reset of breakers, metrics."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final
from urllib.parse import unquote

import msgspec
from google.protobuf.timestamp_pb2 import Timestamp

from http_facade.backend import Backend
from http_facade.caller import Caller
from switch_grpc.permit import Permit
from switch_grpc.v1 import admin_pb2, fault_pb2, route_info_pb2

Metrics = Callable[[], tuple[bytes, str]]

_PREFIX: Final = "/admin/providers/"
_SUFFIX: Final = "/reset"


class Admin:
    """The handlers of /admin."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def status(self, caller: Caller, permit: Permit) -> None:
        status = await self._backend.status(permit, admin_pb2.GetStatusRequest())
        await _answer(caller, status.targets)

    async def reset(self, caller: Caller, permit: Permit) -> None:
        """Answers the new status of what was reset."""
        route, target = named_target(caller.scope.get("raw_path"), caller.scope["path_params"])
        request = admin_pb2.ResetBreakerRequest(route=route, target=target)
        await _answer(caller, (await self._backend.reset(permit, request)).targets)


class Scrape:
    """GET /metrics. The text is made in a thread: with many histograms it takes milliseconds."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    async def __call__(self, caller: Caller, permit: Permit) -> None:
        text, kind = await asyncio.to_thread(self._metrics)
        await caller.answer(200, [(b"content-type", kind.encode("latin-1"))], text)


def named_target(raw_path: bytes | None, params: dict[str, str]) -> tuple[str, str]:
    """Route and target of `/admin/providers/{model}/{provider}/reset`.

    Both may contain slashes: the target's last segment is what follows the last plain slash, so a slash in a
    target's name must be sent as %2F, which only `raw_path` still shows. In a route's name it need not be.
    """
    raw = (raw_path or b"").decode("ascii", "replace")
    if raw.startswith(_PREFIX) and raw.endswith(_SUFFIX):
        route, slash, target = raw[len(_PREFIX) : -len(_SUFFIX)].rpartition("/")
        if slash:
            return unquote(route), unquote(target)
    return params["model"], params["provider"]


def target_status(status: admin_pb2.TargetStatus) -> dict[str, object]:
    """The state and metrics that the seed shows, and after them what else there is to know. Milliseconds."""
    fields: dict[str, object] = {
        "state": _name(route_info_pb2.BreakerState.Name(status.state), "BREAKER_STATE_"),
        "metrics": {
            "totalRequests": status.total_requests,
            "successfulRequests": status.successful_requests,
            "failedRequests": status.failed_requests,
            "averageResponseTime": _number(status.average_response_ms),
            "errorRate": _number(status.error_rate),
            "averageTimeToFirstByte": _number(status.average_ttfb_ms),
        },
        "model": status.route,
        "providerName": status.target,
        "provider": status.provider,
        "modelName": status.model,
        "inFlight": status.in_flight,
        "consecutiveFailures": status.consecutive_failures,
        "permanentTrips": status.permanent_trips,
        "health": _name(admin_pb2.Health.Name(status.health), "HEALTH_"),
    }
    if status.cause:
        fields["cause"] = _name(admin_pb2.BreakerCause.Name(status.cause), "BREAKER_CAUSE_")
    if status.HasField("next_attempt"):
        fields["nextAttempt"] = _time(status.next_attempt)
    if status.HasField("cooling_until"):
        fields["coolingUntil"] = _time(status.cooling_until)
    if status.last_fault:
        fields["lastFault"] = {
            "reason": fault_pb2.FaultReason.Name(status.last_fault).removeprefix("FAULT_REASON_"),
            "message": status.last_fault_message,
            "at": _time(status.last_fault_at),
        }
    if status.HasField("override"):
        fields["override"] = _override(status.override)
    return fields


def _override(override: admin_pb2.BreakerOverride) -> dict[str, object]:
    mode = _name(admin_pb2.BreakerOverride.Mode.Name(override.mode), "MODE_")
    return {"mode": mode, "until": _time(override.until) if override.HasField("until") else None}


def _name(name: str, prefix: str) -> str:
    """An enum value's name as JSON shows it: `half_open`; the unspecified one is `unknown`."""
    word = name.removeprefix(prefix).lower()
    return "unknown" if word == "unspecified" else word


def _number(value: float) -> float | int:
    rounded = round(value, 2)
    return int(rounded) if rounded.is_integer() else rounded


def _time(stamp: Timestamp) -> str:
    """RFC 3339, UTC, to the millisecond at most."""
    return stamp.ToJsonString()


async def _answer(caller: Caller, targets: Iterable[admin_pb2.TargetStatus]) -> None:
    body = {f"{status.route}-{status.target}": target_status(status) for status in targets}
    await caller.answer(200, [(b"content-type", b"application/json")], msgspec.json.encode(body))
