"""`Definitions` and the environment to `Config`: target > pool > route > top level > environment > default.

Only for definitions that `check` found no errors in.
"""

import fnmatch
import json
import re
from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

from pydantic import SecretStr

from switch_grpc.config import effective, schema, service
from switch_grpc.config.environment import Environment, bracketed
from switch_grpc.config.listen import Address, parse_address
from switch_grpc.config.section import Section
from switch_grpc.config.stores import AnyStore, AwsStore, GoogleStore, stores_in
from switch_grpc.v1 import chat_pb2, completion_pb2, embedding_pb2

S = TypeVar("S", bound=Section)

ALL_SCOPES: Final = frozenset({"inference", "admin:read", "admin:write"})

# Parameters by their spelling in camelCase: `maxTokens` -> `max_tokens`.
PARAMETERS: Final[Mapping[str, str]] = {
    field.json_name.removesuffix("Json"): field.name.removesuffix("_json")
    for message in (chat_pb2.ChatRequest, completion_pb2.CompletionRequest, embedding_pb2.EmbedRequest)
    for field in message.DESCRIPTOR.fields
}


def resolve(definitions: schema.Definitions, environment: Environment) -> effective.Config:
    """The effective configuration."""
    server = _server(definitions, environment)
    admin = effective.Admin(listen=merge(definitions.admin, environment.admin).listen)
    routes = _Routes(definitions, environment)
    return effective.Config(
        server=server,
        auth=_auth(definitions, environment),
        admin=admin,
        limits=effective.Limits(
            max_in_flight=definitions.limits.max_in_flight,
            queue=definitions.limits.queue,
            queue_wait=definitions.limits.queue_wait_ms / 1000,
        ),
        timeouts=effective.CallTimeouts(
            default=environment.calls.default_ms / 1000,
            maximum=environment.calls.max_ms / 1000,
            minimum=environment.calls.min_ms / 1000,
            streaming=environment.calls.streaming_ms / 1000,
            credentials=environment.calls.credentials_ms / 1000,
        ),
        egress=_egress(merge(definitions.egress, environment.egress)),
        drain=_drain(merge(definitions.drain, environment.drain), local=_is_local(server, admin)),
        catalog=effective.Catalog(file=definitions.catalog.file, models=definitions.catalog.models),
        credential_stores={
            id: effective.CredentialStore(
                id=id,
                type=store.type,
                source=store.source,
                config=store.config,
                cache_ttl=float(store.cache_ttl),
                rotation=store.rotation,
            )
            for _, id, store in stores_in(definitions.credential_stores)
        },
        routes=tuple(routes.route(name, entry) for name, entry in definitions.models.items()),
    )


def merge(first: S, *rest: S) -> S:
    """A section whose keys come from the first of the layers that sets them, sections inside key by key."""
    values: dict[str, object] = {}
    for name in type(first).model_fields:
        given = [getattr(layer, name) for layer in (first, *rest) if name in layer.model_fields_set]
        if given:
            values[name] = merge(*given) if isinstance(given[0], Section) else given[0]
    defaults = type(first)()
    return defaults.model_copy(update=values)


def pool_order(pools: Mapping[str, schema.PoolEntry], first: str) -> list[str]:
    """The pools to ask, depth first, each once; ids that name no pool are left out."""
    order: list[str] = []

    def visit(id: str) -> None:
        if id in pools and id not in order:
            order.append(id)
            for next_id in pools[id].fallback_pool_ids:
                visit(next_id)

    visit(first)
    return order


def listeners(
    definitions: schema.Definitions, environment: Environment
) -> tuple[service.Server, Address, Address]:
    """The server's section merged with the flags and the environment, and its HTTP and gRPC addresses."""
    server = merge(environment.flags, definitions.server, environment.server)
    process = environment.process
    host = bracketed(process.host or "127.0.0.1")
    return (
        server,
        server.http or parse_address(f"{host}:{process.port}"),
        server.grpc or parse_address(f"{host}:{process.grpc_port}"),
    )


def parameters(values: Mapping[str, object]) -> dict[str, bytes]:
    """Raw JSON by parameter, camelCase twins of OpenAI's names in OpenAI's spelling."""
    return {PARAMETERS.get(name, name): value for name, value in _raw(values).items()}


def _raw(values: Mapping[str, object]) -> dict[str, bytes]:
    """JSON text that keeps `5`, `5.0` and 2^53+1 as they are."""
    return {
        name: json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        for name, value in values.items()
    }


def _server(definitions: schema.Definitions, environment: Environment) -> effective.Server:
    server, http, grpc = listeners(definitions, environment)
    return effective.Server(
        http=http,
        grpc=grpc,
        socket_mode=int(server.socket_mode, 8),
        insecure=bool(server.insecure),
        tls=server.tls,
        log_level=environment.process.log_level,
    )


