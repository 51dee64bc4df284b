"""The headers that every dialect's requests have, before signing."""

from collections.abc import Mapping
from typing import Final

from switch_grpc.providers.dialects.base import Binding

EVENTS: Final = "text/event-stream"
JSON: Final = "application/json"


def headers_of(binding: Binding, *, stream: bool, events: str = EVENTS) -> dict[str, str]:
    """The operator's, and what the wire needs; `events` is the content type of a stream."""
    headers = {name.lower(): value for name, value in binding.headers.items()}
    headers["content-type"] = JSON
    headers["accept"] = events if stream else JSON
    if stream:
        # A compressor on the way would hold tokens back until its window is full.
        headers["accept-encoding"] = "identity"
    return headers


def content_type(headers: Mapping[str, str]) -> str:
    """Of an answer, without its parameters and in lower case; "" where it names none."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()
