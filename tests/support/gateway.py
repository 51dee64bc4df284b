"""The whole gateway in this process: both doors on loopback, in front of a mock provider on a real socket."""

import copy
import io
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc.aio

from switch_grpc.assembly import TABLES
from switch_grpc.config.environment import Flags
from switch_grpc.config.source import Loaded, load
from switch_grpc.gateway import Gateway
from switch_grpc.mock.server import MockServer

KEY = "a-key-for-tests"


@dataclass(frozen=True, slots=True)
class Running:
    """A gateway that serves, and the provider behind it."""

    gateway: Gateway
    mock: MockServer
    log: io.StringIO
    variables: dict[str, str]  # the environment; what MODEL_DEFINITIONS says counts from the next reload on

    @property
    def http(self) -> str:
        return f"http://{self.gateway.http_address}"

    @property
    def grpc(self) -> str:
        return self.gateway.grpc_address


def target(name: str, model: str = "mock", **settings: Any) -> dict[str, Any]:
    """A target at the mock provider; `model` may script how it behaves."""
    return {"name": name, "provider": "mock", "modelName": model, **settings}


def route(*targets: dict[str, Any], **settings: Any) -> dict[str, Any]:
    """A route of these targets, by their order unless they say otherwise."""
    ranked = [{"priority": place, **each} for place, each in enumerate(targets, 1)]
    return {"providers": ranked, **settings}


@asynccontextmanager
async def running(
    models: Mapping[str, Any], *, environ: Mapping[str, str] | None = None, **top: Any
) -> AsyncIterator[Running]:
    """A gateway with these routes. Targets at the mock need no apiBase; the one key is `KEY`."""
    models, top = copy.deepcopy(dict(models)), copy.deepcopy(top)
    async with MockServer() as mock:
        for model in (*models.values(), *top.get("pools", ())):
            for each in model.get("providers", ()):
                each.setdefault("healthCheck", {"enabled": False})  # a test counts what it asked itself
                if each["provider"] == "mock":
                    each.setdefault("apiBase", mock.url)
        text = json.dumps({"models": models, **top})
        variables = {"MODEL_DEFINITIONS": text, "ADMIN_API_KEY": KEY, **(environ or {})}
        flags = Flags(http="127.0.0.1:0", grpc="127.0.0.1:0")

        def read() -> Loaded:
            return load(None, variables, Path(os.devnull).parent, tables=TABLES, flags=flags)

        log = io.StringIO()
        async with Gateway(read(), load=read, log=log) as gateway:
            yield Running(gateway, mock, log, variables)


@asynccontextmanager
async def channel(gateway: Running) -> AsyncIterator[grpc.aio.Channel]:
    """A gRPC channel to the gateway."""
    async with grpc.aio.insecure_channel(gateway.grpc) as made:
        yield made
