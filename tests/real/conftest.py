"""A gateway as `switch serve` starts it, before real upstreams: llama.cpp's server, and `switch mock`."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import openai
import pytest

from switch_client import Switch
from tests.real.processes import LLAMA_SERVER, SWITCH, free_port, running
from tests.real.tiny_model import write_tiny_model

KEY = "real-0123456789abcdef0123456789abcdef"  # a caller's
UPSTREAM_KEY = "sk-llama-0123456789abcdef"
WRONG_KEY = "sk-wrong-0123456789abcdef"


@dataclass(frozen=True, slots=True)
class Llama:
    """A llama-server. `url` has no path."""

    url: str

    def client(self) -> openai.OpenAI:
        return openai.OpenAI(base_url=f"{self.url}/v1", api_key=UPSTREAM_KEY, max_retries=0)


@dataclass(frozen=True, slots=True)
class Gateway:
    """A `switch serve`."""

    http: str  # without path
    grpc: str  # HOST:PORT
    pid: int


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "tiny.gguf"
    write_tiny_model(path)
    return path


def _llama(model: Path, log: Path, *options: str) -> Iterator[Llama]:
    assert LLAMA_SERVER.exists(), f"{LLAMA_SERVER} is not built: run `make real`"
    port = free_port()
    command = [
        *(LLAMA_SERVER, "--model", model, "--alias", "tiny", "--host", "127.0.0.1", "--port", str(port)),
        *("--api-key", UPSTREAM_KEY, "--ctx-size", "4096", "--threads", "1", "--no-webui", *options),
    ]
    with running(command, port, "/health", log):
        yield Llama(f"http://127.0.0.1:{port}")


@pytest.fixture(scope="session")
def llama(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Llama]:
    """One slot, so that answers do not depend on which slot's cache a request meets."""
    log = tmp_path_factory.mktemp("llama") / "log"
    yield from _llama(model, log, "--parallel", "1", "--metrics", "--slots")


@pytest.fixture(scope="session")
def llama_embedding(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Llama]:
    log = tmp_path_factory.mktemp("llama-embedding") / "log"
    yield from _llama(model, log, "--embeddings", "--pooling", "mean")


@pytest.fixture(scope="session")
def mock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a `switch mock`."""
    port = free_port()
    log = tmp_path_factory.mktemp("mock") / "log"
    command = [SWITCH, "mock", "--port", str(port)]
    with running(command, port, "/v1/models", log):
        yield f"http://127.0.0.1:{port}"


def _target(name: str, provider: str, url: str, model: str, credentials: str) -> dict[str, object]:
    return {
        "name": name,
        "provider": provider,
        "modelName": model,
        "apiBase": url,
        "credentialsRef": credentials,
        "maxRetries": 0,
    }


def _configuration(llama: str, embedding: str, mock: str) -> dict[str, object]:
    routes = {
        "tiny": _target("llama", "llama.cpp", llama, "tiny", "llama"),
        "tiny-embedding": _target("llama-embedding", "llama.cpp", embedding, "tiny", "llama"),
        # one for each test that needs it: a refused key takes its target out for minutes
        "wrong-key-http": _target("llama-refusing", "llama.cpp", llama, "tiny", "wrong"),
        "wrong-key-grpc": _target("llama-refusing", "llama.cpp", llama, "tiny", "wrong"),
        "mock": _target("mock", "custom", f"{mock}/v1", "mock", "llama"),
    }
    return {
        "models": {name: {"providers": [target]} for name, target in routes.items()},
        "credentialStores": {
            "llama": {"type": "simple", "config": {"apiKeyVar": "LLAMA_API_KEY"}},
            "wrong": {"type": "simple", "config": {"apiKeyVar": "WRONG_API_KEY"}},
        },
    }


@pytest.fixture(scope="session")
def gateway(
    llama: Llama, llama_embedding: Llama, mock: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("gateway")
    config = folder / "switch.json"
    config.write_text(json.dumps(_configuration(llama.url, llama_embedding.url, mock)))
    http, grpc = free_port(), free_port()
    command = [
        SWITCH,
        "serve",
        "--config",
        config,
        "--http",
        f"127.0.0.1:{http}",
        "--grpc",
        f"127.0.0.1:{grpc}",
    ]
    env = {"API_KEYS": KEY, "LLAMA_API_KEY": UPSTREAM_KEY, "WRONG_API_KEY": WRONG_KEY}
    with running(command, http, "/readyz", folder / "log", env) as process:
        yield Gateway(f"http://127.0.0.1:{http}", f"127.0.0.1:{grpc}", process.pid)


@pytest.fixture
def direct(llama: Llama) -> Iterator[openai.OpenAI]:
    """The same SDK without a gateway: what it should have answered."""
    with llama.client() as client:
        yield client


@pytest.fixture
def by_http(gateway: Gateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway.http}/v1", api_key=KEY, max_retries=0) as client:
        yield client


@pytest.fixture
def by_grpc(gateway: Gateway) -> Iterator[Switch]:
    with Switch(gateway.grpc, api_key=KEY, timeout=30) as client:
        yield client
