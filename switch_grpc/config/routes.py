"""Routes, pools and targets with every layer merged."""

import re
from collections.abc import Mapping, Sequence

from switch_grpc.config import effective, schema, service
from switch_grpc.config.environment import Environment
from switch_grpc.config.layers import merge, parameters, pool_order, raw_json
from switch_grpc.config.stores import AnyStore, AwsKeys, AwsStore, GoogleStore, stores_in


class Routes:
    """Makes routes; holds what all of them share."""

    def __init__(self, definitions: schema.Definitions, environment: Environment) -> None:
        self._definitions = definitions
        self._environment = environment
        self._pools = {pool.id: pool for pool in definitions.pools}
        self._stores = {store_id: store for _, store_id, store in stores_in(definitions.credential_stores)}

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
            parameters=entry.parameters,
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
        pools = [self._pools[pool] for pool in pool_order(self._pools, entry.primary_pool_id)]
        return [self._pool(pool, entry, self._strategy(pool, entry)) for pool in pools]

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
            params=raw_json(entry.provider_params),
            streaming_params=raw_json(entry.streaming_params),
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
            regions=tuple(entry.regions) or _region(entry, store, environment.variables),
            project=entry.project or _project(store, environment.variables),
            location=entry.location,
            deployment=entry.deployment,
            api_version=entry.api_version,
            egress=egress_of(
                merge(entry.egress, self._definitions.egress, environment.egress),
                also=self._definitions.egress.allow_hosts,
            ),
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
        return effective.Cost(
            input=cost.input,
            output=cost.output,
            cached_input=cost.input if cost.cached_input is None else cost.cached_input,
            cache_write=cost.input if cost.cache_write is None else cost.cache_write,
        )
    return effective.Cost(input=cost, output=cost, cached_input=cost, cache_write=cost)


def _region(
    entry: schema.TargetEntry, store: AnyStore | None, variables: Mapping[str, str]
) -> tuple[str, ...]:
    """The AWS region of the target's store, which says it or names its variable."""
    config = store.config if isinstance(store, AwsStore) else AwsKeys()
    if not isinstance(store, AwsStore) and entry.provider != "bedrock":
        return ()
    region = config.region or variables.get(config.region_var or "AWS_REGION", "")
    return (region,) if region else ()


def _project(store: AnyStore | None, variables: Mapping[str, str]) -> str | None:
    """The Google project of the target's store."""
    if not isinstance(store, GoogleStore):
        return None
    return variables.get(store.config.project_id_var or "GOOGLE_PROJECT_ID") or None


def egress_of(egress: service.Egress, *, also: Sequence[str] = ()) -> effective.Egress:
    """`also`: hosts that are allowed besides the section's own."""
    hosts = dict.fromkeys([*egress.allow_hosts, *also])
    return effective.Egress(proxy=egress.proxy, ca_file=egress.ca_file, allow_hosts=tuple(hosts))
