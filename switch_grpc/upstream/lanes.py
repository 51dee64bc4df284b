"""Which way requests leave: straight, or through a proxy."""

from collections.abc import Sequence

from switch_grpc.upstream.base import WayOut
from switch_grpc.upstream.direct import DirectUpstream


def open_upstream(
    *, ca_file: str | None = None, proxy: str | None = None, allow_hosts: Sequence[str] = ()
) -> WayOut:
    """The network; call it on the event loop that uses it. Raises OSError for a `ca_file` not readable.

    `ca_file`: PEM trusted besides the system's; `proxy`: URL that all traffic goes through; `allow_hosts`:
    hosts, addresses and networks to connect to although their range is denied.
    """
    if proxy is None:
        return DirectUpstream(ca_file=ca_file, allow_hosts=allow_hosts)
    from switch_grpc.upstream.proxied import ProxiedUpstream  # aiohttp is loaded where it is needed

    return ProxiedUpstream(proxy=proxy, ca_file=ca_file, allow_hosts=allow_hosts)
