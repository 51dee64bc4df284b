"""The ledger keeps the last requests within bounds, and wakes those who wait for them."""

import asyncio

import pytest

from switch_grpc.mock.ledger import Ledger, Request


def request(id: str = "r", body: bytes = b"") -> Request:
    return Request(id=id, method="POST", path="/v1", headers={}, body=body, at=0.0, connection=1)


def test_the_oldest_requests_go_when_there_are_too_many():
    ledger = Ledger(keep=16)
    for k in range(1000):
        ledger.arrived(request(str(k)))
        assert len(ledger.requests) <= 16
        assert ledger.requests[-1].id == str(k)


def test_the_oldest_requests_go_when_their_bodies_are_too_large():
    ledger = Ledger(keep_bytes=1000)
    for _ in range(100):
        ledger.arrived(request(body=bytes(400)))
        assert sum(len(one.body) for one in ledger.requests) <= 1000


def test_counts_are_per_model_name_and_forget_on_reset():
    ledger = Ledger()
    assert [ledger.count("a"), ledger.count("a"), ledger.count("b")] == [1, 2, 1]
    ledger.reset()
    assert ledger.count("a") == 1


def test_what_is_in_flight_is_what_neither_finished_nor_was_dropped():
    ledger = Ledger()
    one, two, three = request(), request(), request()
    for each in (one, two, three):
        ledger.arrived(each)
    ledger.answered(one, now=1.0)
    ledger.dropped(two, now=2.0)
    assert ledger.stats()["in_flight"] == 1
    assert (one.finished_at, two.closed_at, three.finished_at) == (1.0, 2.0, None)


def test_a_body_that_is_no_text_is_shown_as_base64():
    assert request(body=b"\xff").as_json()["body"] == {"base64": "/w=="}


async def test_until_wakes_at_the_change_that_matters():
    ledger = Ledger()
    waiting = asyncio.ensure_future(ledger.until(lambda: len(ledger.requests) == 2, within=5))
    await asyncio.sleep(0)
    ledger.arrived(request())
    await asyncio.sleep(0)
    assert not waiting.done()
    ledger.arrived(request())
    await waiting


async def test_until_times_out_and_leaves_nothing_behind():
    ledger = Ledger()
    with pytest.raises(TimeoutError):
        await ledger.until(lambda: False, within=0.001)
    ledger.arrived(request())
    assert ledger._waiting == []
