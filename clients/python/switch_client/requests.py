"""From a call's arguments to the contract's requests. Every mistake is a TypeError that names its place."""

from collections.abc import Mapping, Sequence
from typing import Final, TypeVar, cast

from google.protobuf.descriptor import FieldDescriptor

from switch_client.caller import CallOptions
from switch_client.messages import Messages, messages_of
from switch_client.params import ChatParams, CompletionParams, EmbedParams, Mode, Text
from switch_client.structures import STRUCTURES, tool_of
from switch_client.values import items_of, json_of, refuse, text_of
from switch_grpc.v1 import admin_pb2
from switch_grpc.v1.chat_pb2 import ChatRequest
from switch_grpc.v1.completion_pb2 import CompletionRequest, Prompt, TextList, TokenList, TokenLists
from switch_grpc.v1.embedding_pb2 import EmbedRequest

R = TypeVar("R", ChatRequest, CompletionRequest, EmbedRequest)

_OURS: Final = frozenset({"route", "messages", "prompt", "input", "extra_json"})
_MODES: Final[dict[Mode, admin_pb2.BreakerOverride.Mode]] = {
    "open": admin_pb2.BreakerOverride.MODE_FORCE_OPEN,
    "closed": admin_pb2.BreakerOverride.MODE_FORCE_CLOSED,
}
_OPTIONS: Final = CallOptions.__optional_keys__


def options_in(params: ChatParams | CompletionParams | EmbedParams) -> CallOptions:
    """Of a call's keyword arguments, those that go beside the request."""
    return cast("CallOptions", {name: value for name, value in params.items() if name in _OPTIONS})


def chat_request(route: str, messages: Messages, params: ChatParams) -> ChatRequest:
    return _filled(ChatRequest(route=route, messages=messages_of(messages)), params)


def completion_request(route: str, prompt: Text, params: CompletionParams) -> CompletionRequest:
    return _filled(CompletionRequest(route=route, prompt=_prompt(prompt, "prompt")), params)


def embed_request(route: str, input: Text, params: EmbedParams) -> EmbedRequest:
    return _filled(EmbedRequest(route=route, input=_prompt(input, "input")), params)


def override_request(route: str, target: str, mode: Mode, ttl: float) -> admin_pb2.OverrideBreakerRequest:
    if mode not in _MODES:
        raise TypeError(f"mode: expected one of {', '.join(_MODES)}, found {mode!r}")
    return admin_pb2.OverrideBreakerRequest(route=route, target=target, mode=_MODES[mode], ttl=ttl)


def _prompt(value: object, path: str) -> Prompt:
    if isinstance(value, Prompt):
        return value
    if isinstance(value, str):
        return Prompt(text=value)
    items = items_of(value, path)
    if not items:
        raise TypeError(f"{path}: expected at least one text or token, found an empty list")
    if isinstance(items[0], str):
        return Prompt(texts=TextList(texts=[text_of(item, f"{path}[{i}]") for i, item in enumerate(items)]))
    if isinstance(items[0], int):
        return Prompt(tokens=_tokens(items, path))
    lists = [_tokens(items_of(item, f"{path}[{i}]"), f"{path}[{i}]") for i, item in enumerate(items)]
    return Prompt(token_lists=TokenLists(lists=lists))


def _tokens(items: Sequence[object], path: str) -> TokenList:
    tokens = TokenList()
    for i, item in enumerate(items):
        tokens.tokens.append(_int(item, f"{path}[{i}]", bits=31))
    return tokens


def _filled(request: R, params: Mapping[str, object]) -> R:
    """`request` with the parameters that are not None; options are passed over."""
    fields = request.DESCRIPTOR.fields_by_name
    for name, value in params.items():
        if value is None or name in _OPTIONS:
            continue
        if name == "extra":
            request.extra_json = json_of(_mapping(value, name), name)
        elif f"{name}_json" in fields:
            setattr(request, f"{name}_json", json_of(value, name))
        elif name not in fields or name in _OURS:
            known = sorted({field.removesuffix("_json") for field in fields} - _OURS)
            raise TypeError(
                f"{name}: no such parameter; known: {', '.join(known)}; others go into extra={{...}}"
            )
        elif name in STRUCTURES:
            getattr(request, name).CopyFrom(STRUCTURES[name](value, name))
        elif isinstance(request, ChatRequest) and name in _LISTS:
            _LISTS[name](request, value)
        else:
            setattr(request, name, _scalar(name, fields[name].cpp_type, value))
    return request


def _fill_tools(request: ChatRequest, value: object) -> None:
    request.tools.extend(tool_of(item, f"tools[{i}]") for i, item in enumerate(items_of(value, "tools")))


def _fill_modalities(request: ChatRequest, value: object) -> None:
    items = items_of(value, "modalities")
    request.modalities.extend(text_of(item, f"modalities[{i}]") for i, item in enumerate(items))


def _fill_metadata(request: ChatRequest, value: object) -> None:
    for key, text in _mapping(value, "metadata").items():
        request.metadata[text_of(key, "metadata: a key")] = text_of(text, f"metadata.{key}")


_LISTS: Final = {"tools": _fill_tools, "modalities": _fill_modalities, "metadata": _fill_metadata}


def _mapping(value: object, path: str) -> Mapping[object, object]:
    if not isinstance(value, Mapping):
        refuse(path, "a dict", value)
    return value


def _scalar(name: str, kind: int, value: object) -> float | str | bool:
    """The value, where it is what the field holds: protobuf's own complaints name no field."""
    if kind == FieldDescriptor.CPPTYPE_STRING:
        return text_of(value, name)
    if kind == FieldDescriptor.CPPTYPE_INT32:
        return _int(value, name, bits=31)
    if kind == FieldDescriptor.CPPTYPE_INT64:
        return _int(value, name, bits=63)
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        return value if isinstance(value, bool) else refuse(name, "True or False", value)
    if not isinstance(value, int | float) or isinstance(value, bool):
        refuse(name, "a number", value)
    return value


def _int(value: object, path: str, *, bits: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        refuse(path, "an int", value)
    if not -(2**bits) <= value < 2**bits:
        raise TypeError(f"{path}: {value} does not fit into {bits + 1} bits")
    return value
