"""What the catalogue says of models, seen by callers: who is passed over, what is changed, what it costs."""

import json
from collections.abc import AsyncIterator
from typing import Any

import grpc
import httpx
import pytest
import pytest_asyncio
from google.rpc import error_details_pb2, status_pb2

from switch_grpc.v1 import admin_pb2, admin_pb2_grpc, chat_pb2, switch_pb2_grpc
from tests.support.gateway import KEY, Running, channel, route, running, target

METADATA = (("x-api-key", KEY),)
PRICES = {"input": 2e-6, "output": 1e-5, "cachedInput": 1e-6}
MODELS = {
    "big": {"cost": PRICES, "downgrades": ["small", "tiny"], "contextWindow": 100_000},
    "small": {"cost": 1e-7, "capabilities": ["tools"], "maxOutputTokens": 64, "family": "claude"},
    "thinker": {"family": "gpt-reasoning"},
    "down;status=503": {"downgrades": ["small"], "cost": 1e-6},
    "blind": {"capabilities": ["tools"]},
}
IMAGE = chat_pb2.Message(
    role=chat_pb2.ROLE_USER,
    parts=[
        chat_pb2.Part(text="What is this?"),
        chat_pb2.Part(image_url=chat_pb2.ImageUrl(url="data:image/png;base64,iVBORw0KGgo=")),
    ],
)
HELLO = chat_pb2.Message(role=chat_pb2.ROLE_USER, content="Hello there")
QUICK = {"maxRetries": 0}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway() -> AsyncIterator[Running]:
    models = {
        "priced": route(target("a", "big")),
        "own-price": route(target("a", "big", costPerToken=0.5)),
        "pair": route(target("blind", "blind"), target("seeing", "big")),
        "dark": route(target("one", "blind"), target("two", "small")),
        "adapting": route(target("a", "small"), defaultParameters={"maxTokens": 500, "top_p": 0.5}),
        "strict": route(target("a", "small"), target("b", "big"), parameters="strict"),
        "strict-alone": route(target("a", "small"), parameters="strict"),
        "thinking": route(target("a", "thinker")),
        "lesser": route(
            target("first", "down;status=503", **QUICK), fallback={"enableModelDegradation": True}
        ),
        "not-lesser": route(target("first", "down;status=503", **QUICK)),
        "cheapest": route(
            target("dear", "big"), target("cheap", "small"), loadBalancing={"strategy": "cost-optimized"}
        ),
    }
    async with running(models, catalog={"models": MODELS}) as made:
        yield made


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def ask(gateway: Running, name: str, *messages: chat_pb2.Message, **settings: Any) -> Any:
    async with channel(gateway) as made:
        stub = switch_pb2_grpc.SwitchServiceStub(made)
        request = chat_pb2.ChatRequest(route=name, messages=messages or [HELLO], **settings)
        return await stub.Chat(request, metadata=METADATA)


def sent(gateway: Running) -> dict[str, Any]:
    """The body that reached the provider last."""
    body: dict[str, Any] = json.loads(gateway.mock.requests[-1].body)
    return body


async def test_a_reply_says_what_it_cost(gateway: Running) -> None:
    reply = await ask(gateway, "priced")
    usage = reply.usage
    cached = usage.prompt_tokens_details.cached_tokens
    expected = (
        (usage.prompt_tokens - cached) * PRICES["input"]
        + cached * PRICES["cachedInput"]
        + usage.completion_tokens * PRICES["output"]
    )
    assert reply.route_info.cost_usd == pytest.approx(expected)


async def test_the_last_chunk_of_a_stream_says_what_it_cost(gateway: Running) -> None:
    async with channel(gateway) as made:
        stub = switch_pb2_grpc.SwitchServiceStub(made)
        request = chat_pb2.ChatRequest(route="priced", messages=[HELLO])
        chunks = [chunk async for chunk in stub.StreamChat(request, metadata=METADATA)]
    assert chunks[-1].route_info.cost_usd > 0


async def test_a_targets_own_price_comes_before_the_catalogues(gateway: Running) -> None:
    reply = await ask(gateway, "own-price")
    assert reply.route_info.cost_usd == pytest.approx(reply.usage.total_tokens * 0.5)


async def test_an_unknown_price_is_no_price(gateway: Running) -> None:
    assert not (await ask(gateway, "thinking")).route_info.HasField("cost_usd")


async def test_costs_are_counted_by_route_and_target(gateway: Running) -> None:
    reply = await ask(gateway, "own-price")
    async with httpx.AsyncClient(headers={"x-api-key": KEY}) as client:
        text = (await client.get(f"{gateway.http}/metrics")).text
    name = 'switch_cost_usd_total{route="own-price",target="a"}'
    (line,) = (line for line in text.splitlines() if line.startswith(name))
    assert float(line.rpartition(" ")[2]) >= reply.route_info.cost_usd


async def test_cost_optimized_ranks_by_the_catalogues_prices(gateway: Running) -> None:
    assert (await ask(gateway, "cheapest")).route_info.target == "cheap"


