"""What Google refuses, the mock refuses, naming the field; what Google took, the mock takes."""

import json
from typing import Any

import pytest

from switch_grpc.mock.answers import Tool, Turn
from switch_grpc.mock.failures import Refused
from switch_grpc.mock.gemini_ask import ask_of, decode, read_generate
from switch_grpc.mock.gemini_shapes import BATCH_EMBED, EMBED, GENERATE
from tests.support.wire_corpus import exchanges, recorded

USER: Any = {"role": "user", "parts": [{"text": "Hello"}]}
CALL: Any = {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]}
RESULT: Any = {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": "x"}}}]}
TOOLS: Any = [{"functionDeclarations": [{"name": "f"}, {"name": "g"}]}]


def read(body: dict[str, Any], model: str = "mock", *, vertex: bool = False) -> Any:
    return read_generate(json.dumps({"contents": [USER], **body}).encode(), model, vertex=vertex)


def generation(**settings: Any) -> dict[str, Any]:
    return {"generationConfig": settings}


def part(**members: Any) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [members]}]}


def calling(tools: Any = TOOLS, **config: Any) -> dict[str, Any]:
    return {"tools": tools, "toolConfig": {"functionCallingConfig": config}}


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"foo": 1}, "", 'Unknown name "foo": Cannot find field.'),
    (generation(maxTokens=1), "generation_config", "Unknown name \"maxTokens\" at 'generation_config'"),
    (part(type="text"), "contents[0].parts[0]", "Unknown name \"type\" at 'contents[0].parts[0]'"),
    (generation(temperature="hot"), "generation_config.temperature", '(TYPE_FLOAT), "hot"'),
    (generation(candidateCount=1.5), "generation_config.candidate_count", "(TYPE_INT32), 1.5"),
    (generation(stopSequences=[1]), "generation_config.stop_sequences[0]", "(TYPE_STRING), 1"),
    (generation(responseModalities=["SMELL"]), "generation_config.response_modalities[0]", '"SMELL"'),
    ({"contents": "Hello"}, "contents[0]", "a JSON object is expected"),
    ({"contents": []}, "contents", "contents is not specified"),
    ({"contents": [{"role": "user", "parts": []}]}, "contents[0].parts", "must not be empty"),
    ({"contents": [{"role": "system", "parts": [{"text": "x"}]}]}, "contents[0].role", "valid role: user"),
    (part(text="x", inlineData={}), "contents[0].parts[0]", "oneof field 'data' is already set by 'text'"),
    (part(thought=True), "contents[0].parts[0].data", "required oneof field 'data'"),
    (part(inlineData={"mimeType": "image/png", "data": "%%"}), "", 'Base64 decoding failed for "%%"'),
    (part(inlineData={"data": "AAAA"}), "contents[0].parts[0].inline_data", "Unsupported MIME type"),
    (part(fileData={"mimeType": "image/png"}), "contents[0].parts[0].file_data.file_uri", "cannot be empty"),
    (part(thoughtSignature="no base64!"), "contents[0].parts[0].thought_signature", "TYPE_BYTES"),
    (part(functionCall={"name": "f"}), "contents[0].parts[0]", "function call turn comes immediately after"),
    ({"contents": [USER, RESULT]}, "", "comes immediately after a function call turn"),
    ({"contents": [USER, CALL, USER]}, "", "number of function response parts is equal"),
    (
        {"systemInstruction": {"parts": [{"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]}},
        "system_instruction.parts",
        "text parts only",
    ),
    (generation(temperature=2.1), "generation_config.temperature", "must be in the range [0, 2]"),
    (generation(topP=-0.1), "generation_config.top_p", "must be in the range [0, 1]"),
    (generation(topK=0), "generation_config.top_k", "must be in the range [1, inf)"),
    (generation(candidateCount=9), "generation_config.candidate_count", "must be in the range [1, 8]"),
    (generation(maxOutputTokens=0), "generation_config.max_output_tokens", "must be in the range [1, inf)"),
    (generation(stopSequences=list("abcdef")), "generation_config.stop_sequences", "at most 5"),
    (generation(logprobs=3), "generation_config.logprobs", "response_logprobs is true"),
    (generation(responseMimeType="text/html"), "generation_config.response_mime_type", "allowed mimetypes"),
    (generation(responseSchema={}), "generation_config.response_schema", "only supported when"),
    (
        generation(responseMimeType="application/json", responseSchema={}, responseJsonSchema={}),
        "generation_config.response_json_schema",
        "Only one of",
    ),
    (
        generation(responseMimeType="application/json", responseSchema={"additionalProperties": False}),
        "generation_config.response_schema",
        'Unknown name "additionalProperties"',
    ),
    (
        generation(thinkingConfig={"thinkingBudget": 1, "thinkingLevel": "LOW"}),
        "generation_config.thinking_config",
        "only set only one of",
    ),
    ({"safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT"}]}, "safety_settings[0]", "threshold"),
    ({"tools": [{"functionDeclarations": [{"name": "no spaces"}]}]}, "", "Invalid function name"),
    ({"tools": [*TOOLS, *TOOLS]}, "tools", "Duplicate function declaration found: f"),
    (calling([], mode="ANY"), "tool_config.function_calling_config", "without function_declarations"),
    (calling(mode="AUTO", allowedFunctionNames=["f"]), "", "should only be set when"),
    (calling(mode="ANY", allowedFunctionNames=["h"]), "", "`h` is not found"),
    (
        {"tools": [{"functionDeclarations": [{"name": "f", "parameters": {}, "parametersJsonSchema": {}}]}]},
        "tools[0].function_declarations[0]",
        "Only one of parameters",
    ),
]


@pytest.mark.parametrize(("body", "field", "words"), REFUSED)
def test_what_google_refuses_is_refused_by_name(body: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(Refused) as refused:
        read(body)
    failure = refused.value.failure
    assert (failure.status, failure.type) == (400, "INVALID_ARGUMENT")
    assert words in failure.message
    assert not field or failure.param == field


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b'"x"', b"\xff", b"[" * 5000, b'{"contents": 1e999}'])
def test_what_is_no_request_is_refused(data: bytes) -> None:
    with pytest.raises(Refused):
        read_generate(data, "mock", vertex=False)


