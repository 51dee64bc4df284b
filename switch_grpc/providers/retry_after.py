"""How long a provider asks to be left alone, in all the spellings of Retry-After."""

import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

RETRY_AFTER_LIMIT: Final = 600.0  # seconds; a provider that asks for more is asked again after this

_DECIMAL: Final = re.compile(r"\d{1,15}(\.\d{0,9})?", re.ASCII)


def retry_after(headers: Mapping[str, str], now_wall: float) -> float | None:
    """Seconds that the provider asks to wait, at most RETRY_AFTER_LIMIT; None if it names no sensible time.

    Reads `retry-after-ms` (OpenAI, Azure), then `retry-after` as seconds, whole or not, or as an HTTP date
    (RFC 9110 section 10.2.3), for which `now_wall` is the time in Unix seconds. Infinite, negative and
    unreadable values, and dates that are past, say nothing. `headers` looks up lower-case names.
    """
    milliseconds = _number(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return min(milliseconds / 1000.0, RETRY_AFTER_LIMIT)
    value = headers.get("retry-after", "")
    seconds = _number(value)
    if seconds is None and value:
        seconds = _until(value, now_wall)
    return None if seconds is None else min(seconds, RETRY_AFTER_LIMIT)


def _number(value: str) -> float | None:
    return float(value) if _DECIMAL.fullmatch(value.strip()) else None


def _until(value: str, now_wall: float) -> float | None:
    try:
        date = parsedate_to_datetime(value)
        # An HTTP date is in GMT; `-0000` and other unknown zones come back without one.
        seconds = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now_wall
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
    return seconds if seconds >= 0.0 else None
