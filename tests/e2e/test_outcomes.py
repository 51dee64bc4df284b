"""Recorded answers of real providers through the whole gateway: what callers hear, what breakers count.

The expectations stand here once more, row by row of the outcome table, and are not read from the code's own.
"""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from switch_grpc.v1 import admin_pb2, route_info_pb2
from tests.support.callers import WAYS, Caller, Heard, Way, calling
from tests.support.gateway import running
from tests.support.replay_server import answer, replaying

pytestmark = pytest.mark.asyncio(loop_scope="module")

RECORDED = json.loads((Path(__file__).parents[1] / "fixtures/dialects/openai/errors.json").read_text())
SECRET = "sk-of-the-gateway-000000"
STORE = {
    "keys": {"type": "simple", "source": "env", "config": {"apiKeyVar": "PROVIDER_KEY"}, "cacheTtl": 3600}
}
CLOSED, OPEN = route_info_pb2.BREAKER_STATE_CLOSED, route_info_pb2.BREAKER_STATE_OPEN


class Row(NamedTuple):
    """What one kind of outcome comes to: gRPC code, HTTP status, OpenAI code, and the breaker's columns."""

    grpc: str
    http: int
    code: str | None  # None: the provider's own
    consecutive: int = 0
    window: int = 0
    permanent: bool = False


ROWS = {
    "CLIENT_FAULT": Row("INVALID_ARGUMENT", 400, None),
    "CAPABILITY": Row("INVALID_ARGUMENT", 400, None),
    "CONTEXT_LENGTH": Row("INVALID_ARGUMENT", 400, "context_length_exceeded"),
    "CONTENT_FILTER": Row("INVALID_ARGUMENT", 400, "content_filter"),
    "NOT_FOUND_OBJECT": Row("NOT_FOUND", 404, None),
    "UPSTREAM_AUTH": Row("FAILED_PRECONDITION", 502, "upstream_auth_failed", permanent=True),
    "UPSTREAM_QUOTA": Row("UNAVAILABLE", 503, "upstream_quota_exhausted", window=1, permanent=True),
    "UPSTREAM_MODEL_MISSING": Row("FAILED_PRECONDITION", 502, "upstream_model_not_found", permanent=True),
    "UPSTREAM_REQUEST_TIMEOUT": Row("UNAVAILABLE", 504, "upstream_timeout", 1, 1),
    "CONFLICT": Row("ABORTED", 409, "conflict", window=1),
    "UPSTREAM_RATE_LIMIT": Row("RESOURCE_EXHAUSTED", 429, "upstream_rate_limited", window=1),
    "UPSTREAM_ERROR": Row("UNAVAILABLE", 502, "upstream_error", 1, 1),
    "UPSTREAM_OVERLOADED": Row("UNAVAILABLE", 503, "upstream_overloaded", 1, 1),
    "UPSTREAM_SATURATED": Row("UNAVAILABLE", 503, "upstream_overloaded", window=1),
    "UPSTREAM_PROTOCOL": Row("UNAVAILABLE", 502, "upstream_protocol_error", 1, 1),
}
CASES = [entry for entry in RECORDED if entry["kind"] in ROWS]


def name_of(number: int, way: Way) -> str:
    return f"case-{number}-{way}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def caller() -> AsyncIterator[Caller]:
    replies = {
        f"r{number}": answer(entry["status"], entry["body"], entry.get("headers"))
        for number, entry in enumerate(CASES)
    }
    async with replaying(replies) as replay:
        models = {
            name_of(number, way): {
                "providers": [
                    {
                        "name": "a",
                        "provider": entry["provider"],
                        "modelName": "recorded",
                        "apiBase": f"{replay.url}/r{number}/compatible-mode/v1",
                        "credentialsRef": "keys",
                        "maxRetries": 0,
                    }
                ]
            }
            for number, entry in enumerate(CASES)
            for way in WAYS
        }
        environ = {"PROVIDER_KEY": SECRET}
        async with (
            running(models, environ=environ, credentialStores=STORE) as gateway,
            calling(gateway) as made,
        ):
            yield made


async def test_every_kind_that_an_answers_status_can_mean_is_among_them():
    assert {entry["kind"] for entry in RECORDED} <= ROWS.keys()
    assert len(CASES) > 60


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("number", range(len(CASES)), ids=[case["name"] for case in CASES])
async def test_an_answer_is_what_its_row_says(caller: Caller, number: int, way: Way):
    case, row = CASES[number], ROWS[CASES[number]["kind"]]
    heard = await caller.ask(way, name_of(number, way))
    own = case["status"] if case["kind"] == "CLIENT_FAULT" and case["status"] in (413, 422) else row.http
    assert heard.http == case.get("http", own)
    assert (heard.grpc, heard.reason) == (("", "") if way.door == "http" else (row.grpc, case["kind"]))
    code = row.code if row.code is not None else case.get("code", heard.code)
    assert heard.code == code
    (seen,) = await caller.status(name_of(number, way))
    assert (seen.consecutive_failures, seen.error_rate) == (row.consecutive, 100.0 * row.window)
    if row.permanent:
        assert (seen.state, seen.cause) == (OPEN, admin_pb2.BREAKER_CAUSE_PERMANENT)
    else:
        assert seen.state == CLOSED
    assert SECRET not in repr(heard)
    assert SECRET not in str(seen)


