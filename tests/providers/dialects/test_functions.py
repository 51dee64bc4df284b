"""OpenAI's older functions at dialects that have tools alone: out as tools, and back as functions."""

import json
from typing import Any

import pytest

from switch_grpc.faults import Fault, Kind
from switch_grpc.openai_wire import decode_chat_request, encode_chat_response, fold_chat, split_chat
from switch_grpc.providers.dialects.anthropic import Anthropic
from switch_grpc.providers.dialects.base import Binding, Dialect
from switch_grpc.providers.dialects.converse import Converse
from switch_grpc.providers.dialects.functions import as_asked, as_tools
from switch_grpc.providers.dialects.gemini import Gemini
from switch_grpc.providers.dialects.refusal import cannot_of
from switch_grpc.request import MessageBody
from switch_grpc.v1 import chat_pb2 as pb
from tests.support.bedrock import stream as frames
from tests.support.conformance import FIXTURES, head, streamed, whole

BINDING = Binding(target="a", provider="p", model="claude-sonnet-4-5", base_url="https://x", region="r")
WEATHER = {"name": "get_weather", "description": "Of a city.", "parameters": {"type": "object"}}
ASKED = {"role": "user", "content": "How warm is it?"}
CALL = {"role": "assistant", "content": None, "function_call": {"name": "get_weather", "arguments": "{}"}}
RESULT = {"role": "function", "name": "get_weather", "content": "4"}
DIALECTS: dict[str, Dialect] = {"anthropic": Anthropic(), "converse": Converse(), "gemini": Gemini()}


def asked(*messages: dict[str, Any], **parameters: Any) -> pb.ChatRequest:
    body = {"model": "lite", "messages": [*(messages or [ASKED])], **parameters}
    return decode_chat_request(json.dumps(body).encode())


def tools(request: pb.ChatRequest, *, one: bool = False) -> pb.ChatRequest:
    before = request.SerializeToString(deterministic=True)
    made = as_tools(request, cannot_of(BINDING), one=one)
    assert request.SerializeToString(deterministic=True) == before, "a received message is never changed"
    return made


def test_they_are_tools_and_their_results_answer_the_call_of_their_name() -> None:
    older = asked(
        ASKED, CALL, RESULT, CALL, RESULT, functions=[WEATHER], function_call={"name": "get_weather"}
    )

    def called(name: str) -> list[dict[str, Any]]:
        function = {"name": "get_weather", "arguments": "{}"}
        call = {"id": name, "type": "function", "function": function}
        return [
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": name, "content": "4"},
        ]

    assert tools(older, one=True) == asked(
        *(ASKED, *called("call_1"), *called("call_3")),
        tools=[{"type": "function", "function": WEATHER}],
        tool_choice={"type": "function", "function": {"name": "get_weather"}},
        parallel_tool_calls=False,
    )


def test_a_request_without_them_is_itself() -> None:
    request = asked(tools=[{"type": "function", "function": WEATHER}])
    assert tools(request, one=True) is request


@pytest.mark.parametrize(
    ("messages", "parameters", "kind", "param"),
    [
        ([ASKED, RESULT], {}, Kind.CAPABILITY, "messages[1].name"),
        ([ASKED, CALL, RESULT, RESULT], {}, Kind.CAPABILITY, "messages[3].name"),
        ([ASKED], {"functions": [{**WEATHER, "strict": True}]}, Kind.CAPABILITY, "functions[0]"),
        ([ASKED], {"functions": [{"name": 1}]}, Kind.BAD_REQUEST, "functions[0]"),
        ([ASKED], {"functions": [WEATHER, {}]}, Kind.BAD_REQUEST, "functions[1]"),
        ([ASKED], {"functions": [WEATHER], "function_call": "all"}, Kind.CAPABILITY, "function_call"),
        ([ASKED], {"functions": [WEATHER], "function_call": {"a": 1}}, Kind.BAD_REQUEST, "function_call"),
    ],
)
def test_what_no_tool_can_be_is_refused_by_name(
    messages: list[dict[str, Any]], parameters: dict[str, Any], kind: Kind, param: str
) -> None:
    with pytest.raises(Fault) as refused:
        tools(asked(*messages, **parameters))
    assert (refused.value.kind, refused.value.param) == (kind, param)


def answer(name: str, dialect: str) -> bytes:
    return (FIXTURES / dialect / f"replies/{name}.json").read_bytes()


def events(name: str, dialect: str) -> bytes:
    folder = FIXTURES / dialect / "streams"
    if dialect == "converse":
        return frames([(kind, event) for kind, event in json.loads((folder / f"{name}.json").read_text())])
    return (folder / f"{name}.sse").read_bytes()


def folded(dialect: Dialect, data: bytes, request: pb.ChatRequest) -> pb.ChatResponse:
    decoder = dialect.decoder(head(stream=True), MessageBody(request), BINDING)
    chunks: list[Any] = [chunk for event in dialect.framing().feed(data) for chunk in decoder.feed(event)]
    return fold_chat([*chunks, *decoder.finish()])


@pytest.mark.parametrize("name", ["tool_call", "parallel_calls"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_call_comes_back_as_a_function_call_whole_and_streamed(dialect: str, name: str) -> None:
    """The first of parallel ones: there is room for one."""
    spoken, request = DIALECTS[dialect], asked(functions=[WEATHER])
    reply = as_asked(whole(spoken, answer(name, dialect), BINDING), request)
    for made in (reply, folded(spoken, events(name, dialect), request), fold_chat(split_chat(reply))):
        (choice,) = json.loads(encode_chat_response(made))["choices"]
        assert choice["finish_reason"] == "function_call"
        assert "tool_calls" not in choice["message"]
        called = choice["message"]["function_call"]
        assert called["name"] == "get_weather"
        assert json.loads(called["arguments"]) == {"city": "Oslo"}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_who_offered_tools_gets_tool_calls(dialect: str) -> None:
    spoken, data = DIALECTS[dialect], events("tool_call", dialect)
    request = asked(functions=[WEATHER], tools=[{"type": "function", "function": WEATHER}])
    reply = whole(spoken, answer("tool_call", dialect), BINDING)
    assert as_asked(reply, request).choices[0].message.tool_calls
    assert folded(spoken, data, request) == streamed(spoken, data, BINDING)
