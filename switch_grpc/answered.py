"""What is known of an answer beside its content: who gave it, how the call got there, what was counted."""

from collections.abc import Sequence

import msgspec

from switch_grpc.v1 import chat_pb2, route_info_pb2


class Usage(msgspec.Struct, frozen=True, gc=False):
    """Tokens, as the provider counted them."""

    prompt: int
    completion: int
    total: int
    cached: int = 0  # of the prompt's, read from the provider's cache
    cache_written: int = 0  # of the prompt's, written to it
    audio: int = 0  # of the prompt's and the answer's


class Answered(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """RouteInfo, as far as headers and observers need it: made in a tenth of a message's time."""

    target: str
    breaker_state: route_info_pb2.BreakerState
    provider_ms: float
    attempts: int  # the one that answered included
    fallback_used: bool = False
    cost_usd: float | None = None  # None: not known
    adaptations: Sequence[str] = ()


def counted(usage: chat_pb2.Usage) -> Usage:
    """A message's usage."""
    asked, answered = usage.prompt_tokens_details, usage.completion_tokens_details
    return Usage(
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.total_tokens,
        asked.cached_tokens,
        asked.cache_write_tokens,
        asked.audio_tokens + answered.audio_tokens,
    )


def answered(info: route_info_pb2.RouteInfo) -> Answered:
    """A message's route_info."""
    return Answered(
        target=info.target,
        breaker_state=info.breaker_state,
        provider_ms=info.provider_ms,
        attempts=len(info.attempts),
        fallback_used=info.fallback_used,
        cost_usd=info.cost_usd if info.HasField("cost_usd") else None,
        adaptations=info.adaptations,
    )
