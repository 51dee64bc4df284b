"""Laws of the Converse dialect beyond the table that all dialects share."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from switch_grpc.faults import Fault, Kind
from switch_grpc.openai_wire import decode_chat_request
from switch_grpc.providers.dialects.base import Binding, UpstreamFailure, WireReply
from switch_grpc.providers.dialects.converse import Converse
from switch_grpc.request import MessageBody, Operation
from switch_grpc.v1 import chat_pb2
from tests.support.bedrock import check_request, event, stream
from tests.support.conformance import (
    FIXTURES,
    PDF,
    WEATHER,
    call,
    called,
    chunks,
    head,
    result,
    user,
    whole,
)

FOLDER = FIXTURES / "converse"


def bound(model: str = "claude-sonnet-4-5", **more: Any) -> Binding:
    return Binding(
        target="a", provider="bedrock", model=model, base_url="https://b", region="us-east-1", **more
    )


def sent(
    *messages: object, model: str = "claude-sonnet-4-5", target: Mapping[str, Any] = {}, **parameters: object
) -> Any:
    """The body for these messages, found good by botocore's service model."""
    request = {"model": "lite", "messages": list(messages) or [user()], **parameters}
    message = decode_chat_request(json.dumps(request).encode())
    (wire,) = Converse().encode(head(stream=False), MessageBody[Message](message), bound(model, **target))
    body = json.loads(wire.body)
    check_request("Converse", "m", body)
    return body


def refused(*messages: object, **parameters: Any) -> str:
    with pytest.raises(Fault) as caught:
        sent(*messages, **parameters)
    assert caught.value.kind in (Kind.CAPABILITY, Kind.BAD_REQUEST)
    assert caught.value.param in caught.value.message
    return caught.value.param or ""


# -- where it goes --


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("us.amazon.nova-micro-v1:0", "us.amazon.nova-micro-v1%3A0"),
        ("claude-haiku-4-5", "us.anthropic.claude-haiku-4-5-20251001-v1%3A0"),
        (
            "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/mi1dadi0g15f",
            "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fmi1dadi0g15f",
        ),
    ],
)
def test_the_models_id_is_one_segment_of_the_path(model: str, path: str) -> None:
    """As botocore sends it: recorded traffic has these paths."""
    body = MessageBody[Message](chat_pb2.ChatRequest(messages=[{"role": chat_pb2.ROLE_USER, "content": "x"}]))
    (whole_,) = Converse().encode(head(stream=False), body, bound(model))
    (streamed,) = Converse().encode(head(stream=True), body, bound(model))
    assert whole_.url == f"https://b/model/{path}/converse"
    assert streamed.url == f"https://b/model/{path}/converse-stream"
    assert streamed.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("model", ["claude-v2", "ai21.j2-ultra-v1", "amazon.titan-text-express-v1"])
def test_a_retired_model_is_refused_by_name(model: str) -> None:
    with pytest.raises(Fault, match="has retired the model") as caught:
        sent(model=model)
    assert caught.value.kind is Kind.UPSTREAM_MODEL_MISSING
    assert model in caught.value.message


# -- media --


def file(name: str | None = None, data: str | None = None, **more: object) -> dict[str, Any]:
    members = {"filename": name, "file_data": data}
    return {"type": "file", "file": {n: v for n, v in members.items() if v is not None} | more}


