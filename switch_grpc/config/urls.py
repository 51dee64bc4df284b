"""Which addresses a target may have: https for public hosts, no user info, no denied ranges."""

import ipaddress
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import SplitResult, urlsplit

from switch_grpc.config.listen import is_loopback
from switch_grpc.config.problem import Problem, Where, show

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
_PRIVATE: Final = tuple(
    ipaddress.ip_network(network) for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
)
# Link-local ranges hold the clouds' metadata services; a key sent there is a key lost.
_DENIED: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",
        "169.254.0.0/16",
        "224.0.0.0/4",
        "fe80::/10",
        "fd00:ec2::254/128",
        "ff00::/8",
    )
)
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: an IPv4 address in its last 32 bits
_CLUSTER: Final = (".svc", ".cluster.local", ".local", ".internal", ".localhost")
_HOST: Final = re.compile(r"[A-Za-z0-9_.-]{1,253}|\[?[0-9A-Fa-f:.]+\]?")


def base_problems(where: Where, base: str, allow_hosts: Iterable[str]) -> list[Problem]:
    """What is wrong with an `apiBase`."""
    parts = _split(base)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        return [Problem(where, show(base), "an http or https URL with a host", "correct the URL")]
    found = []
    if "@" in parts.netloc:
        remedy = "put the key into a credential store"
        found.append(Problem(where, show(base), "a URL without user name and password", remedy))
    if parts.fragment or base.endswith("#"):
        found.append(Problem(where, show(base), 'a URL without "#"', "remove the fragment"))
    if parts.query or "?" in base:
        remedy = "remove the query; an API version goes into apiVersion"
        found.append(Problem(where, show(base), 'a URL without "?"', remedy))
    if is_denied(parts.hostname, allow_hosts):
        remedy = "correct the address, or list it in egress.allowHosts"
        found.append(Problem(where, show(base), "an address outside the denied ranges", remedy))
    elif parts.scheme == "http" and not is_private(parts.hostname):
        remedy = "use https; http is for loopback, single-label, cluster and private addresses"
        found.append(Problem(where, show(base), "https, as the host is public", remedy))
    return found


def proxy_problems(where: Where, proxy: str) -> list[Problem]:
    parts = _split(proxy)
    if parts is not None and parts.scheme in ("http", "https") and parts.hostname:
        return []
    return [Problem(where, show(proxy), "a URL like http://proxy.example:3128", "correct the URL")]


def host_problems(where: Where, host: str) -> list[Problem]:
    """What is wrong with an entry of `egress.allowHosts`."""
    try:
        ipaddress.ip_network(host, strict=False)
    except ValueError:
        if not re.fullmatch(r"(\*\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", host):
            return [Problem(where, show(host), "a host name, an address or a network (CIDR)", "correct it")]
    return []


def hostname(base: str) -> str:
    """The base's host in lower case; "" where it has none."""
    parts = _split(base)
    return (parts.hostname or "") if parts is not None else ""


def path(base: str) -> str:
    parts = _split(base)
    return parts.path if parts is not None else ""


def is_private(host: str) -> bool:
    """Loopback, single-label, of the cluster, RFC 1918 or ULA: plain http does not leave the house."""
    host = host.rstrip(".").lower()
    address = _address(host)
    if address is None:
        return "." not in host or host.endswith(_CLUSTER)
    return is_loopback(host) or any(address in network for network in _PRIVATE)


def is_denied(host: str, allow_hosts: Iterable[str]) -> bool:
    """An address in a denied range that `allow_hosts` does not list. Names are judged when they resolve."""
    address = _address(host)
    if address is None or not any(address in network for network in _DENIED):
        return False
    for allowed in allow_hosts:
        try:
            if address in ipaddress.ip_network(allowed, strict=False):
                return False
        except ValueError:
            continue  # a name
    return True


def is_listed(host: str, allow_hosts: Iterable[str]) -> bool:
    """Whether `allow_hosts` lists the name `host`, itself or by `*.` and its parent."""
    host = host.rstrip(".").lower()
    return any(
        host.endswith(entry[1:]) if entry.startswith("*.") else host == entry
        for entry in (allowed.rstrip(".").lower() for allowed in allow_hosts)
    )


def _address(host: str) -> IpAddress | None:
    try:
        address: IpAddress = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    if not isinstance(address, ipaddress.IPv6Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _split(url: str) -> SplitResult | None:
    if re.search(r"[\s\x00-\x1f\x7f\\]", url):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.hostname and not _HOST.fullmatch(parts.hostname):
        return None
    return parts if port != 0 else None
