"""Targets at Google and Azure through the whole gateway: addresses, credentials, answers and errors."""

import json
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest

from tests.support.cloud import Cloud, cloud, private_key
from tests.support.conformance import FIXTURES
from tests.support.gateway import KEY, Running, route, running

PRIVATE = private_key()
HELLO = [{"role": "user", "content": "Hello"}]
GEMINI = (200, "application/json", (FIXTURES / "gemini/replies/text.json").read_bytes())
STREAM = (200, "text/event-stream", (FIXTURES / "gemini/streams/text.sse").read_bytes())
ANSWER = {"id": "c", "object": "chat.completion", "created": 1, "model": "gpt-5-mini"}
SAID = {"index": 0, "message": {"role": "assistant", "content": "Hello there!"}, "finish_reason": "stop"}
OPENAI = (
    200,
    "application/json",
    json.dumps({**ANSWER, "choices": [{**SAID, "content_filter_results": {}}]}).encode(),
)


def events(*documents: object) -> bytes:
    return b"".join(b"data: %s\n\n" % json.dumps(document).encode() for document in documents)


SAFE = {"hate": {"filtered": False, "severity": "safe"}}
FILTERED_STREAM = (
    200,
    "text/event-stream",
    events(
        {
            "id": "",
            "object": "",
            "created": 0,
            "model": "",
            "choices": [],
            "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": SAFE}],
        },
        {**ANSWER, "choices": [{"index": 0, "delta": {"content": "Hello there!"}, "finish_reason": None}]},
        {**ANSWER, "choices": [{"index": 0, "delta": {}, "finish_reason": "content_filter"}]},
    )
    + b"data: [DONE]\n\n",
)
REFUSED = {
    "message": "The response was filtered due to the prompt triggering content management policy.",
    "type": None,
    "param": "prompt",
    "code": "content_filter",
    "status": 400,
    "innererror": {
        "code": "ResponsibleAIPolicyViolation",
        "content_filter_result": {"jailbreak": {"filtered": True, "detected": True}},
    },
}
TOKEN = (200, "application/json", b'{"access_token":"tok","expires_in":3599,"token_type":"Bearer"}')


@pytest.fixture
async def place() -> AsyncIterator[Cloud]:
    async with cloud() as made:
        yield made


def stores(place: Cloud) -> dict[str, Any]:
    return {
        "gemini": {"type": "simple", "config": {"apiKeyVar": "GEMINI_API_KEY"}},
        "google": {"type": "google", "config": {"serviceAccountKeyVar": "GOOGLE_SERVICE_ACCOUNT_KEY"}},
        "azure-key": {"type": "azure", "config": {"apiKeyVar": "AZURE_OPENAI_API_KEY"}},
        "entra": {
            "type": "azure",
            "config": {"tenantIdVar": "TENANT", "clientIdVar": "CLIENT", "clientSecretVar": "SECRET"},
        },
        "oauth": {
            "type": "oauth",
            "config": {
                "tokenUrl": f"{place.url}/oauth/token",
                "clientIdVar": "CLIENT",
                "clientSecretVar": "SECRET",
            },
        },
    }


def environ(place: Cloud) -> dict[str, str]:
    account = {
        "client_email": "gateway@p.iam.gserviceaccount.com",
        "private_key": PRIVATE,
        "token_uri": f"{place.url}/google/token",
    }
    return {
        "GEMINI_API_KEY": "AIza-key",
        "GOOGLE_SERVICE_ACCOUNT_KEY": json.dumps(account),
        "GOOGLE_PROJECT_ID": "my-project",
        "AZURE_OPENAI_API_KEY": "azure-key",
        "AZURE_AUTHORITY_HOST": place.url,
        "TENANT": "tenant",
        "CLIENT": "client",
        "SECRET": "secret",
    }


def served(place: Cloud, **target: Any) -> Any:
    models = {"lite": route({"name": "a", "apiBase": place.url, **target})}
    return running(models, environ=environ(place), credentialStores=stores(place))


def client(gateway: Running) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{gateway.http}/v1", api_key=KEY, max_retries=0)


async def ask(gateway: Running) -> Any:
    async with client(gateway) as caller:
        return await caller.chat.completions.create(model="lite", messages=HELLO)  # type: ignore[arg-type]


async def text_of_stream(gateway: Running) -> str:
    async with client(gateway) as caller:
        chunks = await caller.chat.completions.create(model="lite", messages=HELLO, stream=True)  # type: ignore[call-overload]
        return "".join([c.choices[0].delta.content or "" async for c in chunks if c.choices])


async def test_gemini_is_asked_with_the_key_in_its_own_header(place: Cloud) -> None:
    place.answers = {":generateContent": GEMINI, ":streamGenerateContent": STREAM}
    async with served(
        place, provider="gemini", modelName="gemini-2.5-flash", credentialsRef="gemini"
    ) as made:
        assert (await ask(made)).choices[0].message.content == "Hello there!"
        assert await text_of_stream(made) == "Hello there!"
    one, two = place.asked
    assert one.path == "/v1beta/models/gemini-2.5-flash:generateContent"
    assert two.path == "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
    assert one.headers["x-goog-api-key"] == "AIza-key"
    assert "authorization" not in one.headers


async def test_gemini_also_completes_and_embeds(place: Cloud) -> None:
    place.answers = {
        ":generateContent": GEMINI,
        ":batchEmbedContents": (200, "application/json", b'{"embeddings":[{"values":[0.5,1]}]}'),
    }
    async with (
        served(place, provider="gemini", modelName="gemini-2.5-flash", credentialsRef="gemini") as made,
        client(made) as caller,
    ):
        completion = await caller.completions.create(model="lite", prompt="Hello")
        assert completion.choices[0].text == "Hello there!"
        vectors = await caller.embeddings.create(model="lite", input="Hello")
        assert vectors.data[0].embedding == [0.5, 1]