# Row 27: an error inside a 200 is the row that it names.

INSIDE = {
    '{"error": {"message": "Provider returned error", "code": 502}}': "UPSTREAM_ERROR",
    '{"error": {"message": "slow down", "code": 429}}': "UPSTREAM_RATE_LIMIT",
    '{"error": {"message": "x", "code": "insufficient_quota"}}': "UPSTREAM_QUOTA",
    '{"error": {"message": "Overloaded", "type": "overloaded_error"}}': "UPSTREAM_SATURATED",
    '{"error": {"message": "No auth credentials found", "code": 401}}': "UPSTREAM_AUTH",
    '{"error": {"message": "no more words", "code": 500}}': "UPSTREAM_ERROR",
}
ROLE = '{"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}'
SSE = {"Content-Type": "text/event-stream"}


async def test_an_error_inside_a_200_is_the_row_that_it_names():
    replies: dict[str, bytes] = {}
    for number, body in enumerate(INSIDE):
        replies[f"u{number}"] = answer(200, body)
        replies[f"s{number}"] = answer(200, f"data: {ROLE}\n\ndata: {body}\n\n", SSE)
    async with replaying(replies) as replay:
        one = {"name": "a", "provider": "custom", "modelName": "m", "maxRetries": 0}
        models = {
            f"inside-{number}-{way}": {
                "providers": [{**one, "apiBase": f"{replay.url}/{'s' if way.stream else 'u'}{number}/v1"}]
            }
            for number in range(len(INSIDE))
            for way in WAYS
        }
        async with running(models) as gateway, calling(gateway) as caller:
            for number, kind in enumerate(INSIDE.values()):
                for way in WAYS:
                    row = ROWS[kind]
                    heard = await caller.ask(way, f"inside-{number}-{way}")
                    assert (heard.http, heard.code, heard.text) == (row.http, row.code, "")
                    (seen,) = await caller.status(f"inside-{number}-{way}")
                    assert (seen.consecutive_failures, seen.error_rate, seen.state == OPEN) == (
                        row.consecutive,
                        100.0 * row.window,
                        row.permanent,
                    )


# A caller's own mistake.

PROMPTS = [
    "404 not found",
    "401 unauthorized, 403 forbidden: authentication failed, api key invalid, invalid credentials",
    "endpoint not found; insufficient_quota; billing_not_active; model_not_found",
]


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_a_callers_own_mistake_never_opens_a_breaker_whatever_its_prompt_says(status: int):
    async def asked(caller: Caller) -> list[Heard]:
        return [
            await caller.ask(way, f"echo-{number}", text=prompt)
            for _ in range(5)
            for number, prompt in enumerate(PROMPTS)
            for way in WAYS
        ]

    def echo(prompt: str) -> bytes:
        """A provider that repeats the prompt in its error, as some do."""
        error = {"message": f"cannot read: {prompt}", "type": "invalid_request_error", "code": None}
        return answer(status, json.dumps({"error": error}))

    async with replaying({f"e{number}": echo(prompt) for number, prompt in enumerate(PROMPTS)}) as replay:
        one = {"name": "a", "provider": "custom", "modelName": "m"}
        models = {
            f"echo-{number}": {"providers": [{**one, "apiBase": f"{replay.url}/e{number}/v1"}]}
            for number in range(len(PROMPTS))
        }
        async with running(models) as gateway, calling(gateway) as caller:
            heard = await asked(caller)
            assert {each.http for each in heard} == {status}
            for seen in await caller.status():
                assert (seen.state, seen.consecutive_failures, seen.failed_requests) == (CLOSED, 0, 0)
                assert seen.total_requests == 20


async def test_a_filtered_or_refused_answer_is_an_answer(caller: Caller):
    """Rows 1 and 6: finish_reason content_filter, and a refusal, pass through and count as success."""
    models: dict[str, Any] = {
        name: {"providers": [{"name": "a", "provider": "mock", "modelName": f"mock;{name}"}]}
        for name in ("filter", "refusal")
    }
    async with running(models) as gateway, calling(gateway) as made:
        for route in models:
            for way in WAYS:
                assert (await made.ask(way, route)).ok
        for seen in await made.status():
            assert (seen.successful_requests, seen.failed_requests, seen.state) == (4, 0, CLOSED)
