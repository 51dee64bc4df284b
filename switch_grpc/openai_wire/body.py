"""What the three requests have in common: spellings, refused members, a target's defaults and parameters."""

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from google.protobuf.message import Message
from msgspec import Raw

from switch_grpc.faults import Fault, Kind, bad_request
from switch_grpc.openai_wire.fields import NULL, Fields, Shape, encode, members_of
from switch_grpc.openai_wire.guard import Members, open_body, open_reply, too_deep, unreadable
from switch_grpc.openai_wire.misfit import Misfit, missing, unlike

M = TypeVar("M", bound=Message)

# A caller who sends one of these believes that it chooses the address or the key: say that it does not.
REFUSED: Final = frozenset({"api_base", "base_url", "api_key", "extra_headers"})

# Two names for one limit: a default or parameter under one name must not join the caller's under the other.
_SAME_LIMIT: Final = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}

_BOOLEANS: Final = (Raw(b"true"), Raw(b"false"), NULL)


def twins(names: frozenset[str]) -> dict[str, str]:
    """CamelCase spelling -> parameter, for every parameter whose spellings differ."""
    return {camel(name): name for name in names if "_" in name}


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


# Of the parameters that are objects with members of ours, by the parameter.
_INSIDE: Final = {
    "stream_options": twins(frozenset({"include_usage", "include_obfuscation"})),
    "response_format": twins(frozenset({"json_schema"})),
}


def read_request(
    message: type[M], shape: Shape, spellings: Mapping[str, str], data: bytes, opened: Members | None
) -> M:
    """The request in `data`; `opened`: its members, if known. Raises Fault(BAD_REQUEST | INVALID_JSON)."""
    members = open_body(data) if opened is None else dict(opened)
    try:
        refuse_addresses(members)
        if not spellings.keys().isdisjoint(members):
            members = _one_spelling(members, spellings)
        for name, inner in _INSIDE.items():
            if name in members:
                members[name] = _one_spelling_inside(name, members[name], inner)
        _drop_stream(members)
        fields = shape.read(members)
        _require_route(fields)
    except Misfit as error:
        raise bad_request(error.path, error.message) from error
    except RecursionError as error:  # just within the limit at first, just past it a few calls deeper
        raise too_deep() from error
    return message(**fields)


def refuse_addresses(members: Mapping[str, object]) -> None:
    """Raises Misfit where the request tries to choose the address or the key."""
    if not REFUSED.isdisjoint(members):
        name = min(REFUSED & members.keys())
        raise Misfit("not accepted: the gateway's configuration decides this; remove it", name)


def _drop_stream(members: Members) -> None:
    """Removes `stream`, which travels beside the message."""
    stream = members.pop("stream", NULL)
    if stream not in _BOOLEANS:
        raise unlike(stream, "true or false").within("stream")


def _require_route(fields: Fields) -> None:
    if not fields.get("route"):
        raise Misfit("found an empty string, expected the name of a route", "model")


def read_reply(message: type[M], shape: Shape, data: bytes, *, required: str = "") -> M:
    """The answer or stream event in `data`. Raises Fault(UPSTREAM_PROTOCOL)."""
    members = open_reply(data)
    members.pop("object", None)  # a constant, written anew
    try:
        fields = shape.read(members)
        if required and required not in fields:
            raise missing(required)
    except RecursionError as error:
        raise unreadable() from error
    except Misfit as error:
        where = error.path or "the answer"
        raise Fault(
            Kind.UPSTREAM_PROTOCOL, f"the provider's answer is malformed: {where}: {error.message}"
        ) from error
    return message(**fields)


def write_request(
    written: Fields,
    *,
    stream: bool,
    defaults: Mapping[str, bytes],
    params: Mapping[str, bytes],
    fixed: Fields,
) -> bytes:
    """The body for an upstream: `written` over `defaults`, under `params`, under `fixed`.

    A parameter that the caller set to null counts as not set. `fixed` is what no configuration replaces:
    the model and the content.
    """
    for name, value in defaults.items():
        if not _is_set(written, name) and not _is_set(written, _SAME_LIMIT.get(name, name)):
            written[name] = Raw(value)
    for name, value in params.items():
        written.pop(_SAME_LIMIT.get(name, ""), None)
        written[name] = Raw(value)
    written.update(fixed)
    if stream:
        written["stream"] = True
    else:
        written.pop("stream", None)
    return encode(written)


def _is_set(written: Mapping[str, Any], name: str) -> bool:
    value = written.get(name)
    return value is not None and value != NULL


def _one_spelling(members: Members, spellings: Mapping[str, str]) -> Members:
    """The same members with camelCase names replaced. Raises Misfit where the two spellings disagree."""
    plain: Members = {}
    for given, raw in members.items():
        name = spellings.get(given, given)
        if plain.setdefault(name, raw) != raw:
            raise Misfit(f"found different values for {name} and {camel(name)}; send one of them", name)
    return plain


def _one_spelling_inside(name: str, raw: Raw, spellings: Mapping[str, str]) -> Raw:
    """The same object with its own camelCase names replaced; what is no object, its field reports."""
    text = bytes(raw)
    if text[:1] != b"{" or not any(spelling.encode() in text for spelling in spellings):
        return raw
    try:
        return Raw(encode(_one_spelling(members_of(raw), spellings)))
    except Misfit as error:
        raise error.within(name) from None
