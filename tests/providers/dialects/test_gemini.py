"""What the conformance table does not say of Gemini: addresses, its own parameters, what is kept."""

import json
from dataclasses import replace
from typing import Any

import pytest

from switch_grpc.faults import Fault, Kind
from switch_grpc.openai_wire import decode_chat_request, encode_chat_response, fold_chat
from switch_grpc.providers.classify import classify
from switch_grpc.providers.dialects.base import Binding, UpstreamFailure, WireReply, WireRequest
from switch_grpc.providers.dialects.gemini import Gemini
from switch_grpc.providers.dialects.gemini_contents import STAND_IN
from switch_grpc.providers.dialects.gemini_request import _WRITERS, version_of
from switch_grpc.request import MessageBody
from switch_grpc.v1 import chat_pb2
from tests.support.conformance import (
    FIXTURES,
    WEATHER,
    call,
    called,
    chunks,
    head,
    result,
    streamed,
    user,
    whole,
)

BINDING = Binding(
    target="a",
    provider="gemini",
    model="gemini-2.5-flash",
    base_url="https://generativelanguage.googleapis.com/v1beta",
    headers={"X-Team": "a"},
)
NEWER = replace(BINDING, model="gemini-3-pro-preview")


def wire(binding: Binding = BINDING, *, stream: bool = False, **request: Any) -> WireRequest:
    body = {"model": "lite", "messages": [user()], **request}
    message = decode_chat_request(json.dumps(body).encode())
    (sent,) = Gemini().encode(head(stream=stream), MessageBody(message), binding)
    return sent


def sent(binding: Binding = BINDING, **request: Any) -> Any:
    return json.loads(wire(binding, **request).body)


def reply(name: str) -> bytes:
    return (FIXTURES / f"gemini/replies/{name}.json").read_bytes()


def stream_of(name: str) -> bytes:
    return (FIXTURES / f"gemini/streams/{name}.sse").read_bytes()


# -- the wire --


def test_a_whole_answer_and_a_stream_have_their_own_methods() -> None:
    base = "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash"
    assert wire().url == f"{base}:generateContent"
    assert wire(stream=True).url == f"{base}:streamGenerateContent?alt=sse"
    assert wire().headers == {
        "x-team": "a",
        "content-type": "application/json",
        "accept": "application/json",
    }
    assert wire(stream=True).headers["accept-encoding"] == "identity"


def test_a_tuned_model_is_asked_by_its_own_path_and_a_base_keeps_its_query() -> None:
    tuned = replace(BINDING, model="tunedModels/mine", base_url="https://proxy.example.com/g?key=1")
    assert wire(tuned).url == "https://proxy.example.com/g/tunedModels/mine:generateContent?key=1"
    assert wire(tuned, stream=True).url.endswith("tunedModels/mine:streamGenerateContent?key=1&alt=sse")


@pytest.mark.parametrize(
    ("model", "version"),
    [
        ("gemini-2.5-flash", (2, 5)),
        ("gemini-3-pro-preview", (3, 0)),
        ("gemini-3.1-flash-lite", (3, 1)),
        ("models/gemini-1.5-pro-002", (1, 5)),
        ("endpoints/123", (99, 0)),
    ],
)
def test_a_name_tells_the_generation(model: str, version: tuple[int, int]) -> None:
    assert version_of(model) == version


# -- parameters --


def test_every_field_of_a_request_has_a_row() -> None:
    assert set(_WRITERS) == set(chat_pb2.ChatRequest.DESCRIPTOR.fields_by_name)


def test_configured_parameters_stand_under_and_over_the_callers() -> None:
    binding = replace(
        BINDING,
        defaults={"temperature": b"0.1", "top_p": b"0.9", "max_tokens": b"10"},
        params={"seed": b"7", "stop": b'["END"]'},
        streaming_params={"seed": b"8"},
    )
    request = {"temperature": 0.5, "max_completion_tokens": 20, "seed": 1}
    expected = {
        "temperature": 0.5,
        "topP": 0.9,
        "maxOutputTokens": 20,
        "seed": 7,
        "stopSequences": ["END"],
    }
    assert sent(binding, **request)["generationConfig"] == expected
    assert sent(binding, stream=True, **request)["generationConfig"] == {**expected, "seed": 8}


