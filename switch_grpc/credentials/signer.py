"""Signers: add outbound auth to a wire request. Pure, and the only code that reveals a secret."""

import hashlib
from dataclasses import dataclass
from typing import Protocol

from switch_grpc.providers.dialects.base import WireRequest
from switch_grpc.redact import redact


class Secret:
    """A string that no repr, format, log line or traceback shows."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The secret itself; only signers, sources and the auth table may ask."""
        return self._value

    def whole(self) -> str:
        """All that a signature depends on, and as secret: what differs in it is another credential."""
        return self._value

    def redacted(self, text: str) -> str:
        """The text without this secret, whole or in part, and without what looks like another."""
        return redact(text, (self._value,))

    @property
    def expires(self) -> float | None:
        """Unix seconds after which it is worth nothing; None where it does not say."""
        return None

    def __repr__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return "***"

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not pickled")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.whole() == other.whole()

    def __hash__(self) -> int:
        return hash(self.whole())


def fingerprint(secret: Secret) -> str:
    """The first 8 hex digits of the SHA-256 of all of it: tells two apart, in logs too."""
    return hashlib.sha256(secret.whole().encode()).hexdigest()[:8]


class Signer(Protocol):
    """Adds outbound auth."""

    @property
    def fingerprint(self) -> str:
        """Changes when the credential does."""

    def sign(self, request: WireRequest) -> WireRequest:
        """The request with auth added; the given one is not changed."""


@dataclass(frozen=True, slots=True)
class NoAuth:
    """For upstreams that ask for none."""

    fingerprint: str = ""

    def sign(self, request: WireRequest) -> WireRequest:
        return request


@dataclass(frozen=True, slots=True)
class HeaderKey:
    """One header with an API key: `authorization: Bearer ...`, `x-api-key: ...`, `api-key: ...`."""

    secret: Secret
    header: str = "authorization"
    prefix: str = "Bearer "

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.secret)

    def sign(self, request: WireRequest) -> WireRequest:
        value = self.prefix + self.secret.reveal()
        headers = {**request.headers, self.header: value}
        return WireRequest(url=request.url, headers=headers, body=request.body, method=request.method)
