"""What holds for every test: no socket leaves this machine, and no name is looked up beyond it.

Not covered is what never passes Python's `socket` module: gRPC's core and uvloop connect and resolve in C,
and a process that a test starts is guarded by nothing. Their tests name loopback addresses only.
"""

import ipaddress
import socket
from typing import Any

import pytest
from hypothesis import settings

# No time limit per example, which a busy machine breaks; and the same examples every time, so that a change
# is judged by what it changes. `pytest --hypothesis-seed=...` looks further.
settings.register_profile("switch", deadline=None, derandomize=True)
settings.load_profile("switch")


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


def _guard_name(host: Any) -> None:
    """A name that somebody else's server would be asked about. An address is not asked about."""
    name = host.decode() if isinstance(host, bytes) else host or "localhost"
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        if name.rstrip(".").lower() == "localhost":
            return
        if name.rstrip(".").endswith(".invalid"):  # RFC 6761: it never resolves
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known") from None
        raise OutsideSocketError(f"a test looks {name!r} up; tests stay on loopback") from None


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connect or a datagram to anything but loopback or a Unix socket fails the test; so does a look-up."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex
    sendto, getaddrinfo = socket.socket.sendto, socket.getaddrinfo

    def guarded(self: socket.socket, address: Any) -> None:
        _guard(address)
        connect(self, address)

    def guarded_ex(self: socket.socket, address: Any) -> int:
        _guard(address)
        return connect_ex(self, address)

    def guarded_sendto(self: socket.socket, data: Any, *rest: Any) -> int:
        _guard(rest[-1])
        return sendto(self, data, *rest)

    def guarded_getaddrinfo(host: Any, *rest: Any, **named: Any) -> Any:
        _guard_name(host)
        return getaddrinfo(host, *rest, **named)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    monkeypatch.setattr(socket.socket, "sendto", guarded_sendto)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
    monkeypatch.setattr(socket.socket, "connect_ex", guarded_ex)
