"""A provider may send any JSON: what is wrong with it is that provider's fault, never a bug of ours.

The answers are those of the fixtures, with members dropped, doubled, moved and given other types, numbers at
the edges of their fields, and nesting without end. What is read must also go out at a door.
"""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switch_grpc.faults import Fault, Kind
from switch_grpc.openai_wire import (
    PlainChunk,
    encode_chat_chunk,
    encode_chat_response,
    encode_completion_response,
    encode_embed_response,
    fold_chat,
    split_chat,
)
from switch_grpc.providers.dialects.base import Binding, Dialect, Event, UpstreamFailure, WireReply
from switch_grpc.providers.vendors import VENDORS, dialects_of
from switch_grpc.request import Head, MessageBody, Operation
from switch_grpc.v1 import chat_pb2, completion_pb2
from tests.support.conformance import FIXTURES

PROVIDERS = {"openai": "custom", "anthropic": "anthropic", "converse": "bedrock", "gemini": "gemini"}
DEEP = "deep"  # stands for a list of lists of lists ...
# Every type of value, those at the edge of what a field can hold, and words that mean something somewhere.
VALUES = st.sampled_from(
    [
        *(None, True, 0, -1, 1.5, 1 << 31, (1 << 53) + 1, (1 << 63) - 1, 1 << 63, 10**30, 10**400, 1e308),
        *("", "x", "\0", "é\u2028", "429", "error", "tool_use", "server_tool_use", "STOP", "9" * 5000, DEEP),
        *([], {}, [None], [[]], [{}], ["a"], {"": None}, {"error": {"code": 10**400}}),
    ]
)


def documents(dialect: str) -> Iterator[Any]:
    for path in sorted((FIXTURES / dialect / "replies").iterdir()):
        yield json.loads(path.read_text())


def streams(dialect: str) -> Iterator[list[tuple[str, Any]]]:
    for path in sorted((FIXTURES / dialect / "streams").iterdir()):
        yield [*events(dialect, path)]


def events(dialect: str, path: Path) -> Iterator[tuple[str, Any]]:
    if path.suffix == ".json":
        yield from map(tuple, json.loads(path.read_text()))
        return
    for event in dialect_of(dialect).framing().feed(path.read_bytes()):
        try:
            yield event.type, json.loads(event.data)
        except ValueError:  # the last of OpenAI's is none: [DONE]
            yield event.type, event.data.decode()


def dialect_of(name: str, operation: Operation = Operation.CHAT) -> Dialect:
    return dialects_of(VENDORS[PROVIDERS[name]])[operation]


