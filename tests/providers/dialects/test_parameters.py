"""The layers of a call's parameters, in the one order that every dialect has."""

import json

import msgspec
import pytest

from switch_grpc.faults import Fault, Kind
from switch_grpc.openai_wire import decode_chat_request
from switch_grpc.providers.dialects.base import Binding
from switch_grpc.providers.dialects.members import members_of
from switch_grpc.providers.dialects.parameters import Parameters, merged, parameters
from switch_grpc.providers.vendors import VENDORS, dialect_of
from switch_grpc.request import Head, MessageBody, Operation

MODELS = {"bedrock": "claude-haiku-4-5", "gemini": "gemini-2.5-flash", "anthropic": "claude-haiku-4-5"}


def bound(provider: str = "anthropic", **layers: dict[str, object]) -> Binding:
    raw = {
        layer: {name: json.dumps(value).encode() for name, value in values.items()}
        for layer, values in layers.items()
    }
    model = MODELS.get(provider, "m")
    return Binding(target="a", provider=provider, model=model, base_url="https://example.com/v1", **raw)  # type: ignore[arg-type]


def chosen(said: dict[str, object], *, stream: bool = False, **layers: dict[str, object]) -> Parameters:
    body = {"model": "lite", "messages": [{"role": "user", "content": "Hi"}], **said}
    request = decode_chat_request(json.dumps(body).encode())
    return parameters(request, bound(**layers), stream=stream)


LAYERS: dict[str, dict[str, object]] = {
    "defaults": {"temperature": 0.1, "top_p": 0.1, "max_tokens": 1, "seed": 1},
    "params": {"max_tokens": 3, "seed": 3},
    "streaming_params": {"seed": 4},
}


def test_the_later_layer_wins() -> None:
    made = chosen({"top_p": 0.2, "max_tokens": 2, "seed": 2}, stream=True, **LAYERS)
    assert made.given["temperature"] == 0.1
    assert made.given["top_p"] == 0.2
    assert made.limit == 3
    assert made.given["seed"] == 4
    assert chosen({}, **LAYERS).given["seed"] == 3


@pytest.mark.parametrize("provider", ["openai", "anthropic", "bedrock", "gemini", "custom"])
@pytest.mark.parametrize("stream", [False, True])
def test_every_dialect_has_the_same_order(provider: str, stream: bool) -> None:
    """Read from what is sent: each layer sets its own stop string, and the last that says one wins."""
    dialect = dialect_of(VENDORS[provider])
    stops: dict[str, dict[str, object]] = {
        "defaults": {"stop": "<default>"},
        "params": {"stop": "<param>"},
        "streaming_params": {"stop": "<streaming>"},
    }
    last = "<streaming>" if stream else "<param>"
    for count, wins in enumerate(("<default>", "<caller>", last)):
        said = {"stop": "<caller>"} if count else {}
        body = {"model": "lite", "messages": [{"role": "user", "content": "Hi"}], **said}
        layers = {name: stops[name] for name in (stops if count == 2 else ["defaults"])}
        head = Head(operation=Operation.CHAT, route="lite", stream=stream)
        request = MessageBody(decode_chat_request(json.dumps(body).encode()))
        (wire,) = dialect.encode(head, request, bound(provider, **layers))
        sent = wire.body.decode()
        assert [mark for mark in ("<default>", "<caller>", "<param>", "<streaming>") if mark in sent] == [
            wins
        ]


def test_a_callers_null_is_no_value() -> None:
    assert chosen({"temperature": None}, defaults={"temperature": 0.5}).given["temperature"] == 0.5


def test_either_name_of_the_limit_replaces_both() -> None:
    assert chosen({"max_tokens": 9}, params={"max_completion_tokens": 5}).limit == 5
    assert chosen({"max_completion_tokens": 9}, defaults={"max_tokens": 5}).limit == 9


def test_members_without_a_name_at_openai_are_told_apart() -> None:
    made = chosen({"top_k": 4, "thinking": None}, params={"top_p": 0.5, "metadata2": {}})
    assert {name: bytes(raw) for name, raw in made.extra.items()} == {"top_k": b"4", "metadata2": b"{}"}
    assert made.configured == {"top_p", "metadata2"}


def test_parameters_that_no_request_could_have_are_the_targets_trouble() -> None:
    with pytest.raises(Fault, match="the parameters set for target 'a'") as caught:
        chosen({}, params={"temperature": "hot"})
    assert (caught.value.kind, caught.value.param) == (Kind.CAPABILITY, "temperature")


def test_of_a_routes_defaults_only_known_ones_reach_embeddings() -> None:
    """They are for the route's chats: a temperature would be refused there."""
    binding = bound(
        defaults={"temperature": 1, "dimensions": 8, "task": "a"}, params={"dimensions": 16, "own": None}
    )
    names = {"dimensions": "size", "task": "kind"}
    made = merged(members_of(b'{"task":"b","user":null}'), binding, names)
    assert msgspec.json.decode(msgspec.json.encode(made)) == {"size": 16, "kind": "b"}
