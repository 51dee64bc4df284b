"""`switch status` and `switch reset`, before a running gateway."""

import asyncio
from typing import Any

import httpx
import pytest

from switch_grpc.__main__ import main
from switch_grpc.cli.status import as_text
from switch_grpc.v1 import admin_pb2, fault_pb2, route_info_pb2
from tests.support.gateway import KEY, Running, route, running, target

MODELS = {"lite": route(target("gone", "mock;error=model_not_found"), target("spare"))}


async def ask(gateway: Running) -> None:
    async with httpx.AsyncClient(headers={"x-api-key": KEY}) as client:
        request = {"model": "lite", "messages": [{"role": "user", "content": "Hello"}]}
        answer = await client.post(f"{gateway.http}/v1/chat/completions", json=request)
        assert answer.headers["x-used-provider"] == "spare"


async def switch(gateway: Running, *words: str, key: str = KEY) -> int:
    """The command's exit status, run beside the gateway's loop."""
    return await asyncio.to_thread(main, [*words, "--grpc", gateway.grpc, "--key", key])


async def test_what_ails_a_target_is_shown_and_a_reset_ends_it(capsys: pytest.CaptureFixture[str]):
    async with running(MODELS) as gateway:
        await ask(gateway)
        assert await switch(gateway, "status") == 0
        shown = capsys.readouterr().out
        assert shown.startswith("serving, switch ")
        gone, spare = (line for line in shown.splitlines() if line.startswith("lite ") and "%" in line)
        assert gone.split()[:4] == ["lite", "gone", "open", "unhealthy"]
        assert spare.split()[:4] == ["lite", "spare", "closed", "healthy"]
        assert "open: permanent, permanent trip 1, tries again in " in shown
        assert "UPSTREAM_MODEL_MISSING: target 'gone' (mock) does not know the model" in shown

        assert await switch(gateway, "reset", "lite", "gone") == 0
        assert capsys.readouterr().out == "lite gone: closed\n"
        assert await switch(gateway, "status", "lite", "gone") == 0
        assert " closed " in capsys.readouterr().out


async def test_the_whole_status_is_there_as_json(capsys: pytest.CaptureFixture[str]):
    async with running(MODELS) as gateway:
        assert await switch(gateway, "status", "--json") == 0
    assert '"BREAKER_STATE_CLOSED"' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "key", "said"),
    [
        (("status", "heavy"), KEY, "UNKNOWN_ROUTE: no route is called 'heavy'"),
        (("reset", "lite", "other"), KEY, "UNKNOWN_ROUTE: route 'lite' has no target called 'other', but "),
        (("status",), "wrong-key", "BAD_KEY"),
    ],
)
async def test_what_cannot_be_done_is_said_on_standard_error(
    words: tuple[str, ...], key: str, said: str, capsys: pytest.CaptureFixture[str]
):
    async with running(MODELS) as gateway:
        assert await switch(gateway, *words, key=key) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert f"switch {words[0]}: {gateway.grpc}: {said}" in captured.err


def test_a_gateway_that_is_not_there_is_said_so(capsys: pytest.CaptureFixture[str]):
    assert main(["status", "--grpc", "127.0.0.1:1", "--key", KEY, "--timeout", "2"]) == 1
    assert "127.0.0.1:1" in capsys.readouterr().err


def test_overrides_cooldowns_and_refused_reloads_are_spelt_out():
    held: Any = admin_pb2.TargetStatus(
        route="lite", target="a", state=route_info_pb2.BREAKER_STATE_OPEN,
        cause=admin_pb2.BREAKER_CAUSE_FORCED, last_fault=fault_pb2.FAULT_REASON_UPSTREAM_ERROR,
    )  # fmt: skip
    held.override.mode = admin_pb2.BreakerOverride.MODE_FORCE_OPEN
    held.override.until.seconds = 1600
    held.cooling_until.seconds = 1030
    held.last_fault_at.seconds = 940
    held.next_attempt.seconds = 990
    config = admin_pb2.ConfigStatus(version="1", source="f", rejected_reason="models: found 5")
    gateway = admin_pb2.GatewayStatus(
        state=admin_pb2.GatewayStatus.STATE_DRAINING, version="0", config=config
    )
    lines = list(as_text(admin_pb2.GetStatusResponse(targets=[held], gateway=gateway), 1000.0))
    assert lines[:2] == [
        "draining, switch 0, configuration 1 from f, 0 calls in flight",
        "the last reload was refused: models: found 5",
    ]
    assert lines[-5:] == [
        "lite a",
        "  open: forced, tries again with the next call",
        "  held by an operator: force open, ends in 10 min",
        "  asked for fewer requests: is asked again in 30 s",
        "  60 s ago: UPSTREAM_ERROR: ",
    ]


@pytest.mark.parametrize(("in_a_row", "told"), [(0, False), (2, True)])
def test_a_healthy_target_whose_last_calls_failed_says_why(in_a_row: int, told: bool):
    """Two failures make nobody ill, and are what an operator came to look at."""
    target: Any = admin_pb2.TargetStatus(
        state=route_info_pb2.BREAKER_STATE_CLOSED, health=admin_pb2.HEALTH_HEALTHY,
        consecutive_failures=in_a_row, last_fault=fault_pb2.FAULT_REASON_UPSTREAM_UNREACHABLE,
    )  # fmt: skip
    target.last_fault_at.seconds = 940
    lines = list(as_text(admin_pb2.GetStatusResponse(targets=[target]), 1000.0))
    assert ("  60 s ago: UPSTREAM_UNREACHABLE: " in lines) is told


@pytest.mark.parametrize("words", [("status",), ("chat", "lite", "Hello")])
async def test_who_gave_no_key_is_told_how_to_give_one(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
):
    async with running(MODELS) as gateway:
        assert await switch(gateway, *words, key="") == 1
        if "chat" in words:
            assert await asyncio.to_thread(main, [*words, "--http", gateway.http]) == 1
    told = capsys.readouterr().err.strip().splitlines()
    assert all(line.endswith("; here by --key or SWITCH_API_KEY") for line in told if line)


def test_a_key_that_no_header_can_carry_is_told(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit, match="2"):
        main(["status", "--key", "schlüssel"])
    assert "argument --key: expected printable ASCII characters only" in capsys.readouterr().err