def test_geminis_own_parameters_pass_in_either_spelling() -> None:
    safety = [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]
    body = sent(
        topK=40,
        thinking_config={"thinkingBudget": 128},
        safetySettings=safety,
        cached_content="cachedContents/1",
        generationConfig={"mediaResolution": "MEDIA_RESOLUTION_LOW"},
    )
    assert body["safetySettings"] == safety
    assert body["cachedContent"] == "cachedContents/1"
    assert body["generationConfig"] == {
        "topK": 40,
        "thinkingConfig": {"thinkingBudget": 128},
        "mediaResolution": "MEDIA_RESOLUTION_LOW",
    }


def test_a_tool_config_joins_the_tool_choice() -> None:
    body = sent(
        tools=[WEATHER, {"googleSearch": {}}],
        tool_choice="required",
        toolConfig={"includeServerSideToolInvocations": True, "functionCallingConfig": {"mode": "VALIDATED"}},
    )
    assert body["toolConfig"] == {
        "functionCallingConfig": {"mode": "VALIDATED"},
        "includeServerSideToolInvocations": True,
    }
    assert [list(tool) for tool in body["tools"]] == [["functionDeclarations"], ["googleSearch"]]


def test_what_nobody_knows_goes_out_only_where_the_operator_wrote_it() -> None:
    with pytest.raises(Fault, match=r"top_a: target 'a' \(gemini\) cannot take it") as refused:
        sent(top_a=1)
    assert (refused.value.kind, refused.value.param) == (Kind.CAPABILITY, "top_a")
    assert sent(replace(BINDING, params={"newThing": b'{"a":1}'}))["newThing"] == {"a": 1}


def test_no_parameter_replaces_the_conversation() -> None:
    for name in ("contents", "systemInstruction"):
        with pytest.raises(Fault, match=name):
            sent(**{name: [{"parts": []}]})
        with pytest.raises(Fault, match=name):
            sent(replace(BINDING, params={name: b'[{"parts":[]}]'}))


def test_configured_parameters_that_cannot_be_read_are_the_operators_fault() -> None:
    with pytest.raises(Fault, match="target 'a'") as refused:
        sent(replace(BINDING, params={"temperature": b'"hot"'}))
    assert refused.value.kind is Kind.CAPABILITY


@pytest.mark.parametrize(
    ("model", "effort", "thinking"),
    [
        ("gemini-2.5-flash", "medium", {"includeThoughts": True, "thinkingBudget": 8192}),
        ("gemini-3-flash-preview", "minimal", {"includeThoughts": True, "thinkingLevel": "MINIMAL"}),
        ("gemini-3-pro-preview", "minimal", {"includeThoughts": True, "thinkingLevel": "LOW"}),
        ("gemini-3-pro-preview", "xhigh", {"includeThoughts": True, "thinkingLevel": "HIGH"}),
        ("gemini-2.5-pro", "none", None),
        ("gemini-3-flash-preview", "none", None),
        ("gemini-2.0-flash", "low", None),
        ("gemini-2.5-flash", "extreme", None),
    ],
)
def test_an_effort_is_a_budget_or_a_level_or_refused(model: str, effort: str, thinking: object) -> None:
    binding = replace(BINDING, model=model)
    if thinking is None:
        with pytest.raises(Fault, match="reasoning_effort"):
            sent(binding, reasoning_effort=effort)
    else:
        assert sent(binding, reasoning_effort=effort)["generationConfig"] == {"thinkingConfig": thinking}
        assert sent(binding, reasoning={"effort": effort})["generationConfig"] == {"thinkingConfig": thinking}


def test_allowed_tools_without_force_are_validated() -> None:
    tool = {"type": "function", "function": {"name": "get_weather"}}
    choice = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [tool]}}
    body = sent(tools=[WEATHER], tool_choice=choice)
    assert body["toolConfig"]["functionCallingConfig"] == {
        "mode": "VALIDATED",
        "allowedFunctionNames": ["get_weather"],
    }


