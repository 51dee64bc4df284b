import json

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from switch_grpc.faults import Fault, Kind
from switch_grpc.openai_wire import (
    decode_chat_chunk,
    decode_chat_response,
    encode_chat_chunk,
    encode_chat_response,
)
from switch_grpc.v1 import chat_pb2 as pb
from switch_grpc.v1 import fault_pb2, route_info_pb2
from tests.support.json_values import differences, exact
from tests.support.openai_bodies import CHUNK, RESPONSE


def round_trip(body):
    return exact(encode_chat_response(decode_chat_response(json.dumps(body).encode())))


def chunk_trip(body):
    return exact(encode_chat_chunk(decode_chat_chunk(json.dumps(body).encode())))


def answer(**message):
    return {
        **RESPONSE,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
    }


def delta(**members):
    return {**CHUNK, "choices": [{"index": 0, "delta": members, "logprobs": None, "finish_reason": None}]}


def test_every_member_survives():
    assert list(differences(exact(json.dumps(RESPONSE)), round_trip(RESPONSE))) == []
    assert list(differences(exact(json.dumps(CHUNK)), chunk_trip(CHUNK))) == []


def test_what_is_written_validates_as_openais_own_type():
    ChatCompletion.model_validate_json(
        encode_chat_response(decode_chat_response(json.dumps(RESPONSE).encode()))
    )
    plain = delta(content="x")
    ChatCompletionChunk.model_validate_json(encode_chat_chunk(decode_chat_chunk(json.dumps(plain).encode())))
    minimal = pb.ChatResponse(
        choices=[{"message": {"role": pb.ROLE_ASSISTANT}, "finish_reason": pb.FINISH_REASON_STOP}]
    )
    ChatCompletion.model_validate_json(encode_chat_response(minimal))
    ChatCompletionChunk.model_validate_json(encode_chat_chunk(pb.ChatChunk(choices=[{}])))


def test_nulls_that_openai_writes_are_written():
    written = exact(encode_chat_response(pb.ChatResponse(choices=[{}])))
    assert written["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": None, "refusal": None},
            "logprobs": None,
            "finish_reason": None,
        }
    ]
    assert exact(encode_chat_chunk(pb.ChatChunk(choices=[{}])))["choices"] == [
        {"index": 0, "delta": {}, "logprobs": None, "finish_reason": None}
    ]


def test_other_nulls_are_dropped():
    body = {**RESPONSE, "service_tier": None, "usage": None}
    assert round_trip(body).keys() == RESPONSE.keys() - {"service_tier", "usage"}
    assert chunk_trip({**CHUNK, "usage": None}).keys() == CHUNK.keys()


def test_an_unknown_null_is_kept():
    assert round_trip({**RESPONSE, "new": None})["new"] is None


def test_reasoning_under_either_name_is_one_field():
    for name in ("reasoning", "reasoning_content"):
        reply = decode_chat_response(
            json.dumps(answer(role="assistant", content="x", **{name: "hm"})).encode()
        )
        assert reply.choices[0].message.reasoning == "hm"
        chunk = decode_chat_chunk(json.dumps(delta(**{name: "hm"})).encode())
        assert chunk.choices[0].delta.reasoning == "hm"
        assert exact(encode_chat_chunk(chunk))["choices"][0]["delta"] == {"reasoning_content": "hm"}


def test_both_names_with_one_text_are_written_once():
    written = chunk_trip(delta(reasoning="hm", reasoning_content="hm"))
    assert written["choices"][0]["delta"] == {"reasoning_content": "hm"}


@pytest.mark.parametrize(
    "members",
    [{"reasoning": {"a": 1}}, {"reasoning_details": [1]}, {"reasoning": "a", "reasoning_content": "b"}],
)
def test_reasoning_of_another_form_is_kept_as_it_came(members):
    assert chunk_trip(delta(**members))["choices"][0]["delta"] == members


