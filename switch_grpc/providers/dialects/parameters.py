"""A call's parameters as a provider is to see them, for dialects that are not OpenAI's own.

The order of precedence is the OpenAI dialect's: a target's defaults < the caller's parameters <
`providerParams` < `streamingParams` (streams only).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec import Raw

from switch_grpc.faults import Fault, Kind
from switch_grpc.openai_wire import decode_chat_request, encode_chat_request
from switch_grpc.providers.dialects.base import Binding
from switch_grpc.v1 import chat_pb2

Members = dict[str, Raw]

members_of: Final = msgspec.json.Decoder(Members).decode

_SAYS_NOTHING: Final = (Raw(b"null"), Raw(b"[]"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """The parameters that count: those of `request` (not its messages, which may be missing) and `extra`."""

    request: chat_pb2.ChatRequest
    extra: Mapping[str, Raw]  # members that OpenAI has no name for
    configured: frozenset[str]  # the names that the target's own parameters set


def parameters(
    request: chat_pb2.ChatRequest, binding: Binding, *, stream: bool, not_by_default: Collection[str] = ()
) -> Parameters:
    """The call's parameters over the target's defaults, under the target's own.

    `not_by_default` names defaults that do not concern this model: a route's are for all its targets.
    Raises Fault(CAPABILITY) where the target's parameters are not what OpenAI's of the same name are.
    """
    defaults = {name: value for name, value in binding.defaults.items() if name not in not_by_default}
    params = {**binding.params, **(binding.streaming_params if stream else {})}
    chosen = _layered(request, binding, defaults, params) if params or defaults else request
    if not chosen.extra_json:
        return Parameters(request=chosen, extra={}, configured=frozenset({*defaults, *params}))
    known = chat_pb2.ChatRequest.DESCRIPTOR.fields_by_name
    extra = {
        name: raw
        for name, raw in members_of(chosen.extra_json).items()
        if raw != _SAYS_NOTHING[0] and not (raw in _SAYS_NOTHING and name in known)
    }
    return Parameters(request=chosen, extra=extra, configured=frozenset({*defaults, *params}))


def _layered(
    request: chat_pb2.ChatRequest,
    binding: Binding,
    defaults: Mapping[str, bytes],
    params: Mapping[str, bytes],
) -> chat_pb2.ChatRequest:
    bare = chat_pb2.ChatRequest()
    bare.CopyFrom(request)
    del bare.messages[:]
    bare.messages.add(role=chat_pb2.ROLE_USER, content="-")  # a request has one at least
    data = encode_chat_request(bare, model="-", stream=False, defaults=defaults, params=params)
    try:
        return decode_chat_request(data)
    except Fault as fault:
        raise Fault(
            Kind.CAPABILITY,
            f"the parameters set for target {binding.target!r} are not usable: {fault.message}",
            param=fault.param,
            target=binding.target,
        ) from fault
