"""The door in front of a scripted backend, on a real socket."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

import httpx
import pytest

from http_facade.app import create_app
from http_facade.settings import HttpSettings
from tests.support.http_server import serving
from tests.support.scripted_backend import ScriptedBackend


@dataclass
class Door:
    port: int
    backend: ScriptedBackend
    client: httpx.AsyncClient  # sends the inference key

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


# short where a test waits for it, long where it must not happen by chance
SETTINGS = HttpSettings(
    docs=True, max_body=1 << 20, body_idle=0.2, early_headers=5.0, keep_alive=0.02, write_stall=0.3
)


@pytest.fixture
def settings() -> HttpSettings:
    return SETTINGS


@pytest.fixture
async def door(settings: HttpSettings) -> AsyncGenerator[Door, None]:
    backend = ScriptedBackend()
    app = create_app(backend, settings=settings, metrics=lambda: (b"up 1\n", "text/plain; version=0.0.4"))
    async with serving(app) as port:
        headers = {"x-api-key": "inference-key"}
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", headers=headers, trust_env=False, verify=False
        ) as client:
            yield Door(port, backend, client)
