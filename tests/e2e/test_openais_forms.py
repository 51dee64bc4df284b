"""Requests in forms that OpenAI takes and Claude's API refuses, at strict mocks of those who serve Claude.

An answer is a verdict: the mock refuses what Anthropic, Google and Bedrock refuse. What had to be changed is
told; where the route is strict, the target refuses by name and the next one, of OpenAI's API, serves.
"""

import json
from collections.abc import AsyncIterator
from typing import Any, Final

import openai
import pytest
import pytest_asyncio

from switch_grpc.mock import MockServer
from tests.support.conformance import PLACE, TEAM, WEATHER
from tests.support.gateway import KEY, route, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

SERVED: Final = {
    "anthropic": ("claude-sonnet-4-5", {"credentialsRef": "key"}),
    "vertex": ("claude-sonnet-4-5@20250929", {"credentialsRef": "key"}),
    "bedrock": ("claude-sonnet-4-5", {"credentialsRef": "aws", "regions": ["us-east-1"]}),
    "gemini": ("gemini-2.5-flash", {"credentialsRef": "key"}),
}
CLAUDES: Final = ("anthropic", "vertex", "bedrock")
STORES: Final = {
    "key": {"type": "simple", "config": {"apiKeyVar": "K"}},
    "aws": {"type": "aws", "config": {"bedrockApiKeyVar": "K"}},
}
HELLO: Final[dict[str, Any]] = {"role": "user", "content": "Hello there"}
TOOL: Final = {"type": "function", "function": PLACE}
STRICT: Final = {
    "type": "function",
    "function": {
        "name": "hire",
        "strict": True,
        "parameters": {"type": "object", "properties": {"age": {"type": "integer", "minimum": 18}}},
    },
}
MAP: Final = {"type": "object", "additionalProperties": {"type": "integer"}}
COUNT: Final = {
    "type": "function",
    "function": {
        "name": "count",
        "strict": True,
        "parameters": {"type": "object", "properties": {"each": MAP}},
    },
}


def called() -> list[dict[str, Any]]:
    """A conversation that begins with a call and its result."""
    call = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
    return [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "4 °C"},
    ]


def schema(of: object) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": of}}


# By name: the request, and how what is told of it begins.
FORMS: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "bounds of an answer": (
        {"response_format": schema(TEAM)},
        "`maxLength`, `minimum`, `minItems` of the answer's schema said in descriptions: ",
    ),
    "bounds of a strict tool": ({"tools": [STRICT]}, "`minimum` of the tool hire said in descriptions: "),
    "a strict tool that cannot be": ({"tools": [COUNT]}, "strict left out of the tool count: "),
    "alternatives": ({"tools": [TOOL]}, "`anyOf` of the tool go said in its description: "),
    "a blank stop": ({"stop": ["\n\n", "END"]}, "stop of white space alone left out: "),
    "space at the end": (
        {"messages": [HELLO, {"role": "assistant", "content": "You said: "}]},
        "white space at the end of the last message left out: ",
    ),
    "a forced tool": (
        {"reasoning_effort": "low", "tools": [WEATHER], "tool_choice": "required"},
        "reasoning_effort left out: ",
    ),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mock() -> AsyncIterator[MockServer]:
    async with MockServer() as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(mock: MockServer) -> AsyncIterator[openai.AsyncOpenAI]:
    root = mock.url.removesuffix("/v1")
    gpt = {"name": "gpt", "provider": "openai", "modelName": "gpt-5", "apiBase": mock.url}
    models: dict[str, Any] = {}
    for provider, (model, more) in SERVED.items():
        at = {"name": provider, "provider": provider, "modelName": model, "apiBase": root, "maxRetries": 0}
        models[provider] = route({**at, **more})
        second = {**gpt, "credentialsRef": "key"}
        models[f"strict {provider}"] = route({**at, **more}, second, parameters="strict")
        models[f"{provider} or gpt"] = route({**at, **more}, second)
    models["gpt"] = route({**gpt, "credentialsRef": "key"})
    async with (
        running(models, environ={"K": "sk-1"}, credentialStores=STORES) as gateway,
        openai.AsyncOpenAI(base_url=f"{gateway.http}/v1", api_key=KEY, max_retries=0) as sdk,
    ):
        yield sdk


async def ask(client: openai.AsyncOpenAI, model: str, **request: Any) -> tuple[str, list[str]]:
    """Which target answered, and what it was told to have changed; the stream says the same."""
    asked: Any = {"messages": [HELLO], **request}
    raw = await client.chat.completions.with_raw_response.create(model=model, **asked)
    whole = raw.parse().choices[0]
    text, ended = "", ""
    async for chunk in await client.chat.completions.create(model=model, stream=True, **asked):
        for choice in chunk.choices:
            text += choice.delta.content or ""
            ended = choice.finish_reason or ended
    assert (text, ended) == (whole.message.content or "", whole.finish_reason)
    told = raw.headers.get("x-switch-adaptations", "")
    return raw.headers["x-used-provider"], told.split("; ") if told else []


@pytest.mark.parametrize("provider", CLAUDES)
@pytest.mark.parametrize("form", FORMS)
async def test_claude_answers_and_what_was_changed_is_told(
    client: openai.AsyncOpenAI, provider: str, form: str
):
    request, begins = FORMS[form]
    served, told = await ask(client, provider, **request)
    assert served == provider
    assert told[0].startswith(begins)