def test_documents_have_names_that_bedrock_takes_and_none_twice() -> None:
    pdf = f"data:application/pdf;base64,{PDF}"
    names = ["a.b_c.pdf", "Grüße (1).pdf", "two  spaces.pdf", "a.b_c.pdf", "...", None]
    body = sent(user([*(file(name, pdf) for name in names), {"type": "text", "text": "Read."}]))
    assert [block["document"]["name"] for block in body["messages"][0]["content"][:-1]] == [
        *("a b c", "Gr e (1)", "two spaces", "a b c 2", "Document", "Document 2")
    ]


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (
            {"type": "image_url", "image_url": {"url": "s3://bucket/cat.JPG"}},
            {"image": {"format": "jpeg", "source": {"s3Location": {"uri": "s3://bucket/cat.JPG"}}}},
        ),
        (
            file(file_id="s3://bucket/a.docx"),
            {
                "document": {
                    "format": "docx",
                    "name": "a",
                    "source": {"s3Location": {"uri": "s3://bucket/a.docx"}},
                }
            },
        ),
        (
            file("t.csv", "YSxi"),
            {"document": {"format": "csv", "name": "t", "source": {"bytes": "YSxi"}}},
        ),
        (
            {"type": "video_url", "video_url": {"url": "data:video/mp4;base64,AAAA"}},
            {"video": {"format": "mp4", "source": {"bytes": "AAAA"}}},
        ),
        (
            {"guardContent": {"text": {"text": "Is this safe?"}}},
            {"guardContent": {"text": {"text": "Is this safe?"}}},
        ),
    ],
)
def test_media_become_blocks(part: dict[str, Any], block: dict[str, Any]) -> None:
    text = {"type": "text", "text": "Look."}
    assert sent(user([part, text]))["messages"][0]["content"] == [block, {"text": "Look."}]


def test_a_document_without_a_text_gets_one() -> None:
    """Bedrock: A text block must be included when using documents."""
    own = {"document": {"format": "txt", "name": "n", "source": {"text": "a"}}}
    point = {"cachePoint": {"type": "default"}}
    blocks = sent(user([file("a.pdf", PDF), own, point]))["messages"][0]["content"]
    assert [next(iter(block)) for block in blocks] == ["document", "document", "text", "cachePoint"]
    assert blocks[2] == {"text": "."}


def test_a_document_may_ask_for_citations() -> None:
    part = file("a.pdf", PDF) | {"citations": {"enabled": True}, "context": "A letter."}
    block, _ = sent(user([part]))["messages"][0]["content"]
    assert block["document"]["citations"] == {"enabled": True}
    assert block["document"]["context"] == "A letter."


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}},
        {"type": "image_url", "image_url": {"url": "data:image/tiff;base64,AAAA"}},
        file("a.exe", "AAAA"),
        file(None, "AAAA"),
        file(file_id="file-123"),
        {"type": "thing", "thing": {}},
    ],
)
def test_what_bedrock_cannot_be_shown_is_refused_by_name(part: dict[str, Any]) -> None:
    assert refused(user([part])).startswith("messages[0].content[0]")


# -- the conversation --