@pytest.mark.parametrize(
    "reason", ["stop", "length", "tool_calls", "content_filter", "function_call", "eos", "end_turn"]
)
def test_finish_reasons_keep_their_text(reason):
    body = {**CHUNK, "choices": [{"index": 0, "delta": {}, "logprobs": None, "finish_reason": reason}]}
    assert chunk_trip(body)["choices"][0]["finish_reason"] == reason


def test_an_empty_finish_reason_is_none():
    body = {**CHUNK, "choices": [{"index": 0, "delta": {}, "finish_reason": ""}]}
    assert chunk_trip(body)["choices"][0]["finish_reason"] is None


def test_a_role_outside_the_enum_keeps_its_text():
    assert chunk_trip(delta(role="critic"))["choices"][0]["delta"] == {"role": "critic"}


def test_an_empty_list_of_tool_calls_is_kept():
    assert (
        round_trip(answer(role="assistant", content="x", tool_calls=[]))["choices"][0]["message"][
            "tool_calls"
        ]
        == []
    )


def test_arguments_sent_as_an_object_become_its_text():
    """Some servers do, in answers; the SDKs expect text."""
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": {"b": 5.0, "a": 1}}}
    for trip in (round_trip(answer(role="assistant", tool_calls=[call]))["choices"][0]["message"],):
        assert json.loads(trip["tool_calls"][0]["function"]["arguments"]) == {"b": 5.0, "a": 1}
    piece = chunk_trip(delta(tool_calls=[{"index": 0, **call}]))["choices"][0]["delta"]["tool_calls"][0]
    assert json.loads(piece["function"]["arguments"]) == {"b": 5.0, "a": 1}


def test_a_tool_call_without_index_has_that_of_its_place():
    chunk = decode_chat_chunk(
        json.dumps(delta(tool_calls=[{"id": "a"}, {"index": None, "id": "b"}])).encode()
    )
    assert [call.index for call in chunk.choices[0].delta.tool_calls] == [0, 1]


def test_the_type_of_a_call_comes_with_its_id():
    first = pb.ToolCallDelta(id="1", function={"name": "f"})
    later = pb.ToolCallDelta(function={"arguments": "x"})
    written = exact(encode_chat_chunk(pb.ChatChunk(choices=[{"delta": {"tool_calls": [first, later]}}])))
    assert written["choices"][0]["delta"]["tool_calls"] == [
        {"index": 0, "id": "1", "type": "function", "function": {"name": "f", "arguments": ""}},
        {"index": 0, "function": {"arguments": "x"}},
    ]


def test_a_type_on_a_later_piece_is_kept():
    calls = [{"index": 0, "type": "function", "function": {"arguments": "x"}}]
    assert chunk_trip(delta(tool_calls=calls))["choices"][0]["delta"]["tool_calls"] == calls


THOUGHT = {"type": "thinking", "thinking": [{"type": "text", "text": "h"}, {"type": "text", "text": "m"}]}
SAID = [{"type": "text", "text": "He"}, {"type": "text", "text": "llo"}]


@pytest.mark.parametrize(
    ("content", "means"),
    [
        ([THOUGHT], {"reasoning_content": "hm"}),
        (
            [{**THOUGHT, "closed": True, "signature": None}, *SAID],
            {"content": "Hello", "reasoning_content": "hm"},
        ),
        (SAID, {"content": "Hello"}),
        ([{"type": "text", "text": ""}], {"content": ""}),
        ([{"type": "thinking", "thinking": []}], {}),
    ],
)
def test_a_list_of_texts_and_thoughts_is_content_and_reasoning(content, means):
    """As Mistral answers while its models reason, whole and streamed."""
    assert chunk_trip(delta(content=content))["choices"][0]["delta"] == means
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}
    message = round_trip({**RESPONSE, "choices": [choice]})["choices"][0]["message"]
    assert {name: value for name, value in message.items() if value is not None} == {
        "role": "assistant",
        **means,
    }


