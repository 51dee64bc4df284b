"""Inbound keys: which caller a key stands for, and what it may do.

Keys are kept as SHA-256 digests only. A key of the form `sw_<id>_<secret>` is found by its id, any other by
its digest; both are then compared in constant time, and an unknown id costs the same compare.
"""

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from switch_grpc.call import ALL_SCOPES, Principal
from switch_grpc.faults import Fault, Kind

PEPPER: Final = "AUTH_PEPPER"  # the environment variable whose value is hashed before every key
ANYONE: Final = Principal(id="anonymous", scopes=ALL_SCOPES)
_NOBODY: Final = bytes(32)


def digest(key: str, pepper: str = "") -> bytes:
    """SHA-256 over pepper and key. A lone surrogate in a key, which no valid key has, hashes as `?`."""
    return hashlib.sha256((pepper + key).encode("utf-8", "replace")).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """One key. Times are Unix seconds."""

    principal: Principal
    digest: bytes
    not_before: float | None = None
    expires: float | None = None


class Keys:
    """The keys that open this gateway."""

    def __init__(self, records: Iterable[KeyRecord], *, pepper: str = "", required: bool = True) -> None:
        """`required=False` lets everyone in: auth.mode none, which is for loopback listeners only."""
        self._by_digest: dict[bytes, KeyRecord] = {}
        self._by_id: dict[str, KeyRecord] = {}
        for record in records:
            self._by_digest[record.digest] = record
            self._by_id[record.principal.id] = record
        self._pepper = pepper
        self._required = required

    def authenticate(self, presented: Sequence[str], wall: float) -> Principal:
        """The caller. `presented`: every key sent, whatever header it came in; `wall`: Unix time.

        Raises Fault(NO_KEY | BAD_KEY); its message never repeats a key.
        """
        if not self._required:
            return ANYONE
        if not presented:
            raise Fault(Kind.NO_KEY, "no API key was sent; send it as x-api-key or Authorization: Bearer")
        if len(presented) > 1 and len(set(presented)) > 1:
            raise Fault(Kind.BAD_KEY, "two different keys were sent; remove one")
        record = self._find(presented[0])
        if record is None:
            raise Fault(Kind.BAD_KEY, "the API key is not valid")
        if record.not_before is not None and wall < record.not_before:
            raise Fault(Kind.BAD_KEY, "the API key is not valid yet")
        if record.expires is not None and wall >= record.expires:
            raise Fault(Kind.BAD_KEY, "the API key has expired")
        return record.principal

    def _find(self, key: str) -> KeyRecord | None:
        given = digest(key, self._pepper)
        # A key written out in the configuration may look like one of ours without being known by its id.
        by_id = self._by_id.get(key[3:].rpartition("_")[0]) if key.startswith("sw_") else None
        record = by_id or self._by_digest.get(given)
        same = hmac.compare_digest(given, _NOBODY if record is None else record.digest)
        return record if same else None


def require(principal: Principal, scope: str) -> None:
    """Raises Fault(FORBIDDEN) unless the caller's key has the scope."""
    if scope not in principal.scopes:
        raise Fault(Kind.FORBIDDEN, f"this API key lacks the scope {scope}", code="missing_scope")


def require_route(principal: Principal, route: str, *, asked: str) -> None:
    """Raises Fault(FORBIDDEN) unless the caller's key may use the route, by the name it was `asked` for."""
    if principal.routes is not None and route not in principal.routes:
        raise Fault(Kind.FORBIDDEN, f"this API key may not use the route {asked!r}", param="model")
