"""Bounding a wait: on time, cancelled from outside, and when the whole process stood still."""

import asyncio
from typing import cast

import pytest

from switch_grpc.upstream.time_limit import GRACE, TimeLimit
from tests.support.virtual_time import VirtualLoop, now, virtual


def stand_still(seconds: float) -> None:
    cast("VirtualLoop", asyncio.get_running_loop()).stall(seconds)


@virtual
async def test_what_takes_too_long_is_ended_when_its_time_is_up():
    started = now()
    with pytest.raises(TimeoutError), TimeLimit(started + 3.0):
        await asyncio.sleep(10.0)
    assert now() - started == pytest.approx(3.0)


@virtual
async def test_what_is_quick_is_not_ended_and_leaves_no_timer():
    with TimeLimit(now() + 3.0) as limit:
        await asyncio.sleep(1.0)
    await asyncio.sleep(10.0)
    assert not limit.stalled


@virtual
async def test_a_time_that_has_passed_ends_the_next_wait_but_not_what_needs_none():
    with TimeLimit(now() - 100.0):
        pass
    with pytest.raises(TimeoutError), TimeLimit(now() - 100.0) as limit:
        await asyncio.sleep(1.0)
    assert not limit.stalled, "who comes late did not stand still"


@virtual
async def test_a_cancel_from_outside_stays_a_cancel():
    async def work() -> None:
        with TimeLimit(now() + 3.0):
            await asyncio.sleep(10.0)

    task = asyncio.create_task(work())
    await asyncio.sleep(1.0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@virtual
async def test_a_cancel_at_the_very_moment_of_the_timer_stays_a_cancel():
    async def work() -> None:
        with TimeLimit(now() + 3.0):
            await asyncio.sleep(10.0)

    task = asyncio.create_task(work())
    asyncio.get_running_loop().call_at(now() + 3.0, task.cancel)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()


@virtual
async def test_after_a_standstill_what_came_meanwhile_is_still_read():
    answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(stand_still, 30.0)
    asyncio.get_running_loop().call_later(31.0, answer.set_result, "came")
    with TimeLimit(now() + 3.0) as limit:
        assert await answer == "came"
    assert limit.stalled


@virtual
async def test_after_a_standstill_nobody_is_waited_for_without_end():
    asyncio.get_running_loop().call_soon(stand_still, 30.0)
    started = now()
    with pytest.raises(TimeoutError), TimeLimit(started + 3.0) as limit:
        await asyncio.sleep(100.0)
    assert limit.stalled
    assert now() - started == pytest.approx(30.0 + GRACE)


@virtual
async def test_an_error_of_its_own_passes_through():
    with pytest.raises(ValueError, match="mine"), TimeLimit(now() + 3.0):
        raise ValueError("mine")
