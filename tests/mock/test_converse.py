"""The Bedrock dialect over HTTP: what it refuses and why, its faults, and what boto3 would not send."""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from botocore.eventstream import ChecksumMismatch, EventStreamBuffer
from yarl import URL

from switch_grpc.mock import MockServer

MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1%3A0"
HELLO: dict[str, Any] = {"role": "user", "content": [{"text": "Hello"}]}
SPEC: dict[str, Any] = {"name": "now", "inputSchema": {"json": {"type": "object"}}}
TOOLS: dict[str, Any] = {"tools": [{"toolSpec": SPEC}]}


@pytest.fixture
async def mock() -> AsyncIterator[MockServer]:
    async with MockServer() as server:
        yield server


async def post(
    mock: MockServer, body: Any, *, model: str = MODEL, operation: str = "converse"
) -> tuple[int, Any, Any]:
    """Status, headers and the JSON of an answer, or its bytes."""
    url = f"{mock.url.removesuffix('/v1')}/model/{model}/{operation}"
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with aiohttp.ClientSession() as session, session.post(URL(url, encoded=True), data=data) as answer:
        raw = await answer.read()
        return (
            answer.status,
            answer.headers,
            json.loads(raw) if answer.content_type == "application/json" else raw,
        )


def said(*content: dict[str, Any], role: str = "user") -> dict[str, Any]:
    return {"role": role, "content": list(content)}


def call(id: str = "t-1", input: Any = None) -> dict[str, Any]:
    return {"toolUse": {"toolUseId": id, "name": "now", "input": {} if input is None else input}}


def result(id: str = "t-1", *content: dict[str, Any]) -> dict[str, Any]:
    return {"toolResult": {"toolUseId": id, "content": list(content) or [{"text": "noon"}]}}


def document(name: str = "Report", **more: Any) -> dict[str, Any]:
    source = {"bytes": base64.b64encode(b"%PDF").decode()}
    return {"document": {"format": "pdf", "name": name, "source": source, **more}}


IMAGE = {"image": {"format": "png", "source": {"bytes": "aGk="}}}
THINKING = {"thinking": {"type": "enabled", "budget_tokens": 2048}}


def schema(value: Any) -> dict[str, Any]:
    return {"tools": [{"toolSpec": {"name": "now", "inputSchema": {"json": value}}}]}


