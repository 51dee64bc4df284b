"""/health, /livez and /readyz: a state word and nothing else."""

import pytest

from tests.http_facade.conftest import Door
from tests.support.http_server import exchange


@pytest.mark.parametrize("path", ["/health", "/livez", "/readyz"])
async def test_while_serving_all_say_ok(door: Door, path: str) -> None:
    answer = await door.client.get(path)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert answer.headers["cache-control"] == "no-store"


async def test_while_draining_only_liveness_stays(door: Door) -> None:
    door.backend.is_ready = False
    assert (await door.client.get("/livez")).status_code == 200
    for path in ("/health", "/readyz"):
        answer = await door.client.get(path)
        assert (answer.status_code, answer.json()) == (503, {"status": "unavailable"})


async def test_no_key_is_asked_and_no_call_opened(door: Door) -> None:
    raw = b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    assert b" 200 OK" in await exchange(door.port, raw)
    assert door.backend.calls == []
