"""`switch status`: how a running gateway's targets are doing."""

import argparse
import time
from collections.abc import Iterator, Sequence
from typing import Final

from google.protobuf.json_format import MessageToJson

from switch_client import Switch
from switch_grpc.cli.operator import add_options, asked
from switch_grpc.v1 import admin_pb2, fault_pb2, route_info_pb2

Commands = argparse._SubParsersAction  # noqa: SLF001  # argparse has no public name for it

HEAD: Final = (
    "ROUTE",
    "TARGET",
    "BREAKER",
    "HEALTH",
    "IN FLIGHT",
    "OK",
    "FAILED",
    "ERRORS",
    "AVERAGE",
    "TTFB",
)


def add_parser(commands: "Commands[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "status",
        description="Shows breakers, health and counters of all targets, or of those named. Needs a key "
        "with the scope admin:read.",
    )
    parser.add_argument("route", nargs="?", default="", metavar="ROUTE", help="this route only")
    parser.add_argument("target", nargs="?", default="", metavar="TARGET", help="this target of it only")
    parser.add_argument("--json", action="store_true", help="print the whole status as JSON")
    add_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    def ask(client: Switch) -> None:
        status = client.admin.status(options.route, options.target)
        print(MessageToJson(status) if options.json else "\n".join(as_text(status, time.time())))

    return asked("status", options, ask)


def as_text(status: admin_pb2.GetStatusResponse, wall: float) -> Iterator[str]:
    """A line on the gateway, a table of the targets, and what ails those that are ill. `wall`: Unix time."""
    gateway = status.gateway
    state = admin_pb2.GatewayStatus.State.Name(gateway.state).removeprefix("STATE_").lower()
    config = f"configuration {gateway.config.version} from {gateway.config.source}"
    yield f"{state}, switch {gateway.version}, {config}, {gateway.in_flight} calls in flight"
    if gateway.config.rejected_reason:
        yield f"the last reload was refused: {gateway.config.rejected_reason}"
    yield ""
    yield from _table([HEAD, *(_row(target) for target in status.targets)])
    for target in status.targets:
        if notes := list(_notes(target, wall)):
            yield ""
            yield f"{target.route} {target.target}"
            yield from (f"  {note}" for note in notes)


def _row(target: admin_pb2.TargetStatus) -> tuple[str, ...]:
    health = admin_pb2.Health.Name(target.health).removeprefix("HEALTH_").lower()
    return (
        target.route,
        target.target,
        _breaker(target.state),
        "unknown" if target.health == admin_pb2.HEALTH_UNSPECIFIED else health,
        f"{target.in_flight}",
        f"{target.successful_requests}",
        f"{target.failed_requests}",
        f"{target.error_rate:.1f} %",
        f"{target.average_response_ms:.0f} ms",
        f"{target.average_ttfb_ms:.0f} ms",
    )


def _notes(target: admin_pb2.TargetStatus, wall: float) -> Iterator[str]:
    """What an operator wants to know of a target that is not as it should be."""
    if target.state != route_info_pb2.BREAKER_STATE_CLOSED:
        cause = admin_pb2.BreakerCause.Name(target.cause).removeprefix("BREAKER_CAUSE_").lower()
        trips = f", permanent trip {target.permanent_trips}" if target.permanent_trips else ""
        when = (
            f", tries again {_in(target.next_attempt.seconds - wall)}"
            if target.HasField("next_attempt")
            else ""
        )
        yield f"{_breaker(target.state)}: {cause}{trips}{when}"
    if target.HasField("override"):
        mode = admin_pb2.BreakerOverride.Mode.Name(target.override.mode).removeprefix("MODE_").lower()
        until = (
            _in(target.override.until.seconds - wall) if target.override.HasField("until") else "at a reset"
        )
        yield f"held by an operator: {mode.replace('_', ' ')}, ends {until}"
    if target.HasField("cooling_until"):
        yield f"asked for fewer requests: is asked again {_in(target.cooling_until.seconds - wall)}"
    failing = target.health != admin_pb2.HEALTH_HEALTHY or target.consecutive_failures > 0
    if target.HasField("last_fault_at") and failing:
        reason = fault_pb2.FaultReason.Name(target.last_fault).removeprefix("FAULT_REASON_")
        yield f"{_ago(wall - target.last_fault_at.seconds)}: {reason}: {target.last_fault_message}"


def _breaker(state: route_info_pb2.BreakerState) -> str:
    return route_info_pb2.BreakerState.Name(state).removeprefix("BREAKER_STATE_").lower().replace("_", " ")


def _in(seconds: float) -> str:
    return f"in {_span(seconds)}" if seconds > 0 else "with the next call"


def _ago(seconds: float) -> str:
    return f"{_span(max(0.0, seconds))} ago"


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.ljust(width) if index < 4 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()