def test_mistrals_word_for_a_tool_that_must_be_called_is_known() -> None:
    body = sent(tools=[WEATHER], tool_choice="any")
    assert body["toolConfig"]["functionCallingConfig"] == {"mode": "ANY"}


# -- contents --


def parts_of(*content: object, binding: Binding = BINDING) -> Any:
    return sent(binding, messages=[user(list(content))])["contents"][0]["parts"]


def image(url: str, **more: object) -> dict[str, object]:
    return {"type": "image_url", "image_url": {"url": url, **more}}


def test_media_travel_inline_or_by_address() -> None:
    video = {"type": "video_url", "video_url": {"url": "https://youtu.be/abc"}}
    file = {"type": "file", "file": {"file_id": "https://generativelanguage.googleapis.com/v1beta/files/x"}}
    bare = {"type": "file", "file": {"file_data": "JVBERi0=", "filename": "a.pdf"}}
    own = {"fileData": {"fileUri": "gs://b/a.mp4", "mimeType": "video/mp4"}, "videoMetadata": {"fps": 2}}
    assert parts_of(
        image("data:image/webp;base64,AAAA"),
        image("data:,a%20b"),
        image("https://example.com/cat", mime_type="image/jpeg"),
        image("gs://bucket/cat.png"),
        *(video, file, bare, own),
    ) == [
        {"inlineData": {"mimeType": "image/webp", "data": "AAAA"}},
        {"inlineData": {"mimeType": "text/plain", "data": "YSBi"}},
        {"fileData": {"fileUri": "https://example.com/cat", "mimeType": "image/jpeg"}},
        {"fileData": {"fileUri": "gs://bucket/cat.png", "mimeType": "image/png"}},
        {"fileData": {"fileUri": "https://youtu.be/abc", "mimeType": "video/mp4"}},
        {"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/x"}},
        {"inlineData": {"mimeType": "application/pdf", "data": "JVBERi0="}},
        own,
    ]


@pytest.mark.parametrize(
    ("part", "model", "kind"),
    [
        (image("https://example.com/cat.png"), "gemini-2.0-flash", Kind.CAPABILITY),
        (image("https://example.com/cat"), "gemini-2.5-flash", Kind.CAPABILITY),
        (image("data:image/png;base64"), "gemini-2.5-flash", Kind.BAD_REQUEST),
        (image("ftp://example.com/cat.png"), "gemini-2.5-flash", Kind.BAD_REQUEST),
        (image("https://[x/cat.png"), "gemini-2.5-flash", Kind.BAD_REQUEST),
        ({"type": "document_url", "document_url": "x"}, "gemini-2.5-flash", Kind.CAPABILITY),
        ({"type": "file", "file": {"file_id": "file-1"}}, "gemini-2.5-flash", Kind.CAPABILITY),
    ],
)
def test_media_that_cannot_be_had_are_refused_by_name(part: object, model: str, kind: Kind) -> None:
    with pytest.raises(Fault, match=r"^messages\[0\]\.content\[0\]") as refused:
        parts_of(part, binding=replace(BINDING, model=model))
    assert refused.value.kind is kind


def test_a_system_message_alone_is_said_by_the_user() -> None:
    body = sent(messages=[{"role": "system", "content": "Say hi."}])
    assert body == {"contents": [{"role": "user", "parts": [{"text": "Say hi."}]}]}


def test_results_are_objects_and_media_ride_beside_them() -> None:
    contents = sent(
        messages=[
            user(),
            called(call("1"), call("2", "now"), call("3", "draw")),
            result("2", '{"time": 1.10}'),
            result("1", "[1, 2]"),
            result("3", [{"type": "text", "text": "done"}, image("data:image/png;base64,AAAA")]),
        ]
    )["contents"]
    assert contents[2]["role"] == "user"
    assert [part["functionResponse"] for part in contents[2]["parts"]] == [
        {"name": "now", "response": {"time": 1.1}, "id": "2"},
        {"name": "get_weather", "response": {"output": "[1, 2]"}, "id": "1"},
        {
            "name": "draw",
            "response": {"output": "done"},
            "id": "3",
            "parts": [{"inlineData": {"mimeType": "image/png", "data": "AAAA"}}],
        },
    ]