def test_cache_markers_become_cache_points() -> None:
    """At a part, a message and a tool; OpenRouter's form, and Anthropic's."""
    marked = {"type": "text", "text": "long", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    tool = {**WEATHER, "cache_control": {"type": "ephemeral"}}
    body = sent(
        {"role": "system", "content": "s", "cache_control": {"type": "ephemeral"}},
        user([marked]),
        tools=[tool],
    )
    assert body["system"] == [{"text": "s"}, {"cachePoint": {"type": "default"}}]
    assert body["messages"][0]["content"][1] == {"cachePoint": {"type": "default", "ttl": "1h"}}
    assert body["toolConfig"]["tools"][1] == {"cachePoint": {"type": "default"}}


def test_calls_of_other_providers_keep_their_results() -> None:
    """Ids that Bedrock does not take are rewritten alike in the call and in its result."""
    for name in ("functions.get:0", "x" * 70, "chatcmpl-tool-1"):
        turns = sent(user(), called(call(name)), result(name), tools=[WEATHER])["messages"]
        used = turns[1]["content"][0]["toolUse"]["toolUseId"]
        assert turns[2]["content"][0]["toolResult"]["toolUseId"] == used
        assert (used == name) is (name == "chatcmpl-tool-1")


def test_tools_are_named_where_the_conversation_has_calls_and_the_request_none() -> None:
    """Bedrock refuses toolUse blocks without a toolConfig."""
    body = sent(user(), called(call("1")), result("1"))
    assert [tool["toolSpec"]["name"] for tool in body["toolConfig"]["tools"]] == ["get_weather"]
    assert body["additionalModelRequestFields"] == {"tool_choice": {"type": "none"}}
    assert "additionalModelRequestFields" not in sent(
        user(), called(call("1")), result("1"), model="nova-pro"
    )


def test_blank_texts_are_left_out_where_anything_else_is_said() -> None:
    body = sent(user(), called(call("1"), content=" \n"), result("1", ""), tools=[WEATHER])
    assert list(body["messages"][1]["content"][0]) == ["toolUse"]
    assert body["messages"][2]["content"][0]["toolResult"]["content"] == []


def test_a_failed_call_is_told() -> None:
    body = sent(user(), called(call("1")), {**result("1", "boom"), "is_error": True}, tools=[WEATHER])
    assert body["messages"][2]["content"][0]["toolResult"]["status"] == "error"


@pytest.mark.parametrize("name", ["reasoning", "redacted_reasoning", "server_tools"])
def test_what_travels_beside_a_message_goes_back_as_it_came(name: str) -> None:
    reply = (FOLDER / f"replies/{name}.json").read_bytes()
    said = whole(Converse(), reply, bound()).choices[0].message
    extra = json.loads(said.extra_json)
    # What the pinned service model does not know yet stays unjudged here.
    message = {"role": "assistant", "content": said.content, **extra}
    request = decode_chat_request(
        json.dumps({"model": "lite", "messages": [user(), message, user()]}).encode()
    )
    (wire,) = Converse().encode(head(stream=False), MessageBody[Message](request), bound())
    assert (
        json.loads(wire.body)["messages"][1]["content"] == json.loads(reply)["output"]["message"]["content"]
    )


def test_claudes_thoughts_go_to_no_other_makers_model() -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}
    turns = (user(), {"role": "assistant", "content": "b", "thinking_blocks": [thought]}, user())
    assert len(sent(*turns)["messages"][1]["content"]) == 2
    assert len(sent(*turns, model="nova-pro")["messages"][1]["content"]) == 1


# -- parameters --


def test_converses_own_members_stand_beside_the_messages() -> None:
    own = {
        "guardrailConfig": {"guardrailIdentifier": "abc", "guardrailVersion": "1"},
        "performanceConfig": {"latency": "optimized"},
        "promptVariables": {"name": {"text": "Ann"}},
        "additionalModelResponseFieldPaths": ["/stop_sequence"],
    }
    body = sent(**own)
    assert {name: body[name] for name in own} == own
    raw = {name: json.dumps(value).encode() for name, value in own.items()}
    assert {name: sent(target={"params": raw})[name] for name in own} == own


def test_parameters_take_precedence_as_everywhere() -> None:
    """Defaults < the caller's < providerParams < streamingParams."""
    target = {
        "defaults": {"temperature": b"0.1", "max_tokens": b"10", "top_p": b"0.3"},
        "params": {"top_p": b"0.9", "top_k": b"7"},
    }
    body = sent(target=target, temperature=0.5, max_completion_tokens=20)
    assert body["inferenceConfig"] == {"temperature": 0.5, "maxTokens": 20, "topP": 0.9}
    assert body["additionalModelRequestFields"] == {"top_k": 7}


def test_parameters_of_the_target_that_are_unusable_do_not_blame_the_caller() -> None:
    with pytest.raises(Fault, match="parameters set for target 'a'") as caught:
        sent(target={"params": {"temperature": b'"warm"'}})
    assert caught.value.kind is Kind.CAPABILITY


@pytest.mark.parametrize(
    ("model", "asked", "more"),
    [
        (
            "command-r-plus",
            {"seed": 7, "frequency_penalty": 0.5, "top_k": 9},
            {"seed": 7, "frequency_penalty": 0.5, "k": 9},
        ),
        ("jamba-1-5-large", {"presence_penalty": 0.5}, {"presence_penalty": 0.5}),
        ("nova-pro", {"top_k": 20}, {"inferenceConfig": {"topK": 20}}),
        (
            "nova-2-lite",
            {"reasoning_effort": "low"},
            {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}},
        ),
        ("gpt-oss-120b", {"reasoning_effort": "high"}, {"reasoning_effort": "high"}),
        (
            "claude-opus-4-8",
            {"reasoning_effort": "high"},
            {"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": "high"}},
        ),
        (
            "claude-sonnet-4-5",
            {"thinking": {"type": "enabled", "budget_tokens": 1024}},
            {"thinking": {"type": "enabled", "budget_tokens": 1024}},
        ),
    ],
)
def test_each_makers_own_parameters_are_spelt_as_it_spells_them(
    model: str, asked: dict[str, Any], more: dict[str, Any]
) -> None:
    assert sent(model=model, **asked)["additionalModelRequestFields"] == more


