"""The script language: what a model name asks the mock to do (docs/mock.md is its reference).

    mock;status=503;retry-after=1;times=2      name, then keys and toggles, in any order

`parse_script` reads the name once, into a frozen Script; durations are written in milliseconds and kept in
seconds. An unknown key is an error that names it: a typing mistake must not make a fault test pass.
"""

import enum
import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from switch_grpc.mock.failures import FAILURES, Failure, failure_for


class Fault(enum.StrEnum):
    """Ways to misbehave that are not an HTTP status. `play.py` says what each does on the wire."""

    RESET = "reset"
    CLOSE = "close"
    HANG = "hang"
    HANG_HEAD = "hang-head"
    SLOW_HEAD = "slow-head"
    SLOW_BODY = "slow-body"
    GARBAGE = "garbage"
    HTML = "html"
    CUT = "cut"
    RST_MID = "rst-mid"
    EOF = "eof"
    STALL = "stall"
    COMMENTS = "comments"
    MALFORMED_JSON = "malformed-json"
    MALFORMED_SSE = "malformed-sse"
    ERROR_EVENT = "error-event"
    ERROR_BODY = "error-body"
    ROLE_THEN_ERROR = "role-then-error"
    NO_DONE = "no-done"
    HUGE_LINE = "huge-line"
    CLOSE_AFTER = "close-after"


# The faults that let some of the answer through, unless told by `after`; all others strike at once.
_LATE: Final = frozenset({Fault.CUT, Fault.RST_MID, Fault.EOF, Fault.STALL})
_LATE_AFTER: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What one model name asks for. Durations in seconds; the defaults are a plain, immediate answer."""

    name: str = "mock"

    # Failing: what `times` and `every` switch off.
    status: int | None = None
    error: str | None = None  # a name in FAILURES
    type: str | None = None
    code: str | None = None
    retry_after: str | None = None  # header values as written, so that nonsense can be sent too
    retry_after_ms: str | None = None
    fault: Fault | None = None
    delay: float = 0.0  # before the first byte of the answer
    ttft: float = 0.0  # after the opening event, before the first token
    ping: float | None = None  # a keep-alive this often while a stream is silent
    after: int | None = None  # tokens let through before the fault
    rate: float = 1.0  # between two bytes of slow-head and slow-body
    mib: int = 5  # size of a huge-line
    times: int | None = None
    every: int = 1

    # Shape: what the answer is like when nothing fails.
    gap: float = 0.0  # between two tokens
    chunks: int | None = None
    bytes: int | None = None
    reasoning: bool = False
    refusal: bool = False
    filter: bool = False
    tool: bool = False
    tag: bool = False
    flush: bool = False

    def failing(self, count: int) -> bool:
        """Whether the `count`-th request (from 1) of this exact model name gets the failing part."""
        nth, rest = divmod(count, self.every)
        return rest == 0 and (self.times is None or nth <= self.times)

    def failure(self) -> Failure | None:
        """The error that status, error, type and code describe; None if none of them is set."""
        if self.status is None and self.error is None and self.type is None and self.code is None:
            return None
        row = FAILURES[self.error] if self.error is not None else failure_for(self.status or 400)
        return replace(
            row,
            status=self.status or row.status,
            type=self.type or row.type,
            code=self.code or row.code,
            exact=self.type is not None,
            retry_after=self.retry_after,
        )

    @property
    def steady(self) -> bool:
        """Equal requests get equal answers of a usual size, so that one may be kept."""
        return not self.tag and self.bytes is None and self.chunks is None

    @property
    def tokens_before_fault(self) -> int:
        if self.after is not None:
            return self.after
        return _LATE_AFTER if self.fault in _LATE else 0


class ScriptError(ValueError):
    """A model name that is not a script. `key` is the part at fault."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


_PLAIN: Final = Script()
_SHAPE: Final = ("name", "gap", "chunks", "bytes", "reasoning", "refusal", "filter", "tool", "tag", "flush")


@functools.lru_cache(maxsize=4096)
def calm(script: Script) -> Script:
    """The script without its failing part: the shape of the answer stays."""
    return replace(_PLAIN, **{field: getattr(script, field) for field in _SHAPE})


def _integer(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"\d{1,12}", text) or not low <= int(text) <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(text)

    return read


def _milliseconds(text: str) -> float:
    if not re.fullmatch(r"\d{1,9}(\.\d{1,6})?", text):
        raise ValueError("a number of milliseconds")
    return float(text) / 1000


def _interval(text: str) -> float:
    seconds = _milliseconds(text)
    if seconds < 0.001:
        raise ValueError("a number of milliseconds, 1 or more")
    return seconds


def _text(text: str) -> str:
    if not re.fullmatch(r"[\x20-\x7e]+", text):
        raise ValueError("printable ASCII text")
    return text


def _error(text: str) -> str:
    if text not in FAILURES:
        raise ValueError("one of " + ", ".join(sorted(FAILURES)))
    return text


def _fault(text: str) -> Fault:
    try:
        return Fault(text)
    except ValueError:
        raise ValueError("one of " + ", ".join(sorted(Fault))) from None


_Value = int | float | str | Fault
_KEYS: Final[Mapping[str, tuple[str, Callable[[str], _Value]]]] = {
    "status": ("status", _integer(300, 599)),
    "error": ("error", _error),
    "type": ("type", _text),
    "code": ("code", _text),
    "retry-after": ("retry_after", _text),
    "retry-after-ms": ("retry_after_ms", _text),
    "fault": ("fault", _fault),
    "delay": ("delay", _milliseconds),
    "ttft": ("ttft", _milliseconds),
    "gap": ("gap", _milliseconds),
    "ping": ("ping", _interval),
    "rate": ("rate", _milliseconds),
    "after": ("after", _integer(0, 10**9)),
    "times": ("times", _integer(0, 10**9)),
    "every": ("every", _integer(1, 10**9)),
    "mib": ("mib", _integer(1, 4096)),
    "chunks": ("chunks", _integer(0, 10**9)),
    "bytes": ("bytes", _integer(0, 10**11)),
}
_TOGGLES: Final = ("reasoning", "refusal", "filter", "tool", "tag", "flush")


@functools.lru_cache(maxsize=4096)
def parse_script(model: str) -> Script:
    """The script of a model name. Raises ScriptError naming the key that is unknown, doubled or wrong."""
    name, *parts = model.split(";")
    fields: dict[str, _Value | bool] = {}
    value: _Value | bool
    for part in parts:
        key, equals, text = part.partition("=")
        key = key.strip()
        if not equals and key in _TOGGLES:
            field, value = key, True
        elif equals and key in _KEYS:
            field, read = _KEYS[key]
            value = _value(key, text.strip(), read)
        else:
            raise ScriptError(key, _unknown(key, equals != ""))
        if field in fields:
            raise ScriptError(key, f"script key '{key}' is given twice; keep one")
        fields[field] = value
    return replace(_PLAIN, name=name, **fields)  # type: ignore[arg-type]  # _KEYS pairs fields and readers


def _value(key: str, text: str, read: Callable[[str], _Value]) -> _Value:
    try:
        return read(text)
    except ValueError as expected:
        raise ScriptError(key, f"script key '{key}' has the value '{text}'; expected {expected}") from None


def _unknown(key: str, valued: bool) -> str:
    if key in _KEYS:
        return f"script key '{key}' needs a value, as in {key}=1"
    if key in _TOGGLES and valued:
        return f"script toggle '{key}' takes no value"
    known = ", ".join(sorted(_KEYS))
    return f"unknown script key '{key}'; known keys: {known}; toggles: {', '.join(_TOGGLES)}"
