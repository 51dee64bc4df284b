"""The composition root: a configuration becomes routes, targets, credentials and keys, all wired."""

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from typing import Final

from switch_grpc import auth
from switch_grpc.call import Principal
from switch_grpc.config import effective
from switch_grpc.config.check import Tables
from switch_grpc.config.degrade import degraded
from switch_grpc.config.problem import ConfigError, Problem, show
from switch_grpc.config.source import Loaded
from switch_grpc.credentials.configured import source_of
from switch_grpc.credentials.oauth import Post
from switch_grpc.credentials.store import CredentialStore, NoCredentials
from switch_grpc.engine.ask import Store, Wiring
from switch_grpc.engine.control import stamp
from switch_grpc.engine.deadline import CallLimits, TargetTimers
from switch_grpc.engine.engine import Snapshot
from switch_grpc.engine.health import LONGEST, Check
from switch_grpc.engine.regions import Region, Regions
from switch_grpc.providers.adapt import Adapter
from switch_grpc.providers.addresses import base_of
from switch_grpc.providers.catalog import Model, Price, built_in
from switch_grpc.providers.dialects.base import Binding, WireReply, WireRequest
from switch_grpc.providers.model_names import short
from switch_grpc.providers.regional import places
from switch_grpc.providers.vendors import PLANNED, VENDORS, Vendor, dialects_of
from switch_grpc.routing.balance import STRATEGIES
from switch_grpc.routing.policy import BreakerPolicy, PermanentPolicy
from switch_grpc.routing.route import FallbackSpec, Pool, PoolSpec, Route, RouteSpec
from switch_grpc.routing.table import RouteTable
from switch_grpc.routing.target import HealthThresholds, Target, TargetSpec
from switch_grpc.upstream.base import Timers, Upstream, WayOut
from switch_grpc.upstream.lanes import open_upstream
from switch_grpc.v1 import admin_pb2

EXTRAS: Final = {"aws": "botocore", "vertex": "google.auth", "azure": "azure.identity"}


def _extras() -> Collection[str]:
    """The optional dependencies that are installed."""
    return [extra for extra, module in EXTRAS.items() if _is_installed(module)]


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # of the package around it
        return False


# What this build can do, for checking configurations.
TABLES: Final = Tables(
    vendors=VENDORS,
    planned=PLANNED,
    strategies=STRATEGIES.keys(),
    retired=built_in().retired,
    extras=_extras(),
)
TOKEN_ANSWER_LIMIT: Final = 64 * 1024  # bytes of a token endpoint's answer
KEYLESS: Final = NoCredentials()  # one for all targets, so that they can share active checks


class Upstreams:
    """One connection pool per way out (proxy, CA file, hosts allowed); kept over reloads."""

    def __init__(self) -> None:
        self._open: dict[effective.Egress, WayOut] = {}

    def of(self, egress: effective.Egress) -> Upstream:
        """Raises ConfigError for a CA file that changed since it was checked."""
        known = self._open.get(egress)
        if known is None:
            try:
                known = open_upstream(
                    ca_file=egress.ca_file, proxy=egress.proxy, allow_hosts=egress.allow_hosts
                )
            except OSError as error:
                found = f"{show(egress.ca_file)}: {error}"
                problem = Problem(("egress", "caFile"), found, "CA certificates, PEM", "correct the file")
                raise ConfigError([problem]) from error
            self._open[egress] = known
        return known

    async def close(self) -> None:
        await asyncio.gather(*(upstream.close() for upstream in self._open.values()))


def snapshot(loaded: Loaded, *, upstreams: Upstreams, wall: float) -> Snapshot:
    """All that comes from one configuration, with fresh state. Call it on the event loop that serves."""
    config, environ = loaded.config, loaded.environ
    post = _post(upstreams.of(config.egress), config.timeouts.credentials)
    stores = {store.id: _store(store, environ, config, post) for store in config.credential_stores.values()}
    catalog = built_in().with_overrides(config.catalog.models)
    wirings: dict[Target, Wiring] = {}
    checks: dict[Target, Check] = {}
    routes = []
    for route in config.routes:
        pools, strict = [], route.parameters == "strict"
        lesser = degraded(route, catalog.downgrades, short)
        for pool in (*route.pools, *filter(None, [lesser])):
            models = [catalog.find(target.provider, target.model) for target in pool.targets]
            targets = [
                Target(_target_spec(route, pool, *pair)) for pair in zip(pool.targets, models, strict=True)
            ]
            pools.append(Pool(_pool_spec(pool), targets))
            for made, target, model in zip(targets, pool.targets, models, strict=True):
                store = stores[target.credentials] if target.credentials else KEYLESS
                upstream = upstreams.of(target.egress)
                wirings[made] = _wiring(made, target, store, upstream, model, strict=strict)
                standby = pool is not route.pools[0] or _is_second_choice(target, pool)
                if (check := _check(target, wirings[made].binding, standby)) is not None:
                    checks[made] = check
        routes.append(Route(_route_spec(route), pools))
    return Snapshot(
        table=RouteTable(routes),
        wirings=wirings,
        checks=checks,
        limits={route.name: _limits(route, config.timeouts) for route in config.routes},
        keys=_keys(config.auth, environ.get(auth.PEPPER, "")),
        config=admin_pb2.ConfigStatus(version=loaded.version, loaded=stamp(wall), source=loaded.source),
    )


