"""POST /v1/completions: the flow of chat with other messages."""

import json

from switch_grpc.request import Operation
from tests.http_facade.conftest import Door
from tests.support.http_server import exchange, request_bytes, unchunked
from tests.support.scripted_backend import completion_chunk, completion_reply, route_info, usage_chunk


async def test_a_completion_is_openais_text_completion(door: Door) -> None:
    door.backend.steps = (completion_reply("Once"),)
    answer = await door.client.post("/v1/completions", json={"model": "lite", "prompt": "Tell"})
    body = answer.json()
    assert (body["object"], body["choices"][0]["text"]) == ("text_completion", "Once")
    assert body["choices"][0]["finish_reason"] == "stop"
    assert door.backend.heads[0].operation is Operation.COMPLETE


async def test_a_completion_streams(door: Door) -> None:
    door.backend.steps = (
        [completion_chunk("On", route_info=route_info()), completion_chunk("ce")],
        [completion_chunk("", finish=True, usage=usage_chunk().usage, route_info=route_info())],
    )
    body = json.dumps({"model": "lite", "prompt": "Tell", "stream": True}).encode()
    answer = await exchange(door.port, request_bytes("/v1/completions", body, x_api_key="inference-key"))
    *events, done = unchunked(answer).decode().removesuffix("\n\n").split("\n\n")
    assert done == "data: [DONE]"
    texts = [json.loads(event.removeprefix("data: "))["choices"][0]["text"] for event in events]
    assert texts == ["On", "ce", ""]
