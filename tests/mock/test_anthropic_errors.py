"""The unmodified anthropic package raises what Anthropic's errors, cut streams and odd bodies deserve."""

import json
from collections.abc import AsyncIterator
from typing import Any

import anthropic
import httpx2
import pytest
import pytest_asyncio

from switch_grpc.mock import MockServer

pytestmark = pytest.mark.asyncio(loop_scope="module")
USER: Any = [{"role": "user", "content": "Hello there, mock"}]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mock() -> AsyncIterator[MockServer]:
    async with MockServer(key="sk-mock") as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(mock: MockServer) -> AsyncIterator[anthropic.AsyncAnthropic]:
    base_url = mock.url.removesuffix("/v1")
    async with anthropic.AsyncAnthropic(base_url=base_url, api_key="sk-mock", max_retries=0) as sdk:
        yield sdk


async def refusal(client: anthropic.AsyncAnthropic, model: str, **more: Any) -> anthropic.APIStatusError:
    with pytest.raises(anthropic.APIStatusError) as caught:
        await client.messages.create(model=model, max_tokens=99, messages=USER, **more)
    return caught.value


@pytest.mark.parametrize(
    ("script", "expected", "kind"),
    [
        ("status=400", anthropic.BadRequestError, "invalid_request_error"),
        ("error=context_length_exceeded", anthropic.BadRequestError, "invalid_request_error"),
        ("status=401", anthropic.AuthenticationError, "authentication_error"),
        ("status=402", anthropic.APIStatusError, "billing_error"),
        ("status=403", anthropic.PermissionDeniedError, "permission_error"),
        ("status=404", anthropic.NotFoundError, "not_found_error"),
        ("status=413", anthropic.ContentTooLargeError, "request_too_large"),
        ("status=422", anthropic.UnprocessableEntityError, "invalid_request_error"),
        ("status=429", anthropic.RateLimitError, "rate_limit_error"),
        ("status=500", anthropic.InternalServerError, "api_error"),
        ("status=503", anthropic.ServiceUnavailableError, "api_error"),
        ("status=504", anthropic.GatewayTimeoutError, "timeout_error"),
        ("status=529", anthropic.OverloadedError, "overloaded_error"),
        ("status=500;type=overloaded_error", anthropic.InternalServerError, "overloaded_error"),
    ],
)
async def test_each_error_is_its_class(
    client: anthropic.AsyncAnthropic, script: str, expected: type[Exception], kind: str
):
    for stream in (False, True):
        error = await refusal(client, f"mock;{script}", stream=stream)
        assert type(error) is expected
        assert isinstance(error.body, dict)
        assert (error.body["type"], error.body["error"]["type"]) == ("error", kind)
        assert error.request_id == error.body["request_id"]


async def test_the_words_are_anthropics(client: anthropic.AsyncAnthropic):
    async def words(model: str) -> str:
        error = await refusal(client, model)
        assert isinstance(error.body, dict)
        return str(error.body["error"]["message"])

    assert await words("missing-model") == "model: missing-model"
    assert await words("mock;status=529") == "Overloaded"
    assert (
        await words("mock;error=context_length_exceeded") == "prompt is too long: 9000 tokens > 8192 maximum"
    )


async def test_a_wrong_key_is_refused_in_either_header(mock: MockServer):
    base_url = mock.url.removesuffix("/v1")
    for wrong in ({"api_key": "no"}, {"auth_token": "no"}):
        async with anthropic.AsyncAnthropic(base_url=base_url, max_retries=0, **wrong) as client:  # type: ignore[arg-type]
            error = await refusal(client, "mock")
        assert isinstance(error, anthropic.AuthenticationError)
        assert "invalid x-api-key" in str(error)
    async with anthropic.AsyncAnthropic(base_url=base_url, auth_token="sk-mock") as client:
        assert (await client.messages.count_tokens(model="mock", messages=USER)).input_tokens > 0