def _is_local(server: effective.Server, admin: effective.Admin) -> bool:
    return all(a.is_local for a in (server.http, server.grpc, admin.listen) if a is not None)


def _drain(drain: service.Drain, *, local: bool) -> effective.Drain:
    delay = drain.delay_ms if drain.delay_ms is not None else 0 if local else 5000
    return effective.Drain(delay=delay / 1000, timeout=(drain.timeout_ms or 110_000) / 1000)


def _egress(egress: service.Egress) -> effective.Egress:
    return effective.Egress(proxy=egress.proxy, ca_file=egress.ca_file, allow_hosts=tuple(egress.allow_hosts))


def _auth(definitions: schema.Definitions, environment: Environment) -> effective.Auth:
    keys = [
        effective.AuthKey(id=f"{prefix}-{number}", key=key, scopes=scopes)
        for prefix, found, scopes in (
            ("admin", environment.admin_keys, ALL_SCOPES),
            ("api", environment.api_keys, frozenset({"inference"})),
        )
        for number, key in enumerate(found, 1)
    ]
    for entry in definitions.auth.keys:
        value = environment.variables.get(entry.key_var or "", "").strip()
        if entry.hash is None and not value:
            continue  # its variable is not set, which check has said
        keys.append(
            effective.AuthKey(
                id=entry.id,
                key=SecretStr(value) if entry.hash is None else None,
                hash=None if entry.hash is None else entry.hash.removeprefix("sha256:").lower(),
                scopes=frozenset(entry.scopes),
                routes=None if entry.routes is None else frozenset(matching(entry.routes, definitions)),
                expires=None if entry.expires is None else entry.expires.timestamp(),
            )
        )
    return effective.Auth(required=definitions.auth.mode == "keys", keys=tuple(keys))


def matching(patterns: Sequence[str], definitions: schema.Definitions) -> list[str]:
    """The routes whose name or alias one of the patterns matches."""
    return [
        name
        for name, entry in definitions.models.items()
        if any(fnmatch.fnmatchcase(known, p) for known in (name, *entry.aliases) for p in patterns)
    ]


class _Routes:
    """Makes routes; holds what all of them share."""

    def __init__(self, definitions: schema.Definitions, environment: Environment) -> None:
        self._definitions = definitions
        self._environment = environment
        self._pools = {pool.id: pool for pool in definitions.pools}
        self._stores = {id: store for _, id, store in stores_in(definitions.credential_stores)}

    def route(self, name: str, entry: schema.RouteEntry) -> effective.Route:
        balancing = entry.load_balancing
        fallback = merge(entry.fallback, self._environment.fallback)
        keys = balancing.sticky_key
        timeouts = merge(entry.timeouts, self._definitions.timeouts)
        return effective.Route(
            name=name,
            description=entry.description or "",
            aliases=tuple(entry.aliases),
            default=entry.default,
            pools=tuple(self._pools_of(name, entry)),
            sticky=balancing.sticky_sessions,
            sticky_keys=tuple(keys) if isinstance(keys, list) else (keys,),
            fallback=effective.Fallback(
                enabled=fallback.enabled,
                max_attempts=fallback.max_attempts,
                model_degradation=fallback.enable_model_degradation,
                on_content_filter=fallback.on_content_filter,
                last_resort=fallback.last_resort,
                mid_stream=fallback.mid_stream,
            ),
            default_parameters=parameters(entry.default_parameters),
            max_total=_seconds(timeouts.max_total_ms),
            max_in_flight=entry.max_in_flight,
        )

    def _pools_of(self, name: str, entry: schema.RouteEntry) -> list[effective.Pool]:
        """The pools; a route that lists its targets itself is one pool with the route's strategy."""
        if entry.primary_pool_id is None:
            own = schema.PoolEntry.model_construct(
                id=name, providers=entry.providers or [], routing_strategy=entry.load_balancing.strategy
            )
            return [self._pool(own, entry, own.routing_strategy)]
        ids = pool_order(self._pools, entry.primary_pool_id)
        return [self._pool(self._pools[id], entry, self._strategy(self._pools[id], entry)) for id in ids]

    def _strategy(self, pool: schema.PoolEntry, entry: schema.RouteEntry) -> str:
        from_route = "strategy" in entry.load_balancing.model_fields_set
        if from_route and "routing_strategy" not in pool.model_fields_set:
            return entry.load_balancing.strategy
        return pool.routing_strategy

    def _pool(self, pool: schema.PoolEntry, route: schema.RouteEntry, strategy: str) -> effective.Pool:
        thresholds = pool.health_thresholds
        return effective.Pool(
            id=pool.id,
            name=pool.name or pool.id,
            strategy=strategy,
            targets=tuple(self._target(entry, pool, route) for entry in pool.providers),
            thresholds=effective.HealthThresholds(
                error_rate=thresholds.error_rate,
                response_time=thresholds.response_time / 1000,
                consecutive_failures=thresholds.consecutive_failures,
                min_healthy=thresholds.min_healthy_providers,
            ),
            max_cost_per_token=pool.cost_optimization.max_cost_per_token,
            prioritize_cost=pool.cost_optimization.prioritize_cost,
        )

    def _target(
        self, entry: schema.TargetEntry, pool: schema.PoolEntry, route: schema.RouteEntry
    ) -> effective.Target:
        environment = self._environment
        store = self._stores.get(entry.credentials_ref or "")
        health = merge(entry.health_check, environment.health)
        return effective.Target(
            name=entry.name,
            provider=entry.provider,
            model=entry.model_name,
            api_base=entry.api_base,
            credentials=entry.credentials_ref,
            priority=entry.priority,
            weight=entry.weight,
            timeout=entry.timeout / 1000,
            max_retries=entry.max_retries,
            retry_delay=entry.retry_delay / 1000,
            headers=entry.headers,
            defaults=parameters(route.default_parameters) if entry.use_model_defaults else {},
            params=_raw(entry.provider_params),
            streaming_params=_raw(entry.streaming_params),
            cost=_cost(entry.cost_per_token),
            rate_limits=effective.RateLimits(
                requests=entry.rate_limits.requests_per_minute, tokens=entry.rate_limits.tokens_per_minute
            ),
            health_check=effective.HealthCheck(
                enabled=health.enabled,
                interval=health.interval_ms / 1000,
                timeout=health.timeout_ms / 1000,
                retries=health.retries,
            ),
            breaker=_breaker(
                merge(entry.circuit_breaker, pool.circuit_breaker, route.circuit_breaker), environment
            ),
            timers=_timers(merge(entry.timeouts, route.timeouts, self._definitions.timeouts)),
            max_in_flight=entry.max_in_flight,
            regions=tuple(entry.regions) or _region(store, environment.variables),
            project=entry.project or _project(store, environment.variables),
            location=entry.location,
            deployment=entry.deployment,
            api_version=entry.api_version,
            egress=_egress(merge(entry.egress, self._definitions.egress, environment.egress)),
        )


