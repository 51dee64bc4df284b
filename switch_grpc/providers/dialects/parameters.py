"""A call's parameters as a provider is to see them: the one place where they are put over each other.

The later wins:

    defaults           the route's `defaultParameters`, unless the target says `useModelDefaults: false`
    the caller's       a null counts as not set
    providerParams     the target's own
    streamingParams    the target's own, for streams only

The two names of the token limit are one parameter: what sets either replaces both. Defaults and the caller's
go by OpenAI's names; the target's own by those or by the provider's. The OpenAI dialect writes the layers
straight into its body (`openai_wire`, which has the same order); the others ask for `parameters`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from msgspec import Raw

from switch_grpc.faults import Fault, Kind
from switch_grpc.openai_wire import decode_chat_request, encode_chat_request
from switch_grpc.providers.dialects.base import Binding
from switch_grpc.providers.dialects.members import NULL, members_of
from switch_grpc.providers.dialects.refusal import Cannot
from switch_grpc.v1 import chat_pb2 as pb

_SAYS_NOTHING: Final = (NULL, Raw(b"[]"))

# What only OpenAI's kind of API can do: field -> the values of it that ask for nothing.
_OPENAIS_OWN: Final[Mapping[str, tuple[object, ...]]] = {
    "n": (0, 1),
    "seed": (),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "logit_bias_json": ("{}",),
    "frequency_penalty": (0.0,),
    "presence_penalty": (0.0,),
    "verbosity": ("medium",),
    "modalities": (["text"],),
    "audio": (),
    "web_search_options_json": (),
    "moderation_json": (),
    "functions_json": ("[]",),
    "function_call_json": (),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """The parameters that count: those of `request` (not its messages, which may be missing) and `extra`."""

    request: pb.ChatRequest
    given: Mapping[str, Any]  # the fields of the request that are set, by name
    extra: Mapping[str, Raw]  # members that OpenAI has no name for
    configured: frozenset[str]  # the names that the target's own parameters set

    @property
    def limit(self) -> int | None:
        """How many tokens may be written, by either name."""
        limit = self.given.get("max_completion_tokens", self.given.get("max_tokens"))
        return None if limit is None else int(limit)

    @property
    def stops(self) -> list[str]:
        """Where the answer ends; "" is nowhere, and most providers refuse it."""
        return [stop for stop in self.request.stop.sequences if stop]

    @property
    def one_call(self) -> bool:
        """At most one tool may be called at a time."""
        return self.given.get("parallel_tool_calls", True) is False

    def refuse_openais_own(self, cannot: Cannot, *, but: Collection[str] = ()) -> None:
        """Raises `cannot` for what changes the answer and only OpenAI's kind of API does, except `but`."""
        for name, value in self.given.items():
            neutral = _OPENAIS_OWN.get(name)
            if neutral is not None and value not in neutral and name not in but:
                name = name.removesuffix("_json")
                raise cannot(name, f"`{name}`")

    def schema(self, cannot: Cannot) -> pb.ResponseFormat.JsonSchema | None:
        """The schema that the answer must fit; None for text. Raises `cannot` for any other format."""
        match self.request.response_format.WhichOneof("kind"):
            case None if "response_format" not in self.given:
                return None
            case "text":
                return None
            case "json_schema" if self.request.response_format.json_schema.schema_json:
                return self.request.response_format.json_schema
            case kind:
                named = "json_schema without a schema" if kind == "json_schema" else (kind or "none")
                raise cannot("response_format", f"the format {named}; give a json_schema")


def parameters(
    request: pb.ChatRequest, binding: Binding, *, stream: bool, not_by_default: Collection[str] = ()
) -> Parameters:
    """A chat's parameters, all layers merged.

    `not_by_default` names defaults that do not concern this model: a route's are for all its targets.
    Raises Fault(CAPABILITY) where the target's parameters are not what OpenAI's of the same name are.
    """
    defaults = {name: value for name, value in binding.defaults.items() if name not in not_by_default}
    own = own_of(binding, stream=stream)
    chosen = _merged(request, binding, defaults, own) if own or defaults else request
    return Parameters(
        request=chosen,
        given={field.name: value for field, value in chosen.ListFields()},
        extra=_extra(chosen.extra_json) if chosen.extra_json else {},
        configured=frozenset({*defaults, *own}),
    )


def own_of(binding: Binding, *, stream: bool) -> dict[str, bytes]:
    """The target's own parameters, which win over the caller's."""
    return {**binding.params, **binding.streaming_params} if stream else dict(binding.params)


def merged(said: Mapping[str, Raw], binding: Binding, names: Mapping[str, str]) -> dict[str, Raw]:
    """The same layers for embeddings, by the provider's names; nulls are left out.

    `names` has the provider's for each that it knows. Of the defaults only those count: the others are for
    the route's chats.
    """
    defaults = {name: Raw(raw) for name, raw in binding.defaults.items() if name in names}
    own = {name: Raw(raw) for name, raw in binding.params.items()}
    layers = (*defaults.items(), *said.items(), *own.items())
    return {names.get(name, name): raw for name, raw in layers if raw != NULL}


def _extra(text: str) -> Mapping[str, Raw]:
    known = pb.ChatRequest.DESCRIPTOR.fields_by_name
    return {
        name: raw
        for name, raw in members_of(text).items()
        if raw != NULL and not (raw in _SAYS_NOTHING and name in known)
    }


def _merged(
    request: pb.ChatRequest,
    binding: Binding,
    defaults: Mapping[str, bytes],
    own: Mapping[str, bytes],
) -> pb.ChatRequest:
    bare = pb.ChatRequest()
    bare.CopyFrom(request)
    del bare.messages[:]
    bare.messages.add(role=pb.ROLE_USER, content="-")  # a request has one at least
    data = encode_chat_request(bare, model="-", stream=False, defaults=defaults, params=own)
    try:
        return decode_chat_request(data)
    except Fault as fault:
        raise Fault(
            Kind.CAPABILITY,
            f"the parameters set for target {binding.target!r} are not usable: {fault.message}",
            param=fault.param,
            target=binding.target,
        ) from fault
