import json

import pytest

from switch_grpc.faults import Fault, Kind
from switch_grpc.openai_wire import decode_chat_request, encode_chat_request
from switch_grpc.v1 import chat_pb2 as pb
from tests.support.json_values import exact
from tests.support.openai_bodies import EVERYTHING

USER = {"role": "user", "content": "hi"}


def decode(**members) -> pb.ChatRequest:
    return decode_chat_request(json.dumps({"model": "lite", "messages": [USER], **members}).encode())


def encode(request, *, model="real", stream=False, defaults=None, params=None):
    return exact(
        encode_chat_request(request, model=model, stream=stream, defaults=defaults or {}, params=params or {})
    )


def round_trip(**members):
    body = encode(decode(**members), model="lite")
    assert body.pop("model") == "lite"
    if "messages" not in members:
        assert body.pop("messages") == [USER]
    return body


def refusal(**members) -> Fault:
    with pytest.raises(Fault) as caught:
        decode(**members)
    assert caught.value.kind is Kind.BAD_REQUEST
    return caught.value


def test_every_parameter_survives():
    assert round_trip(**EVERYTHING) == exact(json.dumps(EVERYTHING))


def test_every_parameter_has_its_own_field():
    """So that other dialects can read it: nothing of OpenAI's own is left to extra_json."""
    request = decode(**EVERYTHING)
    assert exact(request.extra_json).keys() == {"unknown", "top_k"}
    assert exact(request.messages[2].extra_json).keys() == {"content", "refusal", "reasoning_details"}
    unset = {f.name for f in request.DESCRIPTOR.fields} - {f.name for f, _ in request.ListFields()}
    assert unset == set()


@pytest.mark.parametrize(
    "text",
    [
        "9007199254740993",
        "5",
        "5.0",
        "0.1000000000000000055511151231257827",
        "1e400",
        "-0.0",
        '{"z":1,"a":{"y":1,"b":2}}',
        "123456789012345678901234567890",
        '"\\ud83d\\ude00"',
        "[ 1 ,2]",
        "null",
        "[]",
    ],
)
def test_an_unknown_member_survives_to_the_letter(text):
    body = b'{"model":"m","messages":[{"role":"user","content":"x","k":%s}],"k":%s}' % ((text.encode(),) * 2)
    sent = encode_chat_request(decode_chat_request(body), model="m", stream=False, defaults={}, params={})
    assert sent.count(b'"k":' + text.encode()) == 2


def test_a_tool_schema_survives_to_the_letter():
    schema = (
        '{"type":"object","properties":{"z":{"const":9007199254740993},"a":{"minimum":5.0, "maximum":5}}}'
    )
    tool = '{"type":"function","function":{"name":"f","parameters":SCHEMA}}'.replace("SCHEMA", schema)
    request = decode_chat_request(b'{"model":"m","messages":[{"role":"user"}],"tools":[%s]}' % tool.encode())
    assert request.tools[0].function.parameters_json == schema
    sent = encode_chat_request(request, model="m", stream=False, defaults={}, params={})
    assert schema.encode() in sent


@pytest.mark.parametrize("name", sorted(EVERYTHING.keys() - {"messages"}))
def test_null_stays_null(name):
    assert round_trip(**{name: None}) == {name: None}


@pytest.mark.parametrize("name", ["tools", "stop", "modalities", "functions"])
def test_an_empty_list_stays_one(name):
    assert round_trip(**{name: []}) == {name: []}
    assert round_trip(metadata={}) == {"metadata": {}}


@pytest.mark.parametrize("content", [None, [], "", [{"type": "text", "text": "x"}]])
def test_content_keeps_its_form(content):
    messages = [{"role": "user", "content": content}]
    assert round_trip(messages=messages) == {"messages": messages}


def test_absent_content_stays_absent():
    messages = [{"role": "assistant", "tool_calls": []}]
    assert round_trip(messages=messages) == {"messages": messages}


@pytest.mark.parametrize("stop", ["x", "", ["x"], ["x", "y"]])
def test_stop_keeps_its_form(stop):
    assert round_trip(stop=stop) == {"stop": stop}


