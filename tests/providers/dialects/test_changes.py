"""Laws of what a dialect changes of a request, and of what a strict route refuses instead."""

import json
from dataclasses import replace
from typing import Any

import pytest

from switch_grpc.faults import Fault, Kind
from switch_grpc.openai_wire import decode_chat_request
from switch_grpc.providers.dialects.base import Binding, Dialect
from switch_grpc.providers.dialects.converse import Converse
from switch_grpc.providers.dialects.gemini import Gemini
from switch_grpc.request import MessageBody
from tests.support.anthropic_dialect import adapted, bound, refused, sent
from tests.support.conformance import WEATHER, call, called, head, outcome, result, user


def bounded(schema: object) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}


STRICT = bound(strict=True)
BLANK = {"stop": "\n"}
FORCED = {"reasoning_effort": "low", "tools": [WEATHER], "tool_choice": "required"}
CUT: dict[str, object] = {"role": "assistant", "content": "1, 2, "}


def hire(schema: object, **more: object) -> dict[str, Any]:
    return {"type": "function", "function": {"name": "hire", "parameters": schema, **more}}


@pytest.mark.parametrize(
    ("messages", "parameters", "param"),
    [
        ((), BLANK, "stop"),
        ((), FORCED, "reasoning_effort"),
        ((user(), CUT), {}, "messages"),
        ((), {"response_format": bounded({"type": "integer", "minimum": 1})}, "response_format"),
        ((), {"tools": [hire({"anyOf": [{"required": []}]})]}, "tools[0].function.parameters"),
        (
            (),
            {"tools": [hire({"properties": {"a": {"type": "string", "maxLength": 1}}}, strict=True)]},
            "tools[0].function.parameters",
        ),
        ((), {"tools": [hire({"type": "object"}, strict=True)]}, "tools[0].function.strict"),
    ],
)
def test_what_must_be_changed_is_said_or_refused_by_a_strict_route(
    messages: tuple[object, ...], parameters: dict[str, Any], param: str
) -> None:
    assert len(adapted(*messages, **parameters)) == 1
    assert refused(*messages, binding=STRICT, **parameters)[0] == param


def test_a_targets_defaults_are_changed_by_a_strict_route_too() -> None:
    """They are for all models of a route: no caller could do anything about them."""
    defaults = {"stop": b'["\\n"]', "reasoning_effort": b'"low"'}
    binding = bound(strict=True, defaults=defaults)
    assert len(adapted(tools=[WEATHER], tool_choice="required", binding=binding)) == 2
    assert refused(binding=binding, **BLANK)[0] == "stop"


@pytest.mark.parametrize(
    "parameters",
    [
        {"stop": ""},
        {"stop": ["", "END"]},
        {"tools": [hire({"type": "object", "properties": {"a": {"type": "string"}}}, strict=True)]},
        {"response_format": bounded({"type": "object", "properties": {}})},
    ],
)
def test_what_loses_nothing_is_no_change(parameters: dict[str, Any]) -> None:
    assert not adapted(binding=STRICT, **parameters)
    assert "" not in sent(**parameters).get("stop_sequences", [])


def test_an_answer_to_go_on_with_keeps_its_other_blocks() -> None:
    parts = [{"type": "text", "text": "One\n"}, {"type": "text", "text": "two\n"}]
    (_, answer) = sent(user(), {"role": "assistant", "content": parts})["messages"]
    assert [block["text"] for block in answer["content"]] == ["One\n", "two"]
    kept = [{"type": "thinking", "thinking": "so", "signature": "s"}]
    (_, answer) = sent(user(), {**CUT, "thinking_blocks": kept})["messages"]
    assert answer["content"] == [*kept, {"type": "text", "text": "1, 2,"}]
    blocks = [{"type": "text", "text": "1, 2, ", "citations": []}]
    (_, answer) = sent(user(), {**CUT, "content_blocks": blocks})["messages"]
    assert answer["content"] == [{**blocks[0], "text": "1, 2,"}]


