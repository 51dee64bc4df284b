"""Layers, units and the two shapes: what the rest of the gateway gets to see."""

from typing import Any

import pytest

from http_facade.settings import HttpSettings
from switch_grpc.config.effective import CircuitBreaker, GrpcOptions, Route, Target
from switch_grpc.config.listen import Address
from switch_grpc.server.build import GrpcSettings
from tests.support.configs import config_of, one_route, paths_of, target


def route(definitions: dict[str, Any], name: str = "r", **environ: str) -> Route:
    return next(route for route in config_of(definitions, environ).routes if route.name == name)


def only_target(definitions: dict[str, Any], **environ: str) -> Target:
    (found,) = route(definitions, **environ).targets
    return found


def breaker(definitions: dict[str, Any], **environ: str) -> CircuitBreaker:
    return only_target(definitions, **environ).breaker


def pooled(pool: dict[str, Any], route: dict[str, Any] | None = None, **keys: Any) -> dict[str, Any]:
    """One route over one pool of one target with the `keys`."""
    return {
        "models": {"r": {"primaryPoolId": "p", **(route or {})}},
        "pools": [{"id": "p", "providers": [target(**keys)], **pool}],
    }


def test_the_defaults_of_a_target_are_the_seeds_in_seconds():
    t = only_target(one_route())
    assert (t.timeout, t.max_retries, t.retry_delay, t.weight, t.priority) == (30.0, 3, 1.0, 1, 1)
    assert (t.health_check.enabled, t.health_check.interval, t.health_check.timeout) == (True, 30.0, 5.0)
    assert t.health_check.retries == 3
    assert (t.rate_limits.requests, t.rate_limits.tokens, t.cost, t.max_in_flight) == (None, None, None, None)
    timers = t.timers
    assert (timers.connect, timers.ttfb, timers.first_token, timers.idle, timers.token_idle) == (
        3.0,
        30.0,
        60.0,
        30.0,
        120.0,
    )
    assert timers.max_total is None


def test_the_defaults_of_a_breaker_are_the_seeds_in_seconds():
    b = breaker(one_route())
    assert (b.enabled, b.failure_threshold, b.reset_timeout, b.monitoring_window) == (True, 5, 60.0, 300.0)
    assert (b.min_requests, b.error_threshold_percentage, b.jitter) == (10, 50, 0.1)
    assert (b.half_open_max_probes, b.half_open_success_threshold) == (1, 1)
    p = b.permanent
    assert (p.enabled, p.base, p.timeout_multiplier, p.max_backoff_exponent, p.confirmations) == (
        True,
        300.0,
        5,
        4,
        1,
    )
    assert [pattern.pattern for pattern in p.error_patterns] == [
        "404.*not found",
        "401.*unauthorized",
        "403.*forbidden",
        "authentication.*failed",
        "invalid.*credentials",
        "api.*key.*invalid",
        "endpoint.*not.*found",
    ]
    assert p.error_patterns[0].search("404: The model was Not Found")


def test_the_defaults_of_the_gateway():
    c = config_of(one_route())
    assert (c.limits.max_in_flight, c.limits.queue, c.limits.queue_wait) == (512, 64, 0.2)
    assert (c.auth.required, c.auth.keys) == (True, ())
    assert (c.server.socket_mode, c.server.insecure, c.server.tls) == (0o600, False, None)
    assert (c.server.log_level, c.admin.listen) == ("info", None)
    assert (c.egress.proxy, c.egress.ca_file, c.egress.allow_hosts) == (None, None, ())


def test_the_defaults_of_a_route():
    r = route(one_route())
    assert (r.strategy, r.sticky, r.default, r.aliases) == ("priority-based", False, False, ())
    assert r.sticky_keys == ("x-session-id", "user", "metadata.session_id")
    f = r.fallback
    assert (f.enabled, f.max_attempts, f.model_degradation) == (True, None, False)
    assert (f.on_content_filter, f.last_resort, f.mid_stream) == (False, "fail", "error")


