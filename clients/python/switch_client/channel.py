"""How to reach a gateway: target, TLS, channel options."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import grpc

from switch_grpc import __version__

Option = tuple[str, str | int]
Pem = str | Path | bytes

_MIB = 1024 * 1024

# https://grpc.github.io/grpc/core/group__grpc__arg__keys.html
_OPTIONS: Final[dict[str, str | int]] = {
    # The gateway retries, and knows what is safe to repeat: no policy from DNS. What grpc repeats by itself,
    # a call that the gateway never began, stays on: connections there end after half an hour.
    "grpc.service_config_disable_resolution": 1,
    "grpc.max_receive_message_length": 64 * _MIB,  # answers; the gateway bounds requests
    # An error with its details may take more than the 8 KiB from which grpc refuses at random.
    "grpc.max_metadata_size": 16 * 1024,
    "grpc.absolute_max_metadata_size": 16 * 1024,
    # Finds a dead gateway under a silent stream; the gateway allows a ping every 300 s.
    "grpc.keepalive_time_ms": 330_000,
    "grpc.keepalive_timeout_ms": 20_000,
    "grpc.primary_user_agent": f"switch-client-python/{__version__}",
}


@dataclass(frozen=True, slots=True)
class TLS:
    """Encrypts the connection. Each of the three is PEM: a path, or the bytes themselves.

    Without `ca` the system's authorities are trusted. `cert` and `key` are this client's own, for a gateway
    that asks for them. `server_name` is the name to expect where it is not the target's host.
    """

    ca: Pem | None = None
    cert: Pem | None = None
    key: Pem | None = None
    server_name: str | None = None

    def __post_init__(self) -> None:
        if (self.cert is None) != (self.key is None):
            raise ValueError("TLS: cert and key go together; give both or neither")

    def credentials(self) -> grpc.ChannelCredentials:
        """Raises OSError where a file cannot be read."""
        return grpc.ssl_channel_credentials(_pem(self.ca), _pem(self.key), _pem(self.cert))


@dataclass(frozen=True, slots=True)
class Address:
    """Where a gateway is, and how to speak to it."""

    target: str
    tls: TLS | None = None
    extra: tuple[Option, ...] = ()  # channel arguments of the program's own
    gzip: bool = False

    @property
    def options(self) -> list[Option]:
        options = dict(_OPTIONS)
        if self.tls is not None and self.tls.server_name is not None:
            options["grpc.ssl_target_name_override"] = self.tls.server_name
        options.update(self.extra)
        return list(options.items())

    @property
    def compression(self) -> grpc.Compression:
        return grpc.Compression.Gzip if self.gzip else grpc.Compression.NoCompression

    def credentials(self) -> grpc.ChannelCredentials | None:
        """None for an unencrypted connection. Raises OSError where a file cannot be read."""
        return None if self.tls is None else self.tls.credentials()


def _pem(value: Pem | None) -> bytes | None:
    return value if value is None or isinstance(value, bytes) else Path(value).read_bytes()
