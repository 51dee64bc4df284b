import itertools

import pytest

from switch_client.fold import fold_chat, fold_completion, text_in
from switch_grpc import openai_wire
from switch_grpc.v1.chat_pb2 import (
    FINISH_REASON_TOOL_CALLS,
    ROLE_ASSISTANT,
    Audio,
    ChatChunk,
    ChunkChoice,
    CustomCall,
    Delta,
    FunctionCall,
    LogProbs,
    TokenLogProb,
    ToolCallDelta,
    Usage,
)
from switch_grpc.v1.completion_pb2 import CompletionChoice, CompletionChunk
from switch_grpc.v1.route_info_pb2 import RouteInfo


def chunk(delta: Delta | None = None, *, index: int = 0, **fields: object) -> ChatChunk:
    choices = [] if delta is None else [ChunkChoice(index=index, delta=delta)]
    return ChatChunk(id="c", created=7, model="lite", choices=choices, **fields)  # type: ignore[arg-type]


def call(index: int, **fields: object) -> Delta:
    return Delta(tool_calls=[ToolCallDelta(index=index, **fields)])  # type: ignore[arg-type]


TEXT = [
    chunk(Delta(role=ROLE_ASSISTANT, content=""), route_info=RouteInfo(route="lite")),
    chunk(Delta(content="Hel")),
    chunk(Delta(content="lo"), index=1),
    chunk(Delta(content="lo", reasoning="hm")),
    chunk(usage=Usage(prompt_tokens=1), route_info=RouteInfo(route="lite", target="a"), service_tier="t"),
]
CALLS = [
    chunk(Delta(role=ROLE_ASSISTANT)),
    chunk(call(1, id="b", custom=CustomCall(name="sh"))),
    chunk(call(0, id="a", function=FunctionCall(name="add"))),
    chunk(call(0, function=FunctionCall(arguments='{"x"'))),
    chunk(call(1, custom=CustomCall(input="ls"))),
    chunk(call(0, function=FunctionCall(arguments=":1}"))),
    ChatChunk(choices=[ChunkChoice(delta=Delta(), finish_reason=FINISH_REASON_TOOL_CALLS)]),
]
PROBABLE = [
    ChatChunk(
        choices=[
            ChunkChoice(
                delta=Delta(content=token),
                logprobs=LogProbs(content=[TokenLogProb(token=token, logprob=-0.5)]),
            )
        ]
    )
    for token in ("a", "b")
]
SPOKEN = [
    chunk(Delta(role=ROLE_ASSISTANT, audio=Audio(id="x", transcript="He"))),
    chunk(Delta(audio=Audio(data="AAAA"))),
    chunk(Delta(audio=Audio(data="BBBB", transcript="llo", expires_at=9))),
]


@pytest.mark.parametrize("chunks", [TEXT, CALLS, PROBABLE, SPOKEN, []])
def test_the_clients_fold_is_the_gateways(chunks: list[ChatChunk]):
    """Two of them, because the gateway's needs a JSON parser that a client does not install."""
    assert fold_chat(chunks) == openai_wire.fold_chat(chunks)


def test_the_fold_of_a_completion_is_the_gateways():
    chunks = [
        CompletionChunk(id="c", model="lite", choices=[CompletionChoice(index=i % 2, text=text)])
        for i, text in enumerate("abcd")
    ]
    chunks.append(
        CompletionChunk(choices=[CompletionChoice(logprobs_json="{}")], usage=Usage(total_tokens=2))
    )
    assert fold_completion(chunks) == openai_wire.fold_completion(chunks)
    assert [choice.text for choice in fold_completion(chunks).choices] == ["ac", "bd"]


def test_the_text_of_a_choice_is_in_its_chunks():
    assert "".join(text_in(piece, 0) for piece in TEXT) == "Hello"
    assert "".join(text_in(piece, 1) for piece in TEXT) == "lo"


def test_folding_takes_memory_and_time_in_proportion():
    """A field of a message that grows by += keeps every stage: 20,000 of them would be gigabytes."""
    pieces = itertools.chain([TEXT[0]], itertools.repeat(chunk(Delta(content="x" * 50)), 20_000))
    reply = fold_chat(pieces)
    assert len(reply.choices[0].message.content) == 1_000_000