def test_target_wins_over_pool_over_route_over_environment_over_default_key_by_key():
    definitions = pooled(
        {"circuitBreaker": {"failureThreshold": 3, "resetTimeout": 3000, "jitter": 0.3}},
        {"circuitBreaker": {"failureThreshold": 4, "resetTimeout": 4000, "minRequestsThreshold": 4}},
        circuitBreaker={"failureThreshold": 2},
    )
    b = breaker(definitions)
    assert (b.failure_threshold, b.reset_timeout, b.jitter, b.min_requests) == (2, 3.0, 0.3, 4)
    assert b.monitoring_window == 300.0


def test_permanent_failures_merge_key_by_key_too():
    definitions = one_route(
        circuitBreaker={"permanentFailureHandling": {"confirmations": 3, "timeoutMultiplier": 2}},
        providers=[target(circuitBreaker={"permanentFailureHandling": {"confirmations": 2}})],
    )
    environ = {
        "PERMANENT_FAILURE_TIMEOUT_MULTIPLIER": "7",
        "PERMANENT_FAILURE_MAX_BACKOFF_MULTIPLIER": "6",
        "PERMANENT_FAILURE_ERROR_PATTERNS": "404.*not found, custom.*pattern",
    }
    p = breaker(definitions, **environ).permanent
    assert (p.confirmations, p.timeout_multiplier, p.max_backoff_exponent) == (2, 2, 6)
    assert [pattern.pattern for pattern in p.error_patterns] == ["404.*not found", "custom.*pattern"]


@pytest.mark.parametrize(
    ("written", "environ", "base"),
    [
        ({}, {}, 300.0),
        ({"timeoutMultiplier": 2}, {}, 120.0),
        ({"timeoutMultiplier": 1.5}, {}, 90.0),
        ({"baseTimeoutMs": 60000}, {}, 60.0),
        ({"baseTimeoutMs": 60000, "timeoutMultiplier": 20}, {}, 60.0),
        ({}, {"PERMANENT_FAILURE_BASE_TIMEOUT_MS": "90000"}, 90.0),
        ({"baseTimeoutMs": 60000}, {"PERMANENT_FAILURE_BASE_TIMEOUT_MS": "90000"}, 60.0),
        ({"baseTimeoutMs": None}, {"PERMANENT_FAILURE_BASE_TIMEOUT_MS": "90000"}, 300.0),
    ],
)
def test_the_first_pause_is_given_or_derived(written: dict[str, Any], environ: dict[str, str], base: float):
    """60 000 ms x 5 = 300 000 ms: one meaning in two forms."""
    definitions = one_route(circuitBreaker={"permanentFailureHandling": written})
    assert breaker(definitions, **environ).permanent.base == base


def test_a_shorter_reset_timeout_shortens_the_derived_pause():
    assert breaker(one_route(circuitBreaker={"resetTimeout": 10000})).permanent.base == 50.0


def test_switching_permanent_failures_off_in_the_environment_always_wins():
    written = one_route(circuitBreaker={"permanentFailureHandling": {"enabled": True}})
    assert breaker(written, PERMANENT_FAILURE_ENABLED="false").permanent.enabled is False
    off = one_route(circuitBreaker={"permanentFailureHandling": {"enabled": False}})
    assert breaker(off, PERMANENT_FAILURE_ENABLED="true").permanent.enabled is False


def test_timers_merge_over_three_levels():
    definitions = one_route(
        timeouts={"ttfbMs": 2000, "maxTotalMs": 9000},
        providers=[target(timeouts={"connectMs": 1000})],
    ) | {"timeouts": {"connectMs": 5000, "ttfbMs": 5000, "idleMs": 5000}}
    timers = only_target(definitions).timers
    assert (timers.connect, timers.ttfb, timers.idle, timers.max_total) == (1.0, 2.0, 5.0, 9.0)
    assert route(definitions).max_total == 9.0


