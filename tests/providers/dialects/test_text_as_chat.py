"""Laws of legacy completion on a target that only chats."""

import json
from typing import Any

import pytest

from switch_grpc.faults import Fault, Kind
from switch_grpc.openai_wire import fold_completion
from switch_grpc.providers.dialects.base import Binding, UpstreamError, UpstreamFailure, WireReply
from switch_grpc.providers.dialects.openai import OpenAI
from switch_grpc.providers.dialects.text_as_chat import PROMPT_LIMIT, TextAsChat
from switch_grpc.request import Head, MessageBody, Operation
from switch_grpc.v1 import chat_pb2, completion_pb2

BINDING = Binding(target="a", provider="groq", model="m-1", base_url="https://api.example.com/v1")
DIALECT = TextAsChat(OpenAI())


def head(operation: Operation = Operation.COMPLETE, *, stream: bool = False) -> Head:
    return Head(operation=operation, route="lite", stream=stream)


def request(*prompts: str, **fields: Any) -> completion_pb2.CompletionRequest:
    prompt = completion_pb2.Prompt(text=prompts[0]) if len(prompts) == 1 else completion_pb2.Prompt()
    if len(prompts) != 1:
        prompt.texts.texts.extend(prompts)
    return completion_pb2.CompletionRequest(route="lite", prompt=prompt, **fields)


