"""What holds for every test: no socket leaves this machine."""

import ipaddress
import socket
from typing import Any

import pytest


class OutsideSocketError(AssertionError):
    """A test tried to reach something that is not on loopback."""


def _guard(address: Any) -> None:
    if not isinstance(address, tuple):  # a Unix socket's path
        return
    host = str(address[0]).partition("%")[0]
    try:
        inside = ipaddress.ip_address(host).is_loopback
    except ValueError:
        inside = host == "localhost"
    if not inside:
        raise OutsideSocketError(f"a test connects to {address!r}; tests stay on loopback")


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connect to anything but loopback or a Unix socket fails the test."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def guarded(self: socket.socket, address: Any) -> None:
        _guard(address)
        connect(self, address)

    def guarded_ex(self: socket.socket, address: Any) -> int:
        _guard(address)
        return connect_ex(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    monkeypatch.setattr(socket.socket, "connect_ex", guarded_ex)
