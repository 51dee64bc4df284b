"""llama.cpp's own server behind a route: what it answers is what comes out of both doors.

Greedy and without its prompt cache llama-server is deterministic, so an answer through the gateway must equal
the one that the same SDK gets from llama-server directly, token for token.
"""

import json
import time
import urllib.request
from typing import Any

import openai
import pytest

from switch_client import AuthError, BadRequest, Switch, UpstreamError
from switch_grpc.v1 import chat_pb2
from tests.real.conftest import UPSTREAM_KEY, WRONG_KEY, Gateway, Llama

ASK = "The quick brown fox"
MESSAGES: list[Any] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": ASK},
]
# What makes llama-server repeat itself; `cache_prompt` is its own field, which neither door knows.
SAME = {"temperature": 0, "seed": 7, "max_tokens": 24}
OWN = {"cache_prompt": False}
IDLE_AGAIN = 5.0  # seconds in which llama-server must have stopped


def test_a_chat_is_what_llama_answered(
    direct: openai.OpenAI, by_http: openai.OpenAI, by_grpc: Switch
) -> None:
    asked: Any = {"messages": MESSAGES, **SAME}
    want = direct.chat.completions.create(model="tiny", extra_body=OWN, **asked)
    http = by_http.chat.completions.create(model="tiny", extra_body=OWN, **asked)
    grpc = by_grpc.chat("tiny", MESSAGES, extra=OWN, **SAME)

    assert want.usage is not None
    assert want.usage.completion_tokens == SAME["max_tokens"]
    assert http.choices == want.choices
    assert http.usage == want.usage
    assert http.model == "tiny"
    assert grpc.choices[0].message.content == want.choices[0].message.content
    assert want.choices[0].finish_reason == "length"
    assert grpc.choices[0].finish_reason == chat_pb2.FINISH_REASON_LENGTH
    assert grpc.usage.prompt_tokens == want.usage.prompt_tokens
    assert grpc.usage.completion_tokens == want.usage.completion_tokens
    assert grpc.route_info.target == "llama"


def test_a_streamed_chat_is_what_llama_answered(
    direct: openai.OpenAI, by_http: openai.OpenAI, by_grpc: Switch
) -> None:
    asked: Any = {"messages": MESSAGES, "stream_options": {"include_usage": True}, **SAME}
    want = list(direct.chat.completions.create(model="tiny", stream=True, extra_body=OWN, **asked))
    http = list(by_http.chat.completions.create(model="tiny", stream=True, extra_body=OWN, **asked))
    grpc = list(
        by_grpc.stream_chat("tiny", MESSAGES, extra=OWN, stream_options={"include_usage": True}, **SAME)
    )

    texts = [c.choices[0].delta.content or "" for c in want if c.choices]
    assert [c.choices[0].delta.content or "" for c in http if c.choices] == texts
    assert [c.choices[0].delta.content for c in grpc if c.choices] == texts
    assert len(texts) > 10, "the answer came in one piece: this is no stream"
    assert [c.choices[0].finish_reason for c in http if c.choices and c.choices[0].finish_reason] == [
        "length"
    ]
    assert http[-1].usage == want[-1].usage is not None
    assert [c.usage.total_tokens for c in grpc if c.HasField("usage")] == [want[-1].usage.total_tokens]


def test_a_stream_adds_up_to_the_answer_without_one(by_grpc: Switch) -> None:
    whole = by_grpc.chat("tiny", MESSAGES, extra=OWN, **SAME)
    folded = by_grpc.stream_chat(
        "tiny", MESSAGES, extra=OWN, stream_options={"include_usage": True}, **SAME
    ).response()
    assert folded.choices[0].message.content == whole.choices[0].message.content
    assert folded.choices[0].finish_reason == whole.choices[0].finish_reason
    assert folded.usage.total_tokens == whole.usage.total_tokens