def test_a_result_of_no_call_is_refused_by_name() -> None:
    with pytest.raises(Fault, match=r"messages\[1\]\.tool_call_id") as refused:
        sent(messages=[user(), result("nobody")])
    assert refused.value.kind is Kind.BAD_REQUEST


def test_calls_of_other_models_get_the_stand_in_signature_where_one_is_required() -> None:
    messages = [user(), called(call("1"), call("2")), result("1"), result("2")]
    old, new = (sent(binding, messages=messages)["contents"][1]["parts"] for binding in (BINDING, NEWER))
    assert [part.get("thoughtSignature") for part in old] == [None, None]
    assert [part.get("thoughtSignature") for part in new] == [STAND_IN, None]


# -- answers --


def told_again(answer: chat_pb2.ChatResponse, **edits: object) -> Any:
    """The content that the answer becomes in the next request."""
    message = json.loads(encode_chat_response(answer))["choices"][0]["message"] | edits
    results = [result(made["id"]) for made in message.get("tool_calls", ())]
    return sent(NEWER, messages=[user(), message, *results])["contents"][1]


@pytest.mark.parametrize("name", ["tool_call", "parallel_calls", "reasoning", "executed_code"])
def test_an_answer_goes_back_as_it_came(name: str) -> None:
    came = json.loads(reply(name))["candidates"][0]["content"]
    for answer in (whole(Gemini(), reply(name), BINDING), streamed(Gemini(), stream_of(name), BINDING)):
        back = told_again(answer)
        assert texts(back) == texts(came)
        kept = [part for part in back["parts"] if "text" not in part]
        assert [sorted(part) for part in kept if "functionCall" not in part] == [
            sorted(part) for part in came["parts"] if "text" not in part and "functionCall" not in part
        ]
        assert signatures(back) == (signatures(came) or signatures(back))


def texts(content: Any) -> str:
    return "".join(part["text"] for part in content["parts"] if "text" in part and not part.get("thought"))


def signatures(content: Any) -> list[str]:
    return [part["thoughtSignature"] for part in content["parts"] if "thoughtSignature" in part]


def test_an_answer_that_the_caller_changed_goes_back_as_changed() -> None:
    back = told_again(whole(Gemini(), reply("executed_code"), BINDING), content="43.")
    assert back == {"role": "model", "parts": [{"text": "43."}]}


def test_a_call_without_an_id_gets_one_that_is_the_same_whole_and_streamed() -> None:
    ids = [
        [call.id for call in answer.choices[0].message.tool_calls]
        for answer in (
            whole(Gemini(), reply("parallel_calls"), BINDING),
            streamed(Gemini(), stream_of("parallel_calls"), BINDING),
        )
    ]
    assert ids[0] == ids[1]
    assert ids[0][0].startswith("call_")
    assert ids[0][1] == "9f2k"


def test_arguments_keep_the_spelling_of_their_numbers() -> None:
    body = reply("tool_call").replace(b'"Oslo"', b"[ 1.10, 9007199254740993 ]")
    (made,) = whole(Gemini(), body, BINDING).choices[0].message.tool_calls
    assert made.function.arguments == '{"city":[1.10,9007199254740993]}'


def test_a_filtered_answer_says_so_and_why() -> None:
    answer = streamed(Gemini(), stream_of("filtered"), BINDING)
    (choice,) = answer.choices
    assert choice.finish_reason == chat_pb2.FINISH_REASON_CONTENT_FILTER
    assert choice.message.content == "Well, "
    extra = json.loads(choice.extra_json)
    assert extra["native_finish_reason"] == "SAFETY"
    assert extra["safetyRatings"][0]["blocked"] is True


def test_a_reason_that_openai_does_not_know_is_told_as_it_came() -> None:
    (choice,) = whole(Gemini(), reply("malformed_call"), BINDING).choices
    assert choice.finish_reason_text == "MALFORMED_FUNCTION_CALL"
    assert "finishMessage" in choice.extra_json


