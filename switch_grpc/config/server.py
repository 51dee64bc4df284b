"""What may be written about the listeners: where they are, TLS, limits."""

from typing import Annotated

from pydantic import Field

from switch_grpc.config.listen import Listen
from switch_grpc.config.section import Bytes, ConnectionMs, Path, Section

HostName = Annotated[
    str, Field(pattern=r"^(?:(?:\*\.)?[A-Za-z0-9][A-Za-z0-9._-]{0,252}|\[[0-9A-Fa-f:.]{2,45}\])$")
]


class Tls(Section):
    """TLS on both listeners."""

    cert_file: Path = Field(description="The certificate chain, PEM.")
    key_file: Path = Field(description="The private key, PEM.")
    client_ca_file: Path | None = Field(
        default=None, description="CAs, PEM: callers must then present a certificate that one of them signed."
    )


class GrpcOptions(Section):
    """Limits and habits of the gRPC listener."""

    gzip: bool = Field(default=False, description="Compress answers, for callers that accept it.")
    max_message_bytes: Bytes = Field(default=32 * 1024 * 1024, description="Largest request, in bytes.")
    max_concurrent_streams: Annotated[int, Field(gt=0, le=1_000_000)] = Field(
        default=1000, description="Calls at once on one connection; more wait in the caller."
    )
    keepalive_ms: ConnectionMs = Field(
        default=60_000, description="Silence after which a connection is asked for a sign of life, in ms."
    )
    keepalive_timeout_ms: ConnectionMs = Field(
        default=20_000, description="Without one in this time the connection is closed, in ms."
    )
    min_ping_interval_ms: ConnectionMs = Field(
        default=300_000,
        description="A caller that pings an idle connection more often than this is cut off, in ms.",
    )
    max_connection_age_ms: ConnectionMs = Field(
        default=1_800_000,
        description="A connection takes no new calls after this, so that load spreads over replicas, in ms.",
    )
    max_connection_age_grace_ms: ConnectionMs = Field(
        default=600_000, description="What the calls still open on it then have to finish, in ms."
    )


class Server(Section):
    """Where callers come in."""

    http: Listen | None = Field(
        default=None,
        description="HTTP listener: `HOST:PORT`, `[v6]:PORT` or `unix:PATH`. Environment: `SERVER_HOST`, "
        "`SERVER_PORT` (or `PORT`). Default: `127.0.0.1:3000`.",
    )
    grpc: Listen | None = Field(
        default=None,
        description="gRPC listener, in the same forms. Environment: `SERVER_HOST`, `GRPC_PORT`. "
        "Default: `127.0.0.1:50051`.",
    )
    socket_mode: str = Field(
        default="0600", pattern=r"^0[0-7]{3}$", description="Octal mode of Unix sockets."
    )
    insecure: bool | None = Field(
        default=None,
        description="Allow listeners without TLS beyond loopback. Environment: `SERVER_INSECURE`. "
        "Default: false.",
    )
    tls: Tls | None = Field(default=None, description="Certificate and key for both listeners.")
    allowed_hosts: list[HostName] = Field(
        default=[],
        description="What a request's `Host` may name, without port: names, `*.example.com`, addresses; "
        "those by which health checks call must be among them. Default: anything.",
    )
    max_body_bytes: Bytes = Field(
        default=32 * 1024 * 1024, description="Largest body of an HTTP request, in bytes."
    )
    grpc_options: GrpcOptions = Field(
        default=GrpcOptions(), description="Limits and habits of the gRPC listener."
    )
