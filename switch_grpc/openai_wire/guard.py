"""Bounds on JSON from outside, checked before anything is read: depth, members, digits, duplicates.

msgspec itself refuses NaN, Infinity, lone surrogates and broken syntax, even in parts it only skips over.
What it does not bound is checked here, at a cost that an ordinary body does not notice: each exact check
stands behind a cheap one that suffices for nearly all bodies. Everything is linear in the length.
"""

import json
from itertools import accumulate
from typing import Final

import msgspec
from msgspec import Raw

from switch_grpc.faults import Fault, Kind, bad_request

MAX_DEPTH: Final = 64
MAX_MEMBERS: Final = 100_000
MAX_DIGITS: Final = 1_000

Members = dict[str, Raw]

_members: Final = msgspec.json.Decoder(Members)
_NOT_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
_ONE_KIND: Final = bytes.maketrans(b"{}", b"[]")
_STEPS: Final = {ord("["): 1, ord("]"): -1}
_USUAL_DEPTH: Final = 8
_DIGITS: Final = bytes(0x30 if chr(c) in "0123456789" else 0x20 for c in range(256))
_STRIDE: Final = 100  # a run of more than MAX_DIGITS digits covers at least 9 samples taken this far apart


class Excess(ValueError):
    """JSON that is valid but past a bound; the text says which."""


def open_body(data: bytes) -> Members:
    """The top-level members of a request's body, values unread.

    Raises Fault: INVALID_JSON where it does not parse, BAD_REQUEST where it is no object or past a bound.
    """
    if not data:
        raise Fault(Kind.INVALID_JSON, "the body is empty; send a JSON object")
    try:
        if not data.isascii():
            data.decode()
        check_members(data)
        members = _members.decode(data)
        _refuse_two_models(data, members)
    except UnicodeDecodeError as error:
        raise Fault(Kind.INVALID_JSON, f"the body is not UTF-8: byte {error.start}") from error
    except msgspec.ValidationError as error:
        raise bad_request("", "the body is not a JSON object") from error
    except msgspec.DecodeError as error:
        raise Fault(Kind.INVALID_JSON, f"the body is not JSON: {_reason(data, error)}") from error
    except RecursionError as error:
        raise too_deep() from error
    except Excess as error:
        raise bad_request("", f"the body {error}") from error
    return members


def open_reply(data: bytes) -> Members:
    """The top-level members of a provider's answer or stream event.

    Raises Fault(UPSTREAM_PROTOCOL).
    """
    try:
        if not data.isascii():
            data.decode()
        return _members.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise unreadable() from error


def too_deep() -> Fault:
    return bad_request("", f"the body nests deeper than {MAX_DEPTH} levels")


def unreadable() -> Fault:
    return Fault(Kind.UPSTREAM_PROTOCOL, "the provider's answer is not a JSON object")


def check_raw(text: bytes) -> bytes:
    """`text`, valid JSON that will travel as it stands. Raises Excess past the depth or digits bound."""
    if len(text) > 2 * MAX_DEPTH:
        if text.count(b"[") + text.count(b"{") > MAX_DEPTH and _depth(text) > MAX_DEPTH:
            raise Excess(f"nests deeper than {MAX_DEPTH} levels")
        if len(text) > MAX_DIGITS and _has_long_number(text):
            raise Excess(f"has a number of more than {MAX_DIGITS} digits")
    return text


def check_members(data: bytes) -> None:
    """Raises Excess where all objects and arrays of `data` together hold more than the bound."""
    if len(data) <= 2 * MAX_MEMBERS:  # a member takes two bytes at least
        return
    if _count_members(data) > MAX_MEMBERS:
        # A member has two strings at most, so that many quotes are too many without cutting at each.
        bare = _without_escapes(data)
        if bare.count(b'"') > 4 * MAX_MEMBERS or _count_members(_without_strings(bare)) > MAX_MEMBERS:
            raise Excess(f"has more than {MAX_MEMBERS:,} members")


def _count_members(bones: bytes) -> int:
    """An upper bound: an empty object or array counts as one."""
    return bones.count(b",") + bones.count(b"{") + bones.count(b"[")


def _outside_strings(text: bytes) -> bytes:
    return _without_strings(_without_escapes(text))


def _without_escapes(text: bytes) -> bytes:
    """`text` without escaped backslashes and quotes: every quote left begins or ends a string."""
    return text.replace(b"\\\\", b"").replace(b'\\"', b"")


def _without_strings(bare: bytes) -> bytes:
    return b"".join(bare.split(b'"')[::2])


def _depth(text: bytes) -> int:
    """How deep `text` nests. Removing the innermost pairs takes off one level, and most of the brackets."""
    brackets = _outside_strings(text).translate(_ONE_KIND, _NOT_BRACKETS)
    level = 0
    while brackets and level < _USUAL_DEPTH:
        brackets = brackets.replace(b"[]", b"")
        level += 1
    return level + max(accumulate(map(_STEPS.__getitem__, brackets)), default=0)


def _has_long_number(text: bytes) -> bool:
    if b"0" * 9 not in text[::_STRIDE].translate(_DIGITS):
        return False
    return b"0" * (MAX_DIGITS + 1) in _outside_strings(text).translate(_DIGITS)


def _refuse_two_models(data: bytes, members: Members) -> None:
    """Refuses a second `model`: who reads the first and who reads the last would route differently."""
    # A member that is there twice leaves a gap between the length of all members and that of the body.
    counted = sum(map(len, members)) + sum(map(len, members.values())) + 4 * len(members) + 1
    if len(data) - counted < len('"model":0,'):
        return
    mentions = data.count(b'"model"')
    if mentions > 1:
        mentions -= sum(bytes(raw).count(b'"model"') for raw in members.values())
    if mentions > 1 or b"\\u006" in data:  # the letters of "model" may be spelt as escapes
        pairs = json.loads(data, object_pairs_hook=list, parse_int=str, parse_float=str)
        if sum(name == "model" for name, _ in pairs) > 1:
            raise bad_request("model", "given twice; send it once")


def _reason(data: bytes, error: msgspec.DecodeError) -> str:
    reason = str(error).removeprefix("JSON is malformed: ")
    if "truncated" in reason and data.rstrip().endswith(b"}"):
        return "an unclosed string or bracket, or half of a surrogate pair"
    return reason
