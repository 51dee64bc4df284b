"""Which addresses may be connected to, judged when a name has become an address.

A name in the configuration may resolve to a cloud's metadata service today although it did not when the
configuration was checked. Where a proxy stands between, only it sees the provider's address.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TypeVar

from switch_grpc.config.urls import is_denied, is_listed

Found = TypeVar("Found")


class Denied(OSError):
    """Every address of the host is in a denied range."""


def allowed(
    host: str, found: Sequence[Found], address: Callable[[Found], str], allow_hosts: tuple[str, ...]
) -> Sequence[Found]:
    """Of what `host` resolves to, that which is outside the denied ranges, or listed in `allow_hosts`.

    `address` tells a finding's address. Raises Denied where none is left.
    """
    if is_listed(host, allow_hosts):
        return found
    left = [each for each in found if not is_denied(address(each), allow_hosts)]
    if found and not left:
        raise Denied(f"{host} resolves to denied addresses only")
    return left


@lru_cache(maxsize=1024)
def check_literal(host: str, allow_hosts: tuple[str, ...]) -> None:
    """Raises Denied for a host that is itself such an address, and so does not have to be resolved."""
    if is_denied(host, allow_hosts):
        raise Denied(f"{host} is a denied address")
