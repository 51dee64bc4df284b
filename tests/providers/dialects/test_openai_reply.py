"""Laws of whole answers in OpenAI's format."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch_grpc.faults import Fault, Kind
from switch_grpc.providers.dialects.base import UpstreamError, UpstreamFailure
from switch_grpc.request import Operation
from switch_grpc.v1 import chat_pb2
from tests.support.openai_dialect import decode, outcome

ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "m-1",
    "error": None,
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": '{"error": 1}'}, "finish_reason": "stop"}
    ],
}


def test_a_whole_answer() -> None:
    answer = decode(ANSWER)
    assert isinstance(answer, chat_pb2.ChatResponse)
    assert answer.choices[0].message.content == '{"error": 1}'


@pytest.mark.parametrize("content_type", ["", "application/json; charset=utf-8", "application/octet-stream"])
def test_the_body_decides_where_the_content_type_is_merely_odd(content_type: str) -> None:
    assert decode(ANSWER, content_type) == decode(ANSWER)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"<html>please log in</html>", "text/html"),
        (ANSWER, "text/html; charset=utf-8"),
        (b"data: {}\n\n", "text/event-stream"),
        (b"<html>please log in</html>", "application/json"),
        (b"", "application/json"),
        (b"[]", "application/json"),
        (b"{", "application/json"),
        (b"\xff\xfe", "application/json"),
        (b"[" * 100_000, "application/json"),
        ({}, "application/json"),
        ({"choices": []}, "application/json"),
        ({"id": "sync-1", "status": "IN_QUEUE"}, "application/json"),
        ({"choices": "many"}, "application/json"),
    ],
)
@pytest.mark.parametrize("operation", Operation)
def test_a_200_that_is_no_answer_is_a_protocol_fault(
    body: object, content_type: str, operation: Operation
) -> None:
    if body is ANSWER and operation is not Operation.CHAT:
        return
    with pytest.raises(Fault) as caught:
        decode(body, content_type, operation)
    assert caught.value.kind is Kind.UPSTREAM_PROTOCOL


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (
            {"error": {"message": "slow down", "type": "rate_limit_error", "code": None, "param": None}},
            429,
            UpstreamError(type="rate_limit_error", message="slow down"),
        ),
        ({"error": {"message": "boom", "code": 502}}, 502, UpstreamError(code="502", message="boom")),
        ({"error": "boom"}, 500, UpstreamError(message="boom")),
        (
            {"object": "error", "message": "no", "type": "NotFoundError", "code": 404},
            404,
            UpstreamError(type="NotFoundError", code="404", message="no"),
        ),
        (
            {"choices": [{"index": 0, "error": {"code": 503, "message": "gone"}, "finish_reason": "error"}]},
            503,
            UpstreamError(code="503", message="gone"),
        ),
        ([{"error": {"code": 400, "message": "bad"}}], 400, UpstreamError(code="400", message="bad")),
    ],
)
def test_an_error_inside_a_200_is_that_error(body: object, status: int, error: UpstreamError) -> None:
    for operation in Operation:
        with pytest.raises(UpstreamFailure) as caught:
            decode(body, operation=operation)
        assert (caught.value.status, caught.value.error) == (status, error)


@given(
    body=st.one_of(st.binary(max_size=100), st.text(max_size=40).map(str.encode)),
    operation=st.sampled_from(Operation),
)
def test_a_garbage_body_raises_nothing_but_faults(body: bytes, operation: Operation) -> None:
    outcome(lambda: [decode(body, operation=operation)])