@pytest.mark.parametrize(
    "choice",
    [
        "none",
        "auto",
        "required",
        "any",
        {"type": "function", "function": {"name": "f"}},
        {"type": "custom", "custom": {"name": "f"}},
        {"type": "function", "function": {"name": "f", "x": 1}},
        {"type": "function", "function": {"name": "f"}, "x": 1},
        {"type": "auto"},
        {},
    ],
)
def test_tool_choice_keeps_its_form(choice):
    assert round_trip(tool_choice=choice) == {"tool_choice": choice}


def test_tool_choice_of_a_known_form_is_readable():
    assert decode(tool_choice="required").tool_choice.mode == pb.ToolChoice.MODE_REQUIRED
    assert decode(tool_choice={"type": "function", "function": {"name": "f"}}).tool_choice.function == "f"


@pytest.mark.parametrize(
    "form",
    [
        {"type": "text"},
        {"type": "json_object"},
        {"type": "json_object", "x": 1},
        {"type": "grammar", "g": "x"},
    ],
)
def test_response_format_keeps_its_form(form):
    assert round_trip(response_format=form) == {"response_format": form}


@pytest.mark.parametrize(
    "prediction", [{"type": "content", "content": "x"}, {"type": "other", "content": "x", "y": 1}]
)
def test_prediction_keeps_its_form(prediction):
    assert round_trip(prediction=prediction) == {"prediction": prediction}


def test_a_tool_without_type_is_a_function():
    """As some clients send it; what goes out names the type."""
    request = decode(tools=[{"function": {"name": "f"}}])
    assert request.tools[0].function.name == "f"
    assert encode(request)["tools"] == [{"type": "function", "function": {"name": "f"}}]


def test_an_integral_number_is_an_integer():
    assert decode(max_tokens=5.0, n=1e0).max_tokens == 5


def test_stream_is_not_part_of_the_message():
    assert decode(stream=True) == decode(stream=False) == decode(stream=None) == decode()
    assert encode(decode(), stream=True)["stream"] is True
    assert "stream" not in encode(decode(stream=True))


TWINS = {
    "maxTokens": 5,
    "maxCompletionTokens": 5,
    "topP": 0.5,
    "frequencyPenalty": 1.0,
    "presencePenalty": 1.0,
    "topLogprobs": 3,
    "logitBias": {},
    "toolChoice": "auto",
    "parallelToolCalls": True,
    "responseFormat": {"type": "text"},
    "reasoningEffort": "low",
    "webSearchOptions": {},
    "streamOptions": {"include_usage": True},
    "serviceTier": "flex",
    "safetyIdentifier": "s",
    "promptCacheKey": "k",
    "promptCacheRetention": "24h",
    "promptCacheOptions": {},
    "functionCall": "auto",
}


@pytest.mark.parametrize("twin", TWINS)
def test_camel_case_is_accepted(twin):
    snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in twin)
    assert decode(**{twin: TWINS[twin]}) == decode(**{snake: TWINS[twin]})
    assert round_trip(**{twin: TWINS[twin]}) == {snake: TWINS[twin]}


@pytest.mark.parametrize(
    ("twin", "plain"),
    [
        ({"streamOptions": {"includeUsage": True}}, {"stream_options": {"include_usage": True}}),
        (
            {"stream_options": {"includeObfuscation": False, "more": 1}},
            {"stream_options": {"include_obfuscation": False, "more": 1}},
        ),
        (
            {"responseFormat": {"type": "json_schema", "jsonSchema": {"name": "n", "schema": {"aB": 1}}}},
            {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"aB": 1}}}},
        ),
    ],
)
def test_camel_case_is_accepted_in_the_objects_too(twin, plain):
    """Half of it once went on to the provider as an unknown member, the other half was refused."""
    assert decode(**twin) == decode(**plain)
    assert round_trip(**twin) == plain


def test_two_spellings_inside_an_object_must_agree():
    both = {"includeUsage": True, "include_usage": True}
    assert decode(streamOptions=both) == decode(stream_options={"include_usage": True})
    fault = refusal(streamOptions={"includeUsage": True, "include_usage": False})
    assert fault.param == "stream_options.include_usage"


