import asyncio

import pytest

from switch_grpc.call import Call, Principal
from switch_grpc.faults import Fault, Kind
from switch_grpc.permit import Permit

CALL = Call(id="c1", door="http", started=0.0)
ANN = Principal(id="ann", scopes=frozenset())


class Story:
    """A call in a task of its own, that waits until it is ended from outside."""

    def __init__(self) -> None:
        self.outcomes: list[Kind | None] = []
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        self.permit = Permit(CALL, ANN, self._close, asyncio.current_task())
        with self.permit:
            await asyncio.Event().wait()

    def _close(self, permit: Permit, fault: Fault | None) -> None:
        self.outcomes.append(fault.kind if fault else None)


async def begun() -> Story:
    story = Story()
    await asyncio.sleep(0)
    return story


async def test_a_call_that_is_cut_hears_that_the_gateway_drains_and_is_not_cancelled():
    story = await begun()
    story.permit.cut()
    with pytest.raises(Fault) as raised:
        await story.task
    assert raised.value.kind is Kind.DRAINING
    assert story.outcomes == [Kind.DRAINING]
    assert story.task.cancelling() == 0


async def test_a_caller_who_leaves_is_no_cut():
    story = await begun()
    story.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await story.task
    assert story.outcomes == [Kind.CANCELLED]


async def test_the_outcome_of_a_cut_call_is_reported_once():
    story = await begun()
    story.permit.cut()
    story.permit.cut()
    with pytest.raises(Fault):
        await story.task
    assert story.outcomes == [Kind.DRAINING]


async def test_who_cannot_be_cut_is_left_alone():
    permit = Permit(CALL, ANN, lambda permit, fault: None)
    permit.cut()
    assert permit.cut_fault() is None