def test_the_two_services_know_different_members() -> None:
    for vertex, body in [(True, {"modelArmorConfig": {}}), (False, {"store": True})]:
        read(body, vertex=vertex)
        with pytest.raises(Refused, match="Cannot find field"):
            read(body, vertex=not vertex)
    nobody = {"contents": [{"parts": [{"text": "Hello"}]}]}
    read(nobody)
    with pytest.raises(Refused, match="valid role"):
        read(nobody, vertex=True)


def test_older_models_take_no_functions_with_json() -> None:
    body = {"tools": TOOLS, **generation(responseMimeType="application/json")}
    read(body, "gemini-3-pro")
    with pytest.raises(Refused, match="is unsupported"):
        read(body, "gemini-2.5-flash")


def test_both_spellings_and_loose_values_mean_the_same() -> None:
    """As Google reads JSON: one value for a list, digits in a string, enums in any case, null as absent."""
    strict = read(generation(maxOutputTokens=5, stopSequences=["x"], thinkingConfig={"thinkingLevel": "LOW"}))
    loose = {
        "contents": {"role": "user", "parts": {"text": "Hello", "inline_data": None}},
        "generation_config": {
            "max_output_tokens": "5",
            "stop_sequences": "x",
            "thinking_config": {"thinking_level": "low"},
        },
    }
    assert read(loose) == strict


def test_a_schema_is_read_as_the_json_schema_that_it_stands_for() -> None:
    schema = {
        "type": "OBJECT",
        "properties": {
            "tags": {"type": "ARRAY", "items": {"type": "string"}, "minItems": "2"},
            "size": {"anyOf": [{"type": "INTEGER"}, {"type": "NULL"}], "nullable": True},
        },
        "required": ["tags"],
    }
    ask, _ = read({"tools": [{"functionDeclarations": [{"name": "f", "parameters": schema}]}]})
    assert ask.tools == (
        Tool(
            name="f",
            schema={
                "type": "object",
                "properties": {
                    "tags": {"type": "array", "items": {"type": "string"}, "minItems": 2},
                    "size": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
                },
                "required": ["tags"],
            },
        ),
    )


def test_turns_are_told_apart_and_thoughts_are_no_speech() -> None:
    model = {"role": "model", "parts": [{"text": "hm", "thought": True}, {"text": "Hi"}, CALL["parts"][0]]}
    other = {
        "role": "user",
        "parts": [{"functionResponse": {"name": "f", "response": {"deg": 5}}}, {"text": "And?"}],
    }
    ask, _ = read({"systemInstruction": {"parts": [{"text": "Be kind."}]}, "contents": [USER, model, other]})
    assert ask.turns == (
        Turn("system", "Be kind."),
        Turn("user", "Hello"),
        Turn("assistant", "Hi"),
        Turn("tool", '{"deg":5}'),
        Turn("user", "And?"),
    )


def test_contents_of_one_role_in_a_row_are_one_turn() -> None:
    ask, _ = read({"contents": [USER, CALL, CALL, RESULT, RESULT]})
    assert [turn.role for turn in ask.turns] == ["user", "assistant", "assistant", "tool", "tool"]


@recorded
def test_every_recorded_request_is_taken() -> None:
    """Google took them all, but for one whose address it could not fetch."""
    count = 0
    for name in ("gemini", "gemini-stream", "gemini-embed"):
        for row in exchanges(f"{name}.jsonl"):
            model, _, method = row["path"].rpartition("/")[2].rpartition(":")
            vertex, data = "aiplatform" in row["host"], row["request"].encode()
            if method in ("batchEmbedContents", "embedContent"):
                decode(data, BATCH_EMBED if method.startswith("batch") else EMBED, vertex)
            else:
                ask_of(decode(data, GENERATE, vertex), model, vertex=vertex)
            count += 1
    assert count == 178
