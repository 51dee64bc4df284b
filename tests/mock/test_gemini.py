"""Gemini's streams and errors as bytes: both framings, and what a script says in Google's shape."""

import json
from typing import Any

import httpx
import pytest

from switch_grpc.mock import MockServer
from switch_grpc.mock.failures import FAILURES
from switch_grpc.mock.gemini_error import error_of
from switch_grpc.mock.script import parse_script

BODY: Any = {"contents": [{"role": "user", "parts": [{"text": "Hello there"}]}]}


async def answer(model: str, query: str = "", method: str = "streamGenerateContent") -> httpx.Response:
    async with MockServer() as mock, httpx.AsyncClient() as http:
        url = f"http://127.0.0.1:{mock.port}/v1beta/models/{model}:{method}{query}"
        return await http.post(url, json=BODY)


def events(text: str) -> list[Any]:
    return [json.loads(one.removeprefix("data: ")) for one in text.split("\r\n\r\n") if one]


def same(chunks: list[Any]) -> list[Any]:
    """The chunks without what is new with each attempt."""
    return [{key: value for key, value in one.items() if key != "responseId"} for one in chunks]


async def test_without_alt_sse_a_stream_is_one_json_list_of_the_same_chunks() -> None:
    listed, sse = await answer("mock"), await answer("mock", "?alt=sse")
    assert listed.headers["content-type"] == "application/json; charset=UTF-8"
    assert sse.headers["content-type"] == "text/event-stream"
    assert same(listed.json()) == same(events(sse.text))


@pytest.mark.parametrize("after", [0, 2])
async def test_an_error_ends_the_list_as_json(after: int) -> None:
    *chunks, last = (await answer(f"mock;fault=error-event;after={after};status=429")).json()
    assert len(chunks) == after
    assert last["error"]["status"] == "RESOURCE_EXHAUSTED"


async def test_a_huge_event_is_a_chunk_in_both_framings() -> None:
    script = "mock;fault=huge-line;mib=1;after=1"
    for chunks in ((await answer(script)).json(), events((await answer(script, "?alt=sse")).text)):
        assert len(chunks[1]["candidates"][0]["content"]["parts"][0]["text"]) == 2**20


async def test_a_blocked_prompt_is_one_chunk_in_both_framings() -> None:
    listed, sse = await answer("mock;refusal"), await answer("mock;refusal", "?alt=sse")
    (chunk,) = same(listed.json())
    assert same(events(sse.text)) == [chunk]
    assert chunk["promptFeedback"] == {"blockReason": "PROHIBITED_CONTENT"}
    assert "candidates" not in chunk


async def test_a_reply_whose_tokens_went_into_thoughts_has_no_parts() -> None:
    body = {
        **BODY,
        "generationConfig": {"maxOutputTokens": 2, "thinkingConfig": {"thinkingBudget": 100}},
    }
    async with MockServer() as mock, httpx.AsyncClient() as http:
        url = f"http://127.0.0.1:{mock.port}/v1beta/models/mock:generateContent"
        reply = (await http.post(url, json=body)).json()
    assert reply["candidates"] == [{"content": {"role": "model"}, "finishReason": "MAX_TOKENS", "index": 0}]
    assert reply["usageMetadata"]["thoughtsTokenCount"] == 2


async def test_unknown_methods_and_models_are_not_found() -> None:
    unknown = await answer("mock", method="doSomething")
    missing = await answer("missing-model", method="generateContent")
    assert (unknown.status_code, missing.status_code) == (404, 404)
    assert missing.json()["error"]["message"].startswith("models/missing-model is not found for API version")


async def test_another_http_method_is_refused_in_googles_shape() -> None:
    async with MockServer() as mock, httpx.AsyncClient() as http:
        reply = await http.get(f"http://127.0.0.1:{mock.port}/v1beta/models/mock:streamGenerateContent")
    assert (reply.status_code, reply.json()["error"]["status"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("name", sorted(FAILURES))
def test_every_failure_has_a_google_status_and_a_message(name: str) -> None:
    error: Any = error_of(FAILURES[name])["error"]
    assert error["code"] == FAILURES[name].status
    assert error["status"].isupper()
    assert error["status"] != "UNKNOWN"
    assert error["message"]


def test_a_script_may_give_the_status_and_the_reason_word_for_word() -> None:
    failure = parse_script("mock;status=400;type=FAILED_PRECONDITION;code=API_KEY_EXPIRED").failure()
    assert failure is not None
    error: Any = error_of(failure)["error"]
    assert (error["code"], error["status"]) == (400, "FAILED_PRECONDITION")
    assert error["details"][0]["reason"] == "API_KEY_EXPIRED"


@pytest.mark.parametrize(
    ("wait", "shown"), [("2", "2s"), ("0.5", "0.5s"), ("Wed, 21 Oct 2026 07:28:00 GMT", None)]
)
def test_when_to_come_back_is_in_the_body_where_it_is_in_seconds(wait: str, shown: str | None) -> None:
    failure = parse_script(f"mock;status=503;retry-after={wait}").failure()
    assert failure is not None
    error: Any = error_of(failure)["error"]
    delays = [one["retryDelay"] for one in error.get("details", []) if "retryDelay" in one]
    assert delays == ([shown] if shown else [])


async def test_openais_and_googles_models_share_a_path() -> None:
    """The headers and the version tell whose list is asked for."""
    async with MockServer() as mock, httpx.AsyncClient(base_url=f"http://127.0.0.1:{mock.port}") as http:
        key = {"x-goog-api-key": "any"}
        assert "models" in (await http.get("/v1/models", headers=key)).json()
        assert "models" in (await http.get("/v1beta/models?key=any")).json()
        assert "data" in (await http.get("/v1/models")).json()
        assert "data" in (await http.get("/v1beta/openai/models", headers=key)).json()