@pytest.mark.parametrize(
    "part",
    [
        {"type": "reference", "reference_ids": [0]},
        {"type": "text", "text": "a", "citations": []},
        {"type": "thinking", "thinking": "hm"},
        {**THOUGHT, "signature": "c2ln"},
    ],
)
def test_a_list_with_more_in_it_is_kept_as_it_is(part):
    content = [*SAID, part]
    assert chunk_trip(delta(content=content))["choices"][0]["delta"] == {"content": content}
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}
    assert round_trip({**RESPONSE, "choices": [choice]})["choices"][0]["message"]["content"] == content


def test_the_object_is_what_openai_calls_it():
    assert round_trip({**RESPONSE, "object": "chat"})["object"] == "chat.completion"
    assert chunk_trip({**CHUNK, "object": ""})["object"] == "chat.completion.chunk"


def test_an_event_has_no_line_break():
    """Raw members may be pretty-printed; a line break would end the event's data."""
    data = json.dumps({**CHUNK, "extra": {"a": [1, 2], "t": "line\nbreak"}}, indent=1).encode()
    written = encode_chat_chunk(decode_chat_chunk(data.replace(b"\n", b"\r\n")))
    assert b"\n" not in written
    assert b"\r" not in written
    assert exact(written) == exact(data)


def test_route_info_is_written_only_when_asked_for():
    info = route_info_pb2.RouteInfo(
        route="lite",
        target="a",
        provider="openai",
        model="gpt",
        fallback_used=True,
        provider_ms=1.5,
        breaker_state=route_info_pb2.BREAKER_STATE_HALF_OPEN,
        adaptations=["x"],
        cost_usd=0.0,
        request_id="r",
        attempts=[
            {
                "target": "b",
                "reason": fault_pb2.FAULT_REASON_UPSTREAM_ERROR,
                "upstream_status": 500,
                "duration_ms": 2.0,
            }
        ],
    )
    chunk = pb.ChatChunk(id="c", route_info=info)
    assert "switch" not in exact(encode_chat_chunk(chunk))
    assert exact(encode_chat_chunk(chunk, info=True))["switch"] == {
        "route": "lite",
        "target": "a",
        "provider": "openai",
        "model": "gpt",
        "fallback_used": True,
        "model_differs": False,
        "provider_ms": 1.5,
        "breaker_state": "half_open",
        "adaptations": ["x"],
        "cost_usd": 0.0,
        "request_id": "r",
        "attempts": [{"target": "b", "reason": "UPSTREAM_ERROR", "upstream_status": 500, "duration_ms": 2.0}],
    }
    assert "switch" not in exact(encode_chat_response(pb.ChatResponse(route_info=info)))


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"choices": None},
        {"choices": {}},
        {"choices": [5]},
        {**RESPONSE, "id": 5},
        {**RESPONSE, "created": "x"},
        {**RESPONSE, "created": 1 << 63},
        {**RESPONSE, "usage": {"prompt_tokens": "x"}},
        answer(role=5),
        answer(content=5),
        answer(tool_calls=[5]),
        {**RESPONSE, "choices": [{"index": "x"}]},
        {**RESPONSE, "choices": [{"message": "x"}]},
    ],
)
def test_a_malformed_answer_is_the_providers_fault(body):
    with pytest.raises(Fault) as caught:
        decode_chat_response(json.dumps(body).encode())
    assert (caught.value.kind, caught.value.param) == (Kind.UPSTREAM_PROTOCOL, None)


def test_a_time_with_a_fraction_is_read():
    """Python servers send time.time() as it is."""
    assert (
        decode_chat_response(json.dumps({**RESPONSE, "created": 1700000000.9}).encode()).created == 1700000000
    )


def test_a_chunk_without_choices_is_a_chunk():
    """Some servers send the usage, or a ping, in an event of its own."""
    assert decode_chat_chunk(b'{"usage":{"total_tokens":3}}').usage.total_tokens == 3
    assert chunk_trip({"id": "x"})["choices"] == []
