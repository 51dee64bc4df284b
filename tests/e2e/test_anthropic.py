"""An OpenAI client, the whole gateway, and a server that answers as Anthropic's does."""

import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import openai
import pytest
import pytest_asyncio
from openai import AsyncOpenAI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.support.conformance import FIXTURES, WEATHER, fixture
from tests.support.gateway import KEY, route, running, target
from tests.support.http_server import serving

FOLDER = FIXTURES / "anthropic"
ASK: Any = [{"role": "user", "content": "How cold is it in Oslo?"}]


@dataclass
class Anthropics:
    """The server: what it answers with, and what it was sent."""

    answers: list[str] = field(default_factory=list)  # names of fixtures, in order
    asked: list[tuple[dict[str, str], dict[str, Any]]] = field(default_factory=list)

    async def messages(self, request: Request) -> Response:
        body = await request.json()
        self.asked.append((dict(request.headers), body))
        name = self.answers.pop(0)
        if error := fixture("anthropic", "errors").get(name):
            return Response(json.dumps(error["body"]), error["status"], media_type="application/json")
        if body.get("stream"):
            return Response((FOLDER / f"streams/{name}.sse").read_bytes(), media_type="text/event-stream")
        return Response((FOLDER / f"replies/{name}.json").read_bytes(), media_type="application/json")


@asynccontextmanager
async def clouds(anthropics: Anthropics) -> AsyncIterator[AsyncOpenAI]:
    """A client of a gateway with the routes `claude`, and `both`, which falls back to the mock."""
    app = Starlette(routes=[Route("/v1/messages", anthropics.messages, methods=["POST"])])
    async with serving(app) as port:
        claude = {
            "name": "claude",
            "provider": "anthropic",
            "apiBase": f"http://127.0.0.1:{port}",
            "modelName": "claude-sonnet-4-5",
            "credentialsRef": "key",
            "maxRetries": 0,
        }
        stores = {"key": {"type": "simple", "source": "env", "config": {"apiKeyVar": "ANTHROPIC_API_KEY"}}}
        models = {"claude": route(claude), "both": route(claude, target("other"))}
        environ = {"ANTHROPIC_API_KEY": "sk-ant-1"}
        async with (
            running(models, environ=environ, credentialStores=stores) as gateway,
            AsyncOpenAI(base_url=f"{gateway.http}/v1", api_key=KEY, max_retries=0) as client,
        ):
            yield client


@pytest_asyncio.fixture
async def anthropics() -> Anthropics:
    return Anthropics()


async def test_a_chat_is_a_message_with_the_key_in_its_own_header(anthropics: Anthropics) -> None:
    anthropics.answers = ["text"]
    async with clouds(anthropics) as client:
        answer = await client.chat.completions.create(model="claude", messages=ASK, max_tokens=9)
    ((headers, body),) = anthropics.asked
    assert (headers["x-api-key"], headers["anthropic-version"]) == ("sk-ant-1", "2023-06-01")
    assert "authorization" not in headers
    assert body == {"model": "claude-sonnet-4-5", "max_tokens": 9, "messages": ASK}
    assert answer.choices[0].message.content == "Hello there!"
    assert answer.usage is not None
    assert (answer.model, answer.usage.total_tokens) == ("claude", 15)
    assert answer.created > 1_700_000_000


async def test_a_stream_is_one_for_the_openai_client(anthropics: Anthropics) -> None:
    anthropics.answers = ["parallel_calls"]
    async with (
        clouds(anthropics) as client,
        client.chat.completions.stream(
            model="claude", messages=ASK, tools=[WEATHER], stream_options={"include_usage": True}
        ) as stream,
    ):
        answer = await stream.get_final_completion()
    message = answer.choices[0].message
    assert message.content == "Both:"
    assert [(c.id, json.loads(c.function.arguments)) for c in message.tool_calls or ()] == [
        ("toolu_1", {"city": "Oslo"}),
        ("toolu_2", {"city": "Rome", "days": 2}),
    ]
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 10


@pytest.mark.parametrize("stream", [False, True])
async def test_thinking_between_calls_comes_back_to_anthropic_as_it_left(
    anthropics: Anthropics, stream: bool
) -> None:
    anthropics.answers = ["interleaved_thinking", "text"]
    async with clouds(anthropics) as client:
        if stream:
            extra: dict[str, Any] = {}
            calls: dict[int, dict[str, Any]] = {}
            async for chunk in await client.chat.completions.create(
                model="claude", messages=ASK, tools=[WEATHER], stream=True
            ):
                for choice in chunk.choices:
                    extra |= choice.delta.model_extra or {}
                    for piece in choice.delta.tool_calls or ():
                        assert piece.function is not None
                        made = calls.setdefault(piece.index, {"id": piece.id, "type": "function"})
                        told = made.setdefault("function", {"name": piece.function.name, "arguments": ""})
                        told["arguments"] += piece.function.arguments or ""
            message: Any = {"role": "assistant", "content": None, "tool_calls": list(calls.values()), **extra}
        else:
            first = await client.chat.completions.create(model="claude", messages=ASK, tools=[WEATHER])
            message = first.choices[0].message.model_dump(exclude_none=True)
        results: Any = [
            {"role": "tool", "tool_call_id": call["id"], "content": "4"} for call in message["tool_calls"]
        ]
        await client.chat.completions.create(
            model="claude", messages=[*ASK, message, *results], tools=[WEATHER]
        )
    (_, body) = anthropics.asked[1]
    assert (
        body["messages"][1]["content"]
        == json.loads((FOLDER / "replies/interleaved_thinking.json").read_bytes())["content"]
    )


async def test_what_claude_cannot_do_is_refused_by_name_or_done_by_another(anthropics: Anthropics) -> None:
    async with clouds(anthropics) as client:
        with pytest.raises(openai.BadRequestError) as caught:
            await client.chat.completions.create(model="claude", messages=ASK, n=2)
        assert (caught.value.param, caught.value.code) == ("n", "unsupported_parameter")
        answer = await client.chat.completions.create(model="both", messages=ASK, n=2)
    assert len(answer.choices) == 2
    assert not anthropics.asked


@pytest.mark.parametrize("stream", [False, True])
async def test_an_overloaded_claude_is_passed_over(anthropics: Anthropics, stream: bool) -> None:
    anthropics.answers = ["overloaded"]
    async with clouds(anthropics) as client:
        answer = await client.chat.completions.create(model="both", messages=ASK, stream=stream)  # type: ignore[call-overload]
        if stream:
            assert [chunk async for chunk in answer]
    assert len(anthropics.asked) == 1


async def test_an_error_in_the_middle_of_a_stream_reaches_the_caller(anthropics: Anthropics) -> None:
    anthropics.answers = ["overloaded_stream"]
    said = io.StringIO()

    async def listen() -> None:
        async with clouds(anthropics) as client:
            async for chunk in await client.chat.completions.create(
                model="claude", messages=ASK, stream=True
            ):
                said.write(chunk.choices[0].delta.content or "")

    with pytest.raises(openai.APIError) as caught:
        await listen()
    assert said.getvalue() == "Hello there!"
    assert caught.value.code == "stream_interrupted"
