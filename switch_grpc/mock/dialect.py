"""What a dialect brings to the mock: its paths, how it reads a request, how it shows its errors.

    EXAMPLE = Dialect(name="example", wire=WIRE, authorize=authorize, headers=headers, operations=(
        Operation(method="POST", pattern=under(r"things/(?P<model>[^/]+)/say"), read=read_say),
    ))

`endpoints.py` has the table of dialects. Scripts, faults and pace are the same for all of them.
"""

import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from switch_grpc.mock.failures import FAILURES, Refused, invalid
from switch_grpc.mock.ledger import Request
from switch_grpc.mock.script import Script, ScriptError, parse_script
from switch_grpc.mock.steps import Answer, Headers, Wire

PLAIN: Final = Script()
_MISSING: Final = "missing"  # models whose name begins so do not exist


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What is new with each attempt: its id, and the headers that go out with its answer."""

    attempt: str
    headers: Headers


# A request read and worked out, to be answered as often as it comes.
Job = Callable[[Context], Answer]


class Incoming(NamedTuple):
    """What an operation reads. Equal ones have equal jobs: small ones are worked out once."""

    body: bytes
    model: str = ""  # where the path names it, percent-decoded
    query: str = ""  # without its question mark, as it came
    headers: tuple[str, ...] = ()  # the values of the dialect's `reads_headers`, empty where one did not come


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, read and worked out. One without a model, such as a list of models, is not counted."""

    model: str
    script: Script
    job: Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One path of a dialect.

    `pattern` matches the whole path, still percent-encoded and without its query; its group `model`, if it
    has one, is where the path names the model. `read` raises Refused. Where two dialects have the same path,
    `when` tells theirs by the headers; the later one in the table gets the rest.
    """

    method: str
    pattern: re.Pattern[str]
    read: Callable[[Incoming], Asked]
    when: Callable[[Request], bool] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """A vendor's way to speak over HTTP.

    `authorize` gets the key that the mock insists on, None if any will do; it also checks what other headers
    the vendor demands, and raises Refused. `headers` gives an attempt's answer the vendor's own headers.
    """

    name: str
    wire: Wire
    operations: tuple[Operation, ...]
    authorize: Callable[[Request, str | None], None]
    headers: Callable[[str], Headers]
    reads_headers: tuple[str, ...] = ()  # in lower case


def under(pattern: str) -> re.Pattern[str]:
    """A path under any prefix: what may stand before an operation's own path is the operator's affair."""
    return re.compile(rf"/(?:.*/)?{pattern}/?")


def script_of(model: str) -> Script:
    """The script of a model name. Raises Refused if it cannot be read, or if no such model exists."""
    try:
        script = parse_script(model)
    except ScriptError as error:
        raise invalid(
            f"The mock cannot read the model name: {error}.", param="model", code="invalid_script"
        ) from error
    if script.name.startswith(_MISSING):
        raise Refused(FAILURES["model_not_found"].about(model))
    return script


def bearer(request: Request) -> str | None:
    """The token of the Authorization header, None without one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def same_key(sent: str, key: str) -> bool:
    return hmac.compare_digest(sent.encode(), key.encode())