def test_egress_merges_over_three_levels():
    definitions = one_route(providers=[target(egress={"allowHosts": ["169.254.1.1"]})]) | {
        "egress": {"proxy": "http://proxy:1"}
    }
    egress = only_target(definitions, EGRESS_PROXY="http://other:1").egress
    assert (egress.proxy, egress.allow_hosts) == ("http://proxy:1", ("169.254.1.1",))
    assert only_target(one_route(), EGRESS_PROXY="http://other:1").egress.proxy == "http://other:1"


def test_a_targets_allowed_hosts_add_to_the_top_levels():
    """As they do when the target's address is checked."""
    definitions = one_route(providers=[target(egress={"allowHosts": ["169.254.1.1"]})]) | {
        "egress": {"allowHosts": ["169.254.2.2", "169.254.1.1"]}
    }
    assert only_target(definitions).egress.allow_hosts == ("169.254.1.1", "169.254.2.2")


def test_fallback_and_health_checks_take_the_environment_under_the_file():
    assert route(one_route(), ENABLE_FALLBACK="false").fallback.enabled is False
    assert route(one_route(fallback={"enabled": True}), ENABLE_FALLBACK="false").fallback.enabled is True
    assert only_target(one_route(), HEALTH_CHECK_INTERVAL="1500").health_check.interval == 1.5


def test_pools_follow_depth_first_and_a_pool_that_is_reached_twice_stands_once():
    definitions = {
        "models": {"r": {"primaryPoolId": "a"}},
        "pools": [
            {"id": name, "providers": [target(f"t-{name}")], "fallbackPoolIds": list(fallbacks)}
            for name, fallbacks in {"a": "bc", "b": "d", "c": "d", "d": ""}.items()
        ],
    }
    r = route(definitions)
    assert [pool.id for pool in r.pools] == ["a", "b", "d", "c"]
    assert [t.name for t in r.targets] == ["t-a", "t-b", "t-d", "t-c"]


def test_both_shapes_give_the_same_targets():
    flat = one_route(providers=[target("x", weight=2), target("y", priority=3)])
    pool = {"id": "p", "providers": [target("x", weight=2), target("y", priority=3)]}
    assert route(flat).targets == route({"models": {"r": {"primaryPoolId": "p"}}, "pools": [pool]}).targets


def test_a_pool_has_its_strategy_else_the_routes_else_fastest_response():
    assert route(pooled({})).strategy == "fastest-response"
    assert route(pooled({}, {"loadBalancing": {"strategy": "round_robin"}})).strategy == "round-robin"
    assert route(pooled({"routingStrategy": "cost_optimized"})).strategy == "cost-optimized"


def test_a_pools_thresholds_are_in_seconds():
    (pool,) = route(pooled({"healthThresholds": {"responseTime": 1500, "minHealthyProviders": 2}})).pools
    assert (pool.thresholds.response_time, pool.thresholds.min_healthy) == (1.5, 2)
    assert (pool.thresholds.error_rate, pool.thresholds.consecutive_failures) == (20, 3)


def test_a_circuit_breaker_of_a_shared_pool_is_merged_for_each_route():
    definitions = {
        "models": {
            "a": {"primaryPoolId": "p", "circuitBreaker": {"failureThreshold": 1}},
            "b": {"primaryPoolId": "p", "circuitBreaker": {"failureThreshold": 2}},
        },
        "pools": [{"id": "p", "providers": [target()]}],
    }
    thresholds = [r.targets[0].breaker.failure_threshold for r in config_of(definitions).routes]
    assert thresholds == [1, 2]


