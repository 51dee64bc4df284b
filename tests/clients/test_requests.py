import inspect
import typing

import pytest

from switch_client.caller import CallOptions
from switch_client.params import ChatParams, CompletionParams, EmbedParams
from switch_client.requests import (
    chat_request,
    completion_request,
    embed_request,
    options_in,
    override_request,
)
from switch_grpc.v1 import admin_pb2
from switch_grpc.v1.chat_pb2 import (
    AudioOutput,
    ChatRequest,
    CustomTool,
    FunctionTool,
    Part,
    Prediction,
    ResponseFormat,
    Stop,
    StreamOptions,
    Tool,
    ToolChoice,
)
from switch_grpc.v1.completion_pb2 import CompletionRequest, Prompt, TextList, TokenList, TokenLists
from switch_grpc.v1.embedding_pb2 import EmbedRequest


def filled(**params: object) -> ChatRequest:
    """The request, less what every request has."""
    request = chat_request("lite", "Hi", params)  # type: ignore[arg-type]
    assert (request.route, request.messages[0].content) == ("lite", "Hi")
    request.ClearField("route")
    request.ClearField("messages")
    return request


SCHEMA = {"type": "object", "properties": {"b": {}, "a": {}}}
TEXT = '{"type":"object","properties":{"b":{},"a":{}}}'


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"temperature": 0, "top_p": 0.5}, ChatRequest(temperature=0, top_p=0.5)),
        ({"max_tokens": 5, "n": 2, "seed": 2**53 + 1}, ChatRequest(max_tokens=5, n=2, seed=2**53 + 1)),
        (
            {"store": False, "user": "", "metadata": {"k": "v"}},
            ChatRequest(store=False, user="", metadata={"k": "v"}),
        ),
        ({"temperature": None, "tools": None, "stop": None}, ChatRequest()),
        ({"stop": "x"}, ChatRequest(stop=Stop(sequences=["x"], single=True))),
        ({"stop": ["x", "y"]}, ChatRequest(stop=Stop(sequences=["x", "y"]))),
        ({"logit_bias": {"5": -100}}, ChatRequest(logit_bias_json='{"5":-100}')),
        ({"web_search_options": {}}, ChatRequest(web_search_options_json="{}")),
        ({"modalities": ["text", "audio"]}, ChatRequest(modalities=["text", "audio"])),
        (
            {"audio": {"format": "wav", "voice": "alloy"}},
            ChatRequest(audio=AudioOutput(format="wav", voice_json='"alloy"')),
        ),
        (
            {"stream_options": {"include_usage": True, "x": 1}},
            ChatRequest(stream_options=StreamOptions(include_usage=True, extra_json='{"x":1}')),
        ),
        (
            {"prediction": {"type": "content", "content": "x"}},
            ChatRequest(prediction=Prediction(content="x")),
        ),
        (
            {"prediction": {"type": "content", "content": [{"type": "text", "text": "x"}]}},
            ChatRequest(prediction=Prediction(parts=[Part(text="x")])),
        ),
        (
            {
                "tools": [
                    {"type": "function", "function": {"name": "f", "parameters": SCHEMA, "strict": True}},
                    {"type": "custom", "custom": {"name": "c", "format": {"type": "text"}}},
                    {"type": "web", "web": {}},
                    Tool(function=FunctionTool(name="ready")),
                ]
            },
            ChatRequest(
                tools=[
                    Tool(function=FunctionTool(name="f", parameters_json=TEXT, strict=True)),
                    Tool(custom=CustomTool(name="c", format_json='{"type":"text"}')),
                    Tool(raw_json='{"type":"web","web":{}}'),
                    Tool(function=FunctionTool(name="ready")),
                ]
            ),
        ),
        ({"tool_choice": "required"}, ChatRequest(tool_choice=ToolChoice(mode=ToolChoice.MODE_REQUIRED))),
        (
            {"tool_choice": {"type": "function", "function": {"name": "f"}}},
            ChatRequest(tool_choice=ToolChoice(function="f")),
        ),
        (
            {"tool_choice": {"type": "allowed_tools", "x": 1}},
            ChatRequest(tool_choice=ToolChoice(raw_json='{"type":"allowed_tools","x":1}')),
        ),
        (
            {"response_format": {"type": "json_object"}},
            ChatRequest(response_format=ResponseFormat(json_object=ResponseFormat.JsonObject())),
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": SCHEMA}}},
            ChatRequest(
                response_format=ResponseFormat(
                    json_schema=ResponseFormat.JsonSchema(name="s", schema_json=TEXT)
                )
            ),
        ),
        (
            {"response_format": {"type": "grammar", "root": "x"}},
            ChatRequest(response_format=ResponseFormat(raw_json='{"type":"grammar","root":"x"}')),
        ),
        ({"extra": {"top_k": 5, "seed": None}}, ChatRequest(extra_json='{"top_k":5,"seed":null}')),
    ],
)
def test_parameters_have_their_openai_shapes(params: dict[str, object], expected: ChatRequest):
    assert filled(**params) == expected


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"temperature": "hot"}, "temperature: expected a number, found str"),
        ({"temperature": True}, "temperature: expected a number, found bool"),
        ({"n": 1.5}, "n: expected an int, found float"),
        ({"n": 2**31}, "n: 2147483648 does not fit into 32 bits"),
        ({"store": 1}, "store: expected True or False, found int"),
        ({"user": 1}, "user: expected a string, found int"),
        ({"top_k": 5}, r"top_k: no such parameter; known: audio, .*; others go into extra="),
        ({"messages": []}, "messages: no such parameter"),
        ({"extra_json": "{}"}, "extra_json: no such parameter"),
        ({"tool_choice": "maybe"}, "tool_choice: expected one of none, auto, required or a dict"),
        ({"tools": {}}, "tools: expected a list, found dict"),
        ({"tools": [{"type": "function"}]}, r"tools\[0\]\.function: required, and missing"),
        ({"stop": [1]}, r"stop\[0\]: expected a string, found int"),
        ({"metadata": {"k": 1}}, r"metadata\.k: expected a string, found int"),
        ({"logit_bias": {"1": object()}}, "logit_bias: cannot be written as JSON"),
        ({"extra": "{}"}, "extra: expected a dict, found str"),
        ({"response_format": {}}, r"response_format\.type: required, and missing"),
        ({"prediction": {"type": "x"}}, r"prediction\.type: expected 'content', found 'x'"),
    ],
)
def test_a_mistake_is_a_type_error_that_names_the_parameter(params: dict[str, object], error: str):
    with pytest.raises(TypeError, match=error):
        filled(**params)


