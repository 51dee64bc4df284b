"""A plain request and the same with a member that nobody knows take different ways, and fare alike."""

import json
from typing import Any

import httpx
import pytest

from switch_grpc.openai_wire import plain_chat
from switch_grpc.openai_wire.guard import open_body
from tests.support.gateway import KEY, Running, route, running, target

ASKS: dict[str, dict[str, Any]] = {
    "plain": {},
    "parameters": {"temperature": 0, "max_tokens": 7, "stop": ["zzz"], "seed": 5, "user": "u"},
    "a turn before": {
        "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Hello"},
            {"role": "user", "content": "Say \u2028 more"},
        ]
    },
    "usage": {"stream_options": {"include_usage": True}},
    "two choices": {"n": 2},
    "a tool": {
        "tools": [{"type": "function", "function": {"name": "get", "parameters": {"type": "object"}}}],
        "tool_choice": "required",
    },
}


def body(**members: Any) -> dict[str, Any]:
    return {"model": "lite", "messages": [{"role": "user", "content": "Hello there"}], **members}


def is_plain(asked: dict[str, Any]) -> bool:
    data = json.dumps(asked).encode()
    return plain_chat(data, open_body(data)) is not None


def bare(answer: Any) -> Any:
    """Without what differs from call to call, wherever it stands."""
    if isinstance(answer, list):
        return [bare(each) for each in answer]
    if isinstance(answer, dict):
        return {name: bare(each) for name, each in answer.items() if name not in ("id", "created")}
    return answer


def events(text: str) -> list[Any]:
    found = [line.removeprefix("data: ") for line in text.split("\n\n") if line.startswith("data: ")]
    assert found.pop() == "[DONE]"
    return [bare(json.loads(event)) for event in found]


async def ask(gateway: Running, asked: dict[str, Any]) -> httpx.Response:
    async with httpx.AsyncClient(base_url=gateway.http, headers={"x-api-key": KEY}) as client:
        answer = await client.post("/v1/chat/completions", json=asked)
    assert answer.status_code == 200, answer.text
    return answer


@pytest.mark.parametrize("asked", ASKS.values(), ids=ASKS.keys())
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_both_ways_give_the_same_answer(asked: dict[str, Any], stream: bool):
    if not stream and "stream_options" in asked:
        asked = {name: value for name, value in asked.items() if name != "stream_options"}
    short = body(stream=stream, **asked)
    long = {**short, "nobody_knows": 1}
    assert is_plain(short)
    assert not is_plain(long)
    async with running({"lite": route(target("a", "mock", providerParams={"top_p": 0.5}))}) as gateway:
        answers = [await ask(gateway, one) for one in (short, long)]
        sent = [json.loads(request.body) for request in gateway.mock.requests]
        lines = [json.loads(line) for line in gateway.log.getvalue().splitlines()]
    assert {**sent[0], "nobody_knows": 1} == sent[1]
    read = events if stream else (lambda text: bare(json.loads(text)))
    assert read(answers[0].text) == read(answers[1].text)
    told = [{name for name in answer.headers if name.startswith("x-")} for answer in answers]
    assert told[0] == told[1]
    logged = [{k: v for k, v in line.items() if k not in ("id", "time", "ms")} for line in lines]
    for one, other in zip(logged[::2], logged[1::2], strict=True):
        assert one.keys() == other.keys()
        assert (one.get("tokens_out"), one.get("chunks")) == (other.get("tokens_out"), other.get("chunks"))