def test_default_parameters_take_openais_spelling_and_keep_their_value():
    text = """{"models": {"r": {"providers": [{"name": "t", "provider": "ollama", "modelName": "m"}],
      "defaultParameters": {"maxTokens": 5, "topP": 5.0,
      "seed": 9007199254740993, "mirostat": {"b":1,"a":1e2},
      "logitBias": {"50256": -100}, "user": "\u00e9"}}}}"""
    expected = {
        "max_tokens": b"5",
        "top_p": b"5.0",
        "seed": b"9007199254740993",
        "mirostat": b'{"b":1,"a":100.0}',
        "logit_bias": b'{"50256":-100}',
        "user": '"é"'.encode(),
    }
    (r,) = config_of(text).routes
    assert r.default_parameters == expected
    assert r.targets[0].defaults == expected


def test_a_target_may_decline_the_routes_defaults():
    definitions = one_route(defaultParameters={"temperature": 0}, providers=[target(useModelDefaults=False)])
    assert only_target(definitions).defaults == {}


def test_provider_params_stay_in_the_providers_spelling():
    t = only_target(
        one_route(providers=[target(providerParams={"topK": 1}, streamingParams={"maxTokens": 2})])
    )
    assert (t.params, t.streaming_params) == ({"topK": b"1"}, {"maxTokens": b"2"})


@pytest.mark.parametrize(
    ("written", "cost"),
    [
        (0.5, (0.5, 0.5, 0.5)),
        ({"input": 1, "output": 2}, (1, 2, 1)),
        ({"input": 1, "output": 2, "cachedInput": 0}, (1, 2, 0)),
    ],
)
def test_a_cost_is_one_number_or_one_by_direction(written: object, cost: tuple[float, float, float]):
    c = only_target(one_route(providers=[target(costPerToken=written)])).cost
    assert c is not None
    assert (c.input, c.output, c.cached_input) == cost


def test_stores_by_id_or_as_an_array_are_the_same():
    store = {"type": "simple", "config": {"apiKeyVar": "K"}, "cacheTtl": 60}
    as_object = config_of(one_route() | {"credentialStores": {"s": store}}).credential_stores
    as_array = config_of(one_route() | {"credentialStores": [store | {"id": "s"}]}).credential_stores
    assert as_object == as_array
    assert (as_object["s"].type, as_object["s"].source, as_object["s"].cache_ttl) == ("simple", "env", 60.0)


def test_regions_and_projects_come_from_the_target_else_the_store_else_the_environment():
    stores = {
        "aws": {"type": "aws", "config": {"useInstanceProfile": True}},
        "eu": {"type": "aws", "config": {"useInstanceProfile": True, "regionVar": "EU"}},
    }

    def regions(**keys: Any) -> tuple[str, ...]:
        entry = target(provider="bedrock", **keys)
        definitions = one_route(providers=[entry]) | {"credentialStores": stores}
        return only_target(definitions, AWS_REGION="us-east-1", EU="eu-west-1").regions

    assert regions(credentialsRef="aws") == ("us-east-1",)
    assert regions(credentialsRef="eu") == ("eu-west-1",)
    assert regions(credentialsRef="eu", regions=["b", "a"]) == ("b", "a")


def test_callers_keys_from_file_and_environment():
    expires = "2027-01-31T00:00:00Z"
    definitions = one_route(aliases=["chat-lite"]) | {
        "auth": {
            "keys": [
                {"id": "a", "hash": "sha256:" + "AB" * 32, "scopes": ["admin:read"], "expires": expires},
                {"id": "b", "keyVar": "B_KEY", "routes": ["chat-*"]},
                {"id": "c", "keyVar": "UNSET"},
            ]
        }
    }
    environ = {"ADMIN_API_KEY": "admin-key", "API_KEYS": "k-number-1,k-number-2", "B_KEY": "bbb"}
    keys = config_of(definitions, environ)
    found = {key.id: key for key in keys.auth.keys}
    assert list(found) == ["admin-1", "api-1", "api-2", "a", "b"]
    assert found["admin-1"].scopes == {"inference", "admin:read", "admin:write"}
    assert found["api-1"].scopes == {"inference"}
    assert (found["a"].hash, found["a"].expires) == ("ab" * 32, 1801353600.0)
    assert found["b"].routes == {"r"}
    assert found["b"].key is not None
    assert found["b"].key.get_secret_value() == "bbb"
    assert "bbb" not in repr(keys)


