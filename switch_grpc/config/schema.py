"""What may be written in the file: every key with its type, bounds, default and meaning.

The defaults stand here for the reader of the reference; which layer a value comes from is `resolve`'s
business, which asks for the keys that were set. References between parts are `check`'s.
"""

import re
import warnings
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from switch_grpc.call import STICKY_KEYS
from switch_grpc.config.section import (
    Count,
    Json,
    Milliseconds,
    Percent,
    RouteName,
    Section,
    TargetName,
    Text,
)
from switch_grpc.config.server import Server
from switch_grpc.config.service import (
    Admin,
    Auth,
    Catalog,
    Cost,
    Drain,
    Egress,
    Limits,
    Timeouts,
)
from switch_grpc.config.stores import Stores

ERROR_PATTERNS: Final = (
    "404.*not found",
    "401.*unauthorized",
    "403.*forbidden",
    "authentication.*failed",
    "invalid.*credentials",
    "api.*key.*invalid",
    "endpoint.*not.*found",
)

# Both spellings are accepted; the hyphen form is the one inside. Which names exist is the table's to say.
StrategyName = Annotated[Text, AfterValidator(lambda name: name.replace("_", "-"))]
StickyKey = Literal["x-session-id", "user", "metadata.session_id"]


def _sticky_form(value: object) -> str:
    return "<several>" if isinstance(value, list) else "<one>"


StickyKeys = Annotated[
    Annotated[StickyKey, Tag("<one>")] | Annotated[list[StickyKey], Field(min_length=1), Tag("<several>")],
    Discriminator(_sticky_form),
]

_STRATEGIES = (
    "`priority-based`, `round-robin`, `weighted`, `least-connections`, `fastest-response` or "
    "`cost-optimized`; underscores do as well."
)


def _check_regex(pattern: str) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(pattern, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        raise PydanticCustomError(
            "regex", "{reason}", {"reason": f"correct it: {error}", "expected": "a regular expression"}
        ) from error
    return pattern


Pattern = Annotated[str, Field(min_length=1, max_length=512), AfterValidator(_check_regex)]


class PermanentFailures(Section):
    """Failures that repeating does not cure (a wrong key, a missing model): 5, 10, 20, 40, 80 minutes."""

    enabled: bool = Field(
        default=True,
        description="Treat them apart. `PERMANENT_FAILURE_ENABLED=false` turns it off everywhere, whatever "
        "is written here.",
    )
    timeout_multiplier: Annotated[float, Field(ge=1, le=20)] = Field(
        default=5,
        description="First pause as a multiple of `resetTimeout`. Environment: "
        "`PERMANENT_FAILURE_TIMEOUT_MULTIPLIER`.",
    )
    base_timeout_ms: Annotated[Milliseconds, Field(ge=60_000)] | None = Field(
        default=None,
        description="First pause in ms, at least a minute; wins over `timeoutMultiplier`. Environment: "
        "`PERMANENT_FAILURE_BASE_TIMEOUT_MS`. Default: `resetTimeout` x `timeoutMultiplier` = 300000.",
    )
    max_backoff_multiplier: Annotated[int, Field(ge=1, le=10)] = Field(
        default=4,
        description="The pause doubles at most this many times. Environment: "
        "`PERMANENT_FAILURE_MAX_BACKOFF_MULTIPLIER`.",
    )
    error_patterns: list[Pattern] = Field(
        default=list(ERROR_PATTERNS),
        description="Regular expressions, case-insensitive, looked for in the status and the error's words; "
        "`${VAR}` is not expanded here. Environment: `PERMANENT_FAILURE_ERROR_PATTERNS`, comma-separated.",
    )
    confirmations: Annotated[int, Field(ge=1, le=100)] = Field(
        default=1, description="How many permanent failures in a row open the breaker."
    )


class CircuitBreaker(Section):
    """When a target stops receiving traffic, and for how long."""

    enabled: bool = Field(default=True, description="Off: the target is always asked.")
    failure_threshold: Annotated[int, Field(ge=0, le=100_000)] = Field(
        default=5, description="Consecutive failures that open the breaker; 0 turns this signal off."
    )
    reset_timeout: Milliseconds = Field(default=60000, description="From open to half open, in ms.")
    monitoring_window: Milliseconds = Field(
        default=300000, description="Length of the sliding window, in ms."
    )
    min_requests_threshold: Count = Field(
        default=10, description="Outcomes in the window before its error rate counts."
    )
    error_threshold_percentage: Percent = Field(
        default=50,
        description="Error rate in the window that opens the breaker, in percent; 0 turns this signal off.",
    )
    half_open_max_probes: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=1, description="Attempts at once while half open."
    )
    half_open_success_threshold: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=1, description="Successes that close a half-open breaker."
    )
    jitter: Annotated[float, Field(ge=0, le=0.5)] = Field(
        default=0.1, description="Pauses vary by this share, up and down; 0 makes them exact."
    )
    permanent_failure_handling: PermanentFailures = Field(
        default=PermanentFailures(), description="Failures that repeating does not cure."
    )


