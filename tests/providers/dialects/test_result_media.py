"""Pictures in tools' results at vendors whose results are text."""

import json
from typing import Any

import pytest
from openai.types.chat import ChatCompletionMessageParam
from pydantic import TypeAdapter

from switch_grpc.openai_wire import decode_chat_request
from switch_grpc.providers.dialects.base import Binding
from switch_grpc.providers.vendors import VENDORS, dialect_of
from switch_grpc.request import Head, MessageBody, Operation
from tests.support.conformance import PDF, PNG, call, called, image, result, text, user

CAT = image(f"data:image/png;base64,{PNG}")
PAPER = {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}}
MESSAGES: TypeAdapter[Any] = TypeAdapter(list[ChatCompletionMessageParam])


def sent(provider: str, *messages: dict[str, object]) -> list[dict[str, Any]]:
    row = VENDORS[provider]
    request = decode_chat_request(json.dumps({"model": "lite", "messages": messages}).encode())
    before = request.SerializeToString(deterministic=True)
    binding = Binding(target="a", provider=provider, model="m", base_url="https://x")
    head = Head(operation=Operation.CHAT, route="lite")
    (wire,) = dialect_of(row).encode(head, MessageBody(request), binding)
    assert request.SerializeToString(deterministic=True) == before, "a received message is never changed"
    made: list[dict[str, Any]] = json.loads(wire.body)["messages"]
    return made


@pytest.mark.parametrize("provider", ["openai", "azure", "vllm"])
def test_the_user_shows_them_behind_all_results_of_the_turn(provider: str) -> None:
    """No other message may stand between the results of parallel calls."""
    calls = called(call("a"), call("b", "draw"))
    results = [result("a", [text("Cold."), CAT]), result("b", [CAT, PAPER])]
    made = sent(provider, user(), calls, *results, user("And?"))
    assert made[2:] == [
        {"role": "tool", "tool_call_id": "a", "content": [text("Cold.")]},
        {"role": "tool", "tool_call_id": "b", "content": "It is shown in the next message of the user."},
        user(
            [
                text("From the result of get_weather (a):"),
                CAT,
                text("From the result of draw (b):"),
                CAT,
                PAPER,
            ]
        ),
        user("And?"),
    ]
    MESSAGES.validate_python(made)
    assert sent(provider, user(), calls, *results)[2:] == made[2:-1]


@pytest.mark.parametrize("provider", ["mistral", "custom", "mock"])
def test_they_stay_where_a_result_may_have_them(provider: str) -> None:
    result_of = result("abcdefghi", [text("Cold."), CAT])
    assert sent(provider, user(), called(call("abcdefghi")), result_of)[2] == result_of


def test_results_of_texts_stay() -> None:
    result_of = result("a", [text("Cold."), text("Wet.")])
    assert sent("openai", user(), called(call("a")), result_of)[2:] == [result_of]