@pytest.mark.parametrize("provider", CLAUDES)
@pytest.mark.parametrize("form", FORMS)
async def test_a_strict_route_leaves_it_to_the_next(client: openai.AsyncOpenAI, provider: str, form: str):
    served, told = await ask(client, f"strict {provider}", **FORMS[form][0])
    assert (served, told) == ("gpt", [])


@pytest.mark.parametrize("form", FORMS)
async def test_gemini_takes_them_as_they_are(client: openai.AsyncOpenAI, form: str):
    assert await ask(client, "strict gemini", **FORMS[form][0]) == ("gemini", [])


SYSTEM: Final[dict[str, Any]] = {"role": "system", "content": "Say hi."}
BLANK: Final[dict[str, Any]] = {"role": "user", "content": " "}
COUNTED: Final[dict[str, Any]] = {"role": "assistant", "content": "1, 2"}


@pytest.mark.parametrize(
    "messages", [[SYSTEM], [SYSTEM, BLANK], [BLANK, HELLO], [HELLO, COUNTED, BLANK, HELLO]]
)
@pytest.mark.parametrize("provider", SERVED)
async def test_system_messages_alone_and_blank_turns_are_served_as_by_openai(
    client: openai.AsyncOpenAI, provider: str, messages: list[dict[str, Any]]
):
    assert await ask(client, f"strict {provider}", messages=messages) == (provider, [])


@pytest.mark.parametrize(
    ("provider", "messages", "says"),
    [
        *((each, [HELLO, COUNTED, BLANK], '"." said for the last message: ') for each in CLAUDES),
        ("gemini", [HELLO, COUNTED, {"role": "user", "content": ""}], '"." said for the last message: '),
        *((each, [COUNTED, HELLO], '"." said before the assistant: ') for each in ("bedrock", "gemini")),
        *((each, called(), '"." said before the assistant: ') for each in ("bedrock", "gemini")),
    ],
)
async def test_the_user_is_given_words_where_a_provider_wants_some(
    client: openai.AsyncOpenAI, provider: str, messages: list[dict[str, Any]], says: str
):
    served, told = await ask(client, provider, messages=messages, tools=[WEATHER])
    assert served == provider
    assert told[0].startswith(says)
    assert await ask(client, f"strict {provider}", messages=messages, tools=[WEATHER]) == ("gpt", [])


@pytest.mark.parametrize("provider", [*SERVED, "gpt"])
async def test_older_functions_are_called_and_answered(client: openai.AsyncOpenAI, provider: str):
    functions: Any = [WEATHER["function"]]
    asked: Any = {"model": provider, "functions": functions, "function_call": {"name": "get_weather"}}
    whole = (await client.chat.completions.create(messages=[HELLO], **asked)).choices[0]  # type: ignore[list-item]
    called = whole.message.function_call
    assert called is not None
    assert (whole.message.tool_calls, called.name) == (None, "get_weather")
    assert whole.finish_reason in ("function_call", "stop")  # OpenAI: stop, where one must be called
    name, arguments = "", ""
    async for chunk in await client.chat.completions.create(messages=[HELLO], stream=True, **asked):  # type: ignore[list-item]
        for choice in chunk.choices:
            if choice.delta.function_call is not None:
                name += choice.delta.function_call.name or ""
                arguments += choice.delta.function_call.arguments or ""
    assert (name, arguments) == (called.name, called.arguments)
    back = whole.message.model_dump(exclude_none=True)
    result = {"role": "function", "name": name, "content": "4 °C"}
    asked["function_call"] = "auto"
    last = await client.chat.completions.create(messages=[HELLO, back, result], **asked)  # type: ignore[list-item]
    assert last.choices[0].message.content


@pytest.mark.parametrize("provider", SERVED)
async def test_where_nothing_is_said_the_next_may_serve(client: openai.AsyncOpenAI, provider: str):
    nothing = [{"role": "user", "content": ""}]
    assert (await ask(client, f"{provider} or gpt", messages=nothing))[0] == "gpt"
    with pytest.raises(openai.BadRequestError, match="nothing is said"):
        await ask(client, provider, messages=nothing)


@pytest.mark.parametrize("provider", SERVED)
async def test_a_stop_that_asks_for_nothing_is_none(
    client: openai.AsyncOpenAI, mock: MockServer, provider: str
):
    assert await ask(client, f"strict {provider}", stop="") == (provider, [])
    assert "stop" not in json.dumps(json.loads(mock.requests[-1].body)).lower()


@pytest.mark.parametrize(
    ("provider", "request_", "param"),
    [
        *((each, {"response_format": schema(MAP)}, "response_format") for each in CLAUDES),
        *((each, {"tools": [{"type": "function", "function": {"name": "a.b"}}]}, "name") for each in CLAUDES),
        ("gemini", {"tools": [{"type": "function", "function": {"name": "3d"}}]}, "name"),
    ],
)
async def test_what_has_no_form_there_is_served_by_the_next_or_refused_by_name(
    client: openai.AsyncOpenAI, provider: str, request_: dict[str, Any], param: str
):
    assert (await ask(client, f"{provider} or gpt", **request_))[0] == "gpt"
    with pytest.raises(openai.BadRequestError) as refused:
        await ask(client, provider, **request_)
    assert str(refused.value.param).endswith(param)
