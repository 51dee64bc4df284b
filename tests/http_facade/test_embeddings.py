"""POST /v1/embeddings."""

from switch_grpc.request import Operation
from tests.http_facade.conftest import Door
from tests.support.scripted_backend import embed_reply


async def test_embeddings_are_openais_list(door: Door) -> None:
    door.backend.steps = (embed_reply((0.5, -0.25), (1.0, 0.0)),)
    answer = await door.client.post("/v1/embeddings", json={"model": "lite", "input": ["a", "b"]})
    body = answer.json()
    assert (body["object"], body["model"]) == ("list", "lite")
    assert [each["embedding"] for each in body["data"]] == [[0.5, -0.25], [1.0, 0.0]]
    assert answer.headers["x-used-provider"] == "a"
    assert door.backend.heads[0].operation is Operation.EMBED


async def test_embeddings_do_not_stream(door: Door) -> None:
    answer = await door.client.post("/v1/embeddings", json={"model": "lite", "input": "a", "stream": True})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "stream")