@pytest.mark.parametrize(
    ("value", "prompt"),
    [
        ("a", Prompt(text="a")),
        (["a", "b"], Prompt(texts=TextList(texts=["a", "b"]))),
        ([1, 2], Prompt(tokens=TokenList(tokens=[1, 2]))),
        (
            [[1], [2, 3]],
            Prompt(token_lists=TokenLists(lists=[TokenList(tokens=[1]), TokenList(tokens=[2, 3])])),
        ),
        (Prompt(text="a"), Prompt(text="a")),
    ],
)
def test_a_prompt_is_a_text_or_texts_or_tokens(value: object, prompt: Prompt):
    completion = completion_request("lite", value, {"echo": True})  # type: ignore[arg-type]
    embed = embed_request("lite", value, {"dimensions": 8})  # type: ignore[arg-type]
    assert completion == CompletionRequest(route="lite", prompt=prompt, echo=True)
    assert embed == EmbedRequest(route="lite", input=prompt, dimensions=8)


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ([], "prompt: expected at least one"),
        (["a", 1], r"prompt\[1\]: expected a string"),
        ([1, "a"], r"prompt\[1\]: expected an int"),
        ([[1], 2], r"prompt\[1\]: expected a list"),
        (5, "prompt: expected a list"),
    ],
)
def test_a_prompt_of_another_kind_is_refused(value: object, error: str):
    with pytest.raises(TypeError, match=error):
        completion_request("lite", value, {})  # type: ignore[arg-type]


def test_options_travel_beside_the_request():
    params: ChatParams = {"temperature": 1.0, "timeout": 5.0, "session": "s"}
    assert options_in(params) == {"timeout": 5.0, "session": "s"}
    assert filled(**params) == ChatRequest(temperature=1.0)


@pytest.mark.parametrize(
    ("params", "request_type"),
    [(ChatParams, ChatRequest), (CompletionParams, CompletionRequest), (EmbedParams, EmbedRequest)],
)
def test_every_field_of_the_contract_is_a_parameter(params: type, request_type: type):
    fields = {name.removesuffix("_json") for name in request_type.DESCRIPTOR.fields_by_name}  # type: ignore[attr-defined]
    told = set(typing.get_type_hints(params)) - CallOptions.__optional_keys__
    assert told == fields - {"route", "messages", "prompt", "input"}


def test_an_override_is_open_or_closed():
    held = override_request("lite", "a", "open", 60.0)
    assert held.mode == admin_pb2.BreakerOverride.MODE_FORCE_OPEN
    with pytest.raises(TypeError, match="mode: expected one of open, closed"):
        override_request("lite", "a", "half", 0.0)  # type: ignore[arg-type]


def test_both_clients_have_the_same_methods_and_parameters():
    from switch_client import Admin, AsyncAdmin, AsyncSwitch, Switch

    for one, other in ((Switch, AsyncSwitch), (Admin, AsyncAdmin)):
        names = {name for name in vars(one) if not name.startswith("_")}
        assert names == {name for name in vars(other) if not name.startswith("_")}
        for name in names:
            left, right = (inspect.signature(getattr(kind, name)) for kind in (one, other))
            assert list(left.parameters) == list(right.parameters), name