@pytest.mark.parametrize("version", [None, "", "2024-01-01"])
async def test_a_version_is_demanded(mock: MockServer, version: str | None):
    headers = {"x-api-key": "sk-mock"} | ({} if version is None else {"anthropic-version": version})
    async with httpx2.AsyncClient() as http:
        reply = await http.post(f"{mock.url}/messages", json={}, headers=headers)
    assert reply.status_code == 400
    assert reply.json()["error"]["message"].startswith("anthropic-version: ")


async def test_the_wrong_method_is_refused_in_anthropics_shape(mock: MockServer):
    headers = {"x-api-key": "sk-mock", "anthropic-version": "2023-06-01"}
    async with httpx2.AsyncClient() as http:
        reply = await http.get(f"{mock.url}/messages", headers=headers)
    assert (reply.status_code, reply.json()["type"]) == (405, "error")


async def test_retries_wait_as_told_and_then_succeed(mock: MockServer):
    mock.reset()
    base_url = mock.url.removesuffix("/v1")
    async with anthropic.AsyncAnthropic(base_url=base_url, api_key="sk-mock") as client:
        model = "mock;status=529;retry-after-ms=1;times=2"
        await client.messages.create(model=model, max_tokens=99, messages=USER)
    assert [request.status for request in mock.requests] == [529, 529, 200]


async def read_until_it_breaks(client: anthropic.AsyncAnthropic, model: str, seen: list[str]) -> None:
    """Puts the texts of a stream into `seen`."""
    async with client.messages.stream(model=model, max_tokens=99, messages=USER) as stream:
        async for text in stream.text_stream:
            seen.append(text)  # noqa: PERF401  # what came before the end must stay


async def test_an_error_in_a_stream_is_raised_after_its_tokens(client: anthropic.AsyncAnthropic):
    model = "mock;fault=error-event;error=overloaded_error;after=2"
    seen: list[str] = []
    with pytest.raises(anthropic.APIStatusError) as caught:
        await read_until_it_breaks(client, model, seen)
    assert seen == ["You", " said:"]
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["error"] == {"type": "overloaded_error", "message": "Overloaded"}
    assert caught.value.body["request_id"].startswith("req_mock-")


@pytest.mark.parametrize("fault", ["cut", "rst-mid"])
async def test_a_cut_stream_is_an_error_after_its_tokens(client: anthropic.AsyncAnthropic, fault: str):
    seen: list[str] = []
    with pytest.raises((anthropic.APIConnectionError, httpx2.TransportError)):
        await read_until_it_breaks(client, f"mock;fault={fault};after=2", seen)
    assert seen == ["You", " said:"]


async def test_a_stream_that_ends_early_but_cleanly_has_no_stop_reason(client: anthropic.AsyncAnthropic):
    """The package does not notice; who reads the stop reason does."""
    async with client.messages.stream(model="mock;fault=eof;after=2", max_tokens=99, messages=USER) as stream:
        events = [event.type async for event in stream]
    assert "message_stop" not in events
    assert stream.current_message_snapshot.stop_reason is None


async def test_no_done_lacks_the_message_stop_only(client: anthropic.AsyncAnthropic):
    stream = await client.messages.create(
        model="mock;fault=no-done", max_tokens=99, messages=USER, stream=True
    )
    events = [event.type async for event in stream]
    assert (events[-1], "message_stop" in events) == ("message_delta", False)


async def test_pings_break_a_silence(mock: MockServer):
    """The package drops them, so they are counted in the bytes."""
    headers = {"x-api-key": "sk-mock", "anthropic-version": "2023-06-01"}
    body = {"model": "mock;ttft=20;ping=5", "max_tokens": 9, "stream": True, "messages": USER}
    async with httpx2.AsyncClient() as http:
        reply = await http.post(f"{mock.url}/messages", json=body, headers=headers)
    assert reply.text.count("event: ping\n") >= 3
    assert reply.headers["request-id"].startswith("req_")


async def test_malformed_json_in_a_stream_is_raised(client: anthropic.AsyncAnthropic):
    stream = await client.messages.create(
        model="mock;fault=malformed-json;after=1", max_tokens=99, messages=USER, stream=True
    )
    with pytest.raises(json.JSONDecodeError):
        async for _ in stream:
            pass
