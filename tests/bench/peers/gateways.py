"""How each gateway is started: one function per peer, which gives a Peer.

`urls` are upstream roots without /v1, the first the primary, any further one a fallback. `home` holds what
`install` made, `work` takes configuration files. To add a gateway, add a function and its name to PEERS.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

MODEL = "gpt-4o-mini"
HANG_S = 1  # how long a peer may wait for an upstream before that counts as failed, in fault tests
KEY = "sk-" + "0123456789abcdef" * 4  # LiteLLM refuses to start without a strong one


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Where a peer listens and whom it asks."""

    port: int
    urls: Sequence[str]
    work: Path
    home: Path

    def write(self, name: str, text: str) -> Path:
        path = self.work / name
        path.write_text(text)
        return path

    def program(self, environment: str, name: str) -> str:
        return str(self.home / "venv" / environment / "bin" / name)

    @property
    def grpc_port(self) -> int:
        return self.port + 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A command to run, and how to ask what it starts. `command` is empty for the upstream itself."""

    command: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    grpc: str | None = None  # HOST:PORT, where it speaks switch.v1


def direct(at: Setting) -> Peer:
    """No gateway: the baseline."""
    return Peer()


def switch(at: Setting) -> Peer:
    targets = [
        {
            "name": f"target-{number}",
            "provider": "custom",
            "apiBase": f"{url}/v1",
            "modelName": MODEL,
            "credentialsRef": "upstream",
            "priority": number + 1,
            "timeout": 30000 if len(at.urls) == 1 else HANG_S * 1000,
        }
        for number, url in enumerate(at.urls)
    ]
    store = {"type": "simple", "config": {"apiKeyVar": "UPSTREAM_API_KEY"}}
    config = {"models": {MODEL: {"providers": targets}}, "credentialStores": {"upstream": store}}
    grpc = f"127.0.0.1:{at.grpc_port}"
    listen = ["--http", f"127.0.0.1:{at.port}", "--grpc", grpc]
    file = at.write(f"switch-{at.port}.json", json.dumps(config))
    return Peer(
        command=[str(Path(sys.executable).parent / "switch"), "serve", "--config", str(file), *listen],
        environment={"API_KEYS": KEY, "UPSTREAM_API_KEY": "sk-mock"},
        headers={"Authorization": f"Bearer {KEY}"},
        grpc=grpc,
    )


def litellm(at: Setting) -> Peer:
    names = [MODEL, *(f"secondary-{number}" for number in range(1, len(at.urls)))]
    fallback = len(at.urls) > 1
    settings: dict[str, object] = {
        "set_verbose": False,
        "json_logs": False,
        "num_retries": 0,
        "request_timeout": HANG_S if fallback else 600,
        "telemetry": False,
    }
    config: dict[str, object] = {
        "model_list": [
            {
                "model_name": name,
                "litellm_params": {"model": f"openai/{MODEL}", "api_base": f"{url}/v1", "api_key": "sk-mock"},
            }
            for name, url in zip(names, at.urls, strict=True)
        ],
        "litellm_settings": settings,
        "general_settings": {"disable_spend_logs": True},
    }
    if fallback:
        config["router_settings"] = {"num_retries": 0, "timeout": HANG_S, "fallbacks": [{MODEL: names[1:]}]}
    file = at.write(f"litellm-{at.port}.yaml", json.dumps(config))
    listen = ["--host", "127.0.0.1", "--port", str(at.port), "--num_workers", "1"]
    return Peer(
        command=[at.program("litellm", "litellm"), "--config", str(file), *listen],
        environment={
            "LITELLM_MASTER_KEY": KEY,
            "LITELLM_LOG": "ERROR",
            "LITELLM_MODE": "PRODUCTION",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "NO_DOCS": "True",
        },
        headers={"Authorization": f"Bearer {KEY}"},
    )


def portkey(at: Setting) -> Peer:
    targets = [{"provider": "openai", "api_key": "sk-mock", "custom_host": f"{url}/v1"} for url in at.urls]
    headers = {
        "x-portkey-provider": "openai",
        "x-portkey-custom-host": f"{at.urls[0]}/v1",
        "Authorization": "Bearer sk-mock",
    }
    if len(at.urls) > 1:
        timeout_ms = HANG_S * 1000
        config = {"strategy": {"mode": "fallback"}, "request_timeout": timeout_ms, "targets": targets}
        headers = {"x-portkey-config": json.dumps(config)}
    script = at.home / "npm/portkey/node_modules/@portkey-ai/gateway/build/start-server.js"
    return Peer(
        command=["node", str(script), f"--port={at.port}", "--headless"],
        environment={"NODE_ENV": "production"},
        headers=headers,
    )


def ferrogw(at: Setting) -> Peer:
    fallback = len(at.urls) > 1
    names = ["openai", "ollama"][: len(at.urls)]  # ollama: its one provider that takes any model and base URL
    retry = {"retry": {"attempts": 1}} if fallback else {}
    config = {
        "strategy": {"mode": "fallback" if fallback else "single"},
        "targets": [{"virtual_key": name, **retry} for name in names],
    }
    environment = {
        "PORT": str(at.port),
        "ALLOW_UNAUTHENTICATED_PROXY": "true",
        "LOG_LEVEL": "error",
        "GOMAXPROCS": "1",
        "RATE_LIMIT_RPS": "0",
        "MASTER_KEY": "fgw_" + "0" * 32,
        "OPENAI_API_KEY": "sk-mock",
        "OPENAI_BASE_URL": at.urls[0],
        "GATEWAY_CONFIG": str(at.write(f"ferrogw-{at.port}.yaml", json.dumps(config))),
    }
    if fallback:
        environment |= {"OLLAMA_HOST": at.urls[1], "OLLAMA_MODELS": MODEL}
    return Peer(command=[at.program("ferrogw", "ferrogw"), "serve"], environment=environment)


def _router(command: Sequence[str], at: Setting) -> Peer:
    """vllm-router, and sglang-router which it was forked from."""
    options = ["--policy", "round_robin", "--log-level", "error"]
    metrics = ["--prometheus-host", "127.0.0.1", "--prometheus-port", str(at.port + 500)]
    listen = ["--host", "127.0.0.1", "--port", str(at.port), "--worker-urls", *at.urls]
    limit = ["--request-timeout-secs", str(HANG_S)] if len(at.urls) > 1 else []
    return Peer(
        command=[*command, *listen, *options, *metrics, *limit], environment={"TOKIO_WORKER_THREADS": "1"}
    )


def vllm_router(at: Setting) -> Peer:
    return _router([at.program("vllm_router", "vllm-router")], at)


def sglang_router(at: Setting) -> Peer:
    return _router([at.program("sglang_router", "python"), "-m", "sglang_router.launch_router"], at)


def envoy(at: Setting) -> Peer:
    """A proxy of bytes, for reference."""
    prefix = urlsplit(at.urls[0]).path
    http = "type.googleapis.com/envoy.extensions.filters"
    endpoints = [
        {"priority": number, "lb_endpoints": [{"endpoint": {"address": _envoy_address(url)}}]}
        for number, url in enumerate(at.urls)
    ]
    route = {"cluster": "up", "timeout": "0s", "prefix_rewrite": f"{prefix}/v1/"}
    router = {
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": f"{http}.http.router.v3.Router"},
    }
    manager = {
        "@type": f"{http}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "h",
        "generate_request_id": False,
        "http_filters": [router],
        "route_config": {
            "virtual_hosts": [
                {"name": "v", "domains": ["*"], "routes": [{"match": {"prefix": "/v1/"}, "route": route}]}
            ]
        },
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    listener = {
        "address": _envoy_address(f"http://127.0.0.1:{at.port}"),
        "filter_chains": [{"filters": filters}],
    }
    cluster = {
        "name": "up",
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": "up", "endpoints": endpoints},
        "circuit_breakers": {
            "thresholds": [{"max_connections": 4096, "max_pending_requests": 4096, "max_requests": 4096}]
        },
    }
    config = {"static_resources": {"listeners": [listener], "clusters": [cluster]}}
    file = at.write(f"envoy-{at.port}.json", json.dumps(config))
    options = ["--concurrency", "1", "-l", "error", "--disable-hot-restart"]
    return Peer(command=[at.program("envoy", "envoy"), "-c", str(file), *options])


def _envoy_address(url: str) -> dict[str, object]:
    parts = urlsplit(url)
    return {"socket_address": {"address": parts.hostname, "port_value": parts.port}}


def nginx(at: Setting) -> Peer:
    """A proxy of bytes, for reference."""
    servers = " ".join(f"server {urlsplit(url).netloc} max_fails=0;" for url in at.urls)
    location = (
        f"location /v1/ {{ proxy_pass http://up{urlsplit(at.urls[0]).path}/v1/; proxy_http_version 1.1;"
        ' proxy_set_header Connection ""; proxy_buffering off; proxy_read_timeout 600s; }'
    )
    upstream = f"upstream up {{ {servers} keepalive 256; keepalive_requests 100000000; }}"
    return Peer(command=nginx_command(at.work, f"nginx-{at.port}", at.port, location, upstream))


def nginx_command(work: Path, name: str, port: int, location: str, upstream: str = "") -> list[str]:
    """nginx with one worker in the foreground, with nothing written outside `work`."""
    temporary = "".join(
        f"{kind}_temp_path {work}/{name}-{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    server = f"server {{ listen 127.0.0.1:{port} backlog=4096; default_type application/json; {location} }}"
    text = (
        f"worker_processes 1; daemon off; pid {work}/{name}.pid; error_log stderr crit;\n"
        "events { worker_connections 8192; }\n"
        f"http {{ access_log off; keepalive_requests 100000000; keepalive_timeout 600s; {temporary}\n"
        f"{upstream}\n{server} }}\n"
    )
    (work / f"{name}.conf").write_text(text)
    return ["nginx", "-c", str(work / f"{name}.conf"), "-p", str(work)]


PEERS: Mapping[str, Callable[[Setting], Peer]] = {
    peer.__name__: peer
    for peer in (direct, switch, litellm, portkey, ferrogw, vllm_router, sglang_router, envoy, nginx)
}
PORTS: Mapping[str, int] = {name: 8100 + number for number, name in enumerate(PEERS)}
