"""POST /v1/chat/completions, one reply."""

import asyncio
import re

import httpx
import pytest

from http_facade.headers import ADAPTATIONS, HeaderList, route_headers
from switch_grpc.answered import answered
from switch_grpc.faults import Kind
from switch_grpc.request import Operation
from switch_grpc.v1 import route_info_pb2
from tests.http_facade.conftest import Door
from tests.support.http_server import connection, exchange, request_bytes, until
from tests.support.scripted_backend import FOREVER, chat_reply, route_info

CHAT = {"model": "lite", "messages": [{"role": "user", "content": "Hi"}]}


async def ask(door: Door, **headers: str) -> httpx.Response:
    return await door.client.post("/v1/chat/completions", json=CHAT, headers=headers)


async def test_a_reply_is_openais_json_and_tells_who_answered_in_headers(door: Door) -> None:
    door.backend.steps = (chat_reply(),)
    answer = await ask(door)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert body["choices"][0]["message"]["content"] == "Hello"
    assert body["usage"]["total_tokens"] == 5
    assert "switch" not in body
    assert answer.headers["x-used-provider"] == "a"
    assert "x-used-fallback" not in answer.headers
    assert answer.headers["x-circuit-breaker-state"] == "closed"
    assert answer.headers["x-provider-response-time"] == "12"
    assert answer.headers["x-switch-attempts"] == "1"
    assert re.fullmatch(r"req_[0-9a-f]{32}", answer.headers["x-request-id"])
    assert door.backend.outcomes == [None]


async def test_a_fallback_is_told(door: Door) -> None:
    info = {"target": "b", "fallback_used": True, "breaker_state": route_info_pb2.BREAKER_STATE_HALF_OPEN}
    door.backend.steps = (chat_reply(**info),)
    answer = await ask(door)
    assert answer.headers["x-used-provider"] == "b"
    assert answer.headers["x-used-fallback"] == "true"
    assert answer.headers["x-circuit-breaker-state"] == "half_open"


def headers(**info: object) -> HeaderList:
    return route_headers(answered(route_info(**info)))


def test_a_targets_name_that_http_cannot_carry_is_percent_encoded() -> None:
    assert (b"x-used-provider", b"z%C3%BCrich%0A") in headers(target="zürich\n")
    assert (b"x-used-provider", b"my target (eu)") in headers(target="my target (eu)")


def test_what_a_call_cost_and_what_was_changed_of_it_are_headers():
    told = dict(headers(cost_usd=0.00012345, adaptations=["seed left out", "n\n2"]))
    assert told[b"x-switch-cost-usd"] == b"0.00012345"
    assert told[b"x-switch-adaptations"] == b"seed left out; n%0A2"
    assert not {b"x-switch-cost-usd", b"x-switch-adaptations"} & dict(headers()).keys()
    long = dict(headers(adaptations=["x" * 5000]))
    assert len(long[b"x-switch-adaptations"]) == ADAPTATIONS


async def test_the_head_and_the_call_reach_the_backend(door: Door) -> None:
    door.backend.steps = (chat_reply(),)
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    answer = await ask(
        door,
        **{
            "x-request-id": "mine-1",
            "traceparent": trace,
            "tracestate": "a=b",
            "x-session-id": "s1",
            "x-switch-fallback": "False",
            "x-request-timeout-ms": "1500.5",
            "x-stainless-read-timeout": "600.0",
        },
    )
    assert answer.headers["x-request-id"] == "mine-1"
    call, head = door.backend.calls[0], door.backend.heads[0]
    assert (call.id, call.door, call.keys) == ("mine-1", "http", ("inference-key",))
    assert (call.traceparent, call.tracestate, call.sticky_key, call.fallback) == (trace, "a=b", "s1", False)
    assert call.deadline == pytest.approx(call.started + 1.5005)
    assert call.first_byte_deadline == pytest.approx(call.started + 600)
    assert (head.operation, head.route, head.stream) == (Operation.CHAT, "lite", False)


