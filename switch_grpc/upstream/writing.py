"""Requests as bytes: where they go, and the head that goes before the body.

What requests of one URL and one set of header names have in common is worked out once. We ask for answers
in the `identity` coding unless the request says otherwise: unpacking costs more than reading a small JSON
answer, and a packed stream of events comes late.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import quote, urlsplit

from switch_grpc import __version__
from switch_grpc.faults import Fault
from switch_grpc.providers.dialects.base import WireRequest
from switch_grpc.upstream import outcomes

FORMS: Final = 1024  # known at once
AGENT: Final = f"switch/{__version__}"
_PORTS: Final = {"http": 80, "https": 443}
_DEFAULTS: Final = {"user-agent": AGENT, "accept": "*/*", "accept-encoding": "identity"}
# What belongs to the connection is ours to say (RFC 9110, 7.6.1): a request's own are left out.
_HOP: Final = (
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
)
_OURS: Final = frozenset((*_HOP, "content-length", "expect"))
_WITHOUT_BODY: Final = frozenset(("GET", "DELETE", "OPTIONS"))  # no length has to be told where there is none
_METHOD: Final = re.compile(r"[A-Z]+")
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"[^\r\n\0\u0100-\U0010ffff]*")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_IN_URL: Final = ":/?[]@!$&'()*+,;=-._~%"  # what a URL may hold as it is (RFC 3986); all else is escaped


class Origin(NamedTuple):
    """Where connections go: who has one to an origin may send it any request of that origin."""

    tls: bool
    host: str  # a name, or an address without brackets
    port: int


class Form(NamedTuple):
    """What requests of one method, URL and set of header names have in common."""

    origin: Origin
    head: str  # with a place for each header's value and one for the body's length
    lines: int


class Writer:
    """Writes heads, and remembers the forms that they have."""

    def __init__(self) -> None:
        self._forms: dict[tuple[object, ...], Form] = {}

    def head(self, request: WireRequest) -> tuple[Origin, bytes]:
        """Where the request goes, and its head. Raises Fault(UPSTREAM_UNREACHABLE), unsent."""
        headers, size = request.headers, len(request.body)
        key = (request.method, request.url, not size, *headers)
        form = self._forms.get(key)
        if form is None:
            form = _form(request)
            if len(self._forms) >= FORMS:
                self._forms.clear()
            self._forms[key] = form
        head = form.head % (*headers.values(), size)
        if head.count("\n") != form.lines or head.count("\r") != form.lines or "\0" in head:
            raise _bad_header(headers)
        try:
            return form.origin, head.encode("latin-1")
        except UnicodeEncodeError:
            raise _bad_header(headers) from None


def _form(request: WireRequest) -> Form:
    origin, host, path = located(request.url)
    if not _METHOD.fullmatch(request.method) or request.method in ("HEAD", "CONNECT"):
        raise ValueError(f"method {request.method!r}: answers to it are not read as others are")
    given = {name.lower() for name in request.headers}
    lines = [f"{request.method} {path} HTTP/1.1"]
    if "host" not in given:
        lines.append(f"Host: {host}")
    lines += [f"{name}: {value}" for name, value in _DEFAULTS.items() if name not in given]
    lines = [line.replace("%", "%%") for line in lines]
    left_out = ""
    for name in request.headers:
        if not _NAME.fullmatch(name):
            raise outcomes.bad_header(name)
        if name.lower() in _OURS:
            left_out += "%.0s"  # takes the value, and writes nothing
        else:
            lines.append(f"{left_out}{name.replace('%', '%%')}: %s")
            left_out = ""
    if request.body or request.method not in _WITHOUT_BODY:
        lines.append(f"{left_out}content-length: %d")
    else:
        lines.append(f"{left_out}%.0s")
        return Form(origin, "\r\n".join(lines) + "\r\n", len(lines))
    return Form(origin, "\r\n".join(lines) + "\r\n\r\n", len(lines) + 1)


def located(url: str) -> tuple[Origin, str, str]:
    """The URL's origin, what the Host header says of it, and its path and query as they go out.

    Escapes stay as they are written: `v1%3A0` is signed as such. Raises Fault(UPSTREAM_UNREACHABLE).
    """
    if _CONTROL.search(url):
        raise outcomes.bad_url()
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise outcomes.bad_url() from None
    if parts.scheme not in _PORTS or not host or not host.isascii() or " " in host or "@" in parts.netloc:
        raise outcomes.bad_url()
    origin = Origin(parts.scheme == "https", host, port or _PORTS[parts.scheme])
    named = parts.netloc.removesuffix(f":{_PORTS[parts.scheme]}").removesuffix(":")
    path = quote(parts.path or "/", safe=_IN_URL)
    return origin, named, f"{path}?{quote(parts.query, safe=_IN_URL)}" if parts.query else path


def _bad_header(headers: Mapping[str, str]) -> Fault:
    """Names the header that cannot be written."""
    broken = (name for name, value in headers.items() if not _VALUE.fullmatch(value))
    return outcomes.bad_header(next(broken))