REFUSALS: list[tuple[dict[str, Any], str]] = [
    # shape
    ({"messages": HELLO}, "Value at 'messages' failed to satisfy constraint: Member must be an array"),
    ({"messages": [{"role": "user"}]}, "Value null at 'messages.0.content'"),
    ({"messages": [HELLO], "stream": True}, "Member at 'stream'"),
    ({"messages": [{**HELLO, "role": "tool"}]}, "Value 'tool' at 'messages.0.role'"),
    ({"messages": [said({"text": 1})]}, "'messages.0.content.0.text'"),
    ({"messages": [said({"text": "a", **IMAGE})]}, "Exactly one member must be set of"),
    ({"messages": [said({"txt": "a"})]}, "Member at 'messages.0.content.0.txt'"),
    ({"messages": [HELLO], "inferenceConfig": {"temperature": 1.5}}, "less than or equal to 1"),
    ({"messages": [HELLO], "inferenceConfig": {"topP": -1}}, "greater than or equal to 0"),
    ({"messages": [HELLO], "inferenceConfig": {"maxTokens": 0}}, "greater than or equal to 1"),
    ({"messages": [HELLO], "inferenceConfig": {"maxTokens": 1.5}}, "Member must be an integer"),
    ({"messages": [HELLO], "inferenceConfig": {"maxTokens": True}}, "Member must be an integer"),
    ({"messages": [HELLO], "inferenceConfig": {"top_p": 1}}, "Member at 'inferenceConfig.top_p'"),
    ({"messages": [HELLO], "system": "Be brief"}, "'system'"),
    ({"messages": [HELLO], "system": [{"text": ""}]}, "length greater than or equal to 1"),
    ({"messages": [HELLO], "toolConfig": {"tools": []}}, "length greater than or equal to 1"),
    ({"messages": [HELLO], "toolConfig": {**TOOLS, "toolChoice": {"none": {}}}}, "toolChoice.none"),
    ({"messages": [HELLO], "performanceConfig": {"latency": "fast"}}, "enum value set"),
    ({"messages": [HELLO], "requestMetadata": {"a": "ä"}}, "regular expression pattern"),
    ({"messages": [HELLO], "requestMetadata": {}}, "'requestMetadata'"),
    ({"messages": [said({"image": {"format": "png", "source": {"bytes": "?"}}})]}, "Member must be base64"),
    ({"messages": [said({"image": {"format": "png", "source": {"bytes": ""}}})]}, "source.bytes"),
    ({"messages": [said({"image": {"format": "bmp", "source": {"bytes": "aGk="}}})]}, "image.format"),
    ({"messages": [said({"text": "a"}, result("t 1"))]}, "toolUseId"),
    ({"messages": [HELLO], "guardrailConfig": {"streamProcessingMode": "sync"}}, "streamProcessingMode"),
    # turns
    ({}, "must start with a user message"),
    ({"messages": []}, "must start with a user message"),
    ({"messages": [said({"text": "a"}, role="assistant")]}, "must start with a user message"),
    ({"messages": [HELLO, HELLO]}, "must alternate between user and assistant roles"),
    ({"messages": [said()]}, "The content field in the Message object at messages.0 is empty."),
    ({"messages": [said({"text": "\n"})]}, "at messages.0.content.0 is blank"),
    ({"messages": [said({"text": "a"}, {"text": ""})]}, "at messages.0.content.1 is blank"),
    # media
    ({"messages": [said(document())]}, "A text block must be included when using documents."),
    ({"messages": [said({"text": "a"}, document("a.pdf"))]}, "can only contain alphanumeric characters"),
    ({"messages": [said({"text": "a"}, document("a  b"))]}, "more than one consecutive whitespace"),
    ({"messages": [said({"text": "a"}, document(), document())]}, "duplicate document names"),
    (
        {"messages": [said({"text": "a"}, *(document(f"d{k}") for k in range(6)))]},
        "You can't include more than 5 documents in a request.",
    ),
    ({"messages": [said(*[IMAGE] * 21)]}, "more than 20 images"),
    ({"messages": [HELLO, said(IMAGE, role="assistant")]}, "only supported for the user role"),
    ({"messages": [said(call())]}, "only supported for the assistant role"),
    # calls
    ({"messages": [HELLO, said(call(), role="assistant")]}, "The toolConfig field must be defined"),
    ({"messages": [said({"text": "a"}, result())], "toolConfig": TOOLS}, "exceeds the number of toolUse"),
    (
        {"messages": [HELLO, said(call(), role="assistant"), HELLO], "toolConfig": TOOLS},
        "Expected toolResult blocks at messages.2.content for the following Ids: t-1",
    ),
    (
        {"messages": [HELLO, said(call(), role="assistant"), said(result("t-2"))], "toolConfig": TOOLS},
        "for the following Ids: t-1",
    ),
    (
        {"messages": [HELLO, said(call(), call(), role="assistant")], "toolConfig": TOOLS},
        "duplicate Ids",
    ),
    (
        {"messages": [HELLO, said(call(input=[1]), role="assistant")], "toolConfig": TOOLS},
        "The format of the value at messages.1.content.0.toolUse.input is invalid. Provide a json object",
    ),
    (
        {
            "messages": [HELLO, said(call(), role="assistant"), said(result("t-1", {"json": [1]}))],
            "toolConfig": TOOLS,
        },
        "messages.2.content.0.toolResult.content.0.json is invalid",
    ),
    ({"messages": [HELLO], "toolConfig": schema({"type": "string"})}, "must be one of the following: object"),
    ({"messages": [HELLO], "toolConfig": schema("x")}, "must be one of the following: object"),
    (
        {"messages": [HELLO], "toolConfig": {**TOOLS, "toolChoice": {"tool": {"name": "then"}}}},
        "names the tool then",
    ),
    # what is the model's own
    ({"messages": [HELLO], "additionalModelRequestFields": [1]}, "additionalModelRequestFields"),
    ({"messages": [HELLO], "additionalModelResponseFieldPaths": ["stop"]}, "invalid JSON Pointer: stop"),
    (
        {"messages": [HELLO], "additionalModelRequestFields": {"thinking": {"type": "enabled"}}},
        "greater than or equal to 1024",
    ),
    (
        {
            "messages": [HELLO],
            "additionalModelRequestFields": THINKING,
            "inferenceConfig": {"maxTokens": 2048},
        },
        "`max_tokens` must be greater than `thinking.budget_tokens`",
    ),
    (
        {
            "messages": [HELLO],
            "additionalModelRequestFields": THINKING,
            "inferenceConfig": {"temperature": 0},
        },
        "`temperature` may only be set to 1",
    ),
    (
        {
            "messages": [HELLO],
            "additionalModelRequestFields": THINKING,
            "toolConfig": {**TOOLS, "toolChoice": {"any": {}}},
        },
        "Thinking may not be enabled when tool_choice forces tool use",
    ),
    (
        {
            "messages": [HELLO, said(call(), role="assistant"), said(result())],
            "additionalModelRequestFields": THINKING,
            "toolConfig": TOOLS,
        },
        "messages.1.content.0.type: Expected `thinking`",
    ),
]