class RateLimits(Section):
    """What the provider allows; a target at its limit is passed over."""

    requests_per_minute: Count | None = Field(
        default=None, description="Requests in a minute. Default: no limit."
    )
    tokens_per_minute: Count | None = Field(
        default=None, description="Tokens in a minute. Default: no limit."
    )


class HealthCheck(Section):
    """Active checks, at free endpoints only: never a paid completion."""

    enabled: bool = Field(default=True, description="Check the target while no traffic tells how it is.")
    interval_ms: Milliseconds = Field(
        default=30000, description="Between two checks, in ms. Environment: `HEALTH_CHECK_INTERVAL`."
    )
    timeout_ms: Annotated[Milliseconds, Field(le=5000)] = Field(
        default=5000, description="For one check, in ms."
    )
    retries: Annotated[int, Field(ge=0, le=10)] = Field(
        default=3, description="Failed checks before it counts."
    )


class TargetEntry(Section):
    """One provider with one model behind a route: an entry of `providers[]`."""

    name: TargetName = Field(description="Names the target in headers, metrics and the admin API.")
    provider: Text = Field(
        description="The provider's kind: `openai`, `anthropic`, `bedrock`, `together`, `runpod`, `vertex`, "
        "`azure`, `alibaba`, `groq`, `ollama`, `custom` and more."
    )
    model_name: Text = Field(description="The provider's name for the model.")
    credentials_ref: Text | None = Field(default=None, description="The id of a credential store.")
    api_base: Text | None = Field(
        default=None,
        description="Base URL, as an SDK takes it; https but for private hosts. Default: the provider's own. "
        "`custom` has none and needs it.",
    )
    priority: Annotated[int, Field(ge=1, le=10)] = Field(default=1, description="1 is asked first.")
    weight: Annotated[float, Field(ge=0, le=1_000_000)] = Field(
        default=1, description="Share of the traffic among targets of equal rank; 0 drains the target."
    )
    timeout: Milliseconds = Field(
        default=30000, description="For a whole answer, and for a stream's first content, in ms."
    )
    max_retries: Annotated[int, Field(ge=0, le=10)] = Field(default=3, description="Repeats at this target.")
    retry_delay: Milliseconds = Field(
        default=1000, description="Base of the pause before a repeat, in ms; it doubles."
    )
    headers: dict[str, str] = Field(default={}, description="Headers to send along.")
    provider_params: dict[str, Json] = Field(
        default={}, description="JSON fields put over the caller's, in the provider's own spelling."
    )
    streaming_params: dict[str, Json] = Field(
        default={}, description="The same for streams only, put over `providerParams`."
    )
    use_model_defaults: bool = Field(default=True, description="Apply the route's `defaultParameters`.")
    cost_per_token: Cost | None = Field(
        default=None,
        description="US dollars per token: one number, or `{input, output, cachedInput, cacheWrite}`. "
        "Default: the catalogue's.",
    )
    rate_limits: RateLimits = Field(default=RateLimits(), description="What the provider allows.")
    health_check: HealthCheck = Field(default=HealthCheck(), description="Active checks.")
    circuit_breaker: CircuitBreaker = Field(
        default=CircuitBreaker(), description="Over the pool's and the route's."
    )
    timeouts: Timeouts = Field(default=Timeouts(), description="Over the route's and the top level's.")
    max_in_flight: Count | None = Field(
        default=None, description="Calls at once at this target. Default: no limit."
    )
    regions: list[Text] = Field(
        default=[],
        description="Bedrock, Vertex: regions, tried in order. Default: the store's, else `AWS_REGION`.",
    )
    project: Text | None = Field(
        default=None, description="Vertex: the project. Default: the store's, else `GOOGLE_PROJECT_ID`."
    )
    location: Text | None = Field(default=None, description="Vertex: the location.")
    deployment: Text | None = Field(default=None, description="Azure: the deployment. Default: `modelName`.")
    api_version: Text | None = Field(default=None, description="Azure: the API version.")
    egress: Egress = Field(default=Egress(), description="Over the top level's.")


class LoadBalancing(Section):
    """In which order a route's targets are tried."""

    strategy: StrategyName = Field(default="priority-based", description=_STRATEGIES)
    sticky_sessions: bool = Field(default=False, description="Keep the calls of one session on one target.")
    sticky_key: StickyKeys = Field(
        default=list(STICKY_KEYS),
        description="What names a session, or several in order: the header `x-session-id`, the request's "
        "`user`, its `metadata.session_id`.",
    )


class Fallback(Section):
    """What happens after a target failed."""

    enabled: bool = Field(default=True, description="Try the next target. Environment: `ENABLE_FALLBACK`.")
    max_attempts: Annotated[int, Field(ge=1, le=100)] | None = Field(
        default=None, description="Targets tried at most. Default: all."
    )
    enable_model_degradation: bool = Field(
        default=False,
        description="Behind the listed targets, try their models' downgrades from the catalogue.",
    )
    on_content_filter: bool = Field(
        default=False, description="Try the next target when a prompt was filtered."
    )
    last_resort: Literal["fail", "try"] = Field(
        default="fail",
        description="When every breaker is open: fail at once, or try the one that closes soonest. `try` is "
        "accepted, not acted on yet.",
    )
    mid_stream: Literal["error"] = Field(
        default="error", description="When a stream breaks after its first content: end it with an error."
    )