async def test_a_target_that_cannot_is_passed_over_and_its_stand_in_is_no_fallback(gateway: Running) -> None:
    reply = await ask(gateway, "pair", IMAGE)
    assert reply.route_info.target == "seeing"
    assert not reply.route_info.fallback_used
    assert [attempt.target for attempt in reply.route_info.attempts] == ["seeing"]
    assert (await ask(gateway, "pair")).route_info.target == "blind"


async def test_a_need_that_no_target_meets_is_refused_by_name(gateway: Running) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await ask(gateway, "dark", IMAGE)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert refused.value.details() == "no target of route 'dark' has a model that can see images"


async def test_an_operator_sees_which_calls_pass_a_target_over(gateway: Running) -> None:
    async with channel(gateway) as made:
        stub = admin_pb2_grpc.AdminServiceStub(made)
        explained = await stub.ExplainRoute(admin_pb2.ExplainRouteRequest(route="pair"), metadata=METADATA)
    blind, seeing = explained.candidates
    assert blind.reason == (
        "by priority-based; not for calls that need it to "
        "see images or hear or speak or read documents or answer by a JSON Schema"
    )
    assert seeing.reason == "by priority-based"


async def test_adapting_says_what_it_changed(gateway: Running) -> None:
    reply = await ask(gateway, "adapting", temperature=1.6, seed=7, max_tokens=1000)
    body = sent(gateway)
    assert (body["temperature"], body["max_tokens"]) == (1, 64)
    assert "seed" not in body
    assert "top_p" not in body
    assert sorted(reply.route_info.adaptations) == [
        "max_tokens 1000 sent as 64, the most that small takes",
        "seed left out: small takes none",
        "temperature 1.6 sent as 1, the most that small takes",
        "top_p left out: small takes it or temperature",
    ]


async def test_a_routes_defaults_are_fitted_to_the_model(gateway: Running) -> None:
    reply = await ask(gateway, "adapting")
    assert (sent(gateway)["max_tokens"], sent(gateway)["top_p"]) == (64, 0.5)
    assert list(reply.route_info.adaptations) == ["max_tokens 500 sent as 64, the most that small takes"]


async def test_a_request_that_fits_goes_out_as_it_came(gateway: Running) -> None:
    reply = await ask(gateway, "strict", temperature=0.5, max_tokens=10)
    assert reply.route_info.target == "a"
    assert not reply.route_info.adaptations


async def test_strict_leaves_it_to_a_target_that_takes_it(gateway: Running) -> None:
    reply = await ask(gateway, "strict", temperature=1.6)
    assert reply.route_info.target == "b"
    assert sent(gateway)["temperature"] == 1.6


async def test_strict_refuses_by_name_where_nobody_takes_it(gateway: Running) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await ask(gateway, "strict-alone", temperature=1.6)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert refused.value.details() == "target 'a' (small) takes temperature from 0 to 1, not 1.6"
    assert "temperature" in str(info_of(refused.value))


async def test_a_reasoning_model_gets_the_limit_by_the_name_it_knows(gateway: Running) -> None:
    reply = await ask(gateway, "thinking", temperature=0.2, max_tokens=50)
    body = sent(gateway)
    assert body["max_completion_tokens"] == 50
    assert not {"max_tokens", "temperature"} & body.keys()
    assert list(reply.route_info.adaptations) == [
        "temperature left out: thinker takes none",
        "max_tokens sent as max_completion_tokens, as thinker knows it",
    ]


async def test_a_downgrade_stands_behind_the_listed_targets(gateway: Running) -> None:
    reply = await ask(gateway, "lesser")
    info = reply.route_info
    assert (info.target, info.model, info.model_differs) == ("first~small", "small", True)
    assert info.fallback_used
    assert [attempt.target for attempt in info.attempts] == ["first", "first~small"]
    assert info.cost_usd == pytest.approx(reply.usage.total_tokens * 1e-7)


async def test_a_downgrade_has_a_state_of_its_own(gateway: Running) -> None:
    await ask(gateway, "lesser")
    async with channel(gateway) as made:
        stub = admin_pb2_grpc.AdminServiceStub(made)
        status = await stub.GetStatus(admin_pb2.GetStatusRequest(route="lesser"), metadata=METADATA)
    by_name = {each.target: each for each in status.targets}
    assert by_name["first~small"].successful_requests == by_name["first"].failed_requests > 0
    assert by_name["first~small"].model == "small"


async def test_a_downgrade_is_not_asked_what_it_cannot(gateway: Running) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await ask(gateway, "lesser", IMAGE)
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE  # the first target's own failure


async def test_without_the_switch_nothing_is_degraded(gateway: Running) -> None:
    with pytest.raises(grpc.aio.AioRpcError):
        await ask(gateway, "not-lesser")


def info_of(error: grpc.aio.AioRpcError) -> list[error_details_pb2.ErrorInfo]:
    trailers = dict(error.trailing_metadata() or ())
    return list(status_pb2.Status.FromString(trailers["grpc-status-details-bin"]).details)  # type: ignore[arg-type]