@pytest.mark.parametrize("value", [5, "includeUsage", ["includeUsage"], None])
def test_an_object_that_is_none_is_reported_by_its_field(value):
    options = {"stream_options": value}
    if value is None:
        assert round_trip(**options) == options
    else:
        assert refusal(**options).param == "stream_options"


def test_two_spellings_must_agree():
    assert decode(maxTokens=5, max_tokens=5).max_tokens == 5
    fault = refusal(maxTokens=5, max_tokens=6)
    assert fault.param == "max_tokens"
    assert "maxTokens" in fault.message


def test_camel_case_inside_an_unknown_member_is_left_alone():
    assert round_trip(thing={"maxTokens": 5}) == {"thing": {"maxTokens": 5}}


@pytest.mark.parametrize("name", ["api_base", "base_url", "api_key", "extra_headers"])
def test_addresses_and_keys_are_refused_by_name(name):
    fault = refusal(**{name: "x"})
    assert fault.param == name
    assert round_trip(thing={name: "x"}) == {"thing": {name: "x"}}


PART = {"role": "user", "content": [{"type": "text", "text": "x"}]}
WRONG = [
    ({"model": 5}, "model", "found an integer, expected a string"),
    ({"model": ""}, "model", "found an empty string"),
    ({"model": None}, "model", "expected a value"),
    ({"messages": {}}, "messages", "found an object, expected a list"),
    ({"messages": []}, "messages", "at least one message"),
    ({"messages": None}, "messages", "expected a value"),
    ({"messages": [USER, 5]}, "messages[1]", "found an integer, expected an object"),
    ({"messages": [{"content": "x"}]}, "messages[0].role", "missing"),
    ({"messages": [{"role": "", "content": "x"}]}, "messages[0].role", "expected a role"),
    ({"messages": [{"role": None}]}, "messages[0].role", "found null"),
    ({"messages": [{"role": ["user"]}]}, "messages[0].role", "found a list, expected a string"),
    (
        {"messages": [USER, {"role": "user", "content": 5}]},
        "messages[1].content",
        "expected a string or a list of parts",
    ),
    (
        {"messages": [{"role": "user", "content": [5]}]},
        "messages[0].content[0]",
        "found an integer, expected an object",
    ),
    (
        {"messages": [{"role": "user", "content": [{"type": 5}]}]},
        "messages[0].content[0].type",
        "expected a string",
    ),
    (
        {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
        "messages[0].content[0].text",
        "missing",
    ),
    (
        {"messages": [{"role": "user", "content": [{"type": "text", "text": 5}]}]},
        "messages[0].content[0].text",
        "expected a string",
    ),
    (
        {
            "messages": [
                PART | {"content": [*PART["content"], {"type": "image_url", "image_url": {"url": 5}}]}
            ]
        },
        "messages[0].content[1].image_url.url",
        "found an integer, expected a string",
    ),
    (
        {"messages": [PART | {"content": [{"type": "image_url", "image_url": {}}]}]},
        "messages[0].content[0].image_url.url",
        "missing",
    ),
    (
        {"messages": [PART | {"content": [{"type": "image_url", "image_url": "u"}]}]},
        "messages[0].content[0].image_url",
        "found a string, expected an object",
    ),
    (
        {"messages": [USER | {"tool_calls": [{"id": 1, "function": {"name": "f", "arguments": ""}}]}]},
        "messages[0].tool_calls[0].id",
        "found an integer, expected a string",
    ),
    (
        {
            "messages": [
                USER | {"tool_calls": [{"type": "function", "function": {"name": "f", "arguments": {}}}]}
            ]
        },
        "messages[0].tool_calls[0].function.arguments",
        "found an object, expected a string",
    ),
    ({"messages": [USER | {"name": 5}]}, "messages[0].name", "expected a string"),
    ({"temperature": "hot"}, "temperature", "found a string, expected a number"),
    ({"temperature": True}, "temperature", "found true or false, expected a number"),
    ({"max_tokens": 5.5}, "max_tokens", "found a number, expected an integer"),
    ({"max_tokens": "5"}, "max_tokens", "found a string, expected an integer"),
    ({"max_tokens": 1 << 63}, "max_tokens", "out of range"),
    ({"n": 1 << 31}, "n", "out of range"),
    ({"stream": "yes"}, "stream", "found a string, expected true or false"),
    ({"logprobs": 1}, "logprobs", "found an integer, expected true or false"),
    ({"stop": 5}, "stop", "expected"),
    ({"stop": ["a", 5]}, "stop[1]", "found an integer, expected a string"),
    ({"modalities": ["a", 5]}, "modalities[1]", "expected a string"),
    ({"tools": {}}, "tools", "found an object, expected a list"),
    (
        {"tools": [{"type": "function", "function": {"description": "x"}}]},
        "tools[0].function.name",
        "missing",
    ),
    ({"tools": [{"type": "function"}]}, "tools[0].function", "missing"),
    ({"tool_choice": 5}, "tool_choice", "expected a string or an object"),
    ({"response_format": "json"}, "response_format", "found a string, expected an object"),
    (
        {"response_format": {"type": "json_schema", "json_schema": {"name": 5}}},
        "response_format.json_schema.name",
        "expected a string",
    ),
    ({"metadata": {"a": 5}}, "metadata.a", "expected a string"),
    ({"metadata": []}, "metadata", "found a list, expected an object"),
    ({"logit_bias": []}, "logit_bias", "found a list, expected an object"),
    ({"functions": {}}, "functions", "found an object, expected a list"),
    ({"function_call": 5}, "function_call", "expected a string or an object"),
    ({"stream_options": {"include_usage": 1}}, "stream_options.include_usage", "expected true or false"),
    ({"audio": {"voice": "v"}}, "audio.format", "missing"),
    ({"prediction": {"type": "content", "content": 5}}, "prediction.content", "expected a string"),
    ({"user": 5}, "user", "found an integer, expected a string"),
]


@pytest.mark.parametrize(("members", "param", "says"), WRONG)
def test_a_wrong_value_is_named(members, param, says):
    fault = refusal(**members)
    assert says in fault.message
    assert fault.param == param
    assert fault.message.startswith(f"{param}: ")


def test_a_missing_model_is_named():
    with pytest.raises(Fault) as caught:
        decode_chat_request(b'{"messages":[{"role":"user","content":"x"}]}')
    assert (caught.value.param, caught.value.message) == ("model", "model: missing")


def test_defaults_apply_where_the_caller_set_nothing():
    defaults = {"temperature": b"0.3", "max_tokens": b"8192", "top_k": b"40", "x": b'{"z":1,"a":5.0}'}
    body = encode(decode(temperature=0.0, top_k=None), defaults=defaults)
    assert (body["temperature"], body["max_tokens"], body["top_k"]) == (0.0, 8192, 40)
    assert list(body["x"]) == ["z", "a"]


@pytest.mark.parametrize("given", ["max_tokens", "max_completion_tokens"])
def test_a_default_limit_does_not_join_the_callers_own(given):
    """OpenAI refuses a request with both."""
    defaults = {"max_tokens": b"8192", "max_completion_tokens": b"8192"}
    body = encode(decode(**{given: 5}), defaults=defaults)
    assert {name: body[name] for name in defaults if name in body} == {given: 5}


def test_params_override_the_caller():
    params = {"temperature": b"1", "max_completion_tokens": b"7", "provider": b'{"order":["a"]}'}
    body = encode(decode(temperature=0.5, max_tokens=5, provider="x"), params=params)
    assert (body["temperature"], body["max_completion_tokens"]) == (1, 7)
    assert body["provider"] == {"order": ["a"]}
    assert "max_tokens" not in body


def test_no_configuration_replaces_model_messages_or_stream():
    params = {"model": b'"x"', "messages": b"[]", "stream": b"true"}
    body = encode(decode(), defaults=params, params=params)
    assert body == {"model": "real", "messages": [USER]}


def test_a_message_is_not_changed_by_encoding():
    request = decode(**EVERYTHING)
    before = request.SerializeToString(deterministic=True)
    encode(request, defaults={"x": b"1"}, params={"y": b"2"})
    assert request.SerializeToString(deterministic=True) == before


def test_a_field_wins_over_the_same_member_of_extra_json():
    request = decode(temperature=0.5)
    request.extra_json = '{"temperature":1,"model":"x","messages":[],"stream":true,"k":1}'
    assert encode(request) == {"model": "real", "messages": [USER], "temperature": 0.5, "k": 1}