def test_drain_waits_for_load_balancers_only_where_others_can_call():
    assert config_of(one_route()).drain.delay == 0.0
    assert config_of(one_route(), {"SERVER_HOST": "0.0.0.0", "SERVER_INSECURE": "1"}).drain.delay == 5.0
    assert config_of(one_route(), {"DRAIN_DELAY_MS": "700", "DRAIN_TIMEOUT_MS": "9000"}).drain.delay == 0.7
    assert config_of(one_route() | {"drain": {"delayMs": 0}}, {"DRAIN_DELAY_MS": "700"}).drain.delay == 0.0
    assert config_of(one_route()).drain.timeout == 110.0


def test_listeners_are_parsed_once():
    server = config_of(one_route() | {"server": {"http": "unix:/run/s", "socketMode": "0666"}}).server
    assert (server.http, server.socket_mode) == (Address(path="/run/s"), 0o666)


def test_the_identity_of_a_target_is_its_provider_base_model_and_credential():
    base = only_target(one_route())
    assert base.identity == only_target(one_route(providers=[target("other", weight=7)])).identity
    assert base.identity != only_target(one_route(providers=[target(modelName="n")])).identity
    assert base.identity != only_target(one_route(providers=[target(apiBase="http://a")])).identity


def test_a_header_is_not_in_the_repr():
    definitions = one_route(providers=[target(headers={"x-team": "${SECRET}"})])
    config = config_of(definitions, {"SECRET": "hunter2"})
    assert config.routes[0].targets[0].headers == {"x-team": "hunter2"}
    assert "hunter2" not in repr(config)


def test_options_of_the_listeners_arrive_in_bytes_and_seconds():
    server = {
        "allowedHosts": ["Switch.Example.com", "[::1]"],
        "maxBodyBytes": 4096,
        "grpcOptions": {
            "gzip": True,
            "maxMessageBytes": 8192,
            "maxConcurrentStreams": 7,
            "keepaliveMs": 1000,
            "keepaliveTimeoutMs": 2000,
            "minPingIntervalMs": 3000,
            "maxConnectionAgeMs": 4000,
            "maxConnectionAgeGraceMs": 5000,
        },
    }
    found = config_of(one_route() | {"server": server}).server
    assert (found.allowed_hosts, found.max_body) == (frozenset({"switch.example.com", "[::1]"}), 4096)
    assert found.grpc_options == GrpcOptions(
        gzip=True,
        max_message=8192,
        max_streams=7,
        keepalive=1.0,
        keepalive_timeout=2.0,
        min_ping_interval=3.0,
        max_connection_age=4.0,
        max_connection_age_grace=5.0,
    )


def test_the_listeners_defaults_are_the_doors_own():
    """They are written twice, as the doors do without a configuration too."""
    server = config_of(one_route()).server
    http, grpc, options = HttpSettings(), GrpcSettings(), server.grpc_options
    assert (server.max_body, server.allowed_hosts) == (http.max_body, http.allowed_hosts)
    assert options == GrpcOptions(
        gzip=grpc.gzip,
        max_message=grpc.max_message,
        max_streams=grpc.max_streams,
        keepalive=grpc.keepalive_time,
        keepalive_timeout=grpc.keepalive_timeout,
        min_ping_interval=grpc.min_ping_interval,
        max_connection_age=grpc.max_connection_age,
        max_connection_age_grace=grpc.max_connection_age_grace,
    )


@pytest.mark.parametrize("host", ["", "a b", "*", "a.*", "example.com:80", "::1", "-a"])
def test_an_allowed_host_is_a_name_without_port(host: str):
    assert paths_of(one_route() | {"server": {"allowedHosts": [host]}}) == ["server.allowedHosts[0]"]