class RouteEntry(Section):
    """A route: the name that callers ask for. Give it `providers`, or the id of a pool."""

    name: RouteName | None = Field(
        default=None, description="The key repeated; a different name is an error."
    )
    description: str | None = Field(default=None, description="A note for people.")
    providers: list[TargetEntry] | None = Field(default=None, description="The targets.")
    primary_pool_id: Text | None = Field(
        default=None, description="The pool to ask; its fallback pools follow, depth first."
    )
    aliases: list[RouteName] = Field(default=[], description="Other names for this route.")
    default: bool = Field(default=False, description="Take the calls whose model names no route.")
    default_parameters: dict[str, Json] = Field(
        default={},
        description="Request parameters where the caller sets none; `maxTokens` and `max_tokens` are one.",
    )
    parameters: Literal["adapt", "strict"] = Field(
        default="adapt",
        description="When a model does not take a parameter, or not its value: `adapt` leaves it out or "
        "clamps it and says so in the reply's route info, `strict` refuses, and another target may serve.",
    )
    circuit_breaker: CircuitBreaker = Field(
        default=CircuitBreaker(), description="For all targets of the route."
    )
    load_balancing: LoadBalancing = Field(
        default=LoadBalancing(), description="In which order targets are tried."
    )
    fallback: Fallback = Field(default=Fallback(), description="What happens after a target failed.")
    timeouts: Timeouts = Field(default=Timeouts(), description="Over the top level's.")
    max_in_flight: Count | None = Field(
        default=None, description="Calls at once on this route. Default: no limit."
    )


class HealthThresholds(Section):
    """When a pool is passed over."""

    error_rate: Percent = Field(
        default=20, description="Error rate from which a target counts as ill, in percent."
    )
    response_time: Milliseconds = Field(
        default=30000, description="Average response time from which a target counts as ill, in ms."
    )
    consecutive_failures: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default=3, description="Failures in a row from which a target counts as ill."
    )
    min_healthy_providers: Annotated[int, Field(ge=0, le=1000)] = Field(
        default=1, description="With fewer healthy targets the pool is passed over."
    )


class WeightedRouting(Section):
    """Weights that follow the targets' health. Accepted, not acted on yet: weights stay as written."""

    auto_adjust: bool = Field(default=False, description="Adjust weights between the bounds.")
    min_weight: Annotated[float, Field(ge=0)] = Field(default=0, description="Lowest weight.")
    max_weight: Annotated[float, Field(ge=0)] = Field(default=100, description="Highest weight.")


class CostOptimization(Section):
    """Prices as a reason."""

    max_cost_per_token: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="Targets above this price, in US dollars per token, are passed over."
    )
    prioritize_cost: bool = Field(default=False, description="Rank by price first, whatever the strategy.")


class PoolEntry(Section):
    """Targets that belong together, and the pools to go to when they fail."""

    id: Text = Field(description="What routes and other pools refer to.")
    name: Text | None = Field(default=None, description="A name for people.")
    description: str | None = Field(default=None, description="A note for people.")
    providers: Annotated[list[TargetEntry], Field(min_length=1)] = Field(description="The targets.")
    fallback_pool_ids: list[Text] = Field(
        default=[], description="Pools to go to, in order, each with its own."
    )
    routing_strategy: StrategyName = Field(default="fastest-response", description=_STRATEGIES)
    circuit_breaker: CircuitBreaker = Field(default=CircuitBreaker(), description="Over the route's.")
    health_thresholds: HealthThresholds = Field(
        default=HealthThresholds(), description="When the pool is passed over."
    )
    weighted_routing: WeightedRouting = Field(
        default=WeightedRouting(), description="Weights that follow health."
    )
    cost_optimization: CostOptimization = Field(default=CostOptimization(), description="Prices as a reason.")


class Definitions(Section):
    """A whole configuration: a file, or the variable `MODEL_DEFINITIONS`."""

    schema_url: str | None = Field(
        default=None, alias="$schema", description="For editors: the URL of the JSON Schema."
    )
    credential_stores: Stores = Field(
        default={}, description="Where the secrets are: an object by id, or an array of objects with `id`."
    )
    models: dict[RouteName, RouteEntry] = Field(
        default={}, description="The routes, by the name that callers ask for."
    )
    pools: list[PoolEntry] = Field(
        default=[], max_length=500, description="Pools of targets that routes refer to."
    )
    server: Server = Field(default=Server(), description="Where callers come in.")
    auth: Auth = Field(default=Auth(), description="Who may call.")
    admin: Admin = Field(default=Admin(), description="The admin API.")
    limits: Limits = Field(default=Limits(), description="How much the gateway takes on at once.")
    timeouts: Timeouts = Field(default=Timeouts(), description="For all routes.")
    egress: Egress = Field(default=Egress(), description="How the gateway reaches providers.")
    drain: Drain = Field(default=Drain(), description="What happens on SIGTERM.")
    catalog: Catalog = Field(default=Catalog(), description="The model catalogue.")
