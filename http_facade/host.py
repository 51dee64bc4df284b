"""The Host header: refused before routing where it is not `host[:port]`.

A Host such as `x/public?` makes a URL built from it say another path than the one that is served
(CVE-2026-48710). Nothing here builds such URLs; refusing the header keeps it so for whoever comes later.
"""

import re
from typing import Final

from http_facade.errors import wrong_host

KNOWN: Final = 256  # names that are remembered

# RFC 3986's reg-name without percent-encoding and sub-delims, which no real name uses; IPv4 is one of them
_HOST: Final = re.compile(
    rb"([A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{1,5}))?"
)


class Hosts:
    """The Host headers that this door takes; it remembers those that it has looked at."""

    def __init__(self, allowed: frozenset[str]) -> None:
        """`allowed` as in HttpSettings."""
        self._allowed = allowed
        self._known: set[bytes] = set()

    def check(self, values: list[bytes], version: str) -> None:
        """`values` are the request's Host headers. Raises Fault(BAD_REQUEST)."""
        if len(values) == 1 and values[0] in self._known:
            return
        _check(values, version, self._allowed)
        if values and len(self._known) < KNOWN:
            self._known.add(values[0])


def _check(values: list[bytes], version: str, allowed: frozenset[str]) -> None:
    """HTTP/1.0 may do without: load balancers' probes do."""
    if not values and version == "1.0":
        return
    if len(values) != 1:
        raise wrong_host("send exactly one")
    match = _HOST.fullmatch(values[0])
    if match is None or (match[2] is not None and int(match[2]) > 65535):
        raise wrong_host("not a host name or address with an optional port")
    if allowed and not _is_listed(match[1].decode("ascii").lower(), allowed):
        raise wrong_host("this gateway is not called that; use one of its configured names")


def _is_listed(host: str, allowed: frozenset[str]) -> bool:
    if host in allowed:
        return True
    return any(entry.startswith("*.") and host.endswith(entry[1:]) for entry in allowed)
