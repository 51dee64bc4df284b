"""The credential stores: each fetches one secret, keeps it for its cacheTtl, and hands out signers.

A fetch is shared by all calls that wait for it and is never cancelled by one of them. A secret that cannot be
refreshed is used on for up to a day, or until it expires; one that was never had is not asked for again for
five seconds. One that says when it expires is fetched anew five minutes earlier.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from switch_grpc.credentials.oauth import Token
from switch_grpc.credentials.signer import HeaderKey, NoAuth, Secret, Signer, fingerprint
from switch_grpc.credentials.sigv4 import AwsKeys, SigV4
from switch_grpc.credentials.sources import Source
from switch_grpc.faults import Fault, Kind
from switch_grpc.redact import redact

STALE_SECONDS: Final = 86_400.0
NEGATIVE_SECONDS: Final = 5.0
EARLY_SECONDS: Final = 300.0  # how long before it expires a secret is fetched anew
FORCED_INTERVAL: Final = 10.0  # a refused key is fetched again at most this often


def _key_in(header: str) -> Callable[[Secret], Signer]:
    """Signs with a key in its own header; an access token goes out as a bearer's at every vendor."""
    return lambda secret: HeaderKey(secret) if isinstance(secret, Token) else HeaderKey(secret, header, "")


SIGNERS: Final[Mapping[str, Callable[[Secret], Signer]]] = {
    "bearer": lambda secret: HeaderKey(secret),
    "x-api-key": _key_in("x-api-key"),
    "none": lambda secret: NoAuth(),
    "api-key": _key_in("api-key"),
    "x-goog-api-key": _key_in("x-goog-api-key"),
}


@dataclass(slots=True)
class _Kept:
    """What a store knows. Times are seconds on the event loop's clock."""

    secret: Secret | None = None
    fresh_until: float = float("-inf")  # from then on another is fetched
    usable_until: float = float("-inf")  # until then it serves where no other can be had
    failed: Fault | None = None
    failed_at: float = 0.0
    forced_at: float = float("-inf")
    fetching: asyncio.Task[None] | None = None


class CredentialStore:
    """One `credentialStores` entry."""

    def __init__(
        self,
        id: str,
        source: Source,
        *,
        ttl: float,
        timeout: float,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`ttl` and `timeout` in seconds: how long a secret is kept, how long a fetch may take.

        `wall` tells Unix seconds, by which secrets expire and requests are signed.
        """
        self.id = id
        self._wall = wall
        self._source = source
        self._ttl = ttl
        self._timeout = timeout
        self._kept = _Kept()
        self._signers: dict[str, Signer] = {}
        self._listeners: list[Callable[[str], None]] = []

    def on_fetched(self, listener: Callable[[str], None]) -> None:
        """Has `listener` told the fingerprint of each lasting secret that is fetched, the same or another."""
        self._listeners.append(listener)

    def cached(self, kind: str, now: float) -> Signer | None:
        """The signer, if no fetch is needed; the way that almost every call takes."""
        kept = self._kept
        if kept.secret is None or now >= kept.fresh_until:
            return None
        return self._signer(kind, kept.secret)

    async def signer(self, kind: str, now: float) -> Signer:
        """The signer, fetching the secret if need be. Raises Fault(CREDENTIALS)."""
        kept = self._kept
        recently_failed = kept.failed is not None and now - kept.failed_at < NEGATIVE_SECONDS
        if not recently_failed:
            await self._fetch(now)
        if kept.secret is not None and now < kept.usable_until:
            return self._signer(kind, kept.secret)
        why = kept.failed.message if kept.failed is not None else "the credential that came has expired"
        raise Fault(Kind.CREDENTIALS, f"credential store {self.id!r}: {why}")

    async def renew(self, kind: str, refused: Signer, now: float) -> Signer | None:
        """A signer with another credential than the `refused` one, or None; fetches at most every 10 s.

        Of calls that are refused at the same time one fetches, and all wait for it.
        """
        if (other := self._other(kind, refused)) is not None:
            return other
        kept = self._kept
        if kept.fetching is None:
            if now - kept.forced_at < FORCED_INTERVAL:
                return None
            kept.forced_at = now
        await self._fetch(now)
        return self._other(kind, refused)

    def redacted(self, text: str) -> str:
        """The text without the secret, if there is one, and without what looks like one."""
        secret = self._kept.secret
        return redact(text) if secret is None else secret.redacted(text)

    async def _fetch(self, now: float) -> None:
        kept = self._kept
        if kept.fetching is None:
            kept.fetching = asyncio.get_running_loop().create_task(self._fetch_once(now))
        await asyncio.shield(kept.fetching)

    async def _fetch_once(self, now: float) -> None:
        kept = self._kept
        try:
            async with asyncio.timeout(self._timeout):
                secret = await self._source.fetch()
        except TimeoutError:
            kept.failed = Fault(Kind.CREDENTIALS, f"fetching took longer than {self._timeout:g} s")
            kept.failed_at = now
        except Fault as fault:
            kept.failed, kept.failed_at = fault, now
        else:
            if kept.secret != secret:
                self._signers.clear()
            kept.secret, kept.failed = secret, None
            self._date(secret, now)
            if secret.expires is None:  # a token that follows another is no new credential
                for tell in self._listeners:
                    tell(fingerprint(secret))
        finally:
            kept.fetching = None

    def _date(self, secret: Secret, now: float) -> None:
        """Notes how long a secret that has just come will serve."""
        kept = self._kept
        kept.fresh_until, kept.usable_until = now + self._ttl, now + max(self._ttl, STALE_SECONDS)
        if secret.expires is not None:
            left = secret.expires - self._wall()
            kept.usable_until = now + left
            kept.fresh_until = min(kept.fresh_until, now + max(left - EARLY_SECONDS, left / 2))

    def _other(self, kind: str, refused: Signer) -> Signer | None:
        """The signer in use, unless its credential is the refused one."""
        if self._kept.secret is None:
            return None
        signer = self._signer(kind, self._kept.secret)
        return None if signer.fingerprint == refused.fingerprint else signer

    def _signer(self, kind: str, secret: Secret) -> Signer:
        known = self._signers.get(kind)
        if known is None:
            name, _, region = kind.partition("/")
            if name == "aws" and isinstance(secret, AwsKeys):
                known = SigV4(secret, region, self._wall)
            else:  # a Bedrock API key is a bearer token
                known = SIGNERS["bearer" if name == "aws" else name](secret)
            self._signers[kind] = known
        return known


class NoCredentials:
    """The store of a target that needs none."""

    id = ""
    _signer = NoAuth()

    def on_fetched(self, listener: Callable[[str], None]) -> None:
        pass

    def cached(self, kind: str, now: float) -> Signer | None:
        return self._signer

    async def signer(self, kind: str, now: float) -> Signer:
        return self._signer

    async def renew(self, kind: str, refused: Signer, now: float) -> Signer | None:
        return None

    def redacted(self, text: str) -> str:
        return redact(text)
