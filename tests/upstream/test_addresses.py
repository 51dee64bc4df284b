"""Addresses are judged when a name has become one."""

import pytest

from switch_grpc.upstream.addresses import Denied, allowed


def resolved(host: str, addresses: list[str], *allow_hosts: str) -> list[str]:
    return list(allowed(host, addresses, str, allow_hosts))


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "0.0.0.0",
        "224.0.0.1",
        "fd00:ec2::254",
        "fe80::1%eth0",
        "ff02::1",
        "::ffff:169.254.169.254",
        "64:ff9b::169.254.169.254",
        "2002:a9fe:a9fe::1",
    ],
)
def test_a_name_that_resolves_to_a_denied_address_is_refused(address: str):
    """DNS may answer with a metadata service, whatever the name looked like when it was checked."""
    with pytest.raises(Denied):
        resolved("api.example.com", [address])


def test_other_addresses_of_the_name_remain():
    found = resolved("api.example.com", ["169.254.169.254", "192.0.2.1", "10.0.0.1", "127.0.0.1"])
    assert found == ["192.0.2.1", "10.0.0.1", "127.0.0.1"]


@pytest.mark.parametrize(
    "entry", ["api.example.com", "API.example.com.", "*.example.com", "169.254.0.0/16", "169.254.1.1"]
)
def test_a_listed_host_address_or_network_is_connected_to(entry: str):
    assert resolved("api.example.com", ["169.254.1.1"], entry) == ["169.254.1.1"]


@pytest.mark.parametrize("entry", ["example.com", "*.api.example.com", "169.254.1.2", "10.0.0.0/8"])
def test_what_is_listed_allows_nothing_else(entry: str):
    with pytest.raises(Denied):
        resolved("api.example.com", ["169.254.1.1"], entry)


def test_a_name_without_addresses_stays_without():
    assert resolved("api.example.com", []) == []
