"""The unmodified google-genai package, pointed straight at the mock, accepts all that it says."""

import asyncio
import base64
import json
import math
import ssl
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import httpx
import pytest
from google.oauth2.credentials import Credentials
from pydantic import BaseModel

from switch_grpc.mock import MockServer
from tests.support.google_sdk import errors, genai, types

# The package's own: how it makes its session.
pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")

KEY = "AIza-mock"
HELLO = "Hello there, mock"
WEATHER = types.FunctionDeclaration(
    name="get_weather",
    parameters=types.Schema(
        type=types.Type.OBJECT,
        properties={
            "city": types.Schema(type=types.Type.STRING),
            "unit": types.Schema(type=types.Type.STRING, enum=["celsius", "fahrenheit"]),
            "days": types.Schema(
                type=types.Type.ARRAY,
                min_items=1,
                items=types.Schema(type=types.Type.INTEGER, minimum=1, maximum=7),
            ),
        },
        required=["city", "unit", "days"],
    ),
)
CLOCK = types.FunctionDeclaration(
    name="get_time",
    parameters_json_schema={
        "type": "object",
        "properties": {"zone": {"type": "string"}},
        "required": ["zone"],
    },
)
TOOLS: Any = [types.Tool(function_declarations=[WEATHER, CLOCK])]
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


class Person(BaseModel):
    """What a structured answer has to be."""

    name: str
    age: int
    likes: list[str]


# No TLS here: without this each client would read the machine's authorities three times.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def options(mock: MockServer, **more: Any) -> types.HttpOptions:
    return types.HttpOptions(
        base_url=f"http://127.0.0.1:{mock.port}",
        client_args={"verify": NO_TLS},
        async_client_args={"ssl": NO_TLS},
        **more,
    )


@pytest.fixture
async def mock() -> AsyncIterator[MockServer]:
    async with MockServer(key=KEY) as server:
        yield server


@pytest.fixture
async def client(mock: MockServer) -> AsyncIterator[genai.Client]:
    sdk = genai.Client(vertexai=False, api_key=KEY, http_options=options(mock))
    yield sdk
    await sdk.aio.aclose()
    sdk.close()


@pytest.fixture
async def vertex(mock: MockServer) -> AsyncIterator[genai.Client]:
    token: Any = Credentials(token=KEY)  # type: ignore[no-untyped-call]  # google-auth has no types here
    sdk = genai.Client(
        vertexai=True, project="p", location="europe-west4", credentials=token, http_options=options(mock)
    )
    yield sdk
    await sdk.aio.aclose()
    sdk.close()


def asked(mock: MockServer) -> Any:
    """The body of the last request."""
    return json.loads(mock.requests[-1].body)


def tokens(response: types.GenerateContentResponse) -> tuple[int | None, ...]:
    usage = response.usage_metadata
    assert usage is not None
    return (
        usage.prompt_token_count,
        usage.cached_content_token_count,
        usage.candidates_token_count,
        usage.thoughts_token_count,
        usage.total_token_count,
    )


def candidate(response: types.GenerateContentResponse, index: int = 0) -> types.Candidate:
    assert response.candidates is not None
    return response.candidates[index]


def parts(response: types.GenerateContentResponse) -> list[types.Part]:
    content = candidate(response).content
    assert content is not None
    return content.parts or []


async def streamed(sdk: genai.Client, **fields: Any) -> list[types.GenerateContentResponse]:
    return [chunk async for chunk in await sdk.aio.models.generate_content_stream(**fields)]


# -- text --