def bound(name: str, model: str = "m") -> Binding:
    return Binding(target="a", provider=PROVIDERS[name], model=model, base_url="https://x/v1")


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths to all that is in it."""
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, inner in members:
        yield (*path, key)
        yield from places(inner, (*path, key))


@st.composite
def mutated(draw: st.DrawFn, document: Any) -> bytes:
    document = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from([*places(document)] or [()]))
        if not path:
            document = copy.deepcopy(draw(VALUES))
            continue
        holder = document
        for key in path[:-1]:
            holder = holder[key]
        change(draw, holder, path[-1])
    depth = draw(st.sampled_from([60, 70, 500, 900, 2000]))
    return json.dumps(document).replace(f'"{DEEP}"', "[" * depth + "]" * depth).encode()


def change(draw: st.DrawFn, holder: Any, key: Any) -> None:
    match draw(st.sampled_from(["replace", "replace", "drop", "double", "rename"])):
        case "drop":
            del holder[key]
        case "double" if isinstance(holder, list):
            holder.append(copy.deepcopy(holder[key]))
        case "rename" if isinstance(holder, dict):
            holder["other"] = holder.pop(key)
        case _:
            holder[key] = copy.deepcopy(draw(VALUES))


def only_faults(read: Callable[[], object]) -> None:
    try:
        read()
    except Fault as fault:
        assert fault.kind in (Kind.UPSTREAM_PROTOCOL, Kind.STREAM_INTERRUPTED)  # noqa: PT017  # it may be read
    except UpstreamFailure:
        pass


def pass_on(reply: Any) -> None:
    """As the doors write it."""
    if isinstance(reply, chat_pb2.ChatResponse):
        encode_chat_response(reply)
        for chunk in split_chat(reply):
            encode_chat_chunk(chunk)
    elif isinstance(reply, completion_pb2.CompletionResponse):
        encode_completion_response(reply)
    else:
        encode_embed_response(reply)


def read_whole(name: str, operation: Operation, bodies: list[bytes], binding: Binding) -> None:
    dialect = dialect_of(name, operation)
    headers = {"content-type": "application/json"}
    replies = [WireReply(status=200, headers=headers, body=body) for body in bodies]
    only_faults(lambda: pass_on(dialect.decode(operation, replies, binding)))
    for reply in replies:
        assert dialect.error(reply) is not None


def read_stream(name: str, sent: list[Event]) -> None:
    decoder = dialect_of(name).decoder(
        Head(operation=Operation.CHAT, route="lite", stream=True),
        MessageBody(chat_pb2.ChatRequest()),
        bound(name),
    )

    def read() -> None:
        chunks = [chunk for event in sent for chunk in decoder.feed(event)] + [*decoder.finish()]
        for chunk in chunks:
            assert not isinstance(chunk, PlainChunk)
            encode_chat_chunk(chunk)
        pass_on(fold_chat(chunks))

    only_faults(read)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("name", PROVIDERS)
def test_an_answer_of_any_shape_raises_only_its_providers_faults(name: str, data: st.DataObject) -> None:
    document = data.draw(st.sampled_from([*documents(name)]))
    body = data.draw(mutated(document))
    read_whole(name, Operation.CHAT, [body], bound(name))
    if name != "openai":  # which serves completions as such
        read_whole(name, Operation.COMPLETE, [body, json.dumps(document).encode(), body], bound(name))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("name", PROVIDERS)
def test_a_stream_of_any_shape_raises_only_its_providers_faults(name: str, data: st.DataObject) -> None:
    known = data.draw(st.sampled_from([*streams(name)]))
    sent = [
        Event(kind, said.encode() if isinstance(said, str) else json.dumps(said).encode())
        for kind, said in known
    ]
    for _ in range(data.draw(st.integers(1, 2))):
        place = data.draw(st.integers(0, len(sent) - 1))
        kind, said = known[place]
        sent[place] = Event(kind, data.draw(mutated(said)))
    read_stream(name, sent)


@pytest.mark.parametrize(
    "body",
    [
        {"embedding": [1.0], "inputTextTokenCount": 1 << 63},
        {"embedding": [1.0], "inputTextTokenCount": -1},
        {"embeddings": {"float": [[1e308]]}},
        {"embeddings": [{"embedding": None}]},
    ],
)
@pytest.mark.parametrize("counted", ["", "-1", "9" * 30, "9" * 5000])
def test_vectors_of_bedrock_may_come_with_any_count(body: dict[str, Any], counted: str) -> None:
    headers = {"x-amzn-bedrock-input-token-count": counted}
    reply = WireReply(status=200, headers=headers, body=json.dumps(body).encode())
    dialect = dialect_of("converse", Operation.EMBED)
    only_faults(lambda: pass_on(dialect.decode(Operation.EMBED, [reply, reply], bound("converse"))))


@pytest.mark.parametrize(
    "change",
    [
        {"usageMetadata": {"promptTokenCount": (1 << 63) - 1, "toolUsePromptTokenCount": 1}},
        {"candidates": [{"index": (1 << 31) - 1, "content": {}, "finishReason": "STOP"}]},
        {"error": {"code": 10**400}},
    ],
)
def test_numbers_of_gemini_that_no_field_holds_are_refused(change: dict[str, Any]) -> None:
    good = {"candidates": [{"content": {"parts": [{"text": "a"}]}, "finishReason": "STOP"}]}
    bad = json.dumps({**good, **change}).encode()
    read_whole("gemini", Operation.CHAT, [bad], bound("gemini"))
    read_whole("gemini", Operation.COMPLETE, [bad, bad], bound("gemini"))


def test_a_chance_of_gemini_that_no_field_holds_is_refused() -> None:
    token = {"token": "a", "logProbability": 10**400}
    candidate = {
        "content": {"parts": [{"text": "a"}]},
        "finishReason": "STOP",
        "logprobsResult": {"chosenCandidates": [token]},
    }
    read_whole("gemini", Operation.CHAT, [json.dumps({"candidates": [candidate]}).encode()], bound("gemini"))


@pytest.mark.parametrize("name", ["anthropic", "converse"])
def test_what_nests_too_deep_to_be_written_again_is_refused(name: str) -> None:
    body = next(documents(name)) | {"new": json.loads("[" * 70 + "]" * 70)}
    reply = WireReply(
        status=200, headers={"content-type": "application/json"}, body=json.dumps(body).encode()
    )
    with pytest.raises(Fault) as caught:
        dialect_of(name).decode(Operation.CHAT, [reply], bound(name))
    assert caught.value.kind is Kind.UPSTREAM_PROTOCOL


def test_the_input_of_bedrocks_own_tool_that_was_cut_stays_as_it_came() -> None:
    """A model that reaches its limit leaves half an object."""
    index = {"contentBlockIndex": 0}
    tool = {"toolUseId": "t", "name": "search", "type": "server_tool_use"}
    sent = [
        ("messageStart", {"role": "assistant"}),
        ("contentBlockStart", {**index, "start": {"toolUse": tool}}),
        ("contentBlockDelta", {**index, "delta": {"toolUse": {"input": '{"query": "Os'}}}),
        ("contentBlockStop", index),
        ("messageStop", {"stopReason": "max_tokens"}),
    ]
    decoder = dialect_of("converse").decoder(
        Head(operation=Operation.CHAT, route="lite", stream=True),
        MessageBody(chat_pb2.ChatRequest()),
        bound("converse"),
    )
    chunks = [chunk for kind, said in sent for chunk in decoder.feed(Event(kind, json.dumps(said).encode()))]
    message = json.loads(encode_chat_response(fold_chat(chunks)))["choices"][0]["message"]
    assert message["converse_blocks"][0]["toolUse"]["input"] == {"INVALID_JSON": '{"query": "Os'}
