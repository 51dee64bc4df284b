"""Data URLs: `data:image/png;base64,...` (RFC 2397), and other schemes; their case says nothing."""

import base64
from urllib.parse import unquote_to_bytes

from switch_grpc.faults import bad_request


def has_scheme(url: str, *schemes: str) -> bool:
    """Whether the URL is of one of the schemes: `data`, `https` ..."""
    return url[:12].lower().startswith(tuple(f"{scheme}:" for scheme in schemes))


def read_data_url(url: str, at: str) -> tuple[str, str]:
    """Media type and base64. Raises Fault(BAD_REQUEST) naming `at` where there are no data."""
    head, comma, data = url[len("data:") :].partition(",")
    media_type, *parameters = head.split(";")
    if not comma or not data:
        raise bad_request(at, "is a data URL without data")
    if not parameters or parameters[-1].strip().lower() != "base64":
        data = base64.b64encode(unquote_to_bytes(data)).decode()
    return media_type.strip().lower() or "text/plain", data
