"""The configuration as the rest of the gateway reads it: every layer merged, durations in float seconds."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import SecretStr

from switch_grpc.config.listen import Address
from switch_grpc.config.server import Tls
from switch_grpc.config.service import CatalogModel
from switch_grpc.config.stores import Place, Rotation


@dataclass(frozen=True, slots=True, kw_only=True)
class PermanentFailures:
    """The ladder for failures that repeating does not cure."""

    enabled: bool
    base: float  # first pause: baseTimeoutMs, else resetTimeout x timeoutMultiplier
    timeout_multiplier: float
    max_backoff_exponent: int  # the pause doubles at most this often
    error_patterns: tuple[re.Pattern[str], ...]
    confirmations: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitBreaker:
    """When a target stops receiving traffic, and for how long."""

    enabled: bool
    failure_threshold: int  # consecutive; 0: off
    reset_timeout: float
    monitoring_window: float
    min_requests: int
    error_threshold_percentage: float  # 0: off
    half_open_max_probes: int
    half_open_success_threshold: int
    jitter: float
    permanent: PermanentFailures

    @property
    def local_open_timeout(self) -> float:
        """How long a target stays out after a failure on our side of it, such as TLS."""
        return self.reset_timeout * self.permanent.timeout_multiplier


@dataclass(frozen=True, slots=True, kw_only=True)
class Timers:
    """The timers of an attempt at one target, and the bound of a whole call if there is one."""

    connect: float
    ttfb: float
    first_token: float
    idle: float
    token_idle: float
    max_total: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """US dollars per token."""

    input: float
    output: float
    cached_input: float
    cache_write: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """What the provider allows in a minute; None: no limit."""

    requests: int | None
    tokens: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck:
    """Active checks of a target."""

    enabled: bool
    interval: float
    timeout: float
    retries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Egress:
    """How providers are reached."""

    proxy: str | None = field(repr=False)  # its URL may hold a password
    ca_file: str | None
    allow_hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One provider with one model behind a route."""

    name: str
    provider: str
    model: str
    api_base: str | None  # as written; None: the provider's own
    credentials: str | None  # a credential store's id
    priority: int
    weight: float
    timeout: float  # of a whole answer, and of a stream's first content
    max_retries: int
    retry_delay: float
    headers: Mapping[str, str] = field(repr=False)  # a value may be a secret
    defaults: Mapping[str, bytes]  # parameter -> JSON, under the caller's; empty without useModelDefaults
    params: Mapping[str, bytes]  # over the caller's
    streaming_params: Mapping[str, bytes]  # over `params`, for streams
    cost: Cost | None
    rate_limits: RateLimits
    health_check: HealthCheck
    breaker: CircuitBreaker
    timers: Timers
    max_in_flight: int | None
    regions: tuple[str, ...]
    project: str | None
    location: str | None
    deployment: str | None
    api_version: str | None
    egress: Egress

    @property
    def identity(self) -> str:
        """What makes it the same target after a reload: provider, apiBase, modelName, credentialsRef."""
        parts = (self.provider, self.api_base or "", self.model, self.credentials or "")
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthThresholds:
    """When a target counts as ill, and a pool as too ill to be asked."""

    error_rate: float  # percent
    response_time: float
    consecutive_failures: int
    min_healthy: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Targets that are ranked together."""

    id: str  # of a route that lists its targets itself: the route's name
    name: str
    strategy: str
    targets: tuple[Target, ...]
    thresholds: HealthThresholds
    max_cost_per_token: float | None
    prioritize_cost: bool
    derived: bool = False  # of downgrades, behind all that are listed


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallback:
    """What happens after a target failed."""

    enabled: bool
    max_attempts: int | None  # targets; None: all
    model_degradation: bool
    on_content_filter: bool
    last_resort: Literal["fail", "try"]
    mid_stream: Literal["error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A name that callers ask for."""

    name: str
    description: str
    aliases: tuple[str, ...]
    default: bool
    pools: tuple[Pool, ...]  # in the order of asking, never empty
    sticky: bool
    sticky_keys: tuple[
        str, ...
    ]  # of x-session-id, user, metadata.session_id; the first present names a session
    fallback: Fallback
    default_parameters: Mapping[str, bytes]  # OpenAI's spelling -> JSON
    parameters: Literal["adapt", "strict"]  # what becomes of those that a model does not take
    max_total: float | None
    max_in_flight: int | None

    @property
    def strategy(self) -> str:
        return self.pools[0].strategy

    @property
    def targets(self) -> tuple[Target, ...]:
        return tuple(target for pool in self.pools for target in pool.targets)


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialStore:
    """Where one credential is, and for how many seconds it may be kept."""

    id: str
    type: Literal["simple", "aws", "google", "azure", "oauth"]
    source: Literal["env", "file", "vault", "aws-secrets"]
    config: Place  # of the type's own class: SimpleKeys, AwsKeys ...
    cache_ttl: float
    rotation: Rotation


@dataclass(frozen=True, slots=True, kw_only=True)
class GrpcOptions:
    """Limits and habits of the gRPC listener. Sizes in bytes."""

    gzip: bool
    max_message: int
    max_streams: int  # on one connection
    keepalive: float
    keepalive_timeout: float
    min_ping_interval: float
    max_connection_age: float
    max_connection_age_grace: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The listeners."""

    http: Address
    grpc: Address
    socket_mode: int
    insecure: bool
    tls: Tls | None
    allowed_hosts: frozenset[str]  # in lower case; empty: any
    max_body: int  # bytes
    grpc_options: GrpcOptions
    log_level: Literal["debug", "info", "warning", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthKey:
    """One caller's key: itself, or the SHA-256 of pepper and key in lower-case hex."""

    id: str
    key: SecretStr | None = None
    hash: str | None = None
    scopes: frozenset[str]
    routes: frozenset[str] | None = None  # names of routes; None: all
    expires: float | None = None  # Unix seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """Who may call. `required` False: everyone."""

    required: bool
    keys: tuple[AuthKey, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Admin:
    """The admin API."""

    listen: Address | None  # its own HTTP listener; None: the same listeners


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much the gateway takes on at once."""

    max_in_flight: int
    queue: int
    queue_wait: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTimeouts:
    """The bounds of a whole call, and of fetching a credential."""

    default: float
    maximum: float
    minimum: float
    streaming: float
    credentials: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Drain:
    """After SIGTERM listeners stay open for `delay`, and open calls are cut at `timeout`."""

    delay: float
    timeout: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """Additions to the model catalogue, those of its file among them."""

    file: str | None
    models: Mapping[str, CatalogModel]


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything, resolved. Immutable: a reload makes another."""

    server: Server
    auth: Auth
    admin: Admin
    limits: Limits
    timeouts: CallTimeouts
    egress: Egress
    drain: Drain
    catalog: Catalog
    credential_stores: Mapping[str, CredentialStore]
    routes: tuple[Route, ...]
