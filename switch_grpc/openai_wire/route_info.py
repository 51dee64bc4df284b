"""The `switch` object: the facts about a call that a stream's last event carries."""

from typing import Final

from switch_grpc.openai_wire.fields import Fields
from switch_grpc.v1 import fault_pb2, route_info_pb2

_STATES: Final = {
    number: name.removeprefix("BREAKER_STATE_").lower()
    for name, number in route_info_pb2.BreakerState.items()
    if number
}
_REASONS: Final = {
    number: name.removeprefix("FAULT_REASON_") for name, number in fault_pb2.FaultReason.items() if number
}


def write_info(info: route_info_pb2.RouteInfo) -> Fields:
    """Members as in RouteInfo; unset texts, lists and costs are left out."""
    written: Fields = {
        name: value
        for name in ("route", "target", "provider", "model", "request_id")
        if (value := getattr(info, name))
    }
    written["fallback_used"] = info.fallback_used
    written["model_differs"] = info.model_differs
    written["provider_ms"] = info.provider_ms
    if info.breaker_state in _STATES:
        written["breaker_state"] = _STATES[info.breaker_state]
    if info.attempts:
        written["attempts"] = [_write_attempt(attempt) for attempt in info.attempts]
    if info.adaptations:
        written["adaptations"] = list(info.adaptations)
    if info.HasField("cost_usd"):
        written["cost_usd"] = info.cost_usd
    return written


def _write_attempt(attempt: fault_pb2.AttemptInfo) -> Fields:
    return {
        "target": attempt.target,
        "reason": _REASONS.get(attempt.reason),
        "upstream_status": attempt.upstream_status,
        "duration_ms": attempt.duration_ms,
    }