def test_a_completion_is_what_llama_answered(
    direct: openai.OpenAI, by_http: openai.OpenAI, by_grpc: Switch
) -> None:
    asked: Any = {"prompt": ASK, **SAME}
    want = direct.completions.create(model="tiny", extra_body=OWN, **asked)
    http = by_http.completions.create(model="tiny", extra_body=OWN, **asked)
    grpc = by_grpc.complete("tiny", ASK, extra=OWN, **SAME)

    assert want.usage is not None
    assert http.choices == want.choices
    assert http.usage == want.usage
    assert grpc.choices[0].text == want.choices[0].text
    assert grpc.usage.completion_tokens == want.usage.completion_tokens == SAME["max_tokens"]


def test_a_streamed_completion_is_what_llama_answered(
    direct: openai.OpenAI, by_http: openai.OpenAI, by_grpc: Switch
) -> None:
    asked: Any = {"prompt": ASK, **SAME}
    want = [
        c.choices[0].text
        for c in direct.completions.create(model="tiny", stream=True, extra_body=OWN, **asked)
    ]
    http = list(by_http.completions.create(model="tiny", stream=True, extra_body=OWN, **asked))
    grpc = list(by_grpc.stream_complete("tiny", ASK, extra=OWN, **SAME).text())

    assert [c.choices[0].text for c in http if c.choices] == want
    assert grpc == [text for text in want if text]
    assert len(want) > 10, "the answer came in one piece: this is no stream"


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_embeddings_are_llamas_to_the_last_bit(
    llama_embedding: Llama, by_http: openai.OpenAI, by_grpc: Switch, encoding: Any
) -> None:
    texts = ["hello world", "the quick brown fox"]
    with llama_embedding.client() as client:
        want = client.embeddings.create(model="tiny", input=texts, encoding_format=encoding)
    http = by_http.embeddings.create(model="tiny-embedding", input=texts, encoding_format=encoding)
    grpc = by_grpc.embed("tiny-embedding", texts)

    assert [e.embedding for e in http.data] == [e.embedding for e in want.data]
    assert [e.index for e in http.data] == [0, 1]
    assert http.usage == want.usage
    assert [len(e.vector.values) for e in grpc.data] == [64, 64]
    assert grpc.usage.prompt_tokens == want.usage.prompt_tokens


def test_a_schema_constrains_the_real_model(by_http: openai.OpenAI) -> None:
    """The model is noise; that its answer parses proves that the schema arrived as it was written."""
    schema = {
        "type": "object",
        "properties": {"ok": {"type": "boolean"}, "n": {"type": "integer", "minimum": 3, "maximum": 5}},
        "required": ["ok", "n"],
        "additionalProperties": False,
    }
    answer = by_http.chat.completions.create(
        model="tiny",
        messages=MESSAGES,
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "it", "schema": schema, "strict": True},
        },
        temperature=0,
        seed=7,
        max_tokens=200,
    )
    made = json.loads(answer.choices[0].message.content or "")
    assert made.keys() == {"ok", "n"}
    assert 3 <= made["n"] <= 5


def test_logprobs_are_llamas(direct: openai.OpenAI, by_http: openai.OpenAI) -> None:
    asked: Any = {"messages": MESSAGES, "logprobs": True, "top_logprobs": 3, **SAME}
    want = direct.chat.completions.create(model="tiny", extra_body=OWN, **asked).choices[0].logprobs
    assert want is not None
    assert by_http.chat.completions.create(model="tiny", extra_body=OWN, **asked).choices[0].logprobs == want


def test_a_field_that_only_llama_knows_has_its_effect(
    direct: openai.OpenAI, by_http: openai.OpenAI, by_grpc: Switch
) -> None:
    """With `top_k` 1 even a hot sampler is greedy; without it 24 random tokens would have to agree."""
    greedy = direct.chat.completions.create(model="tiny", messages=MESSAGES, extra_body=OWN, **SAME)  # type: ignore[call-overload]
    hot: Any = {"temperature": 1.9, "max_tokens": SAME["max_tokens"]}
    own = {**OWN, "top_k": 1}
    http = by_http.chat.completions.create(model="tiny", messages=MESSAGES, extra_body=own, **hot)
    grpc = by_grpc.chat("tiny", MESSAGES, extra=own, **hot)
    assert http.choices[0].message.content == greedy.choices[0].message.content
    assert grpc.choices[0].message.content == greedy.choices[0].message.content


