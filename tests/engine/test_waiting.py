"""Waiting for a place at a gate."""

import asyncio
import math
import random

import pytest

from switch_grpc.engine.waiting import enter, no_place
from switch_grpc.faults import Kind
from switch_grpc.routing.gate import Gate, GatePolicy, Place
from tests.support.virtual_time import now, virtual


def gate(**policy: float) -> Gate:
    return Gate(GatePolicy(limit=1, **policy))  # type: ignore[arg-type]


@virtual
async def test_who_finds_room_does_not_wait():
    one = await enter(gate(), now)
    assert one.place is Place.ADMITTED


@virtual
async def test_who_waits_is_let_in_when_somebody_leaves():
    door = gate(max_wait=10.0)
    first = await enter(door, now)
    asyncio.get_running_loop().call_later(3.0, lambda: door.leave(first, now()))
    started = now()
    second = await enter(door, now)
    assert second.place is Place.ADMITTED
    assert now() - started == pytest.approx(3.0)


@virtual
async def test_nobody_waits_longer_than_the_gate_says_or_than_it_has_time():
    door = gate(max_wait=10.0)
    await enter(door, now)
    for until, waited in ((math.inf, 10.0), (now() + 14.0, 4.0)):
        started = now()
        late = await enter(door, now, until)
        assert late.place is Place.REFUSED
        assert now() - started == pytest.approx(waited)
    assert (door.inside, door.waiting) == (1, 0)


@virtual
async def test_a_full_queue_refuses_at_once():
    door = gate(queue=1, max_wait=10.0)
    await enter(door, now)
    waiting = asyncio.create_task(enter(door, now))
    await asyncio.sleep(0)
    started = now()
    assert (await enter(door, now)).place is Place.REFUSED
    assert now() == started
    waiting.cancel()


@virtual
async def test_who_is_cancelled_while_waiting_has_left():
    door = gate(max_wait=10.0)
    await enter(door, now)
    waiting = asyncio.create_task(enter(door, now))
    await asyncio.sleep(1.0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert (door.inside, door.waiting) == (1, 0)


@virtual
async def test_who_is_cancelled_just_as_it_is_let_in_gives_the_place_back():
    door = gate(max_wait=10.0)
    first = await enter(door, now)
    waiting = asyncio.create_task(enter(door, now))
    await asyncio.sleep(1.0)
    door.leave(first, now())
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert door.inside == 0


def test_who_gets_no_place_is_sent_away_for_one_to_five_seconds():
    rng = random.Random(7)
    waits = [no_place(Kind.OVERLOADED, "the gateway", 5, rng).retry_after or 0.0 for _ in range(200)]
    assert 1.0 <= min(waits) < 1.2
    assert 4.8 < max(waits) <= 5.0
