"""Who may call Bedrock: a Bedrock API key as a bearer token, or AWS's Signature Version 4, really verified.

A mock's key `ACCESS:SECRET` is a pair of access keys, `ACCESS:SECRET:TOKEN` a temporary one; any other is an
API key. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html.
"""

import hashlib
import hmac
import re
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple
from urllib.parse import quote

from switch_grpc.mock.dialect import bearer, same_key
from switch_grpc.mock.failures import Failure, Refused
from switch_grpc.mock.ledger import Request

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_SERVICE: Final = "bedrock"  # the signing name of bedrock-runtime, by the service model's metadata
_SKEW: Final = timedelta(minutes=5)
_CREDENTIAL: Final = re.compile(r"([^/]+)/(\d{8})/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request")
_MISMATCH: Final = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
    "Access Key and signing method. Consult the service documentation for details."
)


class _Signed(NamedTuple):
    """What an Authorization header says."""

    access: str
    day: str
    region: str
    service: str
    headers: list[str]
    signature: str


def check_key(request: Request, key: str | None, now: datetime) -> None:
    """Raises Refused with AWS's own exceptions, all of them 403. Without a key anybody may call."""
    if key is None:
        return
    token = bearer(request)
    if token is not None:
        if not same_key(token, key):
            raise _refused(
                "AccessDeniedException", "Authentication failed: Please make sure your API Key is valid."
            )
        return
    access, secret, session = (*key.split(":", 2), "", "")[:3]
    signed = _read(request)
    if not same_key(signed.access, access) or not same_key(
        request.headers.get("x-amz-security-token", ""), session
    ):
        raise _refused(
            "UnrecognizedClientException", "The security token included in the request is invalid."
        )
    _check_time(request, signed, now)
    if not hmac.compare_digest(_signature(request, signed, secret), signed.signature):
        raise _refused("InvalidSignatureException", _MISMATCH)


def _refused(exception: str, message: str) -> Refused:
    return Refused(Failure(status=403, type=exception, message=message, exact=True))


def _read(request: Request) -> _Signed:
    told = request.headers.get("authorization")
    if not told:
        raise _refused("MissingAuthenticationTokenException", "Missing Authentication Token")
    scheme, _, rest = told.partition(" ")
    parts = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    absent = [name for name in ("Credential", "Signature", "SignedHeaders") if not parts.get(name)]
    if scheme != _ALGORITHM or absent:
        wants = " ".join(f"Authorization header requires '{name}' parameter." for name in absent)
        raise _refused("IncompleteSignatureException", f"{wants} Authorization={scheme}".strip())
    found = _CREDENTIAL.fullmatch(parts["Credential"])
    if found is None or found[4] != _SERVICE:
        raise _refused(
            "InvalidSignatureException", f"Credential should be scoped to correct service: '{_SERVICE}'."
        )
    headers = parts["SignedHeaders"].split(";")
    for name in ("host", "x-amz-date", "x-amz-security-token"):
        if name in request.headers and name not in headers:
            raise _refused(
                "InvalidSignatureException",
                f"'{name}' must be a 'SignedHeader' in the AWS Authorization.",
            )
    return _Signed(found[1], found[2], found[3], found[4], headers, parts["Signature"])


def _check_time(request: Request, signed: _Signed, now: datetime) -> None:
    """A signature holds for five minutes around its time."""
    text = request.headers.get("x-amz-date", "")
    try:
        at = datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise _refused(
            "IncompleteSignatureException",
            f"Date must be in ISO-8601 'basic format'. Got '{text}'.",
        ) from None
    if not text.startswith(signed.day):
        raise _refused(
            "InvalidSignatureException",
            f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{signed.day}' != '{text[:8]}', from '{text}'.",
        )
    if abs(now - at) > _SKEW:
        side = "expired" if at < now else "not yet current"
        raise _refused(
            "InvalidSignatureException",
            f"Signature {side}: {text} is not within 5 min. of {now:%Y%m%dT%H%M%SZ}",
        )


def _signature(request: Request, signed: _Signed, secret: str) -> str:
    """The signature that the request should have."""
    scope = f"{signed.day}/{signed.region}/{signed.service}/aws4_request"
    canonical = hashlib.sha256(_canonical(request, signed.headers)).hexdigest()
    text = "\n".join((_ALGORITHM, request.headers["x-amz-date"], scope, canonical))
    key = f"AWS4{secret}".encode()
    for part in (*scope.split("/"), text):
        key = hmac.digest(key, part.encode(), "sha256")
    return key.hex()


def _canonical(request: Request, names: list[str]) -> bytes:
    """The canonical request. The path is encoded once more than it came, as for every service but S3."""
    path, _, query = request.path.partition("?")
    headers = [f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in names]
    return "\n".join(
        (
            request.method,
            quote(path.encode("latin-1"), safe="/"),
            "&".join("=".join(pair) for pair in sorted(part.partition("=")[::2] for part in query.split("&")))
            if query
            else "",
            "".join(headers),
            ";".join(names),
            hashlib.sha256(request.body).hexdigest(),
        )
    ).encode()