@pytest.mark.parametrize("one_call", [False, True])
def test_claude_gets_no_budget_for_thinking_where_a_tool_must_be_called(one_call: bool) -> None:
    """It would be refused: "Thinking may not be enabled when tool_choice forces tool use"."""
    asked: dict[str, Any] = {"reasoning_effort": "low", "tools": [WEATHER]}
    if one_call:
        asked["parallel_tool_calls"] = False
    assert "thinking" not in sent(tool_choice="required", **asked).get("additionalModelRequestFields", {})
    assert "thinking" in sent(tool_choice="auto", **asked)["additionalModelRequestFields"]


@pytest.mark.parametrize(
    ("model", "asked"),
    [
        ("nova-pro", {"seed": 7}),
        ("llama3-3-70b-instruct", {"reasoning_effort": "low"}),
        ("nova-pro", {"parallel_tool_calls": False, "tools": [WEATHER]}),
        ("claude-opus-4-8", {"temperature": 0.5}),
        ("claude-sonnet-4-5", {"temperature": 1.5}),
        ("claude-sonnet-4-5", {"metadata": {"what": "a{b}"}}),
        ("claude-sonnet-4-5", {"service_tier": "scale"}),
    ],
)
def test_what_a_model_cannot_do_is_refused_by_name(model: str, asked: dict[str, Any]) -> None:
    assert refused(model=model, **asked).partition(".")[0] == next(iter(asked))


def test_a_routes_default_temperature_does_not_concern_a_model_that_takes_none() -> None:
    target = {"defaults": {"temperature": b"0.3", "max_tokens": b"100"}}
    assert sent(model="claude-opus-4-8", target=target)["inferenceConfig"] == {"maxTokens": 100}


def test_coheres_documents_bring_their_citations_along() -> None:
    body = sent(model="command-r-plus", documents=[{"title": "Oslo", "snippet": "It is cold."}])
    assert body["additionalModelRequestFields"]["documents"][0]["title"] == "Oslo"
    assert body["additionalModelResponseFieldPaths"] == ["/citations"]
    reply = whole(Converse(), (FOLDER / "replies/documents.json").read_bytes(), bound("command-r-plus"))
    (cited,) = json.loads(reply.choices[0].message.annotations_json)
    assert cited["citation"]["document_ids"] == ["doc_0"]
    assert (cited["citation"]["start_index"], cited["citation"]["end_index"]) == (0, 4)


# -- answers --


def test_what_openai_has_no_name_for_stays() -> None:
    reply = whole(Converse(), (FOLDER / "replies/guardrail.json").read_bytes(), bound())
    assert json.loads(reply.extra_json)["trace"]["guardrail"]["actionReason"] == "Guardrail blocked."
    assert json.loads(reply.extra_json)["metrics"] == {"latencyMs": 320}
    (choice,) = reply.choices
    assert choice.finish_reason == chat_pb2.FINISH_REASON_CONTENT_FILTER
    assert json.loads(choice.extra_json) == {"stop_reason": "guardrail_intervened"}


def test_a_new_stop_reason_stays_as_it_is() -> None:
    (choice,) = whole(Converse(), (FOLDER / "replies/new_stop_reason.json").read_bytes(), bound()).choices
    assert choice.finish_reason_text == "malformed_tool_use"


def test_a_cited_web_page_is_a_url_citation() -> None:
    (choice,) = whole(Converse(), (FOLDER / "replies/web_citation.json").read_bytes(), bound()).choices
    assert json.loads(choice.message.annotations_json) == [
        {
            "type": "url_citation",
            "url_citation": {
                "start_index": 0,
                "end_index": 6,
                "url": "https://example.com/paris",
                "title": "Paris",
            },
        }
    ]


