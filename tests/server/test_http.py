"""The HTTP server's own sockets."""

from pathlib import Path

import pytest
from starlette.types import Receive, Scope, Send

from switch_grpc.server import listen
from switch_grpc.server.http import HttpServer


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError("nobody asks")


OPTIONS = {"lifespan": "off", "ws": "none"}


@pytest.mark.parametrize("started", [True, False])
async def test_the_file_of_a_socket_goes_with_the_server(tmp_path: Path, started: bool):
    path = tmp_path / "h.sock"
    server = HttpServer(app, [listen.unix(path, 0o600)], options=OPTIONS)
    if started:
        await server.start()
    assert path.exists()
    await server.abort()
    assert not path.exists()


async def test_the_file_of_another_server_stays(tmp_path: Path):
    """Which may have come while this one still answered its last calls."""
    path = tmp_path / "h.sock"
    first = HttpServer(app, [listen.unix(path, 0o600)], options=OPTIONS)
    await first.start()
    first.close()
    second = HttpServer(app, [listen.unix(path, 0o600)], options=OPTIONS)
    await first.abort()
    assert path.exists()
    await second.abort()
