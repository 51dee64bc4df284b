"""AWS Signature Version 4, for requests with their whole body in hand.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html. Written out here
because it is short and botocore's takes three times as long; tests compare the two.
"""

import hashlib
import hmac
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qsl, quote, urlsplit

from switch_grpc.credentials.signer import Secret, fingerprint
from switch_grpc.providers.dialects.base import WireRequest
from switch_grpc.redact import redact

SERVICE: Final = "bedrock"  # the signing name, which is not the host's (bedrock-runtime)
_DEFAULT_PORTS: Final = {"https": ":443", "http": ":80"}
_SIGNED: Final = ("content-type", "host", "x-amz-date", "x-amz-security-token")  # in order of the alphabet


class AwsKeys(Secret):
    """AWS access keys; the secret access key is the secret."""

    __slots__ = ("_expires", "access_key_id", "session_token")

    def __init__(
        self,
        access_key_id: str,
        secret_access_key: str,
        session_token: Secret | None = None,
        expires: float | None = None,
    ) -> None:
        """`expires` in Unix seconds; None for keys of a user, which stay."""
        super().__init__(secret_access_key)
        self.access_key_id = access_key_id
        self.session_token = session_token
        self._expires = expires

    def whole(self) -> str:
        """With the id and the token: an id that was written wrongly is put right beside the same secret."""
        token = "" if self.session_token is None else self.session_token.reveal()
        return f"{self.access_key_id}\n{self.reveal()}\n{token}"

    def redacted(self, text: str) -> str:
        text = super().redacted(redact(text, (self.access_key_id,)))
        return text if self.session_token is None else self.session_token.redacted(text)

    @property
    def expires(self) -> float | None:
        return self._expires


class SigV4:
    """Signs with access keys, for one region."""

    __slots__ = ("_day", "_key", "_keys", "_region", "_wall", "fingerprint")

    def __init__(self, keys: AwsKeys, region: str, wall: Callable[[], float]) -> None:
        """`wall` tells Unix seconds: a signature holds for five minutes around its time."""
        self._keys = keys
        self._region = region
        self._wall = wall
        self._day = ""
        self._key = b""  # of that day; only the event loop touches the two
        self.fingerprint = fingerprint(keys)

    def sign(self, request: WireRequest) -> WireRequest:
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self._wall()))
        parts = urlsplit(request.url)
        host = parts.netloc.removesuffix(_DEFAULT_PORTS.get(parts.scheme, ""))
        headers = {**request.headers, "x-amz-date": stamp}
        if self._keys.session_token is not None:
            headers["x-amz-security-token"] = self._keys.session_token.reveal()
        told = {"host": host, **headers}
        signed = {name: told[name] for name in _SIGNED if name in told}
        names = ";".join(signed)
        canonical = "\n".join(
            (
                request.method,
                # Escaped once more, as every service but S3 wants it: `v1%3A0` is signed as `v1%253A0`.
                quote(parts.path or "/", safe="/~"),
                _query(parts.query),
                *(f"{name}:{' '.join(value.split())}" for name, value in signed.items()),
                "",
                names,
                hashlib.sha256(request.body).hexdigest(),
            )
        )
        scope = f"{stamp[:8]}/{self._region}/{SERVICE}/aws4_request"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}"
        signature = hmac.digest(self._key_of(stamp[:8]), text.encode(), "sha256").hex()
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self._keys.access_key_id}/{scope}, "
            f"SignedHeaders={names}, Signature={signature}"
        )
        return WireRequest(url=request.url, headers=headers, body=request.body, method=request.method)

    def _key_of(self, day: str) -> bytes:
        """The signing key, which holds for a day."""
        if day != self._day:
            key = f"AWS4{self._keys.reveal()}".encode()
            for part in (day, self._region, SERVICE, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._day, self._key = day, key
        return self._key


def _query(query: str) -> str:
    if not query:
        return ""
    pairs = sorted(parse_qsl(query, keep_blank_values=True))
    return "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in pairs)
