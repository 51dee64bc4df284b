"""One conversation with tools, images and reasoning that moves from vendor to vendor between its turns.

The client knows nothing of it: OpenAI's own, it appends each answer as it came (`message.model_dump()`) and
sends the lot to the next. Whoever serves the turn gets the whole conversation, in a request that it accepts,
with nothing in it that only another one understands.
"""

import itertools
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import pytest
import pytest_asyncio
from anthropic.types import message_create_params
from openai import AsyncOpenAI
from openai.types.chat import completion_create_params
from pydantic import TypeAdapter, ValidationError

from switch_grpc.mock import MockServer
from switch_grpc.v1 import admin_pb2
from tests.support.bedrock import check_request, model_in
from tests.support.callers import Caller, calling
from tests.support.conformance import PNG
from tests.support.conversations import READERS, Row, of_openai
from tests.support.gateway import KEY, Running, route, running

OPEN, CLOSED = admin_pb2.BreakerOverride.MODE_FORCE_OPEN, admin_pb2.BreakerOverride.MODE_FORCE_CLOSED


@dataclass(frozen=True, slots=True)
class Place:
    """A target of the route: what it speaks, and which model it has at the mock."""

    provider: str
    dialect: str
    model: str
    more: Mapping[str, Any] = field(default_factory=dict)


PLACES: Final = {
    "openai": Place("openai", "openai", "gpt-4.1-mini"),
    "anthropic": Place("anthropic", "anthropic", "claude-sonnet-4-5"),
    "claude": Place("anthropic", "anthropic", "claude-opus-4-8"),  # thinks as it likes, not by a budget
    "bedrock": Place("bedrock", "converse", "claude-haiku-4-5", {"regions": ["us-east-1"]}),
    "gemini": Place("gemini", "gemini", "gemini-3-pro-preview"),
    "deepseek": Place("deepseek", "openai", "deepseek-chat;reasoning"),
    "mistral": Place("mistral", "openai", "mistral-large-latest"),
    "groq": Place("groq", "openai", "llama-3.3-70b-versatile"),
    "vllm": Place("vllm", "openai", "qwen3;reasoning"),
}
STORES = {
    "key": {"type": "simple", "config": {"apiKeyVar": "K"}},
    "aws": {"type": "aws", "config": {"bedrockApiKeyVar": "K"}},
}
TOOLS: Any = [
    {
        "type": "function",
        "function": {
            "name": name,
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 2}},
                "required": ["city", "days"],
            },
        },
    }
    for name in ("get_weather", "get_time")
]
SYSTEM = {"role": "system", "content": "Be brief."}
QUESTION = "Call get_weather and get_time for what you see."
ASKED: dict[str, Any] = {
    "role": "user",
    "content": [
        {"type": "text", "text": QUESTION},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
    ],
}