async def test_a_reply_has_text_usage_and_ids(mock: MockServer, client: genai.Client) -> None:
    reply = await client.aio.models.generate_content(model="mock", contents=HELLO)
    assert reply.text is not None
    assert reply.text.startswith("You said: Hello there, mock.")
    assert candidate(reply).finish_reason is types.FinishReason.STOP
    prompt, cached, said, thought, total = tokens(reply)
    assert prompt is not None
    assert said is not None
    assert (cached, thought, total) == (prompt // 4, None, prompt + said)
    assert (reply.model_version, reply.response_id) == ("mock", mock.requests[-1].id)


async def test_a_stream_says_what_the_whole_reply_says(client: genai.Client) -> None:
    fields: Any = {
        "model": "mock",
        "contents": HELLO,
        "config": types.GenerateContentConfig(
            thinking_config=types.ThinkingConfig(include_thoughts=True), candidate_count=2
        ),
    }
    whole = await client.aio.models.generate_content(**fields)
    chunks = await streamed(client, **fields)
    for index in range(2):
        heard = {True: "", False: ""}
        for chunk in chunks:
            for one in chunk.candidates or []:
                for part in (one.content and one.content.parts) or []:
                    if one.index == index:
                        heard[bool(part.thought)] += part.text or ""
        thought, said = (candidate(whole, index).content or types.Content()).parts or []
        assert (heard[True], heard[False]) == (thought.text, said.text)
    assert tokens(chunks[-1]) == tokens(whole)
    ends = [candidate(chunk).finish_reason for chunk in chunks]
    assert ends[-2:] == [types.FinishReason.STOP] * 2
    assert set(ends[:-2]) == {None}


async def test_the_synchronous_client_hears_the_same(client: genai.Client) -> None:
    def ask() -> tuple[str | None, str]:
        whole = client.models.generate_content(model="mock", contents=HELLO)
        chunks = client.models.generate_content_stream(model="mock", contents=HELLO)
        return whole.text, "".join(chunk.text or "" for chunk in chunks)

    whole, text = await asyncio.to_thread(ask)
    assert whole == text
    assert text.startswith("You said: Hello there, mock.")


async def test_a_chat_carries_its_turns(mock: MockServer, client: genai.Client) -> None:
    chat = client.aio.chats.create(
        model="mock", config=types.GenerateContentConfig(system_instruction="Be kind.")
    )
    first = await chat.send_message("My name is Ada")
    second = await chat.send_message("What is it?")
    assert second.text is not None
    assert second.text.startswith("You said: What is it?")
    sent = asked(mock)
    assert [turn["role"] for turn in sent["contents"]] == ["user", "model", "user"]
    assert sent["contents"][1]["parts"][0]["text"] == first.text
    assert sent["systemInstruction"]["parts"] == [{"text": "Be kind."}]


async def test_settings_are_honoured(client: genai.Client) -> None:
    def config(**settings: Any) -> types.GenerateContentConfig:
        return types.GenerateContentConfig(**settings)

    async def ask(**settings: Any) -> types.GenerateContentResponse:
        return await client.aio.models.generate_content(
            model="mock", contents=HELLO, config=config(**settings)
        )

    usual, seeded = await ask(), await ask(seed=7, temperature=0.5, top_p=0.9, top_k=40)
    assert usual.text != seeded.text == (await ask(seed=7)).text
    short = await ask(max_output_tokens=3)
    assert (short.text, candidate(short).finish_reason) == (
        "You said: Hello",
        types.FinishReason.MAX_TOKENS,
    )
    assert (await ask(stop_sequences=[" there"])).text == "You said: Hello"
    three = await ask(candidate_count=3)
    assert [one.index for one in three.candidates or []] == [0, 1, 2]
    assert len({str(one.content) for one in three.candidates or []}) == 3
    rated = await ask(
        safety_settings=[
            types.SafetySetting(
                category=types.HarmCategory.HARM_CATEGORY_HARASSMENT,
                threshold=types.HarmBlockThreshold.BLOCK_NONE,
            )
        ]
    )
    ratings = candidate(rated).safety_ratings or []
    assert {rating.probability for rating in ratings} == {types.HarmProbability.NEGLIGIBLE}


async def test_log_probabilities_are_of_each_token_in_both_forms(client: genai.Client) -> None:
    fields: Any = {
        "model": "mock",
        "contents": HELLO,
        "config": types.GenerateContentConfig(response_logprobs=True, logprobs=2),
    }
    whole = candidate(await client.aio.models.generate_content(**fields))
    assert whole.logprobs_result is not None
    chosen = [(one.token, one.log_probability) for one in whole.logprobs_result.chosen_candidates or []]
    assert "".join(token or "" for token, _ in chosen).startswith("You said:")
    tops = whole.logprobs_result.top_candidates or []
    assert [len(top.candidates or []) for top in tops] == [2] * len(chosen)
    assert whole.avg_logprobs is not None
    assert math.isclose(whole.avg_logprobs, sum(value or 0 for _, value in chosen) / len(chosen))
    heard = [
        (one.token, one.log_probability)
        for chunk in await streamed(client, **fields)
        if (result := candidate(chunk).logprobs_result) is not None
        for one in result.chosen_candidates or []
    ]
    assert heard == chosen


async def test_thoughts_are_shown_counted_or_absent_as_asked(client: genai.Client) -> None:
    async def ask(**config: Any) -> tuple[list[bool], int | None]:
        reply = await client.aio.models.generate_content(
            model="mock",
            contents=HELLO,
            config=types.GenerateContentConfig(thinking_config=types.ThinkingConfig(**config)),
        )
        return [bool(part.thought) for part in parts(reply)], tokens(reply)[3]

    shown, counted = await ask(include_thoughts=True, thinking_budget=1024)
    assert shown == [True, False]
    assert counted is not None
    assert counted > 0
    assert await ask(thinking_level=types.ThinkingLevel.LOW) == ([False], counted)
    assert await ask(thinking_budget=0) == ([False], None)


async def test_images_and_documents_are_seen_and_counted(client: genai.Client) -> None:
    contents: Any = [
        types.Part.from_bytes(data=PNG, mime_type="image/png"),
        types.Part.from_uri(file_uri="gs://bucket/photo.jpg", mime_type="image/jpeg"),
        types.Part.from_bytes(data=b"%PDF-1.7", mime_type="application/pdf"),
        "What is this?",
    ]
    reply = await client.aio.models.generate_content(model="mock", contents=contents)
    assert reply.text is not None
    assert reply.text.startswith("You said: What is this?. I see 2 images. I got 1 file.")
    usage = reply.usage_metadata
    assert usage is not None
    counts = {detail.modality: detail.token_count for detail in usage.prompt_tokens_details or []}
    assert set(counts) == {
        types.MediaModality.TEXT,
        types.MediaModality.IMAGE,
        types.MediaModality.DOCUMENT,
    }
    assert sum(count or 0 for count in counts.values()) == usage.prompt_token_count


async def test_what_is_filtered_and_what_is_blocked(client: genai.Client) -> None:
    filtered = await client.aio.models.generate_content(model="mock;filter", contents=HELLO)
    assert candidate(filtered).finish_reason is types.FinishReason.SAFETY
    assert [rating.blocked for rating in candidate(filtered).safety_ratings or []].count(True) == 1
    blocked = await client.aio.models.generate_content(model="mock;refusal", contents=HELLO)
    (chunk,) = await streamed(client, model="mock;refusal", contents=HELLO)
    for one in (blocked, chunk):
        assert one.candidates is None
        assert one.prompt_feedback is not None
        assert one.prompt_feedback.block_reason is types.BlockedReason.PROHIBITED_CONTENT
        assert one.usage_metadata is not None


# -- structure --


async def test_structured_answers_are_parsed(client: genai.Client) -> None:
    async def ask(**config: Any) -> types.GenerateContentResponse:
        return await client.aio.models.generate_content(
            model="mock", contents=HELLO, config=types.GenerateContentConfig(**config)
        )

    mime = "application/json"
    by_class = await ask(response_mime_type=mime, response_schema=Person)
    assert isinstance(by_class.parsed, Person)
    by_schema = await ask(response_mime_type=mime, response_json_schema=Person.model_json_schema())
    assert Person.model_validate_json(by_schema.text or "")
    assert json.loads((await ask(response_mime_type=mime)).text or "")
    enum = await ask(
        response_mime_type="text/x.enum",
        response_schema=types.Schema(type=types.Type.STRING, enum=["red", "green"]),
    )
    assert enum.text in ("red", "green")


# -- tools --


async def test_parallel_calls_and_their_results(mock: MockServer, client: genai.Client) -> None:
    user = types.Content(role="user", parts=[types.Part(text="Use get_weather and get_time.")])
    config = types.GenerateContentConfig(tools=TOOLS)
    first = await client.aio.models.generate_content(model="mock", contents=[user], config=config)
    calls = first.function_calls or []
    assert [call.name for call in calls] == ["get_weather", "get_time"]
    weather = calls[0].args or {}
    assert weather["unit"] in ("celsius", "fahrenheit")
    assert all(1 <= day <= 7 for day in weather["days"])
    assert all(call.id for call in calls)
    results = [
        types.Part(
            function_response=types.FunctionResponse(
                id=call.id, name=call.name, response={"output": f"result {k}"}
            )
        )
        for k, call in enumerate(calls)
    ]
    said = candidate(first).content
    assert said is not None
    turns: Any = [user, said, types.Content(role="user", parts=results)]
    second = await client.aio.models.generate_content(model="mock", contents=turns, config=config)
    assert second.text is not None
    assert second.text.startswith("The tool says: result 0; result 1.")
    assert asked(mock)["contents"][1]["role"] == "model"


async def test_a_streamed_call_is_that_of_the_whole_reply(client: genai.Client) -> None:
    fields: Any = {
        "model": "mock",
        "contents": "Use get_weather.",
        "config": types.GenerateContentConfig(tools=TOOLS),
    }
    whole = await client.aio.models.generate_content(**fields)
    chunks = await streamed(client, **fields)
    calls = [call for chunk in chunks for call in chunk.function_calls or []]
    assert calls == whole.function_calls
    assert tokens(chunks[-1]) == tokens(whole)


async def test_the_sdk_calls_functions_by_itself(client: genai.Client) -> None:
    heard: list[str] = []

    def get_city(person: str) -> str:
        """The city where a person lives."""
        heard.append(person)
        return "Bern"

    reply = await client.aio.models.generate_content(
        model="mock", contents="Use get_city.", config=types.GenerateContentConfig(tools=[get_city])
    )
    assert len(heard) == 1
    assert reply.text is not None
    assert reply.text.startswith("The tool says: Bern.")


async def test_the_calling_mode_is_obeyed(client: genai.Client) -> None:
    async def called(contents: str, **calling: Any) -> list[str | None]:
        config = types.GenerateContentConfig(
            tools=TOOLS,
            tool_config=types.ToolConfig(function_calling_config=types.FunctionCallingConfig(**calling)),
        )
        reply = await client.aio.models.generate_content(model="mock", contents=contents, config=config)
        return [call.name for call in reply.function_calls or []]

    mode = types.FunctionCallingConfigMode
    assert await called("Hello", mode=mode.AUTO) == []
    assert await called("Hello", mode=mode.ANY) == ["get_weather"]
    assert await called("Hello", mode=mode.ANY, allowed_function_names=["get_time"]) == ["get_time"]
    assert await called("Use get_time.", mode=mode.NONE) == []
    assert await called("get_time", mode=mode.VALIDATED, allowed_function_names=["get_weather"]) == []


async def test_the_third_generation_wants_its_signatures_back(client: genai.Client) -> None:
    """https://ai.google.dev/gemini-api/docs/thought-signatures"""
    chat = client.aio.chats.create(model="gemini-3-pro", config=types.GenerateContentConfig(tools=TOOLS))
    first = await chat.send_message("Use get_time.")
    (call,) = parts(first)
    assert call.thought_signature
    result = types.Part.from_function_response(name="get_time", response={"output": "noon"})
    assert ((await chat.send_message(result)).text or "").startswith("The tool says: noon.")
    call.thought_signature = None
    turns: Any = [
        types.Content(role="user", parts=[types.Part(text="Use get_time.")]),
        types.Content(role="model", parts=[call]),
        types.Content(role="user", parts=[result]),
    ]
    with pytest.raises(errors.ClientError, match="missing a thought_signature"):
        await client.aio.models.generate_content(
            model="gemini-3-pro", contents=turns, config=types.GenerateContentConfig(tools=TOOLS)
        )


# -- embeddings, counts, models --


async def test_embeddings_are_unit_vectors_of_the_size_that_was_asked(client: genai.Client) -> None:
    texts: Any = ["one", "two", "one"]
    reply = await client.aio.models.embed_content(
        model="gemini-embedding-001",
        contents=texts,
        config=types.EmbedContentConfig(output_dimensionality=8, task_type="RETRIEVAL_QUERY"),
    )
    one, two, again = [embedding.values or [] for embedding in reply.embeddings or []]
    assert one == again != two
    assert len(one) == 8
    assert math.isclose(math.fsum(value * value for value in one), 1, rel_tol=1e-6)


async def test_a_count_is_what_the_usage_will_say(client: genai.Client, vertex: genai.Client) -> None:
    for sdk in (client, vertex):
        counted = await sdk.aio.models.count_tokens(model="mock", contents=HELLO)
        reply = await sdk.aio.models.generate_content(model="mock", contents=HELLO)
        assert counted.total_tokens == tokens(reply)[0]


async def test_models_are_listed_in_pages_and_looked_up(client: genai.Client, vertex: genai.Client) -> None:
    listed = [one.name async for one in await client.aio.models.list(config={"page_size": 2})]
    assert listed == ["models/mock", "models/mock-fallback", "models/mock-embedding"]
    found = await client.aio.models.get(model="gemini-2.5-flash")
    assert (found.name, found.supported_actions) == (
        "models/gemini-2.5-flash",
        ["generateContent", "countTokens"],
    )
    published = [one.name async for one in await vertex.aio.models.list()]
    assert published[0] == "publishers/google/models/mock"
    with pytest.raises(errors.ClientError, match="404 NOT_FOUND"):
        await client.aio.models.get(model="missing")


# -- Vertex AI --


async def test_vertex_answers_in_its_own_way(mock: MockServer, vertex: genai.Client) -> None:
    reply = await vertex.aio.models.generate_content(
        model="gemini-2.5-flash",
        contents="Use get_time.",
        config=types.GenerateContentConfig(tools=TOOLS, labels={"team": "a"}),
    )
    assert mock.requests[-1].path == (
        "/v1beta1/projects/p/locations/europe-west4/publishers/google/models/gemini-2.5-flash:generateContent"
    )
    assert [(call.name, call.id) for call in reply.function_calls or []] == [("get_time", None)]
    assert reply.usage_metadata is not None
    assert reply.usage_metadata.traffic_type is types.TrafficType.ON_DEMAND
    assert reply.create_time is not None
    chunks = await streamed(vertex, model="mock", contents=HELLO)
    whole = await vertex.aio.models.generate_content(model="mock", contents=HELLO)
    assert "".join(chunk.text or "" for chunk in chunks) == whole.text


@pytest.mark.parametrize("model", ["text-embedding-005", "gemini-embedding-2"])
async def test_vertex_embeds_by_either_method(model: str, vertex: genai.Client) -> None:
    texts: Any = ["one", "two"] if model.startswith("text") else ["one"]
    reply = await vertex.aio.models.embed_content(
        model=model, contents=texts, config=types.EmbedContentConfig(output_dimensionality=4)
    )
    assert [len(one.values or []) for one in reply.embeddings or []] == [4] * len(texts)
    assert all(one.statistics and one.statistics.token_count for one in reply.embeddings or [])


# -- errors --


@pytest.mark.parametrize(
    ("status", "name", "kind"),
    [
        (400, "INVALID_ARGUMENT", errors.ClientError),
        (401, "UNAUTHENTICATED", errors.ClientError),
        (403, "PERMISSION_DENIED", errors.ClientError),
        (404, "NOT_FOUND", errors.ClientError),
        (409, "ABORTED", errors.ClientError),
        (429, "RESOURCE_EXHAUSTED", errors.ClientError),
        (499, "CANCELLED", errors.ClientError),
        (500, "INTERNAL", errors.ServerError),
        (501, "UNIMPLEMENTED", errors.ServerError),
        (503, "UNAVAILABLE", errors.ServerError),
        (504, "DEADLINE_EXCEEDED", errors.ServerError),
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["unary", "stream"])
async def test_every_error_has_its_class_and_status(
    status: int, name: str, kind: type[errors.APIError], stream: bool, client: genai.Client
) -> None:
    fields: Any = {"model": f"mock;status={status}", "contents": HELLO}
    with pytest.raises(kind) as failed:
        await (streamed(client, **fields) if stream else client.aio.models.generate_content(**fields))
    assert (failed.value.code, failed.value.status) == (status, name)
    assert failed.value.message


async def test_a_limit_says_which_and_when_to_come_back(client: genai.Client) -> None:
    with pytest.raises(errors.ClientError) as failed:
        await client.aio.models.generate_content(model="mock;status=429;retry-after=2.5", contents=HELLO)
    details = {one["@type"].rpartition(".")[2]: one for one in failed.value.details["error"]["details"]}
    assert details["RetryInfo"]["retryDelay"] == "2.5s"
    assert "PerMinute" in details["QuotaFailure"]["violations"][0]["quotaId"]
    assert details["ErrorInfo"]["reason"] == "RATE_LIMIT_EXCEEDED"


async def test_a_request_succeeds_once_the_script_lets_it(mock: MockServer) -> None:
    """The SDK's own retries."""
    retry = types.HttpRetryOptions(attempts=3, initial_delay=0.01, max_delay=0.01, jitter=0)
    sdk = genai.Client(vertexai=False, api_key=KEY, http_options=options(mock, retry_options=retry))
    reply = await sdk.aio.models.generate_content(model="mock;status=503;times=2", contents=HELLO)
    assert (reply.text or "").startswith("You said:")
    assert [request.status for request in mock.requests] == [503, 503, 200]
    await sdk.aio.aclose()
    sdk.close()


async def test_an_error_inside_a_stream_is_raised_after_what_was_said(client: genai.Client) -> None:
    stream = await client.aio.models.generate_content_stream(
        model="mock;fault=error-event;after=2;status=503", contents=HELLO
    )
    assert [(await anext(stream)).text, (await anext(stream)).text] == ["You", " said:"]
    with pytest.raises(errors.ServerError) as failed:
        await anext(stream)
    assert (failed.value.code, failed.value.status) == (503, "UNAVAILABLE")


async def test_a_cut_stream_is_an_error_and_one_without_its_end_shows(client: genai.Client) -> None:
    with pytest.raises((aiohttp.ClientPayloadError, httpx.RemoteProtocolError)):
        await streamed(client, model="mock;fault=cut", contents=HELLO)
    for fault in ("eof", "no-done"):
        chunks = await streamed(client, model=f"mock;fault={fault}", contents=HELLO)
        assert candidate(chunks[-1]).finish_reason is None


async def test_a_member_that_google_does_not_know_is_refused_by_name(client: genai.Client) -> None:
    extra = options_body({"generationConfig": {"maxTokens": 5}})
    with pytest.raises(errors.ClientError) as failed:
        await client.aio.models.generate_content(
            model="mock", contents=HELLO, config=types.GenerateContentConfig(http_options=extra)
        )
    assert failed.value.message == (
        "Invalid JSON payload received. Unknown name \"maxTokens\" at 'generation_config': Cannot find field."
    )
    (violated,) = failed.value.details["error"]["details"]
    assert violated["fieldViolations"][0]["field"] == "generation_config"


def options_body(body: dict[str, Any]) -> types.HttpOptions:
    return types.HttpOptions(extra_body=body)


async def test_keys_are_told_apart(mock: MockServer) -> None:
    url = f"http://127.0.0.1:{mock.port}/v1beta/models/mock:generateContent"
    body = {"contents": [{"parts": [{"text": "Hello"}]}]}
    async with httpx.AsyncClient() as http:

        async def ask(query: str = "", **headers: str) -> tuple[int, str]:
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            answer = await http.post(url + query, json=body, headers=sent)
            error = answer.json().get("error", {})
            reason = next((one["reason"] for one in error.get("details", []) if "reason" in one), "")
            return answer.status_code, reason or error.get("status", "")

        assert await ask(x_goog_api_key=KEY) == (200, "")
        assert await ask(f"?key={KEY}") == (200, "")
        assert await ask(authorization=f"Bearer {KEY}") == (200, "")
        assert await ask() == (403, "PERMISSION_DENIED")
        assert await ask(x_goog_api_key="other") == (400, "API_KEY_INVALID")
        assert await ask(authorization="Bearer other") == (401, "ACCESS_TOKEN_TYPE_UNSUPPORTED")
