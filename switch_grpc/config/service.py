"""What may be written about the gateway itself: keys, limits, timers, egress, drain, catalogue."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, BeforeValidator, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from switch_grpc.config.listen import Listen
from switch_grpc.config.section import (
    Count,
    Delay,
    Dollars,
    Milliseconds,
    Path,
    RouteName,
    Section,
    Text,
    Variable,
)

Scope = Literal["inference", "admin:read", "admin:write"]
Capability = Literal["tools", "vision", "audio", "documents", "json_schema", "reasoning"]


def _only_text(value: object) -> object:
    """Pydantic would take a number as seconds since 1970."""
    if isinstance(value, str):
        return value
    raise PydanticCustomError("datetime_type", "not a string")


Moment = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_only_text)]


class AuthKey(Section):
    """One caller's key: by its hash, or by the variable that holds it."""

    id: Text = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", description="Names the caller in logs and metrics."
    )
    hash: str | None = Field(
        default=None,
        pattern=r"^(sha256:)?[0-9a-fA-F]{64}$",
        description="SHA-256 of pepper and key, in hex, as `switch key new` prints it.",
    )
    key_var: Variable | None = Field(
        default=None, description="The environment variable that holds the key itself."
    )
    scopes: list[Scope] = Field(default=["inference"], min_length=1, description="What the key may do.")
    routes: list[Text] | None = Field(
        default=None, description="The routes the key may use; `*` and `?` are wildcards. Default: all."
    )
    expires: Moment | None = Field(
        default=None, description="When the key stops working, with its UTC offset: `2027-01-31T00:00:00Z`."
    )


class Auth(Section):
    """Who may call."""

    mode: Literal["keys", "none"] = Field(
        default="keys",
        description="`none` lets everyone in; only where all listeners are loopback or Unix sockets.",
    )
    keys: list[AuthKey] = Field(
        default=[],
        description="Callers' keys, beside `ADMIN_API_KEY` (all scopes) and `API_KEYS` (inference) from the "
        "environment, both comma-separated.",
    )


class Admin(Section):
    """The admin API."""

    listen: Listen | None = Field(
        default=None,
        description="Its own HTTP listener, in the forms of `server.http`: `/admin`, `/metrics` and health "
        "are there, and the first two nowhere else; gRPC's AdminService is then not served. Environment: "
        "`ADMIN_LISTEN`. Default: the same listeners.",
    )


class Limits(Section):
    """How much the gateway takes on at once."""

    max_in_flight: Count = Field(default=512, description="Calls at once, streams to their last byte.")
    queue: Annotated[int, Field(ge=0, le=100_000)] = Field(
        default=64, description="Calls that wait for their turn."
    )
    queue_wait_ms: Delay = Field(default=200, description="Longest wait for a turn, in ms.")


class Timeouts(Section):
    """The timers of an attempt, and the bound of a whole call. All in ms."""

    connect_ms: Milliseconds = Field(default=3000, description="To connect, in ms; DNS and TLS may add 2000.")
    ttfb_ms: Milliseconds = Field(
        default=30000, description="From sending to the first byte of the answer, in ms."
    )
    first_token_ms: Milliseconds = Field(
        default=60000, description="From sending to the first content of a stream, in ms."
    )
    idle_ms: Milliseconds = Field(default=30000, description="Between two reads of the answer, in ms.")
    token_idle_ms: Milliseconds = Field(
        default=120000,
        description="Between two pieces of content of a stream, in ms; comments and pings do not count.",
    )
    max_total_ms: Milliseconds | None = Field(
        default=None, description="Upper bound of a whole call, in ms, whatever deadline the caller asks for."
    )


