"""OAuth 2: a token endpoint's access tokens, by client credentials, refresh token or signed assertion.

RFC 6749 sections 4.4 and 6, RFC 7523 section 2.1. A grant is a form that is posted; the answer's token lives
as long as `expires_in` says.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import msgspec

from switch_grpc.credentials.signer import Secret
from switch_grpc.credentials.sources import Source
from switch_grpc.faults import Fault, Kind
from switch_grpc.providers.dialects.base import WireReply, WireRequest

Post = Callable[[WireRequest], Awaitable[WireReply]]  # raises Fault as an Upstream does

DEFAULT_LIFETIME: Final = 300.0  # seconds, of a token whose endpoint does not say (RFC 6749 section 5.1)
_SHOWN: Final = 200  # characters of an endpoint's own words that an operator is shown


class Token(Secret):
    """An access token."""

    __slots__ = ("_expires",)

    def __init__(self, value: str, expires: float) -> None:
        """`expires` in Unix seconds."""
        super().__init__(value)
        self._expires = expires

    @property
    def expires(self) -> float:
        return self._expires


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCredentials:
    """A client's own token."""

    token_url: str
    client_id: Source
    client_secret: Source
    post: Post
    wall: Callable[[], float]  # Unix seconds
    scope: str = ""
    audience: str = ""

    async def fetch(self) -> Secret:
        form = {
            "grant_type": "client_credentials",
            "client_id": (await self.client_id.fetch()).reveal(),
            "client_secret": (await self.client_secret.fetch()).reveal(),
            "scope": self.scope,
            "audience": self.audience,
        }
        return (await grant(self.token_url, form, self.post, self.wall)).token


@dataclass(slots=True, kw_only=True)
class RefreshToken:
    """Tokens on behalf of whoever granted the refresh token.

    An endpoint may replace the refresh token each time; then the newest is used until the process ends.
    """

    token_url: str
    refresh_token: Source
    client_id: Source | None
    client_secret: Source | None
    post: Post
    wall: Callable[[], float]  # Unix seconds
    scope: str = ""
    _given: Secret | None = field(default=None, repr=False)
    _newest: Secret | None = field(default=None, repr=False)

    async def fetch(self) -> Secret:
        given = await self.refresh_token.fetch()
        if given != self._given:  # an operator's new one wins over what the old one led to
            self._given, self._newest = given, given
        assert self._newest is not None
        form = {
            "grant_type": "refresh_token",
            "refresh_token": self._newest.reveal(),
            "client_id": (await self.client_id.fetch()).reveal() if self.client_id else "",
            "client_secret": (await self.client_secret.fetch()).reveal() if self.client_secret else "",
            "scope": self.scope,
        }
        granted = await grant(self.token_url, form, self.post, self.wall)
        self._newest = granted.refresh_token or self._newest
        return granted.token


@dataclass(frozen=True, slots=True)
class Granted:
    """What a token endpoint gave."""

    token: Token
    refresh_token: Secret | None


async def grant(token_url: str, form: Mapping[str, str], post: Post, wall: Callable[[], float]) -> Granted:
    """Posts the grant; members that are "" are left out. Raises Fault(CREDENTIALS)."""
    host = urlsplit(token_url).netloc
    request = WireRequest(
        url=token_url,
        headers={"content-type": "application/x-www-form-urlencoded", "accept": "application/json"},
        body=urlencode({name: value for name, value in form.items() if value}).encode(),
    )
    asked = wall()
    try:
        reply = await post(request)
    except Fault as fault:
        raise Fault(
            Kind.CREDENTIALS, f"the token endpoint at {host} cannot be asked: {fault.message}"
        ) from fault
    try:
        answer = msgspec.json.decode(reply.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        answer = {}
    if not 200 <= reply.status < 300:
        raise Fault(
            Kind.CREDENTIALS,
            f"the token endpoint at {host} refused with status {reply.status}{_reason(answer)}",
        )
    return _granted(answer, host, asked)


def _granted(answer: Mapping[str, Any], host: str, asked: float) -> Granted:
    token, refresh = answer.get("access_token"), answer.get("refresh_token")
    if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
        raise Fault(Kind.CREDENTIALS, f"the token endpoint at {host} gave no access_token")
    return Granted(
        Token(token, asked + _lifetime(answer.get("expires_in"))),
        Secret(refresh) if isinstance(refresh, str) and refresh else None,
    )


def _lifetime(seconds: object) -> float:
    """`expires_in`, a number or, at some endpoints, its digits; DEFAULT_LIFETIME where it is neither."""
    if isinstance(seconds, str) and seconds.isascii() and seconds.isdecimal() and len(seconds) < 10:
        seconds = int(seconds)
    if isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 < seconds < 1e9:
        return float(seconds)
    return DEFAULT_LIFETIME


def _reason(answer: Mapping[str, Any]) -> str:
    """RFC 6749's error code, and its description as far as it fits on a line."""
    words = [answer.get("error"), answer.get("error_description")]
    said = ": ".join(" ".join(word.split()) for word in words if isinstance(word, str) and word)
    return f" ({said[:_SHOWN]})" if said else ""