def answer(number: int, *texts: str) -> WireReply:
    body = {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": 100 + number,
        "model": "m-1",
        "choices": [
            {"index": i, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            for i, text in enumerate(texts)
        ],
        "usage": {
            "prompt_tokens": 2,
            "completion_tokens": 3,
            "total_tokens": 5,
            "prompt_tokens_details": {"cached_tokens": 1},
        },
    }
    return WireReply(status=200, headers={"content-type": "application/json"}, body=json.dumps(body).encode())


def stream(number: int, *texts: str) -> bytes:
    def chunk(choices: list[dict[str, Any]], **more: Any) -> bytes:
        body = {"id": f"chatcmpl-{number}", "object": "chat.completion.chunk", "created": 100 + number}
        return b"data: " + json.dumps({**body, "model": "m-1", "choices": choices, **more}).encode() + b"\n\n"

    def delta(index: int, delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        return {"index": index, "delta": delta, "finish_reason": reason}

    usage = {
        "prompt_tokens": 2,
        "completion_tokens": 3,
        "total_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 1},
    }
    return b"".join(
        [
            *(chunk([delta(i, {"role": "assistant", "content": ""})]) for i in range(len(texts))),
            chunk([delta(0, {"reasoning_content": "hm"})]),
            *(chunk([delta(i, {"content": piece})]) for i, text in enumerate(texts) for piece in text),
            *(chunk([delta(i, {}, "stop")]) for i in range(len(texts))),
            chunk([], usage=usage),
            b"data: [DONE]\n\n",
        ]
    )  # fmt: skip


def read(message: completion_pb2.CompletionRequest, *streams: bytes) -> completion_pb2.CompletionResponse:
    decoder = DIALECT.decoder(head(stream=True), MessageBody(message), BINDING)
    chunks: list[Any] = []
    for data in streams:
        assert not decoder.finished
        for event in DIALECT.framing().feed(data):
            chunks += decoder.feed(event)
        assert decoder.finished
        chunks += decoder.finish()
    return fold_completion(chunks)


def test_a_prompt_is_one_user_message() -> None:
    (wire,) = DIALECT.encode(head(), MessageBody(request("Once upon", max_tokens=5, temperature=0)), BINDING)
    assert wire.url == "https://api.example.com/v1/chat/completions"
    assert json.loads(wire.body) == {
        "model": "m-1",
        "messages": [{"role": "user", "content": "Once upon"}],
        "max_tokens": 5,
        "temperature": 0,
    }


def test_every_parameter_that_both_have_is_carried() -> None:
    message = request(
        "x", temperature=0.5, top_p=0.5, frequency_penalty=1, presence_penalty=1, max_tokens=5, n=2,
        logit_bias_json='{"50256":-100}', seed=7, user="u", extra_json='{"top_k":40}', echo=False, best_of=1,
        suffix="", stop=chat_pb2.Stop(sequences=["\n"], single=True),
    )  # fmt: skip
    (wire,) = DIALECT.encode(head(), MessageBody(message), BINDING)
    body = json.loads(wire.body)
    assert {**body, "model": None, "messages": None} == {
        "model": None, "messages": None, "temperature": 0.5, "top_p": 0.5, "frequency_penalty": 1,
        "presence_penalty": 1, "max_tokens": 5, "n": 2, "logit_bias": {"50256": -100}, "seed": 7, "user": "u",
        "top_k": 40, "stop": "\n",
    }  # fmt: skip


def test_each_prompt_of_a_list_is_one_wire_request() -> None:
    wires = DIALECT.encode(head(stream=True), MessageBody(request("a", "b", "c")), BINDING)
    assert [json.loads(wire.body)["messages"][0]["content"] for wire in wires] == ["a", "b", "c"]
    assert all(json.loads(wire.body)["stream_options"] == {"include_usage": True} for wire in wires)


def test_choices_are_numbered_prompt_by_prompt() -> None:
    reply = DIALECT.decode(Operation.COMPLETE, [answer(1, "a", "b"), answer(2, "c", "d")], BINDING)
    assert isinstance(reply, completion_pb2.CompletionResponse)
    assert [(c.index, c.text) for c in reply.choices] == [(0, "a"), (1, "b"), (2, "c"), (3, "d")]
    assert {c.finish_reason for c in reply.choices} == {chat_pb2.FINISH_REASON_STOP}
    assert (reply.id, reply.created, reply.model) == ("chatcmpl-1", 101, "m-1")


def test_usage_is_summed_over_the_prompts() -> None:
    reply = DIALECT.decode(Operation.COMPLETE, [answer(1, "a"), answer(2, "b")], BINDING)
    assert isinstance(reply, completion_pb2.CompletionResponse)
    usage = reply.usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (4, 6, 10)
    assert usage.prompt_tokens_details.cached_tokens == 2


@pytest.mark.parametrize(
    "texts", [[["ab"]], [["ab", "cd"]], [["ab"], ["cd"]], [["a", "b"], ["c", "d"], ["e", "f"]]]
)
def test_the_fold_of_the_stream_is_the_whole_answer(texts: list[list[str]]) -> None:
    message = request(*("p" for _ in texts), n=len(texts[0]))
    whole = DIALECT.decode(Operation.COMPLETE, [answer(i, *part) for i, part in enumerate(texts)], BINDING)
    assert read(message, *(stream(i, *part) for i, part in enumerate(texts))) == whole


def test_a_stream_cut_in_any_part_is_interrupted() -> None:
    decoder = DIALECT.decoder(head(stream=True), MessageBody(request("a", "b")), BINDING)
    for event in DIALECT.framing().feed(stream(1, "x")):
        decoder.feed(event)
    assert decoder.finish() == []
    with pytest.raises(Fault) as caught:
        decoder.finish()
    assert caught.value.kind is Kind.STREAM_INTERRUPTED


def test_an_error_of_the_chat_is_the_completions() -> None:
    body = b'{"error": {"message": "slow down", "code": 429}}'
    broken = WireReply(status=200, headers={"content-type": "application/json"}, body=body)
    with pytest.raises(UpstreamFailure) as caught:
        DIALECT.decode(Operation.COMPLETE, [answer(1, "a"), broken], BINDING)
    assert caught.value.status == 429
    assert DIALECT.error(broken) == UpstreamError(code="429", message="slow down")


def test_a_refusal_is_the_answers_text() -> None:
    body = {
        "choices": [{"index": 0, "message": {"content": None, "refusal": "No."}, "finish_reason": "stop"}]
    }
    reply = DIALECT.decode(
        Operation.COMPLETE, [WireReply(status=200, headers={}, body=json.dumps(body).encode())], BINDING
    )
    assert isinstance(reply, completion_pb2.CompletionResponse)
    assert reply.choices[0].text == "No."


@pytest.mark.parametrize(
    ("message", "param"),
    [
        (request("x", echo=True), "echo"),
        (request("x", best_of=3), "best_of"),
        (request("x", suffix="end"), "suffix"),
        (request("x", logprobs=0), "logprobs"),
        (
            completion_pb2.CompletionRequest(
                prompt=completion_pb2.Prompt(tokens=completion_pb2.TokenList(tokens=[1, 2]))
            ),
            "prompt",
        ),
        (
            completion_pb2.CompletionRequest(
                prompt=completion_pb2.Prompt(token_lists=completion_pb2.TokenLists())
            ),
            "prompt",
        ),
        (request(*("x" for _ in range(PROMPT_LIMIT + 1))), "prompt"),
    ],
)
def test_what_a_chat_cannot_do_is_refused_by_name_and_another_target_may_do_it(
    message: completion_pb2.CompletionRequest, param: str
) -> None:
    with pytest.raises(Fault) as caught:
        DIALECT.encode(head(), MessageBody(message), BINDING)
    assert (caught.value.kind, caught.value.param) == (Kind.CAPABILITY, param)
    assert caught.value.message.startswith(f"{param}: target 'a' (groq) only chats")
    assert caught.value.rule.next


@pytest.mark.parametrize("message", [completion_pb2.CompletionRequest(), request()])
def test_no_prompt_is_the_callers_mistake(message: completion_pb2.CompletionRequest) -> None:
    with pytest.raises(Fault) as caught:
        DIALECT.encode(head(), MessageBody(message), BINDING)
    assert (caught.value.kind, caught.value.param) == (Kind.BAD_REQUEST, "prompt")


def test_other_operations_are_left_to_the_chat_dialect() -> None:
    chat = chat_pb2.ChatRequest(messages=[chat_pb2.Message(role=chat_pb2.ROLE_USER, content="hi")])
    body = MessageBody(chat)
    for stream_it in (False, True):
        asked = head(Operation.CHAT, stream=stream_it)
        assert DIALECT.encode(asked, body, BINDING) == OpenAI().encode(asked, body, BINDING)
    assert DIALECT.decode(Operation.CHAT, [answer(1, "a")], BINDING) == OpenAI().decode(
        Operation.CHAT, [answer(1, "a")], BINDING
    )
    decoder = DIALECT.decoder(head(Operation.CHAT, stream=True), body, BINDING)
    (event, *_) = DIALECT.framing().feed(stream(1, "x"))
    assert isinstance(decoder.feed(event)[0], chat_pb2.ChatChunk)
