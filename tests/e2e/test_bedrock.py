"""The gateway before a server that checks AWS's signatures, and AWS's own client before the same server."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import boto3
import openai
import pytest
from botocore.config import Config
from botocore.exceptions import EventStreamError

from tests.support.bedrock import Bedrock, bedrock, event, model_in, stream
from tests.support.conformance import FIXTURES, WEATHER
from tests.support.gateway import KEY, Running, running

FOLDER = FIXTURES / "converse"
STREAMS = sorted((FOLDER / "streams").iterdir())
ENVIRON = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG",
    "BEARER": "bedrock-api-key-1",
}
STORES = {
    "aws": {
        "type": "aws",
        "config": {"accessKeyIdVar": "AWS_ACCESS_KEY_ID", "secretAccessKeyVar": "AWS_SECRET_ACCESS_KEY"},
    },
    "key": {"type": "aws", "config": {"bedrockApiKeyVar": "BEARER"}},
}


def reply(name: str) -> Any:
    return (200, {"x-amzn-requestid": "r"}, json.loads((FOLDER / f"replies/{name}.json").read_text()))


def events(name: str) -> bytes:
    return stream(
        [(kind, payload) for kind, payload in json.loads((FOLDER / f"streams/{name}.json").read_text())]
    )


@pytest.fixture
async def aws() -> AsyncIterator[Bedrock]:
    async with bedrock() as server:
        yield server


def target(server: Bedrock, **more: Any) -> dict[str, Any]:
    return {
        "name": "b",
        "provider": "bedrock",
        "modelName": "claude-haiku-4-5",
        "apiBase": f"{server.url}/{{region}}",
        "credentialsRef": "aws",
        "regions": ["us-east-1"],
        **more,
    }


def gateway(*targets: dict[str, Any], **environ: str) -> Any:
    models = {"lite": {"providers": list(targets)}}
    return running(models, environ={**ENVIRON, **environ}, credentialStores=STORES)


def client(live: Running) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{live.http}/v1", api_key=KEY, max_retries=0)


ASK: Any = {"model": "lite", "messages": [{"role": "user", "content": "Hello"}]}


async def test_a_call_is_signed_for_its_region_and_answered(aws: Bedrock) -> None:
    aws.answers[""] = reply("parallel_calls")
    async with gateway(target(aws)) as live, client(live) as caller:
        answer = await caller.chat.completions.create(**ASK, tools=[WEATHER])
    (received,) = aws.received
    assert received.region == "us-east-1"
    assert received.path == "/us-east-1/model/us.anthropic.claude-haiku-4-5-20251001-v1%3A0/converse"
    assert answer.choices[0].message.content == "Both:"
    assert [call.function.arguments for call in answer.choices[0].message.tool_calls or ()] == [  # type: ignore[union-attr]
        '{"city": "Oslo"}',
        '{"city": "Rome", "days": 2}',
    ]
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 10


async def test_a_stream_comes_through(aws: Bedrock) -> None:
    aws.answers[""] = events("text")
    async with gateway(target(aws)) as live, client(live) as caller:
        chunks = [chunk async for chunk in await caller.chat.completions.create(**ASK, stream=True)]
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "Hello there!"
    assert aws.received[0].path.endswith("/converse-stream")


async def test_temporary_keys_bring_their_token() -> None:
    async with bedrock(token="session-1") as server:
        server.answers[""] = reply("text")
        async with gateway(target(server), AWS_SESSION_TOKEN="session-1") as live, client(live) as caller:
            await caller.chat.completions.create(**ASK)
        assert server.refused == 0


async def test_a_bedrock_api_key_is_enough(aws: Bedrock) -> None:
    aws.answers[""] = reply("text")
    async with gateway(target(aws, credentialsRef="key")) as live, client(live) as caller:
        await caller.chat.completions.create(**ASK)
    assert [received.region for received in aws.received] == [""]


async def test_a_wrong_key_is_the_gateways_own_trouble(aws: Bedrock) -> None:
    async with gateway(target(aws), AWS_SECRET_ACCESS_KEY="wrong") as live, client(live) as caller:
        with pytest.raises(openai.APIStatusError) as caught:
            await caller.chat.completions.create(**ASK)
    assert caught.value.status_code == 502
    assert caught.value.code == "upstream_auth_failed"
    assert aws.refused == 1


THROTTLED = (429, {"x-amzn-errortype": "ThrottlingException"}, {"message": "Too many requests"})


async def test_regions_are_tried_in_order_within_one_attempt(aws: Bedrock) -> None:
    """The second answers; each is asked for its own inference profile, under its own signature."""
    aws.answers |= {"us-east-1": THROTTLED, "eu-west-1": reply("text")}
    async with gateway(target(aws, regions=["us-east-1", "eu-west-1"])) as live, client(live) as caller:
        for _ in range(3):
            raw = await caller.chat.completions.with_raw_response.create(**ASK)
            assert "x-used-fallback" not in raw.headers
    asked = [(received.region, model_in(received.path)[:3]) for received in aws.received]
    assert asked == [
        ("us-east-1", "us."),
        ("eu-west-1", "eu."),
        # The first rests for a while: a region that is down costs one request, not one a call.
        ("eu-west-1", "eu."),
        ("eu-west-1", "eu."),
    ]


async def test_a_stream_moves_to_the_next_region_too(aws: Bedrock) -> None:
    aws.answers |= {"us-east-1": THROTTLED, "us-west-2": events("text")}
    async with gateway(target(aws, regions=["us-east-1", "us-west-2"])) as live, client(live) as caller:
        chunks = [chunk async for chunk in await caller.chat.completions.create(**ASK, stream=True)]
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "Hello there!"


async def test_a_callers_own_mistake_moves_nowhere(aws: Bedrock) -> None:
    told = (400, {"x-amzn-errortype": "ValidationException"}, {"message": "messages: too odd"})
    aws.answers[""] = told
    async with gateway(target(aws, regions=["us-east-1", "us-west-2"])) as live, client(live) as caller:
        with pytest.raises(openai.BadRequestError, match="too odd"):
            await caller.chat.completions.create(**ASK)
    assert len(aws.received) == 1


async def test_an_exception_before_the_first_token_falls_back(aws: Bedrock) -> None:
    aws.answers |= {
        "us-east-1": event("throttlingException", {"message": "slow down"}),
        "us-west-2": events("text"),
    }
    second = target(aws, name="c", regions=["us-west-2"], priority=2)
    async with gateway(target(aws), second) as live, client(live) as caller:
        chunks = [chunk async for chunk in await caller.chat.completions.create(**ASK, stream=True)]
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "Hello there!"


async def test_embeddings_of_several_texts(aws: Bedrock) -> None:
    aws.answers[""] = (200, {}, {"embedding": [0.5, 0.25], "inputTextTokenCount": 3})
    bound = target(aws, modelName="titan-embed-text-v2")
    async with gateway(bound) as live, client(live) as caller:
        answer = await caller.embeddings.create(model="lite", input=["a", "b"], dimensions=256)
    assert [each.embedding for each in answer.data] == [[0.5, 0.25], [0.5, 0.25]]
    assert answer.usage.prompt_tokens == 6
    assert [received.body for received in aws.received] == [
        {"inputText": "a", "dimensions": 256},
        {"inputText": "b", "dimensions": 256},
    ]


# -- the server and the fixtures themselves, judged by AWS's own client --


def boto(server: Bedrock) -> Any:
    """Signs by itself, and reads our frames by itself."""
    return boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=f"{server.url}/us-east-1",
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="wJalrXUtnFEMI/K7MDENG",
        config=Config(retries={"total_max_attempts": 1}),
    )


MESSAGES = [{"role": "user", "content": [{"text": "Hello"}]}]


async def test_the_server_accepts_what_boto3_signs_and_boto3_reads_its_streams(aws: Bedrock) -> None:
    def read(name: str) -> list[str]:
        aws.answers[""] = events(name)
        answer = boto(aws).converse_stream(modelId="a.b-v9:0", messages=MESSAGES)
        return [next(iter(each)) for each in answer["stream"]]

    for path in STREAMS:
        kinds = await asyncio.to_thread(read, path.stem)
        assert kinds == [name for name, _ in json.loads(path.read_text())]
    assert aws.refused == 0
    assert aws.received[0].path == "/us-east-1/model/a.b-v9%3A0/converse-stream"


async def test_boto3_raises_our_exceptions_inside_a_stream(aws: Bedrock) -> None:
    def read() -> None:
        aws.answers[""] = stream([("messageStart", {"role": "assistant"})]) + event(
            "throttlingException", {"message": "slow down"}
        )
        list(boto(aws).converse_stream(modelId="a.b-v9:0", messages=MESSAGES)["stream"])

    with pytest.raises(EventStreamError, match="slow down"):
        await asyncio.to_thread(read)