class CallTimeouts(Section):
    """The bounds of a whole call, from the environment only. All in ms."""

    default_ms: Milliseconds = Field(default=60000, description="A unary call without a deadline of its own.")
    max_ms: Milliseconds = Field(
        default=300000, description="The longest deadline that a unary call may ask for."
    )
    min_ms: Milliseconds = Field(
        default=1000,
        description="The shortest `timeout` and `maxTotalMs` that may be configured; never lengthens a "
        "caller's deadline.",
    )
    streaming_ms: Milliseconds = Field(
        default=600000, description="The same as default and longest, for streams."
    )
    credentials_ms: Milliseconds = Field(default=10000, description="To fetch a credential.")


class Process(Section):
    """What only the environment says of the process."""

    host: Text | None = Field(default=None, description="Host of both listeners. Default: 127.0.0.1.")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(default=3000, description="HTTP port.")
    grpc_port: Annotated[int, Field(ge=0, le=65535)] = Field(default=50051, description="gRPC port.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="`debug`, `info`, `warning` (or `warn`) or `error`."
    )


class Egress(Section):
    """How the gateway reaches providers."""

    proxy: Text | None = Field(
        default=None,
        description="HTTP proxy for all upstream traffic, as a URL. Environment: `EGRESS_PROXY`.",
    )
    ca_file: Path | None = Field(
        default=None, description="CAs to trust besides the system's, PEM. Environment: `EGRESS_CA_FILE`."
    )
    allow_hosts: list[Text] = Field(
        default=[],
        description="Hosts (`*.` for all below one), addresses or networks (CIDR) to connect to although "
        "they are in a denied range such as 169.254.0.0/16. A target's add to the top level's.",
    )


class Drain(Section):
    """What happens on SIGTERM."""

    delay_ms: Delay | None = Field(
        default=None,
        description="Listeners stay open this long after readiness turns off, in ms. Environment: "
        "`DRAIN_DELAY_MS`. Default: 5000, or 0 where all listeners are loopback or Unix sockets.",
    )
    timeout_ms: Milliseconds | None = Field(
        default=None,
        description="Open calls are cut this long after SIGTERM, in ms. Environment: `DRAIN_TIMEOUT_MS`. "
        "Default: 110000.",
    )


class Prices(Section):
    """US dollars per token."""

    input: Dollars = Field(default=0.0, description="Per input token.")
    output: Dollars = Field(default=0.0, description="Per output token.")
    cached_input: Dollars | None = Field(
        default=None, description="Per input token read from the provider's cache. Default: as `input`."
    )
    cache_write: Dollars | None = Field(
        default=None, description="Per input token written to the provider's cache. Default: as `input`."
    )


def _price_form(value: object) -> str:
    return "<prices>" if isinstance(value, dict | Prices) else "<number>"


Cost = Annotated[
    Annotated[Dollars, Tag("<number>")] | Annotated[Prices, Tag("<prices>")], Discriminator(_price_form)
]


class CatalogModel(Section):
    """What a model can do and costs; replaces what the built-in catalogue says of it, key by key."""

    family: Text | None = Field(
        default=None, description="The model's family, by which it is known what parameters the model takes."
    )
    context_window: Count | None = Field(default=None, description="Tokens of input that fit.")
    max_output_tokens: Count | None = Field(default=None, description="Tokens of output at most.")
    capabilities: list[Capability] | None = Field(default=None, description="What the model can do.")
    cost: Cost | None = Field(
        default=None,
        description="US dollars per token: one number, or `{input, output, cachedInput, cacheWrite}`.",
    )
    downgrades: list[Text] | None = Field(
        default=None,
        description="Models of the same provider to fall back to with `fallback.enableModelDegradation`, "
        "best first.",
    )


class Catalog(Section):
    """The model catalogue: context windows, capabilities, prices."""

    file: Path | None = Field(
        default=None,
        description="A file in the form of this one with nothing in it but `catalog.models`: over the "
        "built-in catalogue, under the `models` here.",
    )
    models: dict[RouteName, CatalogModel] = Field(
        default={}, description="Entries by the provider's model name, or by `PROVIDER/MODEL`, which wins."
    )
