"""The guard around every test."""

import asyncio
import socket

import pytest


@pytest.mark.parametrize("host", ["example.com", b"example.com", "api.openai.com.", "localhost.example.com"])
def test_no_name_is_looked_up_beyond_this_machine(host: str | bytes):
    with pytest.raises(AssertionError, match=r"looks .* up; tests stay on loopback"):
        socket.getaddrinfo(host, 443)


async def test_nor_by_the_event_loop():
    with pytest.raises(AssertionError, match="tests stay on loopback"):
        await asyncio.get_running_loop().getaddrinfo("example.com", 443)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", None, "", "192.0.2.1"])
def test_this_machine_and_plain_addresses_are(host: str | None):
    flags = socket.AI_PASSIVE if not host else 0
    assert socket.getaddrinfo(host or None, 80, flags=flags)


def test_a_name_that_never_resolves_does_not():
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("nowhere.invalid", 443)


def test_neither_a_connection_nor_a_datagram_leaves():
    with socket.socket() as stream, pytest.raises(AssertionError, match="connects to"):
        stream.connect(("192.0.2.1", 80))
    with (
        socket.socket(type=socket.SOCK_DGRAM) as datagrams,
        pytest.raises(AssertionError, match="connects to"),
    ):
        datagrams.sendto(b"x", ("192.0.2.1", 53))
