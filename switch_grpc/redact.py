"""Text without secrets: what a provider says goes to callers, and it may repeat the key that it was sent."""

import base64
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote

MASK: Final = "***"
SHORTEST: Final = 8  # characters of a secret that is looked for; a shorter one would be found in any text
_PREFIX: Final = 12  # characters of a secret that give it away, where only its start was repeated

_PREFIXES: Final = "sk|pk|rk|gsk|hf|xai|ghp|gho|glpat|xox[a-z]|r8|pplx|nvapi|hvs|sw|csk"
# What stands in the first group stays. Where the shape alone would take in words too, a digit is asked for.
_PATTERNS: Final = tuple(
    re.compile(pattern)
    for pattern in (
        # The prefixes of vendors' keys; some providers mask the middle themselves.
        rf"()\b(?:{_PREFIXES})[-_.](?=[A-Za-z_.-]*[0-9*])[A-Za-z0-9_*.-]{{8,}}",
        r"()\b(?:AKIA|ASIA)[A-Z0-9]{12,}",
        r"()\bAIza[A-Za-z0-9_-]{20,}",
        r"()\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]+)*",  # JSON Web Tokens
        r"(?i)(\b(?:bearer|basic)\s+)(?=[a-z._~+/=-]*[0-9])[a-z0-9._~+/=-]{8,}",
        r"(?i)(\b(?:x-)?api[-_ ]?key[\"']?\s*[:=]\s*[\"']?)(?=[a-z._~+/=-]*[0-9])[a-z0-9._~+/=-]{8,}",
        r"()-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
        r"(//)[^/\s@:]+:[^/\s@]+(?=@)",  # user and password in a URL
    )
)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` with the `secrets`, in whatever form they travel, and what looks like one, as `***`."""
    for secret in secrets:
        for form in _forms(secret):
            text = _without(text, form)
    for pattern in _PATTERNS:
        text = pattern.sub(rf"\1{MASK}", text)
    return text


def _forms(secret: str) -> tuple[str, ...]:
    """The secret itself, URL-encoded, and in Base64, wherever in the encoded bytes it may begin."""
    if len(secret) < SHORTEST:
        return ()
    data = secret.encode("utf-8", "surrogatepass")
    encoded = [quote(secret.encode("utf-8", "surrogatepass"), safe="")]
    for offset in range(3):
        # Cut what depends on the neighbours: the characters that hold bits of bytes before or after.
        whole = base64.b64encode(bytes(offset) + data).decode().rstrip("=")
        start = (0, 2, 3)[offset]
        inner = whole[start : len(whole) - (1 if (offset + len(data)) % 3 else 0)]
        encoded += [inner, inner.replace("+", "-").replace("/", "_")]
    return tuple(dict.fromkeys([secret, *encoded]))


def _without(text: str, secret: str) -> str:
    """The text with each occurrence of the secret, or of as much of its start as gives it away, masked."""
    start = secret[:_PREFIX]
    parts, at = [], 0
    while (found := text.find(start, at)) >= 0:
        end, rest = found + len(start), len(start)
        while rest < len(secret) and end < len(text) and text[end] == secret[rest]:
            end, rest = end + 1, rest + 1
        parts += [text[at:found], MASK]
        at = end
    return "".join([*parts, text[at:]])