@dataclass
class Moving:
    """A conversation under way at one gateway."""

    mock: MockServer
    client: AsyncOpenAI
    admin: Caller
    stream: bool
    parameters: dict[str, Any]
    at: str  # the one place that may be asked now
    messages: list[Any] = field(default_factory=lambda: [SYSTEM, ASKED])

    async def turn(self, name: str) -> dict[str, Any]:
        """The next answer, by the place of that name; what it was asked, which is checked before."""
        asked = list(self.messages)
        body, message = await self.answered(name)
        assert rows(READERS[PLACES[name].dialect](body)) == rows(of_openai({"messages": asked}))
        self._append(message)
        return body

    async def answered(self, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """What the place of that name was asked, which its types accept, and what it answered."""
        if name != self.at:
            await self.admin.override("all", name, CLOSED)
            await self.admin.override("all", self.at, OPEN)
            self.at = name
        before = len(self.mock.requests)
        message = await self._ask()
        (request,) = self.mock.requests[before:]
        assert request.path.startswith(f"/{name}/")
        body: dict[str, Any] = json.loads(request.body)
        accept(PLACES[name], body, request.path)
        return body, message

    async def _ask(self) -> dict[str, Any]:
        given: Any = {"model": "all", "messages": self.messages, "tools": TOOLS, **self.parameters}
        if not self.stream:
            answer = await self.client.chat.completions.create(**given)
            return answer.choices[0].message.model_dump()
        async with self.client.chat.completions.stream(**given) as stream:
            final = await stream.get_final_completion()
        return final.choices[0].message.model_dump()

    def _append(self, message: dict[str, Any]) -> None:
        """The answer as it came, and what the caller says to it: results, or the next question."""
        self.messages.append(message)
        calls = message["tool_calls"] or ()
        for number, call in enumerate(calls):
            told = f"{call['function']['name']} says {len(self.messages)}.{number}"
            self.messages.append({"role": "tool", "tool_call_id": call["id"], "content": told})
        if not calls:
            self.messages.append(ASKED)


def rows(told: list[Row]) -> list[Row]:
    """Results in the order of their calls: vendors differ in it, and it means nothing."""
    groups = itertools.groupby(told, key=lambda row: row[0])
    return [row for kind, some in groups for row in (sorted(some) if kind == "result" else some)]


# -- what the vendors' own packages say of a request --


@cache
def adapter_of(dialect: str) -> TypeAdapter[Any]:
    return TypeAdapter(TYPES[dialect])


TYPES: dict[str, Any] = {
    "openai": completion_create_params.CompletionCreateParams,
    "anthropic": message_create_params.MessageCreateParams,
}
OWN = {"role", "content", "name", "refusal", "audio", "function_call", "tool_calls", "tool_call_id"}


def accept(place: Place, body: dict[str, Any], path: str) -> None:
    """Raises where the request is not what the vendor's types say; the mock has already taken it."""
    match place.dialect:
        case "anthropic":
            read("anthropic", body)
        case "converse":
            check_request("ConverseStream" if path.endswith("stream") else "Converse", model_in(path), body)
        case "openai" if place.provider in ("openai", "groq"):
            read("openai", body)
            for message in body["messages"]:
                assert message.keys() <= OWN
                assert all(
                    call.keys() == {"id", "type", "function"} for call in message.get("tool_calls", ())
                )


def read(dialect: str, body: Any) -> None:
    def force(value: Any) -> Any:
        """All of it: pydantic reads an Iterable only as it is used."""
        if isinstance(value, dict):
            return {name: force(item) for name, item in value.items()}
        return (
            value if isinstance(value, str | bytes | int | float | None) else [force(item) for item in value]
        )

    try:
        force(adapter_of(dialect).validate_python(body))
    except ValidationError as error:
        raise AssertionError(str(error)) from error


# -- the gateway --


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def live() -> AsyncIterator[tuple[MockServer, Running]]:
    async with AsyncExitStack() as stack:
        mock = await stack.enter_async_context(MockServer())
        root = mock.url.removesuffix("/v1")
        targets = [
            {
                "name": name,
                "provider": place.provider,
                "modelName": place.model,
                "apiBase": f"{root}/{name}" + ("/v1" if place.dialect in ("openai", "anthropic") else ""),
                "credentialsRef": "aws" if place.provider == "bedrock" else "key",
                "maxRetries": 0,
                **place.more,
            }
            for name, place in PLACES.items()
        ]
        models = {"all": route(*targets)}
        gateway = await stack.enter_async_context(
            running(models, environ={"K": "sk-1"}, credentialStores=STORES)
        )
        yield mock, gateway


@pytest_asyncio.fixture(loop_scope="module")
async def begin(live: tuple[MockServer, Running]) -> AsyncIterator[Any]:
    mock, gateway = live
    async with (
        AsyncOpenAI(base_url=f"{gateway.http}/v1", api_key=KEY, max_retries=0) as client,
        calling(gateway) as admin,
    ):
        first, *others = PLACES
        await admin.override("all", first, CLOSED)
        for other in others:
            await admin.override("all", other, OPEN)

        def made(*, stream: bool = False, **parameters: Any) -> Moving:
            return Moving(mock, client, admin, stream, parameters, first)

        yield made


REASONING: Final = {"reasoning_effort": "low", "max_completion_tokens": 8_000}
PAIRS = list(itertools.permutations(("openai", "anthropic", "bedrock", "gemini"), 2))
ways = pytest.mark.parametrize("stream", [False, True], ids=["unary", "stream"])
pytestmark = pytest.mark.asyncio(loop_scope="module")


@ways
@pytest.mark.parametrize(("one", "other"), PAIRS, ids=["-".join(pair) for pair in PAIRS])
async def test_a_conversation_moves_there_and_back(begin: Any, one: str, other: str, stream: bool) -> None:
    """Between a call and its result, and between an answer and the next question."""
    moving = begin(stream=stream, **REASONING)
    for name in (one, other, other, one, one, other):
        await moving.turn(name)
    assert sum(len(message.get("tool_calls") or ()) for message in moving.messages) == 6


@ways
@pytest.mark.parametrize("reasoning", [REASONING, {}], ids=["reasoning", "plain"])
async def test_a_conversation_goes_round_all_vendors(
    begin: Any, reasoning: dict[str, Any], stream: bool
) -> None:
    moving = begin(stream=stream, **reasoning)
    places = [name for name in PLACES if not (reasoning and name in ("mistral", "groq"))]
    for name in [*places, *places]:
        await moving.turn(name)
    assert len(moving.messages) > 3 * len(places)


def marks(value: Any, name: str) -> list[Any]:
    """The values of all members of a name, wherever."""
    if isinstance(value, list):
        return [found for item in value for found in marks(item, name)]
    if not isinstance(value, dict):
        return []
    own = [value[name]] if name in value else []
    return own + [found for item in value.values() for found in marks(item, name)]


@ways
async def test_signed_thinking_goes_back_to_claude_on_any_cloud_and_to_nobody_else(
    begin: Any, stream: bool
) -> None:
    moving = begin(stream=stream, **REASONING)
    await moving.turn("anthropic")
    (thought,) = marks(moving.messages[2], "thinking_blocks")[0]
    assert thought["signature"]
    back = await moving.turn("bedrock")
    assert marks(back, "reasoningText") == [{"text": thought["thinking"], "signature": thought["signature"]}]
    for name in ("openai", "gemini", "deepseek", "vllm"):
        assert thought["signature"] not in json.dumps(await moving.turn(name))
    again = await moving.turn("anthropic")
    signed = {block["signature"]: block["thinking"] for block in thoughts(again)}
    assert signed[thought["signature"]] == thought["thinking"]
    assert len(signed) == 2  # and what Bedrock's Claude thought


def thoughts(body: dict[str, Any]) -> list[dict[str, Any]]:
    blocks = [block for turn in body["messages"] for block in turn["content"] if isinstance(block, dict)]
    return [block for block in blocks if block["type"] == "thinking"]


@ways
async def test_thought_signatures_go_back_to_gemini_and_to_nobody_else(begin: Any, stream: bool) -> None:
    moving = begin(stream=stream, **REASONING)
    await moving.turn("gemini")
    (signature, *_) = marks(moving.messages[2], "thought_signature")
    for name in ("openai", "anthropic", "bedrock", "deepseek", "vllm", "claude"):
        assert signature not in json.dumps(await moving.turn(name))
    back = await moving.turn("gemini")
    assert signature in marks(back, "thoughtSignature")


@ways
async def test_a_picture_in_a_result_is_seen_by_all(begin: Any, stream: bool) -> None:
    """Also by those who take one from the user alone, by the types of OpenAI's package."""
    moving = begin(stream=stream)
    _, answer = await moving.answered("openai")
    moving.messages.append(answer)
    for call in answer["tool_calls"]:
        picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
        result = {"role": "tool", "tool_call_id": call["id"], "content": [picture]}
        moving.messages.append(result)
    for name in PLACES:
        if name != "mistral":  # which takes it in a result, unlike the mock
            body, _ = await moving.answered(name)
            assert json.dumps(body).count(PNG) == 3


@ways
async def test_plain_reasoning_goes_to_those_who_read_it(begin: Any, stream: bool) -> None:
    moving = begin(stream=stream, **REASONING)
    await moving.turn("deepseek")
    thought = moving.messages[2]["reasoning_content"]
    assert thought
    for name in ("openai", "anthropic", "bedrock", "gemini"):
        assert thought not in marks(await moving.turn(name), "reasoning_content")
    assert marks(await moving.turn("deepseek"), "reasoning_content")[0] == thought
    assert marks(await moving.turn("vllm"), "reasoning")[0] == thought


async def test_claude_does_not_think_on_with_another_ones_calls(begin: Any) -> None:
    """By a budget it refuses to; from the next question on it thinks again."""
    moving = begin(**REASONING)
    await moving.turn("openai")
    assert "thinking" not in await moving.turn("anthropic")
    await moving.turn("openai")
    assert marks(await moving.turn("claude"), "thinking") == [{"type": "adaptive", "display": "summarized"}]
    assert "thinking" in await moving.turn("anthropic")