def _price(target: effective.Target, model: Model) -> Price | None:
    """The target's own price, else the catalogue's."""
    cost = target.cost
    if cost is None:
        return model.price
    return Price(
        input=cost.input, output=cost.output, cached_input=cost.cached_input, cache_write=cost.cache_write
    )


def _adapter(target: effective.Target, model: Model, *, strict: bool) -> Adapter | None:
    """What fits requests to the model; None where nothing is known that it does not take."""
    if model.max_output_tokens is None and not (model.rules.named() or model.rules.limit):
        return None
    return Adapter(
        model.rules,
        max_output=model.max_output_tokens,
        strict=strict,
        target=target.name,
        model=target.model,
    )


def _target_spec(
    route: effective.Route, pool: effective.Pool, target: effective.Target, model: Model
) -> TargetSpec:
    limits, price = pool.thresholds, _price(target, model)
    return TargetSpec(
        route=route.name,
        name=target.name,
        provider=target.provider,
        model=target.model,
        identity=target.identity,
        priority=target.priority,
        weight=target.weight,
        cost=None if price is None else price.input + price.output,
        context_window=model.context_window,
        lacks=model.lacks,
        max_retries=target.max_retries,
        retry_delay=target.retry_delay,
        breaker=_breaker_policy(target.breaker),
        thresholds=HealthThresholds(
            error_rate=limits.error_rate,
            response_time=limits.response_time,
            consecutive_failures=limits.consecutive_failures,
        ),
        requests_per_minute=target.rate_limits.requests,
        tokens_per_minute=target.rate_limits.tokens,
        max_in_flight=target.max_in_flight,
    )


def _breaker_policy(breaker: effective.CircuitBreaker) -> BreakerPolicy:
    permanent = breaker.permanent
    return BreakerPolicy(
        enabled=breaker.enabled,
        failure_threshold=breaker.failure_threshold,
        reset_timeout=breaker.reset_timeout,
        monitoring_window=breaker.monitoring_window,
        min_requests=breaker.min_requests,
        error_threshold_percentage=breaker.error_threshold_percentage,
        half_open_max_probes=breaker.half_open_max_probes,
        half_open_success_threshold=breaker.half_open_success_threshold,
        jitter=breaker.jitter,
        local_open_timeout=breaker.local_open_timeout,
        permanent=PermanentPolicy(
            enabled=permanent.enabled,
            base=permanent.base,
            max_backoff_exponent=permanent.max_backoff_exponent,
            confirmations=permanent.confirmations,
        ),
    )


def _pool_spec(pool: effective.Pool) -> PoolSpec:
    return PoolSpec(
        id=pool.id,
        strategy="cost-optimized" if pool.prioritize_cost else pool.strategy,
        min_healthy=pool.thresholds.min_healthy,
        max_cost_per_token=pool.max_cost_per_token,
        derived=pool.derived,
    )


def _route_spec(route: effective.Route) -> RouteSpec:
    return RouteSpec(
        name=route.name,
        aliases=route.aliases,
        default=route.default,
        sticky=route.sticky,
        sticky_keys=route.sticky_keys,
        fallback=FallbackSpec(
            enabled=route.fallback.enabled,
            max_targets=route.fallback.max_attempts,
            on_content_filter=route.fallback.on_content_filter,
        ),
        max_in_flight=route.max_in_flight,
    )


def _limits(route: effective.Route, timeouts: effective.CallTimeouts) -> CallLimits:
    return CallLimits(
        default=timeouts.default,
        maximum=timeouts.maximum,
        streaming=timeouts.streaming,
        total=route.max_total,
    )