def test_a_tool_of_a_name_that_it_does_not_know_is_refused_and_its_earlier_calls_are_not() -> None:
    """Anthropic takes letters, digits, _ and -; Google dots as well, and others anything."""
    names = ["clock.now", "n" * 129, "größe"]
    for name in names:
        tool = {"type": "function", "function": {"name": name}}
        assert refused(tools=[WEATHER, tool])[0] == "tools[1].function.name"
    calls = [call(f"call_{n}", name) for n, name in enumerate(names)]
    results = [result(f"call_{n}") for n in range(len(names))]
    used = [block["name"] for block in sent(user(), called(*calls), *results)["messages"][1]["content"]]
    assert used[0].startswith("clock_now_")
    assert len({*used}) == 3
    assert all(len(name) <= 128 and name.isascii() for name in used)
    longest = "n" * 128
    assert (
        sent(user(), called(call("c", longest)), result("c"))["messages"][1]["content"][0]["name"] == longest
    )


BEDROCK = Binding(target="b", provider="bedrock", model="claude-sonnet-4-5", base_url="https://b.example")
GEMINI = Binding(target="g", provider="gemini", model="gemini-3-pro-preview", base_url="https://g.example")


@pytest.mark.parametrize(
    ("dialect", "binding", "taken", "not_taken"),
    [
        (Converse(), BEDROCK, ["n" * 64, "3d"], ["n" * 65, "a.b"]),
        (Gemini(), GEMINI, ["n" * 128, "a.b:c-d"], ["n" * 129, "3d", "-a", "a/b"]),
    ],
)
def test_each_takes_the_names_that_it_knows(
    dialect: Dialect, binding: Binding, taken: list[str], not_taken: list[str]
) -> None:
    def asked(name: str) -> dict[str, Any]:
        tools = [{"type": "function", "function": {"name": name}}]
        request = {"model": "lite", "messages": [user()], "tools": tools}
        return outcome(dialect, request, binding, stream=False)

    assert all("sent" in asked(name) for name in taken)
    assert [asked(name) for name in not_taken] == [{"refused": "tools[0].function.name"}] * len(not_taken)


def test_bedrock_hands_what_is_claudes_alone_to_other_models_as_it_is() -> None:
    """But for an answer's schema, which Bedrock itself compiles."""
    nova = Binding(
        target="b", provider="bedrock", model="nova-pro", base_url="https://b.example", strict=True
    )
    top = {"type": "object", "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}
    request = {"model": "lite", "messages": [user(), CUT], "tools": [hire(top, strict=True)], **BLANK}
    body = outcome(Converse(), request, nova, stream=False)["sent"]
    assert body["messages"][-1]["content"] == [{"text": "1, 2, "}]
    assert body["inferenceConfig"]["stopSequences"] == ["\n"]
    assert body["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"]["json"] == top
    limited = {**request, "response_format": bounded({"type": "integer", "minimum": 1})}
    with pytest.raises(Fault, match="`minimum` in a schema that binds") as caught:
        Converse().encode(
            head(stream=False), MessageBody(decode_chat_request(json.dumps(limited).encode())), nova
        )
    assert (caught.value.kind, caught.value.param) == (Kind.CAPABILITY, "response_format")


def test_gemini_gets_the_first_stops_of_many_and_a_strict_route_refuses() -> None:
    request = {"model": "lite", "messages": [user()], "stop": list("abcdef")}
    told = outcome(Gemini(), request, GEMINI, stream=False)
    assert told["sent"]["generationConfig"]["stopSequences"] == list("abcde")
    assert told["adapted"] == [
        "stop sequences after the first 5 left out: gemini-3-pro-preview takes no more"
    ]
    strict = replace(GEMINI, strict=True)
    assert outcome(Gemini(), request, strict, stream=False) == {"refused": "stop"}
    by_default = replace(strict, defaults={"stop": json.dumps(list("abcdef")).encode()})
    asked = {"model": "lite", "messages": [user()]}
    assert outcome(Gemini(), asked, by_default, stream=False) == told
