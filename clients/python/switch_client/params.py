"""The parameters of a call, by their OpenAI names, and its options, for type checkers."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from switch_client.caller import CallOptions
from switch_grpc.v1.chat_pb2 import (
    AudioOutput,
    Prediction,
    ResponseFormat,
    Stop,
    StreamOptions,
    Tool,
    ToolChoice,
)
from switch_grpc.v1.completion_pb2 import Prompt

Json = Mapping[str, object]

# One text, several, the tokens of one, or of several.
Text = str | Sequence[str] | Sequence[int] | Sequence[Sequence[int]] | Prompt

Mode = Literal["open", "closed"]  # of a breaker, by an operator


class ChatParams(CallOptions, total=False):
    """See chat.proto for meanings and units. `extra` holds members that the contract has no field for."""

    temperature: float | None
    top_p: float | None
    frequency_penalty: float | None
    presence_penalty: float | None
    max_tokens: int | None
    max_completion_tokens: int | None
    n: int | None
    seed: int | None
    stop: str | Sequence[str] | Stop | None
    logprobs: bool | None
    top_logprobs: int | None
    logit_bias: Mapping[str, float] | None
    tools: Iterable[Tool | Json] | None
    tool_choice: str | ToolChoice | Json | None
    parallel_tool_calls: bool | None
    response_format: ResponseFormat | Json | None
    reasoning_effort: str | None
    verbosity: str | None
    modalities: Sequence[str] | None
    audio: AudioOutput | Json | None
    prediction: Prediction | Json | None
    web_search_options: Json | None
    stream_options: StreamOptions | Json | None
    service_tier: str | None
    store: bool | None
    metadata: Mapping[str, str] | None
    user: str | None
    safety_identifier: str | None
    prompt_cache_key: str | None
    prompt_cache_retention: str | None
    prompt_cache_options: Json | None
    moderation: Json | None
    functions: Sequence[Json] | None  # the call that came before tools
    function_call: str | Json | None
    extra: Json | None


class CompletionParams(CallOptions, total=False):
    """See completion.proto."""

    suffix: str | None
    temperature: float | None
    top_p: float | None
    frequency_penalty: float | None
    presence_penalty: float | None
    max_tokens: int | None
    n: int | None
    best_of: int | None
    echo: bool | None
    logprobs: int | None
    logit_bias: Mapping[str, float] | None
    seed: int | None
    stop: str | Sequence[str] | Stop | None
    stream_options: StreamOptions | Json | None
    user: str | None
    extra: Json | None


class EmbedParams(CallOptions, total=False):
    """See embedding.proto."""

    dimensions: int | None
    encoding_format: str | None
    user: str | None
    extra: Json | None