def _wiring(
    made: Target,
    target: effective.Target,
    store: Store,
    upstream: Upstream,
    model: Model,
    *,
    strict: bool,
) -> Wiring:
    vendor, timers = VENDORS.get(target.provider), target.timers
    regions = _regions(vendor, target, strict=strict)
    return Wiring(
        target=made,
        binding=regions[0].binding,
        regions=Regions(regions) if len(regions) > 1 else None,
        # A provider without a dialect in this build serves nothing: its targets are passed over.
        dialects={} if vendor is None else dialects_of(vendor),
        store=store,
        signer=regions[0].signer,
        upstream=upstream,
        timers=TargetTimers(
            first_token=timers.first_token,
            token_idle=timers.token_idle,
            timeout=target.timeout,
        ),
        exchange_timers=Timers(connect=timers.connect, head=timers.ttfb, idle=timers.idle),
        patterns=target.breaker.permanent.error_patterns,
        permanent=target.breaker.permanent.enabled,
        price=_price(target, model),
        adapter=_adapter(target, model, strict=strict),
    )


def _is_second_choice(target: effective.Target, pool: effective.Pool) -> bool:
    first = min(peer.priority for peer in pool.targets)
    return pool.strategy == "priority-based" and target.priority != first


def _check(target: effective.Target, binding: Binding, standby: bool) -> Check | None:
    """The target's active check; None where it is off, or its vendor has nothing free to ask for."""
    vendor, health = VENDORS.get(target.provider), target.health_check
    if vendor is None or vendor.health is None or not health.enabled:
        return None
    root, question, query = binding.base_url.partition("?")
    return Check(
        url=f"{root}{vendor.health}{question}{query}",
        headers=binding.headers,
        interval=health.interval,
        timeout=min(health.timeout, LONGEST),
        retries=health.retries,
        standby=standby,
    )


def _regions(vendor: Vendor | None, target: effective.Target, *, strict: bool) -> Sequence[Region]:
    """Where the target is asked, in order: one place, but for a vendor with regions."""
    binding = _binding(vendor, target, strict=strict)
    signer = "none" if vendor is None else vendor.signer
    if vendor is not None and vendor.name == "vertex" and target.regions:
        return [
            Region(replace(binding, region=region, base_url=_base(vendor, target, region)), signer)
            for region in target.regions
        ]
    if vendor is None or not vendor.regional:
        return [Region(binding, signer)]
    found = places(target.api_base or vendor.base_url or "", target.regions)
    return [
        Region(replace(binding, region=region, base_url=base), f"{signer}/{region}") for region, base in found
    ] or [Region(binding, signer)]  # without a region, which config.check has told


def _binding(vendor: Vendor | None, target: effective.Target, *, strict: bool) -> Binding:
    return Binding(
        target=target.name,
        provider=target.provider,
        model=target.deployment or target.model,
        base_url="" if vendor is None else _base(vendor, target, target.location),
        headers=target.headers,
        defaults=target.defaults,
        params=target.params,
        streaming_params=target.streaming_params,
        strict=strict,
    )


def _base(vendor: Vendor, target: effective.Target, location: str | None) -> str:
    return base_of(
        vendor,
        target.api_base,
        model=target.model,
        project=target.project,
        location=location,
        deployment=target.deployment,
        api_version=target.api_version,
    )


def _store(
    store: effective.CredentialStore, environ: Mapping[str, str], config: effective.Config, post: Post
) -> CredentialStore:
    source = source_of(store, environ, post, time.time)
    return CredentialStore(store.id, source, ttl=store.cache_ttl, timeout=config.timeouts.credentials)


def _post(upstream: Upstream, timeout: float) -> Post:
    """What asks token endpoints: the way out that calls take, with the time that a fetch has."""

    async def post(request: WireRequest) -> WireReply:
        deadline = asyncio.get_running_loop().time() + timeout
        exchange = await upstream.send(request, Timers(), deadline)
        try:
            body = await exchange.read(deadline, TOKEN_ANSWER_LIMIT)
        finally:
            exchange.close()
        return WireReply(status=exchange.status, headers=exchange.headers, body=body)

    return post


def _keys(config: effective.Auth, pepper: str) -> auth.Keys:
    records = (_record(key, pepper) for key in config.keys)
    return auth.Keys(records, pepper=pepper, required=config.required)


def _record(key: effective.AuthKey, pepper: str) -> auth.KeyRecord:
    if key.key is not None:
        digest = auth.digest(key.key.get_secret_value(), pepper)
    else:
        assert key.hash is not None
        digest = bytes.fromhex(key.hash.removeprefix("sha256:"))
    principal = Principal(id=key.id, scopes=key.scopes, routes=key.routes)
    return auth.KeyRecord(principal=principal, digest=digest, expires=key.expires)