def test_candidates_are_choices_and_each_ends_by_itself() -> None:
    for answer in (
        whole(Gemini(), reply("two_choices"), BINDING),
        streamed(Gemini(), stream_of("two_choices"), BINDING),
    ):
        assert [(choice.index, choice.message.content) for choice in answer.choices] == [
            (0, "Heads"),
            (1, "Tails"),
        ]
    one = stream_of("two_choices").replace(b'"finishReason": "MAX_TOKENS"', b'"finishReason": ""')
    with pytest.raises(Fault) as cut:
        streamed(Gemini(), one, BINDING)
    assert cut.value.kind is Kind.STREAM_INTERRUPTED


def test_logprobs_are_openais_with_the_ids_kept() -> None:
    (choice,) = whole(Gemini(), reply("logprobs"), BINDING).choices
    token = choice.logprobs.content[0]
    assert (token.token, token.logprob, token.extra_json) == ("Hello", -0.1, '{"tokenId":9259}')
    assert [top.token for top in token.top_logprobs] == ["Hello", "Hi"]


def test_usage_comes_once_at_the_end_and_tools_of_google_count_as_prompt() -> None:
    made = chunks(Gemini(), stream_of("executed_code"), BINDING)
    assert [chunk.HasField("usage") for chunk in made] == [False] * (len(made) - 1) + [True]
    usage = made[-1].usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (30, 5, 35)
    assert json.loads(usage.extra_json) == {"toolUsePromptTokenCount": 20}


def test_what_follows_the_finish_reason_is_not_lost() -> None:
    answer = streamed(Gemini(), stream_of("grounded_after_finish"), BINDING)
    assert "groundingMetadata" in answer.choices[0].extra_json
    assert answer.usage.completion_tokens == 5


@pytest.mark.parametrize("data", [stream_of("cut"), b""])
def test_a_stream_without_an_end_is_no_answer(data: bytes) -> None:
    with pytest.raises(Fault) as cut:
        streamed(Gemini(), data, BINDING)
    assert cut.value.kind is (Kind.STREAM_INTERRUPTED if data else Kind.UPSTREAM_PROTOCOL)


# -- faults --


@pytest.mark.parametrize("read", [(whole, reply), (streamed, stream_of)])
def test_a_blocked_prompt_is_the_callers_fault(read: Any) -> None:
    with pytest.raises(UpstreamFailure) as blocked:
        read[0](Gemini(), read[1]("blocked_prompt"), BINDING)
    assert (blocked.value.status, blocked.value.error.code) == (400, "content_filter")
    verdict = classify(
        provider="gemini", target="a", status=400, headers={}, error=blocked.value.error,
        patterns=(), permanent=True, now_wall=0.0,
    )  # fmt: skip
    assert verdict.fault.kind is Kind.CONTENT_FILTER


def test_an_error_in_a_stream_has_the_status_that_it_names() -> None:
    with pytest.raises(UpstreamFailure) as failure:
        streamed(Gemini(), stream_of("overloaded"), BINDING)
    assert (failure.value.status, failure.value.error.type) == (503, "UNAVAILABLE")
    named = b'data: [{"error": {"status": "RESOURCE_EXHAUSTED", "message": "slow down"}}]\n\n'
    with pytest.raises(UpstreamFailure) as failure:
        streamed(Gemini(), named, BINDING)
    assert failure.value.status == 429


def test_an_envelope_tells_code_field_and_wait() -> None:
    answers = json.loads((FIXTURES / "gemini/errors.json").read_text())

    def error(name: str) -> Any:
        body = json.dumps(answers[name]["body"]).encode()
        return Gemini().error(WireReply(status=400, headers={}, body=body))

    assert error("rate_limit").retry_after == 34.07
    assert error("wrong_key").code == "API_KEY_INVALID"
    assert error("bad_request").param == "contents"
    verdict = classify(
        provider="gemini", target="a", status=429, headers={}, error=error("rate_limit"),
        patterns=(), permanent=True, now_wall=0.0,
    )  # fmt: skip
    assert verdict.fault.retry_after == 34.07


def test_a_whole_answer_where_a_stream_was_asked_is_split() -> None:
    """Some proxies ignore alt=sse; the engine splits what `decode` gives."""
    from switch_grpc.openai_wire import split_chat

    answer = whole(Gemini(), reply("parallel_calls"), BINDING)
    assert encode_chat_response(fold_chat(split_chat(answer))) == encode_chat_response(answer)