def test_what_llama_refuses_is_the_callers_fault(by_http: openai.OpenAI, by_grpc: Switch) -> None:
    """Its window holds 4096 tokens."""
    long: list[Any] = [{"role": "user", "content": "brown " * 6000}]
    with pytest.raises(openai.BadRequestError) as http:
        by_http.chat.completions.create(model="tiny", messages=long)
    with pytest.raises(BadRequest) as grpc:
        by_grpc.chat("tiny", long)
    assert http.value.code == "context_length_exceeded"
    assert grpc.value.reason == "CONTEXT_LENGTH"


def test_our_wrong_key_is_not_the_callers_fault(by_http: openai.OpenAI, by_grpc: Switch) -> None:
    """llama-server says 401 to the gateway; a caller who sees 401 would look at their own key."""
    with pytest.raises(openai.InternalServerError) as http:
        by_http.chat.completions.create(model="wrong-key-http", messages=MESSAGES)
    with pytest.raises(UpstreamError) as grpc:
        by_grpc.chat("wrong-key-grpc", MESSAGES)
    assert http.value.status_code == 502
    assert http.value.code == "upstream_auth_failed"
    assert grpc.value.reason == "UPSTREAM_AUTH"
    assert not isinstance(grpc.value, AuthError)
    assert WRONG_KEY not in f"{http.value}{grpc.value}"


def test_a_callers_wrong_key_is_refused(gateway: Gateway) -> None:
    http = openai.OpenAI(base_url=f"{gateway.http}/v1", api_key="nonsense-key", max_retries=0)
    with http, pytest.raises(openai.AuthenticationError):
        http.chat.completions.create(model="tiny", messages=MESSAGES)
    with Switch(gateway.grpc, api_key="nonsense-key") as grpc, pytest.raises(AuthError):
        grpc.chat("tiny", MESSAGES)


def test_the_routes_are_listed(by_http: openai.OpenAI, by_grpc: Switch) -> None:
    routes = {"tiny", "tiny-embedding", "wrong-key-http", "wrong-key-grpc", "mock"}
    assert {m.id for m in by_http.models.list()} == routes
    assert {m.id for m in by_grpc.models()} == routes


class Meter:
    """Reads what llama-server says of itself."""

    def __init__(self, llama: Llama) -> None:
        self._ask = urllib.request.Request(
            f"{llama.url}/metrics", headers={"Authorization": f"Bearer {UPSTREAM_KEY}"}
        )

    def read(self, name: str) -> float:
        with urllib.request.urlopen(self._ask) as answer:
            lines = answer.read().decode().splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith(f"llamacpp:{name} "))

    def generated_when_idle(self) -> float:
        """Tokens since its start, once nothing is being generated."""
        limit = time.monotonic() + IDLE_AGAIN
        while self.read("requests_processing"):
            assert time.monotonic() < limit, "llama-server is still generating for nobody"
            time.sleep(0.01)
        return self.read("tokens_predicted_total")


LONG: Any = {"messages": MESSAGES, "max_tokens": 3500, "temperature": 0}


def test_a_dropped_http_stream_stops_the_model(llama: Llama, by_http: openai.OpenAI) -> None:
    meter = Meter(llama)
    before = meter.generated_when_idle()
    stream = by_http.chat.completions.create(
        model="tiny", stream=True, extra_body={"ignore_eos": True, **OWN}, **LONG
    )
    next(stream)
    stream.close()
    assert meter.generated_when_idle() - before < LONG["max_tokens"]


def test_a_dropped_grpc_stream_stops_the_model(llama: Llama, by_grpc: Switch) -> None:
    meter = Meter(llama)
    before = meter.generated_when_idle()
    stream = by_grpc.stream_chat("tiny", extra={"ignore_eos": True, **OWN}, **LONG)
    next(stream)
    stream.close()
    assert meter.generated_when_idle() - before < LONG["max_tokens"]