def _breaker(breaker: schema.CircuitBreaker, environment: Environment) -> effective.CircuitBreaker:
    permanent = merge(breaker.permanent_failure_handling, environment.permanent)
    switched_off = "enabled" in environment.permanent.model_fields_set and not environment.permanent.enabled
    base = permanent.base_timeout_ms or breaker.reset_timeout * permanent.timeout_multiplier
    return effective.CircuitBreaker(
        enabled=breaker.enabled,
        failure_threshold=breaker.failure_threshold,
        reset_timeout=breaker.reset_timeout / 1000,
        monitoring_window=breaker.monitoring_window / 1000,
        min_requests=breaker.min_requests_threshold,
        error_threshold_percentage=breaker.error_threshold_percentage,
        half_open_max_probes=breaker.half_open_max_probes,
        half_open_success_threshold=breaker.half_open_success_threshold,
        jitter=breaker.jitter,
        permanent=effective.PermanentFailures(
            enabled=permanent.enabled and not switched_off,
            base=base / 1000,
            timeout_multiplier=permanent.timeout_multiplier,
            max_backoff_exponent=permanent.max_backoff_multiplier,
            error_patterns=tuple(re.compile(pattern, re.IGNORECASE) for pattern in permanent.error_patterns),
            confirmations=permanent.confirmations,
        ),
    )


def _timers(timeouts: service.Timeouts) -> effective.Timers:
    return effective.Timers(
        connect=timeouts.connect_ms / 1000,
        ttfb=timeouts.ttfb_ms / 1000,
        first_token=timeouts.first_token_ms / 1000,
        idle=timeouts.idle_ms / 1000,
        token_idle=timeouts.token_idle_ms / 1000,
        max_total=_seconds(timeouts.max_total_ms),
    )


def _seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def _cost(cost: float | service.Prices | None) -> effective.Cost | None:
    if cost is None:
        return None
    if isinstance(cost, service.Prices):
        cached = cost.input if cost.cached_input is None else cost.cached_input
        return effective.Cost(input=cost.input, output=cost.output, cached_input=cached)
    return effective.Cost(input=cost, output=cost, cached_input=cost)


def _region(store: AnyStore | None, variables: Mapping[str, str]) -> tuple[str, ...]:
    """The AWS region of the target's store, which says it or names its variable."""
    if not isinstance(store, AwsStore):
        return ()
    region = store.config.region or variables.get(store.config.region_var or "AWS_REGION", "")
    return (region,) if region else ()


def _project(store: AnyStore | None, variables: Mapping[str, str]) -> str | None:
    """The Google project of the target's store."""
    if not isinstance(store, GoogleStore):
        return None
    return variables.get(store.config.project_id_var or "GOOGLE_PROJECT_ID") or None
