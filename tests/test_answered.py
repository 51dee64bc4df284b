"""What observers and headers know of an answer, read out of its messages."""

from switch_grpc.answered import Answered, Usage, answered, counted
from switch_grpc.v1 import chat_pb2, fault_pb2, route_info_pb2


def test_a_messages_usage_has_its_tokens_by_what_they_cost():
    usage = chat_pb2.Usage(
        prompt_tokens=10,
        completion_tokens=20,
        total_tokens=30,
        prompt_tokens_details=chat_pb2.Usage.PromptTokens(
            cached_tokens=4, cache_write_tokens=3, audio_tokens=2
        ),
        completion_tokens_details=chat_pb2.Usage.CompletionTokens(reasoning_tokens=9, audio_tokens=1),
    )
    assert counted(usage) == Usage(10, 20, 30, cached=4, cache_written=3, audio=3)
    assert counted(chat_pb2.Usage()) == Usage(0, 0, 0)


def test_a_messages_route_info_without_a_cost_has_none_known():
    info = route_info_pb2.RouteInfo(
        target="a",
        breaker_state=route_info_pb2.BREAKER_STATE_HALF_OPEN,
        provider_ms=1.5,
        attempts=[fault_pb2.AttemptInfo(target="b"), fault_pb2.AttemptInfo(target="a")],
        fallback_used=True,
        adaptations=["dropped seed"],
    )
    told = answered(info)
    assert told == Answered(
        target="a",
        breaker_state=route_info_pb2.BREAKER_STATE_HALF_OPEN,
        provider_ms=1.5,
        attempts=2,
        fallback_used=True,
        adaptations=["dropped seed"],
    )
    info.cost_usd = 0.0
    assert answered(info).cost_usd == 0.0