# -- streams --

TEXT = json.loads((FOLDER / "streams/parallel_calls.json").read_text())


def test_every_split_point_gives_the_same_chunks() -> None:
    data = stream([(name, payload) for name, payload in TEXT])
    expected = chunks(Converse(), data, bound())
    for at in range(len(data)):
        assert chunks(Converse(), data, bound(), [at]) == expected
    assert chunks(Converse(), data, bound(), range(len(data))) == expected


@pytest.mark.parametrize("kept", range(len(TEXT) - 1))
def test_a_stream_that_is_cut_before_its_stop_is_interrupted(kept: int) -> None:
    """After `messageStop` the answer is complete; the usage behind it may be missing."""
    data = stream([(name, payload) for name, payload in TEXT[:kept]])
    if TEXT[:kept] and TEXT[kept - 1][0] == "messageStop":
        assert chunks(Converse(), data, bound())
        return
    with pytest.raises(Fault) as caught:
        chunks(Converse(), data, bound())
    assert caught.value.kind is Kind.STREAM_INTERRUPTED


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("throttlingException", 429),
        ("modelStreamErrorException", 500),
        ("internalServerException", 500),
        ("validationException", 400),
        ("serviceUnavailableException", 503),
        ("modelTimeoutException", 408),
        ("someNewException", 500),
    ],
)
def test_an_exception_inside_the_stream_is_the_error_that_it_stands_for(name: str, status: int) -> None:
    data = stream([(n, p) for n, p in TEXT[:2]]) + event(name, {"message": "Too many tokens"})
    with pytest.raises(UpstreamFailure) as caught:
        chunks(Converse(), data, bound())
    assert caught.value.status == status
    assert caught.value.error.type == name[0].upper() + name[1:]
    assert caught.value.error.message == "Too many tokens"


def test_an_event_that_is_newer_than_this_decoder_is_passed_over() -> None:
    data = stream([(n, p) for n, p in (TEXT[0], ["somethingNew", {"a": 1}], *TEXT[1:])])
    assert chunks(Converse(), data, bound()) == chunks(Converse(), stream([(n, p) for n, p in TEXT]), bound())


# -- garbage --

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["output", "message", "content", "text", "toolUse", "stopReason", "usage", "delta"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(body=st.binary(max_size=100) | JSON.map(lambda value: json.dumps(value).encode()))
def test_a_garbled_answer_raises_only_faults(body: bytes) -> None:
    reply = WireReply(status=200, headers={}, body=body)
    try:
        Converse().decode(Operation.CHAT, [reply], bound())
    except Fault as fault:
        assert fault.kind is Kind.UPSTREAM_PROTOCOL  # noqa: PT017  # it may also be read
    except UpstreamFailure:
        pass
    assert Converse().error(reply) is not None


def test_a_budget_is_not_given_while_the_answer_goes_on_with_calls_of_another_provider() -> None:
    """Claude would refuse it; where it had thought itself, it goes on to."""
    limit: Any = {"reasoning_effort": "low", "max_completion_tokens": 8_000, "tools": [WEATHER]}
    calls, thought = called(call("call_1")), {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
    plain = sent(user(), calls, result("call_1"), **limit)
    assert "additionalModelRequestFields" not in plain
    own = sent(user(), {**calls, "thinking_blocks": [thought]}, result("call_1"), **limit)
    assert own["additionalModelRequestFields"]["thinking"]["type"] == "enabled"


EVENTS = [name for name, _ in TEXT] + ["throttlingException", "new", "error"]


@given(events=st.lists(st.tuples(st.sampled_from(EVENTS), JSON), max_size=6))
def test_a_garbled_stream_raises_only_faults(events: list[tuple[str, Any]]) -> None:
    try:
        chunks(Converse(), stream(events), bound())
    except Fault as fault:
        assert fault.kind in (Kind.UPSTREAM_PROTOCOL, Kind.STREAM_INTERRUPTED)  # noqa: PT017  # it may also be read
    except UpstreamFailure:
        pass
