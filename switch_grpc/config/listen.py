"""Where a listener binds: `HOST:PORT`, `[v6]:PORT` or `unix:PATH`."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

_HOST: Final = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?")
FORMS: Final = "HOST:PORT, [IPv6]:PORT or unix:PATH"


@dataclass(frozen=True, slots=True)
class Address:
    """A TCP address, or the path of a Unix socket when `path` is set. Port 0 lets the system choose."""

    host: str = ""
    port: int = 0
    path: str = ""

    @property
    def is_unix(self) -> bool:
        return bool(self.path)

    @property
    def is_local(self) -> bool:
        """Only this machine can reach it."""
        return self.is_unix or is_loopback(self.host)

    def __str__(self) -> str:
        if self.path:
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """The address. Raises ValueError that says what is wrong with it."""
    if text.startswith("unix:"):
        return _socket(text.removeprefix("unix:"))
    host, colon, port = text.rpartition(":")
    if not colon:
        raise ValueError("it names no port")
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65535):
        raise ValueError("the port is no number from 0 to 65535")
    if host.startswith("[") and host.endswith("]"):
        return Address(str(ipaddress.IPv6Address(host[1:-1])), int(port))
    if ":" in host:
        raise ValueError("an IPv6 address stands in brackets")
    if re.fullmatch(r"[0-9.]+", host):
        return Address(str(ipaddress.IPv4Address(host)), int(port))
    if not _HOST.fullmatch(host):
        raise ValueError(
            "the host is no name and no address" if host else "it names no host; 0.0.0.0 means all"
        )
    return Address(host, int(port))


def _validate(value: object) -> Address:
    if isinstance(value, Address):
        return value
    if not isinstance(value, str):
        raise PydanticCustomError("address", "{reason}", {"reason": "write a string", "expected": FORMS})
    try:
        return parse_address(value)
    except ValueError as error:
        raise PydanticCustomError("address", "{reason}", {"reason": str(error), "expected": FORMS}) from error


Listen = Annotated[Address, PlainValidator(_validate), WithJsonSchema({"type": "string"})]
"""An address as a key's value."""


def _socket(path: str) -> Address:
    if not path or "\x00" in path:
        raise ValueError("it names no path")
    if path.startswith("@"):
        raise ValueError("abstract sockets have no file permissions; name a path")
    if len(path.encode("utf-8", "replace")) > 107:  # sun_path on Linux, with its closing NUL
        raise ValueError("the path of a socket is at most 107 bytes long")
    return Address(path=path)


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host.rstrip(".").lower() == "localhost" or host.rstrip(".").lower().endswith(".localhost")
