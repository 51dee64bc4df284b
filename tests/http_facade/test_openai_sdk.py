"""The unmodified openai package against the door, sync and async."""

import asyncio
from collections.abc import AsyncGenerator

import openai
import pytest

from switch_grpc.faults import Fault, Kind
from tests.http_facade.conftest import Door
from tests.support.scripted_backend import (
    FOREVER,
    chat_chunk,
    chat_reply,
    chat_stream,
    completion_reply,
    embed_reply,
    route_info,
)

MESSAGES = [{"role": "user", "content": "Hi"}]


@pytest.fixture
async def client(door: Door) -> AsyncGenerator[openai.AsyncOpenAI, None]:
    async with openai.AsyncOpenAI(
        base_url=f"{door.url}/v1", api_key="inference-key", max_retries=0
    ) as client:
        yield client


async def test_chat(door: Door, client: openai.AsyncOpenAI) -> None:
    door.backend.steps = (chat_reply(),)
    answer = await client.chat.completions.create(model="lite", messages=MESSAGES)
    assert answer.choices[0].message.content == "Hello"
    assert answer._request_id is not None
    call = door.backend.calls[0]
    assert call.keys == ("inference-key",)
    assert call.first_byte_deadline is not None


async def test_a_stream_with_usage(door: Door, client: openai.AsyncOpenAI) -> None:
    door.backend.steps = chat_stream()
    stream = await client.chat.completions.create(
        model="lite", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "Hello"
    assert [chunk.usage is not None for chunk in chunks] == [False, False, False, True]


async def test_a_broken_stream_is_an_api_error(door: Door, client: openai.AsyncOpenAI) -> None:
    broken = Fault(Kind.STREAM_INTERRUPTED, "the stream broke off")
    door.backend.steps = ([chat_chunk("Hel", route_info=route_info())], broken)
    stream = await client.chat.completions.create(model="lite", messages=MESSAGES, stream=True)
    with pytest.raises(openai.APIError, match="the stream broke off") as caught:
        [chunk async for chunk in stream]
    assert caught.value.code == "stream_interrupted"


async def test_leaving_a_stream_closes_it(door: Door, client: openai.AsyncOpenAI) -> None:
    door.backend.steps = ([chat_chunk("Hel", route_info=route_info())], FOREVER)
    stream = await client.chat.completions.create(model="lite", messages=MESSAGES, stream=True)
    async for _ in stream:
        break
    await stream.close()
    await asyncio.wait_for(door.backend.stopped.wait(), 0.1)


async def test_completions_embeddings_and_models(door: Door, client: openai.AsyncOpenAI) -> None:
    door.backend.steps = (completion_reply("Once"),)
    assert (await client.completions.create(model="lite", prompt="Tell")).choices[0].text == "Once"
    door.backend.steps = (embed_reply(),)
    answer = await client.embeddings.create(model="lite", input="x", encoding_format="float")
    assert answer.data[0].embedding == [0.5, -0.25]
    assert [model.id async for model in client.models.list()] == ["team/lite"]
    assert (await client.models.retrieve("team/lite")).id == "team/lite"


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (Kind.BAD_REQUEST, openai.BadRequestError),
        (Kind.BAD_KEY, openai.AuthenticationError),
        (Kind.FORBIDDEN, openai.PermissionDeniedError),
        (Kind.UNKNOWN_ROUTE, openai.NotFoundError),
        (Kind.CONFLICT, openai.ConflictError),
        (Kind.UPSTREAM_RATE_LIMIT, openai.RateLimitError),
        (Kind.NO_TARGET, openai.InternalServerError),
    ],
)
async def test_faults_are_the_packages_own_errors(
    door: Door, client: openai.AsyncOpenAI, kind: Kind, error: type[openai.APIStatusError]
) -> None:
    door.backend.steps = (Fault(kind, "what and remedy"),)
    with pytest.raises(error, match="what and remedy"):
        await client.chat.completions.create(model="lite", messages=MESSAGES)


async def test_the_package_does_not_retry_what_it_is_told_not_to(door: Door) -> None:
    """The gateway has retried already; three layers of retries make an outage worse."""
    door.backend.steps = (Fault(Kind.UPSTREAM_ERROR, "all targets failed"),)
    async with openai.AsyncOpenAI(
        base_url=f"{door.url}/v1", api_key="inference-key", max_retries=2
    ) as client:
        with pytest.raises(openai.InternalServerError):
            await client.chat.completions.create(model="lite", messages=MESSAGES)
    assert len(door.backend.calls) == 1


async def test_the_sync_client(door: Door) -> None:
    door.backend.steps = chat_stream()

    def ask() -> str:
        with openai.OpenAI(base_url=f"{door.url}/v1", api_key="inference-key", max_retries=0) as client:
            stream = client.chat.completions.create(model="lite", messages=MESSAGES, stream=True)
            return "".join(chunk.choices[0].delta.content or "" for chunk in stream)

    assert await asyncio.to_thread(ask) == "Hello"