async def test_every_key_presented_reaches_the_backend(door: Door) -> None:
    """Two that differ are refused there, where both doors meet."""
    door.backend.steps = (chat_reply(),)
    answer = await ask(door, authorization="bEaReR   other")
    assert door.backend.calls[0].keys == ("inference-key", "other")
    assert answer.status_code == 401
    assert "two different keys" in answer.json()["error"]["message"]
    assert (await ask(door, authorization="Bearer inference-key")).status_code == 200
    assert (await ask(door, authorization="Basic abc")).status_code == 200


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-request-timeout-ms", "soon"),
        ("x-request-timeout-ms", "0"),
        ("x-request-timeout-ms", "-5"),
        ("x-request-timeout-ms", "1e3"),
        ("x-request-timeout-ms", "nan"),
        ("x-request-timeout-ms", "9" * 40),
        ("x-switch-fallback", "no"),
    ],
)
async def test_a_bad_header_is_named(door: Door, name: str, value: str) -> None:
    answer = await ask(door, **{name: value})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == name
    assert name in answer.json()["error"]["message"]


async def test_what_an_sdk_sends_by_itself_is_no_error(door: Door) -> None:
    door.backend.steps = (chat_reply(),)
    for name, value in [
        ("x-stainless-read-timeout", "None"),
        ("traceparent", "x"),
        ("tracestate", "a=b" * 200),
    ]:
        assert (await ask(door, **{name: value})).status_code == 200
    call = door.backend.calls[-1]
    assert (call.first_byte_deadline, call.traceparent, call.tracestate) == (None, None, None)


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "caf\xe9", "tab\tid"])
async def test_an_unusable_request_id_is_replaced(door: Door, given: str) -> None:
    door.backend.steps = (chat_reply(),)
    answer = await door.client.post(
        "/v1/chat/completions", json=CHAT, headers=[(b"x-request-id", given.encode("latin-1"))]
    )
    assert re.fullmatch(r"req_[0-9a-f]{32}", answer.headers["x-request-id"])


async def test_a_read_timeout_that_the_sdk_announced_ends_a_reply(door: Door) -> None:
    door.backend.steps = (FOREVER,)
    answer = await ask(door, **{"x-stainless-read-timeout": "0.05"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "deadline_exceeded")
    assert door.backend.stopped.is_set()
    assert door.backend.outcome is Kind.DEADLINE


async def test_a_caller_that_leaves_cancels_the_work_within_100_ms(door: Door) -> None:
    door.backend.steps = (FOREVER,)
    body = b'{"model":"lite","messages":[{"role":"user","content":"Hi"}]}'
    async with connection(door.port) as (_, writer):
        writer.write(request_bytes("/v1/chat/completions", body, x_api_key="inference-key"))
        await door.backend.waiting.wait()
    await asyncio.wait_for(door.backend.stopped.wait(), 0.1)
    await until(lambda: door.backend.in_flight == 0)
    assert door.backend.outcome is Kind.CANCELLED


async def test_a_caller_that_leaves_before_the_body_is_whole_is_cancelled(door: Door) -> None:
    async with connection(door.port) as (_, writer):
        head = request_bytes("/v1/chat/completions", x_api_key="inference-key", content_length="9")
        writer.write(head + b"{")
        await until(lambda: door.backend.in_flight == 1)
    await until(lambda: door.backend.in_flight == 0)
    assert door.backend.outcome is Kind.CANCELLED


async def test_the_call_is_opened_before_the_body_is_read(door: Door) -> None:
    """Who has no key gets no 100 Continue, and so sends no body."""
    head = request_bytes("/v1/chat/completions", content_length="1000000", expect="100-continue")
    answer = await exchange(door.port, head)
    assert answer.startswith(b"HTTP/1.1 401 ")


async def test_one_connection_serves_many_requests(door: Door) -> None:
    door.backend.steps = (chat_reply(),)
    body = b'{"model":"lite","messages":[{"role":"user","content":"Hi"}]}'
    one = request_bytes("/v1/chat/completions", body, x_api_key="inference-key", connection="keep-alive")
    last = request_bytes("/v1/chat/completions", body, x_api_key="inference-key")
    answer = await exchange(door.port, one + one + last)
    assert answer.count(b"HTTP/1.1 200 ") == 3