async def test_what_bedrock_does_not_take_is_a_validation_exception_that_says_why(mock: MockServer):
    for body, told in REFUSALS:
        for operation in ("converse", "converse-stream"):
            if "streamProcessingMode" in told and operation == "converse-stream":
                continue
            status, headers, answer = await post(mock, body, operation=operation)
            assert (status, headers["x-amzn-errortype"]) == (400, "ValidationException"), body
            assert told in answer["message"], body


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[1]", b"[" * 100_000], ids=lambda b: repr(b[:5]))
async def test_a_body_that_is_no_json_object_is_a_validation_exception(mock: MockServer, body: bytes):
    status, headers, _ = await post(mock, body)
    assert (status, headers["x-amzn-errortype"]) == (400, "ValidationException")


async def test_several_errors_are_told_at_once(mock: MockServer):
    body = {"messages": [{"role": "tool"}], "inferenceConfig": {"topP": 2}}
    _, _, answer = await post(mock, body)
    assert answer["message"].startswith("3 validation errors detected: ")


async def test_null_is_as_good_as_absent(mock: MockServer):
    assert (await post(mock, {"messages": [HELLO], "system": None, "toolConfig": None}))[0] == 200


async def test_a_structured_answer_fits_its_schema(mock: MockServer):
    wanted = {
        "type": "object",
        "properties": {"n": {"type": "integer"}},
        "required": ["n"],
        "additionalProperties": False,
    }
    definition = {"schema": json.dumps(wanted), "name": "number"}
    form = {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": definition}}}
    _, _, answer = await post(mock, {"messages": [HELLO], "outputConfig": form})
    text = answer["output"]["message"]["content"][0]["text"]
    assert isinstance(json.loads(text)["n"], int)
    definition["schema"] = "{"
    assert (await post(mock, {"messages": [HELLO], "outputConfig": form}))[0] == 400


async def test_claudes_own_tool_choice_counts_before_converses(mock: MockServer):
    body = {
        "messages": [HELLO],
        "toolConfig": {"tools": [{"toolSpec": {**SPEC, "name": name}} for name in ("now", "then")]},
        "additionalModelRequestFields": {"tool_choice": {"type": "any", "disable_parallel_tool_use": True}},
    }
    _, _, answer = await post(mock, body)
    assert [block["toolUse"]["name"] for block in answer["output"]["message"]["content"]] == ["now"]
    body["additionalModelRequestFields"] = {"tool_choice": {"type": "none"}}
    _, _, answer = await post(mock, body)
    assert answer["stopReason"] == "end_turn"


async def test_the_service_tier_comes_back(mock: MockServer):
    _, _, answer = await post(mock, {"messages": [HELLO], "serviceTier": {"type": "flex"}})
    assert answer["serviceTier"] == {"type": "flex"}


async def test_every_answer_has_a_request_id_of_its_own(mock: MockServer):
    ids = {(await post(mock, {"messages": [HELLO]}))[1]["x-amzn-requestid"] for _ in range(3)}
    assert len(ids) == 3


async def test_equal_requests_have_equal_answers(mock: MockServer):
    first, second = [await post(mock, {"messages": [HELLO]}) for _ in range(2)]
    assert first[2] == second[2]


# -- faults --


def events(raw: bytes) -> list[tuple[str, Any]]:
    buffer = EventStreamBuffer()
    buffer.add_data(raw)
    return [
        (
            message.headers.get(":event-type") or message.headers[":exception-type"],
            json.loads(message.payload),
        )
        for message in buffer
    ]


async def streamed(mock: MockServer, script: str) -> bytes:
    _, headers, raw = await post(
        mock, {"messages": [HELLO]}, model=f"mock%3B{script}", operation="converse-stream"
    )
    assert headers["content-type"] == "application/vnd.amazon.eventstream"
    assert isinstance(raw, bytes)
    return raw


async def test_a_stream_is_padded_as_bedrocks_are(mock: MockServer):
    assert all(payload["p"].startswith("a") for _, payload in events(await streamed(mock, "chunks=5")))


async def test_a_clean_end_in_the_middle_lacks_its_last_events(mock: MockServer):
    kinds = [kind for kind, _ in events(await streamed(mock, "fault=eof;after=2"))]
    assert kinds == ["messageStart", "contentBlockDelta", "contentBlockDelta"]


async def test_without_its_terminal_event_a_stream_still_has_its_usage(mock: MockServer):
    kinds = [kind for kind, _ in events(await streamed(mock, "fault=no-done;chunks=1"))]
    assert kinds == ["messageStart", "contentBlockDelta", "contentBlockStop", "metadata"]


async def test_a_cut_ends_the_connection_in_the_middle(mock: MockServer):
    with pytest.raises(aiohttp.ClientPayloadError):
        await streamed(mock, "fault=cut;after=2")


async def test_one_frame_may_be_of_wrong_json_or_of_a_wrong_checksum(mock: MockServer):
    with pytest.raises(json.JSONDecodeError):
        events(await streamed(mock, "fault=malformed-json"))
    with pytest.raises(ChecksumMismatch):
        events(await streamed(mock, "fault=malformed-sse"))


async def test_a_huge_event_is_a_valid_frame(mock: MockServer):
    raw = await streamed(mock, "fault=huge-line;mib=2")
    lengths = [len(payload["delta"]["text"]) for kind, payload in events(raw) if kind == "contentBlockDelta"]
    assert max(lengths) == 2 * 2**20


async def test_an_exception_ends_a_stream_where_the_script_says(mock: MockServer):
    kinds = [kind for kind, _ in events(await streamed(mock, "fault=error-event;after=1;status=429"))]
    assert kinds == ["messageStart", "contentBlockDelta", "throttlingException"]


async def test_a_script_names_an_exception_to_the_letter(mock: MockServer):
    model = "mock%3Bstatus=429%3Btype=ModelNotReadyException"
    status, headers, _ = await post(mock, {"messages": [HELLO]}, model=model)
    assert (status, headers["x-amzn-errortype"]) == (429, "ModelNotReadyException")


async def test_only_the_first_requests_fail_if_the_script_says_so(mock: MockServer):
    statuses = [
        (await post(mock, {"messages": [HELLO]}, model="mock;status=503;times=2"))[0] for _ in range(3)
    ]
    assert statuses == [503, 503, 200]


async def test_a_script_that_cannot_be_read_is_said_in_bedrocks_form(mock: MockServer):
    status, headers, answer = await post(mock, {"messages": [HELLO]}, model="mock%3Bfautl=cut")
    assert (status, headers["x-amzn-errortype"]) == (400, "ValidationException")
    assert "unknown script key 'fautl'" in answer["message"]


async def test_a_get_where_a_post_belongs_is_refused(mock: MockServer):
    url = f"{mock.url.removesuffix('/v1')}/model/m/converse"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        assert answer.status == 405