async def test_vertex_is_asked_with_a_service_accounts_token_that_is_fetched_once(place: Cloud) -> None:
    place.answers = {"/google/token": TOKEN, ":generateContent": GEMINI}
    target = {"modelName": "gemini-2.5-flash", "credentialsRef": "google", "location": "europe-west4"}
    async with served(place, provider="vertex", **target) as made:
        for _ in range(3):
            assert (await ask(made)).choices[0].message.content == "Hello there!"
    assert len(place.at("/google/token")) == 1
    asked = place.at(":generateContent")[0]
    assert asked.path == (
        "/v1/projects/my-project/locations/europe-west4/publishers/google/models/gemini-2.5-flash:generateContent"
    )
    assert asked.headers["authorization"] == "Bearer tok"
    assert "x-goog-api-key" not in asked.headers


async def test_a_vertex_target_is_asked_in_its_next_region_when_one_has_no_capacity(place: Cloud) -> None:
    place.answers = {
        "/google/token": TOKEN,
        "/locations/europe-west4/": (
            503,
            "application/json",
            b'{"error":{"code":503,"status":"UNAVAILABLE"}}',
        ),
        "/locations/us-central1/": GEMINI,
    }
    target = {"modelName": "m", "credentialsRef": "google", "regions": ["europe-west4", "us-central1"]}
    async with served(place, provider="vertex", **target) as made:
        assert (await ask(made)).choices[0].message.content == "Hello there!"


async def test_claude_on_vertex_speaks_anthropics_dialect(place: Cloud) -> None:
    body = (FIXTURES / "anthropic/replies/text.json").read_bytes()
    place.answers = {"/google/token": TOKEN, ":rawPredict": (200, "application/json", body)}
    target = {"modelName": "claude-sonnet-4-5@20250929", "credentialsRef": "google", "location": "us-east5"}
    async with served(place, provider="vertex", **target) as made:
        assert (await ask(made)).choices[0].message.content == "Hello there!"
    assert json.loads(place.asked[-1].body)["anthropic_version"] == "vertex-2023-10-16"


async def test_azure_is_asked_at_its_deployment_with_its_key(place: Cloud) -> None:
    place.answers = {"/chat/completions": OPENAI}
    target = {"modelName": "gpt-5-mini", "deployment": "prod", "apiVersion": "2024-10-21"}
    async with served(place, provider="azure", credentialsRef="azure-key", **target) as made:
        assert (await ask(made)).choices[0].message.content == "Hello there!"
    (asked,) = place.asked
    assert asked.path == "/openai/deployments/prod/chat/completions?api-version=2024-10-21"
    assert asked.headers["api-key"] == "azure-key"
    assert json.loads(asked.body)["model"] == "prod"


@pytest.mark.parametrize(
    ("store", "endpoint"), [("entra", "/tenant/oauth2/v2.0/token"), ("oauth", "/oauth/token")]
)
async def test_azures_v1_is_asked_with_a_token(store: str, endpoint: str, place: Cloud) -> None:
    place.answers = {endpoint: TOKEN, "/openai/v1/chat/completions": OPENAI}
    async with served(place, provider="azure", modelName="gpt-5-mini", credentialsRef=store) as made:
        assert (await ask(made)).choices[0].message.content == "Hello there!"
    asked = place.asked[-1]
    assert asked.path == "/openai/v1/chat/completions"
    assert asked.headers["authorization"] == "Bearer tok"
    assert "api-key" not in asked.headers
    assert place.at(endpoint)[0].form["client_id"] == "client"


async def test_azures_filter_results_pass_and_its_refusal_is_the_callers(place: Cloud) -> None:
    place.answers = {"/chat/completions": FILTERED_STREAM}
    async with served(place, provider="azure", modelName="m", credentialsRef="azure-key") as made:
        assert await text_of_stream(made) == "Hello there!"
        refusal = json.dumps({"error": REFUSED}).encode()
        place.answers = {"/chat/completions": (400, "application/json", refusal)}
        with pytest.raises(openai.BadRequestError) as refused:
            await ask(made)
    assert refused.value.code == "content_filter"


async def test_a_token_that_is_refused_is_fetched_anew_once(place: Cloud) -> None:
    tokens = iter([b"old", b"new"])

    def token(asked: object) -> tuple[int, str, bytes]:
        return 200, "application/json", b'{"access_token":"%s","expires_in":3599}' % next(tokens)

    def model(asked: Any) -> tuple[int, str, bytes]:
        if asked.headers["authorization"] == "Bearer old":
            return (
                401,
                "application/json",
                b'{"error":{"code":401,"status":"UNAUTHENTICATED","message":"no"}}',
            )
        return GEMINI

    place.answers = {"/google/token": token, ":generateContent": model}
    target = {"modelName": "gemini-2.5-flash", "credentialsRef": "google"}
    async with served(place, provider="vertex", **target) as made:
        assert (await ask(made)).choices[0].message.content == "Hello there!"
    assert len(place.at("/google/token")) == 2


async def test_no_token_is_no_fault_of_the_target(place: Cloud) -> None:
    place.answers = {"/google/token": (400, "application/json", b'{"error":"invalid_grant"}')}
    async with served(place, provider="vertex", modelName="m", credentialsRef="google") as made:
        with pytest.raises(openai.InternalServerError) as failed:
            await ask(made)
    assert failed.value.code == "credentials_unavailable"
    assert not place.at(":generateContent")
