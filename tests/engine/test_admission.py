"""Who is let in, who waits, and what is told of each."""

import asyncio

import pytest

from switch_grpc import auth
from switch_grpc.call import ADMIN_READ, INFERENCE, Principal
from switch_grpc.faults import Fault, Kind
from switch_grpc.routing.gate import GatePolicy
from tests.support.engines import Story, story
from tests.support.scripted_upstream import FOREVER, error, streamed, whole
from tests.support.virtual_time import now, virtual

ONE = GatePolicy(limit=1, queue=1, max_wait=5.0)


def busy() -> Story:
    """An engine with a single place, before a provider that takes its time."""
    return story({"a": whole(wait=100.0)}, admission=ONE)


@virtual
async def test_a_call_waits_for_its_place_and_then_runs():
    told = story({"a": whole(wait=2.0)}, admission=ONE)
    started = now()
    await asyncio.gather(told.ask(), told.ask())
    assert now() - started == pytest.approx(4.0)
    assert told.engine.in_flight == 0


@virtual
async def test_past_the_longest_wait_a_call_is_shed_with_a_hint():
    told = busy()
    running = asyncio.create_task(told.ask())
    await asyncio.sleep(0)
    started = now()
    fault = await told.fault()
    assert (fault.kind, fault.retry) == (Kind.OVERLOADED, True)
    assert now() - started == pytest.approx(5.0)
    assert fault.retry_after is not None
    assert 1.0 <= fault.retry_after <= 5.0
    running.cancel()


@virtual
async def test_a_call_waits_no_longer_than_its_own_deadline():
    told = busy()
    running = asyncio.create_task(told.ask())
    await asyncio.sleep(0)
    started = now()
    assert (await told.fault(told.call(2.0))).kind is Kind.DEADLINE
    assert now() - started == pytest.approx(2.0)
    running.cancel()


@virtual
async def test_every_call_is_reported_once_whatever_became_of_it():
    told = busy()
    running = asyncio.create_task(told.ask())
    await asyncio.sleep(0)
    waiting = asyncio.create_task(told.ask())
    await asyncio.sleep(1.0)
    await told.fault()  # the queue is full
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert [call.fault for call in told.calls] == [Kind.OVERLOADED, Kind.CANCELLED, Kind.CANCELLED]
    assert told.engine.in_flight == 0


@virtual
async def test_while_draining_new_calls_are_refused_and_those_inside_finish():
    told = story({"a": whole(wait=2.0)})
    running = asyncio.create_task(told.ask())
    await asyncio.sleep(1.0)
    told.engine.begin_drain()
    assert not told.engine.ready()
    told.engine.refuse_calls()
    fault = await told.fault()
    assert (fault.kind, fault.retry_after, fault.retry) == (Kind.DRAINING, 1.0, True)
    await told.engine.idle()
    assert (await running).route_info.target == "a"


@virtual
async def test_idle_waits_for_the_last_call():
    told = story({"a": whole(wait=2.0)})
    await told.engine.idle()
    running = asyncio.create_task(told.ask())
    await asyncio.sleep(0)
    started = now()
    await told.engine.idle()
    assert now() - started == pytest.approx(2.0)
    await running


@virtual
async def test_a_key_is_looked_at_before_a_place_is_given():
    keys = auth.Keys(
        [auth.KeyRecord(principal=Principal("k", frozenset({INFERENCE})), digest=auth.digest("good-key"))]
    )
    told = story({"a": whole(wait=FOREVER)}, admission=ONE, keys=keys)
    running = asyncio.create_task(told.ask(told.call(keys=("good-key",))))
    await asyncio.sleep(0)
    assert (await told.fault(told.call())).kind is Kind.NO_KEY
    assert (await told.fault(told.call(keys=("bad-key",)))).kind is Kind.BAD_KEY
    with pytest.raises(Fault) as raised:
        await told.engine.open(told.call(keys=("good-key",)), ADMIN_READ)
    assert raised.value.kind is Kind.FORBIDDEN
    assert [call.principal for call in told.calls] == ["", "", "k"]
    running.cancel()


async def test_a_call_that_failed_is_reported_with_who_failed_last_and_how_many_were_asked():
    told = story({"a": error(404), "b": error(404)})
    await told.fault()
    assert [(call.target, call.attempts) for call in told.calls] == [("b", 2)]


async def test_a_stream_that_broke_is_reported_with_the_target_that_broke_it():
    told = story({"a": error(404), "b": streamed("Hel", complete=False)})
    await told.broken()
    assert [(call.target, call.attempts) for call in told.calls] == [("b", 2)]


async def test_a_call_that_asked_nobody_is_reported_without_a_target():
    told = story({"a": whole()})
    await told.fault(route="missing")
    assert [(call.target, call.attempts) for call in told.calls] == [("", 0)]
