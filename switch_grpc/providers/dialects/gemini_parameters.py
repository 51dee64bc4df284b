"""The parameters that hold for one call, once a target's configuration has joined the caller's.

The later wins: the target's defaults < the caller's < `providerParams` < `streamingParams` (streams only).
They may go by OpenAI's names or Gemini's. What OpenAI has no name for is told apart by who wrote it.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec import Raw

from switch_grpc.faults import Fault, Kind
from switch_grpc.openai_wire import decode_chat_request, encode_chat_request
from switch_grpc.providers.dialects.base import Binding
from switch_grpc.v1 import chat_pb2 as pb

members_of: Final = msgspec.json.Decoder(dict[str, Raw]).decode

# Said by nobody: a client that writes every parameter it knows, set or not.
_SILENT: Final = (Raw(b"null"), Raw(b"[]"), Raw(b"{}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """The parameters of one call."""

    request: pb.ChatRequest  # only its parameters count: the messages may be missing
    extra: Mapping[str, Raw]  # members that OpenAI has no name for
    configured: Set[str]  # which of these the operator wrote, not the caller


def parameters(request: pb.ChatRequest, binding: Binding, *, stream: bool) -> Parameters:
    """The caller's parameters between what the target's configuration puts under and over them.

    Raises Fault(CAPABILITY) where that configuration cannot be read.
    """
    defaults, over = binding.defaults, binding.params
    if stream and binding.streaming_params:
        over = {**over, **binding.streaming_params}
    if not defaults and not over:
        return Parameters(request=request, extra=_said(request), configured=frozenset())
    fields = {field.name: value for field, value in request.ListFields() if field.name != "messages"}
    bare = pb.ChatRequest(messages=[pb.Message(role=pb.ROLE_USER, content="-")], **fields)
    data = encode_chat_request(bare, model="-", stream=False, defaults=defaults, params=over)
    try:
        merged = decode_chat_request(data)
    except Fault as fault:
        raise Fault(
            Kind.CAPABILITY,
            f"the parameters set for target {binding.target!r} are not usable: {fault.message}",
            param=fault.param,
            target=binding.target,
        ) from fault
    configured = over.keys() | (defaults.keys() - _said(request).keys())
    return Parameters(request=merged, extra=_said(merged), configured=configured)


def _said(request: pb.ChatRequest) -> Mapping[str, Raw]:
    if not request.extra_json:
        return {}
    members = members_of(request.extra_json)
    return {name: raw for name, raw in members.items() if raw not in _SILENT}
