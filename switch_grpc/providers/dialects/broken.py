"""Faults in a target's name for what came of it: an answer that cannot be read, one that was cut."""

from switch_grpc.faults import Fault, Kind
from switch_grpc.providers.dialects.base import Binding


def unread(binding: Binding, what: str) -> Fault:
    """The Fault(UPSTREAM_PROTOCOL); `what` the target did: "sent an event that cannot be read"."""
    return Fault(
        Kind.UPSTREAM_PROTOCOL,
        f"target {binding.target!r} ({binding.provider}) {what}",
        target=binding.target,
    )


def cut(binding: Binding) -> Fault:
    """The Fault(STREAM_INTERRUPTED)."""
    return Fault(
        Kind.STREAM_INTERRUPTED,
        f"the answer of target {binding.target!r} ({binding.provider}) ended before it was complete",
        target=binding.target,
    )
