"""gRPC metadata and deadline, as a Call: who asks, until when, with which id."""

import random
from collections.abc import Sequence

from msgspec.structs import replace

from switch_grpc import caller_fields
from switch_grpc.call import Call
from switch_grpc.caller_fields import FALLBACK, REQUEST_ID

Metadata = Sequence[tuple[str, str | bytes]]

# Some runtimes report "no deadline" as a moment in a far century.
_FOREVER = 10 * 365 * 86_400.0

# What a caller may say of a call beside its keys and its id.
_WISHES = frozenset({"traceparent", "tracestate", "x-session-id", FALLBACK})

_CHANCE = random.Random()  # noqa: S311  # an id is no secret


def request_id(metadata: Metadata) -> str:
    """The caller's x-request-id where it is fit for one, else a new one."""
    given = None
    for name, value in metadata:
        if name == REQUEST_ID and isinstance(value, str):
            given = value
            break
    return caller_fields.call_id(given, _CHANCE)


def call_of(call_id: str, metadata: Metadata, *, remaining: float | None, now: float) -> Call:
    """The Call that the metadata of one RPC describes. Raises Fault(BAD_REQUEST) that names an entry.

    `remaining` is what `context.time_remaining()` says, in seconds; `now` is the loop's time. Every key
    presented is kept: what to make of two that differ is the engine's business.
    """
    wishes: dict[str, str] = {}
    keys: list[str] = []
    for name, value in metadata:
        if isinstance(value, bytes):  # a `-bin` entry: none of ours
            continue
        if name == "x-api-key":
            keys.append(value.strip())
        elif name == "authorization":
            keys.append(caller_fields.bearer(value))
        elif name in _WISHES:
            wishes[name] = value
    deadline = None if remaining is None or remaining > _FOREVER else now + max(0.0, remaining)
    call = Call(id=call_id, door="grpc", started=now, keys=tuple(filter(None, keys)), deadline=deadline)
    if not wishes:
        return call
    return replace(
        call,
        traceparent=caller_fields.traceparent(wishes.get("traceparent")),
        tracestate=caller_fields.tracestate(wishes.get("tracestate")),
        sticky_key=wishes.get("x-session-id") or None,
        fallback=caller_fields.fallback(wishes.get(FALLBACK), "metadata"),
    )
